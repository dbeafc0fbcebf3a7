"""Runs an accuracy session: an inference on every input of the validation set, with performance firmware."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from energy import __version__
from energy.bench.assemble import Bench
from energy.bench.prompt import Prompt, no_operator
from energy.benchmark.validation_set import ValidationFile
from energy.benchmark.workloads import Workload
from energy.errors import BenchError, UsageError
from energy.evidence.answers import Answered
from energy.evidence.documents import Attempt, SessionRecord
from energy.instruments import Dut, DutAnswerError, DutError, DutIncompleteError, DutResetError
from energy.runs.mlcommons_accuracy import ScoredInput
from energy.session.accuracy_outcome import AccuracyOutcome, AccuracyPlan, conclude_accuracy
from energy.session.answers import AnswerLog
from energy.session.folder import SessionFolder
from energy.session.lease import lease_bench
from energy.session.observer import NOBODY, Beginning, Observer
from energy.session.prepare import ambient_c, check_dut
from energy.session.resume import former_session, refuse_other_answers
from energy.session.session_log import Progress, SessionLog
from energy.session.transcript_filter import TranscriptFilter
from energy.session.trials import REPEATS

INFERENCE_S = 120.0
"""How long one inference may take, its answer included."""
_SAME = ("name", "profile", "model", "firmware_sha256")
"""Properties of the DUT that must be the same when a session is resumed."""


@dataclass
class _Run(SessionLog):
    """The log of an accuracy session."""

    plan: AccuracyPlan = field(kw_only=True)
    log: AnswerLog = field(kw_only=True)


def run_accuracy(
    plan: AccuracyPlan,
    path: Path,
    progress: Progress,
    prompt: Prompt = no_operator,
    observer: Observer = NOBODY,
) -> AccuracyOutcome:
    """Runs an accuracy session, or resumes one, and writes its folder.

    Args:
        plan: The plan.
        path: The session's folder: made, unless ``plan.resume`` names it.
        progress: Called as the session advances.
        prompt: Asks the person at the bench.
        observer: Sees how the session advances.

    Raises:
        JoulebenchError: If the bench is not as it must be; the folder holds what was done, the
            answers included.
    """
    validation = plan.validation
    digest = validation.digest()
    if plan.resume is not None:
        record = former_session(plan.resume, plan.bench)
        refuse_other_answers(plan.resume, record, validation)
        folder = SessionFolder(path, again=True)
    else:
        folder = SessionFolder(path)
        record = SessionRecord(
            joulebench=__version__,
            virtual=plan.bench.virtual is not None,
            workload=plan.workload.id,
            mode="accuracy",
            state="started",
            begun=datetime.now(UTC).isoformat(timespec="seconds"),
            bench=plan.bench.model_dump(by_alias=True, mode="json"),
            note=plan.note,
            synthetic_inputs=validation.synthetic,
            validation={
                "files": len(validation.files),
                "of": validation.of,
                "full": validation.full,
                "sha256": digest,
            },
        )
    observer.begun(Beginning(path, plan.bench, plan.workload.id, "accuracy", record.virtual))
    run = _Run(folder, record, progress, prompt, observer, plan=plan, log=AnswerLog(path, digest))
    with run.written_to_the_end():
        if plan.resume is not None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            record.resumed.append({"at": now, "answers": len(run.log.answers)})
            record.error = None
            record.bench = plan.bench.model_dump(by_alias=True, mode="json")
            run.save("started")
            folder.forget_the_end()
            folder.note(0.0, f"resumed after {len(run.log.answers)} answers")
        else:
            run.save()
        try:
            rows = _answered(run, _measure)
        finally:
            run.log.close()
        outcome = conclude_accuracy(plan, record, rows, run.findings, folder)
        run.save("finished")
    return outcome


def _answered(run: _Run, measure: Callable[[_Run, Iterator[_Next]], None]) -> list[ScoredInput]:
    """All inputs with their answers; the bench is opened only if some have none yet."""
    rows: list[ScoredInput] = []
    waiting = _inputs(run, rows)
    first = next(waiting, None)
    if first is not None:
        measure(run, _chain(first, waiting))
    return rows


@dataclass(frozen=True, slots=True)
class _Next:
    """An input that has no answer yet."""

    place: int
    file: ValidationFile
    window: int
    data: bytes


def _chain(first: _Next, others: Iterator[_Next]) -> Iterator[_Next]:
    yield first
    yield from others


def _inputs(run: _Run, rows: list[ScoredInput]) -> Iterator[_Next]:
    """The inputs that have no answer yet; each must be answered before the next is taken."""
    answers = run.log.answers
    count = 0
    for place, file in enumerate(run.plan.validation.files):
        windows = file.windows()
        for window, data in enumerate(windows):
            if count == len(answers):
                yield _Next(place, file, window, data)
            answer = answers[count]
            if (answer.file, answer.window) != (file.name, window):
                raise UsageError(
                    "session.resume",
                    f"answer {count + 1} is to window {answer.window} of {answer.file}, "
                    f"not to window {window} of {file.name}",
                    "The file of answers was altered: start a new session.",
                )
            rows.append(
                ScoredInput(
                    file.name,
                    file.label,
                    file.classes,
                    window,
                    len(windows) if file.stride is not None else None,
                    file.window_bytes,
                    file.stride,
                    answer.scores,
                    answer.start_us,
                    answer.stop_us,
                    answer.time_s,
                )
            )
            count += 1


def _measure(run: _Run, waiting: Iterator[_Next]) -> None:
    plan, record = run.plan, run.record
    total = len(plan.validation.files)
    before_s = run.log.answers[-1].time_s if run.log.answers else 0.0
    wire = TranscriptFilter(run.folder.line)
    with lease_bench(plan.bench, plan.workload.id, "performance", wire, run.failed, run.prompt) as lease:
        bench = lease.bench
        lease.on_close(lambda: run.took(bench))
        begun_s = bench.clock.now()
        record.ambient_c = ambient_c(bench, run.prompt)
        lease.power_on()
        run.save("powered")
        former = dict(record.dut)
        try:
            run.findings += check_dut(bench, plan.workload.id, "performance", record.dut)
        except (DutAnswerError, DutIncompleteError) as error:
            if plan.resume is None or isinstance(error, DutResetError):
                raise
            # A host that was killed may have left the beginning of a command with the DUT.
            run.findings += check_dut(bench, plan.workload.id, "performance", record.dut)
        _refuse_another(former, record.dut)
        run.save("measuring")
        for item in waiting:
            run.progress(item.place / total, f"file {item.place + 1} of {total}")
            scores, start_us, stop_us = _answer(run, bench, item)
            time_s = round(before_s + bench.clock.now() - begun_s, 6)
            run.log.add(Answered(item.file.name, item.window, scores, start_us, stop_us, time_s))
        run.folder.check()
    run.progress(1.0, "done")


def _refuse_another(former: dict[str, Any], dut: dict[str, Any]) -> None:
    different = [key for key in _SAME if former and former.get(key) != dut.get(key)]
    if different:
        key = different[0]
        raise BenchError(
            "session.another-dut",
            f"the session began with a DUT whose {key} was {former.get(key)!r}, now it is {dut.get(key)!r}",
            "Resume it with the same board and firmware, or start a new session.",
        )


class _Timed(NamedTuple):
    """An answer with the DUT's times of its inference."""

    scores: tuple[float, ...]
    start_us: int
    stop_us: int


