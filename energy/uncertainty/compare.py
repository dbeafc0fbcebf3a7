"""Two figures compared: difference and ratio with their uncertainty, and whether they can be told apart.

Terms that both figures share (the gain of one monitor, the voltage of one bench) cancel as far as they truly
do, by the full covariance: both figures are made of the same inputs, and GTC propagates. At 95 %, two figures
differ if their difference is larger than its expanded uncertainty, |d| > U(d).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from energy.uncertainty.budget import Budget, Term, budget_of, linear
from energy.uncertainty.comparability import Aspect, Circumstances, Reason, comparability
from energy.uncertainty.improve import Improvement, improvement_of
from energy.uncertainty.inputs import Inputs
from energy.uncertainty.shared import truly_shared

_COUNTS = 0.01
"""A term with a smaller part of the variance hardly counts."""
Verdict = Literal["differ", "cannot be told apart", "not comparable"]


@dataclass(frozen=True)
class Subject:
    """A figure to be compared.

    Attributes:
        name: Its name in tables: a folder, a published row.
        budget: The figure with its uncertainty.
        circumstances: How it came about.
    """

    name: str
    budget: Budget
    circumstances: Circumstances


@dataclass(frozen=True)
class SharedTerm:
    """A term of a comparison, as relative standard uncertainties.

    Attributes:
        name: Its name.
        first: Its part in the first figure; 0 if it has none.
        second: Its part in the second figure.
        ratio: Its part in the ratio of both.
        share: Its part of the ratio's variance, 0 to 1.
    """

    name: str
    first: float
    second: float
    ratio: float
    share: float


@dataclass(frozen=True)
class Comparison:
    """Two figures compared.

    Attributes:
        first: What it is compared with.
        second: What is compared.
        difference: Second minus first.
        ratio: Second over first; None unless both are above 0.
        verdict: Whether they differ at 95 %.
        reasons: What makes them not comparable.
        allowed: What differs and is compared on purpose.
        notes: What else a reader has to know.
        terms: Every term, by its part in the ratio, the largest first.
    """

    first: Subject
    second: Subject
    difference: Budget
    ratio: Budget | None
    verdict: Verdict
    reasons: tuple[Reason, ...]
    allowed: tuple[Reason, ...]
    notes: tuple[str, ...]
    terms: tuple[SharedTerm, ...]

    @cached_property
    def improvement(self) -> Improvement:
        """What it would take to make the uncertainty smaller."""
        return improvement_of(self.difference, (self.first.circumstances, self.second.circumstances))

    @property
    def tells_apart(self) -> bool:
        """Whether the difference is beyond its expanded uncertainty."""
        return abs(self.difference.value) > self.difference.expanded

    def to_json(self) -> dict[str, Any]:
        """For ``--json``, SI units."""
        return {
            "first": self.first.name,
            "second": self.second.name,
            "quantity": self.first.budget.quantity,
            "verdict": self.verdict,
            "reasons": [reason.to_json() for reason in self.reasons],
            "allowed": [reason.to_json() for reason in self.allowed],
            "first_figure": self.first.budget.to_json(),
            "second_figure": self.second.budget.to_json(),
            "difference": self.difference.to_json(),
            "ratio": self.ratio.to_json() if self.ratio else None,
            "improvement": self.improvement.to_json(),
            "notes": list(self.notes),
        }


def compare(first: Subject, second: Subject, across: Collection[Aspect] = ()) -> Comparison:
    """Compares two figures.

    Args:
        first: What it is compared with.
        second: What is compared.
        across: Circumstances that differ on purpose.

    Raises:
        ValueError: If the figures are of different quantities.
    """
    if (first.budget.quantity, first.budget.unit) != (second.budget.quantity, second.budget.unit):
        raise ValueError(f"{first.budget.quantity} cannot be compared with {second.budget.quantity}")
    one, other, not_shared = truly_shared(first.budget, second.budget)
    inputs = Inputs()
    x, y = linear(one, inputs), linear(other, inputs)
    difference = budget_of(
        f"difference of {one.quantity}", one.unit, y - x, other.indicated - one.indicated, inputs
    )
    positive = one.value > 0 and other.value > 0
    ratio = None
    if positive:
        indicated = other.indicated / one.indicated if one.indicated else other.value / one.value
        ratio = budget_of(f"ratio of {one.quantity}", "", y / x, indicated, inputs)
    notes = [*_notes(first, second, ratio or difference), *not_shared]
    found = comparability(first.circumstances, second.circumstances, across)
    verdict: Verdict = "cannot be told apart"
    if found.reasons:
        verdict = "not comparable"
    elif abs(difference.value) > difference.expanded:
        verdict = "differ"
    return Comparison(
        first,
        second,
        difference,
        ratio,
        verdict,
        found.reasons,
        found.allowed,
        (*notes, *found.notes),
        _shared_terms(one, other, ratio) if ratio else (),
    )


def compare_all(subjects: Sequence[Subject], across: Collection[Aspect] = ()) -> list[list[Comparison]]:
    """Compares every figure with every one before it: row i holds the comparisons of i with 0 to i - 1.

    Args:
        subjects: At least two figures.
        across: Circumstances that differ on purpose.
    """
    return [
        [compare(before, subject, across) for before in subjects[:place]]
        for place, subject in enumerate(subjects)
    ]


def difference_at(first: Budget, second: Budget, value: float) -> Budget:
    """Second minus ``value`` times first, with what both share: the test of a ratio against a limit.

    Args:
        first: The figure that is multiplied.
        second: The other figure.
        value: A ratio without uncertainty.
    """
    one, other, _ = truly_shared(first, second)
    inputs = Inputs()
    x, y = linear(one, inputs), linear(other, inputs)
    indicated = other.indicated - value * one.indicated
    return budget_of(f"excess of {one.quantity}", one.unit, y - value * x, indicated, inputs)


def _notes(first: Subject, second: Subject, compared: Budget) -> list[str]:
    notes: list[str] = []
    ours, theirs = first.circumstances, second.circumstances
    unknown = [s.name for s in (first, second) if s.circumstances.model and not s.circumstances.serial_number]
    if unknown:
        notes.append(
            f"The monitor's serial number is not known for {' and '.join(unknown)}: "
            "nothing of the monitor cancels."
        )
    elif ours.monitor and ours.monitor == theirs.monitor:
        notes.append(f"Both on the same monitor ({ours.monitor}): what it adds to both cancels.")
    elif ours.monitor and theirs.monitor:
        notes.append(f"On two monitors ({ours.monitor}; {theirs.monitor}): their gains do not cancel.")
    assumed = dict.fromkeys(
        t.of.name for t in compared.terms if t.of.status == "assumed" and compared.share(t) >= _COUNTS
    )
    if assumed:
        notes.append(f"Assumed, no document or certificate states it: {', '.join(assumed)}.")
    return notes


def _shared_terms(first: Budget, second: Budget, ratio: Budget) -> tuple[SharedTerm, ...]:
    ours = {term.of.key: term for term in first.terms}
    theirs = {term.of.key: term for term in second.terms}
    of_ratio = {term.of.key: term for term in ratio.terms}

    def relative(term: Term | None, budget: Budget) -> float:
        return term.contribution / abs(budget.value) if term else 0.0

    rows: list[SharedTerm] = []
    for key in {**ours, **theirs}:
        term = of_ratio.get(key)
        rows.append(
            SharedTerm(
                (ours.get(key) or theirs[key]).of.name,
                relative(ours.get(key), first),
                relative(theirs.get(key), second),
                relative(term, ratio),
                ratio.share(term) if term else 0.0,
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.ratio, -max(row.first, row.second))))
