"""Few digits of a monitor's stream: a steady reading is rounded, and the uncertainty says so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from drivers.lpm01a.packets import VALUES
from drivers.lpm01a.setup import Choice
from energy.calibration.check import CalcheckPlan, MeterVoltage, run_calcheck
from energy.calibration.loads import loads_of
from tests.calibration.test_calcheck import bench_with


@pytest.mark.parametrize("reading", [1.0004e-5, 9.998e-6, 3.3e-3, 4.2e-7, 0.0493])
def test_in_text_the_step_is_the_fourth_digit(reading):
    digits = f"{reading:.3e}"
    mantissa, exponent = digits.split("e")
    after = float(f"{float(mantissa) + 0.001:.3f}e{exponent}")
    assert Choice().resolution(reading) == pytest.approx(after - float(digits), rel=1e-6)


@pytest.mark.parametrize("reading", [1.0004e-5, 3.3e-3, 4.2e-7, 0.0493, 0.9])
def test_in_binary_the_step_is_that_of_the_twelve_bits(reading):
    """Against all values that two bytes can hold."""
    values = np.unique(VALUES[np.isfinite(VALUES)].astype(np.float64))
    place = int(np.searchsorted(values, reading))
    step = values[place] - values[place - 1]
    assert Choice(format="bin_hexa", output="current").resolution(reading) == pytest.approx(step)


def test_without_a_current_there_is_no_step():
    assert Choice().resolution(0.0) == 0.0
    assert Choice().resolution(math.nan) == 0.0


def test_what_rounding_alone_puts_on_a_reading_is_within_its_uncertainty():
    """At 3 V and 1 kHz, 1 mA is 3.000 µJ a sample: these loads are between two values of the stream."""
    ohms = [899.6, 899.7, 899.86, 899.93, 2999.1, 2999.3]
    loads = loads_of([f"{ohm} ohm 1ppm" for ohm in ohms], [])
    result = run_calcheck(CalcheckPlan(bench_with(), loads, MeterVoltage(3.0, 1e-6), 1.0, asks=False))
    points = result.evaluation.points
    assert all(abs(point.deviation_a) <= point.expanded_a for point in points)
    assert any(abs(point.deviation_a) > 1e-4 * point.reference_a for point in points)
    assert all(point.expanded_a < 6e-4 * point.reference_a for point in points)
