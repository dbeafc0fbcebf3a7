"""A session's figure with its uncertainty: ``result.joule_per_inference.u``, ``.budget.to_dataframe()``."""

from __future__ import annotations

from dataclasses import dataclass

from energy.errors import RecordingError
from energy.uncertainty.budget import Budget
from energy.window.figures import Spread


@dataclass(frozen=True, slots=True)
class UncertainSpread(Spread):
    """Median and scatter of a figure over the windows of a session, with its uncertainty.

    Attributes:
        known: Its budget; None where there can be none.
        why: Why there is none.
    """

    known: Budget | None = None
    why: str = ""

    @property
    def budget(self) -> Budget:
        """Its uncertainty budget.

        Raises:
            RecordingError: ``uncertainty.none`` if there is none.
        """
        if self.known is None:
            why = self.why or "only figures by the rule exact have one"
            raise RecordingError(
                "uncertainty.none",
                f"this figure has no uncertainty statement: {why}",
                "The findings of the session say why; a [scope] in the bench file is needed.",
            )
        return self.known

    @property
    def value(self) -> float:
        """The best estimate: the median, corrected where the bench file names a certificate."""
        return self.budget.value

    @property
    def u(self) -> float:
        """Combined standard uncertainty."""
        return self.budget.u

    @property
    def k(self) -> float:
        """Coverage factor for 95 %."""
        return self.budget.k

    @property
    def expanded(self) -> float:
        """Expanded uncertainty U = k u for 95 %."""
        return self.budget.expanded

    @property
    def interval(self) -> tuple[float, float]:
        """The interval that covers the true value with a probability of 95 %."""
        return self.budget.interval

    def __str__(self) -> str:
        return self.known.text() if self.known is not None else f"{self.median:.6g}"


def with_budget(spread: Spread, budget: Budget | None, why: str = "") -> UncertainSpread:
    """A figure with its budget.

    Args:
        spread: Median and scatter.
        budget: Its budget; None where there can be none.
        why: Why there is none.
    """
    return UncertainSpread(
        spread.median, spread.low, spread.high, spread.relative_deviation, spread.count, budget, why
    )
