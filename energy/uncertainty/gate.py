"""A gate for a firmware's CI: a figure against a limit or a baseline, as far as its uncertainty allows.

Every test is one-sided at 95 %. With a figure y and its one-sided bound b, a limit L from above is kept if
y + b < L, broken if y - b > L, and otherwise the test is undecided. So a figure whose true value lies exactly
at the limit fails in at most 5 % of all measurements, and passes in at most 5 % (guard bands on both sides:
JCGM 106:2012, 8.3).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from energy.uncertainty.budget import Budget
from energy.uncertainty.comparability import Aspect, Circumstances, Reason
from energy.uncertainty.compare import Subject, compare, difference_at
from energy.uncertainty.improve import MOST_TRIALS, advice_on_largest, fewest_trials, trials_of
from energy.uncertainty.rounding import prefix_for

Decision = Literal["pass", "fail", "undecided"]
Sense = Literal["at most", "at least"]


@dataclass(frozen=True)
class Requirement:
    """A requirement and whether it is met.

    Attributes:
        name: What is required: ``energy per inference at most 1500 µJ``.
        decision: Whether it is met.
        figure: The figure, or the ratio to the baseline; None where there is none.
        why: Why it is decided so.
        reasons: What makes a baseline not comparable.
        excess: By how much the figure is above its limit; None where there is no figure.
        circumstances: Those of the figure, and of a baseline.
    """

    name: str
    decision: Decision
    figure: Budget | None
    why: str
    reasons: tuple[Reason, ...] = ()
    excess: Budget | None = None
    circumstances: tuple[Circumstances, ...] = ()

    @property
    def text(self) -> str:
        """The figure with its uncertainty; empty where there is none."""
        return self.figure.text() if self.figure else ""

    @cached_property
    def advice(self) -> tuple[str, ...]:
        """What would decide it; empty where it is decided, or cannot be."""
        if self.decision != "undecided" or self.excess is None:
            return ()
        trials = fewest_trials(self.excess, lambda budget: abs(budget.value) > budget.one_sided)
        if trials is None:
            on_trials = f"No number of trials (up to {MOST_TRIALS}) would decide it."
        else:
            now = trials_of(self.excess)
            on_trials = f"{trials} trials (now {now}) would decide it, if the figure stays the same."
        return tuple(filter(None, (on_trials, advice_on_largest(self.excess, self.circumstances))))

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "requirement": self.name,
            "decision": self.decision,
            "figure": self.text,
            "why": self.why,
            "reasons": [reason.to_json() for reason in self.reasons],
            "advice": list(self.advice),
        }


def decide(value: float, bound: float, limit: float, sense: Sense) -> Decision:
    """Whether a value keeps a limit.

    Args:
        value: The value.
        bound: Its one-sided expanded uncertainty.
        limit: The limit, in the value's unit.
        sense: Whether the value has to be at most or at least the limit.
    """
    excess = value - limit if sense == "at most" else limit - value
    if excess - bound > 0:
        return "fail"
    return "pass" if excess + bound < 0 or (bound == 0 and excess == 0) else "undecided"


def require_limit(subject: Subject, limit: float, sense: Sense) -> Requirement:
    """A figure against a limit.

    Args:
        subject: The figure.
        limit: The limit, in its unit.
        sense: Whether it has to be at most or at least the limit.
    """
    figure = subject.budget
    bound = figure.one_sided
    decision = decide(figure.value, bound, limit, sense)
    low, high = (_plain(figure.value + sign * bound, figure.unit) for sign in (-1.0, 1.0))
    side = f"at least {low}" if (sense == "at most") == (decision == "fail") else f"at most {high}"
    why = f"with 95 % it is {side}"
    if decision == "undecided":
        why = f"the limit lies inside {low} to {high}"
    excess = replace(figure, value=figure.value - limit)
    name = f"{figure.quantity} {sense} {_plain(limit, figure.unit)}"
    return Requirement(name, decision, figure, why, (), excess, (subject.circumstances,))


def require_baseline(
    old: Subject, new: Subject, allow: float, sense: Sense = "at most", across: Collection[Aspect] = ()
) -> Requirement:
    """A figure against a baseline: new is at most (1 + allow) old, or at least (1 - allow) old.

    Args:
        old: The baseline.
        new: The figure.
        allow: By which fraction it may be worse.
        sense: Whether it has to be at most or at least the baseline.
        across: Circumstances that differ on purpose.
    """
    allowed = 1.0 + allow if sense == "at most" else 1.0 - allow
    name = f"{new.budget.quantity} {sense} {allowed * 100:.6g} % of the baseline"
    compared = compare(old, new, across)
    if compared.ratio is None:
        return Requirement(name, "undecided", None, "a figure is not above 0, so there is no ratio")
    if compared.reasons:
        why = f"not comparable: {'; '.join(reason.evidence for reason in compared.reasons)}"
        return Requirement(name, "undecided", compared.ratio, why, compared.reasons)
    excess = difference_at(old.budget, new.budget, allowed)
    bound = excess.one_sided
    decision = decide(excess.value, bound, 0.0, sense)
    low, high = ((excess.value + sign * bound) / old.budget.value + allowed for sign in (-1.0, 1.0))
    below = (sense == "at most") == (decision == "fail")
    side = f"at least {low:.5g}" if below else f"at most {high:.5g}"
    why = f"with 95 % the ratio is {side}"
    if decision == "undecided":
        why = f"{allowed:.6g} lies inside {low:.5g} to {high:.5g}"
    both = old.circumstances, new.circumstances
    return Requirement(name, decision, compared.ratio, why, (), excess, both)


def overall(decisions: Sequence[Decision]) -> Decision:
    """The decision on all requirements: fail if any fails, pass only if all pass."""
    if "fail" in decisions:
        return "fail"
    return "pass" if decisions and all(decision == "pass" for decision in decisions) else "undecided"


def _plain(value: float, unit: str) -> str:
    factor, shown = prefix_for(value, unit)
    return f"{value / factor:.5g} {shown}".strip()
