"""Accuracy of an LPM01A (protocols.md 3.5, 3.6, 7)."""

from __future__ import annotations

import math

from drivers.unverified import SPECIFICATION, Unverified
from energy.instruments import Accuracy

DYNAMIC = "dynamic"
"""The range of a stream, which the instrument does not divide; ``current_range`` in its settings."""
SUPPLY = "1.8 to 3.3 V"
"""The range of its supply; ``voltage_range`` in its settings."""
_DIGITS = {"ascii_dec": 0.0005, "bin_hexa": 0.002}
"""Worst error of a sample by its digits, as a fraction, by format (protocols.md 7)."""
_CLOCK = 200e-6


UNVERIFIED = (
    Unverified(
        "_CLOCK",
        "Its sample clock is right to 200 ppm: it ran 69 to 195 ppm fast in 22 published sessions.",
        *SPECIFICATION,
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


def accuracy_lines(stream_format: str, highest_a: float) -> tuple[Accuracy, ...]:
    """The specification.

    The 2 % of dynamic mode stand for gain and nonlinearity of five decades, so they do not cancel in the
    ratio of two results at different currents. No offset is published.

    Args:
        stream_format: ``"ascii_dec"`` or ``"bin_hexa"``: it rounds each sample. The noise is that of the
            digits at the upper end of the range, uniform within their worst error; at smaller currents it is
            smaller in proportion.
        highest_a: Upper end of dynamic mode, by ``funcmode``.
    """
    digits = _DIGITS[stream_format]
    return (
        Accuracy(
            *("current", DYNAMIC, highest_a, 0.02, 0.0),
            source="UM2243 Rev 2, section 10: in the range of 2 %",
            status="typical",
            conditions=f"no offset is published; {stream_format} rounds a sample by {digits:.2%} at worst",
            linear=False,
            noise=digits * highest_a / math.sqrt(3.0),
        ),
        Accuracy(
            *("current", "static", 0.2, 0.02, 0.0),
            source="UM2243 Rev 2, p. 23, section 9: better than 2 %",
            conditions="the current varies by less than 10 %",
            linear=False,
        ),
        Accuracy(
            *("voltage", SUPPLY, 3.3, 0.01, 0.0),
            source="UM2269 Rev 6: tolerance about 1 %",
            status="typical",
            role="source",
        ),
        Accuracy(
            *("time", "sample clock", 0.0, _CLOCK, 0.0),
            source="protocols.md 3.6: 69 to 195 ppm fast in 22 published sessions",
            status="typical",
            conditions="no document states it",
        ),
    )
