"""Recovers several sessions: what is wrong with one folder does not keep the others from being recovered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy.errors import JoulebenchError, UsageError, defects
from energy.evidence.reader import SessionEvidence
from energy.findings import Finding, has_errors
from energy.session.recover import recover
from energy.session.recovery import Recovery
from energy.validation.folders import DEEPEST_LISTED, MOST_LISTED, search_folders


@dataclass
class Recovered:
    """The outcomes of several recoveries.

    Attributes:
        outcomes: Those of the sessions that could be read, in the order of their names.
        failures: Folders whose session could not be recovered, with the error.
        notes: Sentences on what was not looked into.
    """

    outcomes: list[Recovery] = field(default_factory=list[Recovery])
    failures: list[tuple[Path, JoulebenchError]] = field(default_factory=list[tuple[Path, JoulebenchError]])

    notes: list[str] = field(default_factory=list[str])

    @property
    def findings(self) -> list[Finding]:
        """The findings of all of them."""
        return [finding for outcome in self.outcomes for finding in outcome.findings]

    @property
    def sound(self) -> bool:
        """Whether all could be read and no finding is an error."""
        return not self.failures and not has_errors(self.findings)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "sessions": [outcome.to_json() for outcome in self.outcomes],
            "failures": [
                {"folder": str(folder), "code": error.code, "message": error.message, "hint": error.hint}
                for folder, error in self.failures
            ],
            "notes": self.notes,
        }


def recover_all(
    folders: Sequence[Path], progress: Callable[[float, str], None] = lambda part, doing: None
) -> Recovered:
    """Recovers sessions, each as ``recover`` does.

    Args:
        folders: Sessions, or folders of them.
        progress: Called with the part that is done and the folder at hand.

    Raises:
        UsageError: ``path.missing``.
    """
    answer = Recovered()
    paths: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UsageError("path.missing", f"{folder} is no folder", "Name the folder of a session.")
        if SessionEvidence(folder).has_session:
            paths[folder] = None
        else:
            found = search_folders(
                folder, lambda evidence: evidence.has_session, most=MOST_LISTED, deepest=DEEPEST_LISTED
            )
            answer.notes += [found.cut_off] if found.cut_off else []
            paths |= dict.fromkeys(found.folders)
    for number, path in enumerate(paths):
        progress(number / len(paths), path.name)
        try:
            with defects():
                answer.outcomes.append(recover(path))
        except JoulebenchError as error:
            answer.failures.append((path, error))
    return answer
