"""The accumulated clock against sequential addition itself."""

from __future__ import annotations

import itertools
import math
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.window.accumulated import AccumulatedClock
from tests.window.support import RATES, SLOW, rates

LENGTH = 200_000


def added_up(rate: float, count: int) -> np.ndarray:
    """Times of samples 0 to count - 1, one addition each (cumsum adds from left to right)."""
    steps = np.full(count, 1 / rate)
    steps[0] = 0.0
    return np.cumsum(steps)


def test_cumsum_is_the_loop_that_the_runner_runs():
    t, loop = 0.0, []
    for _ in range(5000):
        loop.append(t)
        t += 1 / 1000.0
    assert added_up(1000.0, 5000).tolist() == loop


@pytest.mark.parametrize("rate", RATES)
def test_every_time_is_that_of_repeated_addition(rate):
    clock = AccumulatedClock(rate)
    expected = added_up(rate, LENGTH)
    assert [clock.time(k) for k in range(LENGTH)] == expected.tolist()


@SLOW
@given(rate=rates, data=st.data())
def test_times_are_those_of_repeated_addition_at_any_rate(rate, data):
    expected = added_up(rate, LENGTH)
    k = np.array(data.draw(st.lists(st.integers(0, LENGTH - 1), min_size=1, max_size=40)))
    changes = np.flatnonzero(np.diff(np.frexp(expected)[1])) + 1  # where binades begin
    asked = np.unique(np.concatenate([k, *(changes + d for d in range(-3, 4))]).clip(0, LENGTH - 1))
    clock = AccumulatedClock(rate)
    assert [clock.time(int(i)) for i in asked] == expected[asked].tolist()


@SLOW
@given(rate=rates, data=st.data())
def test_first_samples_are_those_of_a_search_in_the_added_up_times(rate, data):
    times = added_up(rate, LENGTH)
    near = data.draw(st.lists(st.integers(0, LENGTH - 2), min_size=1, max_size=10))
    clock = AccumulatedClock(rate)
    for k in near:
        for t in (
            times[k],
            np.nextafter(times[k], np.inf),
            np.nextafter(times[k], -np.inf),
            k / rate,
            (times[k] + times[k + 1]) / 2,
        ):
            if t <= times[-2]:
                assert clock.first_at_or_after(float(t)) == np.searchsorted(times, t, side="left")
                assert clock.first_after(float(t)) == np.searchsorted(times, t, side="right")


def test_the_answer_does_not_depend_on_what_was_asked_before():
    fresh = [AccumulatedClock(4882.8125).time(k) for k in (10**9, 5, 10**6)]
    clock = AccumulatedClock(4882.8125)
    assert [clock.time(k) for k in (10**9, 5, 10**6)] == fresh


def test_before_the_start_the_first_sample_is_sample_0():
    clock = AccumulatedClock(1000.0)
    assert [clock.first_at_or_after(t) for t in (-5.0, -1e-300, 0.0)] == [0, 0, 0]
    assert clock.first_after(-1e-300) == 0
    assert clock.first_after(0.0) == 1


@pytest.mark.parametrize("rate", [1000.0, 3.0, 2e6, 4882.8125, 1 / 3, 1 / 1023.5])
def test_far_samples_are_reached_at_once_and_continue_by_true_additions(rate):
    began = time.process_time()
    clock = AccumulatedClock(rate)
    for start in (10**9, 10**12, 10**14):
        t = clock.time(start)
        assert math.isclose(t, start / rate, rel_tol=1e-2)  # its rounding adds up
        for k in range(start + 1, start + 200):
            t += 1 / rate
            assert clock.time(k) == t
    assert len(clock._lines) < 250
    assert time.process_time() - began < 10


def test_ties_alternate_as_ieee_rounding_to_even_does():
    """A step of 2^53 + 1 units: in the second binade every addition is a tie."""
    step = float(2**52 + 1) / 2**52
    clock = AccumulatedClock(1.0)
    clock._step = step  # 1 / rate cannot be steered to a given last bit
    t = 0.0
    for k in range(3000):
        assert clock.time(k) == t
        t += step


def test_additions_are_rounded_ones():
    """The clock at 1 kHz drifts from the exact time, as the runner's does: it is no product k / rate."""
    clock = AccumulatedClock(1000.0)
    drift = [abs(Fraction(clock.time(k)) - Fraction(k, 1000)) for k in (100, 10_000, 1_000_000)]
    assert all(later > 10 * earlier for earlier, later in itertools.pairwise(drift))
    assert clock.first_at_or_after(41.888) != math.ceil(41.888 * 1000)


@pytest.mark.parametrize("rate", [1.0, 2.0**20, 1000.0, 1 / 3, 1e308, 1e-300, 1e-308, 5e-324])
def test_a_clock_that_stands_still_or_runs_out_of_floats_says_so(rate):
    began = time.process_time()
    with pytest.raises(OverflowError):
        AccumulatedClock(rate).first_at_or_after(math.inf)
    with pytest.raises(OverflowError):
        AccumulatedClock(rate).time(10**30)
    assert time.process_time() - began < 10


def test_a_clock_of_whole_seconds_stands_still_at_2_to_the_53():
    clock = AccumulatedClock(1.0)
    assert clock.first_at_or_after(2.0**53 - 1) == 2**53 - 1
    with pytest.raises(OverflowError, match="never reaches"):
        clock.first_at_or_after(2.0**53 + 2)
