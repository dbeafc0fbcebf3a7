"""Operating points as a table, with the same numbers as the figure and ``--json``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from energy.report.chart import Chart, Placed
from energy.report.point_labels import scope_lines_of
from energy.report.points import OperatingPoint
from energy.report.session_points import PARTIAL_ACCURACY
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import compact, engineering
from energy.uncertainty.rounding import figure_text


def listed(chart: Chart, *, every: bool = False) -> list[Placed]:
    """The points that the table beside a figure lists, by workload and energy.

    Those in the region of interest; without one, own points, and the fronts of their workloads.

    Args:
        chart: The chart.
        every: Whether all of its points are wanted.
    """
    own = {one.point.benchmark for one in chart.own}
    found = [
        one
        for one in chart.placed
        if every
        or (one.region == "inside" if chart.region else one.point.own or (one.front and _wanted(one, own)))
    ]
    return sorted(found, key=lambda one: (one.point.benchmark, one.y, one.x, one.point.name))


def _wanted(one: Placed, own: set[str]) -> bool:
    return not own or one.point.benchmark in own


def point_table(chart: Chart, placed: Sequence[Placed], title: str = "Operating points") -> Table:
    """A row for each point: latency, energy with U, power, accuracy, memory, and what is wrong with it.

    Where the axes are normalised, what they show stands in two more columns; a column in which nothing is
    known is left out.

    Args:
        chart: The chart.
        placed: Its points that are listed.
        title: Title of the table.
    """
    shown = _normalised(chart)
    columns = ["#", "point", "workload", "latency", "energy ± U, 95 %", *shown, "power ± U", *_OPTIONAL]
    rows = [[*_first(one), *(text(one) for text in shown.values()), *_last(one)] for one in placed]
    kept = [
        place
        for place, name in enumerate(columns)
        if name not in _OPTIONAL or any(row[place] != NOT_KNOWN for row in rows)
    ]
    table = Table(title, columns, rows, text=(1, 2, len(columns) - 1)).select(kept)
    last = range(5, len(kept))
    table.parts = [[0, 1, 2, 3, 4], [0, *last]]
    table.notes = scope_lines_of([one.point for one in placed])
    return table


_OPTIONAL = ("accuracy", "memory", "remarks")
"""Columns that are left out where nothing is known."""


def _first(one: Placed) -> list[str]:
    point = one.point
    return [
        str(one.number) if one.number else "",
        ("VIRTUAL " if point.virtual else "") + point.name,
        point.benchmark or NOT_KNOWN,
        engineering(point.latency_s, "s", 5) if point.latency_s else NOT_KNOWN,
        energy_cell(point),
    ]


def _last(one: Placed) -> list[str]:
    point = one.point
    return [
        _uncertain(point.power_w, point.power_expanded_w, "W"),
        accuracy_cell(point),
        memory_cell(point),
        ", ".join(remarks(one)) or NOT_KNOWN,
    ]


def _normalised(chart: Chart) -> dict[str, Callable[[Placed], str]]:
    """Headings and texts of the columns with what normalised axes show; none where they are not."""
    view = chart.view
    if view.per_mac and view.relative_to is None:
        return {
            "latency/MAC": lambda one: engineering(one.x, "s"),
            "energy/MAC": lambda one: _uncertain(one.y, one.y_expanded, "J"),
        }
    if view.relative_to is not None:
        return {
            "latency, relative": lambda one: f"{one.x:.4g}",
            f"{view.y}, relative": lambda one: _uncertain(one.y, one.y_expanded, ""),
        }
    return {}


def energy_cell(point: OperatingPoint) -> str:
    """A point's energy with its U."""
    return _uncertain(point.joule_per_inference, point.expanded_uncertainty_j, "J")


def accuracy_cell(point: OperatingPoint) -> str:
    """A point's accuracy: in percent, or the AUC."""
    if point.accuracy is None:
        return NOT_KNOWN
    if point.accuracy_metric == "AUC":
        return f"AUC {point.accuracy:.4g}"
    return f"{point.accuracy * 100:.4g} %"


def memory_cell(point: OperatingPoint) -> str:
    """A point's flash and RAM."""
    if point.flash_bytes is None and point.ram_bytes is None:
        return NOT_KNOWN
    parts = (("flash", point.flash_bytes), ("RAM", point.ram_bytes))
    return ", ".join(f"{name} {compact(size, 'B')}" for name, size in parts if size is not None)


def remarks(one: Placed) -> list[str]:
    """What a reader has to know of a point: on the front, errors."""
    point = one.point
    found = ["front"] if one.front else []
    if point.valid is False:
        found.append(f"not valid: {', '.join(point.findings) or 'trials are missing'}")
    elif point.findings and point.own:
        found.append(", ".join(point.findings))
    if PARTIAL_ACCURACY in point.notes:
        found.append("accuracy not valid")
    if one.region == "unknown":
        found.append("not known whether inside")
    return found


def _uncertain(value: float | None, expanded: float | None, unit: str) -> str:
    if value is None:
        return NOT_KNOWN
    if expanded:
        return figure_text(value, expanded, unit)
    return engineering(value, unit) if unit else f"{value:.4g}"
