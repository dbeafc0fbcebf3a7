"""Examples that standards work out, by our own path: inputs, budget, coverage.

JCGM 100:2008 (GUM), Annex H: data and results as printed there. JCGM 101:2008 (its supplement 1), 9.2.
EA-4/02 M:2013 and its supplements: terms and results as printed. Those of UKAS M3003 could not be had.
"""

from __future__ import annotations

import math
import statistics
from itertools import combinations

import numpy as np
import pytest

from energy.uncertainty.budget import Budget, budget_of
from energy.uncertainty.coverage import Contribution, coverage, effective_freedom, t_factor
from energy.uncertainty.inputs import Inputs
from tests.uncertainty.support import given


def budget(figure, inputs) -> Budget:
    return budget_of("figure", "", figure, float(figure.x), inputs)


def test_end_gauge_of_jcgm_100_h_1():
    """H.1.1 to H.1.6, lengths in nm: u_c = 32 nm, 16 degrees of freedom, U for 99 % = 93 nm with k = 2.92."""
    inputs = Inputs()
    number = inputs.number
    standard = number(given("l_S", 25.0, "t", 18, estimate=50_000_623.0))
    difference = (
        number(given("d, repeated", 5.8, "t", 24, estimate=215.0))
        + number(given("d, comparator, random", 3.9, "t", 5))
        + number(given("d, comparator, systematic", 6.7, "t", 8))
    )
    expansion = number(given("alpha_S", 2e-6 / math.sqrt(3), "rectangular", estimate=11.5e-6))
    expansions = number(given("delta alpha", 1e-6 / math.sqrt(3), "rectangular", 50))
    apart = number(given("delta theta", 0.05 / math.sqrt(3), "rectangular", 2))
    bath = number(given("theta, mean", 0.2, estimate=-0.1)) + number(
        given("theta, cyclic", 0.5 / math.sqrt(2), "arcsine")
    )
    length = standard + difference - standard * (expansions * bath + expansion * apart)
    found = budget(length, inputs)

    assert found.value == pytest.approx(50_000_838, abs=0.5)
    assert found.u == pytest.approx(32, abs=0.5)
    contributions = {term.of.key: term.contribution for term in found.terms}
    assert contributions["l_S"] == pytest.approx(25, abs=0.5)
    assert contributions["delta alpha"] == pytest.approx(2.9, abs=0.05)
    assert contributions["delta theta"] == pytest.approx(16.6, abs=0.05)
    of_difference = [value for key, value in contributions.items() if key.startswith("d,")]
    assert math.hypot(*of_difference) == pytest.approx(9.7, abs=0.05)
    assert "alpha_S" not in contributions, "its sensitivity is zero"
    # H.1.6 calculates from rounded contributions: 16.7, cut to 16, and 25.6 for the difference
    assert math.floor(found.freedom) == 16
    assert t_factor(found.freedom, 0.99) == pytest.approx(2.92, abs=0.005)
    assert t_factor(found.freedom, 0.99) * found.u == pytest.approx(93, abs=0.6)
    parts = [t for t in found.terms if t.of.key.startswith("d,")]
    alone = [Contribution(t.contribution, t.of.distribution, t.of.freedom) for t in parts]
    assert effective_freedom(alone) == pytest.approx(25.6, abs=0.2)


VOLTS = (5.007, 4.994, 5.005, 4.990, 4.999)
AMPERES = (19.663e-3, 19.639e-3, 19.640e-3, 19.685e-3, 19.678e-3)
RADIANS = (1.0456, 1.0438, 1.0468, 1.0428, 1.0433)


def test_resistance_and_reactance_of_jcgm_100_h_2():
    """H.2, tables H.2 to H.4: five sets of V, I and phi, observed together and therefore correlated."""
    observed = {"V": VOLTS, "I": AMPERES, "phi": RADIANS}
    estimates = {key: statistics.fmean(row) for key, row in observed.items()}
    standards = {key: statistics.stdev(row) / math.sqrt(5) for key, row in observed.items()}
    coefficients = {
        (first, second): statistics.correlation(observed[first], observed[second])
        for first, second in combinations(observed, 2)
    }
    assert coefficients == pytest.approx(
        {("V", "I"): -0.36, ("V", "phi"): 0.86, ("I", "phi"): -0.65}, abs=0.005
    )
    inputs = Inputs()
    entries = [given(key, standards[key], "t", 4, estimates[key]) for key in observed]
    volt, ampere, phi = inputs.correlated(entries, coefficients)
    from GTC import core

    found = {
        "R": budget(volt / ampere * core.cos(phi), inputs),
        "X": budget(volt / ampere * core.sin(phi), inputs),
        "Z": budget(volt / ampere, inputs),
    }
    assert {key: round(one.value, 3) for key, one in found.items()} == {
        "R": 127.732,
        "X": 219.847,
        "Z": 254.260,
    }
    standard = {key: one.u for key, one in found.items()}  # table H.3 cuts 0.2956 to 0.295
    assert standard == pytest.approx({"R": 0.071, "X": 0.295, "Z": 0.236}, abs=7e-4)
    assert all(one.freedom == pytest.approx(4) for one in found.values())


THERMOMETER_C = (21.521, 22.012, 22.512, 23.003, 23.507, 23.999, 24.513, 25.002, 25.503, 26.010, 26.511)
CORRECTION_C = (-0.171, -0.169, -0.166, -0.159, -0.164, -0.165, -0.156, -0.157, -0.159, -0.161, -0.160)


