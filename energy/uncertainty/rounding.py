"""A figure with its uncertainty as text: two significant digits of U, one more of the value."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

_PREFIXES = (
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
    (1e-12, "p"),
)
_MICROJOULE = 1e-6, 1e-2
"""Energies in this range are given in µJ, as results of the benchmark are."""
_PLAIN = ("inf/s", "", "1", "%")
"""Units that take no prefix."""


def prefix_for(value: float, unit: str) -> tuple[float, str]:
    """Factor and unit in which a value is easily read.

    Args:
        value: The value in ``unit``.
        unit: An SI unit.
    """
    if unit in _PLAIN or not math.isfinite(value) or value == 0:
        return 1.0, unit
    if unit == "J" and _MICROJOULE[0] <= abs(value) < _MICROJOULE[1]:
        return 1e-6, "µJ"
    for factor, prefix in _PREFIXES:
        if abs(value) >= factor:
            return factor, prefix + unit
    return _PREFIXES[-1][0], _PREFIXES[-1][1] + unit


def two_digits(expanded: float) -> tuple[Decimal, int]:
    """An uncertainty with two significant digits, and the exponent of its last one (JCGM 100:2008, 7.2.6).

    Args:
        expanded: The uncertainty, above 0.
    """
    exact = Decimal(repr(float(expanded)))
    last = exact.adjusted() - 1
    rounded = exact.quantize(Decimal(1).scaleb(last), rounding=ROUND_HALF_UP)
    if rounded.adjusted() > exact.adjusted():  # 9.96 became 10.0
        last += 1
        rounded = rounded.quantize(Decimal(1).scaleb(last), rounding=ROUND_HALF_UP)
    return rounded, last


def figure_text(value: float, expanded: float, unit: str, k: float | None = None) -> str:
    """A figure as ``1430.7 µJ ± 33 µJ (95 %, k = 2.0)``.

    U has two significant digits; the value has a digit more, so that it can be used further. The larger of
    the two decides on the prefix.

    Args:
        value: The figure, in ``unit``.
        expanded: Its expanded uncertainty, in ``unit``.
        unit: Its unit.
        k: Coverage factor; left out if None.
    """
    value, expanded = float(value), float(expanded)
    larger = expanded if math.isfinite(expanded) and expanded > abs(value) else value
    factor, shown = prefix_for(larger, unit)
    space = f" {shown}" if shown else ""
    if not (math.isfinite(value) and math.isfinite(expanded)) or expanded <= 0:
        return f"{value / factor:.6g}{space}"
    rounded, last = two_digits(expanded / factor)
    digits = Decimal(repr(value / factor)).quantize(
        Decimal(1).scaleb(min(last - 1, 0)), rounding=ROUND_HALF_UP
    )
    whole = rounded.quantize(Decimal(1)) if last > 0 else rounded
    factor_text = f" (95 %, k = {k:.1f})" if k is not None else ""
    return f"{digits:f}{space} ± {whole:f}{space}{factor_text}"
