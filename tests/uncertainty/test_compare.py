"""Comparison of figures: what cancels, the verdict, its reasons; closed forms and draws (JCGM 101) judge."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from energy.evidence.calibration import Calibration, CalibrationLine
from energy.evidence.scope import Scope
from energy.instruments import Accuracy
from energy.uncertainty.budget import Budget, Term
from energy.uncertainty.comparability import ASPECTS, Circumstances, comparability
from energy.uncertainty.compare import Subject, compare, compare_all, difference_at
from energy.uncertainty.model import Model
from energy.uncertainty.paired import compare_pairs
from tests.uncertainty.support import conditions, given, line, windows

CALM = (0.1499, 0.1501, 0.1500, 0.1498, 0.1502)
"""Energies of five windows, in joule; their median is 0.15."""
KNOWN = Circumstances(
    "kws01",
    "energy",
    Scope(feeds=("core", "flash")),
    3.0,
    23.0,
    "exact",
    "10 mA",
    "0123456789abcdef",
    False,
    "joulebench",
    "board",
    "model",
    "1",
)


def model_of(
    session: str, energies: Any, *lines: Accuracy, serial: str = "1", bench: str = "bench", **more: Any
) -> Model:
    told = replace(conditions(*lines, **more), session=session, serial_number=serial, bench=bench)
    return Model(told, windows(*energies))


def subject(session: str, energies: Any, *lines: Accuracy, serial: str = "1", **more: Any) -> Subject:
    budget = model_of(session, energies, *lines, serial=serial, **more).joule_per_inference()
    return Subject(
        session, budget, Circumstances("kws01", "energy", rule="exact", model="model", serial_number=serial)
    )


def more(energies: Any, fraction: float) -> list[float]:
    return [energy * (1 + fraction) for energy in energies]


def scatter_of(energies: Any) -> float:
    """Relative standard uncertainty of the median of five, its factor from the tables (1.1977)."""
    return 1.1977 * statistics.stdev(energies) / math.sqrt(5) / statistics.median(energies)


def test_the_gain_of_one_monitor_cancels_whole_in_the_ratio():
    first = subject("a", CALM, line("current", 0.02), line("voltage", 0.01))
    second = subject("b", more(CALM, 0.005), line("current", 0.02), line("voltage", 0.01))
    compared = compare(first, second)
    assert compared.ratio is not None
    expected = 1.005 * math.sqrt(2) * scatter_of(CALM)
    assert compared.ratio.u == pytest.approx(expected, rel=2e-4)
    assert compared.ratio.value == pytest.approx(1.005, rel=1e-9)
    assert compared.verdict == "differ"
    assert "same monitor (model 1)" in " ".join(compared.notes)


def test_the_gains_of_two_monitors_add():
    first = subject("a", CALM, line("current", 0.02))
    second = subject("b", more(CALM, 0.005), line("current", 0.02), serial="2")
    compared = compare(first, second)
    assert compared.ratio is not None
    expected = 1.005 * math.sqrt(2 * scatter_of(CALM) ** 2 + 2 * 0.02**2 / 3)
    assert compared.ratio.u == pytest.approx(expected, rel=1e-3)
    assert compared.verdict == "cannot be told apart"


def test_the_offset_of_one_monitor_cancels_in_a_difference_and_in_part_in_a_ratio_as_draws_show():
    lines = line("current", 0.004, 3e-5), line("voltage", 0.0)
    first = subject("a", [0.15, 0.15], *lines)
    second = subject("b", [0.30, 0.30], *lines)
    compared = compare(first, second)
    rng = np.random.default_rng(7)
    gain = rng.uniform(-0.004, 0.004, 1_000_000)
    offset_j = rng.uniform(-3e-5, 3e-5, 1_000_000) * 3.0 * 10.0  # A x V x s, the same in both
    x, y = 0.15 * (1 + gain) + offset_j, 0.30 * (1 + gain) + offset_j
    assert compared.ratio is not None
    assert compared.ratio.u == pytest.approx(float(np.std(y / x)), rel=0.005)
    assert compared.difference.u == pytest.approx(float(np.std(y - x)) / 1000, rel=0.005)
    assert compared.difference.u == pytest.approx(0.15 * 0.004 / math.sqrt(3) / 1000, rel=1e-6)


def test_monitors_without_serial_numbers_share_nothing_and_a_note_says_so():
    first = subject("a", CALM, line("current", 0.02), serial="")
    second = subject("b", CALM, line("current", 0.02), serial="")
    compared = compare(first, second)
    assert compared.ratio is not None
    assert compared.ratio.u > math.sqrt(2) * 0.02 / math.sqrt(3)
    assert any("serial number is not known for a and b" in note for note in compared.notes)


def test_a_gain_that_is_not_linear_cancels_only_near_its_level():
    nonlinear = line("current", 0.02, linear=False)
    first = subject("a", CALM, nonlinear)
    near = compare(first, subject("b", more(CALM, 0.9), nonlinear))
    far = compare(first, subject("b", more(CALM, 1.1), nonlinear))
    assert near.ratio is not None
    assert far.ratio is not None
    assert near.ratio.u / near.ratio.value < 0.002
    assert far.ratio.u / far.ratio.value == pytest.approx(math.sqrt(2) * 0.02 / math.sqrt(3), rel=0.01)
    assert any("more than a factor of 2" in note for note in far.notes)
    assert not any("factor" in note for note in near.notes)


def test_a_gain_that_was_widened_for_the_temperature_cancels_in_its_smaller_part():
    warm = line("current", 0.01, per_celsius=0.1)  # 10 % more of the limit for each degree above 28
    first = subject("a", CALM, warm)
    second = subject("b", CALM, warm, temperature_c=38.0)
    assert second.budget.u > 1.9 * first.budget.u
    compared = compare(first, second)
    assert compared.ratio is not None
    alone = math.sqrt(0.02**2 - 0.01**2) / math.sqrt(3)
    assert compared.ratio.u == pytest.approx(math.hypot(alone, math.sqrt(2) * scatter_of(CALM)), rel=1e-3)


def test_gain_and_offset_of_one_certificate_keep_their_correlation():
    fit = CalibrationLine(
        quantity="current",
        gain_uncertainty=0.004,
        offset_uncertainty=4e-5,
        k=2.0,
        correlation=-0.9,
    )
    of = Calibration.model_validate(
        {"schema": "joulebench.calibration/1", "model": "model", "serial_number": "1",
         "date": "2026-01-01", "lines": [fit]}
    )  # fmt: skip
    lines = line("voltage", 0.0)
    first = subject("a", [0.15, 0.15], lines, calibration=of)
    second = subject("b", [0.30, 0.30], lines, calibration=of)
    rng = np.random.default_rng(8)
    covariance = [[0.002**2, -0.9 * 0.002 * 2e-5], [-0.9 * 0.002 * 2e-5, 2e-5**2]]
    gain, offset = rng.multivariate_normal([0, 0], covariance, 1_000_000).T
    x, y = (energy * (1 + gain) + offset * 3.0 * 10.0 for energy in (0.15, 0.30))
    compared = compare(first, second)
    assert compared.ratio is not None
    assert first.budget.u == pytest.approx(float(np.std(x)) / 1000, rel=0.005)
    assert compared.ratio.u == pytest.approx(float(np.std(y / x)), rel=0.005)


def test_a_session_compared_with_itself_cannot_be_told_apart_and_has_no_uncertainty():
    it = subject("a", CALM, line("current", 0.02, 1e-5))
    compared = compare(it, it)
    assert compared.difference.expanded == pytest.approx(0.0, abs=1e-15)
    assert compared.verdict == "cannot be told apart"


def test_the_verdict_turns_at_the_expanded_uncertainty_of_the_difference():
    first = subject("a", CALM, line("current", 0.02))
    u = compare(first, subject("b", CALM, line("current", 0.02))).difference.expanded * 1000 / 0.15
    for factor, verdict in (
        (0.97, "cannot be told apart"),
        (1.03, "differ"),
        (-0.97, "cannot be told apart"),
    ):
        assert compare(first, subject("b", more(CALM, factor * u), line("current", 0.02))).verdict == verdict


def test_figures_of_different_quantities_are_not_compared():
    model = model_of("a", CALM, line("current", 0.02))
    one = Subject("a", model.joule_per_inference(), Circumstances())
    other = Subject("b", model.power(), Circumstances())
    with pytest.raises(ValueError, match="mean power"):
        compare(one, other)


def test_three_figures_make_every_pair():
    subjects = [subject(name, CALM, line("current", 0.02)) for name in "abc"]
    rows = compare_all(subjects)
    assert [[(c.first.name, c.second.name) for c in row] for row in rows] == [
        [],
        [("a", "b")],
        [("a", "c"), ("b", "c")],
    ]


DIFFERENT: dict[str, Any] = {
    "workload": "ad01",
    "mode": "performance",
    "scope": Scope(feeds=("core",)),
    "voltage_v": 3.01,
    "temperature_c": 28.5,
    "rule": "eembc",
    "range": "100 mA",
    "virtual": True,
    "runner": "EEMBC",
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_makes_figures_not_comparable_unless_it_is_compared_on_purpose(name):
    other = replace(KNOWN, **{name: DIFFERENT[name]})
    aspect = name.partition("_")[0]
    found = comparability(KNOWN, other)
    assert [reason.code for reason in found.reasons] == [aspect]
    assert not found.allowed
    assert f"--across {aspect}" in found.reasons[0].remedy
    on_purpose = comparability(KNOWN, other, [aspect])  # type: ignore[list-item]
    assert not on_purpose.reasons
    assert [reason.code for reason in on_purpose.allowed] == [aspect]
    tried = {key.partition("_")[0] for key in DIFFERENT}
    assert tried | {"firmware"} == set(ASPECTS)


@pytest.mark.parametrize(
    "near",
    [{"voltage_v": 3.002}, {"temperature_c": 27.9}, {"scope": Scope(feeds=("flash", "core"), note="x")}],
)
def test_what_differs_by_less_than_matters_is_the_same(near):
    found = comparability(KNOWN, replace(KNOWN, **near))
    assert (found.reasons, found.allowed, found.notes) == ((), (), ())


def test_not_comparable_comes_before_differ():
    first, second = (subject(n, e, line("current", 0.02)) for n, e in (("a", CALM), ("b", more(CALM, 1.0))))
    other = replace(second, circumstances=replace(second.circumstances, workload="ad01"))
    assert compare(first, second).verdict == "differ"
    assert compare(first, other).verdict == "not comparable"
    assert compare(first, other, ["workload"]).verdict == "differ"


def test_another_firmware_counts_only_where_something_else_is_compared_on_one_board():
    other = replace(KNOWN, firmware="fedcba9876543210")
    assert [reason.code for reason in comparability(KNOWN, other).allowed] == ["firmware"]
    across = comparability(KNOWN, replace(other, voltage_v=1.8), ["voltage"])
    assert [reason.code for reason in across.reasons] == ["firmware"]
    assert not comparability(KNOWN, replace(other, board="another"), ["voltage"]).reasons


def test_ranges_count_only_on_monitors_of_one_model():
    assert not comparability(KNOWN, replace(KNOWN, range="dynamic", model="another")).reasons


def test_what_nobody_knows_is_noted_and_a_workload_must_be_known():
    found = comparability(KNOWN, replace(KNOWN, temperature_c=None, scope=None))
    assert not found.reasons
    assert found.notes == ("Not known for both, so not compared: scope, temperature.",)
    one_unknown = comparability(KNOWN, replace(KNOWN, workload=None))
    assert [reason.evidence for reason in one_unknown.reasons] == ["workload: kws01 against unknown"]


def test_a_session_with_errors_is_not_comparable_with_anything():
    wrong = replace(KNOWN, errors=("window.too-short",))
    reasons = comparability(KNOWN, wrong, ASPECTS).reasons
    assert [reason.code for reason in reasons] == ["errors"]
    assert "the second has errors: window.too-short" in reasons[0].evidence


def test_a_ratio_against_a_number_has_the_uncertainty_of_draws():
    lines = line("current", 0.02), line("voltage", 0.0)
    first, second = subject("a", [0.15, 0.15], *lines), subject("b", [0.30, 0.30], *lines)
    excess = difference_at(first.budget, second.budget, 1.5)
    gain = np.random.default_rng(9).uniform(-0.02, 0.02, 1_000_000)
    assert excess.value == pytest.approx((0.30 - 1.5 * 0.15) / 1000)
    assert excess.u == pytest.approx(float(np.std((0.30 - 1.5 * 0.15) * (1 + gain))) / 1000, rel=0.005)


def simple(name: str, value: float, *terms: tuple[str, float]) -> Subject:
    """A figure with terms by key, each a relative standard uncertainty; ``own`` is of this figure only."""
    made = [Term(given(f"{name} own" if key == "own" else key, relative), value) for key, relative in terms]
    return Subject(name, Budget("energy per inference", "J", value, value, tuple(made)), Circumstances())


def test_the_mean_ratio_of_pairs_has_their_scatter_and_what_they_share():
    ratios = (0.80, 0.90, 0.85, 0.95)
    pairs = [
        (
            simple(f"ref {k}", 1e-3 * (k + 1), ("gain of one", 0.01), ("own", 0.001)),
            simple(f"cmsis {k}", ratio * 1e-3 * (k + 1), ("gain of other", 0.02), ("own", 0.001)),
        )
        for k, ratio in enumerate(ratios)
    ]
    compared = compare_pairs(pairs)
    logarithms = [math.log(ratio) for ratio in ratios]
    mean = math.exp(statistics.fmean(logarithms))
    assert compared.ratio.value == pytest.approx(mean, rel=1e-12)
    relative = math.sqrt(statistics.stdev(logarithms) ** 2 / 4 + 0.01**2 + 0.02**2)
    assert compared.ratio.u == pytest.approx(mean * relative, rel=1e-9)
    type_a = statistics.stdev(logarithms) / 2
    assert compared.ratio.freedom == pytest.approx(3 * (relative / type_a) ** 4, rel=1e-9)
    assert compared.verdict == "differ"


def test_a_gain_that_both_of_each_pair_have_cancels_in_their_mean():
    pairs = [
        (simple(f"ref {k}", 1e-3, ("gain", 0.02)), simple(f"cmsis {k}", ratio * 1e-3, ("gain", 0.02)))
        for k, ratio in enumerate((0.99, 1.00, 1.01))
    ]
    compared = compare_pairs(pairs)
    logarithms = [math.log(ratio) for ratio in (0.99, 1.00, 1.01)]
    u = compared.ratio.value * statistics.stdev(logarithms) / math.sqrt(3)
    assert compared.ratio.u == pytest.approx(u, rel=1e-9)
    assert compared.verdict == "cannot be told apart"


def test_a_single_pair_has_no_mean():
    with pytest.raises(ValueError, match="at least two"):
        compare_pairs([(simple("a", 1.0), simple("b", 1.0))])
