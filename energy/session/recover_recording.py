"""Finishes an interrupted recording (``joulebench record``): its windows and figures, from its folder."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from energy.bench.benchfile import bench_of
from energy.errors import RecordingError
from energy.evidence.calibration import Calibration
from energy.evidence.names import SESSION_NAME
from energy.evidence.reader import SessionEvidence
from energy.findings import Finding
from energy.recording.store import Recording
from energy.runs.measured import load, measure_run
from energy.session import kept
from energy.session.folder import SessionFolder
from energy.session.recorded import ChosenWindow, RecordLog, RecordPlan
from energy.session.recovery import Recovery
from energy.window.figures import WindowFigures
from energy.window.plausibility import check_samples, mean_power_w

_ENDED = ("finished", "failed", "recovered", "interrupted")


def recover_recording(evidence: SessionEvidence) -> Recovery:
    """Finishes what can be finished of a recording.

    Args:
        evidence: Its folder.

    Raises:
        RecordingError: ``session.damaged``, ``recording.*``, ``file.*``.
        BenchError: ``session.write-failed``.
    """
    path, session = evidence.folder, evidence.session
    before = session.state or "unknown"
    if evidence.has_manifest and before in _ENDED:
        found = evidence.manifest.findings
        done = "its files differ from its manifest" if found else "it is finished already"
        return _answer(path, before, before, 0, f"nothing was done: {done}", found)
    document = dict(evidence.document)
    try:
        measured, recording = measure_run(load(path)), Recording(path)
    except RecordingError as error:
        return _without_samples(path, document, before, error)
    plan = _plan(evidence, document)
    kept.keep(path)
    log = RecordLog(plan, path, former=document)
    log.calibration = _calibration(path, document)
    result = log.result
    result.virtual = result.virtual or recording.virtual
    result.windows = list(measured.session.windows)
    result.pauses_w = _pauses_w(recording, result.windows)
    result.ended = "killed" if before == "started" else str(document.get("ended", before))
    result.findings = list(dict.fromkeys(measured.findings))
    breaks = [gap.first for gap in recording.gaps if gap.count is None]
    result.findings += check_samples(recording, result.windows, plan.bench.dut.voltage_v, breaks=breaks)
    result.findings.append(Finding("session.recovered", f"it had ended in state {before!r}"))
    document["state"] = "failed" if before == "failed" else "recovered"
    log.conclude()
    count = len(result.windows)
    done = f"its {count} windows give figures" if count else "no window had closed"
    return _answer(path, before, str(document["state"]), count, done, result.findings)


def _without_samples(path: Path, document: dict[str, Any], before: str, error: RecordingError) -> Recovery:
    """Seals a recording whose samples had not come yet, or cannot be read.

    Raises:
        BenchError: ``session.write-failed``.
    """
    finding = Finding("session.not-recovered", error.message)
    kept.keep(path)
    document |= {"state": "interrupted", "findings": [finding.to_json()]}
    folder = SessionFolder(path, again=True)
    folder.write(SESSION_NAME, document)
    folder.close()
    return _answer(path, before, "interrupted", 0, "it has no samples that can be read", [finding])


def _answer(
    path: Path, before: str, state: str, windows: int, done: str, findings: list[Finding]
) -> Recovery:
    return Recovery(path, None, "record", before, state, windows, done, None, tuple(findings))


def _plan(evidence: SessionEvidence, document: dict[str, Any]) -> RecordPlan:
    """The plan of the recording, as far as its document has it."""
    session, windows = evidence.session, evidence.windows()
    chosen = (
        [
            ChosenWindow(opening, closing, count)
            for (opening, closing), count in zip(windows.windows, windows.iterations, strict=True)
        ]
        if windows.windows
        else []
    )  # its edges are paired in sequence; the counts may be there already
    return RecordPlan(
        bench_of(document.get("bench", {}), str(evidence.folder / SESSION_NAME)),
        iterations=session.iterations_each,
        leading=session.leading_edges,
        chosen=tuple(chosen),
    )


def _calibration(path: Path, document: dict[str, Any]) -> Calibration | None:
    noted = document.get("calibration")
    if noted is None:
        return None
    try:
        return Calibration.model_validate(noted)
    except ValidationError as error:
        raise RecordingError(
            "session.damaged",
            f"{path / SESSION_NAME}: its certificate is damaged: {error.error_count()} members are wrong",
            "Restore the file from where the session was measured.",
        ) from error


def _pauses_w(recording: Recording, windows: list[WindowFigures]) -> list[float]:
    """Mean power between one window and the next, where all its samples are there."""
    powers = [
        mean_power_w(recording, last.window.closing.position, following.window.opening.position)
        for last, following in pairwise(windows)
    ]
    return [power_w for power_w in powers if math.isfinite(power_w)]
