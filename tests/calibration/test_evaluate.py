"""Corrections from readings of known loads, compared with closed forms and with drawn cases (JCGM 101)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from energy.bench.benchfile import WiringPart
from energy.calibration.evaluate import evaluate
from energy.calibration.loads import Load, loads_of, parse_current, parse_resistor
from energy.calibration.readings import Reading, VoltageAccuracy, current_line, voltage_line
from energy.errors import BenchError, UsageError
from energy.instruments import Accuracy

VOLTS, METER_V = 3.0, 0.0004
METER = VoltageAccuracy(0.0, METER_V, "a meter", at_load=True)
SPECIFICATION = (Accuracy("current", "all", 0.05, 0.02, 20e-6, "the test"),)


def resistors(*ohms, tolerance=0.001):
    return [Load(f"{ohm} ohm", ohm, tolerance, resistor=True) for ohm in ohms]


def read(loads, gain, offset_a, *, scatter=0.0, freedom=19, rng=None, volts=VOLTS, at=None):
    """Readings of a monitor with these errors, of loads whose true values are ``at``."""
    readings = []
    for load, true in zip(loads, at or [load.value for load in loads], strict=True):
        current_a = volts / true * (1 + gain) + offset_a
        deviation = scatter * current_a
        if rng is not None and scatter:
            samples = current_a + rng.normal(0.0, deviation * math.sqrt(freedom + 1), freedom + 1)
            current_a, deviation = samples.mean(), samples.std(ddof=1) / math.sqrt(freedom + 1)
        readings.append(Reading(load, float(current_a), float(deviation), freedom, 0.0, VOLTS))
    return readings


def corrections(gain, offset_a):
    """The certificate of a monitor that reads true x (1 + gain) + offset: the closed form."""
    return 1 / (1 + gain) - 1, -offset_a / (1 + gain)


def test_a_monitor_without_scatter_is_corrected_exactly():
    loads = resistors(330, 1000, 3300, 10_000)
    (line,) = evaluate(read(loads, 0.013, 5e-6), METER, SPECIFICATION).lines
    gain, offset = corrections(0.013, 5e-6)
    assert line.gain_correction == pytest.approx(gain, abs=1e-6)
    assert line.offset_correction == pytest.approx(offset, abs=1e-9)
    assert line.lowest < min(r.mean_a for r in read(loads, 0.013, 5e-6)) < line.highest


def test_the_line_and_its_covariance_are_those_of_weighted_least_squares():
    """Without a shared voltage error: against numpy's fit, whose covariance is that of the given sigmas."""
    loads = resistors(330, 1000, 3300)
    rng = np.random.default_rng(5)
    true = [load.value * (1 + d) for load, d in zip(loads, rng.uniform(-1e-3, 1e-3, 3), strict=True)]
    readings = read(loads, 0.013, 5e-6, at=true)
    exact = VoltageAccuracy(0.0, 1e-12, "exact", at_load=True)
    (line,) = evaluate(readings, exact, SPECIFICATION).lines
    x = np.array([r.mean_a for r in readings])
    reference = np.array([VOLTS / load.value for load in loads])
    sigma = reference * 1e-3 / math.sqrt(3)
    (gain, offset), covariance = np.polyfit(x, reference - x, 1, w=1 / sigma, cov="unscaled")
    u_gain, u_offset = np.sqrt(np.diag(covariance))
    assert line.gain_correction == pytest.approx(gain, abs=u_gain * 1e-2)
    assert line.offset_correction == pytest.approx(offset, abs=u_offset * 1e-2)
    assert line.gain_uncertainty / line.k == pytest.approx(u_gain, rel=0.01)
    assert line.offset_uncertainty / line.k == pytest.approx(u_offset, rel=0.01)
    assert line.correlation == pytest.approx(covariance[0, 1] / u_gain / u_offset, abs=0.01)


def test_an_error_of_the_voltage_is_shared_by_all_loads_and_goes_into_the_gain_alone():
    loads = resistors(330, 1000, 3300, tolerance=1e-7)
    (line,) = evaluate(read(loads, 0.0, 0.0), METER, SPECIFICATION).lines
    assert line.gain_uncertainty / line.k == pytest.approx(METER_V / VOLTS, rel=0.01)
    assert line.offset_uncertainty < 1e-9


