"""A printed figure beside what follows for it from the files: the one comparison of the two.

A figure agrees if it is the recomputed value to its last printed digit. Where the next decimal is a 5, either
neighbour is right: runners round and add up in other orders, and a correctly rounded sum may lie on the other
side of the tie.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from energy.runs.results_text import Figure

_LONG = 9
"""Decimals from which on a figure is a float printed whole, whose last digits depend on how it came about."""
_ROUNDING = 1e-11
"""Relative difference of the same sum added up in another order."""
HEADER_S = 0.005001
"""Two decimals, which the EEMBC runner's own header rounds either way where the third one is a 5."""
_HEADERS = ("start", "length")

_SI = {"µJ": (1e-6, "J"), "µJ/inf": (1e-6, "J"), "µW": (1e-6, "W"), "mW": (1e-3, "W"), "%": (0.01, "1")}
"""Factor and SI unit of the units that runners print; per inference is per a number."""

FigureSource = Literal["trace", "log", "results.json", "results.txt"]


@dataclass(frozen=True, slots=True)
class FigureCheck:
    """A printed figure and what follows for it from the files.

    Attributes:
        name: ``"energy"``, ``"power"``, ``"energy per inference"``, ``"iterations"``, ``"duration"``,
            ``"throughput"``, ``"median energy"``, ``"median throughput"``, ``"top-1"``, ``"AUC"``, ``"true
            positives"``, ``"false negatives"``, ``"false positives"``, ``"duty cycle"`` or ``"period"``.
        window: Number of the window, from 1, or None where it is about the run.
        unit: Unit of both texts.
        printed: As results.txt prints it.
        recomputed: With as many digits; None where the files at hand do not allow it.
        source: What it was recomputed from.
        agrees: Whether both are the same; None where it could not be recomputed.
    """

    name: str
    window: int | None
    unit: str
    printed: str
    recomputed: str | None
    source: FigureSource
    agrees: bool | None

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: both figures as numbers in SI units, and as they are printed."""
        scale, unit = _SI.get(self.unit, (1.0, self.unit))
        return {
            "name": self.name,
            "window": self.window,
            "unit": unit,
            "printed": _number(self.printed, scale),
            "recomputed": _number(self.recomputed, scale),
            "printed_text": self.printed,
            "recomputed_text": self.recomputed,
            "text_unit": self.unit,
            "source": self.source,
            "agrees": self.agrees,
        }


def _number(text: str | None, scale: float) -> float | None:
    return None if text is None else float(text) * scale


def compare(
    name: str, window: int | None, unit: str, printed: Figure, value: float | None, source: FigureSource
) -> FigureCheck:
    """A printed figure with what follows for it.

    Args:
        name: Which figure, see ``FigureCheck``.
        window: Number of its window, from 1, or None.
        unit: Of both texts.
        printed: As it is printed.
        value: What follows for it in the same unit, or None where nothing does.
        source: What it follows from.
    """
    if value is None or not math.isfinite(value):
        return FigureCheck(name, window, unit, printed.text, None, source, agrees=None)
    same = abs(printed.number - value) <= HEADER_S if name in _HEADERS else agrees(printed, value)
    return FigureCheck(name, window, unit, printed.text, as_printed(value, printed.text), source, same)


def agrees(printed: Figure, value: float, *, below: float = 0.0, above: float = 0.0) -> bool:
    """Whether a printed figure is a value to its last digit.

    Args:
        printed: The figure.
        value: What it should be, in the same unit.
        below: By how much more the figure may be below the value.
        above: By how much more it may be above.
    """
    if not math.isfinite(value) or not math.isfinite(printed.number):
        return False
    if float(as_printed(value, printed.text)) == printed.number:
        return True
    slack = half_unit(printed) + _ROUNDING * abs(value)
    if -below - slack <= printed.number - value <= above + slack:
        return True
    long = len(printed.text.partition(".")[2]) >= _LONG
    return long and math.isclose(printed.number, value, rel_tol=_ROUNDING)


def half_unit(figure: Figure) -> float:
    """Half a unit of a printed figure's last decimal."""
    return 0.5 * 10.0 ** -min(len(figure.text.partition(".")[2]), 15) * (1 + 1e-6)


def as_printed(value: float, text: str) -> str:
    """``value`` with as many decimals as a printed figure has."""
    try:
        exponent = Decimal(text).as_tuple().exponent
    except InvalidOperation:
        exponent = 0
    decimals = min(max(-exponent, 0), 17) if isinstance(exponent, int) else 0
    return f"{value:.{decimals}f}"
