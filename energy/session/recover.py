"""Finishes what can be finished of an interrupted session, from its folder alone (decision 0042).

The windows that had closed are made again from the recording and judged as a running session judges them.
With all of them the session gets its figures and its official files, else ``session.json`` and the manifest
state how far it came. Nothing is replaced before a copy of it is kept; a second recovery changes nothing.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from energy import __version__
from energy.bench.benchfile import bench_of
from energy.benchmark.inputs import Input
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS, Workload
from energy.errors import BenchError, RecordingError, UsageError
from energy.evidence import manifest
from energy.evidence.documents import RecoveryRecord, SessionRecord, State
from energy.evidence.names import KEPT_FOLDER, MANIFEST_NAME, OFFICIAL_FOLDER, RESULT_NAME, SESSION_NAME
from energy.evidence.parts import finding_records
from energy.evidence.reader import SessionEvidence
from energy.findings import Finding
from energy.printable import printable
from energy.recording.durable import sync_tree
from energy.recording.edgelog import insert_edges
from energy.recording.inside import strange_in, within
from energy.session import kept
from energy.session.claim import refuse_running
from energy.session.closed_trials import ClosedTrials, closed_trials, late_checks
from energy.session.folder import write_whole
from energy.session.outcome import Plan, conclude
from energy.session.recorded import SCHEMA as RECORDING
from energy.session.recover_recording import recover_recording
from energy.session.recovery import Recovery

__all__ = ["Recovery", "recover"]

_ENDED: tuple[State, ...] = ("finished", "recovered")
_MOST_NAMED = 5
_RESUME = "resume it: joulebench measure --resume FOLDER --bench ... --datasets ..."


@dataclass
class _Case:
    """An interrupted session with its folder."""

    path: Path
    record: SessionRecord
    evidence: SessionEvidence
    findings: list[Finding] = field(default_factory=list[Finding])

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Writes a document whole.

        Raises:
            BenchError: ``session.write-failed``.
        """
        try:
            write_whole(self.path / name, document)
        except OSError as error:
            raise _write_failed(self.path, error) from error

    def seal(self, state: State, trials: int) -> None:
        """Writes ``session.json`` with the state and what was found, then the manifest."""
        former = self.record.recovered  # of a recovery that was interrupted itself
        self.record.recovered = RecoveryRecord(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            joulebench=__version__,
            state=former.state if former is not None else self.record.state,
            trials=trials,
            kept=KEPT_FOLDER,
        )
        self.record.state = state
        known = [noted.finding() for noted in self.record.findings]
        self.record.findings += finding_records([found for found in self.findings if found not in known])
        self.write(SESSION_NAME, self.record.model_dump(by_alias=True))
        try:
            sync_tree(self.path)
        except OSError as error:
            raise _write_failed(self.path, error) from error
        self.write(MANIFEST_NAME, manifest.document(self.path))

    def answer(self, done: str, before: State, trials: int, *, valid: bool | None = None) -> Recovery:
        """The outcome for a person."""
        return Recovery(
            self.path,
            self.record.workload,
            self.record.mode,
            before,
            self.record.state,
            trials,
            done,
            valid,
            tuple(self.findings),
        )


def recover(path: Path) -> Recovery:
    """Finishes what can be finished of an interrupted session or recording.

    Args:
        path: Its folder.

    Returns:
        How far it had come, and what it has now.

    Raises:
        UsageError: ``path.missing``, ``recover.no-session``, ``recover.strange``, ``session.running``.
        RecordingError: ``session.damaged`` if its ``session.json`` cannot be read; ``file.*``.
        BenchError: ``session.write-failed``.
    """
    if not path.is_dir():
        raise UsageError("path.missing", f"{path} is no folder", "Name the folder of a session.")
    with within(path):
        evidence = SessionEvidence(path)
        if not evidence.has_session:
            raise UsageError(
                "recover.no-session",
                f"{path} has no {SESSION_NAME}",
                "Name the folder of a session; `joulebench integrate` reads a recording that has none.",
            )
        if strange := list(islice(strange_in(path), _MOST_NAMED)):
            raise UsageError(
                "recover.strange",
                f"{path} holds {', '.join(map(printable, strange))}",
                "Put files in place of links, pipes and devices, or remove them.",
            )
        refuse_running(path)
        if evidence.document.get("schema") == RECORDING:
            return recover_recording(evidence)
        return _recover_session(_Case(path, evidence.record(), evidence))


def _recover_session(case: _Case) -> Recovery:
    record, evidence, before = case.record, case.evidence, case.record.state
    trials = len(record.trials)
    if evidence.has_manifest:
        case.findings += evidence.manifest.findings
        if before in _ENDED or case.findings:
            done = "its files differ from its manifest" if case.findings else "it is finished already"
            return case.answer(f"nothing was done: {done}", before, trials)
        if before == "failed" or record.recovered is not None:
            return case.answer(f"nothing was done: {_how_it_ended(record)}", before, trials)
    if before == "failed":
        kept.keep(case.path)
        case.seal("failed", trials)
        return case.answer(f"its manifest was written; {_how_it_ended(record)}", before, trials)
    if record.mode == "accuracy":
        return _sealed_answers(case)
    workload = WORKLOADS.get(record.workload)
    if workload is None:
        raise RecordingError(
            "session.damaged",
            f"{case.path / SESSION_NAME}: there is no workload {record.workload!r}",
            "Restore the file from where the session was measured.",
        )
    return _recover_trials(case, workload)


