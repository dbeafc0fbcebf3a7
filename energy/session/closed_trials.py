"""The trials of an interrupted session, made again from its recording and judged as a session judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy.benchmark.limits import SHORTEST_WINDOW_S
from energy.benchmark.workloads import Workload
from energy.errors import RecordingError
from energy.evidence.documents import Attempt, PilotRecord, SessionRecord, TrialRecord, VoltageRecord
from energy.findings import Finding
from energy.recording.store import Recording
from energy.recording.trace import OtherEdges
from energy.session.beside import throughput_beside
from energy.session.clockcheck import judged_again
from energy.session.trials import Trial
from energy.session.voltage import sampled_voltages_v, voltage_findings
from energy.signal import Edge, EdgeKind, SampleKind
from energy.window.edges import Marker
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.integrator import Window, integrate_trace
from energy.window.pairing import GivenPairing
from energy.window.plausibility import TimedRun, check_lengths, check_samples, timed_run


@dataclass
class ClosedTrials:
    """The trials of an interrupted session.

    Attributes:
        sound: Those that are valid still.
        dropped: Those that are not: their samples or edges were lost with the session's end.
        restored: Edges that are in ``session.json`` and not in the edge log.
        findings: About the recording as a whole.
        recording: The recording; None in performance mode, or where it cannot be read.
    """

    sound: list[Trial] = field(default_factory=list[Trial])
    dropped: list[Attempt] = field(default_factory=list[Attempt])
    restored: list[Edge] = field(default_factory=list[Edge])
    findings: list[Finding] = field(default_factory=list[Finding])
    recording: Recording | None = None


def closed_trials(path: Path, record: SessionRecord, workload: Workload) -> ClosedTrials:
    """Makes the trials again that a session had noted as valid, and judges each.

    Args:
        path: The session's folder.
        record: Its ``session.json``.
        workload: Its workload.
    """
    closed = ClosedTrials()
    windows: dict[int, Window] = {}
    if record.mode == "energy":
        try:
            closed.recording = Recording(path)
        except RecordingError as error:
            closed.findings.append(Finding("session.not-recovered", error.message))
        else:
            windows = _windows(record, closed.recording, closed)
    for place, noted in enumerate(record.trials, start=1):
        trial = _trial(noted, windows.get(place))
        problems = [*trial.findings, *_problems(trial, record, workload, place)]
        trial.findings = problems
        if trial.valid:
            closed.sound.append(trial)
        else:
            reasons = [finding.to_json() for finding in problems]
            closed.dropped.append(Attempt(trial=noted.number, attempt=noted.attempt, findings=reasons))
    return closed


def _problems(trial: Trial, record: SessionRecord, workload: Workload, place: int) -> list[Finding]:
    """Reasons for which a trial is not valid, beyond those that its window has."""
    found: list[Finding] = []
    if record.mode == "energy" and trial.window is None:
        found.append(Finding("edge.count", "its window cannot be made from what is left of its files", place))
    if not trial.duration_s >= SHORTEST_WINDOW_S:
        found.append(Finding("window.too-short", f"{trial.duration_s:.6g} s", place))
    if len(trial.results) != workload.outputs:
        evidence = f"{len(trial.results)} scores are noted, {workload.outputs} were expected"
        found.append(Finding("dut.score-count", evidence, place))
    return found


def _trial(noted: TrialRecord, window: Window | None) -> Trial:
    return Trial(
        noted.number,
        noted.attempt,
        noted.input,
        noted.iterations,
        window,
        noted.duration_s if window is None else window.duration_s,
        noted.start_us,
        tuple(float("nan") if score is None else score for score in noted.results),
        noted.times_s or (0.0, 0.0, 0.0),
        noted.lines_s,
        list(window.findings) if window else [],
    )


def _windows(record: SessionRecord, recording: Recording, closed: ClosedTrials) -> dict[int, Window]:
    """The windows of the noted trials by place, from 1."""
    marker = _marker(record)
    _take_settled(record, recording.edges)
    chosen = [
        (trial.opening, trial.closing)
        for trial in record.trials
        if trial.opening is not None and trial.closing is not None
    ]
    if len(chosen) != len(record.trials):
        return {}
    closed.restored = _restored(record, recording.edges, marker)
    if closed.restored:
        evidence = f"{len(closed.restored)} edges of {len(chosen)} trials"
        closed.findings.append(Finding("session.edges-restored", evidence))
    trace = OtherEdges(recording, [*recording.edges, *closed.restored])
    hold_s = float(record.bench.get("timestamp_hold_us", 50.0)) * 1e-6
    windows, findings = integrate_trace(trace, GivenPairing(chosen), hold_s=hold_s, marker=marker)
    closed.findings += [found for found in findings if found.window is None]
    return {window.number: window for window in windows}


def _marker(record: SessionRecord) -> Marker:
    return Marker(record.bench["dut"].get("marker", "pulse"))


def _take_settled(record: SessionRecord, edges: Sequence[Edge]) -> None:
    """Takes the places that edges got at the session's end, where it was killed before it noted them.

    An edge of a trial is the only one in the log within the bounds of both.
    """
    for trial in record.trials:
        if trial.edge_bounds is None or trial.opening is None or trial.closing is None:
            continue
        found = [
            [edge for edge in edges if abs(edge.position - position) <= bound + edge.bound]
            for position, bound in zip((trial.opening, trial.closing), trial.edge_bounds, strict=True)
        ]
        if all(len(near) == 1 for near in found):
            (opening,), (closing,) = found
            trial.opening, trial.closing = opening.position, closing.position
            trial.edge_bounds = opening.bound, closing.bound


def _restored(record: SessionRecord, edges: Sequence[Edge], marker: Marker) -> list[Edge]:
    """The edges of trials that the edge log does not have, where ``session.json`` states their bounds."""
    known = {edge.position for edge in edges}
    return [
        Edge(position, bound=bound, kind=kind, source="session")
        for trial in record.trials
        if trial.edge_bounds is not None
        for position, bound, kind in _ends(trial, trial.edge_bounds, marker)
        if position not in known
    ]


def _ends(
    trial: TrialRecord, bounds: tuple[float, float], marker: Marker
) -> list[tuple[float, float, EdgeKind]]:
    if trial.opening is None or trial.closing is None:
        return []
    return [(trial.opening, bounds[0], marker.opens), (trial.closing, bounds[1], marker.closes)]


def late_checks(path: Path, record: SessionRecord, closed: ClosedTrials) -> list[Finding]:
    """The checks that a session makes when its trials are done, as far as its files allow them.

    Args:
        path: The session's folder.
        record: Its record; ``voltage`` is set.
        closed: Its trials.
    """
    recording = closed.recording
    if recording is None:
        return []
    rows = [WindowFigures(trial.window, trial.iterations) for trial in closed.sound if trial.window]
    windows = [row.window for row in rows]
    stated_v = float(record.bench["dut"]["voltage_v"])
    breaks = [gap.first for gap in recording.gaps if gap.count is None]
    found = check_samples(recording, rows, stated_v, _zero_offset_a(record), breaks)
    if recording.signal.kind is SampleKind.CURRENT_VOLTAGE:
        measured_v = sampled_voltages_v(recording, windows)
        record.voltage = VoltageRecord(source="samples", stated_v=stated_v, measured_v=measured_v)
    elif record.voltage is None:
        record.voltage = VoltageRecord(source="assumed", stated_v=stated_v, measured_v=[])
    found += voltage_findings(record.voltage)
    found += judged_again(record.clocks, record.monitor.model if record.monitor else "monitor")
    found += _beside(path, record, rows)
    bound_s = record.edges.get("length_bound_s")
    trials = [
        timed_run(trial.window, trial.iterations, trial.lines_s, bound_s)
        for trial in closed.sound
        if trial.window
    ]
    rate_hz = recording.signal.rate_hz
    return found + check_lengths([_pilot(pilot, rate_hz, bound_s) for pilot in record.pilots], trials)


def _beside(path: Path, record: SessionRecord, rows: list[WindowFigures]) -> list[Finding]:
    """The comparison with the performance session beside it; its name may come from anybody."""
    name = record.performance
    if name is None or Path(name).name != name:
        return []
    ips = SessionFigures(tuple(rows)).inferences_per_second()
    return list(throughput_beside(ips.median if ips else None, path.parent / name))


def _pilot(pilot: PilotRecord, rate_hz: float, bound_s: float | None) -> TimedRun:
    if bound_s is None:
        bound_s = (sum(pilot.edge_bounds or (0.5, 0.5)) + 1.0) / rate_hz
    return TimedRun(pilot.iterations, pilot.duration_s, bound_s, pilot.lines_s, None)


def _zero_offset_a(record: SessionRecord) -> float:
    """Largest error of a current of zero by the monitor's specification, as the session noted it."""
    lines: list[dict[str, Any]] = record.monitor.accuracy if record.monitor else []
    currents = [line for line in lines if line.get("quantity") == "current"]
    lowest = min(currents, key=lambda line: float(line.get("full_scale", 0.0)), default=None)
    return float(lowest.get("offset", 0.0)) if lowest else 0.0
