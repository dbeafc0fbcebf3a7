"""A figure that is compared only as far as its uncertainty allows: ``energy < 1.5e-3`` in a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from energy.errors import RecordingError
from energy.uncertainty.budget import Budget, Term
from energy.uncertainty.comparability import comparability
from energy.uncertainty.compare import Subject, difference_at
from energy.uncertainty.gate import Sense, decide, require_limit
from energy.uncertainty.results import FigureName

Undecided = Callable[[str], bool]
"""Called with the reason where a comparison is undecided; its answer is that of the comparison."""


def raise_undecided(why: str) -> NoReturn:
    """Raises an error where a comparison is undecided.

    Raises:
        RecordingError: ``compare.undecided``.
    """
    raise RecordingError("compare.undecided", why, "Measure more trials, or on a more accurate monitor.")


class UncertainFigure:
    """A figure with its uncertainty, to be compared with a limit or with another such figure.

    ``<``, ``<=``, ``>`` and ``>=`` are True or False only where that holds with 95 % (one-sided); otherwise
    the comparison is undecided, which is an error unless the figure was made to answer otherwise. Between two
    figures, what both share cancels: ``new < 1.01 * old``. Nothing is equal to it: that has no meaning.

    Attributes:
        subject: The figure with its budget and its circumstances.
        others: Other figures of the same session, by name.
        folder: The folder with the evidence; None for a figure that was read from a file.
    """

    __hash__ = None  # type: ignore[assignment]  # as of everything that has no equality

    def __init__(
        self,
        subject: Subject,
        others: Mapping[FigureName, Subject] | None = None,
        *,
        folder: Path | None = None,
        undecided: Undecided = raise_undecided,
        factor: float = 1.0,
    ) -> None:
        self.subject = subject
        self.others = dict(others or {})
        self.folder = folder
        self._undecided = undecided
        self._factor = factor

    @property
    def budget(self) -> Budget:
        """Its uncertainty budget."""
        if self._factor == 1.0:
            return self.subject.budget
        of, factor = self.subject.budget, self._factor
        terms = tuple(Term(term.of, term.sensitivity * factor) for term in of.terms)
        return replace(of, value=of.value * factor, indicated=of.indicated * factor, terms=terms)

    @property
    def value(self) -> float:
        """Best estimate, in SI units."""
        return self.budget.value

    @property
    def u(self) -> float:
        """Combined standard uncertainty."""
        return self.budget.u

    @property
    def expanded(self) -> float:
        """Expanded uncertainty U = k u for 95 %."""
        return self.budget.expanded

    @property
    def throughput(self) -> UncertainFigure:
        """Inferences per second of the same session."""
        return self._other("throughput")

    @property
    def power(self) -> UncertainFigure:
        """Mean power of the same session, in watt."""
        return self._other("power")

    @property
    def net(self) -> UncertainFigure:
        """Energy per inference above idle of the same session, in joule."""
        return self._other("net")

    def _other(self, name: FigureName) -> UncertainFigure:
        if name not in self.others:
            raise RecordingError(
                "compare.no-uncertainty",
                f"{self.subject.name} has no {name} with its uncertainty",
                "Energy above idle needs an idle stretch; the others a session in energy mode.",
            )
        return UncertainFigure(self.others[name], self.others, folder=self.folder, undecided=self._undecided)

    def __mul__(self, factor: float) -> UncertainFigure:
        """The figure times a number without uncertainty, above 0."""
        if not factor > 0:
            raise ValueError(f"a figure is compared times a number above 0, not {factor!r}")
        return UncertainFigure(
            self.subject,
            self.others,
            folder=self.folder,
            undecided=self._undecided,
            factor=self._factor * factor,
        )

    __rmul__ = __mul__

    def __lt__(self, limit: float | UncertainFigure) -> bool:
        __tracebackhide__ = True
        return self._holds("<", limit, "at most")

    def __le__(self, limit: float | UncertainFigure) -> bool:
        __tracebackhide__ = True
        return self._holds("<=", limit, "at most")

    def __gt__(self, limit: float | UncertainFigure) -> bool:
        __tracebackhide__ = True
        return self._holds(">", limit, "at least")

    def __ge__(self, limit: float | UncertainFigure) -> bool:
        __tracebackhide__ = True
        return self._holds(">=", limit, "at least")

    def __eq__(self, other: object) -> bool:
        raise TypeError(f"{self!r} is not exactly equal to anything: use <, <=, > or >=")

    def __ne__(self, other: object) -> bool:
        raise TypeError(f"{self!r} is not exactly unequal to anything: use <, <=, > or >=")

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} is neither true nor false: compare it with a limit")

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return self.budget.text()

    def _holds(self, sign: str, limit: float | UncertainFigure, sense: Sense) -> bool:
        __tracebackhide__ = True  # pytest shows the line of the test
        if isinstance(limit, UncertainFigure):
            decision, why = self._against(limit, sense)
        else:
            required = require_limit(replace(self.subject, budget=self.budget), float(limit), sense)
            decision, why = required.decision, "; ".join((required.why, *_first(required.advice)))
        if decision == "undecided":
            return self._undecided(f"undecided: {self!r} {sign} {limit!r}: {why}")
        return decision == "pass"

    def _against(self, limit: UncertainFigure, sense: Sense) -> tuple[str, str]:
        found = comparability(limit.subject.circumstances, self.subject.circumstances)
        if found.reasons:
            raise RecordingError(
                "compare.not-comparable",
                "; ".join(reason.evidence for reason in found.reasons),
                found.reasons[0].remedy,
            )
        excess = difference_at(limit.subject.budget, self.subject.budget, limit._factor / self._factor)
        decision = decide(excess.value, excess.one_sided, 0.0, sense)
        return decision, f"their difference is not beyond its uncertainty ({excess.text()})"


def _first(advice: tuple[str, ...]) -> tuple[str, ...]:
    return advice[:1]
