"""The page of a folder of sessions: all of them in a table, and energy against latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from energy.characterize.points import FIGURES
from energy.errors import JoulebenchError
from energy.recording.inside import within
from energy.report.pages.chosen import latency_plot
from energy.report.pages.parts import (
    Cell,
    Fact,
    Facts,
    Grade,
    Lines,
    Part,
    Section,
    table_part,
    without_unknown,
)
from energy.report.pages.skeleton import Page
from energy.report.point_sources import points_of
from energy.report.points import OperatingPoint, PointSet
from energy.report.session_list import list_table
from energy.report.sweeps import figure_cell
from energy.validation.listing import ListedSession, list_sessions

_VALUES = {
    "inf/s": "inferences_per_second",
    "µJ/inf": "joule_per_inference",
    "mW": "power_w",
    "accuracy": "accuracy",
}
"""Figures of a session by the headings of ``list_table``."""
_CHOICES = ("board", "voltage", "monitor", "label", "workload", "mode")


def sessions_page(folder: Path) -> Page | None:
    """The page of a folder of sessions; None where it holds fewer than two.

    Args:
        folder: The folder; no link in it is followed.
    """
    with within(folder):
        listed = list_sessions(folder)
        if len(listed) < 2:
            return None
        points = _points(folder)
    valid = sum(session.valid is True for session in listed)
    grade: Grade = "good" if valid == len(listed) else "error"
    facts = [Fact("Verdict", f"{valid} of {len(listed)} sessions valid", float(valid), grade=grade)]
    facts += [_lowest(points, benchmark) for benchmark in _benchmarks(points)]
    sections = [
        Section("figures", "Figures", [Facts(facts, large=True)]),
        Section("sessions-section", "Sessions", [_table(listed, folder)]),
    ]
    if (plot := latency_plot([_row(n, point) for n, point in enumerate(points.own, 1)], ())) is not None:
        lines = points.left_out_lines()
        parts: list[Part] = [plot, *([Lines(lines)] if lines else [])]
        sections.append(Section("latency", "Energy against latency", parts))
    title = f"{len(listed)} sessions in {folder.absolute().name}"
    virtual = any(session.virtual is True for session in listed)
    return Page("Sessions", title, sections, virtual=virtual, sound=valid == len(listed))


def _points(folder: Path) -> PointSet:
    try:
        return points_of([folder])
    except JoulebenchError:
        return PointSet()  # the table has what can be known of the sessions


def _benchmarks(points: PointSet) -> list[str]:
    return list(dict.fromkeys(point.benchmark for point in points.own if _counts(point)))


def _counts(point: OperatingPoint) -> bool:
    return point.joule_per_inference is not None and point.valid is not False


def _lowest(points: PointSet, benchmark: str) -> Fact:
    """The valid point of a benchmark with the lowest energy per inference."""
    known = [row for row in points.own if row.benchmark == benchmark and _counts(row)]
    best = min(known, key=lambda point: point.joule_per_inference or 0.0)
    row = _row(0, best)
    name = f"Lowest energy per inference{f', {benchmark}' if benchmark else ''}"
    return Fact(name, figure_cell(FIGURES[0], row), best.joule_per_inference, best.name)


def _row(number: int, point: OperatingPoint) -> Mapping[str, Any]:
    """A point as a row of a sweep's table, for the plot of energy against latency."""
    verdict = {True: "valid", False: "not valid", None: "not checked"}[point.valid]
    return {
        "point": number,
        "name": point.label or point.name,
        "workload": point.benchmark or "other work",
        "latency_s": point.latency_s,
        FIGURES[0]: point.joule_per_inference,
        f"{FIGURES[0]}_u95": point.expanded_uncertainty_j,
        "verdict": verdict,
    }


def _table(listed: Sequence[ListedSession], folder: Path) -> Part:
    table = table_part(list_table(list(listed), folder), "sessions", choices=_CHOICES)
    headings = [column.name for column in table.columns]
    every_virtual = all(session.virtual is True for session in listed)
    rows: list[list[Cell]] = []
    for session, cells in zip(listed, table.rows, strict=True):
        row = list(cells)
        if every_virtual:  # the page states it
            row[0] = replace(row[0], text=row[0].text.removeprefix("VIRTUAL "))
        for heading, name in _VALUES.items():
            place = headings.index(heading)
            row[place] = replace(row[place], value=getattr(session, name))
        place = headings.index("valid")
        grade: Grade = "good" if session.valid else "error" if session.valid is False else "warning"
        row[place] = replace(row[place], grade=grade)
        rows.append(row)
    return without_unknown(replace(table, rows=rows, filtered=True))
