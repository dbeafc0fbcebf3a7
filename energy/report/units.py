"""SI values as text: the only place where µJ and mW appear."""

from __future__ import annotations

import math

_PREFIXES = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


def scale_for(value: float) -> int:
    """The power of ten, a multiple of 3, that brings a value into 1 to 999."""
    if value == 0 or not math.isfinite(value):
        return 0
    return min(max(math.floor(math.log10(abs(value)) / 3) * 3, -12), 9)


def engineering(value: float, unit: str, digits: int = 4) -> str:
    """A value with a prefixed unit and ``digits`` significant digits: ``0.0338`` W is ``33.80 mW``."""
    if not math.isfinite(value):
        return f"{value} {unit}"
    power = scale_for(value)
    scaled = value / 10.0**power
    decimals = digits - 1 - (math.floor(math.log10(abs(scaled))) if scaled else 0)
    return f"{scaled:.{max(decimals, 0)}f} {_PREFIXES[power]}{unit}"


def prefixed(power: int, unit: str) -> str:
    """The unit's name for values divided by ``10 ** power``."""
    return _PREFIXES[power] + unit


def significant(value: float, digits: int = 6) -> str:
    """A plain number with ``digits`` significant digits (at most 9 decimals), without an exponent."""
    if not math.isfinite(value):
        return str(value)
    decimals = digits - 1 - (math.floor(math.log10(abs(value))) if value else 0)
    return f"{value:.{min(max(decimals, 0), 9)}f}"


def compact(value: float, unit: str, digits: int = 4) -> str:
    """A value with a prefixed unit and no more digits than it needs: ``0.02`` s is ``20 ms``."""
    power = scale_for(value)
    return f"{float(f'{value / 10.0**power:.{digits}g}'):g} {_PREFIXES[power]}{unit}"
