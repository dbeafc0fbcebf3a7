"""Readings of known loads by a monitor, and how well the voltage across them is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from energy.calibration.loads import Load
from energy.instruments import Accuracy
from energy.instruments.specification import line_for

Role = Literal["measure", "source"]


@dataclass(frozen=True)
class Reading:
    """The monitor's reading of a load.

    Attributes:
        load: The load.
        mean_a: Mean current, in A.
        scatter_a: Standard uncertainty of the mean by its scatter in time (type A), in A.
        freedom: Degrees of freedom of that.
        resolution_a: Step between two values of the stream near it, in A; 0 where that is fine enough.
        voltage_v: The voltage that was measured or set while it was read.
        range: The range that it was read on, where that is known.
    """

    load: Load
    mean_a: float
    scatter_a: float
    freedom: float
    resolution_a: float
    voltage_v: float
    range: str | None = None


@dataclass(frozen=True)
class VoltageAccuracy:
    """How well the voltage across the loads is known: standard uncertainty = gain x voltage + offset.

    It is one instrument's, so that the error is the same for all loads.

    Attributes:
        gain: Fraction of the voltage.
        offset: In V.
        source: Who states the voltage, and how well it is known.
        at_load: Whether it is the voltage at the load, behind all wires.
    """

    gain: float
    offset: float
    source: str
    at_load: bool = False

    def standard_v(self, voltage_v: float) -> float:
        """The standard uncertainty, in V."""
        return self.gain * voltage_v + self.offset


def current_line(accuracy: Sequence[Accuracy], reading: Reading) -> Accuracy | None:
    """The line of a specification for a reading: of its range, else of the smallest that includes it."""
    found = line_for(accuracy, "current", "measure", reading.range, reading.mean_a)
    return found or line_for(accuracy, "current", "measure", None, reading.mean_a)


def limit_a(line: Accuracy, current_a: float) -> float:
    """The limit of error that a line of a specification states for a current, in A."""
    return line.gain * abs(current_a) + line.offset


def voltage_line(accuracy: Sequence[Accuracy], voltage_v: float, measured: bool) -> Accuracy | None:
    """The line of a specification for a voltage, measured or programmed; else one of the other role."""
    first: Role = "measure" if measured else "source"
    second: Role = "source" if measured else "measure"
    return line_for(accuracy, "voltage", first, None, voltage_v) or line_for(
        accuracy, "voltage", second, None, voltage_v
    )
