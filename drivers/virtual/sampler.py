"""Samples of the true power, on a monitor's own clock."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from drivers.virtual.timeline import Timeline


class Sampler:
    """The samples of an acquisition.

    Args:
        timeline: The true power.
        origin_ns: Start of sample 0.
        rate_hz: Samples per second of the instrument's clock.
        ppm: By how much that clock runs fast.
    """

    def __init__(self, timeline: Timeline, origin_ns: int, rate_hz: float, ppm: float) -> None:
        self._timeline = timeline
        self.origin_ns = origin_ns
        self.period_ns = 1e9 / (rate_hz * (1 + ppm * 1e-6))

    def hasten(self, now_ns: int, ppm: float) -> None:
        """The clock becomes faster: samples that are complete by now keep their number.

        Args:
            now_ns: When.
            ppm: By how much, in millionths.
        """
        done = (now_ns - self.origin_ns) / self.period_ns
        self.period_ns /= 1 + ppm * 1e-6
        self.origin_ns = round(now_ns - done * self.period_ns)

    def boundary_ns(self, sample: int) -> int:
        """Start of a sample, rounded up to whole nanoseconds."""
        return self.origin_ns + -int(-sample * self.period_ns // 1)

    def complete(self, now_ns: int) -> int:
        """Number of samples that are complete."""
        return int((now_ns - self.origin_ns) // self.period_ns)

    def energies_j(self, first: int, stop: int) -> npt.NDArray[np.float64]:
        """True energies of the samples ``[first, stop)``, shape (stop - first,)."""
        return self._timeline.energies_j(
            self.origin_ns, np.arange(first, stop + 1, dtype=np.float64) * self.period_ns
        )

    def powers_w(self, first: int, stop: int) -> npt.NDArray[np.float64]:
        """True mean powers of the samples ``[first, stop)``, shape (stop - first,)."""
        return self.energies_j(first, stop) / (self.period_ns * 1e-9)
