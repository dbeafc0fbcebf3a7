"""Accuracy of a Keithley 2461, all of it assumed: its specification was not at hand (protocols.md 7)."""

from __future__ import annotations

from drivers.unverified import SPECIFICATION, Unverified
from energy.instruments import Accuracy

_EXAMPLE = (
    "0.020 % + 15 µA on 100 mA, the source's accuracy in an example of its manual (2461-901-01 A, p. 4-19)"
)
_RANGES_A = (
    ("1 µA", 1e-6),
    ("10 µA", 10e-6),
    ("100 µA", 100e-6),
    ("1 mA", 1e-3),
    ("10 mA", 10e-3),
    ("100 mA", 0.1),
    ("1 A", 1.0),
    ("4 A", 4.0),
    ("7 A", 7.0),
)
_GAIN, _OF_RANGE = 0.001, 0.0005
"""Of the digitizer: five times the example's gain, three times its offset as a part of the range."""
_RANGES_V = (("200 mV", 0.2), ("2 V", 2.0), ("7 V", 7.0), ("10 V", 10.0), ("20 V", 20.0), ("100 V", 100.0))
_GAIN_V, _OF_RANGE_V, _LEAST_V = 0.0004, 0.00025, 0.6e-3
"""Twice a 2450's source: 0.020 %, 2.4 mV of 20 V, 300 µV on 2 V."""
_CLOCK = 100e-6


UNVERIFIED = (
    Unverified(
        "_GAIN",
        "Its digitizer is right to 0.1 % of the reading and 0.05 % of the range; the voltage that it sources "
        "and measures to 0.04 % and 0.025 %, at least 0.6 mV.",
        *SPECIFICATION,
    ),
    Unverified("_CLOCK", "Its sample clock is right to 100 ppm.", *SPECIFICATION),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


def accuracy_lines() -> tuple[Accuracy, ...]:
    """The specification: digitized current, voltage of the source, measured voltage, sample clock.

    The names of the ranges are those of ``current_range`` and ``voltage_range`` in the settings.
    """
    current = f"assumed: no specification at hand; five times the gain, three times the offset of {_EXAMPLE}"
    voltage = "assumed: no specification at hand; twice the source of a 2450 (SPEC-2450 Rev. A, p. 2)"
    offsets_v = {name: max(_OF_RANGE_V * upper_v, _LEAST_V) for name, upper_v in _RANGES_V}
    return (
        *(
            Accuracy("current", name, upper_a, _GAIN, _OF_RANGE * upper_a, current, "assumed")
            for name, upper_a in _RANGES_A
        ),
        *(
            Accuracy("voltage", name, upper_v, _GAIN_V, offsets_v[name], voltage, "assumed", role=role)
            for role in ("source", "measure")
            for name, upper_v in _RANGES_V
        ),
        Accuracy(
            *("time", "sample clock", 0.0, _CLOCK, 0.0),
            source="assumed: no document at hand; as the Series 2600's time stamps (SPEC-2600S Rev. B, p. 3)",
            status="assumed",
        ),
    )