def _how_it_ended(record: SessionRecord) -> str:
    if record.error is not None:
        return f"the session ended by itself, with {record.error.get('code', 'an error')}"
    return f"{len(record.trials)} trials had closed, and were noted before"


def _sealed_answers(case: _Case) -> Recovery:
    """An accuracy session: its answers are counted, and it can be resumed."""
    before, count = case.record.state, 0
    if case.evidence.has_answers:
        count = len(case.evidence.answers())
    kept.keep(case.path)
    case.findings.append(Finding("session.unfinished", f"{count} answers had come"))
    case.seal("interrupted", 0)
    return case.answer(f"{count} answers had come; {_RESUME}", before, 0)


def _recover_trials(case: _Case, workload: Workload) -> Recovery:
    record, before = case.record, case.record.state
    noticed = _noticed(case)
    closed = closed_trials(case.path, record, workload)
    kept.keep(case.path)
    record.rejected += closed.dropped
    _take_sound(record, closed)
    _remove_conclusions(case.path)
    count = len(closed.sound)
    if count < WINDOWS:
        case.findings += closed.findings
        lost = f"; {len(closed.dropped)} more lack samples or edges" if closed.dropped else ""
        evidence = f"{count} of {WINDOWS} trials had closed when it ended in state {before!r}{lost}"
        case.findings.append(Finding("session.not-recovered", evidence))
        case.seal("interrupted", count)
        return case.answer(f"{count} of {WINDOWS} trials are valid, too few for figures", before, count)
    insert_edges(case.path, closed.restored)
    findings = [*noticed, *closed.findings, *late_checks(case.path, record, closed)]
    findings.append(Finding("session.recovered", f"it had ended in state {before!r} after {count} trials"))
    own = {finding for trial in closed.sound for finding in trial.findings}
    findings = [finding for finding in dict.fromkeys(findings) if finding not in own]
    outcome = conclude(
        _plan(case, workload),
        record,
        closed.sound,
        findings,
        case,
        str(record.dut.get("name", "")),
        no_official=_no_official(record, closed),
    )
    case.findings = outcome.findings
    case.seal("recovered", count)
    return case.answer(f"its {count} trials give figures", before, count, valid=outcome.valid)


def _no_official(record: SessionRecord, closed: ClosedTrials) -> str | None:
    """Why a recovered session can have no official files; None where it can."""
    if closed.restored:
        return "that format has no place for the bounds of its edges, which were not settled"
    if record.mode == "energy" and any(trial.times_s is None for trial in record.trials):
        return "the version that measured it did not note the times of its trials"
    return None


def _take_sound(record: SessionRecord, closed: ClosedTrials) -> None:
    """Leaves only the trials that are valid still in the record."""
    sound = {trial.number for trial in closed.sound}
    record.trials = [trial for trial in record.trials if trial.number in sound]


def _noticed(case: _Case) -> list[Finding]:
    """What the session had found until it ended.

    Raises:
        RecordingError: ``session.damaged`` if this version does not know a finding.
    """
    findings: list[Finding] = []
    for noted in case.record.findings:
        finding = noted.finding()
        if finding is None:
            raise RecordingError(
                "session.damaged",
                f"{case.path / SESSION_NAME} has a finding that this version does not know: {noted.code!r}",
                "Recover the session with the version of joulebench that measured it.",
            )
        findings.append(finding)
    return findings


def _plan(case: _Case, workload: Workload) -> Plan:
    record = case.record
    inputs = [
        Input(
            trial.input,
            bytes(workload.input_bytes),
            trial.label,
            trial.classes,
            synthetic=record.synthetic_inputs,
        )
        for trial in record.trials
    ]
    bench = bench_of(record.bench, str(case.path / SESSION_NAME))
    mode = "energy" if record.mode == "energy" else "performance"
    return Plan(bench, workload, mode, inputs, record.note, record.performance)


def _remove_conclusions(path: Path) -> None:
    """Removes a result and official files: they are written again, or the trials do not bear them out.

    Raises:
        BenchError: ``session.write-failed``.
    """
    folder = path / OFFICIAL_FOLDER
    try:
        (path / RESULT_NAME).unlink(missing_ok=True)
        if folder.is_dir():
            shutil.rmtree(folder)
    except OSError as error:
        raise _write_failed(path, error) from error


def _write_failed(path: Path, error: OSError) -> BenchError:
    return BenchError(
        "session.write-failed",
        f"{path} cannot be written: {error}",
        "Free disk space, or copy the session to another disk and recover it there.",
    )
