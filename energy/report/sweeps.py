"""Sweeps as tables for people: results, and what a plan will measure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from energy.characterize.forecast import Forecast
from energy.characterize.plan import Point, Sweep, number_text
from energy.characterize.points import FIGURES
from energy.characterize.sweep_file import SweepPlan
from energy.characterize.table import TEXTS
from energy.report.setups import volts
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import engineering, significant
from energy.uncertainty.rounding import figure_text

_FIGURES = {
    "joule_per_inference": ("energy/inference", "J"),
    "inferences_per_second": ("inf/s", ""),
    "power_w": ("power", "W"),
    "net_joule_per_inference": ("above idle", "J"),
    "performance_inferences_per_second": ("inf/s performance", ""),
    "accuracy": ("accuracy", ""),
    "idle_w": ("idle", "W"),
    "sleep_w": ("asleep", "W"),
    "wake_up_j": ("wake-up", "J"),
    "flash_bytes": ("flash bytes", ""),
    "ram_bytes": ("RAM bytes", ""),
}
"""Headings and units of the figures that are shown, where they are known."""


def sweep_table(rows: Sequence[Mapping[str, Any]], plan: SweepPlan) -> Table:
    """The rows as a table for people: the axes, the figures with their uncertainty, the verdict."""
    axes, shown = varied(plan), _shown(rows)
    fixed = [axis_text(name, part.values[0]) for name, part in plan.axes.items() if name not in axes]
    columns = ["point", *map(axis_heading, axes), *(["repeat"] if plan.repeats > 1 else [])]
    headings = [_FIGURES[name][0] for name in shown]
    table = Table(", ".join([f"Sweep {plan.name}", *fixed]), [*columns, *headings, "verdict"])
    last = len(table.columns) - 1
    table.text = [*(place + 1 for place, name in enumerate(axes) if name in TEXTS), last]
    first = list(range(len(columns) + 1))
    rest = list(range(len(columns) + 1, last))
    table.parts = [[*first, last], *([0, *rest[at : at + 3]] for at in range(0, len(rest), 3))]
    for row in rows:
        cells = [("VIRTUAL " if row["virtual"] else "") + str(row["point"])]
        cells += [axis_text(name, row[name]) for name in axes]
        cells += [str(row["repeat"])] if plan.repeats > 1 else []
        table.rows.append([*cells, *(figure_cell(name, row) for name in shown), _verdict(row)])
    return table


def column_keys(rows: Sequence[Mapping[str, Any]], plan: SweepPlan) -> list[str]:
    """The keys of a row that stand in the columns of ``sweep_table``, in their order."""
    repeat = ["repeat"] if plan.repeats > 1 else []
    return ["point", *varied(plan), *repeat, *_shown(rows), "verdict"]


def _shown(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The figures that are known of any row."""
    return [name for name in _FIGURES if any(row.get(name) is not None for row in rows)] or [FIGURES[0]]


def varied(plan: SweepPlan) -> list[str]:
    """The axes with several values; the workload where there is no other."""
    return [name for name, part in plan.axes.items() if len(part.values) > 1] or ["workload"]


def axis_heading(axis: str) -> str:
    """An axis as a heading."""
    return {
        "voltage_v": "voltage",
        "clock_hz": "clock",
        "temperature_c": "temperature",
        "window_s": "window",
    }.get(axis, axis)


def axis_text(name: str, value: Any) -> str:
    """A value of an axis with its unit: ``1.8 V``, ``80 MHz``."""
    if isinstance(value, str):
        return value
    if name == "voltage_v":
        return volts(value)
    if name == "clock_hz":
        return engineering(value, "Hz", 3)
    unit = {"temperature_c": " °C", "window_s": " s"}.get(name, "")
    return f"{number_text(value)}{unit}"


def figure_cell(name: str, row: Mapping[str, Any]) -> str:
    """A figure of a row with its uncertainty, as text."""
    unit, value, expanded = _FIGURES[name][1], row.get(name), row.get(f"{name}_u95")
    if value is None:
        return NOT_KNOWN
    if name == "accuracy":
        return f"{value:.4f}"
    if expanded:
        return figure_text(value, expanded, unit)
    return engineering(value, unit) if unit else significant(value)


def _verdict(row: Mapping[str, Any]) -> str:
    why = row["error"].partition(":")[0] or row["findings"]
    return f"{row['verdict']}: {why}" if why and row["verdict"] != "valid" else row["verdict"]


def plan_table(sweep: Sweep, forecast: Forecast, points: Sequence[Point]) -> Table:
    """Points of a plan in the order in which they are measured, with the time that each takes."""
    axes = varied(sweep.plan)
    repeats = ["repeat"] if sweep.plan.repeats > 1 else []
    table = Table(f"Points of {sweep.plan.name}", ["point", *map(axis_heading, axes), *repeats, "time"])
    table.text = [place + 1 for place, name in enumerate(axes) if name in TEXTS]
    for point in points:
        cells = [str(point.number), *(axis_text(name, point.values[name]) for name in axes)]
        cells += [str(point.repeat)] if repeats else []
        table.rows.append([*cells, duration_text(forecast.point_s(point))])
    return table


def duration_text(seconds: float) -> str:
    """A time as a person reads it: ``45 s``, ``3 min 48 s``, ``12 min``, ``3 h 05 min``."""
    whole = math.ceil(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def best_lines(plan: SweepPlan, best: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each workload: the operating point with the lowest energy per inference."""
    axes = [name for name in varied(plan) if name != "workload"]
    lines: list[str] = []
    for row in best:
        at = ", ".join(axis_text(name, row[name]) for name in axes) or f"point {row['point']}"
        cost = figure_cell(FIGURES[0], row)
        lines.append(f"{row['workload']}: lowest energy per inference at {at}: {cost}")
    return lines
