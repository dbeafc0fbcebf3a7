"""What a power step inside an edge's sample costs, and what is stated about it."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.recording.trace import ArrayTrace
from energy.signal import Edge, SampleKind, Signal
from energy.window.integrator import integrate_trace
from energy.window.pairing import SequencePairing
from energy.window.prefix import CHUNK
from energy.window.rules import EnergyRule
from tests.window.support import QUICK, Step, as_columns, sampled, true_energy

RATE = Fraction(1000)
COUNT = 12
powers = st.floats(0, 1.0).map(Fraction)
phases = st.integers(1, 2**30 - 1).map(lambda n: Fraction(n, 2**30))
"""Places inside a sample that a float64 position can name."""
SIGNALS = [
    Signal(SampleKind.ENERGY, 1000.0, dtype="float64"),
    Signal(SampleKind.CURRENT, 1000.0, dtype="float64", voltage_v=3.0),
    Signal(SampleKind.CURRENT_VOLTAGE, 1000.0, dtype="float64", coverage_offset=-0.5),
]


def measure(steps: list[Step], opening: Fraction, closing: Fraction, signal: Signal = SIGNALS[0]):
    """The window's exact energy, the true one and the stated bounds. Edges must be floats."""
    begin = Fraction(signal.coverage_offset)
    columns = as_columns(signal, sampled(steps, begin, COUNT, RATE), [3.0] * COUNT)
    edges = [Edge(float(opening)), Edge(float(closing))]
    assert [Fraction(edge.position) for edge in edges] == [opening, closing]
    (window,), _ = integrate_trace(ArrayTrace(signal, columns, edges=edges), SequencePairing(), hold_s=0.0)
    truth = true_energy(steps, begin, opening, closing, RATE)
    return Fraction(window.energies[EnergyRule.EXACT].energy_j), truth, window.bounds


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.kind.value)
@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("opening", [True, False])
def test_at_the_worst_phase_the_error_is_the_stated_bound(opening, rising, signal):
    low, high = Fraction(1, 100), Fraction(5, 100)
    before, after = (low, high) if rising else (high, low)
    begin = Fraction(signal.coverage_offset)
    middle = begin + Fraction(11, 2)
    steps = [Step(middle, before), Step(begin + COUNT, after)]
    other = begin + (9 if opening else 2)  # on a sample border: it cuts nothing
    found, truth, bounds = measure(steps, *sorted([middle, other]), signal)
    quarter = (high - low) / RATE / 4
    assert abs(found - truth) == pytest.approx(quarter, rel=1e-12)
    assert bounds.step_j == pytest.approx(float(quarter), rel=1e-12)
    assert bounds.position_j == 0


@QUICK
@given(
    levels=st.tuples(powers, powers, powers),
    edges=st.tuples(phases, phases),
    at=st.tuples(phases, phases),
    signal=st.sampled_from(SIGNALS),
)
def test_the_error_of_a_step_in_each_edge_sample_stays_within_the_stated_bound(levels, edges, at, signal):
    begin = Fraction(signal.coverage_offset)
    opening, closing = begin + 3 + edges[0], begin + 8 + edges[1]
    ends = (begin + 3 + at[0], begin + 8 + at[1], begin + COUNT)
    steps = [Step(end, level) for end, level in zip(ends, levels, strict=True)]
    found, truth, bounds = measure(steps, opening, closing, signal)
    rounding = Fraction(1, 10**14)
    quarter = (abs(levels[1] - levels[0]) + abs(levels[2] - levels[1])) / RATE / 4
    assert abs(found - truth) <= quarter + rounding
    assert abs(found - truth) <= Fraction(bounds.step_j) + rounding
    assert bounds.step_j == pytest.approx(float(quarter), rel=1e-9, abs=1e-15)


@QUICK
@given(levels=st.tuples(powers, powers), edges=st.tuples(phases, phases), at=phases)
def test_both_edges_and_a_step_in_one_sample_stay_within_the_bound(levels, edges, at):
    opening, closing = sorted(5 + phase for phase in edges)
    steps = [Step(5 + at, levels[0]), Step(Fraction(COUNT), levels[1])]
    found, truth, bounds = measure(steps, opening, closing)
    assert abs(found - truth) <= Fraction(bounds.step_j) + Fraction(1, 10**14)


@QUICK
@given(levels=st.tuples(powers, powers), at=phases, edge=phases)
def test_the_error_is_the_product_of_both_phases_and_the_step(levels, at, edge):
    """What the docstring states: f (1 - s) times the step for an edge at f before a step at s."""
    opening = 5 + min(edge, at)
    steps = [Step(5 + at, levels[0]), Step(Fraction(COUNT), levels[1])]
    found, truth, _ = measure(steps, opening, Fraction(9))
    predicted = (opening - 5) * (1 - at) * (levels[0] - levels[1]) / RATE
    assert float(found - truth) == pytest.approx(float(predicted), abs=1e-15)


