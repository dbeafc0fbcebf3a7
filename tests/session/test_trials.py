from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.session.trials import MARGIN, iterations_for


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
