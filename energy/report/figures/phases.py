"""The figure of the phases of an inference: energy and time, each as a bar of its phases."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from typing import TYPE_CHECKING

from energy.characterize.phase_run import PhasesOutcome, medians
from energy.evidence.scope_text import scope_line
from energy.report.figures.legends import legend_above
from energy.report.figures.style import (
    FLAW,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    SCREEN_IN,
    add_footer,
    add_title,
    house_style,
    new_figure,
    room_in,
    text_width_pt,
)
from energy.report.setups import setup_line
from energy.report.units import engineering

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"mark": GREY, "pre-processing": ORANGE, "network": LINE, "post-processing": GREEN}
_DARK = (LINE,)
"""Colours on which text is white."""


def draw_phases(outcome: PhasesOutcome, *, width_in: float = SCREEN_IN) -> Figure:
    """Draws energy and time of an inference, each as a bar of its phases.

    Args:
        outcome: A measurement of phases.
        width_in: Width of the figure.
    """
    rows = medians(outcome.windows)
    title = f"Phases of an inference · {outcome.plan.workload.id} · {setup_line(outcome.setup)}"
    notes = [scope_line(outcome.setup.scope)]
    with house_style(width_in) as size:
        height_in = size.text * 16 / 72 + room_in(width_in, [title], notes, 2)
        figure = new_figure(width_in, height_in)
        axes = figure.add_subplot()
        room_pt = width_in * 72 - size.text * 8
        for place, (key, unit) in enumerate((("energy_j", "J"), ("time_s", "s"))):
            total, begin = sum(row[key] for row in rows) or 1.0, 0.0
            for row in rows:
                part = row[key] / total * 100
                colour = _COLOURS[row["part"]]
                axes.barh(place, part, left=begin, height=0.6, color=colour,
                          label=row["part"] if place == 0 else None)  # fmt: skip
                lines = [engineering(row[key], unit), f"{part:.1f} %"]
                if max(text_width_pt(line, size.small) for line in lines) + 3 < part / 100 * room_pt:
                    axes.text(begin + part / 2, place, "\n".join(lines), ha="center", va="center",
                              fontsize=size.small, color="white" if colour in _DARK else INK)  # fmt: skip
                begin += part
        axes.set_yticks([0, 1], ["energy", "time"])
        axes.set_ylim(1.5, -0.5)
        axes.set_xlim(0, 100)
        axes.set_xlabel("part of an inference (%)")
        if rows:
            legend_above(axes, width_in)
        else:
            axes.text(50, 0.5, "no window could be divided", ha="center", va="center", color=FLAW)
        add_title(figure, [title], virtual=outcome.virtual)
        add_footer(figure, notes)
    return figure
