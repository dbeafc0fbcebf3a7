"""``energy_inf_00N.png``: a trial as the MLCommons runner draws it (mlperf-tiny.md 2)."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from pathlib import Path

import numpy as np

from energy.recording.mlcommons import RATE_HZ, read_mlcommons_results
from energy.report.figures.style import FLAW, add_footer


def draw_energy_run(results: Path, folder: Path, note: str) -> None:
    """Draws the trials of an energy run's results.json into a folder.

    Args:
        results: The results.json.
        folder: The folder.
        note: A line below each picture, such as the scope of the measurement.

    Raises:
        RecordingError: ``trace.*`` if it is not the results.json of an energy run.
    """
    from matplotlib.figure import Figure

    trace, trials = read_mlcommons_results(results)
    start = 0
    for number, trial in enumerate(trials):
        energy_j = np.full(trial.stop - start, np.nan)
        for block in trace.read(start, trial.stop):
            energy_j[block.first - start : block.stop - start] = block.columns[0]
        figure = Figure(figsize=(6.4, 4.8), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(np.arange(len(energy_j)) / RATE_HZ, energy_j, "b", lw=0.8)
        for edge in trace.edges:
            if start <= edge.position <= trial.stop:
                axes.axvline((edge.position - start) / RATE_HZ, color="r", lw=1)
        axes.grid(visible=True)
        axes.set(xlabel="time (s)", ylabel="energy per sample (J)")
        add_footer(figure, [note])
        if trace.virtual:
            figure.text(0.5, 0.5, "VIRTUAL", fontsize=60, color=FLAW, alpha=0.15, ha="center", va="center")
        figure.savefig(folder / f"energy_inf_{number:03d}.png", dpi=100)
        start = trial.stop
