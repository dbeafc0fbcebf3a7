"""Known loads that take the place of the DUT: resistors, and loads of a known current."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from energy.errors import UsageError

_RESISTORS = {"": 1.0, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6}
_CURRENTS = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}
_PARTS = {"%": 1e-2, "ppm": 1e-6}
_NUMBER = r"(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
_TOLERANCE = rf"(?:\s+(?:±|\+-|\+/-)?\s*{_NUMBER}\s*(%|ppm))?"
_RESISTOR = re.compile(rf"{_NUMBER}\s*([mkKM]?)\s*(?:[oO]hms?|[\u03a9\u2126]|R)?{_TOLERANCE}")
_CURRENT = re.compile(rf"{_NUMBER}\s*([muµμn]?)A{_TOLERANCE}")


@dataclass(frozen=True)
class Load:
    """A known load.

    Attributes:
        text: As a person named it.
        value: Resistance in ohm, or current in A.
        tolerance: Fraction by which the true value may differ: the half-width of a rectangular distribution.
        resistor: Whether the value is a resistance.
    """

    text: str
    value: float
    tolerance: float
    resistor: bool

    def current_a(self, voltage_v: float) -> float:
        """The current that it should draw."""
        return voltage_v / self.value if self.resistor else self.value


def parse_resistor(text: str) -> Load:
    """A resistor with its tolerance: ``1 kohm 0.1%``, ``330R 1%``, ``10.0023 ohm 50ppm``.

    Raises:
        UsageError: ``calcheck.load``.
    """
    return _parsed(text, _RESISTOR, _RESISTORS, "resistor", "1 kohm 0.1%", resistor=True)


def parse_current(text: str) -> Load:
    """A load of known current with its tolerance: ``1 mA 0.05%``.

    Raises:
        UsageError: ``calcheck.load``.
    """
    return _parsed(text, _CURRENT, _CURRENTS, "reference current", "1 mA 0.05%", resistor=False)


def loads_of(resistors: Sequence[str], currents: Sequence[str]) -> tuple[Load, ...]:
    """The loads that a person named, the smallest current last.

    Raises:
        UsageError: ``calcheck.load``, also where there is none.
    """
    loads = [parse_resistor(text) for text in resistors] + [parse_current(text) for text in currents]
    if not loads:
        raise UsageError("calcheck.load", "no load is named", "For example: --resistor '1 kohm 0.1%'")
    return tuple(loads)


def _parsed(
    text: str, form: re.Pattern[str], units: dict[str, float], what: str, example: str, *, resistor: bool
) -> Load:
    found = form.fullmatch(text.strip())
    if found is None:
        raise UsageError("calcheck.load", f"{text!r} is no {what}", f"For example: {example!r}")
    number, unit, tolerance, part = found.groups()
    if tolerance is None:
        raise UsageError(
            "calcheck.load",
            f"{text!r} has no tolerance, so nothing follows from it",
            f"Add it, as printed or on its certificate: {example!r}",
        )
    value, fraction = float(number) * units[unit], float(tolerance) * _PARTS[part]
    if not (0 < value < math.inf and 0 < fraction < 0.5):
        raise UsageError(
            "calcheck.load", f"{text!r} is beyond what can be checked", f"For example: {example!r}"
        )
    return Load(" ".join(text.split()), value, fraction, resistor)
