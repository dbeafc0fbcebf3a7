"""Uncertainty statements as text and tables: what a figure is known to, which term dominates, every term."""

from __future__ import annotations

from collections.abc import Mapping

from energy.report.table import NOT_KNOWN, Table
from energy.report.units import engineering, significant
from energy.uncertainty.budget import Budget, Term
from energy.uncertainty.floors import UNITS, Floor
from energy.uncertainty.rounding import figure_text
from energy.uncertainty.stated import Stated

_FLOORS = {"idle_w": "idle", "sleep_w": "asleep", "wake_up_j": "a wake-up", "wake_up_s": "takes"}
_STATUS = {"assumed": "assumed", "typical": "typical"}


def cost_cell(stated: Stated | None, joule: float | None) -> str:
    """Energy per inference as ``1430.7 µJ ± 33 µJ (95 %, k = 2.0)``; without a statement, the figure alone.

    Args:
        stated: The statement, or None.
        joule: The figure.
    """
    if stated is not None:
        return stated.joule_per_inference.text()
    return NOT_KNOWN if joule is None else f"{significant(joule * 1e6)} µJ"


def short_cell(budget: Budget | None, value: float | None) -> str:
    """A figure with its uncertainty and without k, as ``23.1491 ± 0.0067``, in the budget's unit.

    Args:
        budget: Its budget, or None.
        value: The figure.
    """
    if budget is None:
        return NOT_KNOWN if value is None else significant(value)
    return figure_text(budget.value, budget.expanded, "")


def statement_lines(stated: Stated) -> list[str]:
    """A statement in some lines: figures, and which term dominates; the scope stands beside them already."""
    cost = stated.joule_per_inference
    lines = [
        f"{cost.text()} per inference at {stated.inferences_per_second.text()}",
        f"mean power {stated.power_w.text()}",
    ]
    if stated.net_joule_per_inference is not None:
        lines.append(f"above idle {stated.net_joule_per_inference.text()} per inference")
    lines.append(f"uncertainty: {dominant_text(cost)}")
    return lines


def floors_text(floors: Mapping[str, Floor]) -> str:
    """The floors of a session in a line, as ``idle 11.80 mW ± 0.24 mW; asleep ...``."""
    parts: list[str] = []
    for name, words in _FLOORS.items():
        if (floor := floors.get(name)) is not None:
            unit = UNITS[name]
            text = floor.budget.text() if floor.budget else engineering(floor.value, unit)
            parts.append(f"{words} {text}")
    return "; ".join(parts)


def statement_text(stated: Stated) -> str:
    """Throughput, mean power and energy above idle of a statement, in a line."""
    parts = [stated.inferences_per_second.text(), stated.power_w.text()]
    if stated.net_joule_per_inference is not None:
        parts.append(f"{stated.net_joule_per_inference.text()} above idle")
    return "; ".join(parts)


def dominant_lines(stated: Mapping[str, Stated]) -> list[str]:
    """Which term dominates the uncertainty of each session, a line for those that have it in common.

    Args:
        stated: The statements by the names of the sessions.
    """
    names: dict[str, list[str]] = {}
    for name, statement in stated.items():
        names.setdefault(dominant_text(statement.joule_per_inference), []).append(name)
    if len(names) == 1:
        return [f"uncertainty: {text}" for text in names]
    return [f"uncertainty of {', '.join(of)}: {text}" for text, of in names.items()]


def dominant_text(budget: Budget) -> str:
    """Which term dominates a budget, and what would make it smaller."""
    if not budget.terms:
        return "no term is known"
    largest = budget.terms[0]
    assumed = ", an assumption" if largest.of.status == "assumed" else ""
    share = f"{budget.share(largest) * 100:.0f} % of the variance"
    return f"{share} is {largest.of.name}{assumed}; {remedy(largest)}"


def remedy(term: Term) -> str:
    """What would make a term smaller."""
    if term.of.evaluation == "A":
        return "more trials, or a steadier DUT, would make it smaller"
    name = term.of.name
    if name.startswith("offset"):
        return "a smaller range or a calibration would make it smaller"
    if name.startswith("gain"):
        return "a calibration (`joulebench calcheck`) or a more accurate monitor would make it smaller"
    if "voltage" in name:
        return "a measured supply voltage would make it smaller"
    if "edges" in name:
        return "a higher sample rate or longer windows would make it smaller"
    if "clock" in name:
        return "a calibrated sample clock would make it smaller"
    return "see its source"


def budget_table(budget: Budget) -> Table:
    """A budget as a table: every term with value, distribution, degrees of freedom, share and source."""
    table = Table(
        title=f"Budget of {budget.quantity}: {budget.text()}",
        columns=["term", "type", "limit ±", "distribution", "divisor", "u", "sensitivity",
                 f"u in {budget.unit}", "share", "ν", "source"],
        text=(0, 1, 3, 10),
        parts=([0, 1, 2, 3, 4, 9], [0, 5, 6, 7, 8], [0, 10]),
    )  # fmt: skip
    for term in budget.terms:
        given = term.of
        freedom = NOT_KNOWN if given.freedom > 1e6 else f"{given.freedom:.0f}"
        status = _STATUS.get(given.status)
        table.rows.append(
            [
                given.name,
                given.evaluation,
                _quantity(given.limit, given.unit),
                given.distribution,
                f"{given.divisor:.3f}",
                _quantity(given.standard, given.unit),
                f"{term.sensitivity:.3g}",
                f"{term.contribution:.2e}",
                f"{budget.share(term) * 100:.1f} %",
                "∞" if freedom == NOT_KNOWN else freedom,
                f"{status}: {given.source}" if status else given.source,
            ]
        )
    freedom = "∞" if budget.freedom > 1e6 else f"{budget.freedom:.1f}"
    method = budget.coverage.method
    how = "t-distribution" if method == "t-distribution" else "the combined distribution (JCGM 101)"
    table.footer = [
        ["combined", "", "", "", "", "", "", f"{budget.u:.2e}", "100 %", freedom, ""],
        [f"expanded, 95 %, k = {budget.k:.2f}", "", "", "", "", "", "", f"{budget.expanded:.2e}", "", "",
         f"k from {how}"],
    ]  # fmt: skip
    return table


def _quantity(value: float, unit: str) -> str:
    if not unit:
        return f"{value * 100:.3g} %"
    return f"{value:.3g} {unit}"
