from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.findings import Finding
from energy.session.trials import MARGIN, Pace, Trial, iterations_for


@given(st.floats(1e-5, 30.0), st.integers(10, 5000), st.floats(-1.0, 1.0))
def test_the_count_gives_at_least_ten_seconds_whatever_the_pilot_s_error_within_its_resolution(
    one_s, n, part
):
    resolution = 0.002
    measured = one_s * n + part * resolution
    if measured <= 2 * resolution:
        return  # such a pilot is repeated with more inferences
    count = iterations_for(measured, n, resolution)
    assert count >= 10
    assert count * one_s >= 10.0


@pytest.mark.parametrize(("one_s", "expected"), [(0.0432, 237), (1.0, 11), (5.0, 10)])
def test_the_count_has_little_to_spare(one_s, expected):
    assert iterations_for(one_s * 100, 100, 2e-6) == expected
    assert MARGIN < 1.05


def too_short(duration_s, *others):
    findings = [Finding("window.too-short", f"{duration_s} s"), *others]
    return Trial(1, 1, "", 238, duration_s=duration_s, findings=findings)


def test_a_window_a_little_too_short_asks_for_more_inferences():
    pace = Pace(238, 10.3)
    pace.learn(too_short(9.5))
    assert pace.iterations == math.ceil(10 * MARGIN / (9.5 / 238))
    assert pace.expected_s == pytest.approx(10.3 * pace.iterations / 238)


@pytest.mark.parametrize(
    "trial",
    [
        too_short(0.005),  # a doubled edge, and the closing one lost
        too_short(6.0),
        too_short(9.5, Finding("edge.stray", "1 before the inferences began")),
        Trial(1, 1, "", 238, duration_s=10.1),
    ],
    ids=["edges", "much", "stray", "valid"],
)
def test_a_window_with_the_wrong_edges_says_nothing_of_the_dut_s_pace(trial):
    pace = Pace(238, 10.3)
    pace.learn(trial)
    assert (pace.iterations, pace.expected_s) == (238, 10.3)
