"""Uncertainty budgets in a page: every term with its share and source, and what dominates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from energy.report.pages.parts import Cell, Fact, Folded, Lines, PageTable, Part, Plot, plot_text, table_part
from energy.report.uncertainty import budget_table, dominant_text
from energy.uncertainty.budget import Budget
from energy.uncertainty.rounding import figure_text

_SMALL = 0.005
"""Terms with a smaller part of the variance are drawn as a single bar."""
_LONGEST = 44
_U, _SHARE = 7, 8
"""Columns of ``budget_table`` with a contribution and with a share."""


def figure_fact(name: str, budget: Budget) -> Fact:
    """A figure with its expanded uncertainty as a headline."""
    text = figure_text(budget.value, budget.expanded, budget.unit)
    return Fact(name, text, budget.value, f"95 %, k = {budget.k:.1f}")


def budget_parts(budgets: Sequence[Budget]) -> list[Part]:
    """The first budget open, with the shares of its terms as a plot; the others folded.

    Args:
        budgets: At least one.
    """
    first, *others = budgets
    parts: list[Part] = [Lines([f"Uncertainty: {dominant_text(first)}."])]
    if len(first.terms) > 1:
        parts.append(_shares(first))
    parts += _tabled(first, "budget-0")
    return [
        *parts,
        *(
            Folded(other.quantity, _tabled(other, f"budget-{place}"), printed=True)
            for place, other in enumerate(others, 1)
        ),
    ]


def budget_part(budget: Budget, name: str) -> PageTable:
    """A budget as a table, each contribution and share with its number behind it.

    Args:
        budget: The budget.
        name: The table's id.
    """
    part = table_part(budget_table(budget), name)
    rows: list[list[Cell]] = []
    for row, term in zip(part.rows, budget.terms, strict=True):
        cells = list(row)
        cells[_U] = replace(cells[_U], value=term.contribution)
        cells[_SHARE] = replace(cells[_SHARE], value=budget.share(term))
        rows.append(cells)
    combined, expanded = (list(row) for row in part.footer)
    combined[_U] = replace(combined[_U], value=budget.u)
    expanded[_U] = replace(expanded[_U], value=budget.expanded)
    return replace(part, rows=rows, footer=[combined, expanded], filtered=False)


def _tabled(budget: Budget, name: str) -> list[Part]:
    notes = [Lines(list(budget.notes))] if budget.notes else []
    return [budget_part(budget, name), *notes]


def _shares(budget: Budget) -> Plot:
    terms = [(plot_text(term.of.name), budget.share(term) * 100) for term in budget.terms]
    shown = [row for row in terms if row[1] >= _SMALL * 100]
    small = [share for _, share in terms if share < _SMALL * 100]
    if small and sum(small) > 0:
        noun = "smaller term" if len(small) == 1 else "smaller terms"
        shown.append((f"{len(small)} {noun}", sum(small)))
    names = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name, _ in shown]
    shares = [share for _, share in shown]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": shares,
        "y": list(range(len(shown))),
        "text": [f" {share:.1f} %" for share in shares],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": "--c1"},
        "hovertext": [name for name, _ in shown],
        "hovertemplate": "%{hovertext}: %{x:.2f} %<extra></extra>",
    }
    layout = {
        "xaxis": {
            "title": {"text": "part of the variance (%)"},
            "range": [0, 112],
            "tickvals": [0, 25, 50, 75, 100],
        },
        "yaxis": {
            "tickvals": list(range(len(shown))),
            "ticktext": [f"{name}  " for name in names],
            "autorange": "reversed",
            "showgrid": False,
        },
        "margin": {"l": 20, "r": 30, "t": 10, "b": 50},
        "showlegend": False,
    }
    largest = ", ".join(f"{name} {share:.0f} %" for name, share in shown[:3])
    label = f"Parts of the variance of the {budget.quantity}: {largest}."
    return Plot("shares", label, [bars], layout, height=80 + 34 * len(shown))
