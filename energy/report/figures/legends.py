"""Legends above their axes, line by line, folded to the figure's width."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energy.report.figures.style import fold, sizes, text_width_pt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HANDLE = 2.7
"""Width of a legend's line or patch with the space behind it, in sizes of its text."""
_LINE = 1.45
"""Height of a line of a legend, likewise."""


def legend_above(axes: Axes, width_in: float, share: float = 1.0, only: str = "") -> int:
    """Puts the legend above the axes, as many entries in a line as fit.

    Args:
        axes: The axes.
        width_in: Width of the figure.
        share: Part of it that the axes have.
        only: A text that an entry must hold to be shown.

    Returns:
        How many lines of text it has.
    """
    from matplotlib.legend import Legend
    from matplotlib.transforms import ScaledTranslation

    small, room_pt = sizes(width_in).small, axes_width_pt(width_in, share)
    lines = _lines(axes, small, room_pt, only)
    height = 0
    for line in reversed(lines):
        shift = ScaledTranslation(0, height * small * _LINE / 72, axes.figure.dpi_scale_trans)
        legend = Legend(axes, *zip(*line, strict=True), loc="lower left", bbox_to_anchor=(0, 1.0),
                        bbox_transform=axes.transAxes + shift, ncols=len(line), borderaxespad=0.5,
                        borderpad=0.0, handletextpad=0.5)  # fmt: skip
        axes.add_artist(legend)
        legend.set_clip_on(False)  # so that the layout gives it room
        height += max(str(label).count("\n") + 1 for _, label in line)
    return height


def axes_width_pt(width_in: float, share: float = 1.0) -> float:
    """About how wide the axes are that have a part of a figure's width, in points."""
    return width_in * share * 72 - sizes(width_in).text * 7


def _lines(axes: Axes, small: float, room_pt: float, only: str) -> list[list[tuple[Any, str]]]:
    """The entries, line by line."""
    lines: list[list[tuple[Any, str]]] = []
    used_pt = room_pt
    for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
        if only not in str(label):
            continue
        parts = fold(str(label).replace(r"\$", "$"), small, room_pt - small * (_HANDLE + 0.5))
        width_pt = max(text_width_pt(part, small) for part in parts) + small * (_HANDLE + 1.3)
        if used_pt + width_pt > room_pt:
            lines.append([])
            used_pt = 0.0
        lines[-1].append((handle, "\n".join(parts)))
        used_pt += width_pt
    return lines
