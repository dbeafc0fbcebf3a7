"""Single inferences inside a window, found from the signal alone: period, count, energy of each, overlay."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.characterize.periodicity import Periodicity, find_period
from energy.signal import SampleKind, SampleSource
from energy.window.integrator import Window

Floats = npt.NDArray[np.float64]

MOST = 1 << 20
"""Samples that are searched at once: longer windows are averaged down, or searched in their beginning."""
WHOLE = 0.15
"""The window must hold a whole number of periods to within this part of one."""
_POINTS = 400


def _nothing() -> Floats:
    return np.empty(0)


@dataclass(frozen=True)
class SingleInferences:
    """The inferences of a window, or why the signal does not show them.

    Attributes:
        periodicity: The period in samples, its score, or the reason why there is none.
        period_s: Time of an inference; None where it is not shown.
        count: Inferences in the window; None likewise.
        energy_j: Energy of each, shape (count,); empty likewise.
        phase_s: Times within an inference, shape (m,), of the overlay.
        power_w: Median power at these times over all inferences, shape (m,).
        low_w: 5th percentile, shape (m,).
        high_w: 95th percentile, shape (m,).
    """

    periodicity: Periodicity
    period_s: float | None = None
    count: int | None = None
    energy_j: Floats = field(default_factory=_nothing)
    phase_s: Floats = field(default_factory=_nothing)
    power_w: Floats = field(default_factory=_nothing)
    low_w: Floats = field(default_factory=_nothing)
    high_w: Floats = field(default_factory=_nothing)

    @property
    def resolved(self) -> bool:
        """Whether the signal shows single inferences."""
        return self.count is not None

    @property
    def mean_j(self) -> float:
        """Mean energy of an inference; NaN where none is shown."""
        return float(self.energy_j.mean()) if len(self.energy_j) else float("nan")

    @property
    def deviation_j(self) -> float:
        """Standard deviation of the energy from inference to inference; NaN for fewer than two."""
        return float(self.energy_j.std(ddof=1)) if len(self.energy_j) > 1 else float("nan")

    def text(self) -> str:
        """The answer in a sentence."""
        if self.count is None or self.period_s is None:
            why = f"({self.periodicity.reason}): {self.periodicity.evidence}"
            return f"single inferences cannot be resolved {why}"
        return (
            f"{self.count} inferences of {self.period_s * 1e3:.5g} ms, {self.mean_j * 1e6:.5g} µJ each, "
            f"standard deviation {self.deviation_j / self.mean_j * 100:.2g} %"
        )

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: SI units; the overlay is left out."""
        return {
            "resolved": self.resolved,
            "reason": self.periodicity.reason,
            "evidence": self.periodicity.evidence,
            "score": self.periodicity.score,
            "period_s": self.period_s,
            "count": self.count,
            "energy_j": {"mean": self.mean_j, "standard_deviation": self.deviation_j} if self.count else None,
        }


def single_inferences(source: SampleSource, window: Window) -> SingleInferences:
    """The inferences of a window, from its samples alone: no throughput, log or count is looked at.

    Args:
        source: The samples.
        window: The window; a sample at each end that it cuts is left out of the search.
    """
    opening, closing = window.opening.position, window.closing.position
    first, stop = int(np.ceil(opening)), int(np.floor(closing))
    found, factor = _search(source, first, stop)
    if found.period is None:
        return SingleInferences(found)
    period = found.period * factor
    exact = (closing - opening) / period
    count = round(exact)
    if abs(exact - count) > WHOLE:
        evidence = f"{found.evidence}; the window is {exact:.2f} periods long"
        return SingleInferences(Periodicity(None, found.score, "ambiguous", evidence))
    rate = source.signal.rate_hz
    begin = max(closing - count * period, opening)  # the pin is held after the opening edge
    energy_j = _energies(source, begin + np.arange(count + 1, dtype=np.float64) * period)
    overlay = _overlay(source, begin, period, min(count, 2000))
    return SingleInferences(found, period / rate, count, energy_j, *overlay)


def _search(source: SampleSource, first: int, stop: int) -> tuple[Periodicity, int]:
    """The period in averaged samples, and how many samples each of them averages."""
    factor = max(1, -(-(stop - first) // MOST))
    found = find_period(_means(source, first, stop, factor))
    if factor > 1 and found.reason == "fast":
        factor = 1
        found = find_period(_means(source, first, min(stop, first + MOST), 1))
    return found, factor


def _power(source: SampleSource, columns: tuple[Any, ...]) -> Floats:
    """Power of samples in watt, shape (n,)."""
    values = columns[0].astype(np.float64)
    if source.signal.kind is SampleKind.CURRENT_VOLTAGE:
        values = values * columns[1]
    return values * (source.signal.joule_per_unit * source.signal.rate_hz)


def _means(source: SampleSource, first: int, stop: int, factor: int) -> Floats:
    """Mean power over each ``factor`` samples, shape ((stop - first) // factor,); a missing sample is 0."""
    count = (stop - first) // factor
    sums = np.zeros(count)
    for block in source.read(first, first + count * factor):
        places = (np.arange(block.first, block.stop) - first) // factor
        sums += np.bincount(places, _power(source, block.columns), count)
    return sums / factor


def _energies(source: SampleSource, borders: Floats) -> Floats:
    """Energy between successive positions, shape (n - 1,): a sample counts by the part of it inside."""
    offset = source.signal.coverage_offset
    at = borders - offset
    total = np.zeros(len(borders))
    for block in source.read(int(np.floor(at[0])), int(np.ceil(at[-1]))):
        energy = _power(source, block.columns) / source.signal.rate_hz
        below = np.concatenate([[0.0], np.cumsum(energy)])
        total += np.interp(at, np.arange(block.first, block.stop + 1, dtype=np.float64), below)
    return np.asarray(np.diff(total), dtype=np.float64)


def _overlay(source: SampleSource, opening: float, period: float, count: int) -> tuple[Floats, ...]:
    """Times in an inference, and the median, 5th and 95th percentile of the power there over inferences."""
    points = max(8, min(_POINTS, round(period)))
    steps = np.arange(count * points + 1, dtype=np.float64)
    borders = opening + steps * (period / points)
    step_s = period / points / source.signal.rate_hz
    power = _energies(source, borders).reshape(count, points) / step_s
    low, middle, high = (np.asarray(np.percentile(power, part, axis=0)) for part in (5.0, 50.0, 95.0))
    phase_s = (steps[:points] + 0.5) * step_s
    return phase_s, middle, low, high