def test_edges_on_sample_borders_cost_nothing_even_at_a_step():
    steps = [Step(Fraction(4), Fraction(1)), Step(Fraction(COUNT), Fraction(50))]
    found, truth, bounds = measure(steps, Fraction(4), Fraction(9))
    assert found == pytest.approx(truth, rel=1e-14)
    assert bounds.step_j == 0


def trace_of(values, edges, rate=1000.0):
    return ArrayTrace(Signal(SampleKind.ENERGY, rate, dtype="float64"), (np.asarray(values),), edges=edges)


def bounds_of(trace):
    (window,), _ = integrate_trace(trace, SequencePairing(), hold_s=0.0)
    return window.bounds


def test_a_damaged_neighbour_does_not_hide_the_step_that_the_others_show():
    values = np.array([1.0, 1.0, np.nan, 3.0, 7.0, 7.0, 7.0, 7.0])
    assert bounds_of(trace_of(values, [Edge(3.5), Edge(6.0)])).step_j == 1.0
    values[2:5] = np.nan
    assert bounds_of(trace_of(values, [Edge(3.5), Edge(6.0)])).step_j == 0.0


def test_the_edges_own_bounds_cost_the_highest_power_that_they_may_reach():
    values = np.array([0.0, 0.0, 5.0, -9.0, 1.0, 1.0, 1.0, 2.0, 2.0, 64.0])
    edges = [Edge(4.0, bound=1.0), Edge(7.5, bound=0.5)]
    assert bounds_of(trace_of(values, edges)).position_j == 1.0 * 9.0 + 0.5 * 2.0


@QUICK
@given(
    values=st.lists(st.floats(-10, 10), min_size=30, max_size=30),
    edges=st.tuples(st.floats(0, 30), st.floats(0, 30)),
    bounds=st.tuples(st.floats(0, 5), st.floats(0, 5)),
    moved=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
)
def test_moving_edges_within_their_bounds_changes_energy_by_no_more_than_stated(values, edges, bounds, moved):
    opening, closing = sorted(edges)
    places = [
        min(max(place + move * bound, 0.0), 30.0)
        for place, move, bound in zip((opening, closing), moved, bounds, strict=True)
    ]
    if places[1] < places[0]:
        return
    first = trace_of(values, [Edge(opening, bounds[0]), Edge(closing, bounds[1])])
    second = trace_of(values, [Edge(places[0]), Edge(places[1])])
    (one,), _ = integrate_trace(first, SequencePairing(), hold_s=0.0)
    (other,), _ = integrate_trace(second, SequencePairing(), hold_s=0.0)
    change = abs(one.energies[EnergyRule.EXACT].energy_j - other.energies[EnergyRule.EXACT].energy_j)
    assert change <= one.bounds.position_j + 1e-12


def test_a_bound_of_many_chunks_is_looked_through_to_its_end():
    values = np.ones(4 * CHUNK)
    values[-10] = 100.0
    edges = [Edge(10.0), Edge(CHUNK * 2.0, bound=CHUNK * 2.0)]
    assert bounds_of(trace_of(values, edges)).position_j == 100.0 * 2 * CHUNK


def test_a_bound_beyond_the_recording_costs_no_time():
    edges = [Edge(10.0, bound=1e300), Edge(20.0, bound=1e15)]
    assert bounds_of(trace_of(np.ones(30), edges)).position_j >= 1e300


def test_damaged_neighbours_do_not_warn():
    nan = np.frombuffer(np.array([0x7FA00000], np.uint32).tobytes(), np.float32)[0]  # a signalling NaN
    amps = np.array([1.0, np.inf, 0.0, nan, 1.0, 1.0], np.float32)
    volts = np.array([1.0, 0.0, np.inf, 1.0, 3e38, 1.0], np.float32)
    signal = Signal(SampleKind.CURRENT_VOLTAGE, 10.0)
    edges = [Edge(1.5, 2.0), Edge(4.5, 2.0)]
    (window,), _ = integrate_trace(ArrayTrace(signal, (amps, volts), edges=edges), SequencePairing())
    assert math.isfinite(window.bounds.position_j)
    huge = np.array([1e308, -1e308, 1e308, -1e308, 1.0])
    (window,), _ = integrate_trace(trace_of(huge, [Edge(0.5, 1.0), Edge(2.5)]), SequencePairing())
    assert window.bounds.step_j == math.inf
