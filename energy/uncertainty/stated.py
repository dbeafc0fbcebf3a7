"""The uncertainty statement of a session: its scope, its conditions and a budget for each figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energy.errors import RecordingError
from energy.findings import Finding
from energy.signal import SampleSource
from energy.uncertainty.budget import Budget, budget_from_json
from energy.uncertainty.facts import WindowFacts
from energy.uncertainty.gather import (
    NoBudgetError,
    conditions_of,
    idle_of,
    stated_conditions,
    windows_of,
)
from energy.uncertainty.model import Model
from energy.uncertainty.specified import MissingLineError
from energy.uncertainty.statement import Statement
from energy.window.figures import SessionFigures

if TYPE_CHECKING:
    from energy.evidence.scope import Scope
    from energy.evidence.stated_conditions import StatedConditions

FIGURES = ("joule_per_inference", "inferences_per_second", "power_w", "net_joule_per_inference")
"""Names of the figures with a budget; the last only where an idle stretch was recorded."""


@dataclass(frozen=True)
class Stated:
    """An uncertainty statement.

    Attributes:
        scope: What the measured rail feeds, and what work lies inside the window.
        conditions: What decides whether two results are comparable, and by which their terms are shared.
        joule_per_inference: Budget of the median energy per inference.
        inferences_per_second: Budget of the median throughput.
        power_w: Budget of the median mean power.
        net_joule_per_inference: Budget of the median energy per inference above idle, if idle was recorded.
    """

    scope: Scope
    conditions: dict[str, Any]
    joule_per_inference: Budget
    inferences_per_second: Budget
    power_w: Budget
    net_joule_per_inference: Budget | None = None

    def to_json(self) -> dict[str, Any]:
        """For ``result.json`` and ``--json``."""
        budgets = {name: getattr(self, name) for name in FIGURES}
        return {
            "scope": self.scope.model_dump(mode="json"),
            "conditions": self.conditions,
            **{name: budget.to_json() if budget else None for name, budget in budgets.items()},
        }


def state(document: Mapping[str, Any], figures: SessionFigures, source: SampleSource) -> Statement:
    """The uncertainty statement of a session in energy mode, or of a recording.

    Args:
        document: Its ``session.json``.
        figures: Its windows.
        source: Its recording.
    """
    try:
        told = stated_conditions(document)
        conditions = conditions_of(told, source.signal)
        if conditions.scope is None:
            raise NoBudgetError("uncertainty.no-scope", "the scope is not known")
        facts = windows_of(figures, source)
        model = Model(conditions, facts)
        idle = idle_of(told, source)
        stated = Stated(
            conditions.scope,
            _conditions(told, facts, figures),
            model.joule_per_inference(),
            model.inferences_per_second(),
            model.power(),
            model.net_joule_per_inference(idle) if idle else None,
        )
    except NoBudgetError as error:
        return Statement(None, [error.finding])
    except MissingLineError as error:
        return Statement(None, [Finding("uncertainty.no-specification", str(error))])
    return Statement(stated)


def _conditions(told: StatedConditions, facts: list[WindowFacts], figures: SessionFigures) -> dict[str, Any]:
    monitor, voltages = told.monitor, told.voltage.measured_v
    powers = sorted(window.power_w for window in facts)
    voltage_v = told.bench.dut.voltage_v
    return {
        "virtual": told.virtual,
        "begun": told.begun,
        "workload": told.workload,
        "mode": told.mode,
        "bench": told.bench.name,
        "board": told.dut.get("board") or told.bench.dut.board,
        "firmware_sha256": told.dut.get("firmware_sha256"),
        "clock_hz": told.bench.dut.clock_hz,
        "voltage_v": voltage_v,
        "measured_voltage_v": sum(voltages) / len(voltages) if voltages else None,
        "ambient_c": told.ambient_c,
        "monitor": monitor.model if monitor else None,
        "serial_number": monitor.serial_number if monitor else None,
        "current_range": (monitor.settings.get("current_range") if monitor else None),
        "current_a": powers[len(powers) // 2] / voltage_v,
        "windows": len(figures.windows),
        "rule": "exact",
        "certificate": told.calibration.certificate if told.calibration else None,
    }


def stated_from_json(document: Mapping[str, Any], what: str) -> Stated:
    """A statement from what ``Stated.to_json`` wrote.

    Args:
        document: The statement.
        what: Its file, for the error.

    Raises:
        RecordingError: ``uncertainty.damaged``.
    """
    from energy.evidence.scope import Scope

    try:
        net = document.get("net_joule_per_inference")
        return Stated(
            Scope.model_validate(document["scope"]),
            dict(document["conditions"]),
            budget_from_json(document["joule_per_inference"]),
            budget_from_json(document["inferences_per_second"]),
            budget_from_json(document["power_w"]),
            budget_from_json(net) if net else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(
            "uncertainty.damaged",
            f"{what}: the uncertainty statement is not as this program writes it: {error!r}"[:300],
            "`joulebench integrate` computes it again from the recording.",
        ) from error
