"""A budget: a figure, its standard and expanded uncertainty, and every term with its share and source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from energy.recording.jsonvalues import as_list, as_number, as_object, as_text, for_json
from energy.uncertainty.coverage import (
    CONFIDENCE,
    Contribution,
    Coverage,
    coverage,
    effective_freedom,
    t_factor,
)
from energy.uncertainty.inputs import DIVISORS, Input, Inputs
from energy.uncertainty.rounding import figure_text

if TYPE_CHECKING:
    import pandas as pd

_CANCELLED = 1e-14
"""A term that contributes less than this part of the figure has cancelled, up to rounding."""


@dataclass(frozen=True, slots=True)
class Term:
    """An input in a budget.

    Attributes:
        of: The input.
        sensitivity: Partial derivative of the figure with respect to it.
    """

    of: Input
    sensitivity: float

    @property
    def contribution(self) -> float:
        """Its contribution to the standard uncertainty, in the unit of the figure."""
        return abs(self.sensitivity) * self.of.standard


@dataclass(frozen=True)
class Budget:
    """The uncertainty budget of a figure (JCGM 100:2008, 7).

    Attributes:
        quantity: Name of the figure.
        unit: Its unit.
        value: Best estimate: as indicated, with the corrections of the terms.
        indicated: The figure as the instruments indicated it.
        terms: Every term, the largest first.
        notes: What else a reader has to know.
        correlations: Correlation coefficients of terms that were evaluated together, by pairs of keys.
    """

    quantity: str
    unit: str
    value: float
    indicated: float
    terms: tuple[Term, ...]
    notes: tuple[str, ...] = ()
    correlations: tuple[tuple[str, str, float], ...] = ()

    @cached_property
    def u(self) -> float:
        """Combined standard uncertainty."""
        return math.sqrt(math.fsum(term.standard**2 for term in self._contributions))

    @cached_property
    def freedom(self) -> float:
        """Effective degrees of freedom (Welch-Satterthwaite); may be infinite."""
        return effective_freedom(self._contributions)

    @cached_property
    def coverage(self) -> Coverage:
        """The coverage factor, and how it was found."""
        return coverage(self._contributions)

    @property
    def k(self) -> float:
        """Coverage factor for 95 %."""
        return self.coverage.k

    @cached_property
    def expanded(self) -> float:
        """Expanded uncertainty U = k u for 95 %."""
        return self.k * self.u

    @property
    def interval(self) -> tuple[float, float]:
        """The interval that covers the true value with a probability of 95 %."""
        return self.value - self.expanded, self.value + self.expanded

    @cached_property
    def one_sided(self) -> float:
        """The bound on one side: the true value is below value + this (or above value - this) with 95 %.

        Decisions are made by it, so the larger of the two factors counts: from the t-distribution, or from
        the distribution itself.
        """
        both_sides = 2.0 * CONFIDENCE - 1.0
        by_distribution = coverage(self._contributions, both_sides).k
        return max(by_distribution, t_factor(self.freedom, both_sides)) * self.u

    @property
    def assumed(self) -> bool:
        """Whether a term that contributes rests on an assumption."""
        return any(term.of.status == "assumed" and term.contribution > 0 for term in self.terms)

    def share(self, term: Term) -> float:
        """A term's part of the variance, 0 to 1."""
        return (term.contribution / self.u) ** 2 if self.u else 0.0

    def text(self) -> str:
        """The figure as ``1430.7 µJ ± 33 µJ (95 %, k = 2.0)``."""
        return figure_text(self.value, self.expanded, self.unit, self.k)

    @cached_property
    def _contributions(self) -> list[Contribution]:
        """Independent contributions: terms that were evaluated together are one (JCGM 100:2008, eq. 16)."""
        groups = self._groups()
        together = {key for group in groups for key in group}
        return [
            Contribution(t.contribution, t.of.distribution, t.of.freedom)
            for t in self.terms
            if t.of.key not in together
        ] + [self._together(group) for group in groups]

    def _groups(self) -> list[set[str]]:
        """Keys of the terms that are correlated with each other, directly or through others."""
        groups: list[set[str]] = []
        for first, second, _ in self.correlations:
            joined = {first, second}.union(*(group for group in groups if group & {first, second}))
            groups = [group for group in groups if not group & joined] + [joined]
        return groups

    def _together(self, group: set[str]) -> Contribution:
        terms = {term.of.key: term for term in self.terms if term.of.key in group}
        signed = {key: term.sensitivity * term.of.standard for key, term in terms.items()}
        variance = math.fsum(part**2 for part in signed.values()) + math.fsum(
            2.0 * coefficient * signed[first] * signed[second]
            for first, second, coefficient in self.correlations
            if first in signed and second in signed
        )
        freedom = min((term.of.freedom for term in terms.values()), default=math.inf)
        return Contribution(math.sqrt(max(variance, 0.0)), "t", freedom)

    def to_json(self) -> dict[str, Any]:
        """The budget in SI units; an infinite number of degrees of freedom is null."""
        return for_json(
            {
                "quantity": self.quantity,
                "unit": self.unit,
                "value": self.value,
                "indicated": self.indicated,
                "standard_uncertainty": self.u,
                "degrees_of_freedom": _finite(self.freedom),
                "confidence": CONFIDENCE,
                "coverage_factor": self.k,
                "coverage_method": self.coverage.method,
                "expanded_uncertainty": self.expanded,
                "terms": [self._term_json(term) for term in self.terms],
                "notes": list(self.notes),
                "correlations": [list(row) for row in self.correlations],
            }
        )

    def _term_json(self, term: Term) -> dict[str, Any]:
        given = asdict(term.of)
        given["degrees_of_freedom"] = _finite(given.pop("freedom"))
        return {
            **given,
            "standard_uncertainty": term.of.standard,
            "sensitivity": term.sensitivity,
            "contribution": term.contribution,
            "share": self.share(term),
        }

    def to_dataframe(self) -> pd.DataFrame:
        """The terms as a table: a row a term, the largest first."""
        import pandas as pd

        return pd.DataFrame([self._term_json(term) for term in self.terms])


