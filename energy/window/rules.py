"""The three rules that make a window's energy from samples.

``exact``: a sample counts by the part of it that lies inside the window. This is joulebench's own rule, and
gives the figure that it quotes.
``mlcommons``: from the first sample that begins at or after the opening edge to the last that begins before
the closing edge (half open); mean power is over their count (RUN main.py; protocols.md 3.6).
``eembc``: the samples whose accumulated time t satisfies a <= t <= b, both ends included; mean power is over
their count (protocols.md 3.6; reproduces every published EEMBC trace).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from energy.signal import Edge, Signal
from energy.window.accumulated import AccumulatedClock
from energy.window.prefix import EnergyPrefix, Sum

_FAR = 2**53


class EnergyRule(StrEnum):
    """Name of a rule."""

    EXACT = "exact"
    MLCOMMONS = "mlcommons"
    EEMBC = "eembc"


@dataclass(frozen=True, slots=True)
class RuleEnergy:
    """A window's energy by one rule.

    Attributes:
        energy_j: Energy of the samples that exist and are finite.
        duration_s: The time by which the rule divides for the mean power.
        missing: Number of whole samples that the rule needs and that are missing or not finite.
        not_finite: Number of those that are NaN or infinite.
    """

    energy_j: float
    duration_s: float
    missing: int
    not_finite: int

    @property
    def power_w(self) -> float:
        """Mean power; NaN if the rule selects no samples."""
        return self.energy_j / self.duration_s if self.duration_s > 0 else math.nan


@dataclass(frozen=True, slots=True)
class EdgeBounds:
    """The largest errors that the two edges of a window together make in its ``exact`` energy, in joule.

    Attributes:
        step_j: Because the power steps inside the sample that an edge cuts: per edge at most a quarter of the
            step, times the sample period. (If the edge lies at the fraction f of the sample and the step at
            the fraction s >= f, the error is f (1 - s) times the step.) The size of the step is the
            difference between the highest and the lowest of that sample and its two neighbours. Where a
            neighbour is missing, at the ends or beside a gap, the true step may be larger.
        position_j: Because an edge's own position is uncertain by its bound, at the highest power of the
            samples around it.
    """

    step_j: float
    position_j: float


@dataclass(frozen=True, slots=True)
class Extent:
    """The samples that a window needs: ``[first, stop)`` by each rule; for ``EdgeBounds``, only the stop."""

    exact: tuple[int, int]
    mlcommons: tuple[int, int]
    eembc: tuple[int, int]
    bounds: int

    @property
    def needed(self) -> int:
        """Position before which all samples must have come so that the window can be closed."""
        return max(self.exact[1], self.mlcommons[1], self.eembc[1], self.bounds)


class WindowRules:
    """Applies the rules to the windows of a signal."""

    def __init__(self, signal: Signal, prefix: EnergyPrefix) -> None:
        self._signal = signal
        self._prefix = prefix
        self._clock = AccumulatedClock(signal.rate_hz)

    def extent(self, opening: Edge, closing: Edge) -> Extent:
        """The samples that the window between two edges needs."""
        offset = self._signal.coverage_offset
        a, b = opening.position - offset, closing.position - offset
        rate = self._signal.rate_hz
        return Extent(
            exact=(math.floor(a), math.ceil(b)),
            mlcommons=(math.ceil(opening.position), math.ceil(closing.position)),
            eembc=(
                self._accumulated(opening.position / rate, after=False),
                self._accumulated(closing.position / rate, after=True),
            ),
            bounds=max(math.ceil(b) + 1, self._around(opening)[1], self._around(closing)[1]),
        )

    def energies(self, opening: Edge, closing: Edge) -> dict[EnergyRule, RuleEnergy]:
        """Energy of the window between two edges, by each rule. The edges must be in order."""
        extent = self.extent(opening, closing)
        duration = (closing.position - opening.position) / self._signal.rate_hz
        return {
            EnergyRule.EXACT: self._exact(opening, closing, extent.exact, duration),
            EnergyRule.MLCOMMONS: self._whole(*extent.mlcommons),
            EnergyRule.EEMBC: self._whole(*extent.eembc),
        }

    def edge_bounds(self, opening: Edge, closing: Edge) -> EdgeBounds:
        """The largest errors that the two edges make in the ``exact`` energy."""
        step = sum(self._step(edge) for edge in (opening, closing)) * 0.25
        shift = sum(
            edge.bound * self._prefix.highest(*self._around(edge))
            for edge in (opening, closing)
            if edge.bound
        )
        scale = self._signal.joule_per_unit
        return EdgeBounds(step * scale, shift * scale)

    def _accumulated(self, time_s: float, *, after: bool) -> int:
        try:
            return self._clock.first_after(time_s) if after else self._clock.first_at_or_after(time_s)
        except OverflowError:
            return _FAR

    def _exact(self, opening: Edge, closing: Edge, extent: tuple[int, int], duration: float) -> RuleEnergy:
        offset = self._signal.coverage_offset
        a, b = opening.position - offset, closing.position - offset
        first, stop = extent
        if stop - first <= 1:  # both edges inside one sample
            parts = [(self._prefix.sum(first, stop), b - a)]
        else:
            parts = [
                (self._prefix.sum(first, first + 1), first + 1 - a),
                (self._prefix.sum(first + 1, stop - 1), 1.0),
                (self._prefix.sum(stop - 1, stop), b - (stop - 1)),
            ]
        energy = sum(part.value * weight for part, weight in parts)
        count = sum(part.count for part, _ in parts)
        bad = sum(part.not_finite for part, _ in parts)
        return RuleEnergy(energy * self._signal.joule_per_unit, duration, stop - first - count, bad)

    def _whole(self, first: int, stop: int) -> RuleEnergy:
        total = self._prefix.sum(first, stop) if stop > first else Sum(0.0, 0)
        span = max(stop - first, 0)
        return RuleEnergy(
            total.value * self._signal.joule_per_unit,
            span / self._signal.rate_hz,
            span - total.count,
            total.not_finite,
        )

    def _step(self, edge: Edge) -> float:
        """Size of the step in the sample that the edge cuts, from its neighbours, in the signal's units."""
        at = edge.position - self._signal.coverage_offset
        k = math.floor(at)
        if at == k:
            return 0.0  # the edge cuts no sample
        around = self._prefix.values(k - 1, k + 2)
        finite = around[np.isfinite(around)]
        return float(finite.max()) - float(finite.min()) if len(finite) else 0.0

    def _around(self, edge: Edge) -> tuple[int, int]:
        """The samples ``[first, stop)`` within the edge's own bound."""
        at = edge.position - self._signal.coverage_offset
        return max(math.floor(at - edge.bound), 0), math.ceil(at + edge.bound)
