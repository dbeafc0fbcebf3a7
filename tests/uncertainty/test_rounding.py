"""A figure with its uncertainty as text, against decimal arithmetic."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.uncertainty.rounding import figure_text, two_digits

UNITS = {"G": 9, "M": 6, "k": 3, "": 0, "m": -3, "µ": -6, "n": -9, "p": -12}
PATTERN = re.compile(r"(-?[\d.]+) ([GMkmµnp]?)J ± ([\d.]+) ([GMkmµnp]?)J")


def parsed(text: str) -> tuple[Decimal, Decimal, str, str]:
    match = PATTERN.fullmatch(text)
    assert match, text
    scale, other = (Decimal(1).scaleb(UNITS[match[i]]) for i in (2, 4))
    return Decimal(match[1]) * scale, Decimal(match[3]) * other, match[1], match[3]


@pytest.mark.parametrize(
    ("value", "expanded", "text"),
    [
        (1430.71e-6, 33.2e-6, "1430.7 µJ ± 33 µJ (95 %, k = 2.0)"),
        (1430.71e-6, 9.96e-6, "1430.7 µJ ± 10 µJ (95 %, k = 2.0)"),
        (1430.71e-6, 0.0996e-6, "1430.710 µJ ± 0.10 µJ (95 %, k = 2.0)"),
        (0.0, 33.2e-6, "0.0 µJ ± 33 µJ (95 %, k = 2.0)"),
        (-0.2e-6, 33.2e-6, "-0.2 µJ ± 33 µJ (95 %, k = 2.0)"),
        (0.0235, 0.00012, "23.500 mJ ± 0.12 mJ (95 %, k = 2.0)"),
        (1.0, 1234.0, "0.00 kJ ± 1.2 kJ (95 %, k = 2.0)"),
    ],
)
def test_figures_are_written_as_engineers_write_them(value, expanded, text):
    assert figure_text(value, expanded, "J", 1.96) == text


@given(st.floats(-1e9, 1e9), st.floats(1e-11, 1e9))
def test_no_more_is_lost_than_the_digits_that_are_left_out(value, expanded):
    shown, u, value_digits, u_digits = parsed(figure_text(value, expanded, "J"))
    assert abs(u - Decimal(expanded)) <= Decimal(expanded) / 20 * (1 + Decimal("1e-9"))
    step = Decimal(expanded) / 100  # a digit more than U has
    assert abs(shown - Decimal(value)) <= max(step, abs(Decimal(value)) * Decimal("1e-15"))
    significant = u_digits.replace(".", "").lstrip("0")
    assert len(significant) == 2 or (len(significant.rstrip("0")) <= 2 and "." not in u_digits)
    assert not value_digits.startswith(".")


@given(st.floats(1e-300, 1e300))
def test_two_digits_are_the_nearest(expanded):
    rounded, last = two_digits(expanded)
    assert rounded == Decimal(rounded).quantize(Decimal(1).scaleb(last))
    assert len(rounded.as_tuple().digits) == 2
    assert abs(rounded - Decimal(repr(expanded))) <= Decimal(1).scaleb(last) / 2


@pytest.mark.parametrize("number", [np.float64, np.float32])
def test_numbers_of_numpy_are_numbers(number):
    assert figure_text(number(0.5), number(0.25), "J", 2.0) == "500 mJ ± 250 mJ (95 %, k = 2.0)"


@pytest.mark.parametrize("expanded", [math.nan, math.inf, 0.0])
def test_an_uncertainty_that_is_none_is_not_shown(expanded):
    assert figure_text(1.5e-3, expanded, "J", 2.0) == "1500 µJ"
    assert figure_text(math.nan, expanded, "J") == "nan J"
