"""The figure of a recording: quantities over time with windows, edges and gaps, and details of windows."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, cast, get_args

from energy.errors import UsageError
from energy.report.decimation import Quantity, quantities_of
from energy.report.figures.axes import si_axis
from energy.report.figures.captions import footer_lines, headline_lines, subject
from energy.report.figures.legends import legend_above
from energy.report.figures.marks import (
    label_windows,
    mark_edge,
    mark_edges,
    mark_gaps,
    mark_windows,
    pause_notes,
    scale_of,
)
from energy.report.figures.panels import draw_quantity, finish, label_time
from energy.report.figures.style import (
    INK,
    LINE,
    SCREEN_IN,
    add_footer,
    add_title,
    house_style,
    new_figure,
    room_in,
    sizes,
)
from energy.report.figures.view import View, around_edge, whole
from energy.runs.measurement import Measurement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Detail = Literal["start", "end", "scatter"]
Panel = Quantity | Detail
PANELS: tuple[str, ...] = (*get_args(Quantity), *get_args(Detail))
"""What a figure can hold: quantities over its whole time, and details of its windows."""
_MOST_NUMBERS = 20


def parse_panels(text: str) -> tuple[Panel, ...]:
    """Panels by name, with commas between them: ``current,voltage,power``.

    Raises:
        UsageError: ``usage.panel``.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in PANELS]
    if unknown or not names:
        what = f"there is no panel {unknown[0]!r}" if unknown else "no panel is named"
        raise UsageError("usage.panel", what, f"Give some of {', '.join(PANELS)}, with commas between them.")
    return cast("tuple[Panel, ...]", tuple(dict.fromkeys(names)))


def draw_recording(
    measured: Measurement,
    title: str | None = None,
    *,
    width_in: float = SCREEN_IN,
    panels: Sequence[Panel] = (),
    view: View | None = None,
) -> Figure:
    """Draws a recording with its windows.

    Args:
        measured: The recording and its figures.
        title: First line of the title; None for what was measured on what.
        width_in: Width of the figure.
        panels: What to show, in order; nothing for power, and for details where the width has room for them.
        view: The part to show; None for the whole recording.

    Returns:
        A figure, not yet written anywhere.

    Raises:
        UsageError: ``usage.panel`` if the recording does not hold a quantity.
    """
    shown = tuple(panels) or _usual(width_in, len(measured.session.windows), whole_shown=view is None)
    there = quantities_of(measured.run.samples.signal)
    for panel in shown:
        if panel in get_args(Quantity) and panel not in there:
            text = f"the recording holds no {panel}: its monitor sent {', '.join(there)}"
            raise UsageError("usage.panel", text, f"Give some of {', '.join((*there, *get_args(Detail)))}.")
    return _Recording(measured, width_in, view or whole(measured.run.samples)).draw(shown, title)


def title_of(measured: Measurement) -> str:
    """A recording's title: what was measured on what."""
    return subject(measured)


def _usual(width_in: float, windows: int, *, whole_shown: bool) -> tuple[Panel, ...]:
    """The power, and as many details of the windows as there is room for."""
    if not whole_shown or not windows:
        return ("power",)
    edges: tuple[Panel, ...] = () if width_in < 5 else ("start",) if width_in < 9 else ("start", "end")
    return ("power", *edges, *(("scatter",) if windows > 1 else ()))


