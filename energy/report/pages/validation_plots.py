"""Plots of a validation: what is recomputed beside what is printed, and energy over latency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from energy.report.pages.colours import COLOURS, OTHER_COLOUR
from energy.report.pages.parts import Plot, plot_text
from energy.report.pages.validation_benchmark import anchor_of
from energy.report.validation_rows import Row
from energy.runs.printed import FigureCheck

_PANELS = (
    ("energy", "median energy", "printed energy per inference, µJ"),
    ("performance", "median throughput", "printed inferences per second"),
)
_AGREE = {"color": "--c1", "size": 8, "symbol": "circle"}
_DIFFER = {"color": "--error", "size": 11, "symbol": "x"}


def difference_plot(rows: Sequence[Row]) -> Plot | None:
    """By how much each recomputed median differs from the printed one, in percent; None without any."""
    data: list[dict[str, Any]] = []
    counts = 0
    for number, (mode, name, _) in enumerate(_PANELS):
        found = [
            (place, row, figure) for place, row in enumerate(rows) if (figure := _figure(row, mode, name))
        ]
        counts += len(found)
        axes = {"xaxis": f"x{number + 1 if number else ''}", "yaxis": f"y{number + 1 if number else ''}"}
        for agrees, marker in ((True, _AGREE), (False, _DIFFER)):
            members = [
                (place, row, figure) for place, row, figure in found if (figure.agrees is True) is agrees
            ]
            if members:
                words = "as printed" if agrees else "differs"
                data.append({**_trace(members), **axes, "name": words, "legendgroup": words, "marker": marker,
                             "showlegend": not any(trace["name"] == words for trace in data)})  # fmt: skip
    if not counts:
        return None
    layout: dict[str, Any] = {
        "grid": {"rows": 1, "columns": 2, "pattern": "independent", "xgap": 0.14},
        "legend": {"orientation": "h", "y": 1.14, "x": 0},
    }
    for number, (_, _, title) in enumerate(_PANELS):
        suffix = str(number + 1) if number else ""
        layout[f"xaxis{suffix}"] = {"type": "log", "dtick": 1, "title": {"text": title}}
        layout[f"yaxis{suffix}"] = {"zeroline": True}
    layout["yaxis"]["title"] = {"text": "recomputed less printed, %"}
    return Plot(
        "differences",
        "By how much each recomputed median differs from the printed one, in percent of it: energy per "
        "inference at the left, inferences per second at the right.",
        data,
        layout,
        caption="A point at zero is recomputed as it was printed. A click leads to the benchmark. The table "
        "above has the same figures; its filters hold here, too.",
        script="benchmarks",
        height=360,
    )


def _figure(row: Row, mode: str, name: str) -> FigureCheck | None:
    run = row.folder.run(mode)
    figure = run.figure(name) if run else None
    if figure is None or _number(figure.recomputed) is None or not _number(figure.printed):
        return None
    return figure


def _trace(members: Sequence[tuple[int, Row, FigureCheck]]) -> dict[str, Any]:
    printed = [float(figure.printed) for _, _, figure in members]
    ours = [float(figure.recomputed or "nan") for _, _, figure in members]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": printed,
        "y": [100.0 * (value / other - 1.0) for value, other in zip(ours, printed, strict=True)],
        "customdata": [anchor_of(place) for place, _, _ in members],
        "text": [
            plot_text(row.folder.name, f"printed {figure.printed} {figure.unit}",
                        f"recomputed {figure.recomputed} {figure.unit}")
            for _, row, figure in members
        ],
        "hoverinfo": "text",
    }  # fmt: skip


def energy_plot(rows: Sequence[Row]) -> Plot | None:
    """Energy per inference over latency of the benchmarks; None where none has both."""
    by: dict[str, list[tuple[int, Row, float, float]]] = {}
    for place, row in enumerate(rows):
        energy, rate = _number(row.energy) or _number(row.printed), _number(row.throughput)
        if energy and rate and energy > 0 and rate > 0:
            benchmark = row.folder.benchmark.rstrip("0123456789")
            by.setdefault(benchmark, []).append((place, row, energy * 1e-6, 1.0 / rate))
    if not by:
        return None
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": plot_text(benchmark),
            "x": [latency for _, _, _, latency in members],
            "y": [energy for _, _, energy, _ in members],
            "customdata": [anchor_of(place) for place, _, _, _ in members],
            "text": [
                _hover(row)
                for _, row, _, _ in members
            ],
            "hoverinfo": "text",
            "marker": {
                "color": COLOURS.get(benchmark, OTHER_COLOUR),
                "opacity": 1,
                "size": [12 if row.grade == "error" else 9 for _, row, _, _ in members],
                "symbol": ["x" if row.grade == "error" else "circle" for _, row, _, _ in members],
            },
        }
        for benchmark, members in by.items()
    ]  # fmt: skip
    return Plot(
        "energies",
        "Energy per inference over latency of the benchmarks, both logarithmic.",
        data,
        {
            "xaxis": {"title": {"text": "Latency"}, "ticksuffix": "s", **_LOG},
            "yaxis": {"title": {"text": "Energy per inference"}, "ticksuffix": "J", **_LOG},
            "legend": {"orientation": "h", "y": 1.1, "x": 0},
        },
        caption="Recomputed energies, else printed ones. A cross: errors were found.",
        script="benchmarks",
        height=440,
    )  # fmt: skip


_LOG = {"type": "log", "tickformat": "~s", "nticks": 6}


def _hover(row: Row) -> str:
    virtual = "VIRTUAL" if row.folder.virtual else ""
    figures = f"energy {row.energy} µJ, printed {row.printed}", f"{row.throughput} inf/s"
    return plot_text(virtual, row.folder.name, *figures, ", ".join(row.codes))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
