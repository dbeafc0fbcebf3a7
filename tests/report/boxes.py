"""Reads a drawn figure: every text with its box and size, and whether all of it can be read.

Only texts that are drawn count: ticks outside the limits and hidden axes have none.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from energy.report.figures.style import LEAST_PT, WATERMARK

TOLERANCE_PT = 0.75
"""How far boxes may overlap: a box has the height of the whole font, also where no letter is so tall."""


@dataclass(frozen=True)
class TextBox:
    """A text in a figure.

    Attributes:
        text: The text.
        size_pt: Height of its font.
        box: Where it is, in points from the lower left corner.
        artist: The artist.
    """

    text: str
    size_pt: float
    box: Bbox
    artist: Text


def text_boxes(figure: Figure) -> list[TextBox]:
    """Every text that is drawn, but for the watermark."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # the layout settles
    with _drawn() as drawn:
        canvas.draw()
    scale = 72 / figure.dpi
    boxes: list[TextBox] = []
    for text in dict.fromkeys(drawn):
        if text.get_gid() == WATERMARK:
            continue
        extent = text.get_window_extent(canvas.get_renderer())
        boxes.append(
            TextBox(text.get_text(), float(text.get_fontsize()), Bbox(extent.get_points() * scale), text)
        )
    return boxes


def assert_readable(figure: Figure) -> list[TextBox]:
    """Asserts that no text is under 6 pt, none overlaps another, and none leaves the canvas; returns all."""
    boxes = text_boxes(figure)
    small = [(box.text, box.size_pt) for box in boxes if box.size_pt < LEAST_PT]
    assert not small, f"under {LEAST_PT} pt: {small}"
    width, height = figure.get_size_inches() * 72
    canvas = Bbox.from_extents(0, 0, width, height)
    outside = [(box.text, tuple(box.box.extents)) for box in boxes if _leaves(box.box, canvas)]
    assert not outside, f"leaves the canvas of {width:.0f} x {height:.0f} pt: {outside}"
    collisions = overlaps(boxes)
    assert not collisions, f"overlap: {collisions}"
    return boxes


def overlaps(boxes: list[TextBox]) -> list[tuple[str, str]]:
    """The pairs of texts that lie over each other."""
    ordered = sorted(boxes, key=lambda box: box.box.x0)
    found: list[tuple[str, str]] = []
    for place, left in enumerate(ordered):
        for right in ordered[place + 1 :]:
            if right.box.x0 > left.box.x1:
                break
            width = min(left.box.x1, right.box.x1) - right.box.x0
            height = min(left.box.y1, right.box.y1) - max(left.box.y0, right.box.y0)
            if width > TOLERANCE_PT and height > TOLERANCE_PT:
                found.append((left.text, right.text))
    return found


def tick_numbers(figure: Figure) -> list[list[float]]:
    """The numbers at the ticks of each axis that has any, as they are printed."""
    rows: list[list[float]] = []
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            texts = [label.get_text().replace("\N{MINUS SIGN}", "-") for label in axis.get_ticklabels()]
            if texts := [text for text in texts if text]:
                rows.append([float(text) for text in texts])
    return rows


def evenly_spaced(numbers: list[float]) -> bool:
    """Whether numbers have equal distances."""
    steps = [high - low for low, high in pairwise(numbers)]
    return bool(np.allclose(steps, steps[0], rtol=1e-6)) if steps else True


def _leaves(box: Bbox, canvas: Bbox) -> bool:
    return (
        box.x0 < canvas.x0 - TOLERANCE_PT
        or box.y0 < canvas.y0 - TOLERANCE_PT
        or box.x1 > canvas.x1 + TOLERANCE_PT
        or box.y1 > canvas.y1 + TOLERANCE_PT
    )


@contextmanager
def _drawn() -> Generator[list[Text]]:
    """Notes each text that matplotlib draws."""
    drawn: list[Text] = []
    draw = Text.draw

    def noted(self: Text, renderer: object, *rest: object, **more: object) -> None:
        if self.get_visible() and self.get_text().strip():
            drawn.append(self)
        draw(self, renderer, *rest, **more)  # pyright: ignore[reportArgumentType]

    Text.draw = noted  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield drawn
    finally:
        Text.draw = draw
