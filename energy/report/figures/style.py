"""The house style of every figure: widths, sizes of text, colours, markers, titles, and the files.

Text is at least 6 points high in print, at every width. The colours are those of Okabe and Ito ("Color
Universal Design", 2008), which people with any common kind of colour blindness can tell apart; a colour is
never the only difference between two things in a figure.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import math
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from energy.errors import UsageError
from energy.printable import for_figure
from energy.recording.inside import refuse_special

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN_IN, PAGE_IN, SCREEN_IN = 3.3, 7.0, 12.0
"""Widths of a figure in inch: one column of a paper, the width of its page, a screen."""
WIDTHS: Mapping[str, float] = {"column": COLUMN_IN, "page": PAGE_IN, "screen": SCREEN_IN}
"""Widths by name."""
LEAST_IN, MOST_IN = 3.0, 30.0
LEAST_PT = 6.0
"""No text in any figure is smaller than this."""

BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, VERMILION, PURPLE = "#f0e442", "#0072b2", "#d55e00", "#cc79a7"
INK, GREY, FAINT = "#22303c", "#7f8a93", "#d4d9dd"
LINE, BAND, WINDOW, FLAW, EDGE = BLUE, "#9fc9e6", "#f6c65b", VERMILION, "#8e3f73"
"""A trace's power, its lowest to its highest, a window, what is wrong or missing, the DUT's edges."""
SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, GREY)
"""Colours of what has no colour of its own, in order."""

_WORKLOADS: Mapping[str, str] = {"ad": GREEN, "ic": VERMILION, "kws": BLUE, "vww": PURPLE, "sww": ORANGE}
_MARKERS: Mapping[str, str] = {
    "Cortex-M0+": "<",
    "Cortex-M4": "o",
    "Cortex-M33": "s",
    "Cortex-M7": "^",
    "Cortex-M85": "v",
    "RISC-V": "D",
    "other MCU": "p",
    "accelerator": "*",
    "FPGA": "P",
    "application processor": "H",
}
OTHER_MARKER = "X"
_LENGTH = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+) ?(in|cm|mm)?")
_PER_INCH: Mapping[str, float] = {"in": 1.0, "cm": 2.54, "mm": 25.4}
_BREAK = re.compile(r"[ \n\t]+(?!·|(?:[pnµmkMG]?(?:J|W|s|Hz|V|A)|inf/s|samples?|%)(?![\w/]))")
"""Where a line may be folded: not between a number and its unit, and behind a point."""
WATERMARK = "watermark"
"""The name (``gid``) of the large pale text VIRTUAL, over which other text may stand."""


class Sizes(NamedTuple):
    """Sizes of a figure of some width, in points.

    Attributes:
        text: Labels of axes and ticks.
        small: Legends, notes, labels inside the axes.
        title: The title.
        line: Width of a line.
        marker: Size of a marker.
    """

    text: float
    small: float
    title: float
    line: float
    marker: float


def sizes(width_in: float) -> Sizes:
    """Sizes of text and lines in a figure that is shown at ``width_in`` inch."""
    if width_in < 5:
        return Sizes(7.0, 6.5, 7.5, 0.7, 3.0)
    if width_in < 9:
        return Sizes(8.0, 7.0, 9.0, 0.8, 4.0)
    return Sizes(10.0, 8.5, 12.0, 0.9, 6.0)


def dots_per_inch(width_in: float) -> int:
    """Dots per inch of a PNG: 300 at widths of print, 150 for a screen."""
    return 300 if width_in < 9 else 150


def parse_width(text: str) -> float:
    """A width as text, in inch: ``3.3in``, ``8.4cm``, ``84mm``, ``column``, ``page``, ``screen``.

    Raises:
        UsageError: ``usage.width`` if it is no length, or not from 3 to 30 inch.
    """
    hint = "Give a length such as 3.3in, 7in, 8.4cm or 84mm, or column, page or screen."
    plain = text.strip().lower()
    if plain in WIDTHS:
        return WIDTHS[plain]
    found = _LENGTH.fullmatch(plain)
    if found is None or found[2] is None:
        raise UsageError("usage.width", f"{for_figure(text)!r} is no width with a unit", hint)
    width_in = float(found[1]) / _PER_INCH[found[2]]
    if not LEAST_IN <= width_in <= MOST_IN:
        limits = f"a figure is {LEAST_IN:g} to {MOST_IN:g} inch wide"
        raise UsageError("usage.width", f"{text} is {width_in:.4g} inch; {limits}", hint)
    return width_in


def colour_of(workload: str | None) -> str:
    """The colour of a workload, by its id (``kws01``) or benchmark (``kws``); grey for any other."""
    return _WORKLOADS.get((workload or "").rstrip("0123456789"), GREY)


def marker_of(processor: str | None) -> str:
    """The marker of a kind of processor; a filled x for any that is not listed.

    Args:
        processor: A kind as ``energy.catalogue.processors`` names them.
    """
    return _MARKERS.get(processor or "", OTHER_MARKER)


@contextmanager
def house_style(width_in: float) -> Generator[Sizes]:
    """Draws what is drawn inside it in the house style, for a figure of ``width_in`` inch."""
    import matplotlib as mpl

    size = sizes(width_in)
    with mpl.rc_context(_settings(size)):
        yield size


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure in the house style; call it inside ``house_style``.

    Its layout is constrained: titles, labels and legends get their room when it is drawn.
    """
    from energy.report.figures.shown import ShownFigure

    return ShownFigure(figsize=(width_in, height_in), dpi=dots_per_inch(width_in), layout="constrained")


