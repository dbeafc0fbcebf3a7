"""Checks of windows: against the log, against the limits, among themselves."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

from energy.benchmark.limits import (
    FEWEST_ITERATIONS,
    SHORTEST_WINDOW_S,
    SPREAD_ERROR,
    SPREAD_WARNING,
    WINDOWS,
)
from energy.findings import Finding
from energy.runs.alignment import ALARM_S
from energy.runs.checks.monitor import LPM01A_V, voltage_of
from energy.runs.measurement import Measurement
from energy.window.figures import WindowFigures, spread
from energy.window.plausibility import check_samples, no_energy

_UNUSUAL_PPM = 500.0
_UNLIKE_REST = 0.05
_WHOLE_SECONDS = 2.0
_FEWEST_REST = 2
_SHARE = 0.25
"""Part of the time by which an edge seems to be off that a sound window's length may differ all the same."""
_DEARER = 0.005
"""Relative difference of energy per inference between sound windows (mlperf-tiny.md 3)."""


def against_log(measured: Measurement, strange: set[int]) -> Iterable[Finding]:
    """Windows that do not begin or end where the log has its inferences, after the fit of the clocks.

    The host's stamps are the weakest evidence: a host that stalls stamps a line late. Where the window's own
    length and energy per inference are those of the others, only the line is late. If both its lines are off,
    the whole window is at another place, which its length does not show.

    Args:
        measured: The windows.
        strange: Numbers of the windows whose samples show that an edge is wrong.
    """
    fit = measured.alignment
    if measured.broken or measured.run.log is None or measured.mixed or not measured.run.trace:
        return
    if fit is None:
        inferences = measured.run.log.inferences
        if measured.run.runner == "eembc" and len(inferences) > 1 and measured.windows:
            evidence = (
                f"no clock fits {len(measured.edges_s)} edges to the {len(inferences)} inferences of the log"
            )
            yield Finding("window.unlike-log", evidence)
        return
    by_window = {window.number: window.in_trace for window in measured.windows if window.in_trace}
    worst: dict[int, tuple[float, str, int]] = {}
    residuals: dict[int, list[float]] = {}
    for message, time_s in zip(fit.expected, fit.predicted_s.tolist(), strict=True):
        window = by_window.get(message.window)
        if window is None:
            continue
        apart = (window.start_s if message.kind == "start" else window.stop_s) - time_s
        residuals.setdefault(message.window, []).append(abs(apart))
        if abs(apart) > max(ALARM_S[message.kind], abs(worst.get(message.window, (0.0, "", 0))[0])):
            text = f"its {message.kind} is {apart * 1e3:+.0f} ms from where the log has it ({time_s:.3f} s)"
            worst[message.window] = (apart, text, message.line)
    doubtful = {*worst, *strange}
    for number, (apart, text, line) in worst.items():
        window, code = by_window[number], "window.unlike-log"
        alone = sum(other > abs(apart) / 2 for other in residuals[number]) == 1
        if alone and number not in strange and (like := _like_rest(measured, number, abs(apart), doubtful)):
            code, text = "log.late-line", f"{text}; {like}"
        yield Finding(code, text, number, lines=(line,), time_s=(window.start_s, window.stop_s))
    if abs(fit.ppm) > _UNUSUAL_PPM:
        yield Finding("clock.rate-unusual", f"{fit.ppm:+.0f} ppm")


def _like_rest(measured: Measurement, number: int, apart_s: float, doubtful: set[int]) -> str:
    """Evidence that a window's length and energy per inference are those of the others; empty if not.

    An edge that is off by ``apart_s`` changes the length by as much, and the energy by up to that part.
    """
    rest = [other for other in measured.windows if other.number not in doubtful]
    window = next(each for each in measured.windows if each.number == number)
    lengths = [other.duration_s / other.iterations for other in rest if other.duration_s and other.iterations]
    costs = [other.joule_per_inference for other in rest if other.joule_per_inference]
    if len(lengths) < _FEWEST_REST or len(costs) < len(lengths) or len(rest) > len(lengths):
        return ""
    if not window.iterations or not window.duration_s or not window.joule_per_inference:
        return ""
    longer_s = window.duration_s - window.iterations * statistics.median(lengths)
    dearer = window.joule_per_inference / statistics.median(costs) - 1
    if abs(longer_s) > _SHARE * apart_s or abs(dearer) > max(_SHARE * apart_s / window.duration_s, _DEARER):
        return ""
    return (
        f"but its length is {longer_s * 1e3:+.1f} ms and its energy per inference {dearer * 100:+.2f} % from "
        f"those of {len(rest)} other windows"
    )


