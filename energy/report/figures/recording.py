"""The picture of a recording: power over time, its windows and gaps, and an enlarged start of a window."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from energy.evidence.scope import scope_line
from energy.printable import for_figure
from energy.report.envelope import envelope, power_w
from energy.report.figures.style import BAND, EDGE, FLAW, INK, LINE, WINDOW, add_footer
from energy.report.repeats import repeat_summary
from energy.report.setups import setup_line
from energy.report.tables import headline
from energy.report.uncertainty import statement_lines
from energy.report.units import prefixed, scale_for, significant
from energy.runs.measurement import Measurement
from energy.uncertainty.of_run import statement_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLE_WIDTH = 110
"""Characters of a line of the title."""
_ENLARGED_SAMPLES = 40
"""Samples shown on each side of the enlarged edge."""


def draw_recording(measured: Measurement, title: str) -> Figure:
    """Draws a recording with its windows.

    Args:
        measured: The recording and its figures.
        title: Title of the picture.

    Returns:
        A figure of 12 x 7 inch, not yet written anywhere.
    """
    import matplotlib as mpl

    from energy.report.figures.shown import ShownFigure

    with mpl.rc_context(
        {"font.size": 10, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK,
         "axes.spines.top": False, "axes.spines.right": False}
    ):  # fmt: skip
        figure = ShownFigure(figsize=(12, 7), layout="constrained")
        grid = figure.add_gridspec(2, 2, height_ratios=[1.5, 1])
        overview = figure.add_subplot(grid[0, :])
        _draw_overview(overview, measured)
        _draw_start(figure.add_subplot(grid[1, 0]), measured)
        _draw_windows(figure.add_subplot(grid[1, 1]), measured)
        virtual = measured.run.virtual
        repeated = repeat_summary(measured.run.rejected)
        lines = [f"{'VIRTUAL · ' if virtual else ''}{title}", _headline(measured), repeated]
        lines = [part for line in lines for part in textwrap.wrap(line, _TITLE_WIDTH)]
        figure.suptitle(for_figure("\n".join(lines)), fontsize=12)
        add_footer(figure, [scope_line(measured.run.setup.scope)])
        if virtual:
            figure.text(0.5, 0.62, "VIRTUAL", fontsize=90, color=FLAW, alpha=0.10, ha="center", va="center",
                        rotation=12, weight="bold")  # fmt: skip
    return figure


def _headline(measured: Measurement) -> str:
    """The session's score, with its uncertainty where there is a statement of it."""
    stated = statement_of(measured).stated
    return statement_lines(stated)[0] if stated is not None else headline(measured.session)


def title_of(measured: Measurement) -> str:
    """A trace's title: the last parts of its path, and what is known of it."""
    path = measured.run.path.resolve()
    parts = path.parts[-6:-1] if path.is_file() else path.parts[-1:]
    about = measured.run.about
    model = [str(about["model"])] if "model" in about else []
    setup = setup_line(measured.run.setup)
    return " · ".join(["/".join(parts), *model, *([setup] if setup else [])])


def _draw_overview(axes: Axes, measured: Measurement) -> None:
    trace = measured.run.samples
    rate = trace.signal.rate_hz
    shape = envelope(trace, trace.first, max(trace.stop, trace.first + 1))
    power = scale_for(float(np.nanmax(shape.high_w))) if np.isfinite(shape.high_w).any() else 0
    factor = 10.0**-power
    axes.fill_between(shape.time_s, shape.low_w * factor, shape.high_w * factor, step="mid", color=BAND, lw=0,
                      zorder=2, label="lowest to highest")  # fmt: skip
    axes.plot(shape.time_s, shape.mean_w * factor, color=LINE, lw=0.9, drawstyle="steps-mid", zorder=3,
              label="mean power")  # fmt: skip
    bottom, top = min(axes.get_ylim()[0], 0.0), max(axes.get_ylim()[1], 0.0)
    top += (top - bottom) * 0.12  # room for the windows' labels
    axes.set_ylim(bottom, top)
    for figures in measured.session.windows:
        window = figures.window
        flawed = any(finding.severity == "error" for finding in window.findings)
        axes.axvspan(
            window.start_s,
            window.stop_s,
            color=FLAW if flawed else WINDOW,
            alpha=0.3,
            lw=0,
            zorder=1,
            label="compute window" if window.number == 1 else None,
        )
        if len(measured.session.windows) <= 20:
            cost = figures.joule_per_inference()
            text = (
                f"{window.number}"
                if cost is None
                else f"{window.number}\n{significant(cost * 1e6, 5)} µJ/inf"
            )
            axes.text((window.start_s + window.stop_s) / 2, top, text, ha="center", va="top", fontsize=8.5)
    windows = [figures.window for figures in measured.session.windows]
    inside = {edge for window in windows for edge in (window.opening, window.closing)}
    others = [edge.position / rate for edge in trace.edges if edge not in inside]
    if others:
        axes.plot(
            others, [top * 0.02] * len(others), "v", color=EDGE, ms=6, label="edge outside windows", ls=""
        )
    for number, gap in enumerate(trace.gaps):
        start, width = gap.first / rate, (gap.count or 1) / rate
        least = (trace.stop - trace.first) / rate * 0.002  # wide enough to be seen
        axes.axvspan(start, start + max(width, least), facecolor="none", edgecolor=FLAW, hatch="////", lw=0.8,
                     label="samples lost" if number == 0 else None)  # fmt: skip
    axes.set(xlabel="time on the monitor's clock (s)", ylabel=f"power ({prefixed(power, 'W')})")
    axes.margins(x=0.01)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.13), ncols=5, fontsize=8.5, frameon=False)


