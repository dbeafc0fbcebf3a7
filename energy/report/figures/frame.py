"""The frame of a figure of panels: title, panels in a grid, legend, a key of numbers, notes.

All places are computed from the sizes of the texts before anything is drawn, so the axes do not move while
labels are placed in them.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energy.printable import for_figure
from energy.report.figures.style import (
    INK,
    WATERMARK,
    Sizes,
    add_footer,
    add_title,
    fold,
    new_figure,
    sizes,
    text_width_pt,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Entry = tuple[Any, str]
"""A handle of the legend, and its text."""

_PT = 72.0
_TALLEST_IN = 3.6
"""Height of a panel beside another at most."""
_RIGHT_PT = 6.5
"""Room right of the axes."""
_LINE = 1.35
"""Height of a line of the key, in sizes of its font."""
_LEGEND_LINE = 1.45
_NUMBER, _GAP, _BOLD = 1.6, 1.6, 1.15
"""Of the key: room for a number at least and beside it, in sizes of its font; bold digits to plain ones."""
_WIDEST_ENTRY = 0.97
"""Part of the width that an entry of the key may take."""


@dataclass(frozen=True)
class Key:
    """A key of numbers in columns.

    Attributes:
        entries: Number and text of each.
        columns: How many columns they have.
        size_pt: Height of the font.
        number_pt: Room for a number.
    """

    entries: tuple[tuple[str, str], ...] = ()
    columns: int = 1
    size_pt: float = 6.0
    number_pt: float = 9.6

    @property
    def rows(self) -> int:
        """Lines of a column."""
        return math.ceil(len(self.entries) / self.columns)

    @property
    def height_in(self) -> float:
        """Its height."""
        return (self.rows * self.size_pt * _LINE + 8) / _PT if self.entries else 0.0


def key_lines(entries: Sequence[tuple[str, str]], width_in: float, size: Sizes) -> Key:
    """A key in as many columns as its longest entry allows; an entry wider than the figure is folded.

    Args:
        entries: Number and text of each.
        width_in: Width of the figure.
        size: Sizes of its text.
    """
    size_pt = max(size.small - 0.5, 6.0)
    widest_pt = max((text_width_pt(number, size_pt) for number, _ in entries), default=0.0)
    number_pt = max(size_pt * _NUMBER, widest_pt * _BOLD)
    beside_pt = number_pt + size_pt * _GAP
    room = width_in * _PT * _WIDEST_ENTRY - beside_pt
    lines = [
        (number if place == 0 else "", line)
        for number, text in entries
        for place, line in enumerate(fold(text, size_pt, room))
    ]
    widest = max((text_width_pt(text, size_pt) for _, text in lines), default=0.0) + beside_pt
    columns = max(1, min(math.floor(width_in * _PT * _WIDEST_ENTRY / widest), 6)) if lines else 1
    return Key(tuple(lines), columns, size_pt, number_pt)


@dataclass
class Frame:
    """A figure with empty axes.

    Attributes:
        figure: The figure.
        axes: Its panels, row by row.
    """

    figure: Figure
    axes: list[Axes]


def new_frame(
    width_in: float,
    *,
    panels: int,
    title: Sequence[str],
    legend: Sequence[Entry],
    key: Key,
    notes: Sequence[str],
    virtual: bool,
    columns: int | None = None,
    aspect: float = 0.76,
) -> Frame:
    """A figure with a title, empty panels, legend, key and notes; call it inside ``house_style``.

    Args:
        width_in: Its width; the height follows.
        panels: How many panels it has.
        title: Lines of the title.
        legend: Entries of the legend.
        key: The key of numbers.
        notes: Lines below.
        virtual: Whether anything in it comes from the virtual bench.
        columns: Panels beside each other; None: as many as the width allows.
        aspect: Height of a panel over its width.
    """
    size = sizes(width_in)
    if columns is None:
        columns = 1 if width_in < 5 else 2 if width_in < 9 else 3
    columns = 2 if columns == 3 and panels == 4 else min(columns, panels)
    rows = math.ceil(panels / columns)
    cell_w = width_in / columns
    cell_h = cell_w * aspect
    if width_in >= 5:
        cell_h = min(cell_h, _TALLEST_IN if columns > 1 else cell_w * 0.66)
    spare = rows * columns - panels
    legend_h = 0.0 if spare else _legend_height(legend, width_in, size)
    lines = [f"VIRTUAL · {title[0]}" if title else "VIRTUAL", *title[1:]] if virtual else list(title)
    title_h = _folded(lines, width_in * _PT - 6, size.title) * size.title * 1.3 / _PT + (
        0.12 if lines else 0.02
    )
    notes_h = _folded(notes, width_in * 0.98 * _PT, size.small) * size.small * 1.25 / _PT + 0.06
    height = title_h + rows * cell_h + legend_h + key.height_in + notes_h
    figure = new_figure(width_in, height)
    figure.set_layout_engine("none")
    _heading(figure, title, notes, title_h + rows * cell_h / 2, virtual=virtual)
    axes: list[Axes] = []
    for number in range(panels):
        row, column = divmod(number, columns)
        axes.append(_panel(figure, size, (column * cell_w, title_h + row * cell_h, cell_w, cell_h)))
    if legend:
        at = (
            (width_in - cell_w * spare, title_h + (rows - 1) * cell_h)
            if spare
            else (0.0, title_h + rows * cell_h)
        )
        _draw_legend(figure, legend, (*at, cell_w * spare if spare else width_in), size)
    _draw_key(figure, key, title_h + rows * cell_h + legend_h)
    return Frame(figure, axes)


def _folded(lines: Sequence[str], room_pt: float, size_pt: float) -> int:
    return sum(len(fold(line, size_pt, room_pt)) for line in lines if line)


def _heading(
    figure: Figure, title: Sequence[str], notes: Sequence[str], middle_in: float, *, virtual: bool
) -> None:
    """Title and notes at the edges of the figure, the mark of virtual results across its panels."""
    height = figure.get_figheight()
    if title or virtual:
        add_title(figure, title, virtual=virtual)
    add_footer(figure, notes)
    for text in figure.texts:
        if text.get_text() and text.get_text() == figure.get_suptitle():
            text.set_y(1 - 0.06 / height)
        if text.get_text() and text.get_text() == figure.get_supxlabel():
            text.set_y(0.03 / height)
        if text.get_gid() == WATERMARK:
            text.set_y(1 - middle_in / height)


def _panel(figure: Figure, size: Sizes, cell: tuple[float, float, float, float]) -> Axes:
    """Axes in a cell, which is given from the upper left corner of the figure in inch."""
    left, top, width, height = cell
    whole_w, whole_h = figure.get_figwidth(), figure.get_figheight()
    before = _left_pt(size) / _PT
    below = (size.text * 3.9 + 4) / _PT
    above = (size.text * 2.0) / _PT
    right = _RIGHT_PT / _PT
    return figure.add_axes(
        (
            (left + before) / whole_w,
            1 - (top + height - below) / whole_h,
            (width - before - right) / whole_w,
            (height - above - below) / whole_h,
        )
    )


def fit(axes: Axes, size: Sizes) -> None:
    """Makes room in the cell of some axes for the numbers at their ticks; call it once the limits are set.

    Args:
        axes: The axes, labelled.
        size: Sizes of its text.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    whole_pt = figure.get_figwidth() * _PT
    place = axes.get_position()
    numbers = max((text_width_pt(text, size.text) for _, text in _ticks(axes.yaxis)), default=0.0)
    more_left = max(0.0, numbers + size.text * 2.4 + 8 - _left_pt(size))
    more_right = 0.0
    left, right = axes.get_xlim()
    for value, text in _ticks(axes.xaxis):
        part = (
            math.log(value / left) / math.log(right / left)
            if axes.get_xscale() == "log"
            else (value - left) / (right - left)
        )
        beyond = text_width_pt(text, size.text) / 2 - (1 - part) * place.width * whole_pt
        more_right = max(more_right, beyond + 1 - _RIGHT_PT)
    width = place.width - (more_left + more_right) / whole_pt
    axes.set_position((place.x0 + more_left / whole_pt, place.y0, width, place.height))


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    """Places and numbers of the ticks that are inside the limits."""
    low, high = sorted(axis.get_view_interval())
    places = [float(place) for place in axis.get_majorticklocs() if low <= place <= high]
    return list(zip(places, axis.get_major_formatter().format_ticks(places), strict=True))


