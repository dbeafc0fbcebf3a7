"""The windows of a page: a table with the number behind each cell, and printed figures beside recomputed."""

from __future__ import annotations

from collections.abc import Sequence

from energy.evidence.names import RESULT_NAME
from energy.findings import has_errors
from energy.report.pages.parts import Cell, Column, Folded, Lines, PageTable, Part, Section, number_cell
from energy.report.pages.traces import scatter_plot
from energy.report.table import NOT_KNOWN
from energy.report.tables import edge_bound_line, percent
from energy.report.units import significant
from energy.runs.measurement import Measurement
from energy.window.figures import Spread, WindowFigures
from energy.window.rules import EnergyRule


def windows_section(measured: Measurement) -> Section:
    """The section of windows: their scatter, the table, and the energy by the rules of the runners."""
    parts: list[Part] = [windows_table(measured)]
    if (scatter := scatter_plot(measured)) is not None:
        parts.insert(0, scatter)
    if measured.session.windows:
        parts.append(Lines([edge_bound_line(measured.session)]))
        parts.append(Folded("Energy by the rules of the runners", [rules_table(measured)]))
    return Section("windows", "Windows", parts)


def windows_table(measured: Measurement) -> PageTable:
    """Each window: start, length, inferences, energy by the exact rule, power, J/inf, inf/s and findings."""
    names = ("window", "start s", "length s", "inferences", "energy µJ", "power mW", "µJ/inf", "inf/s")
    columns = [*(Column(name, True) for name in names), Column("findings")]
    session = measured.session
    footer: list[list[Cell]] = []
    if session.windows:
        spreads = (
            (session.energy_j(), 1e6),
            (session.power_w(), 1e3),
            (session.joule_per_inference(), 1e6),
            (session.inferences_per_second(), 1.0),
        )
        footer = _footer(spreads, before=3, after=1)
    return PageTable(
        "window-table",
        "Windows; the number of a window shows it in the trace",
        columns,
        [_window_row(row) for row in session.windows],
        footer,
        notes=["Energy follows the exact rule: a sample counts by the part of it inside the window."],
    )


def rules_table(measured: Measurement) -> PageTable:
    """The energy of each window by each rule, and how many samples are missing in it."""
    columns = [Column("window", True), *(Column(f"µJ, {rule.value}", True) for rule in EnergyRule)]
    columns += [Column(f"µJ/inf, {rule.value}", True) for rule in EnergyRule]
    columns.append(Column("samples missing", True))
    rows: list[list[Cell]] = []
    for row in measured.session.windows:
        costs = [row.joule_per_inference(rule) for rule in EnergyRule]
        missing = row.window.energies[EnergyRule.EXACT].missing
        rows.append(
            [
                Cell(str(row.window.number), float(row.window.number)),
                *(Cell(significant(row.energy_j(rule) * 1e6, 7), row.energy_j(rule)) for rule in EnergyRule),
                *(number_cell(cost, significant(cost * 1e6) if cost is not None else "") for cost in costs),
                Cell(str(missing), float(missing)),
            ]
        )
    session = measured.session
    energies = [(session.energy_j(rule), 1e6) for rule in EnergyRule]
    costs_j = [(session.joule_per_inference(rule), 1e6) for rule in EnergyRule]
    footer = _footer([*energies, *costs_j], before=0, after=1)
    caption = "Energy by the exact rule and by those of the MLCommons and EEMBC runners"
    return PageTable("rules-table", caption, columns, rows, footer, filtered=False)


def _footer(spreads: Sequence[tuple[Spread | None, float]], *, before: int, after: int) -> list[list[Cell]]:
    """Median and spread of columns, each shown times a factor, with empty cells before and after them."""
    medians = [
        number_cell(of and of.median, significant(of.median * factor) if of else "") for of, factor in spreads
    ]
    deviations = [Cell(percent(of), of.relative_deviation if of else None) for of, _ in spreads]
    left, right = [Cell("")] * before, [Cell("")] * after
    return [[Cell("median"), *left, *medians, *right], [Cell("spread"), *left, *deviations, *right]]


def _window_row(row: WindowFigures) -> list[Cell]:
    window = row.window
    cost, throughput = row.joule_per_inference(), row.inferences_per_second
    codes = ", ".join(dict.fromkeys(finding.code for finding in window.findings))
    grave = has_errors(list(window.findings))
    energy_j, power_w = row.energy_j(), window.energies[EnergyRule.EXACT].power_w
    return [
        Cell(str(window.number), float(window.number), href=f"#window-{window.number}"),
        Cell(f"{window.start_s:.6f}", window.start_s),
        Cell(f"{window.duration_s:.6f}", window.duration_s),
        Cell(str(row.iterations), float(row.iterations)) if row.iterations else Cell(NOT_KNOWN),
        Cell(significant(energy_j * 1e6, 7), energy_j),
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
