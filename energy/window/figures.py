"""Figures: a window with its number of inferences, and a session as the median over its windows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from energy.recording.jsonvalues import for_json
from energy.window.integrator import Window
from energy.window.rules import EnergyRule


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """The figures of a window.

    Attributes:
        window: The window.
        iterations: Number of inferences in it; None if it is not known.
    """

    window: Window
    iterations: int | None

    def energy_j(self, rule: EnergyRule = EnergyRule.EXACT) -> float:
        """Energy of the window."""
        return self.window.energies[rule].energy_j

    def joule_per_inference(self, rule: EnergyRule = EnergyRule.EXACT) -> float | None:
        """Energy divided by inferences; None if their number is not known."""
        return self.energy_j(rule) / self.iterations if self.iterations else None

    @property
    def inferences_per_second(self) -> float | None:
        """Inferences divided by the time between the edges; None if that is 0 or the number is not known."""
        duration = self.window.duration_s
        return self.iterations / duration if self.iterations and duration > 0 else None

    def to_json(self) -> dict[str, Any]:
        """The figures, in SI units, for ``--json``."""
        window = self.window
        document: dict[str, Any] = {
            "number": window.number,
            "start_s": window.start_s,
            "stop_s": window.stop_s,
            "window_s": window.duration_s,
            "iterations": self.iterations,
            "energies": {
                rule.value: {
                    "energy_j": energy.energy_j,
                    "power_w": energy.power_w,
                    "joule_per_inference": self.joule_per_inference(rule),
                    "missing_samples": energy.missing,
                }
                for rule, energy in window.energies.items()
            },
            "inferences_per_second": self.inferences_per_second,
            "edge_bound_j": {"step": window.bounds.step_j, "position": window.bounds.position_j},
            "findings": [finding.to_json() for finding in window.findings],
        }
        return for_json(document)


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and scatter of a figure over the windows of a session.

    Attributes:
        median: The ordinary median (mean of the middle two for an even number).
        low: The smallest.
        high: The largest.
        relative_deviation: Sample standard deviation (n - 1) over the mean's magnitude; None for one window.
        count: Number of windows.
    """

    median: float
    low: float
    high: float
    relative_deviation: float | None
    count: int

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        document = {
            "median": self.median,
            "min": self.low,
            "max": self.high,
            "relative_standard_deviation": self.relative_deviation,
            "windows": self.count,
        }
        return for_json(document)


def spread(values: Sequence[float]) -> Spread | None:
    """Median and scatter of the values; None if there are none. If any value is NaN, so is the median."""
    if not values:
        return None
    if any(math.isnan(value) for value in values):
        return Spread(math.nan, math.nan, math.nan, None, len(values))
    with np.errstate(all="ignore"):  # damaged samples may give infinity, which is a finding
        mean = abs(float(np.mean(values)))
        deviation = float(np.std(values, ddof=1)) / mean if len(values) > 1 and mean else None
    return Spread(statistics.median(values), min(values), max(values), deviation, len(values))


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """The figures of a session: energy per inference, and always inferences per second with it.

    Attributes:
        windows: The figures of each window.
    """

    windows: tuple[WindowFigures, ...]

    def energy_j(self, rule: EnergyRule = EnergyRule.EXACT) -> Spread | None:
        """Energy per window."""
        return spread([figures.energy_j(rule) for figures in self.windows])

    def joule_per_inference(self, rule: EnergyRule = EnergyRule.EXACT) -> Spread | None:
        """Energy per inference; None unless every window's number of inferences is known."""
        values = [figures.joule_per_inference(rule) for figures in self.windows]
        known = [value for value in values if value is not None]
        return spread(known) if len(known) == len(values) else None

    def inferences_per_second(self) -> Spread | None:
        """Throughput; None unless every window's number of inferences is known."""
        values = [figures.inferences_per_second for figures in self.windows]
        known = [value for value in values if value is not None]
        return spread(known) if len(known) == len(values) else None

    def power_w(self, rule: EnergyRule = EnergyRule.EXACT) -> Spread | None:
        """Mean power of the windows."""
        return spread([figures.window.energies[rule].power_w for figures in self.windows])

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""

        def by_rule(figure: Any) -> dict[str, Any]:
            return {rule.value: value.to_json() if (value := figure(rule)) else None for rule in EnergyRule}

        throughput = self.inferences_per_second()
        return {
            "energy_j": by_rule(self.energy_j),
            "power_w": by_rule(self.power_w),
            "joule_per_inference": by_rule(self.joule_per_inference),
            "inferences_per_second": throughput.to_json() if throughput else None,
        }
