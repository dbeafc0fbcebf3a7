"""Reads results for a comparison or a gate: a session, a recording, or a ``result.json`` by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from energy.errors import RecordingError, UsageError
from energy.evidence.names import RESULT_NAME, SESSION_NAME
from energy.evidence.read_documents import ResultDocument
from energy.evidence.reader import SessionEvidence, read_result_document
from energy.findings import Finding, Severity
from energy.instruments import Accuracy
from energy.uncertainty.budget import Budget
from energy.uncertainty.comparability import Circumstances
from energy.uncertainty.compare import Subject
from energy.uncertainty.gather import NoBudgetError, specification_of, stated_conditions
from energy.uncertainty.stated import Stated, stated_from_json

FigureName = Literal["energy", "net", "power", "throughput"]
"""A figure of a result: energy per inference, the same above idle, mean power, inferences per second."""
FIGURES: tuple[FigureName, ...] = get_args(FigureName)
_FIELDS: Mapping[FigureName, str] = {
    "energy": "joule_per_inference",
    "net": "net_joule_per_inference",
    "power": "power_w",
    "throughput": "inferences_per_second",
}
RUNNER = "joulebench"
_SCHEMA = "joulebench.result/"


@dataclass(frozen=True)
class Result:
    """A result as it was read.

    Attributes:
        name: Its name in tables.
        budgets: Its figures with their uncertainty, by name.
        why_not: Why it has none.
        errors: Errors of its session, with their evidence; with any, its figures cannot be trusted.
        circumstances: How it came about.
        remark: What else a reader has to know, in a phrase.
    """

    name: str
    budgets: Mapping[FigureName, Budget]
    why_not: str
    errors: tuple[tuple[str, str], ...]
    circumstances: Circumstances
    remark: str = ""

    @property
    def virtual(self) -> bool:
        """Whether it comes from the virtual bench."""
        return bool(self.circumstances.virtual)

    def has(self, figure: FigureName) -> bool:
        """Whether it has a figure with its uncertainty."""
        return figure in self.budgets

    def subject(self, figure: FigureName) -> Subject:
        """A figure of it, to be compared.

        Raises:
            RecordingError: ``compare.no-uncertainty`` if it has no such figure with its uncertainty.
        """
        if figure not in self.budgets:
            why = self.why_not or "no idle stretch was recorded (joulebench measure --idle)"
            raise RecordingError(
                "compare.no-uncertainty",
                f"{self.name} has no {_FIELDS[figure]} with its uncertainty: {why}",
                "Measure in energy mode, with a [scope] in the bench file and a monitor of known accuracy.",
            )
        return Subject(self.name, self.budgets[figure], self.circumstances)


def read_result(path: Path, name: str | None = None) -> Result:
    """Reads a result.

    Args:
        path: The folder of a session or recording, or a ``result.json``, also a copy under any name.
        name: Its name in tables; None: the path.

    Raises:
        UsageError: ``usage.path`` if there is no such file, or it is none of these.
        RecordingError: ``session.damaged``, ``uncertainty.damaged``, ``file.*``.
    """
    shown = name or str(path)
    if path.is_dir():
        evidence = SessionEvidence(path)
        if evidence.has_result:
            return _of_session(evidence, shown)
        if evidence.has_session and evidence.has_trace:
            return _of_recording(evidence, shown)
        raise UsageError(
            "usage.path",
            f"{path} is no session: it has neither {RESULT_NAME} nor {SESSION_NAME} with a recording",
            "Name a session's folder, or its result.json.",
        )
    if not path.exists():
        raise UsageError("usage.path", f"{path} does not exist", "Name a session's folder or a result.json.")
    if path.name == RESULT_NAME and SessionEvidence(path.parent).has_session:
        return _of_session(SessionEvidence(path.parent), shown)
    document = read_result_document(path)
    if not (document.schema_ or "").startswith(_SCHEMA):
        raise UsageError(
            "usage.path",
            f"{path} is no {RESULT_NAME}: its schema is {document.schema_!r}",
            "Name a session's folder, or its result.json.",
        )
    return _of_document(document, shown, path, (), ())


def sessions_in(folder: Path) -> list[Path]:
    """The sessions of a folder, which may be a session itself.

    Raises:
        UsageError: ``usage.path`` if there is none.
    """
    if not folder.is_dir():
        raise UsageError("usage.path", f"{folder} is no folder", "Name a folder of sessions.")
    if SessionEvidence(folder).has_session:
        return [folder]
    found = sorted(path for path in folder.iterdir() if path.is_dir() and SessionEvidence(path).has_session)
    if not found:
        raise UsageError("usage.path", f"{folder} has no sessions in it", "Name a folder of sessions.")
    return found


def _of_session(evidence: SessionEvidence, name: str) -> Result:
    altered = [found for found in evidence.manifest.findings if found.severity is Severity.ERROR]
    document = evidence.result
    if document.uncertainty is None and document.mode == "energy" and evidence.has_trace:
        return _of_recording(evidence, name, document)
    path = evidence.folder / RESULT_NAME
    return _of_document(document, name, path, _texts(altered), _lines(evidence))


def _of_document(
    document: ResultDocument,
    name: str,
    path: Path,
    more: tuple[tuple[str, str], ...],
    lines: tuple[Accuracy, ...],
) -> Result:
    stated = _checked(document.uncertainty, str(path)) if document.uncertainty is not None else None
    why = ""
    if stated is None:
        why = _why(document)
    circumstances = _circumstances(document, stated, lines)
    errors = (*_errors(document), *more)
    return Result(name, _budgets(stated), why, errors, _with_errors(circumstances, errors))


def _of_recording(evidence: SessionEvidence, name: str, document: ResultDocument | None = None) -> Result:
    """A recording, or a session of a version that stated no uncertainty: computed again from its samples."""
    from energy.runs.measured import load, measure_run
    from energy.uncertainty.of_run import statement_of

    measured = measure_run(load(evidence.folder))
    statement = statement_of(measured)
    found = [finding for finding in measured.all_findings if finding.severity is Severity.ERROR]
    errors = _texts(found) + (_errors(document) if document is not None else ())
    why = "; ".join(finding.evidence for finding in statement.findings)
    session = ResultDocument(
        workload=evidence.session.workload, mode=evidence.session.mode, virtual=evidence.session.virtual
    )
    circumstances = _circumstances(session, statement.stated, _lines(evidence))
    errors = tuple(dict.fromkeys(errors))
    budgets = _budgets(statement.stated)
    return Result(name, budgets, why, errors, _with_errors(circumstances, errors))


def _budgets(stated: Stated | None) -> dict[FigureName, Budget]:
    found: dict[FigureName, Budget | None] = {}
    if stated is not None:
        found = {name: getattr(stated, field) for name, field in _FIELDS.items()}
    return {name: budget for name, budget in found.items() if budget is not None}


def _texts(findings: list[Finding]) -> tuple[tuple[str, str], ...]:
    return tuple((finding.code, finding.evidence) for finding in findings)


def _errors(document: ResultDocument) -> tuple[tuple[str, str], ...]:
    found = [(f.code, f.evidence) for f in document.findings if f.severity == Severity.ERROR.value]
    if document.valid is not True and not found:
        found = [("session.not-valid", "trials are missing, or nobody states that it is valid")]
    return tuple(found)


def _with_errors(circumstances: Circumstances, errors: tuple[tuple[str, str], ...]) -> Circumstances:
    return replace(circumstances, errors=tuple(dict.fromkeys(code for code, _ in errors)))


def _why(document: ResultDocument) -> str:
    found = [f"{f.code}: {f.evidence}" for f in document.findings if f.code.startswith("uncertainty.")]
    if found:
        return "; ".join(found)
    if document.mode is not None and document.mode != "energy":
        return f"a session in {document.mode} mode states no uncertainty"
    return "it was measured by a version that states none, and its recording is not there"


def _checked(document: Mapping[str, Any], what: str) -> Stated:
    """The statement, with its budgets tried: a file from elsewhere may hold anything."""
    stated = stated_from_json(document, what)
    try:
        for name in _FIELDS.values():
            budget = getattr(stated, name)
            if budget is not None and not (
                math.isfinite(budget.value) and math.isfinite(budget.expanded) and budget.u >= 0
            ):
                raise ValueError(f"{name} is no number")
    except (TypeError, ValueError, ArithmeticError, AttributeError, KeyError) as error:
        raise RecordingError(
            "uncertainty.damaged",
            f"{what}: the uncertainty statement is not as this program writes it: {error!r}"[:300],
            "Restore the file from where the session was measured.",
        ) from error
    return stated


def _lines(evidence: SessionEvidence) -> tuple[Accuracy, ...]:
    if not evidence.has_session:
        return ()
    try:
        return specification_of(stated_conditions(evidence.document))
    except NoBudgetError:
        return ()  # only the advice on ranges needs it


def _circumstances(
    document: ResultDocument, stated: Stated | None, lines: tuple[Accuracy, ...]
) -> Circumstances:
    told: Mapping[str, Any] = stated.conditions if stated else {}
    virtual = told.get("virtual", document.virtual)
    return Circumstances(
        workload=_text(told.get("workload")) or document.workload,
        mode=_text(told.get("mode")) or document.mode,
        scope=stated.scope if stated else None,
        voltage_v=_number(told.get("voltage_v")),
        temperature_c=_number(told.get("ambient_c")),
        rule=_text(told.get("rule")),
        range=_text(told.get("current_range")),
        firmware=_text(told.get("firmware_sha256")),
        virtual=virtual if isinstance(virtual, bool) else None,
        runner=RUNNER,
        board=_text(told.get("board")),
        model=_text(told.get("monitor")),
        serial_number=_text(told.get("serial_number")) or "",
        current_a=_number(told.get("current_a")),
        lines=lines,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) else None
