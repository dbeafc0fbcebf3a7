from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.virtual.timeline import Pattern, Timeline, picowatts

_patterns = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 1000)), min_size=1, max_size=4)
_stretches = st.lists(st.tuples(st.integers(0, 300), _patterns), max_size=5)


def by_hand(stretches, start, stop):
    """Energy nanosecond by nanosecond, in J, as an exact fraction."""
    powers = [0] * 1000
    for begin, phases in stretches:
        cycle = [power for duration, power in phases for _ in range(duration)]
        for t in range(begin, len(powers)):
            powers[t] = cycle[(t - begin) % len(cycle)]
    total = Fraction(0)
    for t, power in enumerate(powers):
        total += power * max(min(stop, t + 1) - max(start, t), Fraction(0))
    return total / 10**21


def made(stretches):
    timeline = Timeline()
    for begin, phases in stretches:
        timeline.set(begin, Pattern(phases))
    return timeline


@settings(max_examples=40)
@given(_stretches, st.fractions(0, 1000), st.fractions(0, 1000))
def test_energy_is_power_times_time_over_phases_rounds_and_stretches(stretches, a, b):
    start, stop = sorted((a, b))
    stretches.sort(key=lambda stretch: stretch[0])
    assert made(stretches).energy_j(start, stop) == by_hand(stretches, start, stop)


@given(_stretches, st.integers(0, 200), st.lists(st.floats(0, 700), min_size=2, max_size=9))
def test_energies_of_many_intervals_are_those_of_each(stretches, origin, offsets):
    stretches.sort(key=lambda stretch: stretch[0])
    timeline = made(stretches)
    offsets.sort()
    found = timeline.energies_j(origin, np.array(offsets))
    exact = [
        float(timeline.energy_j(origin + Fraction(a), origin + Fraction(b))) for a, b in pairwise(offsets)
    ]
    np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-27)


def test_a_stretch_cuts_off_what_was_planned_for_later():
    timeline = Timeline()
    timeline.set(0, Pattern.constant(1.0))
    timeline.set(2_000_000_000, Pattern.constant(5.0))
    timeline.set(1_000_000_000, Pattern.constant(0.0))
    assert timeline.energy_j(0, 10_000_000_000) == 1


def test_sample_energies_after_a_long_time_keep_ten_digits():
    timeline = Timeline()
    pattern = Pattern([(7_000_001, picowatts(0.02)), (3_000_017, picowatts(0.05))])
    timeline.set(12_345, pattern)
    origin = 3_600_000_000_000
    offsets = np.arange(1001) * 999_870.0169
    found = timeline.energies_j(origin, offsets)
    for k in (0, 500, 999):
        exact = timeline.energy_j(origin + Fraction(offsets[k]), origin + Fraction(offsets[k + 1]))
        assert found[k] == pytest.approx(float(exact), rel=1e-9)


def test_time_before_the_beginning_is_refused():
    with pytest.raises(ValueError, match="begins at 0"):
        Timeline().energy_j(-1, 0)
    with pytest.raises(ValueError, match="begins at 0"):
        Timeline().set(-1, Pattern.constant(1))
    with pytest.raises(ValueError, match="at least one phase"):
        Pattern([])
