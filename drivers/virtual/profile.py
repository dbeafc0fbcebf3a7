"""A power profile in closed form: constant between breakpoints, so the energy of any interval is known.

Measurements are compared with this truth. Energies are differences of a primitive that is stored as exact
fractions, so they are exact to the last bit of the returned float.
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
    """A time of constant power."""

    duration_s: Fraction
    power_w: Fraction


class PowerProfile:
    """Power that is constant in each of a sequence of segments, from time 0."""

    def __init__(self, segments: list[Segment]) -> None:
        if not segments or any(segment.duration_s <= 0 for segment in segments):
            raise ValueError("a power profile has at least one segment, each longer than 0")
        self._times = [Fraction(0)]
        self._energies = [Fraction(0)]
        self._powers = [segment.power_w for segment in segments]
        for segment in segments:
            self._times.append(self._times[-1] + segment.duration_s)
            self._energies.append(self._energies[-1] + segment.duration_s * segment.power_w)

    @property
    def duration_s(self) -> Fraction:
        """End of the last segment."""
        return self._times[-1]

    def energy_j(self, start_s: Fraction, stop_s: Fraction) -> Fraction:
        """Exact energy between two times inside the profile."""
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
        for cut in {int(time * rate_hz) for time in self._times}:  # samples that contain a breakpoint
            if cut < count:
                samples[cut] = float(self.energy_j(Fraction(cut, rate_hz), Fraction(cut + 1, rate_hz)))
        return samples

    def _primitive(self, time_s: Fraction) -> Fraction:
        if not 0 <= time_s <= self.duration_s:
            raise ValueError(f"{float(time_s)} s is outside the profile of {float(self.duration_s)} s")
        return Fraction(primitive(self._times, self._energies, self._powers, time_s))
