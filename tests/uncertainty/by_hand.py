"""The uncertainty of the benches in ``benches.toml``, written out: no library, no code under test.

Energy per inference, median of five windows of 1000 inferences. In words:

    u(gain)    = parts / sqrt(3) times the energy                     (rectangular)
    u(offset)  = amperes / sqrt(3) times voltage times time           (rectangular)
    u(voltage) = parts / sqrt(3), and volts / voltage / sqrt(3), times the energy
    u(clock)   = parts / sqrt(3) times the energy
    u(scatter) = 1.1976 s / sqrt(5), 4 degrees of freedom             (the median of five: see below)
    u(edges)   = step / sqrt(3); position / sqrt(6) for two independent edges, / sqrt(3) for common ones

all squared, added, and the root taken. The factor 1.1976 is sqrt(5) times the standard deviation of the
median of five standard normal numbers, which is 0.5356 (tables of normal order statistics: the variance of
the third of five is 0.28683).
"""

from __future__ import annotations

import math
from typing import Any

VOLTAGE_V = 3.0
DURATION_S = 10.0
INFERENCES = 1000
MEDIAN_OF_FIVE = math.sqrt(5 * 0.28683)
T_95 = {
    # JCGM 100:2008, table G.2
    **{4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228, 11: 2.201, 12: 2.179},
    **{13: 2.160, 14: 2.145, 15: 2.131, 16: 2.120, 17: 2.110, 18: 2.101, 19: 2.093, 20: 2.086},
    **{25: 2.060, 30: 2.042, 35: 2.030, 40: 2.021, 45: 2.014, 50: 2.009, 100: 1.984},
}


def median(values: list[float]) -> float:
    """The middle one of five."""
    return sorted(values)[2]


def standard_deviation(values: list[float]) -> float:
    """Of a sample: n - 1."""
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def terms(bench: dict[str, Any]) -> dict[str, float]:
    """Standard uncertainties of the energy per inference by term, in joule."""
    limits, energy_j = bench["limits"], median(bench["energy_j"])
    root = math.sqrt(3.0)
    position = root if bench["common_edges"] else math.sqrt(6.0)
    of_window = {
        "current, gain": limits["current_parts"] / root * energy_j,
        "current, offset": limits.get("current_a", 0.0) / root * VOLTAGE_V * DURATION_S,
        "voltage, gain": limits["voltage_parts"] / root * energy_j,
        "voltage, offset": limits.get("voltage_v", 0.0) / root / VOLTAGE_V * energy_j,
        "clock": limits["clock_parts"] / root * energy_j,
        "scatter": MEDIAN_OF_FIVE * standard_deviation(bench["energy_j"]) / math.sqrt(5.0),
        "step": bench["step_j"] / root,
        "position": bench["position_j"] / position,
    }
    return {name: value / INFERENCES for name, value in of_window.items()}


def combined(bench: dict[str, Any]) -> float:
    """Combined standard uncertainty, in joule."""
    return math.sqrt(sum(value**2 for value in terms(bench).values()))


def freedom(bench: dict[str, Any]) -> float:
    """Welch and Satterthwaite: only the scatter has a finite number, 4."""
    return combined(bench) ** 4 / (terms(bench)["scatter"] ** 4 / 4)


def t_factor(degrees: float) -> float:
    """From the table, for whole degrees; between its rows, and up to infinity (1.960), in 1 / degrees."""
    whole = math.floor(degrees)
    below = max(row for row in T_95 if row <= whole)
    rows_above = [row for row in T_95 if row > whole]
    inverse, factor = (1.0 / min(rows_above), T_95[min(rows_above)]) if rows_above else (0.0, 1.960)
    part = (1.0 / whole - inverse) / (1.0 / below - inverse)
    return factor + part * (T_95[below] - factor)


def trapezoid_factor(bench: dict[str, Any]) -> float:
    """k of the two largest rectangular terms alone.

    The sum of two rectangular errors within ± a and ± b has the density of a trapezoid. Beyond q, on both
    sides together, lies (a + b - q)^2 / (4 a b), which is 5 % at q = a + b - sqrt(0.2 a b); that holds where
    q is on the slope, above a - b. Else, on the flat part, q = 0.95 a.
    """
    largest = sorted((value for name, value in terms(bench).items() if name != "scatter"), reverse=True)
    a, b = (value * math.sqrt(3.0) for value in largest[:2])
    q = a + b - math.sqrt(0.2 * a * b)
    return (q if q >= a - b else 0.95 * a) / math.hypot(*largest[:2])
