"""A figure compares only as far as its uncertainty allows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energy.errors import RecordingError
from joulebench.uncertain_figure import UncertainFigure
from tests.uncertainty.support import line
from tests.uncertainty.test_compare import CALM, more, subject

LINES = line("current", 0.02), line("voltage", 0.0)


def figure(name="a", energies=CALM, serial="1", **given) -> UncertainFigure:
    """150 µJ with a gain of 2 %, of which 95 % of a rectangle is 1.9 %, with k = 0.95 sqrt(3)."""
    return UncertainFigure(subject(name, energies, *LINES, serial=serial), **given)


def test_what_is_clear_is_true_or_false_in_all_four_directions():
    energy = figure()
    assert energy.value == pytest.approx(150e-6)
    for low, high in ((140e-6, 160e-6),):
        assert energy < high
        assert energy <= high
        assert energy > low
        assert energy >= low
        assert not energy < low
        assert not energy <= low
        assert not energy > high
        assert not energy >= high
        assert low < energy < high


def test_what_is_not_clear_is_an_error_with_the_reason():
    energy = figure()
    for holds in (energy.__lt__, energy.__le__, energy.__gt__, energy.__ge__):
        with pytest.raises(RecordingError, match=r"undecided: 150\.0.* µJ .*lies inside") as caught:
            holds(151e-6)
        assert caught.value.code == "compare.undecided"


def test_who_made_the_figure_may_answer_for_what_is_not_clear():
    asked: list[str] = []

    def answer(why: str) -> bool:
        asked.append(why)
        return True

    assert figure(undecided=answer) < 150e-6
    assert figure(undecided=answer) > 150e-6
    assert len(asked) == 2


def test_two_figures_of_one_monitor_are_compared_without_its_gain():
    old, new = figure("old"), figure("new", more(CALM, 0.005))
    assert new > old
    assert new < 1.01 * old
    assert new < old * 1.01
    assert not new < old
    assert 0.99 * new < old
    other = figure("new", more(CALM, 0.005), serial="2")
    with pytest.raises(RecordingError, match="undecided"):
        _ = other > old


def test_a_figure_times_a_number_has_that_many_times_its_uncertainty():
    energy = figure()
    assert (2 * energy).value == pytest.approx(300e-6)
    assert (2 * energy).expanded == pytest.approx(2 * energy.expanded, rel=1e-6)
    for factor in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            _ = energy * factor


def test_figures_of_different_workloads_are_not_compared():
    old, new = figure("old"), subject("new", CALM, *LINES)
    other = UncertainFigure(replace(new, circumstances=replace(new.circumstances, workload="ad01")))
    with pytest.raises(RecordingError, match="workload: kws01 against ad01") as caught:
        _ = other < old
    assert caught.value.code == "compare.not-comparable"


def test_equality_and_truth_have_no_meaning():
    energy = figure()
    with pytest.raises(TypeError, match="use <"):
        _ = energy == 150e-6
    with pytest.raises(TypeError, match="use <"):
        _ = energy != 150e-6
    with pytest.raises(TypeError, match="compare it with a limit"):
        bool(energy)
    with pytest.raises(TypeError, match="unhashable"):
        hash(energy)


def test_it_reads_as_a_figure_with_its_uncertainty():
    assert repr(figure()) == "150.00 µJ ± 2.9 µJ (95 %, k = 1.6)"
    assert float(figure()) == pytest.approx(150e-6)


def test_what_the_session_has_not_is_a_coded_error():
    with pytest.raises(RecordingError, match="no net") as caught:
        _ = figure().net
    assert caught.value.code == "compare.no-uncertainty"
