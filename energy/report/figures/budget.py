"""The picture of a budget: which part of the variance each term has, and what its figure rests on."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from energy.report.figures.axes import si_axis
from energy.report.figures.style import (
    BAND,
    FLAW,
    GREEN,
    GREY,
    LINE,
    SCREEN_IN,
    WINDOW,
    fold,
    house_style,
    new_figure,
    sizes,
)
from energy.uncertainty.budget import Budget, Term
from energy.uncertainty.inputs import InputStatus

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS: Mapping[InputStatus, tuple[str, str]] = {
    "measured": (WINDOW, "seen in this measurement"),
    "certified": (GREEN, "calibration certificate"),
    "specified": (LINE, "the maker's limit"),
    "typical": (BAND, "typical figures"),
    "assumed": (FLAW, "an assumption"),
}
_OTHER = GREY
_SMALL = 0.01
"""Terms with a smaller share are drawn as one."""
_LABELS = 0.38
"""Part of the width that the names of the terms may have."""


class _Bar(NamedTuple):
    label: str
    share: float
    status: InputStatus | None
    """None: several small terms."""


def budget_picture(budgets: Mapping[str, Budget], *, width_in: float = SCREEN_IN) -> Figure:
    """Draws the shares of one or more budgets, a panel each.

    Args:
        budgets: Budgets by the heading of their panel.
        width_in: Width of the figure.

    Returns:
        A figure, not yet written anywhere; its height follows the number of terms.
    """
    size = sizes(width_in)
    room_pt = width_in * 72 * _LABELS
    rows = {heading: _bars(budget, size.text, room_pt) for heading, budget in budgets.items()}
    titles = {name: _title(name, budget, width_in) for name, budget in budgets.items()}
    heights = [_panel_in(bars, titles[heading], size.text) for heading, bars in rows.items()]
    used = {bar.status for bars in rows.values() for bar in bars}
    with house_style(width_in):
        legend_in = len(used) * size.small * 1.6 / 72 + 0.1
        figure = new_figure(width_in, sum(heights) + legend_in)
        panels = figure.subplots(len(budgets), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, heading in zip(panels, budgets, strict=True):
            _draw(axes, titles[heading], rows[heading])
            largest = max((bar.share for bars in rows.values() for bar in bars), default=1.0)
            axes.set_xlim(0, (124 if width_in < 5 else 112) * largest)
        _draw_legend(figure, [status for status in _COLOURS if status in used], width_in)
    return figure


def _panel_in(bars: list[_Bar], title: str, text_pt: float) -> float:
    """Height of a panel: its rows, its title and its axis."""
    lines = sum(max(bar.label.count("\n") + 1, 1.35) for bar in bars) or 1.0
    return (lines * 1.55 + (title.count("\n") + 1) * 1.5 + 4.2) * text_pt / 72


def _title(heading: str, budget: Budget, width_in: float) -> str:
    size = sizes(width_in)
    room_pt = width_in * 72 * (1 - _LABELS) - size.text
    lines = [
        *fold(heading, size.text, room_pt),
        *fold(f"{budget.quantity}: {budget.text()}", size.text, room_pt),
    ]
    return "\n".join(lines)


def _bars(budget: Budget, size_pt: float, room_pt: float) -> list[_Bar]:
    def label(term: Term) -> str:
        return "\n".join(fold(term.of.name, size_pt, room_pt))

    large = [term for term in budget.terms if budget.share(term) >= _SMALL]
    small = [term for term in budget.terms if budget.share(term) < _SMALL]
    bars = [_Bar(label(term), budget.share(term), term.of.status) for term in large]
    if len(small) == 1:
        bars.append(_Bar(label(small[0]), budget.share(small[0]), small[0].of.status))
    elif small:
        share = sum(budget.share(term) for term in small)
        bars.append(_Bar(f"{len(small)} smaller terms", share, None))
    return bars


def _draw(axes: Axes, title: str, bars: list[_Bar]) -> None:
    places = list(range(len(bars)))
    shares = [bar.share * 100 for bar in bars]
    axes.barh(
        places, shares, color=[_COLOURS[bar.status][0] if bar.status else _OTHER for bar in bars], height=0.62
    )
    for place, share in zip(places, shares, strict=True):
        text = f"{share:.0f} %" if share >= 1 else "below 1 %"
        axes.annotate(text, (share, place), (3, 0), textcoords="offset points", va="center")
    axes.set_yticks(places, [bar.label for bar in bars])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    si_axis(axes, "x", "share of the variance in %", "")
    axes.set_title(title, loc="left")


def _draw_legend(figure: Figure, used: list[InputStatus], width_in: float) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(color=_COLOURS[status][0], label=_COLOURS[status][1]) for status in used]
    if patches:
        columns = 2 if width_in < 5 else 3 if width_in < 9 else len(patches)
        figure.legend(handles=patches, loc="outside lower left", ncols=min(columns, len(patches)))
