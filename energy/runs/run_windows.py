"""The windows of a run from the best evidence that its files hold: trace, log, results.json, or print."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from operator import attrgetter

from energy.findings import Finding, Severity
from energy.recording.trace import OtherEdges, Trace
from energy.runs.alignment import Alignment, align
from energy.runs.measurement import Measurement, RunWindow, WindowOptions
from energy.runs.run import Run
from energy.signal import Edge
from energy.window.edges import TIMESTAMP_HOLD_S, Marker
from energy.window.edgestream import counted_edges
from energy.window.integrator import Window, integrate_trace
from energy.window.pairing import GivenPairing, Pairing, SequencePairing, TrialPairing, pairing_in_sequence

_LOG_BOUND_S = 0.006
_HEADER_S = 0.0101
"""The windows' places are printed with two decimals, rounded either way."""


def windows_of(
    run: Run,
    options: WindowOptions | None = None,
    *,
    mixed: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Measurement:
    """Finds the windows of an energy or performance run.

    Args:
        run: Its files.
        options: What the user knows better.
        mixed: Whether its log is known to be of another session.
        progress: Called with the number of samples integrated so far.
    """
    answer = Measurement(run, options or WindowOptions(), mixed=mixed)
    if run.trace and run.session is not None:
        _recording(answer, run.trace, progress)
    elif run.trace and run.stops:
        _mlcommons_energy(answer, run.trace, progress)
    elif run.trace:
        _eembc_energy(answer, run.trace, progress)
    elif run.mode == "performance" and run.trials and run.benchmark != "sww":
        answer.windows = [
            RunWindow(
                number,
                _elapsed(trial.elapsed_us, trial.start_us, trial.end_us),
                trial.iterations,
                source="results.json",
            )
            for number, trial in enumerate(run.trials, start=1)
        ]
    elif run.mode == "performance" and run.log and not mixed:
        laps = [inference.laps_us for inference in run.log.inferences]
        counts = dict(enumerate(stated_iterations(run), start=1))
        if all(len(lap) == 2 for lap in laps):
            answer.windows = [
                RunWindow(number, (stop - start) / 1e6, counts.get(number), source="log")
                for number, (start, stop) in enumerate(laps, start=1)
            ]
    if not answer.windows and run.trace is None:
        answer.windows = printed_windows(run)
    return answer


def printed_windows(run: Run) -> list[RunWindow]:
    """The windows that results.txt prints."""
    return [
        RunWindow(
            number,
            window.duration_s.number if window.duration_s else None,
            int(window.iterations.number) if window.iterations and not run.streaming else None,
            window.energy_uj.number * 1e-6 if window.energy_uj else None,
            window.power_w,
        )
        for number, window in enumerate(run.printed.windows if run.printed else [], start=1)
    ]


def _elapsed(elapsed_us: float | None, start_us: float | None, end_us: float | None) -> float | None:
    if start_us is not None and end_us is not None:
        return (end_us - start_us) * 1e-6
    return None if elapsed_us is None else elapsed_us * 1e-6


def stated_iterations(run: Run, *, use_log: bool = True) -> list[int | None]:
    """The number of inferences of each window by session.json, else results.json, the log, results.txt.

    Where one of them lacks a number, that of the next with as many windows is taken.
    """
    if run.session is not None:
        return list(run.session.iterations)
    if run.streaming:
        return []  # its runners write 1 for a recording of minutes
    trials = [_positive(trial.iterations) for trial in run.trials or []]
    logged = run.log.inferences if run.log and use_log else ()
    asked = [_positive(inference.iterations) or _positive(inference.asked) for inference in logged]
    printed = [
        _positive(int(window.iterations.number)) if window.iterations else None
        for window in (run.printed.windows if run.printed else [])
    ]
    stated = [counts for counts in (trials, asked, printed) if counts]
    if not stated:
        return []
    alike = [counts for counts in stated if len(counts) == len(stated[0])]
    return [
        next((count for count in counts if count is not None), None) for counts in zip(*alike, strict=True)
    ]


def _positive(count: int | None) -> int | None:
    return count if count is not None and count > 0 else None


def _recording(answer: Measurement, trace: Trace, progress: Callable[[int], None] | None) -> None:
    """The windows of a recording of ours: those that its session chose, else the edges in sequence."""
    session, leading = answer.run.session, answer.options.leading_edges
    marker = Marker(session.marker) if session is not None else Marker.PULSE
    pairing: Pairing
    if session is not None and session.windows is not None and leading is None:
        pairing = GivenPairing(session.windows)
    else:
        count = len(session.iterations) if session else 0
        before = session.leading_edges if session and leading is None else leading or 0
        pairing = pairing_in_sequence(marker, before, count or None)
    windows, findings = integrate_trace(
        trace, pairing, hold_s=answer.options.hold_s, marker=marker, progress=progress
    )
    answer.edges_s = [edge.position / trace.signal.rate_hz for edge in trace.edges]
    answer.findings += findings
    answer.windows = _as_run_windows(answer, windows)


def _mlcommons_energy(answer: Measurement, trace: Trace, progress: Callable[[int], None] | None) -> None:
    pairing = TrialPairing(answer.run.stops)
    windows, findings = integrate_trace(trace, pairing, hold_s=answer.options.hold_s, progress=progress)
    answer.edges_s = sorted(edge.position / trace.signal.rate_hz for edge in trace.edges)
    answer.findings += findings
    miscounted = {found.window for found in findings if found.code == "edge.count"}
    answer.windows = [
        window for window in _as_run_windows(answer, windows) if window.number not in miscounted
    ]
    answer.broken = any(
        found.severity is Severity.ERROR and found.code.startswith("edge.") for found in findings
    )


def _eembc_energy(answer: Measurement, trace: Trace, progress: Callable[[int], None] | None) -> None:
    run, asked = answer.run, answer.options.leading_edges
    # One edge of the `timestamp` command, then a pair per `infer` (protocols.md 1.5).
    leading = 1 if asked is None else asked
    answer.edges_s = conditioned(trace, answer.options.hold_s)
    inferences = run.log.inferences if run.log and not answer.mixed else ()
    wanted = len(inferences) or (len(run.printed.windows) if run.printed else 0)
    pairing = SequencePairing(leading, wanted or None)
    windows, findings = integrate_trace(trace, pairing, hold_s=answer.options.hold_s, progress=progress)
    counted = [finding for finding in findings if finding.code in ("edge.count", "edge.unpaired")]
    answer.findings += [finding for finding in findings if finding not in counted]
    answer.windows = _as_run_windows(answer, windows)
    if inferences:
        answer.alignment = align(answer.edges_s, inferences)
    right = len(answer.edges_s) == leading + 2 * wanted and not _shifted(answer.alignment)
    if wanted and not right and asked is None:
        counted = _miscounted(answer, trace, wanted, counted)
    elif wanted and not right:
        answer.broken = True  # the edges are paired as the user asked, whatever the log has
    answer.findings += counted


def _shifted(fit: Alignment | None) -> bool:
    """Whether the number of edges is right only because as many are lost as there are too many."""
    if fit is None or not fit.lost:
        return False
    return any(edge is not None and edge != number for number, edge in enumerate(fit.edge_of, start=1))


def conditioned(trace: Trace, hold_s: float = TIMESTAMP_HOLD_S) -> list[float]:
    """The edges of a trace in seconds, ascending, those within the hold time of another left out."""
    rate_hz = trace.signal.rate_hz
    edges = sorted(trace.edges, key=attrgetter("position"))
    return [edge.position / rate_hz for edge in counted_edges(edges, rate_hz, hold_s=hold_s)]


def _miscounted(answer: Measurement, trace: Trace, wanted: int, counted: list[Finding]) -> list[Finding]:
    """Windows and findings where the number of edges is wrong: by the log, which is lost or too many."""
    fit = answer.alignment
    if fit is None or len(fit.expected) != 2 * wanted:
        answer.broken = True
        return counted
    edges = list(trace.edges)
    rate_hz = trace.signal.rate_hz
    true_edges = [
        Edge(float(time_s) * rate_hz, bound=_LOG_BOUND_S * rate_hz, source="log")
        if number is None
        else Edge(answer.edges_s[number] * rate_hz, bound=1.0, source="eembc")
        for time_s, number in zip(fit.predicted_s, fit.edge_of, strict=True)
    ]
    true_windows = _as_run_windows(answer, _integrate(trace, true_edges, SequencePairing(0, wanted)))
    positions = [
        (window.in_trace.opening.position, window.in_trace.closing.position)
        for window in true_windows
        if window.in_trace
    ]
    taken = [
        (window.in_trace.opening.position, window.in_trace.closing.position)
        for window in answer.windows
        if window.in_trace
    ]
    early = not fit.strays and _are_printed(answer.run, true_windows)
    if not fit.lost and (early or taken[: len(positions)] == positions):
        answer.windows = true_windows
        strays = ", ".join(f"{answer.edges_s[number]:.3f} s" for number in fit.strays or range(fit.leading))
        evidence = f"{len(edges)} edges, {1 + 2 * wanted} expected, all windows hold up; at {strays}"
        return [Finding("edge.stray", evidence)]
    answer.broken, answer.runner_windows, answer.windows = True, answer.windows, true_windows
    evidence = f"{len(answer.edges_s)} edges, {1 + 2 * wanted} expected; {_truth(true_windows)}"
    if fit.lost:
        return [
            Finding(
                "edge.lost",
                f"{message.kind} of window {message.window} at "
                f"{fit.at(message.window, message.kind):.3f} s; {evidence}",
                message.window,
                lines=(message.line,),
            )
            for message in fit.lost
        ]
    return [Finding("edge.count", evidence)]


def _are_printed(run: Run, windows: list[RunWindow]) -> bool:
    """Whether results.txt has these windows: then the runner was not misled by edges too many."""
    printed = run.printed.windows if run.printed else []
    return len(printed) == len(windows) and all(
        header.starts_s is not None
        and header.lasts_s is not None
        and other.in_trace is not None
        and abs(header.starts_s.number - other.in_trace.start_s) <= _HEADER_S
        and abs(header.lasts_s.number - other.in_trace.duration_s) <= _HEADER_S
        for header, other in zip(printed, windows, strict=True)
    )


def _truth(windows: list[RunWindow]) -> str:
    """The windows and the median by the log, as text."""
    costs = [window.joule_per_inference for window in windows]
    known = [cost for cost in costs if cost is not None]
    places = ", ".join(
        f"{window.number}: {window.time_s[0]:.3f} to {window.time_s[1]:.3f} s"
        for window in windows
        if window.time_s
    )
    text = f"by the log the windows are {places}"
    return f"{text}, with a median of {statistics.median(known) * 1e6:.3f} µJ/inf" if known else text


def _integrate(trace: Trace, edges: list[Edge], pairing: Pairing) -> list[Window]:
    return integrate_trace(OtherEdges(trace, edges), pairing)[0]


def _as_run_windows(answer: Measurement, windows: list[Window]) -> list[RunWindow]:
    counts = dict(enumerate(stated_iterations(answer.run, use_log=not answer.mixed), start=1))
    session = answer.run.session
    each = session.iterations_each if session is not None else None
    return [
        RunWindow(
            window.number,
            window.duration_s,
            answer.options.iterations or counts.get(window.number) or each,
            window.energies[answer.rule].energy_j,
            window.energies[answer.rule].power_w,
            window,
            "trace",
        )
        for window in windows
    ]
