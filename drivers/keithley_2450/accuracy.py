"""Accuracy of a Keithley 2450: SPEC-2450 Rev. A, July 2013, p. 2 (protocols.md 7)."""

from __future__ import annotations

from drivers.unverified import SPECIFICATION, Unverified
from energy.instruments import Accuracy, Status

_SPEC = "SPEC-2450 Rev. A, July 2013, p. 2"
_ONE_PLC = "1 year, 1 PLC, zeroed"
_PER_CELSIUS = 0.15
"""Fraction of the specification for each °C from 0 to 18 °C and from 28 to 50 °C."""
_YEAR = 365.0
_CURRENT = (
    ("10 nA", 10e-9, 0.001, 50e-12),
    ("100 nA", 100e-9, 0.0006, 100e-12),
    ("1 µA", 1e-6, 0.00025, 300e-12),
    ("10 µA", 10e-6, 0.00025, 700e-12),
    ("100 µA", 100e-6, 0.0002, 6e-9),
    ("1 mA", 1e-3, 0.0002, 60e-9),
    ("10 mA", 10e-3, 0.0002, 600e-9),
    ("100 mA", 0.1, 0.00025, 6e-6),
    ("1 A", 1.0, 0.0003, 500e-6),
)
_MEASURED = (
    ("20 mV", 0.02, 0.001, 150e-6),
    ("200 mV", 0.2, 0.00012, 200e-6),
    ("2 V", 2.0, 0.00012, 300e-6),
    ("20 V", 20.0, 0.00015, 1e-3),
    ("200 V", 200.0, 0.00015, 10e-3),
)
_SOURCED = (
    ("20 mV", 0.02, 0.001, 200e-6),
    ("200 mV", 0.2, 0.00015, 200e-6),
    ("2 V", 2.0, 0.0002, 300e-6),
    ("20 V", 20.0, 0.00015, 2.4e-3),
    ("200 V", 200.0, 0.00015, 24e-3),
)
_SHORT = ((1.0, 0.0), (0.1, 0.0001), (0.01, 0.0005))
"""Least integration in cycles of the mains, and what is added then, as a fraction of the range."""
_CLOCK = 100e-6


UNVERIFIED = (
    Unverified("_CLOCK", "Its time stamps are right to 100 ppm.", *SPECIFICATION),
    Unverified(
        "_SHORT",
        "Below 1 PLC its accuracy is worse by the part of the range that Keysight states for the B2900.",
        *SPECIFICATION,
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


def accuracy_lines(nplc: float = 1.0) -> tuple[Accuracy, ...]:
    """The specification: measured current and voltage, sourced voltage, time stamps.

    The names of the ranges are those of ``current_range`` and ``voltage_range`` in the settings.

    Args:
        nplc: Integration time in cycles of the mains; below 1 the current is less accurate.
    """
    added = next((part for least, part in _SHORT if nplc >= least * (1 - 1e-9)), _SHORT[-1][1])
    source, status, conditions = _SPEC, "specified", _ONE_PLC
    if added:
        source, status = f"{_SPEC}; below 1 PLC as a Keysight B2900 (protocols.md 7)", "assumed"
        conditions = f"{_ONE_PLC}; {added:.2%} of the range added for {nplc:g} PLC"
    return (
        *(
            _line(
                "current", (name, full_scale, gain, offset + added * full_scale), source, status, conditions
            )
            for name, full_scale, gain, offset in _CURRENT
        ),
        *(_line("voltage", row, _SPEC, "specified", _ONE_PLC) for row in _MEASURED),
        *(_line("voltage", row, _SPEC, "specified", "1 year", sourced=True) for row in _SOURCED),
        Accuracy(
            *("time", "time stamps", 0.0, _CLOCK, 0.0),
            source="assumed: no document at hand; as the Series 2600's (SPEC-2600S Rev. B, p. 3: 100 ppm)",
            status="assumed",
        ),
    )


def _line(
    quantity: str,
    row: tuple[str, float, float, float],
    source: str,
    status: Status,
    conditions: str,
    *,
    sourced: bool = False,
) -> Accuracy:
    return Accuracy(
        "current" if quantity == "current" else "voltage",
        *row,
        source=source,
        status=status,
        conditions=conditions,
        role="source" if sourced else "measure",
        per_celsius=_PER_CELSIUS,
        interval_days=_YEAR,
    )
