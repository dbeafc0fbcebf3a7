"""The outcome of a characterization: what those of layers, phases, scenarios and floors have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.evidence.setup import Setup
from energy.findings import Finding, has_errors


@dataclass(frozen=True, kw_only=True)
class CharacterizationOutcome:
    """The outcome of a characterization.

    Attributes:
        folder: Its folder.
        findings: About the measurement and its figures.
        setup: Board, voltage, clock, monitor, label and note.
        virtual: Whether it comes from the virtual bench.
    """

    folder: Path
    findings: tuple[Finding, ...]
    setup: Setup
    virtual: bool

    @property
    def valid(self) -> bool:
        """Whether no finding is an error."""
        return not has_errors(list(self.findings))

    def document(self, schema: str, **figures: Any) -> dict[str, Any]:
        """For ``--json``: where it is, how it was measured, the figures, and what was found.

        Args:
            schema: Name and version of the document.
            figures: The figures, by their keys.
        """
        return {
            "schema": schema,
            "folder": str(self.folder),
            "virtual": self.virtual,
            "setup": self.setup.to_json(),
            "valid": self.valid,
            **figures,
            "findings": [finding.to_json() for finding in self.findings],
        }
