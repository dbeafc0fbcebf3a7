"""The monitor's calibration certificate in a session: whether it is this monitor's, and still in date."""

from __future__ import annotations

from datetime import date

from energy.bench.assemble import EnergyBench
from energy.errors import BenchError
from energy.evidence.calibration import Calibration, CalibrationLine
from energy.evidence.documents import Instrument
from energy.findings import Finding
from energy.window.figures import SessionFigures

VIRTUAL_NUMBER = "virtual"
"""Serial number of a twin of an instrument that states none."""
_A_DAY = 1
"""Days by which two dates may differ because of time zones."""


def serial_number_of(monitor: Instrument) -> str:
    """The serial number that a monitor states; one that states none may show it in its port.

    Serial ports by their identity (``/dev/serial/by-id/...``) contain it; then this is the port.
    """
    return monitor.serial_number or (VIRTUAL_NUMBER if monitor.virtual else monitor.url)


def refuse_other_instrument(calibration: Calibration | None, monitor: Instrument) -> None:
    """Raises if a certificate is not that of the monitor that answers.

    Raises:
        BenchError: ``calibration.other-instrument``.
    """
    if calibration is None:
        return
    number = serial_number_of(monitor)
    if not monitor.serial_number and calibration.serial_number.casefold() in number.casefold():
        number = calibration.serial_number
    if calibration.is_of(monitor.model, number):
        return
    if monitor.serial_number:
        hint = "Name the certificate of this instrument under monitor.calibration, or leave the key out."
        stated = f"serial number {monitor.serial_number}"
    else:
        hint = "This instrument states no serial number: use its port by identity (/dev/serial/by-id/...)."
        stated = f"no serial number, at {monitor.url}"
    raise BenchError(
        "calibration.other-instrument",
        f"the certificate is of a {calibration.model}, serial number {calibration.serial_number}; a "
        f"{monitor.model} answers, {stated}",
        hint,
    )


def date_findings(calibration: Calibration | None, day: date) -> list[Finding]:
    """Findings about a certificate's dates.

    Args:
        calibration: The certificate, if there is one.
        day: The day of the session.
    """
    if calibration is None:
        return []
    if calibration.due is not None and calibration.due < day:
        over = (day - calibration.due).days
        days = f"{over} day{'s' if over > 1 else ''} before the session of {day}"
        evidence = f"calibrated on {calibration.date}, due on {calibration.due}, {days}"
        return [Finding("calibration.overdue", evidence)]
    if (calibration.date - day).days > _A_DAY:
        return [Finding("calibration.in-future", f"dated {calibration.date}, session of {day}")]
    return []


def coverage_findings(
    calibration: Calibration | None, figures: SessionFigures, voltage_v: float
) -> list[Finding]:
    """A finding if the certificate holds for other currents than that of the windows.

    Args:
        calibration: The certificate, if there is one.
        figures: The windows.
        voltage_v: The supply voltage.
    """
    power = figures.power_w()
    lines = [line for line in calibration.lines if line.quantity == "current"] if calibration else []
    if power is None or not lines:
        return []
    current_a = power.median / voltage_v
    if any(line.holds_for(current_a) for line in lines):
        return []
    spans = ", ".join(_span(line) for line in lines)
    return [Finding("calibration.beyond", f"mean current {current_a:.4g} A; the certificate holds {spans}")]


def _span(line: CalibrationLine) -> str:
    lowest = f"from {line.lowest:.4g} A" if line.lowest is not None else ""
    highest = f"to {line.highest:.4g} A" if line.highest is not None else ""
    on = f"on {line.range}" if line.range else ""
    return " ".join(part for part in (lowest, highest, on) if part)


def taken_certificate(bench: EnergyBench) -> tuple[Calibration | None, list[Finding]]:
    """The certificate in force on a bench, for the record, and the findings about its dates."""
    return bench.calibration, date_findings(bench.calibration, date.today())