def budget_of(
    quantity: str, unit: str, figure: Any, indicated: float, inputs: Inputs, notes: Sequence[str] = ()
) -> Budget:
    """The budget of an uncertain number.

    Args:
        quantity: Name of the figure.
        unit: Its unit.
        figure: GTC's uncertain number.
        indicated: The figure as the instruments indicated it.
        inputs: The inputs that it was made of.
        notes: What else a reader has to know.
    """
    terms = [Term(given, inputs.sensitivity(figure, given)) for given in inputs]
    smallest = _CANCELLED * abs(float(figure.x))
    used = [term for term in terms if term.contribution > smallest]
    used.sort(key=lambda term: -term.contribution)
    keys = {term.of.key for term in used}
    correlations = [(*pair, r) for pair, r in inputs.correlations.items() if keys.issuperset(pair)]
    return Budget(quantity, unit, float(figure.x), indicated, tuple(used), tuple(notes), tuple(correlations))


def budget_from_json(document: dict[str, Any]) -> Budget:
    """A budget from what ``Budget.to_json`` wrote.

    Raises:
        KeyError, TypeError, ValueError: If it is not such a document.
    """
    rows = [as_object(row) for row in as_list(document["terms"])]
    terms = [Term(_input_from(row), as_number(row["sensitivity"])) for row in rows]
    inputs = {term.of.key: term.of for term in terms}
    if any(inputs[term.of.key] != term.of for term in terms):
        raise ValueError("two terms of the same quantity differ")
    correlations = [
        (as_text(first), as_text(second), as_number(r))
        for first, second, r in document.get("correlations", ())
    ]
    if any(not abs(r) <= 1 or not {first, second} <= inputs.keys() for first, second, r in correlations):
        raise ValueError("a correlation is beyond 1, or of no term")
    return Budget(
        as_text(document["quantity"]),
        as_text(document["unit"]),
        as_number(document["value"]),
        as_number(document["indicated"]),
        tuple(terms),
        tuple(map(as_text, as_list(document["notes"]))),
        tuple(correlations),
    )


_NUMBERS = ("limit", "divisor", "estimate", "level")


def _input_from(row: dict[str, Any]) -> Input:
    freedom = row["degrees_of_freedom"]
    given: dict[str, Any] = {}
    for name in (field.name for field in fields(Input) if field.name in row):
        if name == "level" and row[name] is None:
            continue
        given[name] = as_number(row[name]) if name in _NUMBERS else as_text(row[name])
    if given["distribution"] not in DIVISORS or not given["divisor"] > 0 or not given["limit"] >= 0:
        raise ValueError(f"the term {given['name']!r} has no such distribution")
    return Input(**given, freedom=math.inf if freedom is None else as_number(freedom))


def linear(budget: Budget, inputs: Inputs) -> Any:
    """The figure of a budget as an uncertain number made of shared inputs, to first order.

    With the same ``inputs`` for several budgets, what they share is correlated (JCGM 100:2008, 5.2.2 and
    F.1.2.3).

    Args:
        budget: The budget.
        inputs: The inputs of all budgets that are combined.
    """
    figure: Any = budget.value
    given = {term.of.key: replace(term.of, estimate=0.0) for term in budget.terms}
    coefficients = {(first, second): r for first, second, r in budget.correlations}
    together = {key for pair in coefficients for key in pair}
    if together:
        inputs.correlated([given[key] for key in given if key in together], coefficients)
    for term in budget.terms:
        figure = figure + term.sensitivity * inputs.number(given[term.of.key])
    return figure


def _finite(freedom: float) -> float | None:
    return float(freedom) if math.isfinite(freedom) else None
