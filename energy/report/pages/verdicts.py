"""Verdict and findings of a page: what the session wrote down, and what was found in its files again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from energy.evidence.read_documents import ResultDocument
from energy.findings import REGISTER, Finding, Severity
from energy.report.pages.parts import Fact, Lines, Part, Remarks, Section


def verdict_fact(result: ResultDocument | None, found: Sequence[Finding], *, measured: bool) -> Fact:
    """The verdict as a headline: by ``result.json`` and by what was found again."""
    errors = list(dict.fromkeys(f.code for f in found if f.severity is Severity.ERROR))
    warnings = list(dict.fromkeys(f.code for f in found if f.severity is Severity.WARNING))
    if errors:
        return Fact("Verdict", "not valid", note=", ".join(errors), grade="error")
    if result is not None and result.valid is not True:
        return Fact("Verdict", "not valid", note="by its result.json", grade="error")
    if not measured:
        return Fact("Verdict", "no window", grade="warning")
    remarks = f"with warnings: {', '.join(warnings)}" if warnings else "no warning"
    return Fact("Verdict", "valid" if result is not None else "no errors", note=remarks, grade="good")


def with_noted(found: Iterable[Finding], result: ResultDocument | None) -> tuple[list[Finding], list[str]]:
    """Findings, with those that the session noted while it ran.

    Args:
        found: What the files show.
        result: The session's ``result.json``.

    Returns:
        All of them, and a line for each code that this version does not know.
    """
    findings = list(dict.fromkeys(found))
    codes = {finding.code for finding in findings}
    unknown: list[str] = []
    for noted in result.findings if result else ():
        if noted.code not in REGISTER:
            unknown.append(f"{noted.severity} {noted.code}: {noted.evidence}"[:400])
        elif noted.code not in codes:
            findings.append(Finding(noted.code, noted.evidence[:400]))
    return findings, unknown


def findings_section(found: Sequence[Finding], unknown: Sequence[str] = ()) -> Section:
    """The section of findings; lines of codes that this version does not know stand below."""
    parts: list[Part] = [Remarks(found)]
    if unknown:
        parts.append(Lines(["Noted by another version, whose codes this one does not know:", *unknown]))
    counts = [
        f"{count} {severity.value}{'s' if count != 1 and severity is not Severity.INFO else ''}"
        for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO)
        if (count := sum(finding.severity is severity for finding in found))
    ]
    return Section("findings", f"Findings: {', '.join(counts) or 'none'}", parts)


def number_in(document: Any, *keys: str) -> float | None:
    """A number in nested objects; None where it is missing, or is no number."""
    for key in keys:
        document = cast("dict[str, Any]", document).get(key) if isinstance(document, dict) else None
    return float(document) if isinstance(document, int | float) and not isinstance(document, bool) else None
