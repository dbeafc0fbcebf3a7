"""Makes a certificate of a monitor's corrections from readings of known loads: ``joulebench calcheck``.

Each load is read by itself (``reader``); the supply is off before the next is asked for, on every way out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from energy.bench.benchfile import BenchFile
from energy.bench.prompt import Prompt, no_operator
from energy.calibration.evaluate import Evaluation, evaluate
from energy.calibration.loads import Load
from energy.calibration.reader import Attended, read_load
from energy.calibration.readings import Reading, VoltageAccuracy, voltage_line
from energy.errors import BenchError, UsageError
from energy.evidence.calibration import Calibration
from energy.session.certificate import serial_number_of

SECONDS = 5.0
_MOST_OFF = 0.25
"""By this part a meter's voltage may differ from the one that is set."""
_MOST_PART = 0.95
"""Part of the bench's limit of current that a load may draw by its value."""
_LONGEST = 200
_THIRD = 1 / math.sqrt(3)

OnReading = Callable[[Reading], None]


@dataclass(frozen=True)
class MeterVoltage:
    """The voltage at the loads as a meter read it.

    Attributes:
        voltage_v: Its reading.
        uncertainty_v: Its expanded uncertainty (95 %, k = 2).
    """

    voltage_v: float
    uncertainty_v: float


def meter_of(voltage_v: float | None, uncertainty_v: float | None) -> MeterVoltage | None:
    """A meter's reading, if there was a meter.

    Raises:
        UsageError: ``calcheck.voltage`` if only one of the two is known.
    """
    if voltage_v is None and uncertainty_v is None:
        return None
    if voltage_v is None or uncertainty_v is None:
        text = "a meter's voltage needs its uncertainty, and an uncertainty its voltage"
        raise UsageError("calcheck.voltage", text, "--voltage 3.0002 --voltage-uncertainty 0.0005")
    return MeterVoltage(voltage_v, uncertainty_v)


@dataclass(frozen=True)
class CalcheckPlan:
    """What is checked, and with what.

    Attributes:
        bench: The bench.
        loads: The loads, one after the other in place of the DUT.
        meter: A meter's reading of the voltage; None: the monitor's or the supply's own voltage counts.
        seconds: How long each load is read.
        due: Day on which the certificate is due.
        asks: Whether a person is asked to connect each load.
    """

    bench: BenchFile
    loads: tuple[Load, ...]
    meter: MeterVoltage | None = None
    seconds: float = SECONDS
    due: date | None = None
    asks: bool = True

    def __post_init__(self) -> None:
        """Checks what needs no instrument.

        Raises:
            UsageError: ``calcheck.monitor``, ``calcheck.seconds``, ``calcheck.voltage``,
                ``calcheck.too-much``.
        """
        limits, meter = self.bench.limits, self.meter
        if self.bench.monitor is None:
            text = f"bench {self.bench.name} has no [monitor], so there is nothing to check"
            raise UsageError("calcheck.monitor", text, "Name a bench with a monitor.")
        if not 0.5 <= self.seconds <= 3600:
            text = f"a load is read for 0.5 s to 3600 s, not for {self.seconds} s"
            raise UsageError("calcheck.seconds", text, "Try 5.")
        if meter is not None and not (0 < meter.voltage_v <= 60 and 0 < meter.uncertainty_v < math.inf):
            text = f"a meter cannot read {meter.voltage_v} V with an uncertainty of {meter.uncertainty_v} V"
            raise UsageError("calcheck.voltage", text, "Both are above 0: 3.0002 and 0.0005.")
        set_v = self.bench.dut.voltage_v
        if meter is not None and abs(meter.voltage_v / set_v - 1) > _MOST_OFF:
            text = f"the meter read {meter.voltage_v:g} V, and dut.voltage_v is {set_v:g} V"
            raise UsageError(
                "calcheck.voltage", text, "Set dut.voltage_v to the voltage that the loads are read at."
            )
        for load in self.loads:
            if (current_a := load.current_a(set_v)) > _MOST_PART * limits.highest_a:
                raise UsageError(
                    "calcheck.too-much",
                    f"{load.text} draws {current_a:.4g} A at {set_v:g} V; limits.highest_a is "
                    f"{limits.highest_a:g} A",
                    "Name a load that draws less, or lower dut.voltage_v.",
                )


