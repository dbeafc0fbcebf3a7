"""Plots of operating points in a page: energy over an axis, energy against latency with front and optimum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from energy.characterize.points import FIGURES
from energy.characterize.table import lowest
from energy.report.chart import front
from energy.report.pages.parts import Plot, plot_text
from energy.report.sweeps import axis_heading, axis_text, figure_cell
from energy.report.units import prefixed, scale_for
from energy.uncertainty.rounding import prefix_for

_COST, _U = FIGURES[0], f"{FIGURES[0]}_u95"
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "pentagon", "hexagon")
_MOST_GROUPS = 24
_POWERS_W = tuple(10.0**power for power in range(-6, 3))
_UNITS = {"voltage_v": "V", "clock_hz": "Hz", "temperature_c": "°C", "window_s": "s"}


def axis_plot(rows: Sequence[Mapping[str, Any]], axis: str, others: Sequence[str]) -> Plot | None:
    """Energy per inference over an axis, a panel a workload, a line for each combination of the other axes.

    Args:
        rows: Rows of the sweep with an energy.
        axis: The axis.
        others: The other axes that vary.
    """
    if len({row[axis] for row in rows}) < 2:
        return None
    numeric = not any(isinstance(row[axis], str) for row in rows)
    scale = scale_for(max(abs(row[axis]) for row in rows)) if numeric and axis == "clock_hz" else 0
    unit, heading = prefixed(scale, _UNITS.get(axis, "")), axis_heading(axis)
    by = [name for name in others if name != "workload"]
    colours = {name: place for place, name in enumerate(_grouped(rows, by))}
    panels = _grouped(rows, ["workload"])
    layout: dict[str, Any] = {
        "grid": {"rows": 1, "columns": len(panels), "pattern": "independent", "xgap": 0.16},
        "showlegend": len(colours) > 1,
        "legend": {"orientation": "h", "y": -0.25},
        "annotations": [],
    }
    data: list[dict[str, Any]] = []
    for place, (workload, members) in enumerate(panels.items()):
        number = str(place + 1) if place else ""
        power = _joule_power(members)
        kind = {} if numeric else {"type": "category"}
        layout[f"xaxis{number}"] = {
            "title": {"text": plot_text(f"{heading} ({unit})" if unit else heading)},
            **kind,
        }
        layout[f"yaxis{number}"] = {
            "title": {"text": f"energy per inference ({prefixed(power, 'J')})"},
            "rangemode": "tozero",
            "exponentformat": "none",
        }
        layout["annotations"].append(_heading_of(workload, number))
        for name, group in _grouped(members, by).items():
            line = _line(sorted(group, key=lambda row: row[axis]) if numeric else group, axis, power, scale)
            style = _style(colours[name])
            legend = {"legendgroup": name, "showlegend": plot_text(name) not in _names(data)}
            data.append(
                {
                    **line,
                    **style,
                    **legend,
                    "name": plot_text(name),
                    "xaxis": f"x{number}",
                    "yaxis": f"y{number}",
                }
            )
    label = f"Energy per inference over {heading}, {len(rows)} points; bars: expanded uncertainty (95 %)."
    return Plot(f"over-{_id(axis)}", label, data, layout, height=400)


def _joule_power(rows: Sequence[Mapping[str, Any]]) -> int:
    """The power of ten of the unit in which the energies of the page are read."""
    return round(math.log10(prefix_for(max(abs(row[_COST]) for row in rows), "J")[0]))


def _heading_of(workload: str, number: str) -> dict[str, Any]:
    where = {"xref": f"x{number} domain", "yref": f"y{number} domain", "x": 0.5, "y": 1.0}
    return {
        **where,
        "xanchor": "center",
        "yanchor": "bottom",
        "text": plot_text(workload),
        "showarrow": False,
    }


def _names(data: Sequence[Mapping[str, Any]]) -> set[str]:
    return {str(of["name"]) for of in data}


def _style(place: int) -> dict[str, Any]:
    colour = f"--c{place % 8 + 1}"
    marker = {"color": colour, "size": 8, "symbol": _SYMBOLS[place % len(_SYMBOLS)]}
    return {"line": {"color": colour, "width": 1.5}, "marker": marker}


def latency_plot(rows: Sequence[Mapping[str, Any]], axes: Sequence[str]) -> Plot | None:
    """Energy per inference against latency, both logarithmic, with the front and lines of equal power.

    Args:
        rows: Rows of the sweep with an energy.
        axes: The axes that vary, to name the points.
    """
    known = [row for row in rows if (row.get("latency_s") or 0) > 0 and (row.get(_COST) or 0) > 0]
    if not known:
        return None
    e_power, t_power = _joule_power(known), scale_for(max(row["latency_s"] for row in known))
    data: list[dict[str, Any]] = []
    fronts = 0
    for place, (name, members) in enumerate(_grouped(known, ["workload"]).items()):
        colour = f"--c{place % 8 + 1}"
        symbols = ["circle" if row["verdict"] == "valid" else "x-thin-open" for row in members]
        marker = {"color": colour, "size": 9, "symbol": symbols, "line": {"color": colour, "width": 1.5}}
        data.append({**_cloud(members, axes, e_power, t_power), "name": plot_text(name), "marker": marker})
        valid = [row for row in members if row["verdict"] == "valid"]
        on = [valid[n] for n in front((row["latency_s"], row[_COST], n) for n, row in enumerate(valid))]
        fronts += len(on)
        if len(on) > 1:
            line = {"color": colour, "width": 1, "shape": "hv", "dash": "dot"}
            drawn = {**_cloud(on, axes, e_power, t_power), "mode": "lines", "line": line, "hoverinfo": "skip"}
            data.append({**drawn, "name": plot_text(f"front, {name}"), "error_y": {"visible": False}})
    best = lowest(known)
    star = {"symbol": "star-open", "size": 18, "color": "--ink"}
    marked = {**_cloud(best, axes, e_power, t_power), "marker": star, "hoverinfo": "skip"}
    data.append({**marked, "name": "lowest energy", "error_y": {"visible": False}})
    data += _equal_power(known, e_power, t_power)
    across, up = (
        _log_axis(_box(known, key, power)) for key, power in (("latency_s", t_power), (_COST, e_power))
    )
    layout = {
        "xaxis": {"title": {"text": f"latency ({prefixed(t_power, 's')})"}, **across},
        "yaxis": {"title": {"text": f"energy per inference ({prefixed(e_power, 'J')})"}, **up},
        "legend": {"orientation": "h", "y": -0.2},
    }
    label = (
        f"Energy per inference against latency of {len(known)} points, {fronts} of them on the front; "
        "dotted: front of each workload; star: lowest energy; thin lines: equal power."
    )
    return Plot("energy-latency", label, data, layout, height=520)


def _id(axis: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in axis)


def _grouped(rows: Sequence[Mapping[str, Any]], by: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    """Rows by the values of some columns; beyond ``_MOST_GROUPS`` groups, by the first column alone."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(", ".join(axis_text(name, row[name]) for name in by) or "all", []).append(row)
    return groups if len(groups) <= _MOST_GROUPS or len(by) < 2 else _grouped(rows, by[:1])


