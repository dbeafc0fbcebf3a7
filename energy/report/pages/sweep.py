"""The page of a sweep: its optimum, every point to sort and filter, energy over axes and over latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from energy.benchmark.workloads import WORKLOADS
from energy.characterize.points import FIGURES, failures_of
from energy.characterize.sweep import SWEEP_NAME
from energy.characterize.sweep_folder import StoredSweep, read_sweep
from energy.characterize.table import lowest
from energy.evidence.scope import Scope
from energy.evidence.scope_text import scope_line
from energy.findings import REGISTER
from energy.report.pages.chosen import axis_plot, latency_plot
from energy.report.pages.parts import (
    Cell,
    Column,
    Fact,
    Facts,
    Folded,
    Grade,
    Lines,
    PageTable,
    Part,
    Section,
    table_part,
)
from energy.report.pages.provenance import flat, hashed, pairs
from energy.report.pages.skeleton import Page
from energy.report.pages.traces import plural
from energy.report.sweeps import axis_heading, axis_text, column_keys, figure_cell, sweep_table, varied
from energy.report.table import NOT_KNOWN

_GRADES: Mapping[str, Grade] = {"valid": "good", "not valid": "error", "failed": "error"}


def sweep_page(folder: Path) -> Page:
    """The page of a sweep.

    Args:
        folder: Its folder.

    Raises:
        UsageError: ``sweep.no-sweep``.
        RecordingError: ``sweep.damaged``, ``file.*``.
    """
    found = read_sweep(folder)
    rows = found.rows
    bad = [row for row in rows if row["verdict"] != "valid"]
    sections = [_figures(found, rows), _points(found, rows)]
    if bad or found.left or found.skipped:
        sections.insert(1, _not_valid(found, bad))
    sections += _plots(found, rows)
    sections.append(_plan(found))
    fixed = [name for name in found.plan.axes if name not in varied(found.plan)]
    facts = [Fact(axis_heading(name), axis_text(name, found.plan.axes[name].values[0])) for name in fixed]
    board = next((str(row["board"]) for row in rows if row.get("board")), "")
    facts = [*([Fact("board", board)] if board else []), Fact("bench", found.plan.bench), *facts]
    axes = ", ".join(axis_heading(name) for name in varied(found.plan))
    title = f"{found.plan.name}: energy per inference over {axes}{f' on {board}' if board else ''}"
    notes = [found.plan.note] if found.plan.note else []
    sound = not bad and not found.left
    return Page("Sweep", title, sections, facts, found.virtual, notes=notes, sound=sound)


def _figures(found: StoredSweep, rows: Sequence[Mapping[str, Any]]) -> Section:
    valid = sum(row["verdict"] == "valid" for row in rows)
    counts = [f"{len(rows) - valid} not valid or failed"] if valid < len(rows) else []
    counts += [f"{found.left} not measured yet"] if found.left else []
    counts += [f"{len(found.skipped)} left out by the plan"] if found.skipped else []
    grade: Grade = "error" if valid < len(rows) else "warning" if found.left else "good"
    text = f"{valid} of {len(found.points)} points valid"
    facts = [Fact("Verdict", text, float(valid), "; ".join(counts), grade)]
    axes = [name for name in varied(found.plan) if name != "workload"]
    for row in lowest(rows):
        at = ", ".join(axis_text(name, row[name]) for name in axes) or f"point {row['point']}"
        rate = row.get("inferences_per_second")
        beside = f"at {at}" + (f"; {figure_cell('inferences_per_second', row)} inf/s" if rate else "")
        name = f"Lowest energy per inference, {row['workload']}"
        facts.append(Fact(name, figure_cell(FIGURES[0], row), row[FIGURES[0]], beside))
    bench = found.document.get("bench")
    stated: Any = cast("dict[str, Any]", bench).get("scope") if isinstance(bench, dict) else None
    try:
        scope = Scope.model_validate(stated) if stated is not None else None
    except ValueError:
        scope = None
    return Section("figures", "Figures", [Facts(facts, large=True), Lines([scope_line(scope)])])


def _points(found: StoredSweep, rows: Sequence[Mapping[str, Any]]) -> Section:
    """Every point; each figure with its number behind it, in the unit of ``table.csv``."""
    keys = column_keys(rows, found.plan)
    part = table_part(sweep_table(rows, found.plan), "points")
    made: list[list[Cell]] = []
    every_virtual = all(row["virtual"] for row in rows)
    best = {row["point"] for row in lowest(rows)}
    for row, cells in zip(rows, part.rows, strict=True):
        new = [_valued(cell, row.get(key)) for key, cell in zip(keys, cells, strict=True)]
        if every_virtual:  # the page states it
            new[0] = replace(new[0], text=str(row["point"]))
        new[-1] = replace(new[-1], grade=_GRADES.get(row["verdict"], "warning"))
        made.append(
            [
                *new,
                Cell("lowest" if row["point"] in best else "", grade="good" if row["point"] in best else ""),
            ]
        )
    texts = [key in ("verdict", "workload", "firmware") or key in varied(found.plan) for key in keys]
    columns = [replace(column, choices=chosen) for column, chosen in zip(part.columns, texts, strict=True)]
    columns[-1] = replace(columns[-1], choices=True)
    table = replace(part, columns=[*columns, Column("optimum")], rows=made, filtered=True)
    return Section("points-section", "Points", [table])


def _valued(cell: Cell, value: Any) -> Cell:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return replace(cell, value=float(value)) if number else cell


def _not_valid(found: StoredSweep, bad: Sequence[Mapping[str, Any]]) -> Section:
    """Points without a valid result: why, and what to do."""
    parts: list[Part] = []
    failures = failures_of(found.finished)
    if failures:
        columns = [Column("where"), Column("what happened"), Column("code"), Column("what to do")]
        cells = [
            [Cell(where), Cell(of["message"]), Cell(of["code"]), Cell(of["hint"])] for where, of in failures
        ]
        parts.append(PageTable("failures", "Sessions that did not come to their end", columns, cells))
    codes: dict[str, list[str]] = {}
    for row in bad:
        for code in filter(None, row["findings"].split(", ")):
            codes.setdefault(code, []).append(str(row["point"]))
    if codes:
        columns = [
            Column("finding"),
            Column("severity"),
            Column("points"),
            Column("meaning"),
            Column("what to do"),
        ]
        cells = [_code_row(code, points) for code, points in codes.items()]
        parts.append(PageTable("codes", "Findings of points that are not valid", columns, cells))
    lines: list[str] = []
    if found.left:
        missing = plural(found.left, "point")
        lines.append(f"{missing} not measured yet: joulebench sweep PLAN --resume measures what is left.")
    if found.skipped:
        lines.append(f"The plan's skip rules leave out {plural(len(found.skipped), 'point')}.")
    if lines:
        parts.append(Lines(lines))
    return Section("failed", "Points without a valid result", parts)


def _code_row(code: str, points: Sequence[str]) -> list[Cell]:
    rule = REGISTER.get(code)
    if rule is None:
        return [
            Cell(code),
            Cell(NOT_KNOWN),
            Cell(", ".join(points)),
            Cell("not known to this version"),
            Cell(""),
        ]
    severity = rule.severity.value
    return [
        Cell(code),
        Cell(severity, grade=severity),
        Cell(", ".join(points)),
        Cell(rule.meaning),
        Cell(rule.remedy),
    ]


def _plots(found: StoredSweep, rows: Sequence[Mapping[str, Any]]) -> list[Section]:
    known = [row for row in rows if row.get(FIGURES[0]) is not None]
    axes = varied(found.plan)
    plots: list[Part] = [
        plot
        for name in axes
        if name != "workload" and (plot := axis_plot(known, name, [a for a in axes if a != name])) is not None
    ]
    sections = [Section("axes", "Energy over each axis", plots)] if plots else []
    if (plot := latency_plot(known, axes)) is not None:
        sections.append(Section("latency", "Energy against latency", [plot]))
    return sections


def _plan(found: StoredSweep) -> Section:
    plan = [(name, text) for name, text in flat(found.document.get("plan"))]
    bench = [(name, text) for name, text in flat(found.document.get("bench"))]
    version = found.document.get("joulebench")
    facts = [Fact("measured by", f"joulebench {version}")] if isinstance(version, str) else []
    facts.append(Fact("workloads", ", ".join(_titles(found))))
    parts: list[Part] = [
        Facts(facts),
        Folded("The plan", [pairs("plan", "The plan, key by key", plan)]),
        Folded("The bench file", [pairs("bench-file", "The bench file, key by key", bench)]),
        *hashed([found.folder / SWEEP_NAME, found.folder / "table.csv", found.folder / "table.parquet"]),
    ]
    return Section("provenance", "Plan, bench and provenance", parts)


def _titles(found: StoredSweep) -> list[str]:
    names = [str(value) for value in found.plan.axes["workload"].values]
    return [f"{name} ({WORKLOADS[name].title})" if name in WORKLOADS else name for name in names]
