"""The gate: pass, fail, undecided, one-sided at 95 %; draws count how often it is wrong."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.compare_power import WITH_OFFSET, Cell, at_the_baseline, at_the_limit, told_apart
from energy.uncertainty.gate import overall, require_baseline, require_limit
from tests.uncertainty.support import line
from tests.uncertainty.test_compare import CALM, more, simple, subject

ONE_SIDED_T_4 = 2.132
"""Of the t-distribution with four degrees of freedom, 95 % on one side (JCGM 100:2008, table G.2, 90 %)."""


def by_scatter(energies=CALM):
    """A figure of which only the scatter is uncertain: 150 µJ, and its one-sided bound from the table."""
    it = subject("a", energies, line("current", 0.0), line("voltage", 0.0))
    bound = ONE_SIDED_T_4 * 1.1977 * np.std(energies, ddof=1) / math.sqrt(5) / 1000
    assert it.budget.value == pytest.approx(150e-6)
    return it, float(bound)


def test_a_limit_from_above_is_decided_beyond_the_one_sided_bound_only():
    it, bound = by_scatter()
    for factor, decision in ((1.01, "pass"), (0.99, "undecided"), (-0.99, "undecided"), (-1.01, "fail")):
        assert require_limit(it, 150e-6 + factor * bound, "at most").decision == decision


def test_a_limit_from_below_is_the_mirror_image():
    it, bound = by_scatter()
    for factor, decision in ((1.01, "fail"), (0.99, "undecided"), (-0.99, "undecided"), (-1.01, "pass")):
        assert require_limit(it, 150e-6 + factor * bound, "at least").decision == decision


@pytest.mark.parametrize(
    ("limit", "sense", "why"),
    [
        (200e-6, "at most", "with 95 % it is at most 150.18 µJ"),
        (100e-6, "at most", "with 95 % it is at least 149.82 µJ"),
        (100e-6, "at least", "with 95 % it is at least 149.82 µJ"),
        (200e-6, "at least", "with 95 % it is at most 150.18 µJ"),
        (150e-6, "at most", "the limit lies inside 149.82 µJ to 150.18 µJ"),
    ],
)
def test_the_reason_names_the_bound_that_decides(limit, sense, why):
    it, bound = by_scatter()
    assert bound == pytest.approx(0.18e-6, abs=0.005e-6)
    assert require_limit(it, limit, sense).why == why


def test_undecided_says_how_many_trials_would_decide():
    it, bound = by_scatter()
    required = require_limit(it, 150e-6 + bound / 2, "at most")
    assert required.decision == "undecided"
    assert "trials (now 5) would decide it" in required.advice[0]
    assert not require_limit(it, 200e-6, "at most").advice


def test_a_baseline_on_the_same_monitor_is_decided_in_spite_of_its_gain():
    lines = line("current", 0.02), line("voltage", 0.01)
    old = subject("old", CALM, *lines)
    for worse, decision in ((0.02, "fail"), (0.0, "pass"), (0.01, "undecided")):
        new = subject("new", more(CALM, worse), *lines)
        assert require_baseline(old, new, 0.01).decision == decision


def test_a_baseline_on_another_monitor_is_undecided_by_as_much():
    lines = line("current", 0.02), line("voltage", 0.01)
    old, new = subject("old", CALM, *lines), subject("new", more(CALM, 0.02), *lines, serial="2")
    required = require_baseline(old, new, 0.01)
    assert required.decision == "undecided"
    assert "on the same monitor" in required.advice[1]


def test_a_throughput_may_fall_by_what_is_allowed():
    old = simple("old", 100.0, ("own", 1e-4))
    for value, decision in ((99.5, "pass"), (99.0, "undecided"), (98.5, "fail")):
        new = simple("new", value, ("own", 1e-4))
        assert require_baseline(old, new, 0.01, "at least").decision == decision


def test_what_is_not_comparable_is_undecided_with_the_reason():
    old, new = subject("old", CALM, line("current", 0.02)), subject("new", CALM, line("current", 0.02))
    other = replace(new, circumstances=replace(new.circumstances, workload="ad01"))
    required = require_baseline(old, other, 1.0)
    assert required.decision == "undecided"
    assert "workload: kws01 against ad01" in required.why
    assert not required.advice


def test_the_whole_fails_if_a_part_fails_and_passes_only_if_all_parts_pass():
    assert overall(["pass", "pass"]) == "pass"
    assert overall(["pass", "undecided"]) == "undecided"
    assert overall(["undecided", "fail", "pass"]) == "fail"
    assert overall([]) == "undecided"


DRAWS = 500
"""Draws of each cell here; the whole is ``python -m benchmarks.compare_power``."""
HIGHEST = 0.05 + 3 * math.sqrt(0.05 * 0.95 / DRAWS)
"""Three standard deviations above 5 %: what so few draws may show of a test that is wrong in 5 %."""


@pytest.mark.parametrize("trials", [3, 5, 10])
@pytest.mark.parametrize("same", [True, False], ids=["same monitor", "two monitors"])
def test_equal_duts_are_called_different_in_at_most_five_percent(trials, same):
    for lines in (Cell().lines, WITH_OFFSET):
        assert told_apart(Cell(trials, 0.003, 0.0, same, lines), DRAWS) <= HIGHEST


@pytest.mark.parametrize("trials", [3, 5, 10])
def test_a_dut_exactly_at_its_baseline_fails_in_at_most_five_percent(trials):
    parts = at_the_baseline(Cell(trials), 0.01, DRAWS)
    assert parts["fail"] <= HIGHEST
    assert parts["pass"] <= HIGHEST


def test_a_dut_exactly_at_its_limit_fails_in_at_most_five_percent():
    for cell in (Cell(5, 0.02, lines=WITH_OFFSET), Cell(3, 0.02, lines=WITH_OFFSET)):
        parts = at_the_limit(cell, DRAWS)
        assert 0.0 < parts["fail"] <= HIGHEST
        assert 0.0 < parts["pass"] <= HIGHEST


def test_a_difference_beyond_the_scatter_is_seen_on_one_monitor_and_not_on_two():
    assert told_apart(Cell(5, 0.001, 0.005, same_monitor=True), 200) > 0.99
    assert told_apart(Cell(5, 0.001, 0.005, same_monitor=False), 200) < 0.10
    assert told_apart(Cell(5, 0.001, 0.10, same_monitor=False), 200) > 0.9
