"""The three rules against truth that they did not produce: closed-form energy, and the runners' own loops."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from energy.recording.trace import ArrayTrace
from energy.signal import Edge, SampleKind, Signal
from energy.window.integrator import integrate_trace
from energy.window.pairing import SequencePairing
from energy.window.prefix import CHUNK
from energy.window.rules import EnergyRule
from tests.window.support import (
    JOULE_EACH,
    QUICK,
    SLOW,
    PiecesTrace,
    Step,
    as_columns,
    in_blocks,
    rates,
    sampled,
    true_energy,
    whole,
)

KINDS = [
    {"kind": SampleKind.ENERGY, "energy_unit": "J"},
    {"kind": SampleKind.ENERGY, "energy_unit": "uJ"},
    {"kind": SampleKind.CURRENT, "voltage_v": 3.3},
    {"kind": SampleKind.CURRENT_VOLTAGE},
]
OFFSETS = [0.0, -0.5, -1.0]
FINE = 2**40
"""Edges lie anywhere on a grid of this many places per sample: a picosecond at 1 Hz."""
watts = st.floats(1e-9, 100.0).map(Fraction)


def windows_of(trace, leading: int = 0):
    """Windows with a hold of nothing, so that edges may lie as close as they like."""
    windows, _ = integrate_trace(trace, SequencePairing(leading), hold_s=0.0)
    return windows


def exact(window):
    return window.energies[EnergyRule.EXACT]


@SLOW
@given(data=st.data(), rate=rates, what=st.sampled_from(KINDS), offset=st.sampled_from(OFFSETS))
def test_exact_energy_is_the_true_energy_where_power_is_constant_in_the_edge_samples(
    data, rate, what, offset
):
    count = data.draw(st.integers(2, 60), label="samples")
    signal = Signal(rate_hz=rate, dtype="float64", coverage_offset=offset, **what)
    begin = Fraction(offset)
    within = st.integers(0, count * FINE - 1).map(lambda n: n / FINE + offset)  # exact in float64
    opening, closing = sorted([data.draw(within), data.draw(within)])
    cut = {math.floor(Fraction(opening) - begin), math.floor(Fraction(closing) - begin)}
    ends = data.draw(st.sets(st.integers(1, 16 * count - 1), max_size=20), label="sixteenths")
    places = sorted(Fraction(end, 16) for end in ends)
    places = [place for place in places if place.denominator == 1 or math.floor(place) not in cut]
    steps = [Step(begin + place, data.draw(watts)) for place in [*places, Fraction(count)]]
    energies = sampled(steps, begin, count, Fraction(rate))
    volts = data.draw(st.lists(st.floats(0.8, 5.0), min_size=count, max_size=count))
    columns = as_columns(signal, energies, volts)
    blocks = in_blocks(columns, data.draw(st.lists(st.integers(0, count), max_size=8)))
    (window,) = windows_of(PiecesTrace(signal, blocks, edges=[Edge(opening), Edge(closing)]))

    truth = true_energy(steps, begin, Fraction(opening), Fraction(closing), Fraction(rate))
    found = exact(window)
    assert abs(Fraction(found.energy_j) - truth) <= truth / 10**9
    assert found.missing == found.not_finite == 0
    assert found.duration_s == pytest.approx((closing - opening) / rate, rel=1e-12, abs=0)
    assert window.duration_s == found.duration_s
    if closing > opening:
        assert found.power_w == pytest.approx(float(truth) / found.duration_s, rel=1e-9)


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize(
    ("opening", "closing"), [(3.25, 3.75), (3.0, 3.5), (3.5, 4.0), (3.0, 4.0), (3.2, 4.9)]
)
def test_a_window_inside_one_or_two_samples_gets_its_part_of_them(opening, closing, offset):
    signal = Signal(SampleKind.ENERGY, 1000.0, dtype="float64", coverage_offset=offset)
    values = np.array([1.0, 10.0, 100.0, 1000.0, 10000.0, 1e5, 1e6])
    edges = [opening + offset, closing + offset]  # sample k begins at k + offset
    (window,) = windows_of(whole(values, edges, signal=signal))
    parts = sum(
        float(value) * max(0.0, min(closing, k + 1) - max(opening, k)) for k, value in enumerate(values)
    )
    assert exact(window).energy_j == pytest.approx(parts, rel=1e-12)


def long_recording(seed: int, count: int, rate: float, what: dict, offset: float):
    """Samples in runs of constant power that change at sample borders, and the power as steps."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 3000, size=count // 500)
    lengths = lengths[np.cumsum(lengths) < count]
    lengths = np.append(lengths, count - lengths.sum())
    powers = rng.uniform(1e-6, 1.0, len(lengths)) * 10.0 ** rng.integers(-6, 2, len(lengths))
    signal = Signal(rate_hz=rate, dtype="float64", coverage_offset=offset, **what)
    if signal.kind is SampleKind.ENERGY:
        columns = (np.repeat(powers / rate / signal.joule_per_unit, lengths),)
    elif signal.kind is SampleKind.CURRENT:
        columns = (np.repeat(powers / signal.voltage_v, lengths),)
    else:
        volts = rng.uniform(1.8, 3.3, count)
        columns = (np.repeat(powers, lengths) / volts, volts)
    ends = np.cumsum(lengths)
    steps = [
        Step(Fraction(int(end)) + Fraction(offset), Fraction(float(power)))
        for end, power in zip(ends, powers, strict=True)
    ]
    return signal, columns, steps


