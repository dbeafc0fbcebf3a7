"""The part of a recording that a figure shows: all, a range of time, a window, an edge, an inference."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from energy.characterize.single import single_inferences
from energy.errors import UsageError
from energy.recording.trace import Trace
from energy.runs.measurement import Measurement
from energy.window.integrator import Window

AROUND = 40
"""Samples on each side of an enlarged edge, or four times what its position is known to if that is more."""
_MARGIN = 0.08
"""Part of a window, or of an inference, that is shown before and after it."""
_ZOOM = re.compile(r"(edge|opening|closing|window|inference):([0-9]{1,9})")
_HINT = "Give edge:N or opening:N, closing:N, window:N (the number of a window), or inference:K."
_NEAR_ZERO = 1e-3
"""A view shorter than this part of its beginning counts time from there, for short numbers on its axis."""


@dataclass(frozen=True)
class View:
    """A part of a recording.

    Attributes:
        first: Position of its first sample.
        stop: Position after its last sample.
        zero: Position at which the figure's time is 0.
        time: Label of the time axis, without unit.
        title: What it is, or an empty text for the whole recording.
    """

    first: int
    stop: int
    zero: float
    time: str
    title: str = ""


def whole(trace: Trace) -> View:
    """All of a recording."""
    return View(trace.first, max(trace.stop, trace.first + 1), 0.0, "time on the monitor's clock")


def around_edge(
    trace: Trace, window: Window, *, closing: bool = False, around_s: float | None = None
) -> View:
    """The samples around an edge of a window.

    Args:
        trace: The recording.
        window: The window.
        closing: Whether its closing edge is meant.
        around_s: Time on each side; None for ``AROUND`` samples.
    """
    edge = window.closing if closing else window.opening
    rate = trace.signal.rate_hz
    reach = max(AROUND, math.ceil(edge.bound) * 4) if around_s is None else max(around_s * rate, 2)
    name = "closing" if closing else "opening"
    return _clipped(
        trace, edge.position - reach, edge.position + reach, edge.position, f"time from the {name} edge",
        f"{'end' if closing else 'start'} of window {window.number}",
    )  # fmt: skip


def between(trace: Trace, start_s: float | None, stop_s: float | None) -> View:
    """A range of time on the monitor's clock.

    Raises:
        UsageError: ``usage.span`` if it is none, or holds no sample of the recording.
    """
    rate, offset = trace.signal.rate_hz, trace.signal.coverage_offset
    begins_s, ends_s = (trace.first + offset) / rate, (trace.stop + offset) / rate
    start_s = begins_s if start_s is None else start_s
    stop_s = ends_s if stop_s is None else stop_s
    text = f"{start_s:g} s to {stop_s:g} s"
    if not start_s < stop_s:
        raise UsageError("usage.span", f"{text} is no span of time", "Start before stop.")
    if not (start_s < ends_s and stop_s > begins_s):
        hint = f"The recording goes from {begins_s:.6g} s to {ends_s:.6g} s."
        raise UsageError("usage.span", f"{text} holds no sample of the recording", hint)
    far = stop_s - start_s < abs(start_s) * _NEAR_ZERO
    label = f"time from {start_s:.9g} s" if far else "time on the monitor's clock"
    return _clipped(trace, start_s * rate, stop_s * rate, start_s * rate if far else 0.0, label, text)


def zoomed(measured: Measurement, zoom: str, *, window: int = 1, around_s: float | None = None) -> View:
    """The part that a text names: ``edge:1``, ``opening:1``, ``closing:1``, ``window:1``, ``inference:1``.

    Args:
        measured: The recording with its windows.
        zoom: The text. Its number is that of a window, or of an inference in a window.
        window: The window of an inference.
        around_s: Time on each side of an edge.

    Raises:
        UsageError: ``usage.zoom`` if it is none of these; ``usage.window``, ``usage.inference`` if the
            recording has no such window or inference.
    """
    found = _ZOOM.fullmatch(zoom.strip())
    if found is None:
        raise UsageError("usage.zoom", f"{zoom!r} names no part of a recording", _HINT)
    kind, number = found[1], int(found[2])
    trace = measured.run.samples
    if kind == "inference":
        return _inference(trace, window_of(measured, window), number)
    meant = window_of(measured, number)
    if kind == "window":
        opening, closing = meant.opening.position, meant.closing.position
        margin = (closing - opening) * _MARGIN
        return _clipped(trace, opening - margin, closing + margin, opening, "time from the opening edge",
                        f"window {number}")  # fmt: skip
    return around_edge(trace, meant, closing=kind == "closing", around_s=around_s)


def window_of(measured: Measurement, number: int) -> Window:
    """A window by its number.

    Raises:
        UsageError: ``usage.window``.
    """
    windows: Sequence[Window] = [figures.window for figures in measured.session.windows]
    for window in windows:
        if window.number == number:
            return window
    numbers = f"windows {windows[0].number} to {windows[-1].number}" if windows else "no window"
    text = f"there is no window {number}: the recording has {numbers}"
    raise UsageError("usage.window", text, "`joulebench integrate` lists its windows.")


def _inference(trace: Trace, window: Window, number: int) -> View:
    found = single_inferences(trace, window)
    if found.count is None or found.period_s is None:
        text = f"window {window.number}: {found.text()}"
        raise UsageError("usage.inference", text, "Enlarge an edge or a range of time (--from, --to).")
    if not 1 <= number <= found.count:
        text = f"window {window.number} has inferences 1 to {found.count}, not {number}"
        raise UsageError("usage.inference", text, "Give another number, or another --window.")
    period = found.period_s * trace.signal.rate_hz
    begin = window.closing.position - (found.count - number + 1) * period
    margin = period * _MARGIN
    title = f"inference {number} of {found.count} in window {window.number}, found in the signal"
    return _clipped(
        trace, begin - margin, begin + period + margin, begin, f"time in inference {number}", title
    )


def _clipped(trace: Trace, start: float, stop: float, zero: float, time: str, title: str) -> View:
    """The samples between two positions that the recording has; at least one."""
    offset = trace.signal.coverage_offset
    first = min(max(math.floor(start - offset), trace.first), trace.stop - 1)
    return View(first, max(min(math.ceil(stop - offset), trace.stop), first + 1), zero, time, title)
