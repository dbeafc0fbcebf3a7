"""Finds the rate of a clock, compared with another clock, from marks that are late by unknown times.

``clockfit`` bounds a rate from delays within a stated interval. On a busy machine there is no such interval:
a process may be stopped for seconds. But a delay is never negative, and now and then it is close to zero. So
only the least late marks are used: the run is cut into pieces of equal length on the host's clock, the least
late mark of each piece is kept, and the slope of the line is the median of the slopes between any two kept
marks (Theil 1950, Sen 1968). It hardly changes if up to a quarter of the kept marks are late. During a stall
there is a piece without marks; the burst after it falls into a single piece, whose last mark is in time.

The uncertainty has two parts: the scatter of the kept marks around the line, with a margin; and an allowance
for what scatter does not show, a slow drift of the least delay in the course of the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import overload

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mark = tuple[int, float]
"""Position after the last sample of a block, and when it had arrived on the host's clock, in seconds."""

DRIFT_OF_DELAY_S = 0.03
"""Largest change of the least delay in the course of a run; such a change looks like a wrong rate. Its causes
are the host's scheduler, USB, and buffers that fill. The value is a judgement; over a minute it is 0.05 %."""
SHORTEST_S = 2.0
"""From a shorter run no rate is computed: a single stall could fill it."""


@dataclass(frozen=True, slots=True)
class Caution:
    """The conditions under which a rate is computed.

    Attributes:
        shortest_s: Shortest run.
        drift_s: Largest change of the least delay in the course of a run.
        fewest: Smallest number of the 16 pieces that must have a mark. With half of them empty because of
            stalls, the line through the rest was wrong by more than its uncertainty in one of 20 simulated
            runs; with 9 or more marks, in none of 16 000 (tests/window/test_sampleclock.py repeats some).
    """

    shortest_s: float = SHORTEST_S
    drift_s: float = DRIFT_OF_DELAY_S
    fewest: int = 9


CAREFUL = Caution()
_PIECES = 16
_SCATTER_QUANTILE = 0.8
_NO_LINE = 0.02
"""If the least late marks scatter by more than this part of the run, they do not form a line: the host, or
the program that delivers the samples, was stopped for most of the time."""
_MARGIN = 3.0
"""Multiple of the scatter, over the length T of the run, that is the uncertainty of the slope.

The slope through n points that lie evenly over T, with standard deviation sigma from the line, has a standard
uncertainty of sigma sqrt(12 / n) / T. 80 % of normally distributed points lie within 1.28 sigma: that is the
scatter. Three times the scatter over T is then 4.4 standard uncertainties for 16 points. Fewer points get a
larger margin (``_FEW``)."""
_FEW = 8.0
_BETWEEN_LINES_S = (-0.2, 1.0)
"""By so much more than its window the time between the DUT's two lines may last: between them are a warm-up,
and the lines themselves, which take some 10 ms at 9600 baud. Anything else is a host that stood still."""
_MOST_MARKS = 4096
_SPACING_S = 0.05


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate of a clock, compared with another clock.

    Attributes:
        factor: Seconds that the clock counts in a second of the other clock; above 1, it runs fast.
        uncertainty: Largest error of ``factor``.
        marks: Number of marks that were used.
        span_s: Time from the first to the last mark, on the other clock; for windows, their total length.
        scatter_s: Distance from the line within which four fifths of the kept marks lie.
    """

    factor: float
    uncertainty: float
    marks: int
    span_s: float
    scatter_s: float = 0.0

    def beyond(self, tolerance: float) -> bool:
        """Whether it is off by more than a tolerance and its uncertainty together."""
        return abs(self.factor - 1) > tolerance + self.uncertainty

    def by(self, other: Rate) -> Rate:
        """The rate by a third clock, where ``other`` is the rate of the second clock by the third."""
        factor = self.factor * other.factor
        relative = self.uncertainty / self.factor + other.uncertainty / other.factor
        return Rate(factor, factor * relative, self.marks, self.span_s, max(self.scatter_s, other.scatter_s))


class Arrivals(Sequence[Mark]):
    """The arrival times of blocks in bounded memory: if there are too many, every second one is dropped.

    Of two neighbours, the one that is less late for its position is kept.

    Args:
        rate_hz: Samples per second as stated.
        most: Largest number of marks that are kept.
    """

    def __init__(self, rate_hz: float, most: int = _MOST_MARKS) -> None:
        self._rate_hz, self._most, self._spacing_s = rate_hz, most, _SPACING_S
        self._marks: list[Mark] = []

    def add(self, position: int, came_s: float) -> None:
        """Adds a mark, unless it is too close to the last."""
        marks = self._marks
        if marks and came_s - marks[-1][1] < self._spacing_s:
            return
        marks.append((position, came_s))
        if len(marks) > self._most:
            pairs = [marks[first : first + 2] for first in range(0, len(marks), 2)]
            self._marks = [min(pair, key=self._lateness_s) for pair in pairs]
            self._spacing_s *= 2

    def _lateness_s(self, mark: Mark) -> float:
        return mark[1] - mark[0] / self._rate_hz

    @overload
    def __getitem__(self, index: int) -> Mark: ...
    @overload
    def __getitem__(self, index: slice) -> list[Mark]: ...
    def __getitem__(self, index: int | slice) -> Mark | list[Mark]:
        return self._marks[index]

    def __iter__(self) -> Iterator[Mark]:
        return iter(self._marks)

    def __len__(self) -> int:
        return len(self._marks)


def rate_of_marks(own_s: npt.ArrayLike, came_s: npt.ArrayLike, caution: Caution = CAREFUL) -> Rate | None:
    """The rate of a clock, from marks that each are late by an unknown time.

    Args:
        own_s: Marks on the clock, in seconds as it states them, shape (n,).
        came_s: When they had arrived on the host's clock, shape (n,), never going back.
        caution: The conditions for a result.

    Returns:
        The rate, or None if the marks are too few, too close together or too scattered.
    """
    own, came = np.asarray(own_s, np.float64), np.asarray(came_s, np.float64)
    if own.shape != came.shape or own.ndim != 1:
        raise ValueError(f"marks come in pairs, not as {own.shape} and {came.shape}")
    if len(came) < caution.fewest or came[-1] - came[0] < caution.shortest_s:
        return None
    slope = 1.0
    kept = np.arange(len(came))
    for _ in range(3):  # the choice of the least late marks depends a little on the rate
        kept = _least_late(came, came - slope * own)
        if len(kept) < caution.fewest:
            return None
        slope = _median_slope(own[kept], came[kept])
        if not slope > 0:
            return None
    rest = came[kept] - slope * own[kept]
    scatter_s = float(np.quantile(np.abs(rest - np.median(rest)), _SCATTER_QUANTILE))
    span_s = float(came[kept[-1]] - came[kept[0]])
    if span_s < caution.shortest_s / 2 or scatter_s > _NO_LINE * span_s:
        return None
    wide_s = _MARGIN * (1 + _FEW / len(kept)) * scatter_s + caution.drift_s
    return Rate(1 / slope, wide_s / span_s / slope, len(own), span_s, scatter_s)


def _least_late(came: Floats, lateness: Floats) -> npt.NDArray[np.intp]:
    """The least late mark of each piece that has any; pieces are of equal length on the host's clock."""
    piece = np.minimum((came - came[0]) * (_PIECES / (came[-1] - came[0])), _PIECES - 1).astype(np.intp)
    order = np.lexsort((lateness, piece))
    first = np.flatnonzero(np.diff(piece[order], prepend=-1))
    return order[first]


