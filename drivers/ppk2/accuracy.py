"""Accuracy of a PPK2 (protocols.md 7)."""

from __future__ import annotations

from drivers.unverified import SPECIFICATION, Unverified
from energy.instruments import Accuracy

_GUIDE = (
    "Nordic, PPK2 User Guide, pages Measurement accuracy and Measurement resolution, as ppk2lab "
    "quotes them (790a338, its page on calibration)"
)
_CURRENT = (
    ("R0", 50e-6, 0.10, 0.2e-6),
    ("R1", 500e-6, 0.10, 0.5e-6),
    ("R2", 5e-3, 0.10, 5e-6),
    ("R3", 50e-3, 0.10, 50e-6),
    ("R4", 1.0, 0.15, 1e-3),
)
"""Name in ``RangeChange``, upper end, accuracy, resolution."""
_SUPPLY = 0.03
_CLOCK = 200e-6


UNVERIFIED = (
    Unverified("_SUPPLY", "The voltage of its regulator is right to 3 %.", *SPECIFICATION),
    Unverified("_CLOCK", "Its sample clock is right to 200 ppm.", *SPECIFICATION),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


def accuracy_lines(mode: str) -> tuple[Accuracy, ...]:
    """The specification: typical figures, not limits.

    The instrument switches its range by itself within microseconds. The stream tells each change by the
    names ``R0`` (the most sensitive) to ``R4``, so the settings name no range. The resolution counts as an
    offset: at a constant current it does not average out.

    Args:
        mode: ``"source"`` or ``"ampere"``: an ammeter supplies no voltage.
    """
    current = tuple(
        Accuracy(
            *("current", name, full_scale, gain, offset),
            source=_GUIDE,
            status="typical",
            conditions="average; the offset is the resolution",
            linear=False,
        )
        for name, full_scale, gain, offset in _CURRENT
    )
    supply = Accuracy(
        *("voltage", "0.8 to 5 V", 5.0, _SUPPLY, 0.0),
        source="assumed: no document at hand; 3 % too low at 3 V was seen with its predecessor, the PPK "
        "(devzone.nordicsemi.com, question 58914)",
        status="assumed",
        role="source",
    )
    clock = Accuracy(
        *("time", "sample clock", 0.0, _CLOCK, 0.0),
        source="assumed: no document at hand; as large as the worst that was seen of an LPM01A",
        status="assumed",
    )
    return (*current, *((supply,) if mode == "source" else ()), clock)