@dataclass
class Calcheck:
    """The result: a certificate, and what it was made of.

    Attributes:
        calibration: The certificate.
        evaluation: Corrections, and each load beside its reading.
        voltage: How well the voltage was known.
        virtual: Whether the monitor was a twin.
    """

    calibration: Calibration
    evaluation: Evaluation
    voltage: VoltageAccuracy
    virtual: bool

    @property
    def outside(self) -> bool:
        """Whether some reading is outside the monitor's specification, beyond the uncertainty."""
        return any(point.verdict == "outside" for point in self.evaluation.points)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: SI units, None where not known."""
        return {
            "virtual": self.virtual,
            "calibration": self.calibration.model_dump(by_alias=True, mode="json"),
            "voltage": self.voltage.source,
            "loads": [
                {
                    "load": point.reading.load.text,
                    "range": point.reading.range,
                    "voltage_v": point.reading.voltage_v,
                    "reference_a": point.reference_a,
                    "reading_a": point.reading.mean_a,
                    "deviation_a": point.deviation_a,
                    "expanded_uncertainty_a": point.expanded_a,
                    "specification_a": point.limit_a,
                    "within_specification": point.verdict,
                    "left_a": point.left_a,
                }
                for point in self.evaluation.points
            ],
            "remarks": list(self.evaluation.remarks),
        }

    @property
    def remarks(self) -> list[str]:
        """How it came about, in lines: the comment of the file."""
        lines = ["VIRTUAL: not measured on hardware"] if self.virtual else []
        lines += [f"voltage: {self.voltage.source}"]
        for point in self.evaluation.points:
            lines.append(
                f"{point.reading.load.text}: reference {point.reference_a:.6g} A, read as "
                f"{point.reading.mean_a:.6g} A: {point.deviation_a:+.3g} A +- {point.expanded_a:.2g} A"
            )
        return [*lines, *self.evaluation.remarks]


def run_calcheck(
    plan: CalcheckPlan, on_reading: OnReading = lambda reading: None, prompt: Prompt = no_operator
) -> Calcheck:
    """Reads each load and evaluates the readings; the supply is off when this returns or raises.

    Args:
        plan: What is checked.
        on_reading: Called with each reading as it is made.
        prompt: Asks the person at the bench to connect a load.

    Raises:
        JoulebenchError: If something is wrong with the bench; ``calcheck.gated``, ``calcheck.other-load``,
            ``calcheck.too-few``, ``calcheck.voltage-unknown``, ``calcheck.too-far``.
    """
    attended, readings = Attended(), list[Reading]()
    for load in plan.loads:
        if plan.asks:
            prompt(_request(plan, load))
        readings.append(read_load(plan.bench, load, plan.seconds, attended, prompt if plan.asks else None))
        on_reading(readings[-1])
    monitor = attended.monitor
    if monitor is None:
        raise UsageError("calcheck.load", "no load is named", "For example: --resistor '1 kohm 0.1%'")
    voltage = _voltage(plan, attended)
    if plan.meter is not None:
        readings = [replace(reading, voltage_v=plan.meter.voltage_v) for reading in readings]
    evaluation = evaluate(readings, voltage, attended.accuracy, plan.bench.wiring)
    calibration = Calibration(
        model=monitor.model,
        serial_number=serial_number_of(monitor),
        date=date.today(),
        due=plan.due,
        certificate=_came_about(plan, monitor.virtual),
        temperature_c=attended.temperature_c,
        lines=evaluation.lines,
    )
    return Calcheck(calibration, evaluation, voltage, monitor.virtual)


def _came_about(plan: CalcheckPlan, virtual: bool) -> str:
    loads = ", ".join(load.text for load in plan.loads)
    text = f"{'VIRTUAL ' if virtual else ''}joulebench calcheck at {plan.bench.dut.voltage_v:g} V: {loads}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _request(plan: CalcheckPlan, load: Load) -> str:
    volts = plan.bench.dut.voltage_v
    current_a = load.current_a(volts)
    return (
        f"The supply is off. Connect {load.text} in place of the DUT ({current_a * 1e3:.4g} mA, "
        f"{current_a * volts * 1e3:.3g} mW), then press Enter:"
    )


def _voltage(plan: CalcheckPlan, attended: Attended) -> VoltageAccuracy:
    """How well the voltage across the loads is known.

    Raises:
        BenchError: ``calcheck.voltage-unknown``.
    """
    meter, dut = plan.meter, plan.bench.dut
    if meter is not None:
        source = f"{meter.voltage_v:g} V +- {meter.uncertainty_v:.2g} V (k = 2) by a meter at the load"
        return VoltageAccuracy(0.0, meter.uncertainty_v / 2, source, at_load=True)
    by = attended.source
    measured = by in ("samples", "monitor")
    if (measured or attended.sources) and (line := voltage_line(attended.accuracy, dut.voltage_v, measured)):
        who = "measured" if measured else "set"
        source = f"{who} by the monitor, {line.status}: {line.source}"
        return VoltageAccuracy(line.gain * _THIRD, line.offset * _THIRD, source)
    if dut.voltage_tolerance is not None:
        who = "measured by the supply" if by == "supply" else "set"
        source = f"{who}, within {dut.voltage_tolerance:.2g} of it (dut.voltage_tolerance)"
        return VoltageAccuracy(dut.voltage_tolerance * _THIRD, 0.0, source)
    raise BenchError(
        "calcheck.voltage-unknown",
        "nothing states how well the voltage across the loads is known",
        "Read it with a meter and give --voltage and --voltage-uncertainty, or state dut.voltage_tolerance.",
    )
