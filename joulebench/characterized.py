"""What the results of characterizations have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from energy.findings import Finding


class Outcome(Protocol):
    """The outcome of a characterization."""

    @property
    def folder(self) -> Path:
        """Its folder."""
        ...

    @property
    def valid(self) -> bool:
        """Whether its figures can be used."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """About it and its figures."""
        ...

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        ...


AnyOutcome = TypeVar("AnyOutcome", bound=Outcome)


@dataclass(frozen=True)
class Characterized(Generic[AnyOutcome]):
    """A characterization that is over.

    Attributes:
        outcome: Plan, figures and findings.
    """

    outcome: AnyOutcome

    @property
    def folder(self) -> Path:
        """The folder with its evidence."""
        return self.outcome.folder

    @property
    def valid(self) -> bool:
        """Whether its figures can be used: no finding is an error."""
        return self.outcome.valid

    @property
    def findings(self) -> list[Finding]:
        """Findings about the measurement and its figures."""
        return list(self.outcome.findings)

    def to_json(self) -> dict[str, Any]:
        """As the verb with ``--json``, SI units."""
        return self.outcome.to_json()
