"""A benchmark's part of a validation's page: findings with their evidence, traces, figures, files."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from energy.errors import JoulebenchError
from energy.evidence.scope_text import scope_line
from energy.findings import Finding, Severity
from energy.recording.inside import within
from energy.report.excerpt import Excerpt, excerpts
from energy.report.pages.parts import (
    Cell,
    Column,
    Drawing,
    Folded,
    Included,
    Lines,
    PageTable,
    Part,
    number_cell,
)
from energy.report.pages.provenance import hashed
from energy.report.repeats import repeat_lines
from energy.report.setups import setup_line
from energy.report.trace_svg import Span, trace_svg
from energy.report.validation_rows import Row, grave_figures, gravest_first
from energy.runs.measured import load
from energy.runs.printed import FigureCheck
from energy.validation.report import RunReport

_MOST_CLOSE_UPS = 3
_MARGIN = 0.06
"""Margin of a close-up on each side, as a part of the window's length."""
_SHORTEST_S = 0.01
_MOST_FILES = 200


def anchor_of(number: int) -> str:
    """The id of a benchmark's part in the page.

    Args:
        number: Its place among the benchmarks, from 0.
    """
    return f"benchmark-{number}"


def benchmark_part(row: Row, number: int, root: Path | None, *, show_all: bool) -> Folded:
    """All that was found of a benchmark; opened where it has an error or a warning.

    Args:
        row: The benchmark.
        number: Its place among the benchmarks, from 0.
        root: Where the search began that found it; None if that folder no longer exists.
        show_all: Whether findings of severity info are listed.
    """
    folder, anchor = row.folder, anchor_of(number)
    parts: list[Part] = [Lines([folder.path])]
    with within(root) if root else nullcontext():
        parts += _remarks(folder.findings, show_all, root, folder.path)
        silent: list[str] = []
        for run in folder.runs:
            if found := _run_parts(run, show_all, root):
                parts += [
                    _heading(run),
                    *_named(found, f"{anchor}-{run.mode}", f"{run.mode} of {folder.name}"),
                ]
            else:
                silent.append(run.mode)
    if silent:
        parts.append(Lines([f"Nothing to show for: {', '.join(silent)}."]))
    name = f"VIRTUAL {folder.name}" if folder.virtual else folder.name
    grave = row.grade != "none"
    grade = ("error" if row.grade == "error" else "warning") if grave else ""
    return Folded(name, parts, opened=grave, id=anchor, grade=grade)


def _heading(run: RunReport) -> Included:
    about = [run.runner, setup_line(run.setup), scope_line(run.setup.scope)]
    if run.clock_ppm is not None:
        about.append(f"monitor's clock {run.clock_ppm:+.0f} ppm compared with the host's")
    data: dict[str, Any] = {
        "mode": run.mode,
        "virtual": run.virtual,
        "about": " · ".join(filter(None, about)),
    }
    return Included("run.html.j2", data)


def _named(parts: Iterable[Part], name: str, of: str) -> list[Part]:
    """The parts with ids and captions of their own: each run has the same tables."""
    named: list[Part] = []
    for part in parts:
        if isinstance(part, PageTable):
            part = replace(part, id=f"{part.id}-{name}", caption=f"{part.caption}: {of}")
        elif isinstance(part, Folded):
            part = replace(part, parts=_named(part.parts, name, of))
        named.append(part)
    return named


def _run_parts(run: RunReport, show_all: bool, root: Path | None) -> list[Part]:
    parts = _remarks(run.all_findings, show_all, root, run.path)
    if lines := repeat_lines(run.rejected):
        parts.append(Lines(lines))
    parts += _drawings(run)
    if run.windows:
        parts.append(_windows(run))
    if figures := grave_figures(run):
        parts.append(_figures("figures", "Figures of the run, printed and recomputed", figures))
    if more := [figure for figure in run.all_figures if figure not in figures]:
        table = _figures("window-figures", "Figures of the windows, printed and recomputed", more)
        parts.append(Folded(f"Window by window: {len(more)} figures", [table]))
    return parts + _files(run, root) if parts else []


