from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.virtual.profile import PowerProfile, Segment

_segments = st.lists(
    st.builds(
        Segment,
        st.fractions(Fraction(1, 5000), Fraction(1, 10), max_denominator=7000),
        st.fractions(0, 2, max_denominator=1000),
    ),
    min_size=1,
    max_size=12,
)


@given(_segments, st.fractions(0, 1), st.fractions(0, 1))
def test_energy_is_the_sum_of_power_times_time_over_the_segments(segments, a, b):
    profile = PowerProfile(segments)
    start, stop = sorted((a * profile.duration_s, b * profile.duration_s))
    expected, begin = Fraction(0), Fraction(0)
    for segment in segments:
        end = begin + segment.duration_s
        expected += max(min(end, stop) - max(begin, start), Fraction(0)) * segment.power_w
        begin = end
    assert profile.energy_j(start, stop) == expected


@given(_segments, st.sampled_from([1000, 3000, 7]))
def test_sample_energies_are_those_of_their_periods(segments, rate):
    profile = PowerProfile(segments)
    samples = profile.sample_energies(rate)
    assert len(samples) == int(profile.duration_s * rate)
    ticks = [Fraction(k, rate) for k in range(len(samples) + 1)]
    expected = [float(profile.energy_j(start, stop)) for start, stop in pairwise(ticks)]
    np.testing.assert_array_equal(samples, expected)


def test_a_time_outside_the_profile_is_refused():
    profile = PowerProfile([Segment(Fraction(1), Fraction(1))])
    with pytest.raises(ValueError, match="outside"):
        profile.energy_j(Fraction(0), Fraction(2))


def test_a_profile_without_duration_is_refused():
    with pytest.raises(ValueError, match="at least one segment"):
        PowerProfile([])
