"""The page of a validation: what must be acted on first, then benchmarks, plots, and each benchmark in full.

Names of folders and lines of logs may come from anybody; the templates escape all text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from energy.findings import Severity
from energy.report.pages.parts import Cell, Column, Fact, Folded, Lines, PageTable, Part, Section
from energy.report.pages.skeleton import Page, check_page, write_page
from energy.report.pages.validation_acted import Place, acted_part, all_findings_table, shown_places
from energy.report.pages.validation_benchmark import anchor_of, benchmark_part
from energy.report.pages.validation_plots import difference_plot, energy_plot
from energy.report.pages.validation_ranks import ranks_of
from energy.report.setups import known_columns, with_scopes
from energy.report.table import Table
from energy.report.validation_rows import Row, rows_of, summary_line
from energy.validation.report import ValidationReport, count_by_severity

Progress = Callable[[float], None]
"""Called with the number of benchmarks that are done."""

_READING = (
    "Shaded in a drawing of a trace: compute windows given by the edges (red if they have an error). Grey "
    "bars below them: the same inferences as the log gives them, moved to the monitor's clock. Violet marks: "
    "edges. Light band: lowest to highest power; line: mean."
)


def write_validation(
    report: ValidationReport, path: Path, *, show_all: bool = False, progress: Progress | None = None
) -> Path:
    """Writes the page.

    Args:
        report: The validation.
        path: The file to write; its folders are made.
        show_all: Whether findings of severity info are listed.
        progress: Called with the number of benchmarks that are done.

    Raises:
        UsageError: ``usage.html``, ``page.unwritable``.
        BenchError: ``report.jinja2``, ``report.plotly`` if a package is not installed.
    """
    check_page(path)
    return write_page(validation_page(report, show_all=show_all, progress=progress), path)


def validation_page(
    report: ValidationReport, *, show_all: bool = False, progress: Progress | None = None
) -> Page:
    """The page of a validation; the files are read benchmark by benchmark while it is written.

    Args:
        report: The validation.
        show_all: Whether findings of severity info are listed.
        progress: Called with the number of benchmarks that are done.
    """
    rows = rows_of(report)
    places = shown_places(report, show_all=show_all)
    sections = [
        Section("act", "What must be acted on", _acted(report, places)),
        Section("benchmarks-section", "Benchmarks", [benchmarks_table(rows)]),
        Section("plots", "Printed beside recomputed", _plots(rows)),
        Section("each", "Benchmark by benchmark", _each(report, rows, show_all, progress)),
    ]
    return Page(
        "Validation",
        ", ".join(str(path) for path in report.paths) or "nothing",
        sections,
        _facts(report, rows),
        virtual=any(row.folder.virtual for row in rows),
        contents=[(section.id, section.title) for section in sections],
        scripts=("validation.js",),
        styles=("validation.css",),
        notes=[f"{summary_line(report)}."],
        sound=report.sound,
    )


def _facts(report: ValidationReport, rows: list[Row]) -> list[Fact]:
    counts = count_by_severity(report.all_findings)
    verdict = Fact("verdict", "no error", grade="good") if report.sound else None
    if verdict is None:
        wrong = sum(row.worst is Severity.ERROR for row in rows)
        verdict = Fact("verdict", "errors", note=f"in {wrong} of {len(rows)} benchmarks", grade="error")
    numbers = [Fact("benchmarks", str(len(rows)), float(len(rows)))]
    numbers += [Fact(_plural(name), str(count), float(count)) for name, count in counts.items()]
    rules = f"those of {report.rules}" if report.rules else "each round by its own"
    return [verdict, *numbers, Fact("rules", rules)]


def _plural(severity: str) -> str:
    return severity if severity == "info" else f"{severity}s"


def _acted(report: ValidationReport, places: list[Place]) -> list[Part]:
    grave = [place for place in places if place.finding.severity is not Severity.INFO]
    if not grave:
        nothing = "Nothing: there is no error and no warning."
        if not report.submissions:
            nothing = "Nothing was found that could be validated."
        parts: list[Part] = [Lines([nothing])]
    else:
        parts = [acted_part(grave)]
    if len(places) > 1:
        title = f"Every finding as a table, to sort and filter ({len(places)})"
        parts.append(Folded(title, [all_findings_table(places)], id="findings-table"))
    return parts


def benchmarks_table(rows: list[Row]) -> PageTable:
    """A row for each benchmark: figures recomputed and printed, rank, findings; to sort and filter."""
    ranks = ranks_of(rows)
    setups = [row.folder.setup for row in rows]
    known, cells = known_columns(setups)
    scoped = with_scopes(Table("", ["worst"], [[""] for _ in rows]), setups)
    scopes, notes = [row[1:] for row in scoped.rows], list(scoped.notes)
    columns = [
        Column("round", choices=True),
        Column("division", choices=True),
        Column("organization", choices=True),
        Column("system"),
        Column("benchmark", choices=True),
        Column("worst", choices=True),
        Column("µJ/inf recomputed", number=True),
        Column("printed", number=True),
        Column("rank", number=True),
        Column("inf/s", number=True),
        Column("accuracy"),
        Column("findings"),
        *(Column(name) for name in known),
        *(Column(name) for name in scoped.columns[1:]),
    ]
    table = [
        [
            *_names(row, place),
            Cell(row.grade, grade="error" if row.grade == "error" else "warning")
            if row.grade != "none"
            else Cell("none"),
            _figure(row.energy, 1e-6, wrong=not row.energy_agrees),
            _figure(row.printed, 1e-6),
            ranks[place].cell,
            _figure(row.throughput, 1.0),
            Cell(row.accuracy),
            Cell(", ".join(row.codes)),
            *(Cell(cell) for cell in cells[place]),
            *(Cell(cell) for cell in scopes[place]),
        ]
        for place, row in enumerate(rows)
    ]
    notes = [*notes, _RANKS] if any(rank.of > 1 for rank in ranks) else notes
    caption = "Benchmarks, each with a link to all that was found in it"
    return PageTable("benchmarks", caption, columns, table, filtered=len(rows) > 1, notes=notes)


_RANKS = (
    "rank: by recomputed energy among the benchmarks of the same round, division and workload on this page; "
    "where the printed energies give another rank, it stands in parentheses. Which ranks the uncertainty "
    "cannot tell apart: docs/reference/published-rounds.md."
)


def _names(row: Row, place: int) -> list[Cell]:
    folder = row.folder
    system = f"VIRTUAL {folder.system}" if folder.virtual else folder.system
    benchmark = f"{folder.benchmark}/{folder.variant}" if folder.variant else folder.benchmark
    return [
        Cell(folder.round),
        Cell(folder.division),
        Cell(folder.organization),
        Cell(system),
        Cell(benchmark, href=f"#{anchor_of(place)}"),
    ]


def _figure(text: str, scale: float, *, wrong: bool = False) -> Cell:
    """A figure with the number behind it; marked where it differs from the printed one."""
    try:
        value = float(text) * scale
    except ValueError:
        return Cell(text)
    return Cell(text, value, grade="error") if wrong else Cell(text, value)


def _plots(rows: list[Row]) -> list[Part]:
    plots = [plot for plot in (difference_plot(rows), energy_plot(rows)) if plot]
    return [*plots] or [Lines(["No figure is both printed and recomputed."])]


def _each(
    report: ValidationReport, rows: list[Row], show_all: bool, progress: Progress | None
) -> Iterator[Part]:
    """The benchmarks one by one, so that only one of them is in memory."""
    yield Lines([_READING])
    roots = [submission.root for submission in report.submissions for _ in submission.folders]
    for number, (row, root) in enumerate(zip(rows, roots, strict=True)):
        yield benchmark_part(row, number, root, show_all=show_all)
        if progress:
            progress(number + 1)