class _Recording:
    """A recording on a figure of some width."""

    def __init__(self, measured: Measurement, width_in: float, view: View) -> None:
        self._measured = measured
        self._width_in = width_in
        self._view = view
        self._size = sizes(width_in)
        self._whole = not view.title
        self._tall_in, self._low_in = (
            (1.35, 1.25) if width_in < 5 else (1.9, 1.7) if width_in < 9 else (3.0, 2.4)
        )

    def draw(self, panels: Sequence[Panel], title: str | None) -> Figure:
        """The figure."""
        measured = self._measured
        quantities = cast("list[Quantity]", [name for name in panels if name in get_args(Quantity)])
        details = cast("list[Detail]", [name for name in panels if name in get_args(Detail)])
        across = 1 if self._width_in < 5 else max(min(len(details), 3), 1)
        rows = -(-len(details) // across)
        with house_style(self._width_in):
            texts = [title or subject(measured), *headline_lines(measured), self._view.title]
            notes = [*(pause_notes(measured) if self._whole else []), *footer_lines(measured)]
            heights = [self._tall_in] * len(quantities) + [self._low_in] * rows
            labels_in = len(heights) * self._size.text * 3.6 / 72 + rows * self._size.text * 3 / 72
            height_in = sum(heights) + labels_in + room_in(self._width_in, texts, notes, 2)
            figure = new_figure(self._width_in, height_in)
            grid = figure.add_gridspec(len(heights), across, height_ratios=heights)
            first: Axes | None = None
            for row, quantity in enumerate(quantities):
                axes = figure.add_subplot(grid[row, :], sharex=first)
                self._quantity(axes, quantity, top=row == 0, bottom=row == len(quantities) - 1)
                first = first or axes
            for place, detail in enumerate(details):
                where = len(quantities) + place // across, place % across
                self._detail(figure.add_subplot(grid[where]), detail, 1 / across)
            add_title(figure, texts, virtual=measured.run.virtual)
            add_footer(figure, notes)
        return figure

    def _quantity(self, axes: Axes, quantity: Quantity, *, top: bool, bottom: bool) -> None:
        measured, trace = self._measured, self._measured.run.samples
        scale = scale_of(measured, self._view, self._width_in)
        windows = measured.session.windows
        shape = draw_quantity(axes, trace, self._view, scale, quantity, named=top and bottom)
        lines = mark_windows(axes, windows, scale)
        finish(axes, shape, scale, quantity, lines if top else 0, self._tall_in)
        mark_gaps(axes, trace.gaps, self._view, scale)
        if top:
            label_windows(axes, windows, scale)
            mark_edges(axes, measured, scale)
        if not self._whole:
            for figures in windows:
                for edge, name in ((figures.window.opening, "opening"), (figures.window.closing, "closing")):
                    if scale.start_s < scale.time(edge.position) < scale.stop_s:
                        mark_edge(axes, edge, name, scale)
        if bottom:
            label_time(axes, self._view)
        else:
            axes.tick_params(labelbottom=False)
        if top:
            legend_above(axes, self._width_in)

    def _detail(self, axes: Axes, detail: Detail, share: float) -> None:
        windows = self._measured.session.windows
        if not windows:
            axes.text(0.5, 0.5, "no window", ha="center", transform=axes.transAxes)
            axes.set_axis_off()
        elif detail == "scatter":
            self._scatter(axes)
        else:
            self._edge(axes, share, closing=detail == "end")

    def _edge(self, axes: Axes, share: float, *, closing: bool) -> None:
        """The samples around an edge of the first window."""
        measured, trace = self._measured, self._measured.run.samples
        window = measured.session.windows[0].window
        view = around_edge(trace, window, closing=closing)
        scale = scale_of(measured, view, self._width_in, share)
        shape = draw_quantity(axes, trace, view, scale, "power")
        mark_windows(axes, measured.session.windows[:1], scale)
        finish(axes, shape, scale, "power", 0, self._low_in)
        mark_gaps(axes, trace.gaps, view, scale)
        mark_edge(
            axes, window.closing if closing else window.opening, "closing" if closing else "opening", scale
        )
        label_time(axes, view)
        lines = legend_above(axes, self._width_in, share, "edge")
        pad_pt = lines * self._size.small * 1.45 + self._size.text
        axes.set_title(view.title[0].upper() + view.title[1:], pad=pad_pt)

    def _scatter(self, axes: Axes) -> None:
        """Each window's energy per inference (or energy) as a deviation from the median."""
        session = self._measured.session
        cost = session.joule_per_inference()
        values = [row.joule_per_inference() if cost else row.energy_j() for row in session.windows]
        middle = cost or session.energy_j()
        if middle is None or not middle.median:
            axes.set_axis_off()
            return
        numbers = [row.window.number for row in session.windows]
        deviation = [((value or 0.0) / middle.median - 1) * 100 for value in values]
        many = len(numbers) > _MOST_NUMBERS
        axes.axhline(0, color=INK, lw=self._size.line)
        if not many:
            axes.vlines(numbers, 0, deviation, color=LINE, lw=self._size.line * 1.3)
        axes.plot(numbers, deviation, "o", color=LINE, mew=0, ms=self._size.marker * (0.6 if many else 1))
        limit = max(max(abs(value) for value in deviation) * 1.25, 0.02)
        axes.set_ylim(-limit, limit)
        axes.margins(x=0.04 if many else 0.12)
        what = "energy per inference" if cost else "energy per window"
        si_axis(axes, "y", "from the median", "", " (%)")
        if many:
            si_axis(axes, "x", "window", "")
        else:
            axes.set_xticks(numbers)
            axes.set_xlabel("window")
        axes.set_title(f"Scatter of {what}, exact rule")
