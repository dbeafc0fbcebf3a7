"""Published results as tables: lists, one row in full, and what a checkout of a round changes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from energy.catalogue.assumed import budget_of_row, has_budget, mean_current_a
from energy.catalogue.row import Row, row_of
from energy.printable import for_cell
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import engineering, significant
from energy.uncertainty.budget import Budget
from energy.uncertainty.rounding import figure_text

if TYPE_CHECKING:
    from energy.catalogue.build import Built

UNCERTAIN = ("expanded_uncertainty_j", "coverage_factor")
"""Columns that a budget adds to those of ``Row.to_json``."""


def budget_or_none(row: Row) -> Budget | None:
    """A row's assumed budget; None where it has no energy with a known monitor."""
    return budget_of_row(row) if has_budget(row) else None


def documents(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows as flat documents in SI units, each energy with its uncertainty.

    ``expanded_uncertainty_j`` is that of the assumed budget (95 %), with its ``coverage_factor``.
    """
    found: list[dict[str, Any]] = []
    for row in rows:
        budget = budget_or_none(row)
        values = (budget.expanded, budget.k) if budget else (None, None)
        found.append({**row.to_json(), **dict(zip(UNCERTAIN, values, strict=True))})
    return found


def columns() -> list[str]:
    """The columns of ``documents``."""
    return [*row_of({"path": "-"}).to_json(), *UNCERTAIN]


def as_csv(rows: Iterable[Row]) -> str:
    """A row per result, SI units; a text that a spreadsheet would take for a formula begins with ``'``."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(), lineterminator="\n")
    writer.writeheader()
    for document in documents(rows):
        writer.writerow({k: for_cell(v) if isinstance(v, str) else v for k, v in document.items()})
    return text.getvalue()


def list_table(rows: Sequence[Row]) -> Table:
    """A table with a row per published result; energies with the U (95 %) of their assumed budgets."""
    table = Table(
        "Published results",
        ["row", "known as", "ms", "inf/s", "energy ± U, 95 %", "V", "accuracy", "files"],
        text=(0, 1, 7),
        parts=([0, 1, 6, 7], [0, 2, 3, 4, 5]),
    )
    for row in rows:
        table.rows.append(
            [
                row.id,
                ", ".join(row.names) or NOT_KNOWN,
                _number(row.latency_s and row.latency_s * 1e3, 5),
                _number(row.inferences_per_second, 5),
                energy_cell(row),
                f"{row.voltage_v:g}" if row.voltage_v else NOT_KNOWN,
                accuracy_cell(row),
                row.verdict or NOT_KNOWN,
            ]
        )
    return table


def energy_cell(row: Row) -> str:
    """A row's energy with U; without a budget, the figure alone."""
    budget = budget_or_none(row)
    if budget is not None:
        return figure_text(budget.value, budget.expanded, budget.unit)
    return NOT_KNOWN if row.joule_per_inference is None else engineering(row.joule_per_inference, "J")


def accuracy_cell(row: Row) -> str:
    """A row's accuracy with its metric."""
    if not row.accuracy:
        return NOT_KNOWN
    if row.accuracy_metric == "top-1":
        return f"{row.accuracy} %"
    return f"{row.accuracy_metric} {row.accuracy}"


def row_table(row: Row) -> Table:
    """All that is known of a row, a fact a line: printed figures beside what this program recomputed."""
    table = Table(row.id, ["fact", "published", "recomputed"], text=(0, 1, 2))
    printed, current_a = row.printed, mean_current_a(row)
    energy = "energy of the stream" if row.streaming else "energy per inference"
    facts = [
        ("known as", ", ".join(row.names), ""),
        ("round, division", f"{row.round}, {row.division}", ""),
        ("organisation", row.organization, ""),
        ("system", row.system, ""),
        ("processor", ", ".join(filter(None, (row.processor, row.accelerator, row.frequency))), ""),
        ("benchmark", row.benchmark, ""),
        ("accuracy", accuracy_cell(row), ""),
        ("inferences per second", printed["throughput_ips"], printed["recomputed_ips"]),
        ("the same in energy mode", _throughput(row.energy_mode_inferences_per_second), ""),
        ("latency", engineering(row.latency_s, "s", 5) if row.latency_s else "", ""),
        (energy, _microjoule(printed["energy_uj_per_inf"]), _microjoule(printed["recomputed_uj_per_inf"])),
        ("with U (95 %), assumed", energy_cell(row) if has_budget(row) else "", ""),
        ("mean power", engineering(row.power_w, "W") if row.power_w else "", ""),
        ("mean current", engineering(current_a, "A") if current_a else "", ""),
        ("supply voltage", f"{row.voltage_v:g} V" if row.voltage_v else "", ""),
        ("monitor", f"{row.monitor}{' (inferred)' if row.monitor_inferred else ''}", ""),
        ("runner", row.runner, ""),
        ("windows", str(row.windows) if row.windows else "", ""),
        (
            "scatter of the windows",
            "",
            f"{row.scatter_rsd * 100:.3g} %" if row.scatter_rsd is not None else "",
        ),
        ("its files", row.path, row.verdict or "not checked"),
    ]
    table.rows += [[name, said or NOT_KNOWN, ours or NOT_KNOWN] for name, said, ours in facts if said or ours]
    return table


def built_table(built: Built) -> Table:
    """The rows of a checkout: printed beside recomputed, and the verdict on their files."""
    table = Table(
        "Rows of the checkout",
        ["row", "µJ/inf printed", "recomputed", "inf/s printed", "recomputed", "files", "findings"],
        text=(0, 5, 6),
        parts=([0, 1, 2, 3, 4], [0, 5, 6]),
    )
    for row in built.refreshed:
        cells = [row.printed[name] or NOT_KNOWN for name in _BUILT]
        table.rows.append([row.id, *cells, row.verdict, ", ".join(row.findings) or NOT_KNOWN])
    return table


_BUILT = ("energy_uj_per_inf", "recomputed_uj_per_inf", "throughput_ips", "recomputed_ips")


def built_lines(built: Built) -> list[str]:
    """What a checkout changed, a line each, and the counts in the last."""
    lines = [f"new: {name}" for name in built.added]
    lines += [f"{c.id}: {c.column} was {c.was or 'empty'}, its files print {c.now}" for c in built.changed]
    recomputed = [row for row in built.refreshed if row.printed["recomputed_uj_per_inf"]]
    agree = sum(_agree(row) for row in recomputed)
    verdicts = [row.verdict for row in built.refreshed]
    lines.append(
        f"{len(built.refreshed)} rows checked: {verdicts.count('error')} with errors, "
        f"{verdicts.count('warning')} with warnings, {verdicts.count('sound')} with neither; "
        f"{agree} of {len(recomputed)} recomputed energies are as printed; {len(built.rows)} rows in all"
    )
    return lines


def _agree(row: Row) -> bool:
    return float(row.printed["recomputed_uj_per_inf"]) == float(row.printed["energy_uj_per_inf"] or "nan")


def _number(value: float | None, digits: int) -> str:
    return NOT_KNOWN if value is None else significant(value, digits)


def _throughput(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _microjoule(text: str) -> str:
    return f"{text} µJ" if text else ""
