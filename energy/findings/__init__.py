"""The register of findings: every coded remark on a result, what it means and what to do about it.

A finding is a fact about a recording or a result, never a guess at its cause. ``docs/reference/findings.md``
is generated from this register (``python -m energy.findings``); a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from energy.findings.characterize import CHARACTERIZE
from energy.findings.recordings import RECORDINGS
from energy.findings.rule import Rule, Severity
from energy.findings.sessions import SESSIONS
from energy.findings.submissions import SUBMISSIONS
from energy.findings.sweeps import SWEEPS
from energy.findings.uncertainty import UNCERTAINTY
from energy.findings.validation import VALIDATION

__all__ = ["REGISTER", "Finding", "Rule", "Severity", "has_errors", "reference_page"]

REGISTER: dict[str, Rule] = {
    **CHARACTERIZE,
    **RECORDINGS,
    **SESSIONS,
    **SUBMISSIONS,
    **SWEEPS,
    **UNCERTAINTY,
    **VALIDATION,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A coded remark.

    Attributes:
        code: A key of ``REGISTER``.
        evidence: The numbers that show it, in one sentence.
        window: Number of the window, from 1; None for a finding about the whole.
        path: File or folder that it is about, relative to where the search began, or None.
        lines: Lines of that file that show it, from 1.
        time_s: Start and end of the part of the trace that shows it, on the monitor's clock; or None.
    """

    code: str
    evidence: str
    window: int | None = None
    path: str | None = None
    lines: tuple[int, ...] = ()
    time_s: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.code not in REGISTER:
            raise KeyError(f"{self.code!r} is not in the register of findings")

    @property
    def severity(self) -> Severity:
        """Severity, from the register."""
        return REGISTER[self.code].severity

    @property
    def remedy(self) -> str:
        """The advice on what to do, from the register."""
        return REGISTER[self.code].remedy

    def to_json(self) -> dict[str, Any]:
        """The finding with its register entry, for ``--json``."""
        rule = REGISTER[self.code]
        document: dict[str, Any] = {
            "code": self.code,
            "severity": rule.severity.value,
            "window": self.window,
            "evidence": self.evidence,
            "meaning": rule.meaning,
            "remedy": rule.remedy,
        }
        if self.path is not None:
            document["path"] = self.path
        if self.lines:
            document["lines"] = list(self.lines)
        if self.time_s is not None:
            document["time_s"] = list(self.time_s)
        return document


def has_errors(findings: list[Finding]) -> bool:
    """Whether any of the findings is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def reference_page() -> str:
    """The register as a page of the documentation (Markdown)."""
    lines = [
        "# Findings",
        "",
        "Every remark that joulebench makes about a result has a code. This page is generated from",
        "`energy/findings/` by `python -m energy.findings`.",
        "",
        "| code | severity | meaning | why it matters | what to do |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{code}` | {rule.severity.value} | {rule.meaning} | {rule.why} | {rule.remedy} |"
        for code, rule in sorted(REGISTER.items())
    ]
    return "\n".join(lines) + "\n"
