"""What two budgets truly share: terms that cancel in a comparison, and terms that only look alike.

Terms of the same key are the same quantity, so that they are fully correlated (JCGM 100:2008, F.1.2.3). Two
cases are less than that:

- A term that acts at a level (the gain of an instrument that is not linear) is the same only near that level.
- A term that is larger in one of the budgets (a specification that was widened for the temperature) is the
  same in the smaller part; the rest belongs to that budget alone. Variances add, so that both keep theirs.
"""

from __future__ import annotations

import math
from dataclasses import replace

from energy.uncertainty.budget import Budget, Term
from energy.uncertainty.inputs import Input

NEAR = 2.0
"""Levels within this factor are the same level."""


def truly_shared(first: Budget, second: Budget) -> tuple[Budget, Budget, list[str]]:
    """Two budgets whose terms have the same key only as far as they are the same quantity.

    Args:
        first: A budget.
        second: Another.

    Returns:
        Both with the same values and uncertainties, and notes on what does not cancel.
    """
    notes: list[str] = []
    ours = {term.of.key: term for term in first.terms}
    theirs = {term.of.key: term for term in second.terms}
    together = {key for of in (first, second) for row in of.correlations for key in row[:2]}
    apart: set[str] = set()
    common: dict[str, Input] = {}
    for key in ours.keys() & theirs.keys():
        one, other = ours[key].of, theirs[key].of
        same_size = _same(one.standard, other.standard)
        if not _near(one.level, other.level):
            apart.add(key)
            notes.append(
                f"{one.name}: at {one.level:.3g} and {other.level:.3g}, more than a factor of {NEAR:g} "
                "apart; it is not the same there, and does not cancel."
            )
        elif key in together and not (same_size and _group(first, key) == _group(second, key)):
            apart |= _group(first, key) | _group(second, key) | {key}
        else:
            common[key] = min(one, other, key=lambda given: given.standard)
    return _separated(first, "first", apart, common), _separated(second, "second", apart, common), notes


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9)


def _near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    low, high = sorted((abs(one), abs(other)))
    return high <= NEAR * low


def _group(budget: Budget, key: str) -> set[str]:
    """Keys of the terms that are correlated with a term."""
    return {name for row in budget.correlations if key in row[:2] for name in row[:2]}


def _separated(budget: Budget, side: str, apart: set[str], common: dict[str, Input]) -> Budget:
    """The budget with its own keys for ``apart``, and terms of ``common`` in that part and the rest."""

    def own(key: str) -> str:
        return f"{key} ({side})" if key in apart else key

    terms: list[Term] = []
    for term in budget.terms:
        given = replace(term.of, key=own(term.of.key))
        part = common.get(given.key, given)
        if not _same(part.standard, given.standard):
            rest = math.sqrt(given.standard**2 - part.standard**2)
            beyond = replace(
                given, key=f"{given.key} ({side}, beyond)", name=f"{given.name}, beyond the other's"
            )
            terms.append(Term(replace(beyond, limit=rest * given.divisor), term.sensitivity))
        terms.append(Term(part, term.sensitivity))
    correlations = tuple((own(first), own(second), r) for first, second, r in budget.correlations)
    return replace(budget, terms=tuple(terms), correlations=correlations)
