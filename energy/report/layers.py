"""Layers of a network as a table and as bars: energy, time, energy per multiply-accumulate."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from energy.characterize.layer_figures import Attribution, LayerFigures
from energy.characterize.layers import LayersOutcome
from energy.printable import for_figure
from energy.report.figures.style import FLAW, INK, LINE, WINDOW
from energy.report.setups import setup_line
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import prefixed, scale_for, significant
from energy.uncertainty.rounding import figure_text, two_digits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLE_WIDTH = 100
_LEAST = 0.001
"""Smallest share that stands in the picture."""


def layers_table(figures: Attribution) -> Table:
    """A table with a row per layer; sum and whole network in the footer.

    Energies stand with their expanded uncertainty (95 %). Where sum and whole differ, there are no shares.
    """
    table = Table(
        title="Layers, each alone",
        columns=["layer", "MACs", "bytes", "time ms", "µJ ± U", "share", "pJ/MAC"],
        text=(0,),
        parts=([0, 3, 4, 5], [0, 1, 2, 6]),
    )
    for row in figures.layers:
        share = figures.share(row)
        table.rows.append(
            [
                _name(row),
                str(row.layer.macs) if row.layer else NOT_KNOWN,
                str(row.layer.parameter_bytes) if row.layer else NOT_KNOWN,
                significant(row.time_s * 1e3, 5),
                figure_text(row.energy_j * 1e6, row.u_energy_j * 1e6, ""),
                NOT_KNOWN if share is None else f"{share * 100:.2f} %",
                NOT_KNOWN if row.joule_per_mac is None else significant(row.joule_per_mac * 1e12, 5),
            ]
        )
    macs = sum(row.layer.macs for row in figures.layers if row.layer)
    size = sum(row.layer.parameter_bytes for row in figures.layers if row.layer)
    time_s = sum(row.time_s for row in figures.layers)
    for name, energy_j, u_j, seconds in (
        ("sum", figures.sum_j, figures.u_sum_j, time_s),
        ("whole network", figures.whole.energy_j, figures.whole.u_energy_j, figures.whole.time_s),
    ):
        table.footer.append(
            [
                name,
                str(macs),
                str(size),
                significant(seconds * 1e3, 5),
                figure_text(energy_j * 1e6, u_j * 1e6, ""),
                "100 %" if name == "sum" and figures.agrees else "",
                significant(energy_j / macs * 1e12, 5) if macs else NOT_KNOWN,
            ]
        )
    return table


def attribution_line(figures: Attribution) -> str:
    """Whether the layers make up the whole network, in a line."""
    whole_j = figures.whole.energy_j
    part = f" ({figures.difference_j / whole_j:+.2%})" if whole_j else ""
    difference = figure_text(figures.difference_j * 1e6, figures.u_difference_j * 1e6, "")
    verdict = "within" if figures.agrees else "beyond"
    return (
        f"sum minus whole: {difference} µJ{part}, {verdict} the uncertainty of "
        f"{two_digits(figures.allowed_j * 1e6)[0]:f} µJ"
        + ("" if figures.agrees else ": energy is not attributed to layers")
    )


def draw_layers(outcome: LayersOutcome) -> Figure:
    """Draws energy and energy per multiply-accumulate of each layer as bars.

    Args:
        outcome: A measurement of layers.

    Returns:
        A figure 11 inch wide, not yet written anywhere.
    """
    import matplotlib as mpl

    from energy.report.figures.shown import ShownFigure

    figures = outcome.figures
    with mpl.rc_context(
        {"font.size": 10, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK,
         "axes.spines.top": False, "axes.spines.right": False}
    ):  # fmt: skip
        height = 2.4 + 0.3 * len(figures.layers)
        figure = ShownFigure(figsize=(11, height), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
        _draw_energy(left, figures)
        _draw_cost(right, figures)
        title = f"{outcome.plan.workload.id}, layer by layer · {setup_line(outcome.setup)}"
        lines = [f"{'VIRTUAL · ' if outcome.virtual else ''}{title}", attribution_line(figures)]
        lines = [part for line in lines for part in textwrap.wrap(line, _TITLE_WIDTH)]
        figure.suptitle(for_figure("\n".join(lines)), fontsize=12)
        if outcome.virtual:
            figure.text(0.5, 0.45, "VIRTUAL", fontsize=80, color=FLAW, alpha=0.10, ha="center", va="center",
                        rotation=12, weight="bold")  # fmt: skip
    return figure


def _draw_energy(axes: Axes, figures: Attribution) -> None:
    rows = figures.layers
    power = scale_for(max(row.energy_j for row in rows))
    factor = 10.0**-power
    places = range(len(rows))
    axes.barh(places, [row.energy_j * factor for row in rows], color=LINE, height=0.7)
    axes.errorbar(
        [row.energy_j * factor for row in rows],
        list(places),
        xerr=[row.u_energy_j * factor for row in rows],
        fmt="none",
        ecolor=INK,
        elinewidth=1.2,
        capsize=2.5,
    )
    room = max((row.energy_j + row.u_energy_j) * factor for row in rows)
    for place, row in zip(places, rows, strict=True):
        share = figures.share(row)
        end = (row.energy_j + row.u_energy_j) * factor + 0.01 * room
        axes.text(end, place, "" if share is None else _percent(share), va="center", fontsize=8.5)
    axes.set_yticks(list(places), [for_figure(_name(row)) for row in rows], fontsize=9)
    axes.set_xlim(0, room * 1.12)
    axes.invert_yaxis()
    axes.set_xlabel(f"energy ({prefixed(power, 'J')}), bars: 95 %")


def _draw_cost(axes: Axes, figures: Attribution) -> None:
    rows = figures.layers
    costs = [(row.joule_per_mac or 0.0) * 1e12 for row in rows]
    axes.barh(range(len(rows)), costs, color=WINDOW, height=0.7)
    room = max(costs)
    for place, (row, cost) in enumerate(zip(rows, costs, strict=True)):
        if row.joule_per_mac is not None:
            axes.text(cost + 0.01 * room, place, significant(cost, 4), va="center", fontsize=8.5)
        else:
            axes.text(0.01 * room, place, "no MACs", va="center", fontsize=8.5, alpha=0.7)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, room * 1.18 if room else 1.0)
    axes.set_xlabel("energy per multiply-accumulate (pJ)")


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if share >= _LEAST else f"< {_LEAST * 100:g} %"


def _name(row: LayerFigures) -> str:
    return "whole network" if row.layer is None else f"{row.layer.index} {row.layer.operator}"
