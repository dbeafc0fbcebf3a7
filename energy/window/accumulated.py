"""The clock of the EEMBC runner: time accumulated sample by sample in float64, in closed form.

The runner adds ``1 / rate`` once per sample (``t = 0; t += 1/rate``), so its clock drifts by rounding
(protocols.md 3.6). Adding step by step would be slow, and is not necessary: while ``t`` stays in one binade
(between two powers of two), the spacing ``u`` of floats is constant and every addition adds the same multiple
of ``u``. With ``dt = q u + r`` and ``t`` a multiple of ``u``, the rounded sum is ``t + q u`` or
``t + (q + 1) u``. Which of them depends on ``r`` alone, except for the tie ``r = u / 2``: it is rounded to
even, so after one step it is always the same (IEEE 754-2019, 4.3.1). So the clock is a straight line in each
binade, some forty lines for any recording.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Line:
    """``t(k) = start + (k - first) * step`` exactly, for ``first <= k < stop``."""

    first: int
    stop: int
    start: float
    step: float

    def time(self, k: int) -> float:
        return self.start + (k - self.first) * self.step


class AccumulatedClock:
    """Times of samples by repeated addition of ``1 / rate_hz``.

    ``time(k)`` equals ``numpy.cumsum`` of ``k`` steps, to the bit, for any k.
    """

    def __init__(self, rate_hz: float) -> None:
        self._step = 1.0 / rate_hz
        self._lines = [_Line(0, 1, 0.0, 0.0)]
        self._firsts = [0]

    def time(self, k: int) -> float:
        """Time in seconds of sample ``k``.

        Raises:
            OverflowError: If the clock stops before that (``t + dt == t``).
        """
        while k >= self._lines[-1].stop:
            if not self._grow():
                raise OverflowError(f"a clock of {1 / self._step} Hz never reaches sample {k}")
        return self._lines[bisect_right(self._firsts, k) - 1].time(k)

    def first_at_or_after(self, time_s: float) -> int:
        """The smallest sample number whose time is at least ``time_s``; 0 for a time before the start.

        Raises:
            OverflowError: If the clock stops before that (``t + dt == t``).
        """
        if time_s <= 0:
            return 0
        while self._lines[-1].time(self._lines[-1].stop - 1) < time_s:
            if not self._grow():
                raise OverflowError(f"a clock of {1 / self._step} Hz never reaches {time_s} s")
        low, high = 0, self._lines[-1].stop - 1
        while low < high:  # some fifty steps, each O(1)
            middle = (low + high) // 2
            if self.time(middle) >= time_s:
                high = middle
            else:
                low = middle + 1
        return low

    def first_after(self, time_s: float) -> int:
        """The smallest sample number whose time is later than ``time_s``."""
        return self.first_at_or_after(math.nextafter(time_s, math.inf)) if time_s >= 0 else 0

    def _grow(self) -> bool:
        """Adds the next line, or a single step where a binade begins. False if the clock has stopped."""
        last = self._lines[-1]
        k, t = last.stop, last.time(last.stop - 1) + self._step
        settled = t + self._step
        step = settled + self._step - settled
        if step == 0 or not math.isfinite(settled + self._step):
            return False  # it has stopped, or has reached the largest float
        top = 2.0 ** math.frexp(settled)[1]
        if math.frexp(t)[1] != math.frexp(settled)[1] or settled + step >= top:
            self._append(_Line(k, k + 1, t, 0.0))  # at the edge of a binade: a single addition
            return True
        unit = math.ulp(settled)
        room = int((top - settled) / unit)  # exact: all are multiples of the unit, and fewer than 2^53
        count = -(-room // int(step / unit))
        self._append(_Line(k, k + 1, t, 0.0))
        self._append(_Line(k + 1, k + 1 + count, settled, step))
        return True

    def _append(self, line: _Line) -> None:
        self._lines.append(line)
        self._firsts.append(line.first)
