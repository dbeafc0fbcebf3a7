"""Facts that a budget is made from: windows, instruments, conditions. Plain data, whoever gathered it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from energy.signal import SampleKind

if TYPE_CHECKING:
    from energy.evidence.calibration import Calibration
    from energy.evidence.scope import Scope
    from energy.instruments import Accuracy

VoltageSource = Literal["samples", "monitor", "supply", "assumed"]


@dataclass(frozen=True, slots=True)
class RangePart:
    """The part of a window that was measured on one range.

    Attributes:
        energy_j: Indicated energy in it.
        time_s: Indicated time in it.
    """

    energy_j: float
    time_s: float


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """A window as it was indicated.

    Attributes:
        energy_j: Energy by the ``exact`` rule.
        duration_s: Time from edge to edge, by the clock of the samples.
        iterations: Inferences.
        samples: Samples in it.
        missing: How many of them are missing.
        step_j: Largest error because the power steps inside the samples that the edges cut.
        position_j: Largest error because the positions of the edges are uncertain.
        position_s: Largest error of the duration for the same reason.
        ranges: Parts by range; empty where the range did not change.

    Raises:
        ValueError: If it has no energy, no duration, no inference, or no sample that is not missing.
    """

    energy_j: float
    duration_s: float
    iterations: int
    samples: int = 0
    missing: int = 0
    step_j: float = 0.0
    position_j: float = 0.0
    position_s: float = 0.0
    ranges: Mapping[str, RangePart] = field(default_factory=dict[str, RangePart])

    def __post_init__(self) -> None:
        _measured("a window", self.energy_j, self.duration_s)
        if self.iterations < 1:
            raise ValueError(f"a window has at least one inference, not {self.iterations}")
        if not 0 <= self.missing <= self.samples or (self.missing and self.missing == self.samples):
            raise ValueError(f"{self.missing} of {self.samples} samples are missing: no energy was measured")
        limits = (self.step_j, self.position_j, self.position_s)
        if not all(math.isfinite(limit) and limit >= 0 for limit in limits):
            raise ValueError(f"errors of the edges are finite and not negative, unlike {limits}")

    @property
    def power_w(self) -> float:
        """Mean power."""
        return self.energy_j / self.duration_s


@dataclass(frozen=True, slots=True)
class IdleFacts:
    """A stretch in which the DUT was powered and idle.

    Attributes:
        energy_j: Its energy.
        duration_s: Its length.

    Raises:
        ValueError: If it has no energy or no length.
    """

    energy_j: float
    duration_s: float

    def __post_init__(self) -> None:
        _measured("an idle stretch", self.energy_j, self.duration_s)


@dataclass(frozen=True)
class Conditions:
    """Instruments and conditions of a measurement.

    Attributes:
        kind: Kind of the monitor's samples.
        session: A name of this session that no other has; scatter and unknown instruments belong to it.
        model: Model of the monitor.
        serial_number: Its serial number; empty if unknown.
        bench: Name of the bench.
        voltage_v: Supply voltage that energy is computed with, or the mean of the samples' voltage.
        voltage_source: Who measured it.
        measured_v: What monitor or supply measured; None where nobody did.
        voltage_tolerance: Tolerance of the voltage as the bench file states it; None where it does not.
        lines: The monitor's accuracy specification.
        current_range: Name of the range in use; None if unknown, or if it changed.
        voltage_range: Likewise of the voltage.
        calibration: The certificate that the bench file names.
        temperature_c: Ambient temperature; None if unknown.
        common_edges: Whether the edges' positions are uncertain in the same way in every window, as where
            they are carried over from an IO manager's clock.
            ohm, and tolerance as a fraction, as the bench file gives them.
        clock_tolerance: Tolerance of the sample clock where the specification has no line for time.
        scope: What the measured rail feeds; None if unknown, as of published results.
    """

    kind: SampleKind
    session: str
    model: str
    serial_number: str
    bench: str
    voltage_v: float
    scope: Scope | None
    voltage_source: VoltageSource = "assumed"
    measured_v: float | None = None
    voltage_tolerance: float | None = None
    lines: tuple[Accuracy, ...] = ()
    current_range: str | None = None
    voltage_range: str | None = None
    calibration: Calibration | None = None
    temperature_c: float | None = None
    common_edges: bool = False
    resistances: tuple[tuple[str, float, float], ...] = ()
    clock_tolerance: float = 5e-4

    @property
    def monitor(self) -> str:
        """The monitor as a prefix of keys: model and serial number, or this session if that is unknown."""
        return f"{self.model}/{self.serial_number or self.session}"


def _measured(what: str, energy_j: float, duration_s: float) -> None:
    if not math.isfinite(energy_j):
        raise ValueError(f"the energy of {what} is a finite number, not {energy_j!r} J")
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise ValueError(f"{what} lasts for a finite time above 0 s, not {duration_s!r} s")
