"""A recording in a page: its power in levels of ever more columns, and every sample at the windows' edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.recording.export import power_w
from energy.recording.trace import Trace
from energy.report.envelope import envelope

EDGE_S = 10e-3
"""The part of a window at each of its ends of which a page holds every sample."""
_BEFORE_S = 1e-3
"""What is shown beside it, outside the window."""
_FEWEST = 60
"""Samples on each side of an edge that are held even if they are longer than that."""
_COLUMNS = (2048, 8192, 32768, 131072)
_WHOLE = 131072
"""Samples of a recording that is held whole."""
_DRAWN = 6000
"""Samples that are drawn whole without columns beside them."""
_MEANS = 32768
"""Columns of the finest level with a mean: 10 million samples take 2.1 MB as base64, edges another 0.6 MB."""
MOST_SAMPLES = 300_000
"""Samples held whole, at most: 1.6 MB as base64."""


@dataclass(frozen=True)
class Level:
    """Power in columns of equal width; NaN where there is no sample.

    Attributes:
        width: Samples of a column.
        low: Lowest power of each column in watt, shape (columns,), float32.
        high: Highest, likewise.
        mean: Mean, likewise; None in the finest level.
    """

    width: int
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32] | None


@dataclass(frozen=True)
class Whole:
    """Samples that follow each other.

    Attributes:
        first: Position of the first.
        power_w: Power in watt, shape (n,), float32; NaN where a sample is missing.
    """

    first: int
    power_w: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pyramid:
    """The power of a recording, or of a part of it.

    Attributes:
        first: Position of its first sample.
        stop: Position after its last.
        rate_hz: Samples per second.
        offset: Where a sample begins, in samples after its position.
        levels: From few columns to many; none where all samples can be drawn.
        wholes: Stretches of which every sample is held, in order; they do not overlap.
        left_out: Windows whose edges are not held whole, because there are too many.
    """

    first: int
    stop: int
    rate_hz: float
    offset: float
    levels: tuple[Level, ...]
    wholes: tuple[Whole, ...]
    left_out: tuple[int, ...] = ()

    @property
    def entire(self) -> bool:
        """Whether every sample is held."""
        return len(self.wholes) == 1 and len(self.wholes[0].power_w) == self.stop - self.first

    def to_json(self) -> dict[str, Any]:
        """For ``trace.js``."""
        return {
            "first": self.first,
            "stop": self.stop,
            "rate": self.rate_hz,
            "offset": self.offset,
            "levels": [
                {"width": level.width, "low": level.low, "high": level.high, "mean": level.mean}
                for level in self.levels
            ],
            "wholes": [{"first": part.first, "power": part.power_w} for part in self.wholes],
        }


def pyramid(
    trace: Trace,
    windows: Sequence[tuple[int, float, float]] = (),
    *,
    first: int | None = None,
    stop: int | None = None,
    most: int = MOST_SAMPLES,
    columns: Sequence[int] = _COLUMNS,
) -> Pyramid:
    """Reduces a recording for a page.

    Args:
        trace: The recording.
        windows: Number, opening and closing of each window as positions, those that matter most first.
        first: Position of the first sample; that of the recording by default.
        stop: Position after the last, likewise.
        most: Samples that are held whole, at most.
        columns: Columns of each level.
    """
    first = trace.first if first is None else max(first, trace.first)
    stop = max(trace.stop if stop is None else min(stop, trace.stop), first)
    rate, offset = trace.signal.rate_hz, trace.signal.coverage_offset
    if stop - first <= min(most, _WHOLE):
        whole = (_whole(trace, first, stop),) if stop > first else ()
        coarse = [count for count in columns if 2 * count <= stop - first > _DRAWN]
        levels = tuple(_level(trace, first, stop, count) for count in coarse)
        return Pyramid(first, stop, rate, offset, levels, whole)
    levels = tuple(_level(trace, first, stop, count) for count in columns)
    stretches, left_out = _stretches(windows, rate, (first, stop), most)
    wholes = tuple(_whole(trace, *stretch) for stretch in stretches)
    return Pyramid(first, stop, rate, offset, levels, wholes, tuple(sorted(left_out)))


def _level(trace: Trace, first: int, stop: int, count: int) -> Level:
    width = -(-(stop - first) // count)
    columns = -(-(stop - first) // width)
    found = envelope(trace, first, first + columns * width, columns)  # so all columns are equally wide
    mean = _short(found.mean_w) if count <= _MEANS else None
    return Level(width, _short(found.low_w), _short(found.high_w), mean)


def _short(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _stretches(
    windows: Sequence[tuple[int, float, float]], rate_hz: float, within: tuple[int, int], most: int
) -> tuple[list[tuple[int, int]], list[int]]:
    """The stretches at both ends of windows, in order and without overlap; and the windows without them."""
    inside, outside = (max(math.ceil(time_s * rate_hz), _FEWEST) + 2 for time_s in (EDGE_S, _BEFORE_S))
    taken: list[tuple[int, int]] = []
    left_out: list[int] = []
    for number, opening, closing in windows:
        start, end = math.floor(opening), math.ceil(closing)
        pair = [(start - outside, start + inside), (end - inside, end + outside)]
        pair = [(max(a, within[0]), min(b, within[1])) for a, b in pair]
        merged = _merged([*taken, *pair])
        if sum(b - a for a, b in merged) > most:
            left_out.append(number)
        else:
            taken = merged
    return taken, left_out


def _merged(stretches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for a, b in sorted(stretch for stretch in stretches if stretch[1] > stretch[0]):
        if merged and a <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(b, merged[-1][1])
        else:
            merged.append((a, b))
    return merged


def _whole(trace: Trace, first: int, stop: int) -> Whole:
    values = np.full(stop - first, np.nan, np.float32)
    for block in trace.read(first, stop):
        at = block.first - first
        values[at : at + len(block)] = _short(power_w(trace.signal, block.columns))
    return Whole(first, values)
