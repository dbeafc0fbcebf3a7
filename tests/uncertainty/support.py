"""What the tests of this room share: inputs, windows and conditions in short."""

from __future__ import annotations

import math
from typing import Any

from energy.evidence.scope import Scope
from energy.instruments import Accuracy
from energy.signal import SampleKind
from energy.uncertainty.facts import Conditions, WindowFacts
from energy.uncertainty.inputs import DIVISORS, Distribution, Input

SCOPE = Scope(feeds=("core",))


def given(
    key: str,
    standard: float,
    distribution: Distribution = "normal",
    freedom: float = math.inf,
    estimate: float = 0.0,
) -> Input:
    """An input by its standard uncertainty."""
    divisor = DIVISORS[distribution]
    kind = "A" if distribution == "t" else "B"
    return Input(
        key, key, kind, distribution, standard * divisor, divisor, freedom, "", "here", "specified", estimate
    )


def line(quantity: str, gain: float, offset: float = 0.0, **more: Any) -> Accuracy:
    """A line of a specification."""
    given: dict[str, Any] = {
        "range": "100 mA" if quantity == "current" else "20 V",
        "full_scale": 20.0,
        **more,
    }
    return Accuracy(quantity=quantity, gain=gain, offset=offset, source="data sheet", **given)  # pyright: ignore[reportArgumentType]


def conditions(*lines: Accuracy, **more: Any) -> Conditions:
    """Conditions of a bench at 3 V with a monitor that has these lines."""
    given: dict[str, Any] = {"temperature_c": 23.0, "clock_tolerance": 0.0, "voltage_tolerance": 0.0, **more}
    return Conditions(
        kind=SampleKind.CURRENT,
        session="session",
        model="model",
        serial_number="1",
        bench="bench",
        voltage_v=3.0,
        scope=SCOPE,
        lines=lines,
        **given,
    )


def windows(*energies_j: float, duration_s: float = 10.0, **more: Any) -> list[WindowFacts]:
    """Windows with these energies, 1000 inferences each."""
    return [WindowFacts(energy, duration_s, 1000, **more) for energy in energies_j]
