"""The picture of single inferences: all of a window laid over each other, and the energy of each."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energy.characterize.single import SingleInferences
from energy.report.figures.axes import si_axis
from energy.report.figures.histogram import bins_of
from energy.report.figures.legends import legend_above
from energy.report.figures.style import (
    BAND,
    FLAW,
    LINE,
    SCREEN_IN,
    add_title,
    house_style,
    new_figure,
    plain_height_in,
    room_in,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_inferences(
    found: SingleInferences, title: str, *, virtual: bool = False, width_in: float = SCREEN_IN
) -> Figure:
    """Draws the overlay of a window's inferences beside the energy of each.

    Args:
        found: The inferences; they must be resolved.
        title: Title of the picture.
        virtual: Whether they are those of the virtual bench.
        width_in: Width of the figure.

    Returns:
        A figure, not yet written anywhere.
    """
    below = width_in < 5
    texts = [title, found.text()]
    with house_style(width_in):
        panel_in = plain_height_in(width_in) * (1.0 if below else 0.75)
        figure = new_figure(width_in, panel_in * (2 if below else 1) + room_in(width_in, texts, [], 2))
        if below:
            overlay, each = figure.subplots(2, 1)
        else:
            overlay, each = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1.6, 1]})
        overlay.fill_between(found.phase_s, found.low_w, found.high_w, color=BAND, lw=0, step="mid",
                             label="5th to 95th percentile")  # fmt: skip
        overlay.plot(found.phase_s, found.power_w, color=LINE, drawstyle="steps-mid", label="median")
        overlay.margins(x=0)
        overlay.set_ylim(bottom=0)
        si_axis(overlay, "x", "time in an inference", "s")
        si_axis(overlay, "y", "power", "W")
        legend_above(overlay, width_in, 1.0 if below else 0.6)
        each.hist(
            found.energy_j, bins=bins_of(found.energy_j).tolist(), color=LINE, edgecolor="white", lw=0.3
        )
        si_axis(each, "x", "energy of an inference", "J")
        si_axis(each, "y", "inferences", "")
        add_title(figure, texts, virtual=virtual)
        if not np.isfinite(found.power_w).all():
            overlay.text(0.5, 0.5, "samples are missing", transform=overlay.transAxes, color=FLAW)
    return figure
