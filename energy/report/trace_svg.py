"""Draws a trace with its windows as SVG, small enough for many drawings on a page.

Only numbers go into it, so no text from a file can become markup.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy.recording.trace import Trace
from energy.report.envelope import Envelope, envelope
from energy.report.units import prefixed, scale_for

COLUMNS = 440
"""Columns of an envelope: about one for every two pixels."""
_WIDTH, _HEIGHT = 960, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 16, 46
_LANE = 10
"""Height of the lane below the power, which shows the windows given by the log."""


@dataclass(frozen=True, slots=True)
class Span:
    """A window in a picture.

    Attributes:
        number: Its number, from 1.
        start_s: Its beginning on the monitor's clock.
        stop_s: Its end on the monitor's clock.
        flawed: Whether it has an error.
        log_start_s: Its beginning as the log gives it, or None.
        log_stop_s: Its end as the log gives it, or None.
    """

    number: int
    start_s: float
    stop_s: float
    flawed: bool = False
    log_start_s: float | None = None
    log_stop_s: float | None = None


def trace_svg(
    trace: Trace, spans: Sequence[Span], edges_s: Sequence[float], *, of: tuple[float, float] | None = None
) -> str | None:
    """Draws power over time.

    Args:
        trace: The samples.
        spans: Windows to shade.
        edges_s: Every edge of the DUT, in seconds.
        of: Start and end of the drawn part, in seconds; None for all.

    Returns:
        An ``svg`` element; None if there is no finite sample to draw.
    """
    rate = trace.signal.rate_hz
    first, stop = trace.first, trace.stop
    if of is not None:
        first = max(first, math.floor(of[0] * rate))
        stop = min(stop, math.ceil(of[1] * rate))
    if stop <= first:
        return None
    shape = envelope(trace, first, stop, COLUMNS)
    if not np.isfinite(shape.mean_w).any():
        return None
    return _Drawing(shape, first / rate, stop / rate).draw(spans, edges_s)


class _Drawing:
    """A picture: its scales, and the methods that draw its parts."""

    def __init__(self, shape: Envelope, start_s: float, stop_s: float) -> None:
        self._shape = shape
        self._start_s, self._stop_s = start_s, stop_s
        self._high_w = float(np.nanmax(np.where(np.isfinite(shape.high_w), shape.high_w, np.nan)))
        low_w = float(np.nanmin(np.where(np.isfinite(shape.low_w), shape.low_w, np.nan)))
        self._low_w = min(low_w, 0.0)
        if not self._high_w > self._low_w:
            self._high_w = self._low_w + 1e-9

    def draw(self, spans: Sequence[Span], edges_s: Sequence[float]) -> str:
        """The element."""
        parts = [*self._windows(spans), *self._power(), *self._axes(), *self._edges(edges_s)]
        label = f"Power over time from {self._start_s:.3f} s to {self._stop_s:.3f} s, {len(spans)} windows"
        return (
            f'<svg class="trace" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
            + "".join(parts)
            + "</svg>"
        )

    def _x(self, time_s: float) -> float:
        share = (time_s - self._start_s) / (self._stop_s - self._start_s)
        return _LEFT + min(max(share, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT)

    def _y(self, power_w: float) -> float:
        share = (power_w - self._low_w) / (self._high_w - self._low_w)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def _windows(self, spans: Sequence[Span]) -> list[str]:
        parts: list[str] = []
        floor = _HEIGHT - _BOTTOM
        for span in spans:
            if span.stop_s < self._start_s or span.start_s > self._stop_s:
                continue
            left, right = self._x(span.start_s), self._x(span.stop_s)
            kind = "window flawed" if span.flawed else "window"
            parts.append(
                f'<rect class="{kind}" x="{left:.1f}" y="{_TOP}" width="{max(right - left, 1):.1f}" '
                f'height="{floor - _TOP}"/>'
                f'<text class="number" x="{(left + right) / 2:.1f}" y="{_TOP - 4}">{span.number}</text>'
            )
            if span.log_start_s is not None and span.log_stop_s is not None:
                left, right = self._x(span.log_start_s), self._x(span.log_stop_s)
                parts.append(
                    f'<rect class="log" x="{left:.1f}" y="{floor + 3}" width="{max(right - left, 1):.1f}" '
                    f'height="{_LANE - 4}"/>'
                )
        return parts

    def _power(self) -> list[str]:
        """Area from lowest to highest power and the line of the mean, broken where samples are missing."""
        parts: list[str] = []
        shape = self._shape
        there = np.isfinite(shape.low_w) & np.isfinite(shape.high_w) & np.isfinite(shape.mean_w)
        for run in _runs(there):
            times = shape.time_s[run].tolist()
            high = [
                f"{self._x(t):.1f} {self._y(w):.1f}" for t, w in zip(times, shape.high_w[run], strict=True)
            ]
            low = [f"{self._x(t):.1f} {self._y(w):.1f}" for t, w in zip(times, shape.low_w[run], strict=True)]
            mean = [
                f"{self._x(t):.1f} {self._y(w):.1f}" for t, w in zip(times, shape.mean_w[run], strict=True)
            ]
            parts.append(f'<path class="band" d="M{"L".join([*high, *reversed(low)])}Z"/>')
            parts.append(f'<path class="mean" d="M{"L".join(mean)}"/>')
        return parts

    def _edges(self, edges_s: Sequence[float]) -> list[str]:
        top = _HEIGHT - _BOTTOM - 5
        inside = [time for time in edges_s if self._start_s <= time <= self._stop_s]
        return [
            f'<path class="edge" d="M{self._x(time):.1f} {top}v10"><title>edge at {time:.6g} s</title></path>'
            for time in inside[:200]
        ]

    def _axes(self) -> list[str]:
        floor = _HEIGHT - _BOTTOM
        power = scale_for(self._high_w)
        parts = [f'<path class="axis" d="M{_LEFT} {_TOP}V{floor}H{_WIDTH - _RIGHT}"/>']
        for value in _ticks(self._low_w, self._high_w, 3):
            y = self._y(value)
            parts.append(
                f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
                f'<text class="y" x="{_LEFT - 6}" y="{y + 4:.1f}">{value / 10.0**power:g}</text>'
            )
        for value in _ticks(self._start_s, self._stop_s, 8):
            x = self._x(value)
            parts.append(
                f'<path class="axis" d="M{x:.1f} {floor + _LANE}v4"/>'
                f'<text class="x" x="{x:.1f}" y="{floor + _LANE + 17}">{value:.6g}</text>'
            )
        middle = (_TOP + floor) / 2
        parts.append(
            f'<text class="x" x="{_WIDTH / 2}" y="{_HEIGHT - 3}">seconds on the monitor\'s clock</text>'
            f'<text class="unit" transform="translate(14 {middle}) rotate(-90)">{prefixed(power, "W")}</text>'
        )
        return parts


def _runs(there: npt.NDArray[np.bool_]) -> list[slice]:
    """The runs of consecutive true values."""
    padded = np.concatenate(([False], there, [False]))
    bounds = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return [slice(start, stop) for start, stop in zip(bounds[::2], bounds[1::2], strict=True)]


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two values, about ``most`` of them."""
    rough = (high - low) / most
    if not (math.isfinite(rough) and rough > 0):
        return []
    base = 10.0 ** math.floor(math.log10(rough))
    step = next((base * factor for factor in (1, 2, 2.5, 5, 10) if base * factor >= rough), base * 10)
    first = math.ceil(low / step)
    return [number * step for number in range(first, first + most + 2) if number * step <= high]
