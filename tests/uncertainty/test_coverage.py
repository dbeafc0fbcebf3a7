"""Coverage factor and estimator against brute force: random draws, other integrals, published tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from energy.uncertainty.coverage import Contribution, coverage, effective_freedom, t_factor
from energy.uncertainty.estimator import median_factor, median_uncertainty
from energy.uncertainty.inputs import DIVISORS

DRAWS = 200_000
BOUNDED = ("rectangular", "triangular", "arcsine")


def draws(term: Contribution, rng: np.random.Generator) -> np.ndarray:
    """Values of a term; its distribution is drawn in another way than the code under test integrates it."""
    half = term.standard * DIVISORS[term.distribution]
    uniform = rng.uniform(-1.0, 1.0, (2, DRAWS))
    match term.distribution:
        case "normal":
            return rng.normal(0.0, term.standard, DRAWS)
        case "t":
            return term.standard * rng.standard_t(term.freedom, DRAWS)
        case "rectangular":
            return half * uniform[0]
        case "triangular":
            return half * uniform.mean(axis=0)
        case _:
            return half * np.sin(math.pi * uniform[0])


def terms(*rows: tuple[float, str] | tuple[float, str, float]) -> list[Contribution]:
    return [Contribution(*row) for row in rows]  # pyright: ignore[reportArgumentType]


small = st.builds(
    Contribution,
    st.floats(0.01, 1.0),
    st.sampled_from(("normal", "rectangular", "triangular", "arcsine")),
)
scattered = st.builds(lambda u, n: Contribution(u, "t", n), st.floats(0.01, 0.5), st.integers(4, 30))


@settings(deadline=None, max_examples=15, derandomize=True)
@given(
    st.builds(Contribution, st.floats(1.5, 5.0), st.sampled_from(BOUNDED)),
    st.lists(small, max_size=4),
    st.lists(scattered, max_size=1),
)
def test_where_a_bounded_term_dominates_the_interval_covers_95_percent_of_draws(largest, others, type_a):
    everything = [largest, *others, *type_a]
    combined = math.hypot(*(term.standard for term in everything))
    assume(largest.standard**2 > 0.51 * combined**2)
    found = coverage(everything)
    assume(found.method == "distribution")
    rng = np.random.default_rng(7)
    total = sum(draws(term, rng) for term in everything)
    covered = float(np.mean(np.abs(total) <= found.k * combined))
    assert covered == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / DRAWS))


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.lists(small, min_size=2, max_size=6))
def test_without_a_dominant_term_the_t_distribution_covers_as_much_as_it_states(several):
    combined = math.hypot(*(term.standard for term in several))
    assume(all(term.standard**2 < 0.49 * combined**2 for term in several))
    found = coverage(several)
    assert found.method == "t-distribution"
    rng = np.random.default_rng(8)
    total = sum(draws(term, rng) for term in several)
    covered = float(np.mean(np.abs(total) <= found.k * combined))
    assert 0.945 <= covered <= 0.97


@pytest.mark.parametrize("share", [0.3, 0.51, 0.6, 0.75, 0.9])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_scatter_of_few_windows_beside_a_rectangular_term_is_covered_as_stated(n, share):
    """The scatter is drawn and estimated in each draw, as in an experiment that is repeated."""
    count = 3000
    rng = np.random.default_rng(n)
    rows = rng.standard_normal((count, n))
    to_one = math.sqrt(1.0 - share) * math.sqrt(n) / median_factor(n)
    u_median = np.round(25 * rows.std(axis=1, ddof=1) * math.sqrt(1.0 - share)) / 25  # few different ones
    bound = math.sqrt(3.0 * share)
    errors = np.median(rows, axis=1) * to_one + bound * rng.uniform(-1.0, 1.0, count)
    u_bound = math.sqrt(share)
    expanded = {
        u: coverage(terms((u, "t", n - 1), (u_bound, "rectangular"))).k * math.hypot(u, u_bound)
        for u in set(u_median.tolist())
    }
    covered = np.mean([abs(e) <= expanded[u] for e, u in zip(errors, u_median.tolist(), strict=True)])
    sigma = math.sqrt(0.95 * 0.05 / count)
    assert 0.945 - 3 * sigma <= covered <= 0.97 + 3 * sigma


@pytest.mark.parametrize(
    ("rows", "k"),
    [
        ([(1.0, "rectangular")], 0.95 * math.sqrt(3)),
        ([(1.0, "arcsine")], math.sqrt(2) * math.sin(0.95 * math.pi / 2)),
        ([(1.0, "triangular")], math.sqrt(6) * (1 - math.sqrt(0.05))),
    ],
)
def test_a_single_bounded_term_has_the_factor_of_its_own_distribution(rows, k):
    assert coverage(terms(*rows)).k == pytest.approx(k, abs=0.002)


def test_a_dominant_rectangular_term_with_scatter_of_few_windows_widens_the_interval():
    """By an integral of another kind: the t density over a rectangular distribution."""
    from scipy.integrate import quad

    half = math.sqrt(3.0)

    def beyond(limit: float) -> float:
        return quad(
            lambda x: stats.t.sf((limit - x) / 0.15, 2) + stats.t.cdf((-limit - x) / 0.15, 2), -half, half
        )[0] / (2 * half)

    found = coverage(terms((1.0, "rectangular"), (0.15, "t", 2)))
    assert found.method == "distribution"
    assert beyond(found.k * math.hypot(1.0, 0.15)) == pytest.approx(0.05, abs=3e-4)


def test_the_smaller_factor_counts_where_the_scatter_of_three_windows_has_long_tails():
    found = coverage(terms((1.0, "rectangular"), (0.8, "t", 2)))
    assert found.method == "t-distribution"
    assert found.k == t_factor(effective_freedom(terms((1.0, "rectangular"), (0.8, "t", 2))))
    of_two = coverage(terms((1.0, "rectangular"), (0.8, "t", 1)))
    assert of_two.method == "distribution", "with one degree of freedom the formula covers too little"


@pytest.mark.parametrize(("u", "k"), [(0.3, 3.906), (0.8, 8.016)])
def test_tails_that_reach_far_are_counted(u, k):
    """A Cauchy distribution: k from four million draws, to 0.5 %."""
    assert coverage(terms((1.0, "rectangular"), (u, "t", 1))).k == pytest.approx(k, rel=0.01)


@pytest.mark.parametrize(
    ("freedom", "k"),
    # JCGM 100:2008, table G.2, 95 %
    [(1, 12.71), (2, 4.30), (4, 2.78), (9, 2.26), (9.99, 2.26), (10, 2.23), (50, 2.01), (math.inf, 1.960)],
)
def test_factors_of_table_g_2_with_degrees_of_freedom_cut_to_an_integer(freedom, k):
    assert t_factor(freedom) == pytest.approx(k, abs=0.005)


def test_degrees_of_freedom_follow_welch_and_satterthwaite():
    """JCGM 100:2008, G.4.1, worked there: u = 0.25, 0.57, 0.82 % of n = 10, 5, 15 give 19.0."""
    found = effective_freedom(terms((0.25, "t", 9), (0.57, "t", 4), (0.82, "t", 14)))
    assert found == pytest.approx(19.0, abs=0.05)


def test_a_budget_of_nothing_has_no_dominant_term_and_no_freedom_to_lose():
    assert coverage([]).k == pytest.approx(1.960, abs=0.001)
    assert effective_freedom([]) == math.inf


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 10, 15, 41])
def test_the_factor_of_the_median_is_that_of_simulated_medians(n):
    rng = np.random.default_rng(n)
    medians = np.median(rng.standard_normal((DRAWS, n)), axis=1)
    assert median_factor(n) == pytest.approx(medians.std() * math.sqrt(n), rel=0.006)


def test_the_factor_of_the_median_goes_to_its_limit():
    factors = [median_factor(n) for n in (59, 60, 61, 1001)]
    assert factors == pytest.approx([math.sqrt(math.pi / 2)] * 4, rel=0.012)
    assert median_factor(3) == pytest.approx(1.1602, abs=2e-4)  # sqrt(3 (1 - sqrt(3) / pi)), in closed form
    assert median_factor(3) == pytest.approx(math.sqrt(3 * (1 - math.sqrt(3) / math.pi)), abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_median_of_normal_scatter_is_covered_as_stated(n):
    """s and the median of few values are not independent, and their ratio is no t: it covers 95 to 96.5 %."""
    rng = np.random.default_rng(100 + n)
    rows = rng.standard_normal((20_000, n))
    k = t_factor(n - 1)
    covered = np.mean([abs(np.median(row)) <= k * median_uncertainty(list(row)) for row in rows[:4000]])
    sigma = math.sqrt(0.95 * 0.05 / 4000)
    assert 0.95 - 3 * sigma <= covered <= 0.965 + 3 * sigma
