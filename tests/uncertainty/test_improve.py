"""What would make a comparison sharper: the advice is tried out on budgets made from so many windows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from energy.instruments import Accuracy
from energy.uncertainty.compare import compare
from tests.uncertainty.support import line
from tests.uncertainty.test_compare import CALM, more, subject

NOISY = (0.148, 0.152, 0.150, 0.149, 0.151)


def windows_of(count: int, deviation: float) -> list[float]:
    """So many energies with exactly this standard deviation, their median and mean 0.15."""
    values = np.linspace(-1.0, 1.0, count)
    return list(0.15 + values * deviation / np.std(values, ddof=1))


def test_so_many_trials_halve_the_uncertainty_and_fewer_do_not():
    deviation = float(np.std(NOISY, ddof=1))
    lines = line("current", 0.02), line("voltage", 0.0)

    def expanded(count: int) -> float:
        energies = windows_of(count, deviation)
        return compare(subject("a", energies, *lines), subject("b", energies, *lines)).difference.expanded

    now = compare(
        subject("a", windows_of(5, deviation), *lines), subject("b", windows_of(5, deviation), *lines)
    )
    count = now.improvement.trials_to_halve
    assert now.improvement.trials == 5
    assert count is not None
    assert count > 5
    assert expanded(count) <= now.difference.expanded / 2 < expanded(count - 1)


def test_so_many_trials_would_show_the_difference_and_fewer_would_not():
    deviation = float(np.std(NOISY, ddof=1))
    low = subject("a", windows_of(5, deviation), line("current", 0.02))

    def verdict(count: int) -> str:
        energies = windows_of(count, deviation)
        pair = (
            subject("a", energies, line("current", 0.02)),
            subject("b", more(energies, 0.008), line("current", 0.02)),
        )
        return compare(*pair).verdict

    now = compare(low, subject("b", more(windows_of(5, deviation), 0.008), line("current", 0.02)))
    count = now.improvement.trials_to_tell
    assert now.verdict == "cannot be told apart"
    assert count is not None
    assert (verdict(count), verdict(count - 1)) == ("differ", "cannot be told apart")


def test_no_number_of_trials_shrinks_the_gains_of_two_monitors():
    first, second = (
        subject("a", CALM, line("current", 0.02)),
        subject("b", CALM, line("current", 0.02), serial="2"),
    )
    improvement = compare(first, second).improvement
    assert (improvement.trials_to_halve, improvement.trials_to_tell) == (None, None)
    assert improvement.dominant == "gain of current, 100 mA"
    assert improvement.share == pytest.approx(1.0, abs=0.01)  # of both together
    assert "No number of trials" in improvement.advice[0]
    assert "on the same monitor" in improvement.advice[1]


def test_without_serial_numbers_the_advice_is_to_know_them():
    first, second = (subject(name, CALM, line("current", 0.02), serial="") for name in "ab")
    assert "whose serial number is known" in compare(first, second).improvement.advice[1]


def test_a_range_with_a_smaller_offset_is_named_only_if_it_includes_the_current():
    ranges = [
        Accuracy("current", name, full, 1e-4, offset, "data sheet")
        for name, full, offset in (("100 mA", 0.1, 6e-5), ("20 mA", 0.02, 1e-5), ("1 mA", 1e-3, 5e-7))
    ]
    for current_a, named in ((0.005, "20 mA"), (0.0005, "1 mA"), (0.05, None)):
        pair = [
            subject(name, CALM, *ranges, current_range="100 mA", serial=serial)
            for name, serial in (("a", "1"), ("b", "2"))
        ]
        told = [
            replace(one, circumstances=replace(one.circumstances, current_a=current_a, lines=tuple(ranges)))
            for one in pair
        ]
        advice = " ".join(compare(*told).improvement.advice)
        assert ("includes the current" in advice) == (named is not None), advice
        assert named is None or f"the range {named} includes" in advice


def test_a_voltage_that_nobody_measures_is_named():
    first, second = (
        subject(name, CALM, line("current", 1e-4), voltage_tolerance=0.02, bench=bench)
        for name, bench in (("a", "one"), ("b", "two"))
    )
    assert "measure the voltage" in compare(first, second).improvement.advice[1]


def test_one_window_asks_for_trials():
    first, second = subject("a", [0.15], line("current", 0.02)), subject("b", [0.16], line("current", 0.02))
    assert "several trials" in compare(first, second).improvement.advice[0]
    assert math.isfinite(compare(first, second).difference.u)
