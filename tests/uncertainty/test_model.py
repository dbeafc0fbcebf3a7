"""The measurement model, term by term: each uncertainty is calculated here by another way than the code's."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given as draw
from hypothesis import settings
from hypothesis import strategies as st

from energy.evidence.calibration import Calibration, CalibrationLine
from energy.uncertainty.facts import IdleFacts, RangePart, WindowFacts
from energy.uncertainty.model import Model
from energy.uncertainty.specified import MissingLineError, clock_error, errors_of
from tests.uncertainty.support import conditions, line, windows

GAIN = line("current", 0.02, linear=False)
ROOT3 = math.sqrt(3.0)
THREE = windows(1.0, 1.01, 1.03)


def contributions(budget) -> dict[str, float]:
    return {term.of.name: term.contribution for term in budget.terms}


def relative(budget) -> dict[str, float]:
    return {name: value / abs(budget.value) for name, value in contributions(budget).items()}


def test_gain_alone_is_a_share_of_the_energy():
    budget = Model(conditions(GAIN), windows(2.0)).joule_per_inference()
    assert budget.value == budget.indicated == 2.0 / 1000
    assert relative(budget) == pytest.approx({"gain of current, 100 mA": 0.02 / ROOT3})
    assert budget.coverage.method == "distribution"
    assert budget.expanded / budget.value == pytest.approx(0.95 * 0.02, rel=1e-3)


def test_offset_is_as_large_as_at_any_current():
    """600 nA at 3 V over 10 s is 18 µJ, whatever the DUT draws."""
    model = Model(conditions(line("current", 0.0, 600e-9)), windows(0.3))
    budget = model.joule_per_inference()
    assert contributions(budget) == pytest.approx(
        {"offset of current, 100 mA": 600e-9 * 3 * 10 / 1000 / ROOT3}
    )
    assert relative(model.power()) == pytest.approx(relative(budget))


def test_the_sample_clock_is_in_energy_and_throughput_but_not_in_power():
    model = Model(conditions(line("current", 0.0), line("time", 1e-4)), windows(1.0))
    assert relative(model.joule_per_inference())["sample clock"] == pytest.approx(1e-4 / ROOT3)
    assert relative(model.inferences_per_second())["sample clock"] == pytest.approx(1e-4 / ROOT3)
    assert "sample clock" not in relative(model.power())


def test_a_clock_that_nobody_specifies_is_assumed():
    clock = clock_error(conditions(GAIN, clock_tolerance=5e-4))
    assert (clock.limit, clock.status) == (5e-4, "assumed")


def test_a_voltage_that_nobody_measures_is_assumed_within_a_percent():
    budget = Model(
        conditions(line("current", 0.0), voltage_tolerance=None), windows(1.0)
    ).joule_per_inference()
    assert relative(budget) == pytest.approx({"supply voltage": 0.01 / ROOT3})
    assert budget.assumed


def test_a_programmed_voltage_has_gain_and_offset_of_its_source():
    source = line("voltage", 0.0002, 0.0024, role="source", full_scale=20.0)
    model = Model(conditions(line("current", 0.0), source, voltage_tolerance=None), windows(1.0))
    expected = {"gain": 0.0002 / ROOT3, "offset": 0.0024 / 3 / ROOT3}
    found = {name.split()[0]: value for name, value in relative(model.joule_per_inference()).items()}
    assert found == pytest.approx(expected)


def test_scatter_is_that_of_the_median():
    budget = Model(conditions(line("current", 0.0)), THREE).joule_per_inference()
    (term,) = budget.terms
    s = np.std([1.0e-3, 1.01e-3, 1.03e-3], ddof=1)
    closed_form = math.sqrt(3 * (1 - math.sqrt(3) / math.pi))
    assert term.contribution == pytest.approx(closed_form * s / ROOT3)
    assert (term.of.freedom, term.of.evaluation) == (2, "A")
    assert budget.k == pytest.approx(4.303, abs=5e-4)
    assert budget.value == pytest.approx(1.01e-3)


def test_the_figure_is_the_median_of_the_windows():
    four = Model(conditions(GAIN), windows(1.0, 1.3, 1.1, 9.0)).joule_per_inference()
    assert four.value == pytest.approx(1.2e-3)
    assert contributions(four)["gain of current, 100 mA"] == pytest.approx(1.2e-3 * 0.02 / ROOT3)


def test_a_single_window_says_that_its_scatter_is_unknown():
    budget = Model(conditions(GAIN), windows(1.0)).joule_per_inference()
    assert any("scatter is unknown" in note for note in budget.notes)


NOISY = line("current", 0.0, noise=3e-6), line("voltage", 0.0, noise=2e-3, full_scale=20.0)


def test_noise_of_a_single_window_goes_with_the_root_of_its_samples():
    """10 000 samples of 33.3 mA at 3 V: 3 µA and 2 mV a sample, both over 100."""
    single = windows(1.0, samples=10_000)
    known = conditions(*NOISY, voltage_source="samples", voltage_range="20 V")
    expected = math.hypot(3e-6 / (1 / 30), 2e-3 / 3) / 100
    for budget in (Model(known, single).joule_per_inference(), Model(known, single).power()):
        assert relative(budget) == pytest.approx({"noise of the samples": expected})
    assert relative(Model(known, single).inferences_per_second()) == {}
    of_current = Model(conditions(*NOISY), single).joule_per_inference()
    assert relative(of_current) == pytest.approx({"noise of the samples": 3e-6 * 30 / 100})


def test_noise_of_several_windows_is_in_their_scatter():
    several = windows(1.0, 1.0, 1.0, samples=10_000)
    assert contributions(Model(conditions(*NOISY), several).joule_per_inference()) == {}


@pytest.mark.parametrize("count", [1, 5])
def test_edges_are_stated_for_any_number_of_windows(count):
    """A bias that is the same in every window is no scatter."""
    several = windows(*[1.0] * count, step_j=0.002, position_j=0.001, position_s=0.01)
    budget = Model(conditions(line("current", 0.0)), several).joule_per_inference()
    assert relative(budget) == pytest.approx(
        {
            "edges, power step in their samples": 0.002 / ROOT3,
            "edges, position": 0.001 / math.sqrt(6),
        }
    )
    model = Model(conditions(line("current", 0.0), common_edges=True), several)
    common = relative(model.joule_per_inference())
    assert common["edges, position"] == pytest.approx(0.001 / ROOT3)
    rate = relative(model.inferences_per_second())
    assert rate == pytest.approx({"edges, position": 0.001 / ROOT3})


def test_an_edge_that_moves_takes_energy_and_time_along():
    """Where the power at the edges is that of the window, its mean power does not change."""
    several = windows(1.0, position_j=0.1 * 0.01, position_s=0.01)
    assert contributions(Model(conditions(line("current", 0.0)), several).power()) == {}


def test_lost_samples_are_taken_for_average_ones():
    """1 W for 10 s, a tenth of the samples lost: 9 J indicated, and the truth between 9 J and 11 J."""
    lost = windows(9.0, samples=1000, missing=100)
    model = Model(conditions(line("current", 0.0)), lost)
    energy = model.joule_per_inference()
    assert (energy.indicated, energy.value) == pytest.approx((9e-3, 10e-3))
    assert contributions(energy) == pytest.approx({"lost samples, 100 of 1000": 1e-3 / ROOT3})
    assert energy.interval == pytest.approx((10e-3 - 0.95e-3, 10e-3 + 0.95e-3), rel=1e-4)
    assert (model.power().value, model.inferences_per_second().value) == pytest.approx((1.0, 100.0))
    assert contributions(model.inferences_per_second()) == {}
    net = model.net_joule_per_inference(IdleFacts(5.0, 10.0))
    assert net.value == pytest.approx(5e-3)
    assert contributions(net) == pytest.approx({"lost samples, 100 of 1000": 1e-3 / ROOT3}), (
        "of the whole energy"
    )


@pytest.mark.parametrize("apart", [-0.01, 0.002])
def test_a_voltage_known_to_differ_is_within_the_interval(apart):
    """The truth is not anywhere up to the difference: it is there."""
    known = conditions(line("current", 0.0), voltage_source="supply", measured_v=3.0 * (1 + apart))
    budget = Model(known, windows(1.0)).joule_per_inference()
    low, high = budget.interval
    assert low <= 1e-3 * (1 + apart) <= high
    assert budget.value == budget.indicated


def idle_terms(linear: bool) -> dict[str, float]:
    spec = line("current", 0.02, 600e-9, linear=linear)
    return contributions(Model(conditions(spec), windows(1.0)).net_joule_per_inference(IdleFacts(2.0, 40.0)))


def test_above_idle_the_offset_cancels_and_the_gain_in_part():
    assert idle_terms(True) == pytest.approx({"gain of current, 100 mA": 0.02 * 0.5e-3 / ROOT3})


def test_above_idle_the_gain_of_an_instrument_that_is_not_linear_does_not_cancel():
    assert idle_terms(False) == pytest.approx(
        {
            "gain of current, 100 mA": 0.02 * 1e-3 / ROOT3,
            "gain of current, 100 mA at idle": 0.02 * 0.5e-3 / ROOT3,
        }
    )


def test_the_figure_above_idle_is_indicated_above_idle():
    budget = Model(conditions(GAIN), THREE).net_joule_per_inference(IdleFacts(0.4, 10.0))
    assert (budget.indicated, budget.value) == pytest.approx((0.61e-3, 0.61e-3))


def test_edges_move_only_the_energy_above_idle():
    several = windows(1.0, position_j=0.001, position_s=0.01)  # 0.1 W at the edges, as in the window
    for idle_w, expected in ((0.1, 0.0), (0.04, 0.0006e-3)):
        budget = Model(conditions(line("current", 0.0)), several).net_joule_per_inference(
            IdleFacts(idle_w * 10, 10.0)
        )
        assert contributions(budget).get("edges, position", 0.0) == pytest.approx(
            expected / math.sqrt(6), abs=1e-15
        )


RANGES = (
    line("current", 0.01, 1e-6, range="low", full_scale=1e-3),
    line("current", 0.02, 2e-5, range="high"),
)


def test_each_range_has_its_own_gain_and_offset():
    parts = {"low": RangePart(0.01, 6.0), "high": RangePart(0.99, 4.0)}
    budget = Model(conditions(*RANGES), windows(1.0, ranges=parts)).joule_per_inference()
    expected = {
        "gain of current, low": 0.01 * 0.01,
        "gain of current, high": 0.02 * 0.99,
        "offset of current, low": 1e-6 * 3 * 6,
        "offset of current, high": 2e-5 * 3 * 4,
    }
    assert contributions(budget) == pytest.approx({k: v / 1000 / ROOT3 for k, v in expected.items()})
    assert budget.value == pytest.approx(1e-3)


def test_the_value_is_the_energy_of_the_window_though_its_parts_are_of_whole_samples():
    parts = {"low": RangePart(0.01, 6.0), "high": RangePart(0.98, 3.9)}
    budget = Model(conditions(*RANGES), windows(1.0, ranges=parts)).joule_per_inference()
    assert budget.value == budget.indicated == 1e-3


def test_an_unknown_range_is_the_smallest_that_includes_the_reading():
    several = windows(1.0, ranges={"": RangePart(0.001, 6.0), "high": RangePart(0.999, 4.0)})
    budget = Model(conditions(*RANGES), several).joule_per_inference()
    assert "gain of current, low" in contributions(budget)


def test_a_range_that_the_specification_does_not_have_is_refused():
    with pytest.raises(MissingLineError, match="model has no accuracy line for current"):
        Model(conditions(GAIN), windows(1.0, ranges={"7 mA": RangePart(1.0, 10.0)})).joule_per_inference()


def test_a_monitor_without_a_line_for_current_has_no_budget():
    with pytest.raises(MissingLineError, match="model has no accuracy line for current"):
        Model(conditions(line("voltage", 0.01)), windows(1.0)).joule_per_inference()
    with pytest.raises(MissingLineError, match="voltage"):
        Model(conditions(GAIN, voltage_source="samples"), windows(1.0))


@pytest.mark.parametrize(
    ("temperature_c", "factor", "remark"),
    [(23.0, 1.0, ""), (10.0, 1.0 + 8 * 0.15, "8.0 °C outside"), (31.0, 1.0 + 3 * 0.15, "3.0 °C outside")],
)
def test_outside_its_temperatures_a_line_widens(temperature_c, factor, remark):
    spec = line("current", 0.001, 1e-6, per_celsius=0.15)
    gain, offset, _ = errors_of("current", conditions(spec, temperature_c=temperature_c), 0.01)
    assert offset is not None
    assert (gain.limit, offset.limit) == pytest.approx((0.001 * factor, 1e-6 * factor))
    assert remark in gain.source


def test_what_is_not_known_of_the_temperature_is_written_down():
    gain = errors_of("current", conditions(GAIN, temperature_c=None), 0.01).gain
    assert "ambient temperature unknown" in gain.source
    gain = errors_of("current", conditions(GAIN, temperature_c=40.0), 0.01).gain
    assert "12.0 °C outside its temperatures, no coefficient stated" in gain.source


def certificate(**more) -> Calibration:
    given = {"quantity": "current", "gain_uncertainty": 0.0004, "gain_correction": -0.003, **more}
    return Calibration.model_validate(
        {
            "schema": "joulebench.calibration/1",
            "model": "model",
            "serial_number": "1",
            "date": date(2026, 1, 5),
            "certificate": "C-17",
            "lines": [CalibrationLine.model_validate(given)],
        }
    )


def test_a_certificate_replaces_the_specification_and_corrects_the_figure():
    certified = certificate(offset_correction=1e-6, offset_uncertainty=4e-7, k=2.0)
    budget = Model(conditions(GAIN, calibration=certified), windows(1.0)).joule_per_inference()
    assert budget.indicated == 1e-3
    assert budget.value == pytest.approx((1.0 * 0.997 + 1e-6 * 3 * 10) / 1000)
    assert contributions(budget) == pytest.approx(
        {
            "gain of current, certified": 0.0002 * 1e-3,
            "offset of current, certified": 2e-7 * 3 * 10 / 1000,
        },
        rel=1e-3,
    )
    assert all("C-17" in term.of.source for term in budget.terms)


def test_gain_and_offset_of_a_fitted_line_are_correlated():
    """A straight line through calibration points: anti-correlated errors cancel where the points were."""
    certified = certificate(offset_uncertainty=4e-6 / 3, correlation=-1.0, k=1.0, degrees_of_freedom=9)
    budget = Model(conditions(GAIN, calibration=certified), windows(0.1 / 0.997)).joule_per_inference()
    gain, offset = 0.0004 * 0.1e-3 / 0.997, 4e-6 / 3 * 3 * 10 / 1000
    assert budget.u == pytest.approx(abs(gain - offset), rel=1e-3)
    assert budget.freedom == pytest.approx(9)


def test_degrees_of_freedom_of_a_certificate_count():
    budget = Model(
        conditions(GAIN, calibration=certificate(degrees_of_freedom=7)), windows(1.0)
    ).joule_per_inference()
    assert budget.freedom == pytest.approx(7)
    assert budget.k == pytest.approx(2.365, abs=1e-3)


def test_a_certificate_for_other_readings_leaves_the_specification():
    certified = certificate(lowest=0.05, highest=0.1)
    budget = Model(conditions(GAIN, calibration=certified), windows(1.0)).joule_per_inference()
    assert list(contributions(budget)) == ["gain of current, 100 mA"]


def test_resistance_before_the_dut_is_subtracted():
    """33.3 mA over 2 Ω ± 10 %: 2.22 mW of 100 mW."""
    model = Model(conditions(line("current", 0.0), resistances=(("leads", 2.0, 0.1),)), windows(1.0))
    budget = model.joule_per_inference()
    lost_j = (1.0 / 30) ** 2 * 2.0 * 10
    assert budget.value == pytest.approx((1.0 - lost_j) / 1000)
    assert contributions(budget) == pytest.approx({"resistance of the leads": 0.1 * lost_j / 1000 / ROOT3})


def test_budgets_of_two_sessions_on_the_same_monitor_share_its_gain():
    first = Model(conditions(GAIN), windows(1.0)).joule_per_inference()
    other = Model(replace(conditions(GAIN), session="later"), windows(1.1)).joule_per_inference()
    assert {t.of.key for t in first.terms} == {t.of.key for t in other.terms}
    unknown = [
        Model(replace(conditions(GAIN), serial_number="", session=name), windows(1.0)).joule_per_inference()
        for name in ("morning", "evening")
    ]
    assert {t.of.key for t in unknown[0].terms}.isdisjoint(t.of.key for t in unknown[1].terms)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energy_j": math.nan}, "finite number, not nan J"),
        ({"energy_j": math.inf}, "finite number, not inf J"),
        ({"duration_s": 0.0}, "above 0 s, not 0.0 s"),
        ({"duration_s": math.nan}, "above 0 s, not nan s"),
        ({"iterations": 0}, "at least one inference"),
        ({"samples": 10, "missing": 10}, "no energy was measured"),
        ({"samples": 10, "missing": 11}, "no energy was measured"),
        ({"step_j": -1.0}, "not negative"),
        ({"position_s": math.nan}, "finite"),
    ],
)
def test_a_window_that_is_no_measurement_is_refused(change, message):
    sound = {"energy_j": 1.0, "duration_s": 10.0, "iterations": 1000}
    with pytest.raises(ValueError, match=message):
        WindowFacts(**{**sound, **change})


@pytest.mark.parametrize(("energy_j", "duration_s"), [(math.nan, 1.0), (1.0, 0.0), (1.0, -1.0)])
def test_an_idle_stretch_that_is_no_measurement_is_refused(energy_j, duration_s):
    with pytest.raises(ValueError, match="idle stretch"):
        IdleFacts(energy_j, duration_s)


@settings(deadline=None, max_examples=40)
@draw(
    st.lists(st.floats(-1.0, 1.0).filter(lambda e: abs(e) > 1e-9), min_size=1, max_size=6),
    st.floats(0.01, 100.0),
    st.floats(0.0, 0.1),
    st.floats(0.0, 1e-3),
)
def test_no_energy_however_small_or_negative_breaks_a_budget(energies, duration_s, gain, offset):
    spec = line("current", gain, offset, full_scale=1e6)
    model = Model(conditions(spec), windows(*energies, duration_s=duration_s, step_j=1e-6))
    for budget in (model.joule_per_inference(), model.power(), model.inferences_per_second()):
        assert math.isfinite(budget.u)
        assert math.isfinite(budget.expanded)
        assert budget.expanded >= 0
        low, high = budget.interval
        assert low <= budget.value <= high
    median = float(np.median(energies)) / 1000
    assert model.joule_per_inference().value == pytest.approx(median, rel=1e-12, abs=1e-18)


def test_windows_without_any_error_have_no_uncertainty():
    budget = Model(conditions(line("current", 0.0)), windows(1.0)).joule_per_inference()
    assert (budget.u, budget.expanded, budget.terms) == (0.0, 0.0, ())
    assert budget.text() == "1000 µJ"