def _left_pt(size: Sizes) -> float:
    return size.text * 6.0 + 4


def _entry_width_pt(legend: Sequence[Entry], size: Sizes) -> float:
    return max(text_width_pt(text, size.small) for _, text in legend) + size.small * 4.2


def _legend_columns(legend: Sequence[Entry], width_in: float, size: Sizes) -> int:
    room = width_in * _PT * 0.97
    return max(1, min(len(legend), math.floor(room / _entry_width_pt(legend, size))))


def _legend_height(legend: Sequence[Entry], width_in: float, size: Sizes) -> float:
    if not legend:
        return 0.0
    lines = math.ceil(len(legend) / _legend_columns(legend, width_in, size))
    return (lines * size.small * _LEGEND_LINE + 8) / _PT


def _draw_legend(
    figure: Figure, legend: Sequence[Entry], place: tuple[float, float, float], size: Sizes
) -> None:
    """Draws the legend at a place from the upper left corner, of a width, all in inch."""
    left, top, width = place
    whole_w, whole_h = figure.get_figwidth(), figure.get_figheight()
    figure.legend(
        [handle for handle, _ in legend],
        [for_figure(text) for _, text in legend],
        loc="upper left",
        bbox_to_anchor=((left + 0.12) / whole_w, 1 - (top + 0.05) / whole_h),
        ncols=_legend_columns(legend, width - 0.1, size),
        borderaxespad=0.0,
        borderpad=0.0,
        handletextpad=0.6,
        labelspacing=0.4,
        columnspacing=1.0,
    )


def _draw_key(figure: Figure, key: Key, top_in: float) -> None:
    whole_w, whole_h = figure.get_figwidth(), figure.get_figheight()
    column_in = whole_w * _WIDEST_ENTRY / key.columns
    for place, (number, text) in enumerate(key.entries):
        column, row = divmod(place, key.rows)
        x = whole_w * 0.015 + column * column_in + key.number_pt / _PT
        y = top_in + 4 / _PT + (row + 0.5) * key.size_pt * _LINE / _PT
        at = 1 - y / whole_h
        figure.text(
            x / whole_w, at, number, ha="right", va="center", fontsize=key.size_pt, weight="bold", color=INK
        )
        figure.text(
            (x + 4 / _PT) / whole_w, at, text, ha="left", va="center", fontsize=key.size_pt, color=INK
        )
