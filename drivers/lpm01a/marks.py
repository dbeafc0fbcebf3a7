"""The LPM01A's time marks, one every 1000 samples, as a check of the count (protocols.md 3.3, 3.4)."""

from __future__ import annotations

import math
from collections.abc import Callable

SAMPLES_PER_MARK = 1000
_FASTEST = 1.02
"""By how much its sample clock may run fast (a resonator: 1 %) before a loss is told without its length."""
_EARLY_S = 1.0
_EARLY_MARKS = 2
"""By so much a time mark may be ahead of the time that the host has seen go by."""


def forever() -> float:
    """A stand-in for a clock: unlimited time has passed."""
    return math.inf


class TimeBase:
    """The time of the last time mark, and the time that the next one must have.

    Args:
        rate_hz: Samples per second (``freq``).
        wrap_ms: Where the instrument's milliseconds begin at 0 again, if they do.
        elapsed_s: How long the acquisition has run at most, in seconds: a later mark is damaged.

    Attributes:
        period_ms: Milliseconds from one time mark to the next.
        bases_ms: Possible times of the last mark. There are two if its time did not fit: the time that it
            showed, and the one that was due.
    """

    def __init__(self, rate_hz: float, wrap_ms: int, elapsed_s: Callable[[], float] = forever) -> None:
        self.period_ms = round(SAMPLES_PER_MARK * 1000 / rate_hz)
        self.bases_ms = [0]
        self._wrap_ms = wrap_ms
        self._rate_hz, self._elapsed_s = rate_hz, elapsed_s

    @property
    def sure(self) -> bool:
        """Whether the last time mark had the expected time."""
        return len(self.bases_ms) == 1

    def agrees(self, time_ms: int, count: int) -> bool:
        """Whether a time mark has the time that is due after this number of samples."""
        due = (self._due(base, count) for base in self.bases_ms)
        return _whole(count) and any(time_ms in (at, at % self._wrap_ms) for at in due)

    def missing(self, time_ms: int, first: int, count: int) -> int | None:
        """Takes a time mark that ends an interval of so many samples from position ``first`` on.

        Returns:
            Number of missing samples, mostly 0; None if time and count contradict each other.
        """
        if self.agrees(time_ms, count):
            self.bases_ms = [time_ms]
            return 0
        steps, rest = divmod(time_ms - self.bases_ms[0], self.period_ms)
        missing = steps * SAMPLES_PER_MARK - count
        # A whole number of intervals with a time that does not fit is rather a damaged time than a loss.
        if rest or missing <= 0 or not self.sure or _whole(count) or not self._room(first + count + missing):
            self.bases_ms = [time_ms, self._due(self.bases_ms[0], count)]
            return None
        self.bases_ms = [time_ms]
        return missing

    def elapsed(self, time_ms: int, first: int) -> int | None:
        """Takes a time mark that ends an interval from ``first`` on whose samples cannot be counted.

        Returns:
            Number of samples that there must have been; None if no mark can have this time.
        """
        steps, rest = divmod((time_ms - self.bases_ms[0]) % self._wrap_ms, self.period_ms)
        sound = self.sure and rest == 0 and 0 < steps < self._wrap_ms // self.period_ms // 2
        self.bases_ms = [time_ms]
        return steps * SAMPLES_PER_MARK if sound and self._room(first + steps * SAMPLES_PER_MARK) else None

    def _room(self, position: int) -> bool:
        """Whether so many samples can have been taken by now."""
        most_s = self._elapsed_s() * _FASTEST + _EARLY_S
        return position <= most_s * self._rate_hz + _EARLY_MARKS * SAMPLES_PER_MARK

    def _due(self, base_ms: int, count: int) -> int:
        """Time of the mark that is due after ``count`` more samples."""
        return base_ms + max(round(count / SAMPLES_PER_MARK), 1) * self.period_ms


def _whole(count: int) -> bool:
    return count > 0 and count % SAMPLES_PER_MARK == 0
