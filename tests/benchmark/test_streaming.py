"""Detections and duty cycle, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.runs.results_json import StreamingEntry
from energy.runs.streaming import GRACE_OF_THE_GUIDE_S, count_detections, duty_cycle_of


def test_the_first_detection_is_the_start_and_the_rest_are_counted_from_it():
    found = count_detections(
        [500, 1500, 1532, 9000, 9900, 10300, 20500], [(0.5, 1.2), (15.0, 18.0), (30.0, 31.0)]
    )
    assert found is not None
    assert found.hits_s == (0.5, 15.0)  # 20.5 s - 0.5 s is within 2 s after 18 s
    assert found.missed_s == (30.0,)
    assert found.false_s == (8.5, 9.8)  # the one at 9.4 s belongs to 8.5 s, the next does not


def test_the_guides_rule_is_stricter_than_the_runners_code():
    detections, windows = [0, 3500], [(1.0, 2.0)]
    lenient, strict = (
        count_detections(detections, windows),
        count_detections(detections, windows, GRACE_OF_THE_GUIDE_S),
    )
    assert lenient is not None
    assert strict is not None
    assert (len(lenient.hits_s), len(lenient.false_s)) == (1, 0)
    assert (len(strict.missed_s), len(strict.false_s)) == (1, 1)


@pytest.mark.parametrize("detections", [[], [0] * 100001])
def test_no_start_and_absurd_lists_give_nothing(detections):
    assert count_detections(detections, []) is None


def trial(starts, stops) -> StreamingEntry:
    return StreamingEntry("a.wav", 1.0, (), (), None, None, None, tuple(starts), tuple(stops))


def test_the_duty_cycle_is_mean_processing_by_mean_period():
    found = duty_cycle_of(trial([0.0, 0.04, 0.08], [0.01, 0.06, 0.09]))
    assert found is not None
    assert found.period_s == pytest.approx(0.04)
    assert found.duty_cycle == pytest.approx(1 / 3)
    assert found.throughput == pytest.approx(75)


@pytest.mark.parametrize(("starts", "stops"), [([0.0], [1.0]), ([0.0, 1.0], [1.0]), ([1.0, 0.0], [2.0, 2.0])])
def test_edges_that_do_not_pair_up_give_no_duty_cycle(starts, stops):
    assert duty_cycle_of(trial(starts, stops)) is None


TIMES = st.lists(st.floats(allow_nan=False), max_size=8)


@given(TIMES, st.lists(st.tuples(st.floats(), st.floats()), max_size=4), TIMES, TIMES)
def test_any_numbers_give_counts_that_add_up(detections, windows, starts, stops):
    found = count_detections(detections, windows)
    if found is not None:
        assert len(found.hits_s) + len(found.missed_s) == len(windows)
        assert len(found.false_s) < len(detections)
    duty_cycle_of(trial(starts, stops))