@SLOW
@given(
    seed=st.integers(0, 2**32),
    rate=st.sampled_from([1000.0, 4882.8125, 2e6]),
    what=st.sampled_from(KINDS),
    offset=st.sampled_from(OFFSETS),
    edges=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    cuts=st.lists(st.integers(0, 5 * CHUNK), max_size=12),
)
def test_exact_energy_is_true_over_many_chunks(seed, rate, what, offset, edges, cuts):
    count = 4 * CHUNK + 1234
    signal, columns, steps = long_recording(seed, count, rate, what, offset)
    opening, closing = (offset + edge * count for edge in sorted(edges))
    trace = PiecesTrace(signal, in_blocks(columns, cuts), edges=[Edge(opening), Edge(closing)])
    (window,) = windows_of(trace)
    truth = true_energy(steps, Fraction(offset), Fraction(opening), Fraction(closing), Fraction(rate))
    assert abs(Fraction(exact(window).energy_j) - truth) <= truth / 10**9
    assert exact(window).missing == 0


@QUICK
@given(
    first=st.integers(2**30, 2**44),
    at=st.floats(2, 50),
    length=st.floats(0, 40),
    powers=st.lists(watts, min_size=100, max_size=100),
)
def test_a_short_window_late_in_a_long_recording_is_true(first, at, length, powers):
    rate = Fraction(1000)
    opening = first + at
    closing = max(opening, first + at + length)  # floats: exact positions, whatever they were rounded to
    steps = [Step(Fraction(first + k + 1), power) for k, power in enumerate(powers)]
    energies = np.array([float(power / rate) for power in powers])
    (window,) = windows_of(whole(energies, [opening, closing], first=first))
    truth = true_energy(steps, Fraction(first), Fraction(opening), Fraction(closing), rate)
    assert abs(Fraction(exact(window).energy_j) - truth) <= truth / 10**9
    assert Fraction(window.duration_s) == pytest.approx(
        (Fraction(closing) - Fraction(opening)) / rate, rel=1e-12
    )


# The runners' own loops


def mlcommons_loop(values, opening, closing):
    """sum(samples[i] for opening <= i < closing), as sum(samples[i0:i1]) with whole positions."""
    total, count = 0.0, 0
    for i, value in enumerate(values):
        if opening <= i < closing:
            total += value
            count += 1
    return total, count


def eembc_loop(values, start_s, stop_s, rate):
    t, total, count = 0.0, 0.0, 0
    for value in values:
        if start_s <= t <= stop_s:
            total += value
            count += 1
        t += 1 / rate
    return total, count


whole_values = st.integers(0, 2**32).map(
    lambda seed: np.random.default_rng(seed).integers(0, 1000, 3000) * 1.0
)


@SLOW
@given(
    values=whole_values,
    rate=rates,
    edges=st.tuples(*[st.one_of(st.integers(0, 2900).map(float), st.floats(0, 2900))] * 2),
)
@example(values=np.ones(3000), rate=1000.0, edges=(0.0, 0.0))
@example(values=np.ones(3000), rate=1000.0, edges=(18.0, 41.0))
@example(values=np.ones(3000), rate=3.0, edges=(7.0, 7.0))
def test_the_runners_rules_are_their_loops(values, rate, edges):
    opening, closing = sorted(edges)
    signal = Signal(SampleKind.ENERGY, rate, dtype="float64")
    (window,) = windows_of(whole(values, [opening, closing], signal=signal))

    total, count = mlcommons_loop(values, opening, closing)
    found = window.energies[EnergyRule.MLCOMMONS]
    assert (found.energy_j, found.missing) == (total, 0)
    assert found.duration_s == count / rate

    total, count = eembc_loop(values, opening / rate, closing / rate, rate)
    found = window.energies[EnergyRule.EEMBC]
    assert (found.energy_j, found.missing) == (total, 0)
    assert found.duration_s == count / rate
    if count:
        assert found.power_w == total / (count / rate)


