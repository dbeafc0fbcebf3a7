"""Axes with plain numbers: an SI prefix in the axis's label, never a power of ten beside a tick."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from energy.report.units import prefixed, scale_for
from energy.uncertainty.rounding import prefix_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Direction = Literal["x", "y"]
_MINOR_LABELS_UP_TO = 10.0**1.2
"""A logarithmic axis whose end is at most this many times its beginning has labels at 2 and 5 as well."""


_BEYOND = 1e7
"""Numbers from here on, for which no prefix is left, are written with an exponent."""


def si_axis(axes: Axes, direction: Direction, quantity: str, unit: str, note: str = "") -> int:
    """Labels an axis whose data are in SI units without prefix: ``power (mW)``, its ticks plain numbers.

    Call it after the data are drawn or the limits set. The prefix follows the largest number on the axis.

    Args:
        axes: The axes.
        direction: Which axis.
        quantity: The quantity's name.
        unit: Its unit without prefix, or an empty text.
        note: What stands behind the unit.

    Returns:
        The power of ten of the prefix.
    """
    axis, limits = _axis(axes, direction)
    if axis.get_scale() == "log":
        power = _power(math.sqrt(abs(limits[0] * limits[1])), unit)
        _log_ticks(axis, limits, power)
    else:
        power = _linear_ticks(axis, limits, unit)
    name = prefixed(power, unit)
    label = f"{quantity} ({name}){note}" if name else f"{quantity}{note}"
    axis.set_label_text(label)
    return power


def plain(values: Sequence[float]) -> list[str]:
    """Numbers of an axis as text, all with the decimals that their distances need; no exponents."""
    if any(abs(value) >= _BEYOND for value in values):
        return [f"{value:.6g}" for value in values]  # damaged samples may be any number
    ordered = sorted({value for value in values if math.isfinite(value)})
    steps = [high - low for low, high in pairwise(ordered) if high > low]
    step = min(steps, default=abs(ordered[0]) if ordered else 1.0)
    decimals = 0
    while decimals < 12 and any(
        abs(round(value, decimals) - value) > step * 1e-3 for value in (step, *ordered)
    ):
        decimals += 1
    return [f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}") for value in values]


def number(value: float) -> str:
    """A number of a logarithmic axis as text, as short as it can be, without an exponent."""
    text = f"{value:.6g}"
    return text if "e" not in text else f"{value:.12f}".rstrip("0").rstrip(".")


def _axis(axes: Axes, direction: Direction) -> tuple[Axis, tuple[float, float]]:
    low, high = axes.get_xlim() if direction == "x" else axes.get_ylim()
    return (axes.xaxis if direction == "x" else axes.yaxis), (low, high)


def _power(largest: float, unit: str) -> int:
    """The power of ten for a unit: energies are in µJ where figures in text are (``prefix_for``)."""
    if not unit:
        return 0
    return round(math.log10(prefix_for(largest, "J")[0])) if unit == "J" else scale_for(largest)


def _linear_ticks(axis: Axis, limits: tuple[float, float], unit: str) -> int:
    """Sets round ticks; returns the power of ten that brings the largest of them into 1 to 999."""
    from matplotlib.ticker import Formatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 2.5, 5, 10], min_n_ticks=3))
    low, high = sorted(limits)
    ticks = [abs(tick) for tick in axis.get_majorticklocs().tolist() if low <= tick <= high]
    power = _power(max(ticks, default=0.0) * (1 + 1e-9), unit)

    class Plain(Formatter):
        """Ticks in SI units as plain numbers of a prefixed unit."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return number(x / 10.0**power)

        def format_ticks(self, values: list[float]) -> list[str]:
            return plain([value / 10.0**power for value in values])

    axis.set_major_formatter(Plain())
    return power


def _log_ticks(axis: Axis, limits: tuple[float, float], power: int) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    def text(value: float, _: int | None = None) -> str:
        return number(value / 10.0**power)

    low, high = sorted(limits)
    narrow = low > 0 and high / low <= _MINOR_LABELS_UP_TO
    axis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0) if narrow else (1.0,), numticks=15))
    axis.set_minor_locator(LogLocator(10, subs=tuple(range(2, 10)), numticks=15))
    axis.set_major_formatter(FuncFormatter(text))
    axis.set_minor_formatter(NullFormatter())
