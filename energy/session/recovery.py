"""The outcome of a recovery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.findings import Finding


@dataclass(frozen=True)
class Recovery:
    """The outcome of a recovery.

    Attributes:
        folder: The session's folder.
        workload: Id of its workload; None for a recording without one.
        mode: ``"energy"``, ``"performance"``, ``"accuracy"``; ``"record"`` for a recording.
        before: The state in which it had ended.
        state: Its state now.
        trials: Its valid trials; of a recording, its windows.
        done: What was done, as a sentence.
        valid: Whether its result is valid; None where it got no result now.
        findings: What was found.
    """

    folder: Path
    workload: str | None
    mode: str
    before: str
    state: str
    trials: int
    done: str
    valid: bool | None
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "folder": str(self.folder),
            "workload": self.workload,
            "mode": self.mode,
            "before": self.before,
            "state": self.state,
            "trials": self.trials,
            "done": self.done,
            "valid": self.valid,
            "findings": [finding.to_json() for finding in self.findings],
        }
