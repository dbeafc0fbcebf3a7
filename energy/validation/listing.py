"""What a session measured, how, and what it found, for lists of sessions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from energy.errors import RecordingError
from energy.evidence.reader import SessionEvidence
from energy.evidence.rejected import Rejected
from energy.evidence.scope import Scope
from energy.evidence.setup import Setup
from energy.recording.jsonvalues import (
    as_list,
    as_number,
    as_object,
    as_text,
    as_whole,
    parse_json,
    shown,
)

if TYPE_CHECKING:
    from energy.evidence.read_documents import ResultDocument, SessionDocument


@dataclass(frozen=True)
class ListedSession:
    """A session, as its documents state it; nothing is recomputed. SI units; None where not known.

    Attributes:
        folder: Its folder.
        setup: Board, voltage, clock, monitor, label, note, and the performance session that it belongs to.
        workload: Id of its workload; None for a recording without one.
        mode: ``"performance"``, ``"energy"`` or ``"accuracy"``; ``"record"`` for a recording.
        state: How far it came: ``"finished"``, ``"failed"``, ...
        begun: When, ISO 8601.
        virtual: Whether it comes from the virtual bench.
        valid: Whether its result is valid.
        inferences_per_second: Median.
        joule_per_inference: Median, exact rule.
        power_w: Median of the mean power, exact rule.
        accuracy: The workload's metric, as a fraction.
        rejected: Attempts at trials that were not valid.
        findings: Codes of errors and warnings, each once.
        problem: Why its documents cannot be read; empty where they can.
    """

    folder: Path
    setup: Setup = field(default_factory=Setup)
    workload: str | None = None
    mode: str | None = None
    state: str | None = None
    begun: str | None = None
    virtual: bool | None = None
    valid: bool | None = None
    inferences_per_second: float | None = None
    joule_per_inference: float | None = None
    power_w: float | None = None
    accuracy: float | None = None
    rejected: tuple[Rejected, ...] = ()
    findings: tuple[str, ...] = ()
    problem: str = ""

    @property
    def _reasons(self) -> dict[str, None]:
        """Codes for which attempts were rejected, each once."""
        return dict.fromkeys(code for attempt in self.rejected for code, _ in attempt.reasons)

    def to_json(self) -> dict[str, Any]:
        """A flat document, for ``--json``, ``--csv`` and data frames."""
        return {
            "folder": str(self.folder),
            "begun": self.begun,
            **self.setup.to_json(),
            "scope": self.setup.scope.text() if self.setup.scope else None,
            "workload": self.workload,
            "mode": self.mode,
            "virtual": self.virtual,
            "state": self.state,
            "valid": self.valid,
            "inferences_per_second": self.inferences_per_second,
            "joule_per_inference": self.joule_per_inference,
            "power_w": self.power_w,
            "accuracy": self.accuracy,
            "rejected": len(self.rejected),
            "rejected_for": ", ".join(self._reasons),
            "findings": ", ".join(self.findings),
            "problem": self.problem,
        }

    def stored(self) -> str:
        """All of it but the folder, as JSON, for the index."""
        document = {name: value for name, value in vars(self).items() if name not in ("folder", "setup")}
        setup = {**self.setup.to_json()}
        rejected = [[attempt.trial, attempt.attempt, attempt.reasons] for attempt in self.rejected]
        return json.dumps({**document, "setup": setup, "rejected": rejected})


def of_stored(folder: Path, text: str) -> ListedSession:
    """A session by what ``stored`` gave.

    Raises:
        ValueError: If it is none.
    """
    document = as_object(parse_json(text))
    try:
        setup = dict(as_object(document.pop("setup")))
        scope = setup.pop("scope")
        rejected = tuple(
            Rejected(
                as_whole(trial),
                as_whole(attempt),
                tuple((as_text(code), as_text(evidence)) for code, evidence in reasons),
            )
            for trial, attempt, reasons in document.pop("rejected")
        )
        findings = tuple(map(as_text, as_list(document.pop("findings"))))
        for name, value in {**document, **setup}.items():
            _check_kind(name, value)
        return ListedSession(
            folder,
            Setup(**setup, scope=None if scope is None else Scope.model_validate(scope)),
            rejected=rejected,
            findings=findings,
            **document,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no listed session: {error!r}") from error


_NUMBERS = (
    *("inferences_per_second", "joule_per_inference", "power_w", "accuracy", "voltage_v", "clock_hz"),
)
_FLAGS = ("valid", "virtual")


def _check_kind(name: str, value: Any) -> None:
    """Makes sure that a value is of the kind of its column: an index may come from anybody.

    Raises:
        ValueError: If it is not.
    """
    if value is None:
        return
    if name in _NUMBERS:
        as_number(value)
    elif name in _FLAGS:
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {shown(value)}")
    else:
        as_text(value)


def listed_session(folder: Path) -> ListedSession:
    """A session or recording, as its documents state it; ``problem`` says why they cannot be read.

    Args:
        folder: Its folder.
    """
    evidence = SessionEvidence(folder)
    try:
        session = evidence.session
        result = evidence.result if evidence.has_result else None
    except RecordingError as error:
        return ListedSession(folder, problem=error.message)
    figures = result.session if result else None
    return ListedSession(
        folder,
        session.setup,
        session.workload,
        session.mode or "record",
        session.state,
        session.begun,
        session.virtual,
        result.valid if result else None,
        number_in(figures, "inferences_per_second", "median"),
        number_in(figures, "joule_per_inference", "exact", "median"),
        number_in(figures, "power_w", "exact", "median"),
        number_in(figures, "value"),
        session.repeated,
        _codes(session, result),
    )


def _codes(session: SessionDocument, result: ResultDocument | None) -> tuple[str, ...]:
    findings = result.findings if result else session.findings
    found = [finding.code for finding in findings if finding.severity != "info"]
    return tuple(dict.fromkeys([*found, *([session.error.code] if session.error else [])]))


def number_in(document: Any, *keys: str) -> float | None:
    """A number in nested objects; None where it is missing, or is no number."""
    for key in keys:
        if not isinstance(document, dict):
            return None
        document = cast("dict[str, Any]", document).get(key)
    return float(document) if isinstance(document, int | float) and not isinstance(document, bool) else None