def draws(count, ohms, seed):
    """Errors and stated uncertainties in many cases: gain, offset, loads, voltage and scatter are drawn."""
    rng = np.random.default_rng(seed)
    loads = resistors(*ohms)
    rows = []
    for _ in range(count):
        gain, offset_a = rng.uniform(-0.02, 0.02), rng.uniform(-20e-6, 20e-6)
        at = [load.value * (1 + rng.uniform(-load.tolerance, load.tolerance)) for load in loads]
        volts = VOLTS + rng.normal(0.0, METER_V)
        readings = read(loads, gain, offset_a, scatter=3e-4, rng=rng, volts=volts, at=at)
        (line,) = evaluate(readings, METER, SPECIFICATION).lines
        true = corrections(gain, offset_a)
        rows.append((line.gain_correction - true[0], line.gain_uncertainty,
                     line.offset_correction - true[1], line.offset_uncertainty))  # fmt: skip
    return np.array(rows).T


@pytest.mark.parametrize(("ohms", "seed"), [((330, 1000, 3300), 1), ((150, 330, 680, 1500, 6800), 2)])
def test_gain_and_offset_are_found_within_the_stated_uncertainty(ohms, seed):
    gain, u_gain, offset, u_offset = draws(400, ohms, seed)
    for error, stated in ((gain, u_gain), (offset, u_offset)):
        assert (np.abs(error) <= stated).mean() >= 0.93
        assert np.median(stated) == pytest.approx(np.percentile(np.abs(error), 95), rel=0.2)


def test_with_a_single_load_the_limit_of_the_offset_counts():
    """Any offset within the specification is then within the gain's uncertainty, at this current."""
    rng = np.random.default_rng(3)
    (load,) = resistors(1000)
    inside, largest = 0, 0.0
    for _ in range(200):
        offset_a = rng.uniform(-20e-6, 20e-6)
        true_ohm = 1000 * (1 + rng.uniform(-1e-3, 1e-3))
        (reading,) = read([load], 0.01, offset_a, at=[true_ohm])
        evaluation = evaluate([reading], METER, SPECIFICATION)
        (line,) = evaluation.lines
        inside += abs(line.gain_correction - corrections(0.01, offset_a)[0]) <= line.gain_uncertainty
        corrected_a = reading.mean_a * (1 + line.gain_correction) + line.offset_correction
        largest = max(largest, abs(corrected_a / (VOLTS / true_ohm) - 1))
    assert inside >= 0.93 * 200
    assert largest < 0.002  # at its own current the correction is right whatever the offset is
    assert line.offset_correction == 0
    assert line.offset_uncertainty / line.k == pytest.approx(20e-6 / math.sqrt(3), rel=0.01)
    assert line.correlation < -0.9
    assert any("1 of the 3 currents" in remark for remark in evaluation.remarks)


def test_three_loads_of_nearly_the_same_current_give_no_offset():
    evaluation = evaluate(read(resistors(1000, 1050, 1100), 0.01, 0.0), METER, SPECIFICATION)
    assert evaluation.lines[0].offset_correction == 0
    assert any("gain only" in remark for remark in evaluation.remarks)


def test_readings_that_are_no_straight_line_widen_the_uncertainty():
    loads = resistors(330, 1000, 3300, 10_000)
    straight = read(loads, 0.013, 0.0)
    bent = [Reading(r.load, r.mean_a * (1 + 0.3 * r.mean_a), 0.0, 19, 0.0, VOLTS) for r in straight]
    narrow, wide = (evaluate(readings, METER, SPECIFICATION) for readings in (straight, bent))
    assert wide.lines[0].gain_uncertainty > narrow.lines[0].gain_uncertainty
    bent = [
        Reading(r.load, r.mean_a * (1.01 if k % 2 else 0.99), 0.0, 19, 0.0, VOLTS)
        for k, r in enumerate(straight)
    ]
    wide = evaluate(bent, METER, SPECIFICATION)
    assert wide.lines[0].gain_uncertainty > 3 * narrow.lines[0].gain_uncertainty
    assert any("no straight line" in remark for remark in wide.remarks)
    assert not narrow.remarks


def test_each_range_has_its_own_line():
    low = [Reading(r.load, r.mean_a, 0.0, 19, 0.0, VOLTS, "low") for r in read(resistors(3300), 0.02, 0.0)]
    high = [Reading(r.load, r.mean_a, 0.0, 19, 0.0, VOLTS, "high") for r in read(resistors(330), -0.01, 0.0)]
    lines = {line.range: line for line in evaluate(low + high, METER).lines}
    assert lines["low"].gain_correction == pytest.approx(corrections(0.02, 0)[0], abs=1e-5)
    assert lines["high"].gain_correction == pytest.approx(corrections(-0.01, 0)[0], abs=1e-5)


