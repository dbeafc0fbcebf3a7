"""From an instrument's specification or certificate to the inputs of a budget: gain, offset, sample clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from energy.instruments.specification import line_for
from energy.uncertainty.facts import Conditions
from energy.uncertainty.inputs import Input, normal, rectangular

if TYPE_CHECKING:
    from energy.evidence.calibration import CalibrationLine
    from energy.instruments import Accuracy

ASSUMED_VOLTAGE = 0.01
"""Tolerance of a supply voltage that nobody measures or specifies: that of an LPM01A's supply
(mlperf-tiny.md 4)."""


class MissingLineError(LookupError):
    """No specification and no certificate says how accurate a quantity is."""


class Errors(NamedTuple):
    """The systematic errors of a reading: reading x (1 + gain) + offset is the true value.

    ``correlation`` is the correlation coefficient of the two, as a straight-line fit gives it.
    """

    gain: Input
    offset: Input | None
    correlation: float = 0.0


def errors_of(
    quantity: Literal["current", "voltage"],
    conditions: Conditions,
    reading: float,
    range_name: str | None = None,
    role: Literal["measure", "source"] = "measure",
    at: str = "",
) -> Errors:
    """Gain and offset of a reading, by the certificate where it has a line for it, else the specification.

    Args:
        quantity: What is read.
        conditions: The instruments.
        reading: The reading, in A or V.
        range_name: The range in use; None if unknown: then the smallest that includes the reading.
        role: Whether it is measured, or programmed.
        at: Name of a level apart from the others; the gain of an instrument that is not linear is another
            quantity there.

    Raises:
        MissingLineError: If there is no line.
    """
    certified = _certified(quantity, conditions, reading, range_name) if role == "measure" else None
    if certified is not None:
        return _by_certificate(quantity, conditions, certified)
    line = line_for(conditions.lines, quantity, role, range_name, reading)
    if line is None:
        raise MissingLineError(f"{conditions.model} has no accuracy line for {quantity} ({role})")
    return _by_specification(conditions, line, reading, at)


def noise_of(
    quantity: Literal["current", "voltage"], conditions: Conditions, reading: float, range_name: str | None
) -> float:
    """Standard deviation of a single sample by noise, in A or V; 0 where the specification states none.

    Args:
        quantity: What is read.
        conditions: The instruments.
        reading: The reading, in A or V.
        range_name: The range in use; None if unknown.
    """
    line = line_for(conditions.lines, quantity, "measure", range_name, reading)
    return line.noise if line is not None else 0.0


def _by_specification(conditions: Conditions, line: Accuracy, reading: float, at: str) -> Errors:
    wider, why = temperature_factor(line, conditions.temperature_c)
    what = f"{line.quantity}{' source' if line.role == 'source' else ''}, {line.range}"
    key = f"{conditions.monitor}/{line.quantity} {line.role}/{line.range}"
    source = f"{line.source}{f'; {line.conditions}' if line.conditions else ''}{why}"
    level = None if line.linear else reading
    apart = f" at {at}" if at and not line.linear else ""
    gain = rectangular(
        f"{key}/gain{apart}",
        f"gain of {what}{apart}",
        line.gain * wider,
        "",
        source,
        line.status,
        level=level,
    )
    if not line.offset:
        return Errors(gain, None)
    unit = "A" if line.quantity == "current" else "V"
    offset = rectangular(f"{key}/offset", f"offset of {what}", line.offset * wider, unit, source, line.status)
    return Errors(gain, offset)


def temperature_factor(line: Accuracy, temperature_c: float | None) -> tuple[float, str]:
    """By how much a line widens at a temperature outside its own range, and a remark on it.

    Args:
        line: The line.
        temperature_c: Ambient temperature; None if unknown, which widens nothing.
    """
    if temperature_c is None:
        return 1.0, "; ambient temperature unknown"
    outside = max(line.lowest_c - temperature_c, temperature_c - line.highest_c, 0.0)
    if not outside:
        return 1.0, ""
    if line.per_celsius is None:
        return 1.0, f"; {outside:.1f} °C outside its temperatures, no coefficient stated"
    return 1.0 + outside * line.per_celsius, f"; widened for {outside:.1f} °C outside its temperatures"


def _certified(
    quantity: str, conditions: Conditions, reading: float, range_name: str | None
) -> CalibrationLine | None:
    if conditions.calibration is None:
        return None
    for line in conditions.calibration.lines:
        of_range = line.range is None or line.range == range_name
        if line.quantity == quantity and of_range and line.holds_for(reading):
            return line
    return None


def _by_certificate(quantity: str, conditions: Conditions, line: CalibrationLine) -> Errors:
    certificate = conditions.calibration
    if certificate is None:
        raise MissingLineError("no certificate")
    what = f"{quantity}{f', {line.range}' if line.range else ''}"
    key = f"{conditions.monitor}/{quantity} certified {certificate.date}/{line.range or 'all'}"
    source = certificate.title

    def certified(name: str, limit: float, unit: str, estimate: float) -> Input:
        return Input(
            f"{key}/{name}",
            f"{name} of {what}, certified",
            "B",
            "normal" if line.degrees_of_freedom is None else "t",
            limit,
            line.k,
            line.freedom,
            unit,
            source,
            "certified",
            estimate,
        )

    gain = certified("gain", line.gain_uncertainty, "", line.gain_correction)
    if not (line.offset_uncertainty or line.offset_correction):
        return Errors(gain, None)
    unit = "A" if quantity == "current" else "V"
    offset = certified("offset", line.offset_uncertainty, unit, line.offset_correction)
    return Errors(gain, offset, line.correlation)


def clock_error(conditions: Conditions) -> Input:
    """The relative error of durations: true duration = indicated x (1 + error)."""
    certificate = conditions.calibration
    if certificate is not None:
        for line in certificate.lines:
            if line.quantity == "time":
                return _by_certificate("time", conditions, line).gain
    key = f"{conditions.monitor}/time"
    line = line_for(conditions.lines, "time", "measure", None, 0.0)
    if line is None:
        return rectangular(
            key,
            "sample clock",
            conditions.clock_tolerance,
            "",
            "no specification known: the tolerance of the clock check",
            "assumed",
        )
    wider, why = temperature_factor(line, conditions.temperature_c)
    return rectangular(key, "sample clock", line.gain * wider, "", line.source + why, line.status)


def voltage_error(conditions: Conditions) -> tuple[Errors, Input | None]:
    """The errors of the supply voltage, and the difference between it and a measured one, if there is any.

    A voltage that monitor or supply measured between windows does not correct the energy, which is computed
    with the stated voltage: the figure stays what anybody recomputes from the trace. Their difference is
    known, so it counts whole, as a standard uncertainty, and not as a bound that would be divided by sqrt(3):
    the truth lies at that bound (JCGM 100:2008, F.2.4.5; decision 0032).
    """
    voltage_v, source = conditions.voltage_v, conditions.voltage_source
    if source == "samples":
        return errors_of("voltage", conditions, voltage_v, conditions.voltage_range), None
    difference = None
    if conditions.measured_v is not None:
        apart = abs(conditions.measured_v / voltage_v - 1.0)
        difference = normal(
            f"{conditions.session}/voltage difference",
            "measured voltage against the stated one",
            apart,
            "",
            f"{conditions.measured_v:.6g} V by the {source}, {voltage_v:g} V stated; counted whole",
            "measured",
        )
    if source == "monitor":
        try:
            return errors_of("voltage", conditions, voltage_v, conditions.voltage_range), difference
        except MissingLineError:
            pass  # it measures the voltage, and nobody says how well: what the source is specified to follows
    if conditions.voltage_tolerance is not None:
        return Errors(_stated(conditions), None), difference
    try:
        return errors_of("voltage", conditions, voltage_v, conditions.voltage_range, "source"), difference
    except MissingLineError:
        return Errors(_stated(conditions), None), difference


def _stated(conditions: Conditions) -> Input:
    tolerance = conditions.voltage_tolerance
    key = f"bench {conditions.bench}/voltage {conditions.voltage_v:g} V"
    if tolerance is not None:
        return rectangular(key, "supply voltage", tolerance, "", "tolerance in the bench file", "specified")
    source = "no specification known: assumed as an LPM01A's supply (mlperf-tiny.md 4)"
    return rectangular(key, "supply voltage", ASSUMED_VOLTAGE, "", source, "assumed")
