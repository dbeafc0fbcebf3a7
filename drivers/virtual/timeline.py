"""The DUT's supply power over virtual time: the truth that measurements are compared with.

Power is a sequence of stretches. In each, a pattern of phases with constant power repeats until the next
stretch begins, so a window of ten thousand inferences is one entry. Times are whole nanoseconds and powers
whole picowatts: energies of intervals are exact integers (1 pW ns = 1e-21 J) as scalars, and float64 with a
relative error below 1e-9 as arrays of sample periods.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Time = int | Fraction
"""Nanoseconds of virtual time."""

Disturb = Callable[[int, npt.NDArray[np.float64], npt.NDArray[np.float64]], npt.NDArray[np.float64]]
"""Changes what instruments see: time of offset 0, bounds of intervals, their energies in joule."""

JOULE_PER_UNIT = 1e-21
"""Joule in one picowatt nanosecond."""

UNITS_PER_JOULE = 10**21


def picowatts(power_w: float) -> int:
    """Power in the timeline's unit."""
    return round(power_w * 1e12)


def primitive(times: Sequence[Time], energies: Sequence[Time], powers: Sequence[Time], time: Time) -> Time:
    """Exact energy from ``times[0]`` to a time not after the last of them.

    Args:
        times: Times of changes of power, ascending, shape (n + 1,).
        energies: Energy up to each of them, shape (n + 1,).
        powers: Power from each to the next, shape (n,).
        time: End of the interval.
    """
    k = min(bisect_right(times, time), len(powers)) - 1
    return energies[k] + (time - times[k]) * powers[k]


