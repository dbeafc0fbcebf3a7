"""Parts that several documents of a session have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from energy.findings import REGISTER, Finding, Severity
from energy.interrupts import interrupts_as_such


class Document(BaseModel):
    """A document, or a part of it, as this version writes it: other members are refused."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Dumps as pydantic does; an interrupt that comes meanwhile is raised as an interrupt."""
        with interrupts_as_such():
            return super().model_dump(**options)


class FindingRecord(Document):
    """A finding as ``Finding.to_json`` writes it; what it lacks is left out."""

    code: str
    severity: Severity
    window: int | None
    evidence: str
    meaning: str
    remedy: str
    path: str | None = None
    lines: list[int] = Field(default_factory=list[int])
    time_s: tuple[float, float] | None = None

    @model_serializer(mode="wrap")
    def _as_given(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if name in self.model_fields_set}

    def finding(self) -> Finding | None:
        """The finding by the register of this version; None where it does not know the code."""
        if self.code not in REGISTER:
            return None
        return Finding(self.code, self.evidence, self.window, self.path, tuple(self.lines), self.time_s)


def finding_records(findings: list[Finding]) -> list[FindingRecord]:
    """Findings as documents have them."""
    return [FindingRecord.model_validate(finding.to_json()) for finding in findings]