def _draw_start(axes: Axes, measured: Measurement) -> None:
    """Draws the samples around the opening edge of a window as steps, with the window's part filled."""
    windows = [figures.window for figures in measured.session.windows]
    if not windows:
        axes.text(0.5, 0.5, "no window", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    window = windows[0]
    trace = measured.run.samples
    signal = trace.signal
    at = window.opening.position
    reach = max(_ENLARGED_SAMPLES, math.ceil(window.opening.bound) * 4)
    first, stop = max(math.floor(at) - reach, trace.first), min(math.floor(at) + reach, trace.stop)
    left: list[float] = []
    level: list[float] = []
    for block in trace.read(first, stop):
        left += (np.arange(block.first, block.stop) + signal.coverage_offset - at).tolist()
        level += power_w(block, signal).tolist()
    finite = [value for value in level if math.isfinite(value)]
    power = scale_for(max(finite, default=0.0))
    time_power = scale_for(reach / signal.rate_hz)
    to_time = 10.0**-time_power / signal.rate_hz
    edges = np.array(left) * to_time
    values = np.array(level) * 10.0**-power
    axes.bar(edges, values, width=to_time, align="edge", color=_inside_colours(left), edgecolor=LINE, lw=0.3)
    axes.axvline(0, color=EDGE, lw=1.6, label="opening edge")
    if window.opening.bound:
        half = window.opening.bound * to_time
        samples = "sample" if window.opening.bound == 1 else "samples"
        label = f"known to ±{window.opening.bound:g} {samples}"
        axes.axvspan(-half, half, color=EDGE, alpha=0.15, lw=0, label=label)
    axes.set(
        xlabel=f"time from the edge ({prefixed(time_power, 's')})",
        ylabel=f"power ({prefixed(power, 'W')})",
        title=f"Start of window {window.number}, sample by sample",
    )
    axes.margins(x=0)
    axes.set_ylim(0, max(values[np.isfinite(values)], default=1.0) * 1.3 or 1.0)
    axes.legend(fontsize=8.5, frameon=False, loc="upper left")


def _inside_colours(left: list[float]) -> list[str]:
    return [WINDOW if start + 1 > 0 else BAND for start in left]


def _draw_windows(axes: Axes, measured: Measurement) -> None:
    """Draws each window's energy per inference (or energy) as a deviation from the median."""
    session = measured.session
    cost = session.joule_per_inference()
    values = [figures.joule_per_inference() if cost else figures.energy_j() for figures in session.windows]
    middle = cost or session.energy_j()
    if middle is None or not middle.median:
        axes.set_axis_off()
        return
    numbers = [figures.window.number for figures in session.windows]
    deviation = [((value or 0.0) / middle.median - 1) * 100 for value in values]
    axes.axhline(0, color=INK, lw=0.8)
    axes.vlines(numbers, 0, deviation, color=LINE, lw=1.2)
    axes.plot(numbers, deviation, "o", color=LINE, ms=7)
    limit = max(max(abs(value) for value in deviation) * 1.35, 0.02)
    axes.set_ylim(-limit, limit)
    if len(numbers) <= 20:
        axes.set_xticks(numbers)
    axes.margins(x=0.1)
    what = "energy per inference" if cost else "energy per window"
    axes.set(xlabel="window", ylabel="deviation from the median (%)", title=f"Scatter of {what}")