class Pattern:
    """Phases of constant power that repeat.

    Args:
        phases: Pairs of duration in ns and power in pW, each at least one nanosecond long.
    """

    def __init__(self, phases: Sequence[tuple[int, int]]) -> None:
        if not phases or any(duration < 1 or power < 0 for duration, power in phases):
            raise ValueError("a pattern has at least one phase, each longer than 0 and with a power >= 0")
        self._times = [0]
        self._energies = [0]
        self.powers = [power for _, power in phases]
        for duration, power in phases:
            self._times.append(self._times[-1] + duration)
            self._energies.append(self._energies[-1] + duration * power)
        self._time_array = np.array(self._times, dtype=np.float64)
        self._energy_array = np.array(self._energies, dtype=np.float64) * JOULE_PER_UNIT

    @classmethod
    def constant(cls, power_w: float) -> Pattern:
        """A pattern with the same power at all times."""
        return cls([(1_000_000_000, picowatts(power_w))])

    @property
    def period_ns(self) -> int:
        """Duration of all phases."""
        return self._times[-1]

    @property
    def period_energy(self) -> int:
        """Energy of all phases, in pW ns."""
        return self._energies[-1]

    def power_pw(self, since_ns: int) -> int:
        """Power at this time after the first phase began."""
        return self.powers[bisect_right(self._times, since_ns % self.period_ns) - 1]

    def energy(self, since_ns: Time) -> Time:
        """Exact energy since the first phase began, in pW ns."""
        rounds, rest = divmod(since_ns, self.period_ns)
        return rounds * self.period_energy + primitive(self._times, self._energies, self.powers, rest)

    def raised(self, power_w: float) -> Pattern:
        """The same pattern with more power at all times."""
        more = picowatts(power_w)
        times = pairwise(self._times)
        return Pattern([(b - a, power + more) for (a, b), power in zip(times, self.powers, strict=True)])

    def changed(self, slope: float, offset_w: float) -> Pattern:
        """The same pattern with the power ``slope * power + offset_w``, but at least 0, at all times."""
        if slope == 1.0 and offset_w == 0.0:
            return self
        powers = [max(round(power * slope + offset_w * 1e12), 0) for power in self.powers]
        return Pattern([(b - a, power) for (a, b), power in zip(pairwise(self._times), powers, strict=True)])

    def energies_j(self, since_ns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Energies as in `energy` for many times, in joule; same shape."""
        if len(self.powers) == 1:
            return since_ns * (self.powers[0] * JOULE_PER_UNIT)
        rounds = np.floor(since_ns / self.period_ns)  # ten times as fast as NumPy's divmod of floats
        rest = since_ns - rounds * self.period_ns  # exact: whole numbers below 2**53
        return rounds * self._energy_array[-1] + np.interp(rest, self._time_array, self._energy_array)


class Timeline:
    """Past power of the DUT, and planned power. Before the first stretch it is 0.

    Attributes:
        disturb: Faults of instruments: each changes the energies of consecutive intervals that they sample
            (offset of the bounds, bounds, energies); the truth (`energy_j`) remains.
    """

    def __init__(self) -> None:
        self.disturb: list[Disturb] = []
        self._starts = [0]
        self._begins = [0]  # times at which each pattern's first phase began, or would have begun
        self._patterns = [Pattern.constant(0.0)]
        self._energies = [0]  # up to these times, less what the pattern would have needed before its stretch

    def set(self, time_ns: int, pattern: Pattern, since_ns: int = 0) -> None:
        """Sets the pattern from this time on; it replaces what was planned for later.

        Args:
            time_ns: When the stretch begins.
            pattern: Its pattern.
            since_ns: How long ago the pattern's first phase began: a stretch may begin in the middle of it.
        """
        if time_ns < 0:
            raise ValueError(f"virtual time begins at 0, not {time_ns} ns")
        while self._starts and self._starts[-1] >= time_ns:
            del self._starts[-1], self._begins[-1], self._patterns[-1], self._energies[-1]
        energy = 0
        if self._starts:
            energy = self._energies[-1] + int(self._patterns[-1].energy(time_ns - self._begins[-1]))
        self._starts.append(time_ns)
        self._begins.append(time_ns - since_ns)
        self._patterns.append(pattern)
        self._energies.append(energy - int(pattern.energy(since_ns)))

    def power_w(self, time_ns: int) -> float:
        """Power at a time."""
        k = bisect_right(self._starts, time_ns) - 1
        return self._patterns[k].power_pw(time_ns - self._begins[k]) * 1e-12

    def energy_j(self, start_ns: Time, stop_ns: Time) -> Fraction:
        """Exact energy between two times.

        Args:
            start_ns: Start, at least 0.
            stop_ns: End; after the world's present time, planned power counts.

        Returns:
            Joule.
        """
        return Fraction(self._primitive(stop_ns) - self._primitive(start_ns), UNITS_PER_JOULE)

    def energies_j(self, origin_ns: int, offsets_ns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Energies of consecutive intervals.

        Args:
            origin_ns: Time of offset 0.
            offsets_ns: Bounds of the intervals, ascending, shape (n + 1,).

        Returns:
            Joule, float64, shape (n,).
        """
        first = bisect_right(self._starts, origin_ns + int(offsets_ns[0])) - 1
        last = max(bisect_left(self._starts, origin_ns + float(offsets_ns[-1])), first + 1)
        base = self._energies[first]
        primitive = np.empty(len(offsets_ns))
        low = 0
        for k in range(first, last):
            high = len(offsets_ns)
            if k + 1 < last:
                high = int(np.searchsorted(offsets_ns, self._starts[k + 1] - origin_ns))
            since = offsets_ns[low:high] - (self._begins[k] - origin_ns)
            primitive[low:high] = self._patterns[k].energies_j(since)
            primitive[low:high] += (self._energies[k] - base) * JOULE_PER_UNIT
            low = high
        energies = np.diff(primitive)
        for disturb in self.disturb:
            energies = disturb(origin_ns, offsets_ns, energies)
        return energies

    def _primitive(self, time_ns: Time) -> Time:
        if time_ns < 0:
            raise ValueError(f"virtual time begins at 0, not {float(time_ns)} ns")
        k = bisect_right(self._starts, time_ns) - 1
        return self._energies[k] + self._patterns[k].energy(time_ns - self._begins[k])
