"""The picture of single inferences: all of a window laid over each other, and the energy of each."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energy.characterize.single import SingleInferences
from energy.printable import for_figure
from energy.report.figures.style import BAND, FLAW, INK, LINE
from energy.report.units import prefixed, scale_for

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_inferences(found: SingleInferences, title: str, *, virtual: bool = False) -> Figure:
    """Draws the overlay of a window's inferences beside the energy of each.

    Args:
        found: The inferences; they must be resolved.
        title: Title of the picture.
        virtual: Whether they are those of the virtual bench.

    Returns:
        A figure of 10 x 4.5 inch, not yet written anywhere.
    """
    from energy.report.figures.shown import ShownFigure

    figure = ShownFigure(figsize=(10, 4.5), layout="constrained")
    overlay, each = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1.6, 1]})
    time, power = scale_for(float(found.phase_s[-1])), scale_for(float(found.high_w.max()))
    at, factor = found.phase_s / 10.0**time, 10.0**-power
    overlay.fill_between(at, found.low_w * factor, found.high_w * factor, color=BAND, lw=0, step="mid",
                         label="5th to 95th percentile")  # fmt: skip
    overlay.plot(at, found.power_w * factor, color=LINE, lw=1.2, drawstyle="steps-mid", label="median")
    overlay.set(
        xlabel=f"time in an inference ({prefixed(time, 's')})", ylabel=f"power ({prefixed(power, 'W')})"
    )
    overlay.set_ylim(bottom=0)
    overlay.legend(frameon=False, loc="lower right", fontsize=8)
    energy = scale_for(found.mean_j)
    each.hist(found.energy_j / 10.0**energy, bins=min(40, max(8, len(found.energy_j) // 5)), color=LINE)
    each.set(xlabel=f"energy of an inference ({prefixed(energy, 'J')})", ylabel="inferences")
    for axes in (overlay, each):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK)
    figure.suptitle(for_figure(f"{'VIRTUAL · ' if virtual else ''}{title}\n{found.text()}"), fontsize=11)
    if virtual:
        figure.text(0.35, 0.45, "VIRTUAL", fontsize=60, color=FLAW, alpha=0.10, ha="center", va="center",
                    rotation=12, weight="bold")  # fmt: skip
    if not np.isfinite(found.power_w).all():
        overlay.text(0.5, 0.5, "samples are missing", transform=overlay.transAxes, color=FLAW)
    return figure
