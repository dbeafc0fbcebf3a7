"""The envelope of a long recording's power, for pictures: lowest, mean and highest per column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy.recording.trace import Trace
from energy.report.decimation import decimated


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
    found = decimated(trace, first, stop, columns)
    middle = (found.bounds[:-1] + found.bounds[1:]) / 2 + trace.signal.coverage_offset
    return Envelope(middle / trace.signal.rate_hz, found.low, found.mean, found.high)