def _remarks(findings: Iterable[Finding], show_all: bool, root: Path | None, folder: str) -> list[Part]:
    remarks: list[tuple[Finding, list[Excerpt]]] = [
        (
            finding,
            excerpts(finding, root, folder) if root and finding.severity is not Severity.INFO else [],
        )
        for finding in gravest_first(findings)
        if show_all or finding.severity is not Severity.INFO
    ]
    return [Included("remarked.html.j2", {"remarks": remarks, "above": folder})] if remarks else []


def _windows(run: RunReport) -> PageTable:
    columns = [
        Column("window", number=True),
        Column("start s", number=True),
        Column("stop s", number=True),
        Column("length s", number=True),
        Column("inferences", number=True),
        Column("energy µJ", number=True),
        Column("power mW", number=True),
    ]
    rows = [
        [
            Cell(str(window.number), float(window.number)),
            _scaled(window.start_s, 1.0, 3),
            _scaled(window.stop_s, 1.0, 3),
            _scaled(window.duration_s, 1.0, 3),
            _scaled(window.iterations, 1.0, 0),
            _scaled(window.energy_j, 1e6, 3),
            _scaled(window.power_w, 1e3, 4),
        ]
        for window in run.windows
    ]
    return PageTable("windows", "Windows, recomputed", columns, rows, filtered=False)


def _scaled(value: float | None, scale: float, digits: int) -> Cell:
    return number_cell(value, "" if value is None else f"{value * scale:.{digits}f}")


def _figures(name: str, caption: str, figures: Iterable[FigureCheck]) -> PageTable:
    columns = [
        Column("figure"),
        Column("window", number=True),
        Column("printed", number=True),
        Column("recomputed", number=True),
        Column("unit"),
        Column("from"),
    ]
    rows = [
        [
            Cell(figure.name),
            Cell("–") if figure.window is None else Cell(str(figure.window), float(figure.window)),
            Cell(figure.printed),
            Cell(figure.recomputed or "–", grade="error" if figure.agrees is False else ""),
            Cell(figure.unit),
            Cell(figure.source),
        ]
        for figure in figures
    ]
    return PageTable(name, caption, columns, rows, filtered=False)


def _files(run: RunReport, root: Path | None) -> list[Part]:
    """The run's files with their SHA-256, folded."""
    if root is None:
        return []
    try:
        paths = sorted(path for path in (root / run.path).iterdir() if path.is_file())
        tables = hashed(paths[:_MOST_FILES])
    except (OSError, JoulebenchError) as error:
        return [Lines([f"The files of {run.path} cannot be listed: {error}"])]
    left = len(paths) - _MOST_FILES
    more = [Lines([f"{left} more files are not listed."])] if left > 0 else []
    return [Folded(f"Files and their SHA-256 ({len(paths)})", [*tables, *more])] if paths else []


def _drawings(run: RunReport) -> list[Part]:
    """Drawings of the whole trace, then close-ups of the windows that have errors or warnings."""
    if run.trace is None:
        return []
    try:
        trace = load(run.trace).samples
    except (JoulebenchError, OSError):
        return []  # a finding reports already that the trace cannot be read
    flawed = {finding.window for finding in run.findings if finding.severity is Severity.ERROR}
    grave = [finding for finding in gravest_first(run.findings) if finding.severity is not Severity.INFO]
    doubtful = {finding.window for finding in grave}
    spans = [
        Span(
            window.number,
            window.start_s,
            window.stop_s,
            window.number in flawed,
            window.log_start_s,
            window.log_stop_s,
        )
        for window in run.windows
        if window.start_s is not None and window.stop_s is not None
    ]
    drawings: list[Part] = []
    if whole := trace_svg(trace, spans, run.timestamps):
        drawings.append(Drawing(whole, f"{run.mode}: power, lowest to highest and mean"))
    pieces = [(finding.time_s, finding.code) for finding in grave if finding.time_s is not None]
    pieces += [
        ((span.start_s, span.stop_s), f"window {span.number}") for span in spans if span.number in doubtful
    ]
    for (start_s, stop_s), name in list(dict(pieces).items())[:_MOST_CLOSE_UPS]:
        margin = max(stop_s - start_s, _SHORTEST_S) * _MARGIN
        around = (start_s - margin, stop_s + margin)
        if close := trace_svg(trace, spans, run.timestamps, of=around):
            drawings.append(Drawing(close, f"{run.mode}: {name}"))
    return drawings
