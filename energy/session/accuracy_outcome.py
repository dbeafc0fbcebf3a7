"""The plan of an accuracy session and its outcome: figures, verdict, findings and files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from energy.bench.benchfile import BenchFile
from energy.benchmark.validation_set import ValidationSet
from energy.benchmark.workloads import Workload
from energy.evidence.documents import ResultRecord, ScoredSession, SessionRecord, unknown_numbers
from energy.evidence.names import ANSWERS_NAME, OFFICIAL_FOLDER, RESULT_NAME
from energy.evidence.parts import finding_records
from energy.evidence.setup import Setup, setup_of
from energy.findings import Finding, has_errors
from energy.runs.accuracy import AccuracyFigures, InferenceScores, accuracy, tabulate
from energy.runs.mlcommons_accuracy import ScoredInput, write_accuracy
from energy.runs.read_back import accuracy_differences, write_and_compare
from energy.session.folder import SessionFolder


@dataclass(frozen=True)
class AccuracyPlan:
    """The plan of an accuracy session.

    Attributes:
        bench: The bench file.
        validation: The inputs.
        resume: The folder of the session to resume, or None for a new session.
        note: A note for ``session.json``.
    """

    bench: BenchFile
    validation: ValidationSet
    resume: Path | None = None
    note: str = ""

    @property
    def workload(self) -> Workload:
        """The workload."""
        return self.validation.workload

    @property
    def mode(self) -> str:
        """``"accuracy"``."""
        return "accuracy"


@dataclass
class AccuracyOutcome:
    """The outcome of an accuracy session.

    Attributes:
        folder: The session's folder.
        plan: Its plan.
        figures: The accuracy; None if the answers give none.
        value: The workload's metric, as a fraction.
        inferences: Number of answers.
        findings: About the session.
        setup: Board, voltage, clock, label and note.
    """

    folder: Path
    plan: AccuracyPlan
    figures: AccuracyFigures | None
    value: float | None
    inferences: int
    findings: list[Finding]
    setup: Setup = field(default_factory=Setup)

    @property
    def valid(self) -> bool:
        """Whether the whole set was answered and no finding is an error."""
        return self.plan.validation.full and not has_errors(self.findings)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "folder": str(self.folder),
            "workload": self.plan.workload.id,
            "mode": "accuracy",
            "virtual": self.plan.bench.virtual is not None,
            "setup": self.setup.to_json(),
            "valid": self.valid,
            "session": session_json(self),
            "findings": [finding.to_json() for finding in self.findings],
        }


def conclude_accuracy(
    plan: AccuracyPlan,
    record: SessionRecord,
    rows: Sequence[ScoredInput],
    noticed: list[Finding],
    folder: SessionFolder,
) -> AccuracyOutcome:
    """Figures, findings and files of an accuracy session whose inputs are all answered.

    Args:
        plan: The plan.
        record: The session's record.
        rows: All inputs with their answers.
        noticed: Findings about the session as a whole.
        folder: Where ``result.json`` and the official files go.
    """
    validation, workload = plan.validation, plan.workload
    table = tabulate([InferenceScores(row.file, row.label, row.scores) for row in rows], ANSWERS_NAME)
    figures = accuracy(table)
    value: float | None = None
    findings = list(noticed)
    if figures is not None:
        value = figures.top_1 / 100 if workload.metric == "top-1" else figures.auc
        findings += figures.findings
    if figures is None or value is None:
        findings.append(Finding("session.no-accuracy", f"{len(rows)} answers"))
    elif value < workload.target:
        evidence = f"{workload.metric} is {value:.4f}, the target {workload.target:g}"
        findings.append(Finding("accuracy.below-target", evidence))
    if not validation.full:
        evidence = f"{len(validation.files)} of {validation.of} files"
        findings.append(Finding("session.subset", evidence))
    if validation.synthetic:
        findings.append(Finding("session.synthetic-set", f"{len(validation.files)} files"))
    findings += unknown_numbers(record)
    if useless := sum(not all(map(math.isfinite, row.scores)) for row in rows):
        findings.append(Finding("dut.not-a-number", f"{useless} of {len(rows)} answers hold NaN or infinity"))
    if left_out := len(rows) - int(table.inferences.sum()):
        findings.append(Finding("accuracy.incomplete", f"{left_out} of {len(rows)} answers are left out"))
    findings += _official_files(validation, record, rows, figures, folder)
    outcome = AccuracyOutcome(folder.path, plan, figures, value, len(rows), findings, setup_of(record))
    result = ResultRecord(
        virtual=record.virtual,
        workload=workload.id,
        mode="accuracy",
        scope=outcome.setup.scope,
        valid=outcome.valid,
        windows=[],
        session=ScoredSession.model_validate(session_json(outcome)),
        rejected=record.rejected,
        findings=finding_records(findings),
    )
    folder.write(RESULT_NAME, result.model_dump(by_alias=True))
    return outcome


def _official_files(
    validation: ValidationSet,
    record: SessionRecord,
    rows: Sequence[ScoredInput],
    figures: AccuracyFigures | None,
    folder: SessionFolder,
) -> list[Finding]:
    """Writes the official files and reads them back; a finding states why there are none."""
    if figures is None:
        return [Finding("session.no-official-files", "no accuracy follows from the answers")]
    official = folder.path / OFFICIAL_FOLDER

    def write() -> None:
        write_accuracy(
            official,
            validation.workload,
            rows,
            figures,
            files=len(validation.files),
            full=validation.full,
            dut_name=str(record.dut.get("name", "")),
            profile=str(record.dut.get("profile", "")),
            virtual=record.virtual,
            begun=datetime.fromisoformat(record.begun),
        )

    return write_and_compare(official, write, accuracy_differences(official, figures))


def session_json(outcome: AccuracyOutcome) -> dict[str, Any]:
    """The figures, for ``result.json``; fractions, not percent."""
    figures, workload = outcome.figures, outcome.plan.workload
    return {
        "files": len(outcome.plan.validation.files),
        "full_set": outcome.plan.validation.full,
        "inferences": outcome.inferences,
        "metric": workload.metric,
        "value": outcome.value,
        "target": workload.target,
        "met": outcome.value is not None and outcome.value >= workload.target,
        "top_1": figures.top_1 / 100 if figures else None,
        "auc": figures.auc if figures else None,
    }
