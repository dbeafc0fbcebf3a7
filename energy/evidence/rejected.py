"""Attempts at trials that were not valid, and why: they stand beside the figures of a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from energy.evidence.documents import Attempt


@dataclass(frozen=True)
class Rejected:
    """An attempt that was not valid, so that the trial was repeated.

    Attributes:
        trial: Number of the trial, from 1; 0 for the pilot that finds the number of inferences.
        attempt: Number of the attempt, from 1.
        reasons: Code and evidence of each finding.
    """

    trial: int
    attempt: int
    reasons: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The attempt: ``trial 3, attempt 1``."""
        return f"{f'trial {self.trial}' if self.trial else 'pilot'}, attempt {self.attempt}"

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        reasons = [{"code": code, "evidence": evidence} for code, evidence in self.reasons]
        return {"trial": self.trial, "attempt": self.attempt, "reasons": reasons}


def rejected_of(attempts: Sequence[Attempt]) -> tuple[Rejected, ...]:
    """The attempts of a ``session.json`` that was just written."""
    return tuple(
        Rejected(
            attempt.trial,
            attempt.attempt,
            tuple((str(found["code"]), str(found["evidence"])) for found in attempt.findings),
        )
        for attempt in attempts
    )