def add_title(figure: Figure, lines: Sequence[str], *, virtual: bool = False) -> None:
    """Adds the title, folded to the figure's width: the first line in the title's size, the rest smaller.

    Args:
        figure: The figure.
        lines: Its lines; empty ones are left out.
        virtual: Whether anything in it comes from the virtual bench: it is marked in the title and across.
    """
    width_in = figure.get_figwidth()
    size = sizes(width_in)
    given = [line for line in lines if line]
    if virtual:
        given[:1] = [f"VIRTUAL · {given[0]}" if given else "VIRTUAL"]
        mark_virtual(figure)
    folded = [part for line in given for part in fold(line, size.title, _title_room_pt(width_in))]
    figure.suptitle("\n".join(folded), fontsize=size.title, linespacing=1.3)


def add_footer(figure: Figure, lines: Sequence[str]) -> None:
    """Adds lines below a figure, at the left, folded to its width."""
    width_in = figure.get_figwidth()
    small = sizes(width_in).small
    folded = [part for line in lines if line for part in fold(line, small, width_in * 0.98 * 72)]
    if folded:
        figure.supxlabel("\n".join(folded), fontsize=small, x=0.01, ha="left", color=INK)


def plain_height_in(width_in: float) -> float:
    """Height of a single panel with the labels of its axes, in inch."""
    return width_in * 0.36 + sizes(width_in).text * 4 / 72 + 0.2


def room_in(width_in: float, texts: Sequence[str], notes: Sequence[str], legend: int = 0) -> float:
    """Height of the title, the footer and so many lines of legend in a figure, in inch, with its margins."""
    size = sizes(width_in)
    heads = sum(len(fold(line, size.title, _title_room_pt(width_in))) for line in texts if line)
    feet = sum(len(fold(line, size.small, width_in * 0.98 * 72)) for line in notes if line)
    return (heads * size.title * 1.55 + feet * size.small * 1.45 + legend * size.small * 1.5 + 8) / 72


def mark_virtual(figure: Figure) -> None:
    """Writes VIRTUAL across a figure, large and pale."""
    width_in, height_in = figure.get_figwidth(), figure.get_figheight()
    size_pt = min(width_in * 72 / 6.5, height_in * 72 / 2.5)
    text = figure.text(0.5, 0.5, "VIRTUAL", fontsize=size_pt, color=FLAW, alpha=0.10, ha="center",
                       va="center", rotation=12, weight="bold", gid=WATERMARK)  # fmt: skip
    text.set_in_layout(False)


