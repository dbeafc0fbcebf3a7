"""A given course of power in closed form: constant between breakpoints, so any interval's energy is known.

It is the truth that measurements are compared with. Energies are differences of a primitive that is kept as
exact fractions, so they are right to the last bit of the float they are returned as.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from drivers.virtual.timeline import primitive


@dataclass(frozen=True, slots=True)
class Segment:
    """Constant power for a time."""

    duration_s: Fraction
    power_w: Fraction


class PowerProfile:
    """Power that is constant in each of a row of segments, beginning at time 0."""

    def __init__(self, segments: list[Segment]) -> None:
        if not segments or any(segment.duration_s <= 0 for segment in segments):
            raise ValueError("a power profile is made of at least one segment, each longer than nothing")
        self._times = [Fraction(0)]
        self._energies = [Fraction(0)]
        self._powers = [segment.power_w for segment in segments]
        for segment in segments:
            self._times.append(self._times[-1] + segment.duration_s)
            self._energies.append(self._energies[-1] + segment.duration_s * segment.power_w)

    @property
    def duration_s(self) -> Fraction:
        """When the last segment ends."""
        return self._times[-1]

    def energy_j(self, start_s: Fraction, stop_s: Fraction) -> Fraction:
        """Energy between two times inside the profile, exactly."""
        return self._primitive(stop_s) - self._primitive(start_s)

    def sample_energies(self, rate_hz: int) -> npt.NDArray[np.float64]:
        """Energy of each whole sample period, in joule, each correctly rounded.

        Args:
            rate_hz: Samples per second.

        Returns:
            float64, shape (floor(duration * rate),): sample k covers ``[k, k + 1) / rate_hz``.
        """
        count = int(self.duration_s * rate_hz)
        samples = np.empty(count)
        for power, (start, stop) in zip(self._powers, pairwise(self._times), strict=True):
            first, last = start * rate_hz, min(stop * rate_hz, Fraction(count))
            whole = slice(-(-first.numerator // first.denominator), last.numerator // last.denominator)
            samples[whole] = float(power / rate_hz)
        for cut in {int(time * rate_hz) for time in self._times}:  # samples that a breakpoint cuts
            if cut < count:
                samples[cut] = float(self.energy_j(Fraction(cut, rate_hz), Fraction(cut + 1, rate_hz)))
        return samples

    def _primitive(self, time_s: Fraction) -> Fraction:
        if not 0 <= time_s <= self.duration_s:
            raise ValueError(f"{float(time_s)} s is outside the profile of {float(self.duration_s)} s")
        return Fraction(primitive(self._times, self._energies, self._powers, time_s))
