"""Phases of inferences as a table: energy, time, power, energy-delay product."""

from __future__ import annotations

from collections.abc import Sequence

from energy.characterize.phase_run import medians
from energy.characterize.phases import PhasedWindow
from energy.report.table import Table
from energy.report.units import engineering
from energy.uncertainty.rounding import figure_text


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
