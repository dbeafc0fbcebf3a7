"""Inputs and budgets: the law of propagation, correlation, JSON there and back, budgets that are combined."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import assume, settings
from hypothesis import given as draw
from hypothesis import strategies as st

from energy.uncertainty.budget import Budget, Term, budget_from_json, budget_of, linear
from energy.uncertainty.inputs import DIVISORS, Inputs, rectangular, triangular
from tests.uncertainty.support import given

MODEST = settings(deadline=None, max_examples=60)
finite = st.floats(-1e6, 1e6)
entries = st.builds(
    lambda kind, u, nu, estimate: given("", u, kind, nu if kind == "t" else math.inf, estimate),
    st.sampled_from(tuple(DIVISORS)),
    st.floats(1e-6, 1e3),
    st.integers(1, 60),
    finite,
)
terms = st.lists(st.tuples(entries, finite), min_size=1, max_size=6).map(
    lambda rows: tuple(Term(replace(one, key=f"k{i}"), c) for i, (one, c) in enumerate(rows))
)


@st.composite
def budgets(draw_one) -> Budget:
    chosen = draw_one(terms)
    pairs: tuple[tuple[str, str, float], ...] = ()
    if len(chosen) > 1 and draw_one(st.booleans()):
        pairs = (("k0", "k1", draw_one(st.floats(-1, 1))),)
    return Budget("figure", "J", draw_one(finite), draw_one(finite), chosen, ("a note",), pairs)


@MODEST
@draw(budgets())
def test_a_budget_survives_json_to_the_last_bit(budget):
    document = budget.to_json()
    text = json.dumps(document, allow_nan=False)
    again = budget_from_json(json.loads(text))
    assert again == budget
    assert (again.u, again.k, again.expanded, again.freedom) == (
        budget.u,
        budget.k,
        budget.expanded,
        budget.freedom,
    )
    assert json.dumps(again.to_json()) == text


@MODEST
@draw(budgets())
def test_shares_of_independent_terms_add_up_to_one(budget):
    assume(not budget.correlations and budget.u > 0)
    assert math.fsum(budget.share(term) for term in budget.terms) == pytest.approx(1.0)


def test_contributions_add_in_squares_and_the_largest_stands_first():
    inputs = Inputs()
    a, b, c = (inputs.number(given(key, u, estimate=1.0)) for key, u in (("a", 3.0), ("b", 4.0), ("c", 1.0)))
    found = budget_of("f", "J", a - b + 0.0 * c, 7.0, inputs, ["note"])
    assert (found.value, found.indicated, found.u, found.notes) == (0.0, 7.0, 5.0, ("note",))
    assert [(term.of.key, term.sensitivity) for term in found.terms] == [("b", -1.0), ("a", 1.0)]
    assert [found.share(term) for term in found.terms] == pytest.approx([0.64, 0.36])
    assert found.interval == pytest.approx((-5 * found.k, 5 * found.k))


@pytest.mark.parametrize(("r", "sign", "u"), [(1.0, -1, 1.0), (1.0, 1, 7.0), (-1.0, 1, 1.0), (0.0, 1, 5.0)])
def test_correlated_terms_add_with_their_signs(r, sign, u):
    inputs = Inputs()
    a, b = inputs.correlated([given("a", 3.0), given("b", 4.0)], {("a", "b"): r})
    found = budget_of("f", "J", a + sign * b, 0.0, inputs)
    assert found.u == pytest.approx(u)
    from GTC import variance

    assert found.u**2 == pytest.approx(variance(a + sign * b))


def test_two_budgets_share_what_has_the_same_key():
    shared, own = given("gain", 0.02), [given("scatter 1", 0.001, "t", 4), given("scatter 2", 0.001, "t", 4)]
    both = [
        Budget("E", "J", value, value, (Term(shared, value), Term(mine, value)))
        for value, mine in zip((1.0, 1.005), own, strict=True)
    ]
    inputs = Inputs()
    first, second = (linear(budget, inputs) for budget in both)
    ratio = budget_of("ratio", "", second / first, 1.005, inputs)
    assert ratio.value == pytest.approx(1.005)
    assert ratio.u == pytest.approx(1.005 * 0.001 * math.sqrt(2), rel=1e-6), "the gain cancels"
    assert ratio.freedom == pytest.approx(8, rel=1e-6)


def test_a_linear_copy_of_a_budget_is_the_budget():
    inputs = Inputs()
    pair = inputs.correlated([given("a", 3.0, estimate=2.0), given("b", 4.0)], {("a", "b"): 0.5})
    alone = inputs.number(given("c", 1.0, "rectangular", estimate=5.0))
    budget = budget_of("f", "J", pair[0] * 2.0 - pair[1] + alone, 0.0, inputs)
    others = Inputs()
    again = budget_of("f", "J", linear(budget, others), 0.0, others)
    assert again.value == pytest.approx(budget.value)
    assert (again.u, again.freedom, again.k) == pytest.approx((budget.u, budget.freedom, budget.k))


def test_a_key_stands_for_a_single_quantity():
    inputs = Inputs()
    inputs.number(given("gain", 0.02))
    inputs.number(given("gain", 0.02))
    with pytest.raises(ValueError, match="two different inputs are called 'gain'"):
        inputs.number(given("gain", 0.01))


def test_correlation_is_stated_once():
    """What was used on its own cannot become part of a correlated group any more."""
    inputs = Inputs()
    pair = [given("a", 3.0), given("b", 4.0)]
    inputs.number(pair[0])
    with pytest.raises(ValueError, match="used before with other correlations: a"):
        inputs.correlated(pair, {("a", "b"): 0.5})
    others = Inputs()
    numbers = others.correlated(pair, {("a", "b"): 0.5})
    assert all(
        one is other for one, other in zip(numbers, others.correlated(pair, {("a", "b"): 0.5}), strict=True)
    )
    with pytest.raises(ValueError, match="used before with other correlations: a, b"):
        others.correlated(pair, {("a", "b"): 0.6})


@pytest.mark.parametrize(("make", "root"), [(rectangular, 3.0), (triangular, 6.0)])
def test_divisors_of_bounded_inputs(make, root):
    entry = make("k", "n", 2.0, "A", "data sheet", "specified")
    assert entry.standard == pytest.approx(2.0 / math.sqrt(root))
    assert (entry.evaluation, entry.freedom) == ("B", math.inf)


@pytest.mark.parametrize(("status", "assumed"), [("assumed", True), ("typical", False), ("specified", False)])
def test_a_budget_that_rests_on_an_assumption_is_marked(status, assumed):
    term = Term(rectangular("k", "n", 0.01, "", "data sheet", status), 1.0)
    assert Budget("E", "J", 1.0, 1.0, (term,)).assumed is assumed
    assert not Budget("E", "J", 1.0, 1.0, (Term(term.of, 0.0),)).assumed


def test_a_table_of_the_terms_has_what_a_reader_needs():
    term = Term(rectangular("k", "gain", 0.03, "", "UM2243, p. 23", "specified"), 2.0)
    (row,) = Budget("E", "J", 1.0, 1.0, (term,)).to_dataframe().to_dict("records")
    assert (row["name"], row["distribution"], row["source"], row["status"]) == (
        "gain",
        "rectangular",
        "UM2243, p. 23",
        "specified",
    )
    assert row["standard_uncertainty"] == pytest.approx(0.03 / math.sqrt(3))
    assert row["contribution"] == pytest.approx(0.06 / math.sqrt(3))
    assert (row["share"], row["degrees_of_freedom"], row["sensitivity"]) == (pytest.approx(1.0), None, 2.0)
