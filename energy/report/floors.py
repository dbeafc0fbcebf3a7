"""Floors as a table, and the pause from which on a DUT should sleep."""

from __future__ import annotations

import math
from collections.abc import Mapping

from energy.characterize.battery import Figure, break_even
from energy.characterize.floors import UNITS, FloorName, FloorsOutcome
from energy.report.table import Table
from energy.uncertainty.rounding import figure_text

TITLES: Mapping[FloorName, str] = {
    "idle": "power idle",
    "sleep": "power asleep",
    "wake-up": "energy of a wake-up",
    "wake-up time": "time of a wake-up",
}


def floors_table(outcome: FloorsOutcome) -> Table:
    """A table with a row per floor: its value with its expanded uncertainty (95 %)."""
    table = Table(title="Floors", columns=["floor", "value ± U"], text=(0,))
    for name, floor in outcome.floors.items():
        table.rows.append([TITLES[name], figure_text(floor.value, floor.expanded, UNITS[name])])
    return table


def pause_line(outcome: FloorsOutcome) -> str:
    """From how long a pause on it is better to sleep than to idle."""
    if outcome.floors["sleep"].value <= 0 or outcome.floors["wake-up"].value <= 0:
        return "sleeping or idling: the floors are not resolved"
    pause_s = break_even(outcome.duty(Figure(1.0), Figure(1.0)))
    if math.isinf(pause_s.value):
        return "sleeping saves nothing: it needs no less than idling"
    longer = figure_text(pause_s.value, pause_s.expanded, "s")
    return f"sleeping needs less than idling in pauses longer than {longer}"
