"""Places labels beside points so that none covers another, a point, or the border of the axes.

Every label takes the nearest free place around its point; where that is not close, a thin line leads to it.
The places are found in the same order every time, so that the same points give the same figure.
"""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from energy.report.figures.style import GREY, text_width_pt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Boxes = npt.NDArray[np.float64]
"""Boxes, a row each: left, bottom, right, top, in points."""

_GAP_PT = 1.0
"""Between a label and what is beside it."""
_HEIGHT = 1.2
"""Height of a line of text, in sizes of the font."""
_FAR_PT = 4.0
"""Distance from which a line leads from a point to its label."""
_RINGS_PT = (
    0.0,
    2.0,
    4.0,
    7.0,
    10.0,
    14.0,
    18.0,
    23.0,
    28.0,
    34.0,
    40.0,
    48.0,
    56.0,
    66.0,
    78.0,
    92.0,
    110.0,
)
"""Distances at which a label is tried."""
_CLOSE_PT, _DIRECTIONS = 6.0, 24
"""Directions in which a label is tried; nearer than 6 points, eight of them."""


@dataclass(frozen=True)
class Label:
    """A label to be placed.

    Attributes:
        text: Its text, a line.
        x: Of the point, as the axis has it.
        y: Likewise.
        size_pt: Height of the font.
        colour: Of the text.
        marker_pt: Size of the point's marker.
    """

    text: str
    x: float
    y: float
    size_pt: float
    colour: str
    marker_pt: float


class Places:
    """What is taken inside some axes, in points from their lower left corner.

    Args:
        axes: The axes; their place in the figure and their limits must not change any more.
        points: Points, as the axes have them.
        markers_pt: Size of the marker of each, or of all.
    """

    def __init__(
        self, axes: Axes, points: Sequence[tuple[float, float]], markers_pt: float | Sequence[float]
    ) -> None:
        figure = axes.get_figure(root=True)
        assert figure is not None
        self._axes, self._scale = axes, 72.0 / figure.dpi
        corner = axes.transAxes.transform((0.0, 0.0))
        self._corner = np.asarray(corner, np.float64)
        size = (np.asarray(axes.transAxes.transform((1.0, 1.0))) - corner) * self._scale
        self.width, self.height = float(size[0]), float(size[1])
        at = self.at(points)
        half = np.broadcast_to(np.asarray(markers_pt, np.float64), (len(at),))[:, None] / 2 + 0.4
        self._taken: _Boxes = np.hstack([at - half, at + half])

    def at(self, points: Sequence[tuple[float, float]]) -> npt.NDArray[np.float64]:
        """Points of the axes in points of length from the lower left corner, a row each."""
        if not points:
            return np.zeros((0, 2))
        pixels = self._axes.transData.transform(np.asarray(points, np.float64))
        return (np.asarray(pixels) - self._corner) * self._scale

    def is_free(self, box: Sequence[float]) -> bool:
        """Whether a box lies inside the axes and over nothing that is taken."""
        return bool(self._free(np.asarray([box], np.float64))[0])

    def take(self, box: Sequence[float]) -> None:
        """Notes that a box is taken."""
        self._taken = np.vstack([self._taken, np.asarray([box], np.float64)])

    def place(self, label: Label) -> bool:
        """Writes a label at the nearest free place around its point.

        Returns:
            Whether there was one.
        """
        width = text_width_pt(label.text, label.size_pt) + 2 * _GAP_PT
        height = label.size_pt * _HEIGHT + _GAP_PT
        (point,) = self.at([(label.x, label.y)])
        for ring in _RINGS_PT:
            boxes = np.vstack(list(self._around(point, ring + label.marker_pt / 2 + 0.5, width, height)))
            free = np.flatnonzero(self._free(boxes))
            if len(free):
                box = boxes[int(free[0])]
                self._write(label, point, box)
                self.take(box.tolist())
                return True
        return False

    def _free(self, boxes: _Boxes) -> npt.NDArray[np.bool_]:
        inside = (
            (boxes[:, 0] >= 1) & (boxes[:, 1] >= 1)
            & (boxes[:, 2] <= self.width - 1) & (boxes[:, 3] <= self.height - 1)
        )  # fmt: skip
        one, other = boxes[:, None, :], self._taken[None, :, :]
        apart = (
            (one[..., 0] >= other[..., 2]) | (other[..., 0] >= one[..., 2])
            | (one[..., 1] >= other[..., 3]) | (other[..., 1] >= one[..., 3])
        )  # fmt: skip
        return inside & apart.all(axis=1)

    def _around(
        self, point: npt.NDArray[np.float64], reach: float, width: float, height: float
    ) -> Iterator[_Boxes]:
        """Boxes at a distance from a point: right of it first, then around it."""
        count = 8 if reach < _CLOSE_PT else _DIRECTIONS
        order = sorted(range(count), key=lambda step: min(step, count - step) + (step > count / 2) * 0.5)
        for step in order:
            angle = 2 * np.pi * step / count
            across, up = float(np.cos(angle)), float(np.sin(angle))
            x = point[0] + reach * across + width / 2 * np.clip(across * 1.5, -1, 1) - width / 2
            y = point[1] + reach * up + height / 2 * np.clip(up * 1.5, -1, 1) - height / 2
            yield np.array([[x, y, x + width, y + height]])

    def _write(self, label: Label, point: npt.NDArray[np.float64], box: npt.NDArray[np.float64]) -> None:
        middle = (box[:2] + box[2:]) / 2
        nearest = np.clip(point, box[:2] + _GAP_PT, box[2:] - _GAP_PT)
        if float(np.hypot(*(nearest - point))) > _FAR_PT + label.marker_pt / 2:
            (x, y), (label_x, label_y) = self._back(point), self._back(nearest)
            self._axes.plot([x, label_x], [y, label_y], lw=0.4, color=GREY, zorder=1.8, scalex=False,
                            scaley=False, gid="leader")  # fmt: skip
        self._axes.annotate(
            label.text, (label.x, label.y), xytext=tuple(middle - point), textcoords="offset points",
            ha="center", va="center", fontsize=label.size_pt, color=label.colour, zorder=6, gid="label",
        )  # fmt: skip

    def _back(self, at: npt.NDArray[np.float64]) -> tuple[float, float]:
        """A place in points from the lower left corner, as the axes have it."""
        x, y = self._axes.transData.inverted().transform(at / self._scale + self._corner)
        return float(x), float(y)
