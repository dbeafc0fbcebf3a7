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


def sweep_table(rows: Sequence[Mapping[str, Any]], plan: SweepPlan) -> Table:
    """The rows as a table for people: the axes, the figures with their uncertainty, the verdict."""
    axes = [name for name in plan.axes if len(plan.axes[name].values) > 1 or name == "workload"]
    modes = plan.modes
    columns = ["point", *axes]
    columns += ["repeat"] if plan.repeats > 1 else []
    figures = ["energy/inference", "inf/s", "power"] if "energy" in modes else []
    figures += ["above idle"] if any(row.get("net_joule_per_inference") for row in rows) else []
    figures += ["inf/s performance"] if "performance" in modes else []
    figures += ["accuracy"] if "accuracy" in modes else []
    table = Table(f"Sweep {plan.name}", [*columns, *figures, "verdict"])
    table.text = [len(columns) + len(figures)]
    table.text = [*(place + 1 for place, name in enumerate(axes) if name in TEXTS), *table.text]
    for row in rows:
        cells = [("VIRTUAL " if row["virtual"] else "") + str(row["point"])]
        cells += [axis_text(name, row[name]) for name in axes]
        cells += [str(row["repeat"])] if plan.repeats > 1 else []
        table.rows.append([*cells, *(_figure(name, row) for name in figures), _verdict(row)])
    return table


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


def _figure(heading: str, row: Mapping[str, Any]) -> str:
    if heading == "inf/s performance":
        value = row["performance_inferences_per_second"]
        return NOT_KNOWN if value is None else significant(value)
    if heading == "accuracy":
        return NOT_KNOWN if row["accuracy"] is None else f"{row['accuracy']:.4f}"
    name, unit = {
        "energy/inference": (FIGURES[0], "J"),
        "inf/s": (FIGURES[1], ""),
        "power": (FIGURES[2], "W"),
        "above idle": (FIGURES[3], "J"),
    }[heading]
    value, expanded = row[name], row[f"{name}_u95"]
    if value is None:
        return NOT_KNOWN
    if expanded:
        return figure_text(value, expanded, unit)
    return engineering(value, unit) if unit else significant(value)


def _verdict(row: Mapping[str, Any]) -> str:
    why = row["error"].partition(":")[0] or row["findings"]
    return f"{row['verdict']}: {why}" if why and row["verdict"] != "valid" else row["verdict"]


def plan_table(sweep: Sweep, forecast: Forecast, points: Sequence[Point]) -> Table:
    """Points of a plan in the order in which they are measured, with the time that each takes."""
    axes = list(sweep.plan.axes)
    repeats = ["repeat"] if sweep.plan.repeats > 1 else []
    table = Table(f"Points of {sweep.plan.name}", ["point", *axes, *repeats, "time"])
    table.text = [place + 1 for place, name in enumerate(axes) if name in TEXTS]
    for point in points:
        cells = [str(point.number), *(axis_text(name, point.values[name]) for name in axes)]
        cells += [str(point.repeat)] if repeats else []
        table.rows.append([*cells, duration_text(forecast.point_s(point))])
    return table


def duration_text(seconds: float) -> str:
    """A time as a person reads it: ``45 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def best_lines(plan: SweepPlan, best: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each workload: the operating point with the lowest energy per inference."""
    axes = [name for name in plan.axes if len(plan.axes[name].values) > 1 and name != "workload"]
    lines: list[str] = []
    for row in best:
        at = ", ".join(axis_text(name, row[name]) for name in axes) or f"point {row['point']}"
        cost = _figure("energy/inference", row)
        lines.append(f"{row['workload']}: lowest energy per inference at {at}: {cost}")
    return lines