def _answer(run: _Run, bench: Bench, item: _Next) -> _Timed:
    """The DUT's answer to an input; a damaged exchange is repeated from loading on, and noted."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return _once(bench.dut, run.plan.workload, item.data)
        except DutError as error:
            if attempt > REPEATS:
                raise
            cause = {"code": error.code, "evidence": error.message, "remedy": error.hint}
            run.record.rejected.append(
                Attempt(trial=len(run.log.answers) + 1, attempt=attempt, findings=[cause])
            )
            run.save()
            bench.clock.sleep(bench.file.dut.boot_timeout_s if isinstance(error, DutResetError) else 0.0)


def _once(dut: Dut, workload: Workload, data: bytes) -> _Timed:
    dut.load(data)
    answer = dut.infer(1, 0, timeout_s=INFERENCE_S)
    if len(answer.results) != workload.outputs:
        raise DutAnswerError(
            "dut.scores",
            f"{workload.outputs} scores were expected, {list(answer.results)} came",
            "A line was damaged, or the firmware runs another model.",
        )
    if answer.start_us is None or answer.stop_us is None:
        raise DutAnswerError(
            "dut.no-lap",
            "the DUT printed no m-lap-us lines around its inference",
            "The firmware was built for energy mode: flash the one built for performance mode.",
        )
    return _Timed(answer.results, answer.start_us, answer.stop_us)
