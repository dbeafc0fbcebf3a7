"""Pairs of figures, such as four workloads with two libraries of kernels: their mean ratio.

The mean is the geometric one, because ratios multiply. Its type A uncertainty is the scatter of the
logarithms over the pairs, which holds everything that differs from pair to pair: how the workloads differ,
the scatter of each session, edges. What several pairs share (gain and offset of a monitor, the voltage of a
bench) does not show in that scatter and is added as it stands, with the full covariance.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from energy.uncertainty.budget import Budget, budget_of, linear
from energy.uncertainty.comparability import Aspect, Reason
from energy.uncertainty.compare import Comparison, Subject, Verdict, compare
from energy.uncertainty.inputs import Input, Inputs
from energy.uncertainty.libraries import gtc
from energy.uncertainty.shared import truly_shared


@dataclass(frozen=True)
class PairedComparison:
    """Pairs of figures compared.

    Attributes:
        pairs: Each pair by itself.
        ratio: Geometric mean of the ratios, second over first.
        verdict: Whether the mean ratio differs from 1 at 95 %.
        reasons: What makes pairs not comparable.
        notes: What else a reader has to know.
    """

    pairs: tuple[Comparison, ...]
    ratio: Budget
    verdict: Verdict
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For ``--json``, SI units."""
        return {
            "verdict": self.verdict,
            "reasons": [reason.to_json() for reason in self.reasons],
            "ratio": self.ratio.to_json(),
            "pairs": [pair.to_json() for pair in self.pairs],
            "notes": list(self.notes),
        }


def compare_pairs(
    pairs: Sequence[tuple[Subject, Subject]], across: Collection[Aspect] = ()
) -> PairedComparison:
    """Compares pairs of figures: the geometric mean of second over first.

    Args:
        pairs: At least two pairs; every figure above 0.
        across: Circumstances that differ on purpose.

    Raises:
        ValueError: If there are fewer than two pairs, or a figure is not above 0.
    """
    if len(pairs) < 2:
        raise ValueError("a mean over pairs needs at least two")
    if any(subject.budget.value <= 0 for pair in pairs for subject in pair):
        raise ValueError("the ratio of figures that are not above 0 has no logarithm")
    compared = tuple(compare(first, second, across) for first, second in pairs)
    ratio = _mean_ratio(pairs)
    reasons = {(reason.code, reason.evidence): reason for pair in compared for reason in pair.reasons}
    verdict: Verdict = "cannot be told apart"
    if reasons:
        verdict = "not comparable"
    elif abs(ratio.value - 1.0) > ratio.expanded:
        verdict = "differ"
    notes = dict.fromkeys(note for pair in compared for note in pair.notes)
    return PairedComparison(compared, ratio, verdict, tuple(reasons.values()), tuple(notes))


def _mean_ratio(pairs: Sequence[tuple[Subject, Subject]]) -> Budget:
    quantity = pairs[0][0].budget.quantity
    agreed = [truly_shared(first.budget, second.budget)[:2] for first, second in pairs]
    agreed = _alike(agreed)
    occurs = Counter(key for pair in agreed for key in {t.of.key for budget in pair for t in budget.terms})
    inputs = Inputs()
    total: Any = 0.0
    for pair in agreed:
        x, y = (linear(_only(budget, occurs), inputs) for budget in pair)
        total = total + gtc().log(y / x)
    logarithms = [math.log(other.value / one.value) for one, other in agreed]
    n = len(logarithms)
    scatter = Input(
        f"pairs/{'; '.join(first.name for first, _ in pairs)}/{quantity}",
        f"scatter of {n} pairs",
        "A",
        "t",
        stdev(logarithms) / math.sqrt(n),
        1.0,
        n - 1,
        "",
        f"standard deviation of the logarithms / sqrt({n})",
        "measured",
    )
    figure = gtc().exp(total / n + inputs.number(scatter))
    return budget_of(f"mean ratio of {quantity}", "", figure, math.exp(fmean(logarithms)), inputs)


def _only(budget: Budget, occurs: Counter[str]) -> Budget:
    """The budget with the terms that more than one pair has; the others show in the scatter of the pairs."""
    terms = tuple(t for t in budget.terms if t.of.evaluation == "B" and occurs[t.of.key] > 1)
    keys = {term.of.key for term in terms}
    correlations = tuple(row for row in budget.correlations if keys.issuperset(row[:2]))
    return replace(budget, terms=terms, correlations=correlations)


def _alike(pairs: list[tuple[Budget, Budget]]) -> list[tuple[Budget, Budget]]:
    """The pairs, with one input for each key.

    A term that has another size in another pair is counted with its largest size in all of them.
    """
    largest: dict[str, Input] = {}
    for pair in pairs:
        for budget in pair:
            for term in budget.terms:
                known = largest.get(term.of.key)
                if known is None or term.of.standard > known.standard:
                    largest[term.of.key] = term.of

    def alike(budget: Budget) -> Budget:
        terms = tuple(replace(term, of=largest[term.of.key]) for term in budget.terms)
        return replace(budget, terms=terms)

    return [(alike(one), alike(other)) for one, other in pairs]
