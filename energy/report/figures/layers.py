"""The figure of a network's layers: energy, and energy per multiply-accumulate, of each as bars."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from typing import TYPE_CHECKING

from energy.characterize.layer_figures import Attribution
from energy.characterize.layers import LayersOutcome
from energy.evidence.scope_text import scope_line
from energy.printable import for_figure
from energy.report.figures.axes import si_axis
from energy.report.figures.style import (
    INK,
    LINE,
    SCREEN_IN,
    WINDOW,
    Sizes,
    add_footer,
    add_title,
    house_style,
    new_figure,
    room_in,
    text_width_pt,
)
from energy.report.layers import attribution_line, layer_name
from energy.report.setups import setup_line
from energy.report.units import significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEAST = 0.001
"""Smallest share that stands in the figure."""
_ROW = 1.9
"""Height of a layer's row, in sizes of its text."""


def draw_layers(outcome: LayersOutcome, *, width_in: float = SCREEN_IN) -> Figure:
    """Draws energy and energy per multiply-accumulate of each layer as bars, in a column below each other.

    Args:
        outcome: A measurement of layers.
        width_in: Width of the figure.
    """
    figures = outcome.figures
    title = f"{outcome.plan.workload.id}, layer by layer · {setup_line(outcome.setup)}"
    texts = [title, attribution_line(figures)]
    notes = ["bars: 95 %", scope_line(outcome.setup.scope)]
    below = width_in < 5
    with house_style(width_in) as size:
        panel_in = max(len(figures.layers), 2) * size.text * _ROW / 72 + size.text * 4 / 72
        height_in = panel_in * (2 if below else 1) + room_in(width_in, texts, notes)
        figure = new_figure(width_in, height_in)
        if below:
            left, right = figure.subplots(2, 1)
        else:
            left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
        _draw_energy(left, figures, size, width_in * (0.65 if below else 0.42))
        _draw_cost(right, figures, size, width_in * (0.65 if below else 0.33))
        if below:
            right.set_yticks(range(len(figures.layers)), _names(figures))
            right.invert_yaxis()
        add_title(figure, texts, virtual=outcome.virtual)
        add_footer(figure, notes)
    return figure


def _names(figures: Attribution) -> list[str]:
    return [for_figure(layer_name(row)) for row in figures.layers]


def _draw_energy(axes: Axes, figures: Attribution, size: Sizes, width_in: float) -> None:
    rows = figures.layers
    places = list(range(len(rows)))
    axes.barh(places, [row.energy_j for row in rows], color=LINE, height=0.7)
    axes.errorbar(
        [row.energy_j for row in rows],
        places,
        xerr=[row.u_energy_j for row in rows],
        fmt="none",
        ecolor=INK,
        elinewidth=size.line,
        capsize=size.text / 4,
    )
    shares = [figures.share(row) for row in rows]
    texts = ["" if share is None else _percent(share) for share in shares]
    ends = [row.energy_j + row.u_energy_j for row in rows]
    _label(axes, ends, texts, size, width_in)
    axes.set_yticks(places, _names(figures))
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    si_axis(axes, "x", "energy", "J")


def _draw_cost(axes: Axes, figures: Attribution, size: Sizes, width_in: float) -> None:
    rows = figures.layers
    costs = [row.joule_per_mac or 0.0 for row in rows]
    axes.barh(range(len(rows)), costs, color=WINDOW, height=0.7)
    axes.set_xlim(0, (max(costs, default=0.0) or 1.0) * 1.4)
    power = si_axis(axes, "x", "energy per multiply-accumulate", "J")
    texts = [
        "no MACs" if row.joule_per_mac is None else significant(row.joule_per_mac / 10.0**power, 4)
        for row in rows
    ]
    _label(axes, costs, texts, size, width_in)
    axes.tick_params(axis="y", length=0)


def _label(axes: Axes, ends: list[float], texts: list[str], size: Sizes, width_in: float) -> None:
    """Writes a text behind each bar, and makes the axis so long that all fit."""
    widest_pt = max((text_width_pt(text, size.small) for text in texts), default=0.0) + 6
    longest = max(ends, default=0.0) or 1.0
    axes.set_xlim(0, longest / (1 - min(widest_pt / (width_in * 72), 0.6)))
    for place, (end, text) in enumerate(zip(ends, texts, strict=True)):
        axes.annotate(
            text, (end, place), (3, 0), textcoords="offset points", va="center", fontsize=size.small
        )


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if share >= _LEAST else f"< {_LEAST * 100:g} %"
