"""The part of ``session.json`` that a budget needs: instruments, specification, scope, voltage and more."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from energy.evidence.calibration import Calibration
from energy.evidence.scope import Scope


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class AccuracyLine(_Read):
    """An accuracy line as a session writes it down; ``verified`` is that of versions before ``status``."""

    quantity: Literal["current", "voltage", "power", "time"]
    range: str
    full_scale: float
    gain: float = Field(ge=0, lt=1)
    offset: float = Field(ge=0)
    source: str
    status: Literal["specified", "typical", "assumed"] | None = None
    verified: bool = True
    conditions: str = ""
    role: Literal["measure", "source"] = "measure"
    linear: bool = True
    lowest_c: float = 18.0
    highest_c: float = 28.0
    per_celsius: float | None = None
    noise: float = 0.0
    aperture_s: float = 0.0
    interval_days: float | None = None


class StatedMonitor(_Read):
    """The monitor."""

    model: str = ""
    serial_number: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    accuracy: list[AccuracyLine] = Field(default_factory=list[AccuracyLine])


class StatedWiring(_Read):
    """``[wiring]`` of the bench file."""

    lead_ohm: float | None = None
    lead_tolerance: float | None = None
    burden_ohm: float | None = None
    burden_tolerance: float | None = None

    @property
    def resistances(self) -> tuple[tuple[str, float, float], ...]:
        """Name, ohm and tolerance of each resistance that is given."""
        given = (
            ("leads", self.lead_ohm, self.lead_tolerance),
            ("burden", self.burden_ohm, self.burden_tolerance),
        )
        return tuple((name, ohm, tolerance or 0.0) for name, ohm, tolerance in given if ohm)


class StatedDut(_Read):
    """``[dut]`` of the bench file."""

    board: str = ""
    voltage_v: float = Field(gt=0)
    voltage_tolerance: float | None = None
    clock_hz: float | None = None


class StatedBench(_Read):
    """The bench file."""

    name: str = ""
    scope: Scope | None = None
    dut: StatedDut
    wiring: StatedWiring | None = None


class StatedVoltage(_Read):
    """The supply voltage."""

    source: Literal["samples", "monitor", "supply", "assumed"] = "assumed"
    measured_v: list[float] = Field(default_factory=list[float])


class StatedStretch(_Read):
    """A stretch of the recording, as positions in samples."""

    first: int
    stop: int


class StatedConditions(_Read):
    """``session.json``, as far as a budget needs it."""

    virtual: bool = False
    workload: str | None = None
    mode: str | None = None
    begun: str = ""
    bench: StatedBench
    dut: dict[str, Any] = Field(default_factory=dict)
    monitor: StatedMonitor | None = None
    ambient_c: float | None = None
    voltage: StatedVoltage = Field(default_factory=StatedVoltage)
    edges: dict[str, Any] = Field(default_factory=dict)
    calibration: Calibration | None = None
    idle: StatedStretch | None = None
