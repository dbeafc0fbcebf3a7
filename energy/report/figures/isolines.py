"""Lines of equal power, energy or energy-delay product across a chart over latency, each with its value."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from energy.report.figures.labels import Places
from energy.report.figures.style import GREY, text_width_pt
from energy.report.units import compact

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class IsoLines(NamedTuple):
    """A family of lines ``y = value * x ** slope`` on logarithmic axes.

    Attributes:
        slope: Exponent of x.
        unit: Unit of the value; empty: a ratio.
        most: How many there are at most.
        style: Style of the line.
        colour: Of line and text.
    """

    slope: int
    unit: str
    most: int
    style: str | tuple[float, tuple[float, ...]]
    colour: str = GREY


def draw_isolines(axes: Axes, places: Places, lines: IsoLines, size_pt: float) -> list[float]:
    """Draws the lines at powers of ten that cross the axes, each labelled along it; without room it is left.

    Args:
        axes: Logarithmic axes, whose place and limits must not change any more.
        places: What is taken inside them; the labels are added to it.
        lines: The lines.
        size_pt: Height of the labels.

    Returns:
        The values of the lines that are drawn.
    """
    x, y = axes.get_xlim(), axes.get_ylim()
    per_decade = places.width / math.log10(x[1] / x[0]), places.height / math.log10(y[1] / y[0])
    angle = math.degrees(math.atan2(lines.slope * per_decade[1], per_decade[0]))
    corners = [y_end / x_end**lines.slope for x_end in x for y_end in y]
    low, high = math.ceil(math.log10(min(corners))), math.floor(math.log10(max(corners)))
    step = max(1, math.ceil((high - low + 1) / lines.most))
    drawn: list[float] = []
    for exponent in range(low, high + 1, 1):
        if exponent % step:
            continue
        value = 10.0**exponent
        text = compact(value, lines.unit) if lines.unit else f"{value:g} ×"
        if _labelled(axes, places, lines, value, text, size_pt, angle):
            at = np.array(x)
            axes.plot(
                at, value * at**lines.slope, lw=0.6, ls=lines.style, color=lines.colour, alpha=0.9, zorder=1,
                scalex=False, scaley=False, gid="isoline",
            )  # fmt: skip
            drawn.append(value)
    return drawn


def _labelled(
    axes: Axes, places: Places, lines: IsoLines, value: float, text: str, size_pt: float, angle: float
) -> bool:
    """Writes the value of a line along it, where it is free; False if it is nowhere."""
    x, y = axes.get_xlim(), axes.get_ylim()
    width, height = text_width_pt(text, size_pt) + 2, size_pt * 1.2
    turned = math.radians(angle)
    across = abs(width * math.cos(turned)) + abs(height * math.sin(turned))
    up = abs(width * math.sin(turned)) + abs(height * math.cos(turned))
    tries = np.geomspace(x[1], x[0], 60)[1:-1]
    levels = value * tries**lines.slope
    seen = [(float(a), float(b)) for a, b in zip(tries, levels, strict=True) if y[0] < b < y[1]]
    for (a, b), (right, top) in zip(seen, places.at(seen), strict=True):
        box = (right - across / 2, top - up / 2, right + across / 2, top + up / 2)
        if places.is_free(box):
            places.take(box)
            axes.text(
                a, b, text, rotation=angle, rotation_mode="anchor", ha="center", va="center", zorder=1.5,
                fontsize=size_pt, color=lines.colour,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            )  # fmt: skip
            return True
    return False
