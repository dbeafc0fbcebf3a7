"""Axes with a quantity over time: each sample where there is room, else the lowest, mean and highest."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy.printable import for_figure
from energy.recording.trace import Trace
from energy.report.decimation import UNITS, Columns, Floats, Quantity, calmed, decimated
from energy.report.figures.axes import si_axis
from energy.report.figures.marks import Scale
from energy.report.figures.style import BAND, FLAW, LINE, sizes
from energy.report.figures.view import View
from energy.report.units import engineering

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS_PER_INCH = 150
"""A column is about as wide as a line is thick in print: finer columns would be drawn over each other."""
_SINGLE = 3
"""Up to so many samples for each column, each sample is drawn."""
_APART_PT = 1.8
"""From this width of a sample on, the border between two samples is drawn."""
_FLAT = 0.01
"""Part of a constant value that is shown below and above it."""


def draw_quantity(
    axes: Axes, trace: Trace, view: View, scale: Scale, quantity: Quantity, *, named: bool = True
) -> Columns:
    """Draws a quantity of the samples in a view, in SI units over seconds.

    Args:
        axes: The axes.
        trace: The samples.
        view: The part of them.
        scale: How it lies on the paper.
        quantity: The quantity.
        named: Whether the legend names it; not where it is the legend of several quantities.

    Returns:
        What is drawn.
    """
    columns = max(round(scale.width_pt / 72 * COLUMNS_PER_INCH), 16)
    count = view.stop - view.first
    single = count <= _SINGLE * columns
    shape = decimated(trace, view.first, view.stop, count if single else columns, quantity)
    times = (shape.bounds + trace.signal.coverage_offset - view.zero) / trace.signal.rate_hz
    if not np.isfinite(shape.mean).any():
        axes.text(0.5, 0.5, "no finite sample here", ha="center", transform=axes.transAxes, color=FLAW)
        return shape
    line = sizes(scale.width_in).line
    name = f" {quantity}" if named else ""
    if single:
        label = quantity if named else "samples"
        draw_steps(axes, shape.mean, times, color=LINE, lw=line * 1.1, zorder=2.5, label=label)
        apart = scale.width_pt / count >= _APART_PT
        if quantity != "voltage":
            draw_steps(axes, shape.mean, times, 0.0, color=BAND, alpha=0.55, zorder=2.0)
        if quantity != "voltage" and apart:
            axes.vlines(times[1:-1], *_beside(shape), color=LINE, lw=line * 0.5, alpha=0.5, zorder=2.4)
    else:
        draw_steps(axes, shape.high, times, shape.low, color=BAND, zorder=2.0, label="lowest to highest")
        calm, step = calmed(shape)
        over_s = step * float(times[1] - times[0])
        name = f"mean{name}" if step == 1 else f"mean{name} of {engineering(over_s, 's', 2)} each"
        times = (calm.bounds + trace.signal.coverage_offset - view.zero) / trace.signal.rate_hz
        draw_steps(axes, calm.mean, times, color=LINE, lw=line, zorder=2.5, label=name)
    return shape


def draw_steps(
    axes: Axes, values: Floats, edges: npt.NDArray[Any], baseline: Floats | float | None = None, **style: Any
) -> None:
    """Draws values as steps, or the area from a baseline to them; NaN breaks it.

    As ``Axes.stairs``, which looks at each step in Python to find the limits: here the caller sets them.

    Args:
        axes: The axes.
        values: Shape (n,).
        edges: Where the steps begin and end, shape (n + 1,).
        baseline: What the area goes down to, shape (n,) or a number; None for a line.
        style: As for a patch of matplotlib.
    """
    from matplotlib.patches import StepPatch

    filled = baseline is not None
    style = {**style, "lw": 0.0 if filled else style.get("lw", 1.0)}
    below: Any = baseline  # matplotlib's types know numbers only
    axes.add_artist(StepPatch(values, edges, baseline=below, fill=filled, **style))


def finish(
    axes: Axes, shape: Columns, scale: Scale, quantity: Quantity, lines: int, height_in: float
) -> None:
    """Sets the limits, leaving room for ``lines`` lines of labels at the top, and labels the value's axis."""
    low, high = _limits(shape, from_zero=quantity != "voltage")
    room = min(lines * sizes(scale.width_in).small * 1.3 / (height_in * 72 * 0.75) + 0.04, 0.5)
    axes.set_ylim(low, low + (high - low) / (1 - room))
    axes.set_xlim(scale.start_s, scale.stop_s)
    si_axis(axes, "y", quantity, UNITS[quantity])


def label_time(axes: Axes, view: View) -> None:
    """Labels the axis of time."""
    si_axis(axes, "x", for_figure(view.time), "s")


def _beside(shape: Columns) -> tuple[np.ndarray, np.ndarray]:
    """From where to where the border between two samples goes."""
    before, after = shape.mean[:-1], shape.mean[1:]
    floor = np.zeros_like(before)
    return floor, np.where(np.isfinite(before) & np.isfinite(after), np.fmin(before, after), 0.0)


def _limits(shape: Columns, *, from_zero: bool) -> tuple[float, float]:
    if not (np.isfinite(shape.low).any() and np.isfinite(shape.high).any()):
        return 0.0, 1.0
    low, high = float(np.nanmin(shape.low)), float(np.nanmax(shape.high))
    if from_zero:
        low, high = min(low * 1.05, 0.0), max(high * 1.03, 0.0)
        return (low, high) if high > low else (0.0, 1e-6)
    margin = (high - low) * 0.05 or max(abs(high) * _FLAT, 1e-6)
    return low - margin, high + margin
