"""The picture of a budget: which part of the variance each term has, and what its figure rests on."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from energy.printable import for_figure
from energy.report.figures.style import BAND, FLAW, INK, LINE, WINDOW
from energy.uncertainty.budget import Budget, Term
from energy.uncertainty.inputs import InputStatus

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS: Mapping[InputStatus, tuple[str, str]] = {
    "measured": (WINDOW, "seen in this measurement"),
    "certified": ("#3f8f5b", "calibration certificate"),
    "specified": (LINE, "the maker's limit"),
    "typical": (BAND, "typical figures"),
    "assumed": (FLAW, "an assumption"),
}
_OTHER = "#a9b1b8"
_SMALL = 0.01
"""Terms with a smaller share are drawn as one."""
_LABEL_WIDTH = 42
_ROW_INCH, _PANEL_INCH = 0.42, 1.15


class _Bar(NamedTuple):
    label: str
    share: float
    status: InputStatus | None
    """None: several small terms."""


def budget_picture(budgets: Mapping[str, Budget]) -> Figure:
    """Draws the shares of one or more budgets, a panel each.

    Args:
        budgets: Budgets by the heading of their panel.

    Returns:
        A figure 9 inch wide, not yet written anywhere; its height follows the number of terms.
    """
    import matplotlib as mpl

    from energy.report.figures.shown import ShownFigure

    rows = {heading: _bars(budget) for heading, budget in budgets.items()}
    heights = [_ROW_INCH * max(len(bars), 1) + _PANEL_INCH for bars in rows.values()]
    with mpl.rc_context(
        {"font.size": 10, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK,
         "axes.spines.top": False, "axes.spines.right": False}
    ):  # fmt: skip
        figure = ShownFigure(figsize=(9, sum(heights) + 0.5), layout="constrained")
        panels = figure.subplots(len(budgets), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (heading, budget) in zip(panels, budgets.items(), strict=True):
            _draw(axes, heading, budget, rows[heading])
            axes.set_xlim(0, 112 * max((bar.share for bars in rows.values() for bar in bars), default=1.0))
        used = {bar.status for bars in rows.values() for bar in bars}
        _draw_legend(figure, [status for status in _COLOURS if status in used])
    return figure


def _bars(budget: Budget) -> list[_Bar]:
    large = [term for term in budget.terms if budget.share(term) >= _SMALL]
    small = [term for term in budget.terms if budget.share(term) < _SMALL]
    bars = [_Bar(_label(term), budget.share(term), term.of.status) for term in large]
    if len(small) == 1:
        bars.append(_Bar(_label(small[0]), budget.share(small[0]), small[0].of.status))
    elif small:
        share = sum(budget.share(term) for term in small)
        bars.append(_Bar(f"{len(small)} smaller terms", share, None))
    return bars


def _label(term: Term) -> str:
    return textwrap.fill(for_figure(term.of.name), _LABEL_WIDTH)


def _draw(axes: Axes, heading: str, budget: Budget, bars: list[_Bar]) -> None:
    places = list(range(len(bars)))
    shares = [bar.share * 100 for bar in bars]
    axes.barh(
        places, shares, color=[_COLOURS[bar.status][0] if bar.status else _OTHER for bar in bars], height=0.62
    )
    for place, share in zip(places, shares, strict=True):
        text = f"{share:.0f} %" if share >= 1 else "below 1 %"
        axes.text(share + 0.8, place, text, va="center")
    axes.set_yticks(places, [bar.label for bar in bars])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlabel("share of the variance in %")
    axes.set_title(f"{for_figure(heading)}\n{budget.quantity}: {budget.text()}", loc="left", fontsize=11)


def _draw_legend(figure: Figure, used: list[InputStatus]) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(color=_COLOURS[status][0], label=_COLOURS[status][1]) for status in used]
    if patches:
        figure.legend(handles=patches, loc="outside lower left", ncols=len(patches), frameon=False)
