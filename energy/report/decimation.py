"""Samples reduced to columns of a picture: lowest, mean and highest of each, by tsdownsample's MinMax.

Whatever the length of a recording, the memory is that of one piece of it (2^20 samples) and of the columns.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from energy.recording.trace import Trace
from energy.signal import Block, SampleKind, Signal

Quantity = Literal["power", "current", "voltage"]
UNITS: dict[Quantity, str] = {"power": "W", "current": "A", "voltage": "V"}
_READ = 1 << 20
_THREADS = min(os.cpu_count() or 1, 4)
"""Threads that read and reduce pieces: numpy, tsdownsample and the file release Python's lock."""
_FEWEST = 16
"""Columns that are left at least when columns are joined."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """A quantity over time in columns of equally many samples (the last may hold fewer).

    Attributes:
        bounds: Positions between which each column lies, shape (columns + 1,).
        low: Lowest value of each column in SI units, shape (columns,); NaN where it has no finite sample.
        mean: Mean, likewise.
        high: Highest, likewise.
    """

    bounds: npt.NDArray[np.int64]
    low: Floats
    mean: Floats
    high: Floats


def quantities_of(signal: Signal) -> tuple[Quantity, ...]:
    """What a recording holds: power always, current and voltage where they were recorded."""
    if signal.kind is SampleKind.ENERGY:
        return ("power",)
    return ("power", "current") if signal.kind is SampleKind.CURRENT else ("power", "current", "voltage")


def values_of(block: Block, signal: Signal, quantity: Quantity = "power") -> Floats:
    """A quantity of each sample of a block in SI units, shape (n,), float64."""
    values, factor = _raw(block.columns, signal, quantity)
    with np.errstate(over="ignore", invalid="ignore"):  # damaged samples may be any number, or NaN
        return np.asarray(values * np.float64(factor), dtype=np.float64)


def decimated(trace: Trace, first: int, stop: int, columns: int, quantity: Quantity = "power") -> Columns:
    """Reduces the samples in ``[first, stop)`` to at most ``columns`` columns; reads them piece by piece.

    Args:
        trace: The samples.
        first: Position of the first.
        stop: Position after the last.
        columns: Columns of the picture: its pixels, where there are more samples than pixels.
        quantity: One of ``quantities_of(trace.signal)``.
    """
    width = max(-(-(stop - first) // max(columns, 1)), 1)
    count = max(-(-(stop - first) // width), 1)
    bounds = np.minimum(first + np.arange(count + 1, dtype=np.int64) * width, max(stop, first + 1))
    columns_ = _Sums(count)
    piece = max(_READ // width, 1) * width

    def add(start: int) -> None:  # pieces are of different columns, so threads write apart from each other
        for block in trace.read(start, min(start + piece, stop)):
            _add(columns_, block, trace.signal, quantity, first, width)

    starts = range(first, stop, piece)
    if len(starts) < _THREADS:
        for start in starts:
            add(start)
    else:
        with ThreadPoolExecutor(_THREADS) as pool:
            for _ in pool.map(add, starts):
                pass
    factor = _raw((), trace.signal, quantity)[1]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.divide(columns_.total, columns_.count, out=np.full(count, np.nan), where=columns_.count > 0)
        return Columns(bounds, columns_.low * factor, mean * factor, columns_.high * factor)


def calmed(shape: Columns, most: float = 0.1) -> tuple[Columns, int]:
    """Columns joined by twos until the mean no longer jumps from most columns to the next.

    Where a column is about as long as a period of the signal (a window among hundreds, an inference), the
    means of the columns beat with it: a line through them would show a pattern that is not in the signal.

    Args:
        shape: The columns.
        most: Part of the range from lowest to highest that the median jump may have.

    Returns:
        The columns, and how many of the given ones each holds.
    """
    with np.errstate(invalid="ignore"):
        span = np.fmax.reduce(shape.high) - np.fmin.reduce(shape.low)
        joined, step = shape, 1
        while len(joined.mean) > _FEWEST and _jump(joined.mean) > most * span:
            joined, step = _pairs(joined), step * 2
    return joined, step


def _jump(mean: Floats) -> float:
    """The median difference of a column's mean to the next, where both have samples."""
    jumps = np.abs(np.diff(mean))
    jumps = jumps[np.isfinite(jumps)]
    return float(np.median(jumps)) if len(jumps) else 0.0