def _line(rows: Sequence[Mapping[str, Any]], axis: str, power: int, scale: int) -> dict[str, Any]:
    values = [
        row[axis] / 10.0**scale if isinstance(row[axis], int | float) else plot_text(row[axis])
        for row in rows
    ]
    return {
        "x": values,
        "y": [row[_COST] / 10.0**power for row in rows],
        "mode": "lines+markers",
        "error_y": _bars(rows, power),
        "text": [f"{plot_text(_of(row))}<br>{figure_cell(_COST, row)}" for row in rows],
        "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
    }


def _cloud(
    rows: Sequence[Mapping[str, Any]], axes: Sequence[str], e_power: int, t_power: int
) -> dict[str, Any]:
    return {
        "x": [row["latency_s"] / 10.0**t_power for row in rows],
        "y": [row[_COST] / 10.0**e_power for row in rows],
        "mode": "markers",
        "error_y": _bars(rows, e_power),
        "text": [f"{_label(row, axes)}<br>{figure_cell(_COST, row)}, {row['verdict']}" for row in rows],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _of(row: Mapping[str, Any]) -> str:
    return f"point {row['point']}, {row['verdict']}"


def _label(row: Mapping[str, Any], axes: Sequence[str]) -> str:
    """A point's number and its values on the axes."""
    values = ", ".join(axis_text(name, row[name]) for name in axes)
    return plot_text(f"point {row['point']}: {values}")


def _bars(rows: Sequence[Mapping[str, Any]], power: int) -> dict[str, Any]:
    bars = [(row.get(_U) or 0.0) / 10.0**power for row in rows]
    return {"type": "data", "array": bars, "visible": any(bars), "thickness": 1, "width": 4}


def _box(rows: Sequence[Mapping[str, Any]], key: str, power: int) -> list[float]:
    """The range of a logarithmic axis, as exponents of ten, with room around the points."""
    values = [row[key] / 10.0**power for row in rows]
    return [math.log10(min(values) / 2.0), math.log10(max(values) * 2.0)]


def _log_axis(box: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis with plain numbers at 1, 2 and 5 of each decade; in a wide range at 1 only."""
    steps = (1.0,) if box[1] - box[0] > 3 else (1.0, 2.0, 5.0)
    decades = range(math.floor(box[0]), math.ceil(box[1]) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    return {
        "type": "log",
        "range": list(box),
        "tickvals": ticks,
        "ticktext": [f"{tick:.12g}" for tick in ticks],
    }


def _equal_power(rows: Sequence[Mapping[str, Any]], e_power: int, t_power: int) -> list[dict[str, Any]]:
    """Lines of equal power inside the box of the points, each named where it leaves the box."""
    (left, right), (low, high) = (
        [10.0 ** (end + power) for end in _box(rows, key, power)]
        for key, power in (("latency_s", t_power), (_COST, e_power))
    )
    data: list[dict[str, Any]] = []
    for watt in _POWERS_W:
        start, stop = max(left, low / watt), min(right, high / watt)
        if start >= stop:
            continue
        scale = scale_for(watt)
        at = stop / 1.06
        line = {"mode": "lines+text", "line": {"color": "--rule", "width": 1}, "hoverinfo": "skip"}
        data.append(
            {
                **line,
                "x": [time / 10.0**t_power for time in (start, at, stop)],
                "y": [watt * time / 10.0**e_power for time in (start, at, stop)],
                "text": ["", f"{watt / 10.0**scale:g} {prefixed(scale, 'W')}", ""],
                "textposition": "bottom left",
                "textfont": {"size": 11, "color": "--dim"},
                "showlegend": False,
            }
        )
    return data