@SLOW
@given(values=whole_values, marks=st.lists(st.integers(0, 2900), min_size=2, max_size=2))
def test_the_eembc_rule_takes_timestamps_of_three_decimals_as_its_loop_does(values, marks):
    start_s, stop_s = sorted(mark / 1000 for mark in marks)
    (window,) = windows_of(whole(values, [mark * 1.0 for mark in sorted(marks)]))
    assert (window.start_s, window.stop_s) == (start_s, stop_s)
    total, count = eembc_loop(values, start_s, stop_s, 1000.0)
    found = window.energies[EnergyRule.EEMBC]
    assert (found.energy_j, found.duration_s) == (total, count / 1000)


def test_the_eembc_rule_includes_both_ends_and_the_mlcommons_rule_only_the_first():
    values = np.array([1.0, 10.0, 100.0, 1000.0])
    (window,) = windows_of(whole(values, [1.0, 3.0], signal=Signal(SampleKind.ENERGY, 1.0, dtype="float64")))
    assert window.energies[EnergyRule.EEMBC].energy_j == 1110.0
    assert window.energies[EnergyRule.MLCOMMONS].energy_j == 110.0
    assert window.energies[EnergyRule.EXACT].energy_j == 110.0


def test_the_eembc_clock_drifts_by_whole_samples_and_its_rule_follows():
    """Late in a recording of 10^7 samples the accumulated clock selects other samples than the index does."""
    count = 10_000_000
    times = np.concatenate([[0.0], np.cumsum(np.full(count - 1, 1e-3))])
    late = count - 5000
    start_s, stop_s = late / 1000, (late + 3000) / 1000
    low, high = np.searchsorted(times, start_s, "left"), np.searchsorted(times, stop_s, "right")
    values = np.arange(count, dtype=np.float64)
    (window,) = windows_of(whole(values, [float(late), float(late + 3000)]))
    assert window.energies[EnergyRule.EEMBC].energy_j == values[low:high].sum()
    assert (low, high) != (late, late + 3001)


def test_a_position_that_the_eembc_clock_never_reaches_misses_samples_and_does_not_hang():
    signal = Signal(SampleKind.ENERGY, 1.0, dtype="float64")
    (window,) = windows_of(whole(np.ones(10), [2.0, 2.0**60], signal=signal))
    for rule in EnergyRule:
        assert window.energies[rule].missing > 2**52
        assert window.energies[rule].energy_j == 8.0


@pytest.mark.parametrize("rule", list(EnergyRule))
def test_missing_samples_are_counted_by_each_rule(rule):
    signal = Signal(SampleKind.ENERGY, 1.0, dtype="float64")
    blocks = [
        block
        for first, count in ((0, 4), (9, 3), (15, 5))
        for block in in_blocks((np.ones(count),), [], first)
    ]
    blocks[1].columns[0][1] = math.nan  # sample 10
    (window,) = windows_of(PiecesTrace(signal, blocks, edges=[Edge(2.0), Edge(17.0)]))
    found = window.energies[rule]
    both = rule is EnergyRule.EEMBC  # includes sample 17
    assert (found.missing, found.not_finite) == (5 + 1 + 3, 1)
    assert found.energy_j == 2 + 2 + 2 + both


def test_samples_without_time_have_no_power():
    (window,) = windows_of(whole(np.ones(10), [3.25, 3.5]))
    assert window.energies[EnergyRule.MLCOMMONS].energy_j == 0
    assert math.isnan(window.energies[EnergyRule.MLCOMMONS].power_w)
    assert window.energies[EnergyRule.MLCOMMONS].missing == 0


def test_joule_follow_from_current_and_voltage_and_rate():
    amps = np.full(1000, 2e-3, dtype=np.float32)
    signal = Signal(SampleKind.CURRENT, 250.0, voltage_v=3.0)
    (window,) = windows_of(ArrayTrace(signal, (amps,), edges=[Edge(100.0), Edge(600.0)]))
    assert exact(window).energy_j == pytest.approx(2e-3 * 3.0 * 2.0, rel=1e-7)
    both = Signal(SampleKind.CURRENT_VOLTAGE, 250.0)
    columns = (amps, np.full(1000, 1.5, dtype=np.float32))
    (window,) = windows_of(ArrayTrace(both, columns, edges=[Edge(100.0), Edge(600.0)]))
    assert exact(window).energy_j == pytest.approx(2e-3 * 1.5 * 2.0, rel=1e-7)


def test_float32_samples_are_summed_in_float64():
    values = np.full(3 * CHUNK, 0.1, dtype=np.float32)
    trace = ArrayTrace(Signal(SampleKind.ENERGY, 1000.0), (values,), edges=[Edge(1.0), Edge(3 * CHUNK - 1.0)])
    (window,) = windows_of(trace)
    truth = Fraction(float(np.float32(0.1))) * (3 * CHUNK - 2)
    assert abs(Fraction(exact(window).energy_j) / truth - 1) < Fraction(1, 10**14)


def test_the_signal_of_these_tests_is_one_joule_per_unit():
    assert JOULE_EACH.joule_per_unit == 1.0
