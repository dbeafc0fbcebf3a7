"""The accuracy specification of an instrument as data, from which uncertainty budgets are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["specified", "typical", "assumed"]
"""Whether a figure is a limit that the maker guarantees, one that he calls typical (or that was seen on
several instruments), or one that no document at hand states (protocols.md 7, [U])."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A line of an instrument's accuracy specification: ± (gain of the reading + offset).

    The limits are those of a rectangular distribution (JCGM 100, 4.3.7) unless a coverage factor is stated.

    Attributes:
        quantity: The quantity that is specified; ``"time"`` is the sample clock.
        range: Name of the range, as ``RangeChange`` and the settings give it.
        full_scale: Upper end of the range, in A, V; 0 for time.
        gain: Fraction of the reading.
        offset: In A, V; 0 for time.
        source: Document, with page or section.
        status: Specified, typical or assumed.
        conditions: Time since calibration, integration time, what else the line requires.
        role: ``"measure"`` for what is measured, ``"source"`` for a voltage that is programmed.
        linear: Whether the gain is the same at every current of the range, so that it cancels in the ratio
            of two results; False where one figure stands for gain and nonlinearity of a wide range.
        lowest_c: Lowest temperature in °C at which the line holds.
        highest_c: Highest temperature in °C at which it holds.
        per_celsius: Fraction of the line that is added for each °C outside these temperatures; None where
            the document states none.
        noise: Standard deviation of one reading, in A, V; 0 where it is not stated.
        aperture_s: Integration time that the noise is stated for; 0 where it is not stated.
        interval_days: Calibration interval that the line holds for; None where it is not stated.
    """

    quantity: Literal["current", "voltage", "power", "time"]
    range: str
    full_scale: float
    gain: float
    offset: float
    source: str
    status: Status = "specified"
    conditions: str = ""
    role: Literal["measure", "source"] = "measure"
    linear: bool = True
    lowest_c: float = 18.0
    highest_c: float = 28.0
    per_celsius: float | None = None
    noise: float = 0.0
    aperture_s: float = 0.0
    interval_days: float | None = None


def line_for(
    lines: Sequence[Accuracy],
    quantity: str,
    role: Literal["measure", "source"] = "measure",
    range_name: str | None = None,
    reading: float | None = None,
) -> Accuracy | None:
    """The line that holds for a reading.

    Args:
        lines: A specification.
        quantity: The quantity.
        role: Whether it is measured or programmed.
        range_name: Name of the range in use; if None, the smallest range that includes the reading counts.
        reading: The reading, in A or V.

    Returns:
        The line of the named range, or of the smallest that includes the reading; None if there is none.
    """
    of_kind = [line for line in lines if line.quantity == quantity and line.role == role]
    if range_name is not None:
        return next((line for line in of_kind if line.range == range_name), None)
    fitting = [line for line in of_kind if reading is None or line.full_scale >= abs(reading)]
    return min(fitting, key=lambda line: line.full_scale, default=None)


def range_named(
    lines: Sequence[Accuracy], quantity: str, upper_end: float, role: Literal["measure", "source"] = "measure"
) -> str | None:
    """The name of the range with this upper end, as an instrument answers it; None if no line has it.

    Args:
        lines: A specification.
        quantity: The quantity.
        upper_end: Upper end of the range in A or V; 1 % more or less is the same range.
        role: Whether it is measured or programmed.
    """
    for line in lines:
        of_kind = line.quantity == quantity and line.role == role
        if of_kind and abs(line.full_scale - upper_end) <= 0.01 * upper_end:
            return line.range
    return None
