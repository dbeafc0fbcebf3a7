"""The samples of a session in buckets of several lengths: any span of it can be drawn at once.

The memory does not grow with the session: each level keeps the same number of buckets, each four times as
long as those of the level below.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from energy.live.buckets import Buckets, Floats, joined, merged, no_buckets

_FACTOR = 4
_LEVELS = 10
"""The longest level holds 4**9 times as long as the shortest: weeks."""
_KEPT = 8192
"""Buckets that a level keeps at least."""


@dataclass(frozen=True, slots=True)
class Columns:
    """A span of a session for drawing, a value for each column of the picture; NaN where there is no sample.

    Attributes:
        start_s: Where the first column begins, on the monitor's clock.
        stop_s: Where the last column ends.
        low: Least values, float32, shape (quantities, columns).
        high: Greatest values, likewise.
        mean: Means, likewise.
    """

    start_s: float
    stop_s: float
    low: Floats
    high: Floats
    mean: Floats


@dataclass(slots=True)
class _Level:
    """Buckets of one length.

    Attributes:
        size: Samples of a bucket.
        parts: The buckets that are complete, in order.
        open: The bucket that may still grow; empty before the first.
    """

    size: int
    open: Buckets
    parts: list[Buckets] = field(default_factory=list[Buckets])
    count: int = 0

    def add(self, buckets: Buckets) -> Buckets | None:
        """Takes shorter buckets; returns those of its own length that became complete."""
        waiting = joined([self.open, buckets])
        grown = merged(waiting, waiting.at // self.size)
        self.open = grown.part(len(grown) - 1)
        complete = grown.part(0, len(grown) - 1)
        if not len(complete):
            return None
        self.parts.append(complete)
        self.count += len(complete)
        if len(self.parts) > 64 or self.count > 2 * _KEPT:
            whole = joined(self.parts)
            self.parts = [whole.part(max(len(whole) - _KEPT, 0))]
            self.count = len(self.parts[0])
        return complete

    def all(self) -> Buckets:
        """Its buckets, the open one included."""
        self.parts = [joined([no_buckets(len(self.open.low)), *self.parts])]
        return joined([*self.parts, self.open])


class Pyramid:
    """The buckets of a session.

    Args:
        size: Samples of the shortest bucket.
        rate_hz: Samples per second.
        quantities: Number of quantities.
    """

    def __init__(self, size: int, rate_hz: float, quantities: int) -> None:
        self._size, self._rate_hz, self._quantities = size, rate_hz, quantities
        self._levels = [_Level(size * _FACTOR**k, no_buckets(quantities)) for k in range(_LEVELS)]
        self._first: int | None = None
        self._stop = 0

    @property
    def stop_s(self) -> float:
        """Where the samples end."""
        return self._stop / self._rate_hz

    @property
    def start_s(self) -> float:
        """Where the samples begin."""
        return (self._first or 0) / self._rate_hz

    def add(self, buckets: Buckets, stop: int) -> None:
        """Takes buckets.

        Args:
            buckets: They follow those before.
            stop: Position after their last sample.
        """
        self._stop = max(self._stop, stop)
        rest: Buckets | None = buckets if len(buckets) else None
        if rest is not None and self._first is None:
            self._first = int(rest.at[0])
        for level in self._levels:
            if rest is None:
                return
            rest = level.add(rest)

    def columns(self, span_s: float, count: int) -> Columns:
        """The last part of the session.

        Args:
            span_s: Its length; infinite: the whole session.
            count: Number of columns.
        """
        stop_s = self.stop_s
        start_s = stop_s - min(span_s, max(stop_s - self.start_s, 1 / self._rate_hz))
        first = start_s * self._rate_hz
        number, buckets = self._level(first)
        size = self._levels[number].size
        inside = int(np.searchsorted(buckets.at, first - size, "right"))
        # What is still open in the levels below has not come to this level yet.
        below = [level.open for level in reversed(self._levels[:number])]
        return self._drawn(joined([buckets.part(inside), *below]), size, start_s, stop_s, count)

    def _level(self, first: float) -> tuple[int, Buckets]:
        """The level of the shortest buckets that still holds a position, and its buckets."""
        for number, level in enumerate(self._levels):
            buckets = level.all()
            if len(buckets) and (buckets.at[0] <= first or buckets.at[0] == self._first):
                return number, buckets
        return 0, no_buckets(self._quantities)

    def _drawn(self, buckets: Buckets, size: int, start_s: float, stop_s: float, count: int) -> Columns:
        """Buckets as columns: several in one, or one in several."""
        shape = (self._quantities, count)
        low, high, mean = (np.full(shape, np.nan, np.float32) for _ in range(3))
        each = (stop_s - start_s) * self._rate_hz / count
        if len(buckets) and each > 0:
            first = start_s * self._rate_hz
            if each >= size:
                place = np.clip(((buckets.at - first) // each).astype(np.int64), 0, count - 1)
                grouped = merged(buckets, place)
                at = np.unique(place)
                low[:, at], high[:, at], mean[:, at] = grouped.low, grouped.high, grouped.mean
            else:
                place, fine = _covering(
                    buckets.at, size, first + each * (np.arange(count, dtype=np.float64) + 0.5)
                )
                low[:, fine], high[:, fine] = buckets.low[:, place[fine]], buckets.high[:, place[fine]]
                mean[:, fine] = buckets.mean[:, place[fine]]
        return Columns(start_s, stop_s, low, high, mean)


def _covering(
    at: npt.NDArray[np.int64], size: int, positions: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """The bucket that covers each position, and whether any does."""
    place = np.searchsorted(at, positions, "right") - 1
    fine = (place >= 0) & (positions < at[np.maximum(place, 0)] + size)
    return place, fine
