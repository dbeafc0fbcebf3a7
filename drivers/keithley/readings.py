"""Conversion of readings with relative times to blocks, gaps and faults."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from drivers.links.overload import without_overload
from energy.errors import BenchError
from energy.instruments import Sink, over_current, overload
from energy.signal import Block, Gap

PIECE = 50_000
"""Number of readings in a fetch: 400 kB with their times."""
_LONGEST = 2**31
"""Periods between two readings that a buffer cannot hold, whatever its times say."""
AT_LIMIT = 0.999
"""A reading this near to the source's current limit is limited: 0.03 % is a 2450's worst gain error."""


class Window:
    """The readings of a window, on their way to the sink.

    Args:
        sink: Receives them.
        first: Position of the window's first sample.
        rate_hz: Readings per second.
        limit_a: The source's current limit.
        range_a: The range of current in use.

    Attributes:
        stop: Position after the last sample so far.
        fault: Why the window cannot be trusted; None if it can.
    """

    def __init__(
        self, sink: Sink, first: int, rate_hz: float, limit_a: float, range_a: float = math.inf
    ) -> None:
        self._sink, self._rate_hz, self._limit_a, self._range_a = sink, rate_hz, limit_a, range_a
        self._last_s: float | None = None
        self.stop = first
        self.fault: BenchError | None = None

    def add(self, readings: npt.NDArray[Any], times_s: npt.NDArray[Any]) -> None:
        """Passes readings on, with a gap if their times jump by more than one period.

        Only the steps between neighbours are used, each rounded to whole periods. So neither the rounding of
        times to float32 nor a slow difference between sample clock and time stamps accumulates.

        Args:
            readings: Ampere, shape (n,), n at least 1.
            times_s: Seconds since the window's first reading, shape (n,).
        """
        readings, overload_a = without_overload(
            np.ascontiguousarray(readings, dtype=np.float32), self._range_a
        )
        seconds = times_s.astype(np.float64)
        before = seconds[0] - 1.0 / self._rate_hz if self._last_s is None else self._last_s
        with np.errstate(invalid="ignore", over="ignore"):  # infinite times have no difference
            steps = np.rint(np.diff(seconds, prepend=before) * self._rate_hz)
        wrong = ~((steps >= 1) & (steps <= _LONGEST))  # of NaN, too
        self._last_s = float(seconds[-1])
        if self.fault is None and wrong.any():
            self.fault = _backwards(float(seconds[int(wrong.argmax())]))
        steps = np.where(wrong, 1, steps).astype(np.int64)
        if self.fault is None:
            self.fault = wrong_reading(readings, overload_a, self._limit_a, self._range_a)
        begin = 0
        for jump in np.flatnonzero(steps > 1).tolist():
            self._block(readings[begin:jump])
            lost = int(steps[jump]) - 1
            self._sink.gap(Gap(self.stop, lost, "the times of the readings jump"))
            self.stop += lost
            begin = jump
        self._block(readings[begin:])

    def _block(self, readings: npt.NDArray[np.float32]) -> None:
        if len(readings):
            self._sink.block(Block(self.stop, (readings,)))
            self.stop += len(readings)


def _backwards(time_s: float) -> BenchError:
    return BenchError(
        "k2461.timestamps",
        f"the readings' times do not increase at {time_s:.6f} s after the window's beginning",
        "The buffer was written while it was read: does another program use the instrument?",
    )


def wrong_reading(
    readings: npt.NDArray[Any], overload_a: float | None, limit_a: float, range_a: float
) -> BenchError | None:
    """The error for readings beyond the range, or at the source's limit; None if they are sound.

    Args:
        readings: Ampere, with NaN in place of overloads, shape (n,).
        overload_a: The largest overload; None if there was none.
        limit_a: The source's current limit.
        range_a: The range of current in use.
    """
    if overload_a is not None:
        return overload(f"a reading of {overload_a:.4g} A came", range_a)
    if len(readings) and float(readings.max()) >= AT_LIMIT * limit_a:
        return over_current("the source limits the current: the DUT's voltage was below its setting", limit_a)
    return None


def check_reading(reading_a: float, limit_a: float, range_a: float) -> None:
    """Checks a single reading.

    Raises:
        BenchError: ``monitor.overload``, ``bench.current``.
    """
    values, overload_a = without_overload(np.array([reading_a]), range_a)
    if error := wrong_reading(values, overload_a, limit_a, range_a):
        raise error