def _pairs(shape: Columns) -> Columns:
    """Every two columns as one."""
    odd = len(shape.mean) % 2
    weight = np.diff(shape.bounds) * np.isfinite(shape.mean)
    total = np.where(np.isfinite(shape.mean), shape.mean, 0.0) * weight
    low, high, total, weight = (
        np.pad(each, (0, odd), constant_values=fill).reshape(-1, 2)
        for each, fill in ((shape.low, np.nan), (shape.high, np.nan), (total, 0.0), (weight, 0.0))
    )
    count = weight.sum(axis=1)
    mean = np.divide(total.sum(axis=1), count, out=np.full(len(count), np.nan), where=count > 0)
    bounds = np.append(shape.bounds[:-1:2], shape.bounds[-1])
    return Columns(bounds, np.fmin(low[:, 0], low[:, 1]), mean, np.fmax(high[:, 0], high[:, 1]))


class _Sums:
    """Lowest, highest, sum and number of the finite samples of each column."""

    def __init__(self, columns: int) -> None:
        self.low, self.high = np.full(columns, np.nan), np.full(columns, np.nan)
        self.total, self.count = np.zeros(columns), np.zeros(columns)

    def add(self, at: int, rows: npt.NDArray[Any]) -> None:
        """Adds ``rows``, shape (k, n): n successive samples of each of k columns from column ``at``."""
        here = slice(at, at + len(rows))
        with np.errstate(over="ignore", invalid="ignore"):
            total = rows.sum(axis=1, dtype=np.float64)
        if np.isfinite(total).all():
            self.count[here] += rows.shape[1]
        else:  # damaged samples may be infinite or NaN
            there = np.isfinite(rows)
            rows = np.where(there, rows, np.nan)
            total = np.where(there, rows, 0.0).sum(axis=1, dtype=np.float64)
            self.count[here] += there.sum(axis=1)
        low, high = _extremes(rows)
        self.total[here] += total
        self.low[here] = np.fmin(self.low[here], low)
        self.high[here] = np.fmax(self.high[here], high)


def _add(sums: _Sums, block: Block, signal: Signal, quantity: Quantity, first: int, width: int) -> None:
    """Adds a block: the columns that it fills as one array, the parts at its ends by themselves."""
    values = _raw(block.columns, signal, quantity)[0]
    at, size = block.first - first, len(values)
    head = min(-at % width, size)
    whole = (size - head) // width
    tail = head + whole * width
    if head:
        sums.add(at // width, values[np.newaxis, :head])
    if whole:
        sums.add((at + head) // width, values[head:tail].reshape(whole, width))
    if tail < size:
        sums.add((at + tail) // width, values[np.newaxis, tail:])


def _extremes(rows: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Lowest and highest value of each row, shape (k,) each; NaN only where a row has nothing else."""
    from tsdownsample import MinMaxDownsampler

    count, width = rows.shape
    if width < 3:
        return np.fmin.reduce(rows, axis=1), np.fmax.reduce(rows, axis=1)
    flat = np.ascontiguousarray(rows).reshape(-1)
    places: npt.NDArray[np.int64] = MinMaxDownsampler().downsample(flat, n_out=2 * count)  # pyright: ignore[reportUnknownMemberType]
    found = flat[places].reshape(count, 2)
    return np.fmin(found[:, 0], found[:, 1]), np.fmax(found[:, 0], found[:, 1])


def _raw(columns: tuple[Any, ...], signal: Signal, quantity: Quantity) -> tuple[npt.NDArray[Any], float]:
    """The recorded numbers of a quantity, shape (n,), and the factor that brings them to SI units."""
    nothing = np.empty(0)
    if quantity == "current":
        return (columns[0] if columns else nothing), 1.0
    if quantity == "voltage":
        return (columns[1] if columns else nothing), 1.0
    factor = signal.joule_per_unit * signal.rate_hz
    if not columns:
        return nothing, factor
    if len(columns) == 1:
        return columns[0], factor
    with np.errstate(over="ignore", invalid="ignore"):
        return np.multiply(columns[0], columns[1], dtype=np.float64), factor
