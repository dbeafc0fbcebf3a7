"""The figure of several recordings over each other, aligned on the edge that opens (or closes) a window."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from energy.errors import UsageError
from energy.evidence.scope_text import scope_line
from energy.report.decimation import Floats, decimated
from energy.report.figures.axes import si_axis
from energy.report.figures.captions import joules, short_path, subject
from energy.report.figures.legends import legend_above
from energy.report.figures.panels import COLUMNS_PER_INCH, draw_steps
from energy.report.figures.style import (
    EDGE,
    SCREEN_IN,
    SERIES,
    add_footer,
    add_title,
    house_style,
    new_figure,
    plain_height_in,
    room_in,
)
from energy.report.figures.view import window_of
from energy.report.units import engineering
from energy.runs.measurement import Measurement
from energy.window.integrator import Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARGIN = 0.05
_MOST = len(SERIES)
_ENOUGH = 3
"""Up to so many samples for each column, each sample is drawn."""
_MEAN = 4
"""Columns that one step of the mean goes over, so that the lines of several recordings can be told apart."""


def draw_overlay(
    several: Sequence[Measurement],
    title: str | None = None,
    *,
    width_in: float = SCREEN_IN,
    window: int = 1,
    closing: bool = False,
    around_s: float | None = None,
) -> Figure:
    """Draws the power of several recordings over the time from an edge of a window of each.

    Args:
        several: The recordings, two to seven.
        title: First line of the title; None for what they have in common.
        width_in: Width of the figure.
        window: Number of the window, in each.
        closing: Whether the closing edge is at time 0.
        around_s: Time on each side of the edge; None for the whole window.

    Raises:
        UsageError: ``usage.overlay`` for too few or too many; ``usage.window``.
    """
    if not 2 <= len(several) <= _MOST:
        text = f"an overlay is of 2 to {_MOST} recordings, not {len(several)}"
        raise UsageError("usage.overlay", text, "Name other paths.")
    windows = [window_of(measured, window) for measured in several]
    longest_s = max(each.duration_s for each in windows)
    before_s, after_s = (longest_s * _MARGIN, longest_s * (1 + _MARGIN))
    if closing:
        before_s, after_s = after_s, before_s
    if around_s is not None:
        before_s = after_s = around_s
    edge = "closing" if closing else "opening"
    subjects = list(dict.fromkeys(subject(measured) for measured in several))
    start = f"power from the {edge} edge of window {window}"
    common = f"{subjects[0]}: {start}" if len(subjects) == 1 else start.capitalize()
    scopes = list(dict.fromkeys(scope_line(measured.run.setup.scope) for measured in several))
    notes = [_known(several, windows, closing=closing), *scopes]
    with house_style(width_in):
        lines = len(several) * (2 if width_in < 9 else 1)
        height_in = plain_height_in(width_in) + room_in(width_in, [title or common], notes, lines)
        figure = new_figure(width_in, height_in)
        axes = figure.add_subplot()
        power_w = np.concatenate(
            [
                _draw(axes, measured, each, (before_s, after_s), name, colour, width_in, closing=closing)
                for measured, each, name, colour in zip(
                    several, windows, _names(several), SERIES, strict=False
                )
            ]
        )
        axes.axvline(0, color=EDGE, lw=1.0, zorder=1.5)
        axes.set_xlim(-before_s, after_s)
        power_w = power_w[np.isfinite(power_w)]
        low, high = min(power_w.min(initial=0.0) * 1.05, 0.0), max(power_w.max(initial=0.0) * 1.05, 0.0)
        axes.set_ylim(low, high if high > low else 1e-6)
        si_axis(axes, "x", f"time from the {edge} edge of window {window}", "s")
        si_axis(axes, "y", "power", "W")
        legend_above(axes, width_in)
        add_title(figure, [title or common], virtual=any(measured.run.virtual for measured in several))
        add_footer(figure, notes)
    return figure


def _draw(
    axes: Axes,
    measured: Measurement,
    window: Window,
    reach_s: tuple[float, float],
    name: str,
    colour: str,
    width_in: float,
    *,
    closing: bool,
) -> Floats:
    """Draws the power of a recording around an edge of a window; returns its extremes, in watt."""
    trace = measured.run.samples
    rate, offset = trace.signal.rate_hz, trace.signal.coverage_offset
    zero = (window.closing if closing else window.opening).position
    first = max(math.floor(zero - reach_s[0] * rate - offset), trace.first)
    stop = max(min(math.ceil(zero + reach_s[1] * rate - offset), trace.stop), first + 1)
    columns = round(width_in * 0.85 * COLUMNS_PER_INCH)
    single = stop - first <= _ENOUGH * columns
    shape = decimated(trace, first, stop, stop - first if single else columns)
    mean = shape if single else decimated(trace, first, stop, columns // _MEAN)
    if not single:
        times = (shape.bounds + offset - zero) / rate
        draw_steps(axes, shape.high, times, shape.low, color=colour, alpha=0.25)
    draw_steps(axes, mean.mean, (mean.bounds + offset - zero) / rate, color=colour, label=name)
    return np.concatenate([shape.low, shape.high])


def _names(several: Sequence[Measurement]) -> list[str]:
    """A name for each recording that tells it from the others, with its figure and the rule of that."""
    subjects = [subject(measured) for measured in several]
    names = subjects if len(set(subjects)) == len(subjects) else [short_path(m.run.path) for m in several]
    if len(set(names)) < len(names):
        names = [f"{number}. {name}" for number, name in enumerate(names, start=1)]
    texts: list[str] = []
    mixed = len({measured.run.virtual for measured in several}) > 1
    for measured, name in zip(several, names, strict=True):
        cost = measured.session.joule_per_inference()
        figure = f": {joules(cost.median)} per inference (exact rule)" if cost else ""
        mark = "VIRTUAL " if mixed and measured.run.virtual else ""
        texts.append(f"{mark}{name}{figure}")
    return texts


def _known(several: Sequence[Measurement], windows: Sequence[Window], *, closing: bool) -> str:
    """How well the alignment is known."""
    bounds = [
        (window.closing if closing else window.opening).bound / measured.run.samples.signal.rate_hz
        for measured, window in zip(several, windows, strict=True)
    ]
    if not any(bounds):
        return ""
    known = [f"±{engineering(bound, 's', 2)}" if bound else "a part of a sample" for bound in bounds]
    return f"aligned on edges known to {', '.join(known)}"
