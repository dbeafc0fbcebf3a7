"""The doctor's report: steps, each with a status, its evidence and its remarks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from energy.doctor.causes import CAUSES
from energy.errors import EXIT_BENCH, EXIT_OK, EXIT_SUPPLY_ON, JoulebenchError
from energy.findings import REGISTER, Finding, Severity

SCHEMA = "joulebench.doctor/1"


class Status(StrEnum):
    """Outcome of a step."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Remark:
    """A fault that a step has found.

    Attributes:
        code: Of a cause, a finding or an error.
        severity: Its severity.
        message: What was expected and what came.
        hint: What to try next.
    """

    code: str
    severity: Severity
    message: str
    hint: str


@dataclass
class Step:
    """One step.

    Attributes:
        name: Its key.
        title: Its name in text.
        evidence: Observations, a sentence each.
        remarks: Faults.
        done: Whether it has run.
        skipped: Whether nothing could be checked.
    """

    name: str
    title: str
    evidence: list[str] = field(default_factory=list[str])
    remarks: list[Remark] = field(default_factory=list[Remark])
    done: bool = False
    skipped: bool = False

    @property
    def status(self) -> Status:
        """By the gravest remark."""
        severities = {remark.severity for remark in self.remarks}
        if Severity.ERROR in severities:
            return Status.FAILED
        if Severity.WARNING in severities:
            return Status.WARNING
        return Status.OK if self.done and not self.skipped else Status.SKIPPED

    def skip(self, why: str) -> None:
        """Notes why nothing could be checked."""
        self.skipped = True
        self.observe(why)

    def observe(self, text: str) -> None:
        """Adds evidence."""
        self.evidence.append(text)

    def add_cause(self, code: str, evidence: str) -> None:
        """Adds a cause after which the examination continues."""
        rule = CAUSES[code]
        self.remarks.append(Remark(code, rule.severity, f"{rule.meaning} {evidence}".strip(), rule.remedy))

    def add_finding(self, finding: Finding) -> None:
        """Adds a finding."""
        rule = REGISTER[finding.code]
        message = f"{rule.meaning} {finding.evidence}".strip()
        self.remarks.append(Remark(finding.code, rule.severity, message, rule.remedy))

    def add_error(self, error: JoulebenchError) -> None:
        """Adds an error, and the errors that followed from it."""
        for failure in (error, *error.also):
            message = "; ".join([failure.message, *getattr(failure, "__notes__", ())])
            remark = Remark(failure.code, Severity.ERROR, message, failure.hint)
            if remark not in self.remarks:
                self.remarks.append(remark)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "name": self.name,
            "title": self.title,
            "status": self.status.value,
            "evidence": self.evidence,
            "remarks": [
                {"code": r.code, "severity": r.severity.value, "message": r.message, "hint": r.hint}
                for r in self.remarks
            ],
        }


class OverError(Exception):
    """No further step makes sense; the reason is in the step."""


_TITLES = {
    "bench": "bench file, drivers and ports",
    "instruments": "instruments answer",
    "settings": "limits and settings",
    "unpowered": "supply off: no current, no answer",
    "power": "supply on: the DUT boots",
    "firmware": "firmware: mode and model",
    "timestamp": "timestamp wire: one edge",
    "idle": "idle current, time base, gaps",
    "window": "first window",
    "off": "supply off again",
    "disk": "disk",
    "unverified": "facts not yet verified on hardware",
}


@dataclass
class Report:
    """The results of an examination.

    Attributes:
        bench: The bench's name, as asked for.
        workload: Workload id.
        virtual: Whether it is a virtual bench.
        steps: All of them, in order.
        on_step: Called with each finished step.
        exit_status: The program's.
    """

    bench: str
    workload: str
    virtual: bool = False
    steps: dict[str, Step] = field(
        default_factory=lambda: {name: Step(name, title) for name, title in _TITLES.items()}
    )
    on_step: Callable[[Step], None] = lambda step: None
    exit_status: int = EXIT_OK

    @contextmanager
    def step(self, name: str) -> Generator[Step]:
        """Runs a step.

        Raises:
            OverError: Replaces an error, which is then in the step.
        """
        step = self.steps[name]
        try:
            yield step
        except JoulebenchError as error:
            step.add_error(error)
            self.over(step, error.exit_status)
            raise OverError from error
        self.over(step)

    def fail(self, name: str, error: JoulebenchError) -> None:
        """Adds a step that failed before it could run."""
        self.steps[name].add_error(error)
        self.over(self.steps[name], error.exit_status)

    def over(self, step: Step, exit_status: int = EXIT_BENCH) -> None:
        """Finishes a step."""
        step.done = True
        if step.status is Status.FAILED:
            first = self.exit_status or exit_status
            self.exit_status = EXIT_SUPPLY_ON if exit_status == EXIT_SUPPLY_ON else first
        self.on_step(step)

    @property
    def status(self) -> Status:
        """Status of the worst step; skipped steps do not count."""
        order = (Status.FAILED, Status.WARNING)
        states = {step.status for step in self.steps.values()}
        return next((status for status in order if status in states), Status.OK)

    @property
    def remarks(self) -> list[Remark]:
        """All remarks, errors first, in the order in which they were found."""
        found = [remark for step in self.steps.values() for remark in step.remarks]
        return sorted(found, key=lambda remark: remark.severity is not Severity.ERROR)

    def to_json(self) -> dict[str, Any]:
        """For ``--json`` and the bundle."""
        return {
            "schema": SCHEMA,
            "bench": self.bench,
            "workload": self.workload,
            "virtual": self.virtual,
            "status": self.status.value,
            "steps": [step.to_json() for step in self.steps.values()],
        }


def counted(number: int, thing: str) -> str:
    """``1 edge``, ``2 edges``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def si(value: float, unit: str) -> str:
    """A number with four digits and a prefix: ``12.35 mA``."""
    for prefix, factor in (("", 1.0), ("m", 1e-3), ("µ", 1e-6), ("n", 1e-9)):
        if abs(value) >= factor:
            return f"{value / factor:.4g} {prefix}{unit}"
    return f"{value / 1e-9:.3g} n{unit}" if value else f"0 {unit}"