def within_log(measured: Measurement) -> Iterable[Finding]:
    """MLCommons windows longer than the log, which has whole seconds only, leaves time for."""
    log = measured.run.log
    if log is None or log.runner != "mlcommons" or measured.mixed or measured.broken:
        return
    inferences = log.inferences
    if len(inferences) != len(measured.windows) or len({inference.command_s for inference in inferences}) < 2:
        return  # our own writer stamps every line alike: no evidence of when things were
    for number, (inference, window) in enumerate(zip(inferences, measured.windows, strict=True)):
        later = inferences[number + 1].command_s if number + 1 < len(inferences) else None
        if inference.command_s is None or later is None or window.duration_s is None:
            continue
        left = later - inference.command_s
        if math.isfinite(left) and 0 <= left < window.duration_s - _WHOLE_SECONDS:
            evidence = f"it lasts {window.duration_s:.3f} s; to the next inference the log has {left:.0f} s"
            yield Finding("log.span", evidence, window.number, lines=(inference.line,), time_s=window.time_s)


def limits(measured: Measurement) -> Iterable[Finding]:
    """Ten seconds, ten inferences, five windows (mlperf-tiny.md 1); not for streaming wake word."""
    if measured.run.benchmark == "sww" or measured.mispaired:
        return
    for window in measured.windows:
        if window.tainted and window.duration_s is not None and window.duration_s <= 0:
            continue
        if window.duration_s is not None and window.duration_s < SHORTEST_WINDOW_S:
            yield Finding(
                "window.too-short", f"{window.duration_s:.6g} s", window.number, time_s=window.time_s
            )
        if window.iterations is not None and 0 < window.iterations < FEWEST_ITERATIONS:
            yield Finding("window.few-iterations", f"{window.iterations} inferences", window.number)
    if measured.windows and len(measured.windows) != WINDOWS and not measured.broken:
        yield Finding("session.not-five-windows", f"{len(measured.windows)} windows")


def scatter(measured: Measurement) -> Iterable[Finding]:
    """Spread of energy per inference over the windows, and windows that are unlike the rest."""
    if (
        measured.run.benchmark == "sww"
        or measured.broken
        or any(window.tainted for window in measured.windows)
    ):
        return
    costs = [window.joule_per_inference for window in measured.windows]
    known = [cost for cost in costs if cost is not None]
    over = spread(known) if len(known) == len(costs) else None
    if over and over.relative_deviation is not None:
        evidence = f"{over.relative_deviation * 100:.2f} % over {over.count} windows"
        if over.relative_deviation > SPREAD_ERROR:
            yield Finding("spread.large", evidence)
        elif over.relative_deviation > SPREAD_WARNING:
            yield Finding("spread.raised", evidence)
    yield from _unlike_rest(measured)


def _unlike_rest(measured: Measurement) -> Iterable[Finding]:
    for what, name, unit in (("throughput", "throughput", "inf/s"), ("mean power", "power_w", "W")):
        values = {window.number: getattr(window, name) for window in measured.windows}
        if len(values) < 3 or any(value is None for value in values.values()):
            continue
        middle = statistics.median(values.values())
        for window in measured.windows:
            value = values[window.number]
            if middle > 0 and abs(value / middle - 1) > _UNLIKE_REST:
                evidence = f"{what} is {value:.6g} {unit}, the median of all {middle:.6g} {unit}"
                yield Finding("window.unlike-rest", evidence, window.number, time_s=window.time_s)


def strange_samples(measured: Measurement) -> Iterable[Finding]:
    """Windows whose samples cannot be those of their inferences (``energy.window.plausibility``).

    A recording of ours that is no session of a benchmark may show anything; its windows are not judged. Nor
    are windows that are known to be wrong ones, or that lack samples: both are findings already.
    """
    run, trace = measured.run, measured.run.trace
    if trace is None or measured.broken or (run.session is not None and run.session.workload is None):
        return
    sound = {window.number for window in measured.windows if not window.tainted}
    rows = [row for row in measured.session.windows if row.window.number in sound]
    volts = voltage_of(run) or trace.signal.voltage_v or LPM01A_V[0]
    if run.streaming:  # it rests between its inferences, whose number is not known
        yield from no_energy([WindowFigures(row.window, 1) for row in rows], volts)
        return
    yield from check_samples(
        trace, rows, volts, breaks=[gap.first for gap in trace.gaps if gap.count is None]
    )
