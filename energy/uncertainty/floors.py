"""Floors with their uncertainty: power of an idle and of a sleeping DUT, energy and time of a wake-up.

With windows A (a long sleep), B (a short one) and C (as much sleep as A in N stretches), each between marks:

    idle power  E_idle / t_idle;       sleep power  (E_A - E_B) / (t_A - t_B)
    energy of a wake-up  (E_C - E_A) / (N - 1);   its time  (t_C - t_A) / (N - 1)

so the marks, and the wake-up at the end of each sleep, cancel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from energy.signal import SampleSource
from energy.uncertainty.budget import Budget, budget_of
from energy.uncertainty.facts import WindowFacts
from energy.uncertainty.gather import NoBudgetError, conditions_of, stated_conditions, windows_of
from energy.uncertainty.inputs import rectangular
from energy.uncertainty.model import Model
from energy.uncertainty.specified import MissingLineError
from energy.window.figures import SessionFigures, WindowFigures

UNITS = {"idle_w": "W", "sleep_w": "W", "wake_up_j": "J", "wake_up_s": "s"}
"""The floors and their units."""
_QUANTITIES = {
    "idle_w": "power when idle",
    "sleep_w": "power asleep",
    "wake_up_j": "energy of a wake-up",
    "wake_up_s": "time of a wake-up",
}


@dataclass(frozen=True)
class Floor:
    """A floor.

    Attributes:
        value: Best estimate, in SI units.
        budget: Its uncertainty budget; None where there can be none.
    """

    value: float
    budget: Budget | None = None

    def to_json(self) -> dict[str, Any]:
        """For ``result.json``."""
        return {"value": self.value, "budget": self.budget.to_json() if self.budget else None}


def floors_of(
    document: Mapping[str, Any], windows: Mapping[str, WindowFigures], source: SampleSource
) -> dict[str, Floor]:
    """The floors of a session.

    Args:
        document: Its ``session.json``.
        windows: The windows ``idle``, ``sleep``, ``short sleep``, ``wake-ups`` that were measured.
        source: Its recording.

    Returns:
        The floors by the names of ``UNITS``; those that were measured.
    """
    if not windows:
        return {}
    facts = windows_of(SessionFigures(tuple(windows.values())), source)
    by_name = dict(zip(windows, facts, strict=True))
    indicated = _figures(
        {name: (window.energy_j, window.duration_s) for name, window in by_name.items()}, by_name
    )
    try:
        model = Model(conditions_of(stated_conditions(document), source.signal), facts)
    except (NoBudgetError, MissingLineError):
        return {name: Floor(value) for name, value in indicated.items()}
    uncertain = {name: _uncertain(model, name, window) for name, window in by_name.items()}
    found = _figures(uncertain, by_name)
    budgets = {
        name: budget_of(_QUANTITIES[name], UNITS[name], figure, indicated[name], model.inputs)
        for name, figure in found.items()
    }
    return {name: Floor(budget.value, budget) for name, budget in budgets.items()}


def _uncertain(model: Model, name: str, window: WindowFacts) -> tuple[Any, Any]:
    """Energy and duration of a window as uncertain numbers, the errors of its edges included."""

    def edges(what: str, limit: float, unit: str) -> Any:
        key = f"{model.conditions.session}/floors/{name}/{what}"
        source = "edges of the window, each within its bound"
        return model.inputs.number(
            rectangular(key, f"{what} of the window {name}", limit, unit, source, "measured")
        )

    level = "sleep" if name != "idle" else "idle"
    energy, duration = model.energy(window, level), model.duration(window)
    energy = energy + edges("edges, energy", window.step_j + window.position_j, "J")
    return energy, duration + edges("edges, time", window.position_s, "s")


def _figures(windows: Mapping[str, tuple[Any, Any]], facts: Mapping[str, WindowFacts]) -> dict[str, Any]:
    """The floors from energies and durations, plain or uncertain."""
    figures: dict[str, Any] = {}
    if "idle" in windows:
        energy, duration = windows["idle"]
        figures["idle_w"] = energy / duration
    if "sleep" in windows and "short sleep" in windows:
        (long_j, long_s), (short_j, short_s) = windows["sleep"], windows["short sleep"]
        figures["sleep_w"] = (long_j - short_j) / (long_s - short_s)
    if "sleep" in windows and "wake-ups" in windows:
        (once_j, once_s), (often_j, often_s) = windows["sleep"], windows["wake-ups"]
        more = facts["wake-ups"].iterations - facts["sleep"].iterations
        figures["wake_up_j"] = (often_j - once_j) / more
        figures["wake_up_s"] = (often_s - once_s) / more
    return figures
