"""The envelope of a long recording, for pictures: lowest, mean and highest power per column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy.recording.trace import Trace
from energy.signal import Block, Signal

_READ = 1 << 20


def power_w(block: Block, signal: Signal) -> npt.NDArray[np.float64]:
    """Power of each sample of a block, in watt, shape (n,), float64."""
    with np.errstate(over="ignore", invalid="ignore"):  # damaged samples may be any number, or NaN
        values = block.columns[0].astype(np.float64)
        for column in block.columns[1:]:
            values *= column
        return values * (signal.joule_per_unit * signal.rate_hz)


@dataclass(frozen=True)
class Envelope:
    """Power over time in columns; NaN where a column has no samples.

    Attributes:
        time_s: Middle of each column, shape (columns,).
        low_w: Lowest power, same shape.
        mean_w: Mean power, same shape.
        high_w: Highest power, same shape.
    """

    time_s: npt.NDArray[np.float64]
    low_w: npt.NDArray[np.float64]
    mean_w: npt.NDArray[np.float64]
    high_w: npt.NDArray[np.float64]


def envelope(trace: Trace, first: int, stop: int, columns: int = 1600) -> Envelope:
    """Reduces the samples in ``[first, stop)`` to at most ``columns`` columns; reads them block by block."""
    columns = max(min(columns, stop - first), 1)
    bounds = first + (np.arange(columns + 1) * (stop - first)) // columns
    low, high = np.full(columns, np.nan), np.full(columns, np.nan)
    total, count = np.zeros(columns), np.zeros(columns)
    for start in range(first, stop, _READ):
        for block in trace.read(start, min(start + _READ, stop)):
            power = power_w(block, trace.signal)
            power[~np.isfinite(power)] = np.nan
            a = int(np.searchsorted(bounds, block.first, "right")) - 1
            b = int(np.searchsorted(bounds, block.stop, "left"))
            cuts = np.maximum(bounds[a:b] - block.first, 0)
            here = slice(a, b)
            low[here] = np.fmin(low[here], np.fmin.reduceat(power, cuts))
            high[here] = np.fmax(high[here], np.fmax.reduceat(power, cuts))
            there = np.isfinite(power)
            total[here] += np.add.reduceat(np.where(there, power, 0.0), cuts)
            count[here] += np.add.reduceat(there.astype(np.float64), cuts)
    mean = np.divide(total, count, out=np.full(columns, np.nan), where=count > 0)
    middle = (bounds[:-1] + bounds[1:]) / 2 + trace.signal.coverage_offset
    return Envelope(middle / trace.signal.rate_hz, low, mean, high)
