"""The windows of a page: a table with the number behind each cell, and printed figures beside recomputed."""

from __future__ import annotations

from energy.evidence.names import RESULT_NAME
from energy.findings import has_errors
from energy.report.pages.parts import Cell, Column, Lines, PageTable, Part, Section, number_cell
from energy.report.pages.traces import scatter_plot
from energy.report.table import NOT_KNOWN
from energy.report.tables import edge_bound_line, percent
from energy.report.units import significant
from energy.runs.measurement import Measurement
from energy.window.figures import Spread, WindowFigures
from energy.window.rules import EnergyRule


def windows_section(measured: Measurement) -> Section:
    """The section of windows: their scatter, and the table."""
    parts: list[Part] = [windows_table(measured)]
    if measured.session.windows:
        parts.append(Lines([edge_bound_line(measured.session)]))
    if (scatter := scatter_plot(measured)) is not None:
        parts.insert(0, scatter)
    return Section("windows", "Windows", parts)


def windows_table(measured: Measurement) -> PageTable:
    """Each window: start, length, inferences, energy by three rules, power, J/inf, inf/s and findings."""
    headings = ("window", "start s", "length s", "inferences", *(f"µJ, {rule.value}" for rule in EnergyRule))
    columns = [Column(name, True) for name in (*headings, "power mW", "µJ/inf", "inf/s")]
    columns.append(Column("findings"))
    rows = [_window_row(row) for row in measured.session.windows]
    session = measured.session
    footer: list[list[Cell]] = []
    if rows:
        spreads = [*(session.energy_j(rule) for rule in EnergyRule), session.power_w(),
                   session.joule_per_inference(), session.inferences_per_second()]  # fmt: skip
        factors = [1e6] * len(EnergyRule) + [1e3, 1e6, 1.0]
        medians = [
            number_cell(of and of.median, significant(of.median * factor) if of else "")
            for of, factor in zip(spreads, factors, strict=True)
        ]
        empty = [Cell("")] * 3
        footer = [
            [Cell("median"), *empty, *medians, Cell("")],
            [Cell("spread"), *empty, *(_percent_cell(of) for of in spreads), Cell("")],
        ]
    notes = [
        "Energy per inference and power follow the exact rule: a sample counts by its part inside the window."
    ]
    return PageTable(
        "window-table",
        "Windows; the number of a window shows it in the trace",
        columns,
        rows,
        footer,
        notes=notes,
    )


def _percent_cell(spread: Spread | None) -> Cell:
    return Cell(percent(spread), spread.relative_deviation if spread else None)


def _window_row(row: WindowFigures) -> list[Cell]:
    window = row.window
    cost, throughput = row.joule_per_inference(), row.inferences_per_second
    codes = ", ".join(dict.fromkeys(finding.code for finding in window.findings))
    grave = has_errors(list(window.findings))
    power_w = window.energies[EnergyRule.EXACT].power_w
    return [
        Cell(str(window.number), float(window.number), href=f"#window-{window.number}"),
        Cell(f"{window.start_s:.6f}", window.start_s),
        Cell(f"{window.duration_s:.6f}", window.duration_s),
        Cell(str(row.iterations), float(row.iterations)) if row.iterations else Cell(NOT_KNOWN),
        *(Cell(significant(row.energy_j(rule) * 1e6, 7), row.energy_j(rule)) for rule in EnergyRule),
        Cell(significant(power_w * 1e3), power_w),
        number_cell(cost, significant(cost * 1e6) if cost is not None else ""),
        number_cell(throughput, significant(throughput) if throughput is not None else ""),
        Cell(codes or "none", grade="error" if grave else "warning" if codes else ""),
    ]


def printed_section(measured: Measurement) -> Section:
    """Figures as they were written beside the trace, and as they follow from it."""
    name = RESULT_NAME if measured.run.session is not None else "results.txt"
    numbers = [Column(of, True) for of in ("window", f"in {name}", "recomputed")]
    columns = [Column("figure"), *numbers, Column("unit"), Column("from"), Column("same", choices=True)]
    grades: dict[bool | None, Cell] = {
        True: Cell("yes", grade="good"), False: Cell("no", grade="error"), None: Cell(NOT_KNOWN)
    }  # fmt: skip
    rows = [
        [
            Cell(of.name),
            Cell("" if of.window is None else str(of.window)),
            Cell(of.printed),
            Cell(NOT_KNOWN if of.recomputed is None else of.recomputed),
            Cell(of.unit),
            Cell(of.source),
            grades[of.agrees],
        ]
        for of in measured.figures
    ]
    caption = f"Figures of {name} beside those that follow from the files"
    return Section(
        "printed", "Printed beside recomputed", [PageTable("printed-table", caption, columns, rows)]
    )
