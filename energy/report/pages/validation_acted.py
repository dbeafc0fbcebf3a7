"""What must be acted on: a validation's findings by code, the gravest first, with their runs and a hint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from energy.findings import REGISTER, Finding, Severity
from energy.report.pages.parts import Cell, Column, Included, PageTable
from energy.report.pages.validation_benchmark import anchor_of
from energy.report.validation_rows import GRAVEST_FIRST, gravest_first
from energy.validation.report import FolderReport, ValidationReport

_MOST_SHOWN = 5
_MOST_FOLDED = 100
"""Places of a code that its group lists; the table of all findings has all of them."""


@dataclass(frozen=True)
class Place:
    """A finding and where it was found.

    Attributes:
        finding: The finding.
        where: Name of the benchmark or submission; empty for the whole.
        mode: Mode of the run, or empty.
        href: Link to the benchmark's part of the page, or empty.
    """

    finding: Finding
    where: str
    mode: str = ""
    href: str = ""

    @property
    def text(self) -> str:
        """Where, in words."""
        window = None if self.finding.window is None else f"window {self.finding.window}"
        return ", ".join(filter(None, (self.where or "in general", self.mode, window)))


def shown_places(report: ValidationReport, *, show_all: bool) -> list[Place]:
    """Every finding that is shown with its place, the gravest first, in the report's order.

    Args:
        report: The validation.
        show_all: Whether those that are only information are shown.
    """
    places = [place for place in _places(report) if show_all or place.finding.severity is not Severity.INFO]
    return sorted(places, key=lambda place: GRAVEST_FIRST.index(place.finding.severity))


def _places(report: ValidationReport) -> Iterator[Place]:
    for finding in report.findings:
        yield Place(finding, "")
    number = 0
    for submission in report.submissions:
        for finding in submission.findings:
            yield Place(finding, submission.name)
        for folder in submission.folders:
            yield from _of_folder(folder, f"#{anchor_of(number)}")
            number += 1


def _of_folder(folder: FolderReport, href: str) -> Iterator[Place]:
    for finding in folder.findings:
        yield Place(finding, folder.name, href=href)
    for run in folder.runs:
        for finding in run.all_findings:
            yield Place(finding, folder.name, run.mode, href)


def acted_part(places: list[Place]) -> Included:
    """The groups by code: errors before warnings, those of most places first.

    Args:
        places: Findings that must be acted on.
    """
    by_code: dict[str, list[Place]] = {}
    for place in places:
        by_code.setdefault(place.finding.code, []).append(place)
    codes = {finding.code: finding.severity for finding in gravest_first(p.finding for p in places)}
    order = sorted(codes, key=lambda code: (GRAVEST_FIRST.index(codes[code]), -len(by_code[code]), code))
    return Included("acted.html.j2", {"groups": [_group(code, by_code[code]) for code in order]})


def _group(code: str, places: list[Place]) -> dict[str, Any]:
    runs = {(place.where, place.mode) for place in places}
    return {
        "code": code,
        "severity": places[0].finding.severity.value,
        "rule": REGISTER[code],
        "count": len(places),
        "runs": len(runs),
        "shown": places[:_MOST_SHOWN],
        "folded": places[_MOST_SHOWN:_MOST_FOLDED],
        "left": max(len(places) - _MOST_FOLDED, 0),
    }


def all_findings_table(places: list[Place]) -> PageTable:
    """Every finding, a row each, to sort and filter."""
    columns = [
        Column("severity", choices=True),
        Column("finding", choices=True),
        Column("where"),
        Column("mode", choices=True),
        Column("window", number=True),
        Column("evidence"),
        Column("file"),
    ]
    rows = [
        [
            Cell(place.finding.severity.value),
            Cell(place.finding.code),
            Cell(place.where or "in general", href=place.href),
            Cell(place.mode or "–"),
            Cell("–")
            if place.finding.window is None
            else Cell(str(place.finding.window), float(place.finding.window)),
            Cell(place.finding.evidence),
            Cell(place.finding.path or ""),
        ]
        for place in places
    ]
    return PageTable("all-findings", "Every finding", columns, rows, filtered=True)