def _median_slope(x: Floats, y: Floats) -> float:
    first, second = np.triu_indices(len(x), 1)
    apart = x[second] - x[first]
    far = np.abs(apart) > 0
    return float(np.median((y[second] - y[first])[far] / apart[far])) if far.any() else 0.0


def rate_of_stream(
    arrivals: Iterable[Mark], rate_hz: float, breaks: Sequence[int] = (), caution: Caution = CAREFUL
) -> Rate | None:
    """The rate of a monitor's sample clock, compared with the host's.

    Args:
        arrivals: The marks, in order.
        rate_hz: Samples per second as the monitor states them.
        breaks: Positions after which an unknown number of samples is missing. No line crosses a break; the
            part between two breaks with the smallest uncertainty is used.
        caution: The conditions for a result.
    """
    marks = np.array(list(arrivals), np.float64).reshape(-1, 2)
    position, came = marks[:, 0], marks[:, 1]
    cuts = np.searchsorted(position, np.unique(np.asarray(breaks, np.float64)), side="right")
    best: Rate | None = None
    for first, stop in pairwise([0, *(int(cut) for cut in cuts), len(marks)]):
        rate = rate_of_marks(position[first:stop] / rate_hz, came[first:stop], caution)
        if rate is not None and (best is None or rate.uncertainty < best.uncertainty):
            best = rate
    return best


def rate_of_windows(own_s: npt.ArrayLike, other_s: npt.ArrayLike, bound_s: float) -> Rate | None:
    """The rate of a clock, from the lengths of the same windows on it and on another clock.

    Args:
        own_s: The lengths on the clock, shape (n,).
        other_s: The lengths on the other clock, shape (n,).
        bound_s: Largest error of the difference between the two lengths of a window.
    """
    own, other = np.asarray(own_s, np.float64), np.asarray(other_s, np.float64)
    total_s = float(other.sum())
    if not len(own) or not total_s > 0:
        return None
    longest = other >= other.max() / 2
    factors = own[longest] / other[longest]
    bounds = bound_s / other[longest]
    factor = float(np.median(factors))
    scatter = float(np.abs(factors - factor).max())
    return Rate(factor, scatter + float(bounds.max()), len(own), total_s, scatter * float(other.max()))


def rate_of_reported_windows(own_s: npt.ArrayLike, reported_s: npt.ArrayLike) -> Rate | None:
    """The rate of a clock, from the lengths of the same windows on it and between the DUT's lines.

    Both lines of a window arrive late, but not equally late, so the time between them is wrong. The part of
    this error that is the same in all windows cancels in the difference between long windows and short ones,
    such as pilots. If the host stood still at a line, its window fits the others no more, which widens the
    uncertainty. If it was the only short one, all others seem to be wrong instead, by more than lines can be.

    Args:
        own_s: The lengths on the clock, shape (n,).
        reported_s: Times between the two lines of each window on the host's clock, shape (n,).
    """
    own, reported = np.asarray(own_s, np.float64), np.asarray(reported_s, np.float64)
    if len(own) < 2 or reported.max() - reported.min() < SHORTEST_S or not own.max() > own.min():
        return None
    first, second = np.triu_indices(len(own), 1)
    apart = own[second] - own[first]
    far = np.abs(apart) > (own.max() - own.min()) / 2
    slope = float(np.median((reported[second] - reported[first])[far] / apart[far]))
    rest = reported - slope * own
    least_s, most_s = _BETWEEN_LINES_S
    if not (slope > 0 and least_s <= np.median(rest) <= most_s):
        return None
    scatter_s = float(np.ptp(rest))
    span_s = slope * float(np.abs(apart).max())
    return Rate(
        1 / slope,
        (2 * scatter_s + DRIFT_OF_DELAY_S) / span_s / slope,
        len(own),
        float(reported.sum()),
        scatter_s,
    )