def _title_room_pt(width_in: float) -> float:
    return width_in * 72 - 6


def fold(text: str, size_pt: float, room_pt: float) -> list[str]:
    """Folds a line of text, made safe for a figure, so that each part is at most ``room_pt`` wide.

    A word that is wider by itself (the name of a file) is cut; a point between two parts of the text is left
    out where the line ends.
    """
    lines: list[str] = []
    line = ""
    for word in _BREAK.split(for_figure(text).strip()):
        longer = f"{line} {word}" if line else word
        if text_width_pt(longer, size_pt) <= room_pt:
            line = longer
            continue
        if line:
            lines.append(line.removesuffix(" \u00b7"))
        while text_width_pt(word, size_pt) > room_pt and len(word) > 1:
            fits = max(math.floor(len(word) * room_pt / text_width_pt(word, size_pt)) - 1, 1)
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    return [*lines, line] if line else lines


@lru_cache(maxsize=4096)
def text_width_pt(text: str, size_pt: float) -> float:
    """How wide a line of text is in the house's font, in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family="DejaVu Sans", size=size_pt)
    return float(text_to_path.get_text_width_height_descent(text.replace(r"\$", "$"), font, False)[0])


def check_picture(path: Path) -> None:
    """Makes sure that a picture can have this name, before anything long is done for it.

    Raises:
        UsageError: ``usage.picture``, ``picture.unwritable``.
    """
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise UsageError("usage.picture", f"{path} ends in none of .png, .svg, .pdf", "Give another name.")
    try:
        refuse_special(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure as PNG, SVG or PDF, by the path's ending; folders are made.

    The same figure gives the same file, byte for byte: no date is written.

    Raises:
        UsageError: ``usage.picture`` for another ending, ``picture.unwritable``.
    """
    from matplotlib.layout_engine import PlaceHolderLayoutEngine

    check_picture(path)
    dates: Mapping[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    engine = figure.get_layout_engine()
    if engine is not None and not isinstance(engine, PlaceHolderLayoutEngine):
        figure.draw_without_rendering()  # the layout settles; matplotlib would repeat it while it writes
        figure.set_layout_engine("none")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(
            path, dpi=dots_per_inch(figure.get_figwidth()), metadata=dates.get(path.suffix.lower(), {})
        )
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _unwritable(path: Path, error: OSError) -> UsageError:
    text = f"{path} cannot be written: {error.strerror or error}"
    return UsageError("picture.unwritable", text, "Name another file.")


def _settings(size: Sizes) -> dict[Any, Any]:
    """Matplotlib's settings for some sizes."""
    from cycler import cycler

    from energy.report.figures.shown import EMBEDDED

    ticks = {f"{axis}tick.{what}": value for axis in "xy" for what, value in _ticks(size).items()}
    return {
        **EMBEDDED,
        **ticks,
        "font.family": "DejaVu Sans",
        "font.size": size.text,
        "axes.labelsize": size.text,
        "axes.titlesize": size.text,
        "axes.titlelocation": "left",
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.linewidth": size.line * 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=SERIES),
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "text.color": INK,
        "legend.fontsize": size.small,
        "legend.frameon": False,
        "legend.handlelength": 1.6,
        "legend.columnspacing": 1.2,
        "lines.linewidth": size.line * 1.4,
        "lines.markersize": size.marker,
        "grid.color": FAINT,
        "grid.linewidth": size.line * 0.6,
        "hatch.linewidth": size.line * 0.8,
        "figure.constrained_layout.h_pad": size.text / 72 * 0.4,
        "figure.constrained_layout.w_pad": size.text / 72 * 0.4,
    }


def _ticks(size: Sizes) -> dict[str, Any]:
    return {
        "labelsize": size.text,
        "color": INK,
        "labelcolor": INK,
        "major.size": size.text * 0.4,
        "minor.size": size.text * 0.22,
        "major.width": size.line * 0.8,
        "minor.width": size.line * 0.6,
    }
