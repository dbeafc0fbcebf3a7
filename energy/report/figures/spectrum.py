"""The figure of a recording's spectrum: amplitude density of the power over frequency."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energy.errors import UsageError
from energy.report.figures.axes import si_axis
from energy.report.figures.captions import footer_lines, subject
from energy.report.figures.legends import legend_above
from energy.report.figures.style import (
    LINE,
    ORANGE,
    SCREEN_IN,
    add_footer,
    add_title,
    house_style,
    new_figure,
    plain_height_in,
    room_in,
)
from energy.report.figures.view import View
from energy.report.spectrum import Spectrum, segment_length, spectrum
from energy.report.units import engineering
from energy.runs.measurement import Measurement

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def spectrum_of(
    measured: Measurement, *, view: View | None = None, resolution_hz: float | None = None
) -> tuple[Spectrum, str]:
    """The spectrum of the power inside a recording's windows, or in a part of it.

    Args:
        measured: The recording with its windows.
        view: The part; None for all windows, or the whole recording if it has none.
        resolution_hz: Distance of two frequencies; None for one that averages at least sixteen segments.

    Returns:
        The spectrum, and what it is of.

    Raises:
        UsageError: As ``segment_length`` and ``spectrum``.
    """
    trace = measured.run.samples
    windows = [row.window for row in measured.session.windows]
    if view is not None:
        spans, part = [(view.first, view.stop)], view.title
    elif windows:
        edges = [(int(np.ceil(w.opening.position)), int(np.floor(w.closing.position))) for w in windows]
        spans = [(max(first, trace.first), min(stop, trace.stop)) for first, stop in edges if first < stop]
        part = f"inside {len(windows)} windows" if len(windows) > 1 else "inside the window"
    else:
        spans, part = [(trace.first, trace.stop)], "the whole recording"
    longest = max((stop - first for first, stop in spans), default=0)
    if longest < 2:
        raise UsageError("usage.spectrum", f"{part} holds no samples", "Name another part.")
    length = segment_length(trace.signal.rate_hz, longest, resolution_hz)
    return spectrum(trace, spans, length), part


def draw_spectrum(
    measured: Measurement,
    title: str | None = None,
    *,
    width_in: float = SCREEN_IN,
    view: View | None = None,
    resolution_hz: float | None = None,
) -> Figure:
    """Draws the spectrum of the power, both axes logarithmic.

    Args:
        measured: The recording with its windows.
        title: First line of the title; None for what was measured on what.
        width_in: Width of the figure.
        view: As ``spectrum_of``.
        resolution_hz: As ``spectrum_of``.
    """
    found, part = spectrum_of(measured, view=view, resolution_hz=resolution_hz)
    steps = f"{found.segments} segments of {found.length} samples"
    welch = f"Welch, Hann window, {steps}, every {engineering(found.resolution_hz, 'Hz')}, mean removed"
    left = f"{found.left_out} samples left out: missing, not finite, or in runs shorter than a segment"
    notes = [welch, left if found.left_out else "", *footer_lines(measured)]
    texts = [title or subject(measured), f"Spectrum {part}"]
    with house_style(width_in) as size:
        figure = new_figure(width_in, plain_height_in(width_in) + room_in(width_in, texts, notes, 1))
        axes = figure.add_subplot()
        frequency_hz, amplitude = found.frequency_hz[1:], np.sqrt(found.density_w2_per_hz[1:])
        seen = amplitude > 0
        if seen.any():
            axes.loglog(frequency_hz[seen], amplitude[seen], color=LINE, lw=size.line, label="power")
            peak, floor = float(amplitude.max()), float(np.percentile(amplitude[seen], 1))
            axes.set_ylim(max(floor / 3, peak * 1e-8), peak * 2.5)
        else:
            axes.set(xscale="log", yscale="log", ylim=(1e-6, 1))
            axes.text(0.5, 0.5, "constant power: its density is 0", ha="center", transform=axes.transAxes)
        axes.set_xlim(frequency_hz[0], frequency_hz[-1])
        rate = measured.session.inferences_per_second()
        if rate is not None and frequency_hz[0] < rate.median < frequency_hz[-1]:
            axes.axvline(rate.median, color=ORANGE, lw=size.line * 1.5, zorder=1,
                         label=f"inferences: {engineering(rate.median, 'Hz', 4)}")  # fmt: skip
        legend_above(axes, width_in)
        axes.grid(visible=True, which="major")
        si_axis(axes, "x", "frequency", "Hz")
        si_axis(axes, "y", "density of the power", "W/√Hz")
        add_title(figure, texts, virtual=measured.run.virtual)
        add_footer(figure, notes)
    return figure
