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
from energy.runs.measurement import Measurement
from energy.window.figures import spread

_UNUSUAL_PPM = 500.0
_UNLIKE_REST = 0.05
_WHOLE_SECONDS = 2.0


def against_log(measured: Measurement) -> Iterable[Finding]:
    """Windows that do not begin or end where the log has its inferences, after the fit of the clocks."""
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
    for message, time_s in zip(fit.expected, fit.predicted_s.tolist(), strict=True):
        window = by_window.get(message.window)
        if window is None:
            continue
        apart = (window.start_s if message.kind == "start" else window.stop_s) - time_s
        if abs(apart) > max(ALARM_S[message.kind], abs(worst.get(message.window, (0.0, "", 0))[0])):
            text = f"its {message.kind} is {apart * 1e3:+.0f} ms from where the log has it ({time_s:.3f} s)"
            worst[message.window] = (apart, text, message.line)
    for number, (_, text, line) in worst.items():
        window = by_window[number]
        yield Finding(
            "window.unlike-log", text, number, lines=(line,), time_s=(window.start_s, window.stop_s)
        )
    if abs(fit.ppm) > _UNUSUAL_PPM:
        yield Finding("clock.rate-unusual", f"{fit.ppm:+.0f} ppm")


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
