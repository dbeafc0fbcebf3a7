"""What it would take to make the uncertainty of a comparison smaller: trials, another range, one monitor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from energy.uncertainty.budget import Budget, Term
from energy.uncertainty.comparability import Circumstances
from energy.uncertainty.estimator import median_factor
from energy.uncertainty.shared import NEAR

MOST_TRIALS = 2000
"""More trials than this are nobody's way to a smaller uncertainty."""
_HEADROOM = 1.5
"""A range must reach this many times the mean current, so that the current's peaks stay inside it."""


@dataclass(frozen=True)
class Improvement:
    """What it would take to make the uncertainty of a comparison smaller.

    Attributes:
        dominant: Name of the largest term; None if there is none.
        share: Its part of the variance, 0 to 1.
        trials: Trials of each figure at present: the fewer of the two; None if they are not known.
        trials_to_halve: Trials of each that would halve U; None if no number would.
        trials_to_tell: Trials of each at which the same difference would be told apart; None if it is told
            apart already, or no number would.
        advice: What to do, a sentence each.
    """

    dominant: str | None
    share: float
    trials: int | None
    trials_to_halve: int | None
    trials_to_tell: int | None
    advice: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {**asdict(self), "advice": list(self.advice)}


def improvement_of(difference: Budget, circumstances: Sequence[Circumstances]) -> Improvement:
    """What would make the uncertainty of a difference smaller.

    Only the scatter shrinks with the number of trials.

    Args:
        difference: The budget of the difference.
        circumstances: Those of both figures.
    """
    if not difference.u:
        return Improvement(None, 0.0, None, None, None, ())
    largest, share = largest_of(difference)
    half = difference.expanded / 2
    to_halve = fewest_trials(difference, lambda budget: budget.expanded <= half)
    told = abs(difference.value) > difference.expanded
    to_tell = None if told else fewest_trials(difference, lambda b: abs(b.value) > b.expanded)
    trials = trials_of(difference)
    advice = [_on_trials(trials, to_halve, to_tell, told), advice_on_largest(difference, circumstances)]
    return Improvement(largest.of.name, share, trials, to_halve, to_tell, tuple(filter(None, advice)))


def trials_of(budget: Budget) -> int | None:
    """The trials of the term of scatter that has the fewest; None if there is no such term."""
    return min((_trials(term) for term in budget.terms if _scatters(term)), default=None)


def fewest_trials(budget: Budget, enough: Callable[[Budget], bool]) -> int | None:
    """The fewest trials of each figure with which a budget would be good enough; None if no number is.

    Args:
        budget: The budget.
        enough: Whether a budget is good enough; with more trials it is, too.
    """
    if trials_of(budget) is None or not enough(with_trials(budget, MOST_TRIALS)):
        return None
    low, high = 2, MOST_TRIALS
    while low < high:
        middle = (low + high) // 2
        if enough(with_trials(budget, middle)):
            high = middle
        else:
            low = middle + 1
    return low


def with_trials(budget: Budget, trials: int) -> Budget:
    """The budget as it would be if each scatter came from so many trials, with the same standard deviation.

    Args:
        budget: A budget with terms of scatter (type A).
        trials: Trials of each figure.
    """
    terms: list[Term] = []
    for term in budget.terms:
        if _scatters(term):
            n = _trials(term)
            factor = median_factor(trials) / median_factor(n) * math.sqrt(n / trials)
            term = Term(replace(term.of, limit=term.of.limit * factor, freedom=trials - 1), term.sensitivity)
        terms.append(term)
    terms.sort(key=lambda term: -term.contribution)
    return replace(budget, terms=tuple(terms))


def _scatters(term: Term) -> bool:
    return term.of.evaluation == "A" and math.isfinite(term.of.freedom)


def _trials(term: Term) -> int:
    return round(term.of.freedom) + 1


def _on_trials(trials: int | None, to_halve: int | None, to_tell: int | None, told: bool) -> str:
    if trials is None:
        return "The scatter is not known: measure several trials of each."
    if to_halve is None and to_tell is None:
        aims = "halve U" if told else "halve U or show this difference"
        return f"No number of trials (up to {MOST_TRIALS}) would {aims}."
    parts: list[str] = []
    if to_tell is not None:
        parts.append(f"{to_tell} trials of each (now {trials}) would show this difference, if it is there.")
    if to_halve is not None:
        parts.append(f"{to_halve} trials of each (now {trials}) would halve U.")
    return " ".join(parts)


def largest_of(budget: Budget) -> tuple[Term, float]:
    """The terms of one name that have the largest part of the variance together.

    Args:
        budget: A budget with terms.

    Returns:
        The largest of them, and their part, 0 to 1.
    """
    shares: dict[str, float] = {}
    for term in budget.terms:
        shares[term.of.name] = shares.get(term.of.name, 0.0) + budget.share(term)
    name = max(shares, key=shares.__getitem__)
    return next(term for term in budget.terms if term.of.name == name), shares[name]


def advice_on_largest(budget: Budget, circumstances: Sequence[Circumstances]) -> str:
    """What to do about the largest term of a budget; empty for a budget without terms.

    Args:
        budget: The budget of a figure, or of a difference.
        circumstances: Those of its figure, or of both.
    """
    if not budget.terms:
        return ""
    largest, share = largest_of(budget)
    key = largest.of.key
    dominates = f"{share * 100:.0f} % of the variance is {largest.of.name}"
    if _scatters(largest):
        return f"{dominates}: more trials, or a quieter supply and DUT, would help."
    if key.startswith("bench ") or "/voltage source/" in key:
        return f"{dominates}: measure the voltage, or state the tolerance of a better supply."
    smaller = _smaller_offset(largest, circumstances)
    if smaller:
        return f"{dominates}: {smaller}"
    levels = [abs(t.of.level) for t in budget.terms if t.of.name == largest.of.name and t.of.level]
    apart = bool(levels) and max(levels) > NEAR * min(levels)  # then it would not cancel on one monitor
    of_monitor = any(c.model and key.startswith(f"{c.model}/") for c in circumstances)
    if of_monitor and len(circumstances) > 1 and not apart:
        if not all(c.serial_number for c in circumstances):
            return (
                f"{dominates}: it cancels if both are measured on one monitor whose serial number is known."
            )
        if len({c.monitor for c in circumstances}) > 1:
            return f"{dominates}: measure both on the same monitor, so that its gain cancels."
    if of_monitor:
        return f"{dominates}: a calibration certificate of the monitor makes it smaller."
    return f"{dominates}."


def _smaller_offset(largest: Term, circumstances: Sequence[Circumstances]) -> str | None:
    """A range with a smaller offset that includes the current, where the offset dominates."""
    if not largest.of.key.endswith("/offset"):
        return None
    currents = [c.current_a for c in circumstances if c.current_a is not None]
    if not currents:
        return None
    reach = max(map(abs, currents)) * _HEADROOM
    fitting = [
        line
        for c in circumstances
        if c.model and largest.of.key.startswith(f"{c.model}/")
        for line in c.lines
        if line.quantity == "current"
        and line.role == "measure"
        and line.full_scale >= reach
        and 0 < line.offset < largest.of.limit * 0.999
    ]
    best = min(fitting, key=lambda line: line.offset, default=None)
    if best is None:
        return None
    return (
        f"the range {best.range} includes the current and has an offset of {best.offset:.3g} A "
        f"in place of {largest.of.limit:.3g} A."
    )
