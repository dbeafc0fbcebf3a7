"""``energy_inf_00N.png``: a trial as the MLCommons runner draws it (mlperf-tiny.md 2)."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from energy.recording.mlcommons import RATE_HZ, read_mlcommons_results
from energy.recording.trace import Trace
from energy.report.figures.axes import si_axis
from energy.report.figures.style import (
    FLAW,
    LINE,
    PAGE_IN,
    add_footer,
    house_style,
    mark_virtual,
    new_figure,
    plain_height_in,
    room_in,
    save,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_energy_run(results: Path, folder: Path, note: str) -> None:
    """Draws the trials of an energy run's results.json into a folder.

    Args:
        results: The results.json.
        folder: The folder.
        note: A line below each picture, such as the scope of the measurement.

    Raises:
        RecordingError: ``trace.*`` if it is not the results.json of an energy run.
    """
    trace, trials = read_mlcommons_results(results)
    start = 0
    with house_style(PAGE_IN):
        for number, trial in enumerate(trials):
            figure = _figure(trace, start, trial.stop, note)
            save(figure, folder / f"energy_inf_{number:03d}.png")
            start = trial.stop


def _figure(trace: Trace, start: int, stop: int, note: str) -> Figure:
    """A trial: the energy of each sample, in blue, and the DUT's edges, in red, as its runner draws them."""
    energy_j = np.full(stop - start, np.nan)
    for block in trace.read(start, stop):
        energy_j[block.first - start : block.stop - start] = block.columns[0]
    figure = new_figure(PAGE_IN, plain_height_in(PAGE_IN) + room_in(PAGE_IN, [], [note]))
    axes = figure.add_subplot()
    axes.plot(np.arange(len(energy_j)) / RATE_HZ, energy_j, color=LINE, lw=0.8)
    for edge in trace.edges:
        if start <= edge.position <= stop:
            axes.axvline((edge.position - start) / RATE_HZ, color=FLAW, lw=1)
    axes.grid(visible=True)
    axes.margins(x=0)
    si_axis(axes, "x", "time", "s")
    si_axis(axes, "y", "energy per sample", "J")
    add_footer(figure, [note])
    if trace.virtual:
        mark_virtual(figure)
    return figure