def test_calibration_of_a_thermometer_of_jcgm_100_h_3():
    """H.3: intercept and slope of a fit are correlated; b(30 °C) = -0.1494 °C, u = 0.0041 °C, 9 degrees."""
    slope_and_intercept, covariance = np.polyfit(
        np.array(THERMOMETER_C) - 20.0, CORRECTION_C, 1, cov="unscaled"
    )
    slope, intercept = map(float, slope_and_intercept)
    residuals = [b - intercept - slope * (t - 20.0) for t, b in zip(THERMOMETER_C, CORRECTION_C, strict=True)]
    s = math.sqrt(math.fsum(r * r for r in residuals) / 9)
    assert s == pytest.approx(0.0035, abs=5e-5)
    u_slope, u_intercept = (s * math.sqrt(covariance[i][i]) for i in (0, 1))
    r = covariance[0][1] / math.sqrt(covariance[0][0] * covariance[1][1])
    assert (round(intercept, 4), round(u_intercept, 4)) == (-0.1712, 0.0029)
    assert (round(slope, 5), round(u_slope, 5), round(r, 3)) == (0.00218, 0.00067, -0.930)

    inputs = Inputs()
    entries = [given("y1", u_intercept, "t", 9, intercept), given("y2", u_slope, "t", 9, slope)]
    first, second = inputs.correlated(entries, {("y1", "y2"): float(r)})
    found = budget(first + second * 10.0, inputs)
    assert found.value == pytest.approx(-0.1494, abs=5e-5)
    assert found.u == pytest.approx(0.0041, abs=5e-5)
    assert found.freedom == pytest.approx(9)
    uncorrelated = math.hypot(u_intercept, 10 * u_slope)
    assert found.u < 0.6 * uncorrelated, "the correlation matters in this example"


def contributions(*terms: tuple[float, str]) -> list[Contribution]:
    return [Contribution(standard, kind) for standard, kind in terms]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("terms", "half_width"),
    [
        ([(1.0, "normal")] * 4, 3.92),  # 9.2.2
        ([(1.0, "rectangular")] * 3 + [(10.0, "rectangular")], 17.0),  # 9.2.4: the law alone gives 19.6
    ],
)
def test_additive_model_of_jcgm_101_9_2(terms, half_width):
    found = coverage(contributions(*terms))
    assert found.k * math.hypot(*(u for u, _ in terms)) == pytest.approx(half_width, abs=0.05)


def test_four_like_rectangular_terms_of_jcgm_101_9_2_3():
    """± 3.88 by the analytic solution; none of the four dominates, so ours is that of the law, ± 3.92."""
    found = coverage(contributions(*[(1.0, "rectangular")] * 4))
    assert found.method == "t-distribution"
    assert 3.88 <= found.k * 2.0 <= 3.92 + 5e-4


MULTIMETER = [(0.001, "normal"), (0.05 / math.sqrt(3), "rectangular"), (0.011 / math.sqrt(3), "rectangular")]
CALLIPER_UM = [
    (0.46, "rectangular"),
    (1.7 * 1.15, "rectangular"),
    (15.0, "rectangular"),
    (29.0, "rectangular"),
]
BLOCK_MK = [(15.0, "normal"), (10.0, "normal")] + [
    (u, "rectangular") for u in (23.0, 29.0, 58.0, 144.0, 29.0, 17.0)
]


@pytest.mark.parametrize(
    ("terms", "u", "k", "expanded", "digits"),
    [
        (MULTIMETER, 0.030, 1.65, 0.05, 2),  # S9: hand-held multimeter at 100 V, the resolution dominates
        (CALLIPER_UM, 33.0, 1.83, 60.0, -1),  # S10: vernier calliper, two rectangular terms
        (BLOCK_MK, 164.0, 1.81, 300.0, -2),  # S11: temperature block calibrator
    ],
)
def test_a_dominant_rectangular_term_of_ea_4_02(terms, u, k, expanded, digits):
    """EA-4/02 takes k of the one or two largest terms alone; ours is that of all, so slightly larger."""
    combined = math.hypot(*(standard for standard, _ in terms))
    found = coverage(contributions(*terms))
    assert found.method == "distribution"
    assert combined == pytest.approx(u, rel=0.02)
    assert k - 0.005 <= found.k <= k + 0.07
    assert round(found.k * combined, digits) == expanded


def test_standard_resistor_of_ea_4_02_s3():
    """S3: 10 kΩ resistor by substitution: 10 000.178 Ω with u = 8.33 mΩ and U = 17 mΩ."""
    inputs = Inputs()
    number = inputs.number
    reference = number(given("R_S", 2.5e-3, estimate=10_000.053))
    drift = number(given("drift", 10e-3 / math.sqrt(3), "rectangular", estimate=0.020))
    temperatures = [
        number(given(key, limit / math.sqrt(3), "rectangular"))
        for key, limit in (("T_S", 2.75e-3), ("T_X", 5.5e-3))
    ]
    parasitic = number(given("r_C", 1e-6 / math.sqrt(6), "triangular", estimate=1.0))
    ratio = number(given("r", 0.07e-6, "t", 4, estimate=1.0000105))
    resistance = (reference + drift + temperatures[0]) * parasitic * ratio - temperatures[1]
    found = budget(resistance, inputs)
    assert found.value == pytest.approx(10_000.178, abs=5e-4)
    assert found.u == pytest.approx(8.33e-3, abs=5e-6)
    assert found.expanded == pytest.approx(17e-3, abs=1e-3)
    largest = found.terms[0]
    assert largest.of.key == "drift"
    assert found.freedom > 5e4
