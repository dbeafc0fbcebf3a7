"""Phases of inferences as a table and as bars: energy, time, power, energy-delay product."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from energy.characterize.phase_run import PhasesOutcome, medians
from energy.characterize.phases import PhasedWindow
from energy.printable import for_figure
from energy.report.figures.style import EDGE, FLAW, INK, LINE, WINDOW
from energy.report.setups import setup_line
from energy.report.table import Table
from energy.report.units import engineering
from energy.uncertainty.rounding import figure_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"mark": "#8a97a0", "pre-processing": WINDOW, "network": LINE, "post-processing": EDGE}
_TITLE_WIDTH = 100
_LABELLED = 0.06
"""Smallest share whose bar holds a text."""


def phases_table(windows: Sequence[PhasedWindow]) -> Table:
    """A table with a row per phase of an inference: medians over the windows that could be divided.

    Energies stand with the largest error that the borders of the phases may make.
    """
    table = Table(
        title="Phases of an inference",
        columns=["phase", "energy", "time", "power", "EDP", "share"],
        text=(0,),
        parts=([0, 1, 2], [0, 3, 4, 5]),
    )
    rows = medians(windows)
    for row in rows:
        table.rows.append(
            [
                row["part"],
                figure_text(row["energy_j"], row["bound_j"], "J"),
                engineering(row["time_s"], "s"),
                engineering(row["power_w"], "W"),
                engineering(row["edp_js"], "J s"),
                f"{row['share'] * 100:.3f} %",
            ]
        )
    if rows:
        energy_j, time_s = (sum(row[key] for row in rows) for key in ("energy_j", "time_s"))
        table.footer.append(
            [
                "all",
                engineering(energy_j, "J"),
                engineering(time_s, "s"),
                engineering(energy_j / time_s, "W"),
                engineering(energy_j * time_s, "J s"),
                "100 %",
            ]
        )
    return table


def divided_line(windows: Sequence[PhasedWindow]) -> str:
    """How many windows could be divided, and how many inferences they hold, in a line."""
    divided = [row for row in windows if row.parts]
    count = sum(row.iterations for row in divided)
    return f"{len(divided)} of {len(windows)} windows divided, {count} inferences; ±: by the phases' borders"


def draw_phases(outcome: PhasesOutcome) -> Figure:
    """Draws energy and time of an inference, each as a bar of its phases.

    Args:
        outcome: A measurement of phases.

    Returns:
        A figure of 11 x 4 inch, not yet written anywhere.
    """
    from energy.report.figures.shown import ShownFigure

    rows = medians(outcome.windows)
    figure = ShownFigure(figsize=(11, 4), layout="constrained")
    axes = figure.add_subplot()
    title = f"Phases of an inference · {outcome.plan.workload.id} · {setup_line(outcome.setup)}"
    lines = textwrap.wrap(f"{'VIRTUAL · ' if outcome.virtual else ''}{title}", _TITLE_WIDTH)
    figure.suptitle(for_figure("\n".join(lines)), fontsize=12, color=INK)
    for place, (key, unit) in enumerate((("energy_j", "J"), ("time_s", "s"))):
        total, begin = sum(row[key] for row in rows) or 1.0, 0.0
        for row in rows:
            part = row[key] / total * 100
            axes.barh(place, part, left=begin, height=0.55, color=_COLOURS[row["part"]],
                      label=row["part"] if place == 0 else None)  # fmt: skip
            if part > _LABELLED * 100:
                text = f"{engineering(row[key], unit)}\n{part:.1f} %"
                axes.text(begin + part / 2, place, text, ha="center", va="center", fontsize=9, color="white")
            begin += part
    axes.set_yticks([0, 1], ["energy", "time"])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("part of an inference (%)")
    axes.spines[["top", "right"]].set_visible(False)
    if rows:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(rows), frameon=False)
    else:
        axes.text(50, 0.5, "no window could be divided", ha="center", va="center", color=FLAW)
    if outcome.virtual:
        figure.text(0.5, 0.5, "VIRTUAL", fontsize=60, color=FLAW, alpha=0.10, ha="center", va="center",
                    rotation=8, weight="bold")  # fmt: skip
    return figure
