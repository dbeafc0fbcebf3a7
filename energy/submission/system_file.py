"""Reader of ``systems/<system>.json``, a system's description (mlperf-tiny.md 2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.jsonvalues import parse_json
from energy.recording.limits import LARGEST_SYSTEM
from energy.recording.trace import read_text_file

Status = Literal["available", "preview", "rdi"]
STATUSES: tuple[Status, ...] = ("available", "preview", "rdi")
_LONGEST = 100_000
_TEMPLATE_FIELD = "Operating System "
"""Nearly every published description has this space: it comes from their common template."""
_HINT = "A system's description is one JSON object of texts."


@dataclass
class SystemDescription:
    """The content of a system's file.

    Attributes:
        fields: Texts by name; names without spaces around them.
        status: Availability; None if it is not one of the three.
        status_text: The field ``Status`` as written; None if there is none.
        error: Why the file is not a valid JSON object; None if it is. There may be fields in spite of it.
        findings: Tolerances used, and errors.
    """

    fields: dict[str, str] = field(default_factory=dict[str, str])
    status: Status | None = None
    status_text: str | None = None
    error: str | None = None
    findings: list[Finding] = field(default_factory=list[Finding])

    def get(self, name: str) -> str | None:
        """The field ``name``, whatever its case."""
        wanted = name.strip().casefold()
        return next((text for key, text in self.fields.items() if key.casefold() == wanted), None)


def read_system_file(path: Path, shown: str | None = None) -> SystemDescription:
    """Reads a system's file; whatever is wrong becomes a finding.

    Args:
        path: The file.
        shown: Its name in findings.
    """
    shown = shown or path.name
    try:
        text = read_text_file(path, LARGEST_SYSTEM, hint=_HINT)
    except RecordingError as error:
        found = Finding("system.unreadable", error.message, path=shown)
        return SystemDescription(error=error.message, findings=[found])
    return parse_system_file(text, shown)


def parse_system_file(data: str | bytes, shown: str = "system file") -> SystemDescription:
    """Parses a system's file; whatever is wrong becomes a finding.

    Control characters inside texts and a byte order mark are accepted, with a finding.
    """
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    description = SystemDescription()
    if text.startswith("\ufeff"):
        text = text[1:]
        description.findings.append(
            Finding("tree.byte-order-mark", "the file begins with a byte order mark", path=shown)
        )
    document, error = _document(text)
    if error is not None:
        description.error = error
        description.findings.append(Finding("system.unreadable", error, path=shown))
    if isinstance(document, dict):
        _take(description, cast("dict[str, Any]", document), shown)
    return description


def _document(text: str) -> tuple[Any, str | None]:
    try:
        document: Any = parse_json(text)
    except ValueError as error:
        reason = f"not valid JSON: {error}"
        try:
            document = parse_json(text, strict=False)
        except ValueError:
            return None, reason
        return document, reason
    if not isinstance(document, dict):
        return None, f"a JSON {type(document).__name__} is in the place of an object"
    return cast("dict[str, Any]", document), None


def _take(description: SystemDescription, document: dict[str, Any], shown: str) -> None:
    spaced = [name for name in document if name != name.strip() and name != _TEMPLATE_FIELD]
    if spaced:
        evidence = f"{spaced[0][:60]!r} and {len(spaced) - 1} more" if spaced[1:] else f"{spaced[0][:60]!r}"
        description.findings.append(Finding("system.field-name", f"spaces around {evidence}", path=shown))
    for name, value in document.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        description.fields[name.strip()] = text[:_LONGEST]
    description.status_text = description.get("Status")
    given = (description.status_text or "").strip().casefold()
    description.status = next((status for status in STATUSES if status == given), None)
    if description.status is None:
        evidence = (
            f"Status is {description.status_text!r}"[:200]
            if description.status_text is not None
            else "no Status"
        )
        description.findings.append(Finding("system.status", evidence, path=shown))