def test_resistance_of_wires_and_shunt_is_taken_into_account_unless_the_meter_is_at_the_load():
    loads = resistors(100, 330, 1000)
    wiring = WiringPart(lead_ohm=0.4, lead_tolerance=0.5, burden_ohm=1.0, burden_tolerance=0.1)
    readings = read(loads, 0.0, 0.0, at=[load.value + 1.4 for load in loads])
    supply = VoltageAccuracy(1e-5, 0.0, "the supply")
    (line,) = evaluate(readings, supply, SPECIFICATION, wiring).lines
    assert line.gain_correction == pytest.approx(0, abs=1e-5)
    (wrong,) = evaluate(readings, supply, SPECIFICATION).lines
    assert abs(wrong.gain_correction) > 5e-3
    readings = read(loads, 0.0, 0.0)
    (at_load,) = evaluate(readings, METER, SPECIFICATION, wiring).lines
    assert at_load.gain_correction == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("gain", "verdict"), [(0.01, "within"), (0.0205, "undecided"), (0.04, "outside"), (-0.04, "outside")]
)  # fmt: skip
def test_a_monitor_is_outside_only_beyond_the_uncertainty(gain, verdict):
    specification = (Accuracy("current", "all", 0.05, 0.02, 0.0, "the test"),)
    points = evaluate(read(resistors(330, 1000, 3300), gain, 0.0), METER, specification).points
    assert {point.verdict for point in points} == {verdict}
    assert all(point.of_specification == pytest.approx(gain / 0.02, rel=0.05) for point in points)
    assert all(abs(point.left_a) < 1e-4 * point.reference_a for point in points)


def test_a_correction_of_half_the_reading_is_refused():
    with pytest.raises(BenchError) as caught:
        evaluate(read(resistors(330, 1000, 3300), -0.4, 0.0), METER)
    assert caught.value.code == "calcheck.too-far"


def test_the_line_of_a_specification_is_that_of_range_or_current():
    lines = [
        Accuracy("current", "10 mA", 0.01, 0.0002, 0.0, "s"),
        Accuracy("current", "100 mA", 0.1, 0.0003, 0.0, "s"),
        Accuracy("voltage", "2 V", 2.0, 0.0002, 0.0, "s", role="source"),
        Accuracy("voltage", "20 V", 20.0, 0.0003, 0.0, "s"),
    ]
    load = resistors(1000)[0]

    def reading(mean_a, range_=None):
        return Reading(load, mean_a, 0.0, 1, 0.0, VOLTS, range_)

    assert current_line(lines, reading(0.003)).range == "10 mA"
    assert current_line(lines, reading(0.03)).range == "100 mA"
    assert current_line(lines, reading(0.003, "100 mA")).range == "100 mA"
    assert current_line(lines, reading(0.3)) is None
    assert voltage_line(lines, 1.8, measured=False).range == "2 V"
    assert voltage_line(lines, 1.8, measured=True).range == "20 V"
    assert voltage_line(lines[:3], 1.8, measured=True).range == "2 V"


@pytest.mark.parametrize(
    ("text", "ohm", "tolerance"),
    [
        ("1 kohm 0.1%", 1000.0, 0.001),
        ("330R 1 %", 330.0, 0.01),
        ("10.0023 ohm 50ppm", 10.0023, 50e-6),
        ("4.7k ±0.05%", 4700.0, 0.0005),
        ("100 Ω 0.1%", 100.0, 0.001),
        ("1 Mohm +-1%", 1e6, 0.01),
    ],
)
def test_a_resistor_is_read_as_it_is_marked(text, ohm, tolerance):
    load = parse_resistor(text)
    assert load.value == pytest.approx(ohm)
    assert load.tolerance == pytest.approx(tolerance)
    assert load.current_a(2.0) == pytest.approx(2.0 / ohm)


def test_a_reference_current_is_read():
    load = parse_current("250 µA 0.02%")
    assert (load.value, load.current_a(1.8)) == (pytest.approx(250e-6), pytest.approx(250e-6))


@pytest.mark.parametrize(
    "text",
    ["1 kohm", "1 kohm 60%", "0 ohm 1%", "ohm 1%", "-5 ohm 1%", "1 mA 1%", "1 kohm 0%", "1e999 ohm 1%"],
)  # fmt: skip
def test_what_is_no_resistor_is_refused_with_an_example(text):
    with pytest.raises(UsageError) as caught:
        parse_resistor(text)
    assert caught.value.code == "calcheck.load"
    assert "1 kohm 0.1%" in caught.value.hint


def test_no_load_is_refused():
    with pytest.raises(UsageError):
        loads_of([], [])
