"""Figures of windows and sessions, and their JSON."""

from __future__ import annotations

import json
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.recording.jsonvalues import for_json
from energy.signal import Edge, SampleKind, Signal
from energy.window.figures import SessionFigures, Spread, WindowFigures, spread
from energy.window.integrator import integrate_trace
from energy.window.pairing import SequencePairing
from energy.window.rules import EnergyRule
from tests.window.support import QUICK, whole


def session(values, positions, iterations, rate=1.0):
    signal = Signal(SampleKind.ENERGY, rate, dtype="float64")
    windows, _ = integrate_trace(whole(values, positions, signal=signal), SequencePairing(), hold_s=0.0)
    return SessionFigures(tuple(map(WindowFigures, windows, iterations)))


FOUR = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]
LEVELS = np.repeat([2.0, 0, 8.0, 0, 3.0, 0, 5.0], 10)


def test_a_window_gives_energy_per_inference_and_inferences_per_second():
    one = session(LEVELS, [20.0, 30.0], [4]).windows[0]
    assert one.energy_j() == 80.0
    assert one.joule_per_inference() == 20.0
    assert one.inferences_per_second == 0.4
    assert one.energy_j(EnergyRule.EEMBC) == 80.0
    assert one.joule_per_inference(EnergyRule.MLCOMMONS) == 20.0


def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two():
    figures = session(LEVELS, FOUR, [10, 10, 10, 10])
    assert figures.energy_j().median == 40.0  # of 20, 30, 50, 80
    assert figures.joule_per_inference().median == 4.0
    assert (figures.energy_j().low, figures.energy_j().high, figures.energy_j().count) == (20.0, 80.0, 4)


def test_the_median_of_an_odd_number_is_the_middle_one():
    figures = session(LEVELS, FOUR[:6], [10, 10, 10])
    assert figures.energy_j().median == 30.0
    assert figures.power_w().median == 3.0
    assert figures.inferences_per_second().median == 1.0


def test_the_median_is_of_energies_per_inference_not_of_energies():
    figures = session(LEVELS, FOUR[:6], [1, 80, 3])
    assert figures.joule_per_inference().median == 10.0  # of 20, 1, 10


@QUICK
@given(values=st.lists(st.floats(1e-9, 1e3), min_size=2, max_size=12))
def test_the_deviation_is_the_sample_deviation_over_the_mean(values):
    found = spread(values)
    expected = statistics.stdev(values) / statistics.fmean(values)
    assert found.relative_deviation == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert (found.median, found.low, found.high) == (statistics.median(values), min(values), max(values))
    assert spread([-value for value in values]).relative_deviation == pytest.approx(
        expected, rel=1e-9, abs=1e-15
    )


def test_two_values_scatter_with_n_minus_1():
    assert spread([1.0, 3.0]).relative_deviation == pytest.approx(math.sqrt(2) / 2)


def test_one_window_has_a_median_and_no_scatter():
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0, None, 1)


def test_no_window_has_no_figures():
    assert spread([]) is None
    empty = SessionFigures(())
    assert empty.energy_j() is empty.power_w() is None
    assert empty.joule_per_inference() is empty.inferences_per_second() is None
    assert json.loads(json.dumps(empty.to_json(), allow_nan=False))["inferences_per_second"] is None


def test_values_around_nothing_have_no_relative_scatter():
    assert spread([0.0, 0.0]).relative_deviation is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_value_that_is_no_number_makes_the_median_none_wherever_it_stands(place):
    values = [1.0, 2.0]
    values.insert(place, math.nan)
    found = spread(values)
    assert math.isnan(found.median)
    assert found.count == 3
    assert found.to_json()["median"] is None


def test_unknown_iterations_leave_energy_and_nothing_per_inference():
    figures = session(LEVELS, FOUR[:4], [10, None])
    assert figures.windows[1].joule_per_inference() is None
    assert figures.windows[1].inferences_per_second is None
    assert figures.joule_per_inference() is None
    assert figures.inferences_per_second() is None
    assert figures.energy_j().count == 2
    document = figures.windows[1].to_json()
    assert document["iterations"] is document["inferences_per_second"] is None
    assert document["energies"]["exact"]["joule_per_inference"] is None


def test_no_inferences_at_all_are_no_division():
    figures = session(LEVELS, FOUR[:2], [0])
    assert figures.windows[0].joule_per_inference() is None
    assert figures.windows[0].inferences_per_second is None


def test_a_window_without_length_has_no_throughput():
    figures = session(LEVELS, [5.0, 5.0], [10])
    assert figures.windows[0].inferences_per_second is None


def test_the_json_of_a_window_says_everything_in_si_units():
    values = np.array([1.0, 1.0, 3.0, 3.0, 3.0, 1.0])
    signal = Signal(SampleKind.ENERGY, 10.0, dtype="float64")
    trace = whole(values, [], signal=signal)
    trace.edges = [Edge(1.5, 0.5), Edge(4.0)]
    windows, _ = integrate_trace(trace, SequencePairing())
    document = WindowFigures(windows[0], 5).to_json()
    assert document == {
        "number": 1,
        "start_s": 0.15,
        "stop_s": 0.4,
        "window_s": 0.25,
        "iterations": 5,
        "energies": {
            "exact": {"energy_j": 6.5, "power_w": 26.0, "joule_per_inference": 1.3, "missing_samples": 0},
            "mlcommons": {"energy_j": 6.0, "power_w": 30.0, "joule_per_inference": 1.2, "missing_samples": 0},
            "eembc": {
                "energy_j": 9.0 if 4 / 10 >= 0.1 + 0.1 + 0.1 + 0.1 else 6.0,
                "power_w": 30.0,
                "joule_per_inference": 1.8,
                "missing_samples": 0,
            },
        },
        "inferences_per_second": 20.0,
        "edge_bound_j": {"step": 0.5, "position": 0.5 * 1.0},
        "findings": [],
    }


@pytest.mark.parametrize(
    ("values", "positions"),
    [
        (np.full(100, 1e308), [1.5, 50.5, 60.0, 70.0]),
        (np.concatenate([np.full(50, 1e308), np.full(50, -1e308)]), [1.5, 90.5, 91.0, 92.0]),
        (np.full(100, np.nan), [1.5, 50.5]),
        (np.ones(100), [5.0, 5.0, 7.0, 9.0]),
        (np.ones(100), [5.25, 5.5]),
        (np.ones(3), [2.0**60, 2.0**61]),
    ],
)
def test_the_json_of_damaged_data_is_valid(values, positions):
    figures = session(values, positions, [10] * 9)
    text = json.dumps([figures.to_json(), *(one.to_json() for one in figures.windows)], allow_nan=False)
    assert json.loads(text)


def test_what_json_cannot_hold_becomes_none_at_any_depth():
    document = {"a": [1, math.nan, {"b": -math.inf, "c": "inf", "d": True, "e": None}], "f": 1e308}
    assert for_json(document) == {"a": [1, None, {"b": None, "c": "inf", "d": True, "e": None}], "f": 1e308}
