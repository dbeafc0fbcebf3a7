"""Comparisons as tables and lines: each figure against the first, what cancels, what it would take."""

from __future__ import annotations

from collections.abc import Sequence

from energy.report.table import NOT_KNOWN, Table
from energy.uncertainty.budget import Budget
from energy.uncertainty.compare import Comparison, Subject
from energy.uncertainty.paired import PairedComparison
from energy.uncertainty.results import Result
from energy.uncertainty.rounding import figure_text

_SMALLEST_SHARE = 1e-3
"""Terms with a smaller part of the variance, in the ratio and in both figures, are left out."""
_SYMBOLS = {"differ": "≠", "cannot be told apart": "≈", "not comparable": "not comparable"}


def letter(place: int) -> str:
    """The name of a result in tables: A to Z, then A1."""
    return chr(ord("A") + place % 26) + (str(place // 26) if place >= 26 else "")


def percent_text(ratio: Budget | None) -> str:
    """A ratio as the difference in percent, with its expanded uncertainty: ``+0.50 % ± 0.09 %``."""
    if ratio is None:
        return NOT_KNOWN
    text = figure_text((ratio.value - 1.0) * 100.0, ratio.expanded * 100.0, "%")
    return text if text.startswith("-") else f"+{text}"


def name_lines(results: Sequence[Result]) -> list[str]:
    """The letter of each result in the tables, a line each.

    Args:
        results: The results.
    """
    return [
        f"{letter(place)}  {'VIRTUAL ' if result.virtual else ''}{result.name}"
        f"{f' ({result.remark})' if result.remark else ''}"
        for place, result in enumerate(results)
    ]


def comparison_table(subjects: Sequence[Subject], rows: Sequence[Sequence[Comparison]]) -> Table:
    """A row a figure: its value, how it is against the first, and the verdict.

    Args:
        subjects: The figures.
        rows: Their comparisons, as ``compare_all`` returns them.
    """
    quantity = subjects[0].budget.quantity
    table = Table(quantity, ["", quantity, "against A", "verdict"], text=(0, 3))
    for place, subject in enumerate(subjects):
        against = rows[place][0] if rows[place] else None
        figure = figure_text(subject.budget.value, subject.budget.expanded, subject.budget.unit)
        cells = [percent_text(against.ratio), against.verdict] if against else ["", ""]
        virtual = " VIRTUAL" if subject.circumstances.virtual else ""
        table.rows.append([f"{letter(place)}{virtual}", figure, *cells])
    return table


def matrix_table(subjects: Sequence[Subject], rows: Sequence[Sequence[Comparison]]) -> Table:
    """Every pair: the row against the column. ≠ differs, ≈ cannot be told apart."""
    columns = [letter(place) for place in range(len(subjects) - 1)]
    table = Table("Row against column: ≠ differs, ≈ cannot be told apart", ["", *columns], text=(0,))
    for place, row in enumerate(rows):
        if row:
            cells = [
                f"{_SYMBOLS[c.verdict]} {percent_text(c.ratio)}" if not c.reasons else _SYMBOLS[c.verdict]
                for c in row
            ]
            table.rows.append([letter(place), *cells, *[""] * (len(columns) - len(cells))])
    return table


def terms_table(compared: Comparison, *, names: tuple[str, str] = ("A", "B"), every: bool = False) -> Table:
    """The terms of two figures and of their ratio, as relative standard uncertainties in percent.

    Args:
        compared: The comparison.
        names: Names of the two figures.
        every: Also terms that hardly count.
    """
    one, other = names
    table = Table(
        "Terms, relative standard uncertainty", ["term", one, other, f"{other}/{one}", "share"], text=(0,)
    )
    first, second = (of.budget.u / abs(of.budget.value) for of in (compared.first, compared.second))
    for term in compared.terms:
        parts = (
            term.share,
            (term.first / first) ** 2 if first else 0,
            (term.second / second) ** 2 if second else 0,
        )
        if every or max(parts) >= _SMALLEST_SHARE:
            cells = [_percent(value) for value in (term.first, term.second, term.ratio)]
            table.rows.append([term.name, *cells, f"{term.share * 100:.1f} %"])
    ratio = compared.ratio
    total = ratio.u / ratio.value if ratio else 0.0
    table.footer.append(["combined", _percent(first), _percent(second), _percent(total), ""])
    return table


def _percent(value: float) -> str:
    if value < 5e-7:
        return "0" if value < 1e-12 else "< 0.0001 %"
    return f"{value * 100:.2g} %" if value < 0.1 else f"{value * 100:.3g} %"


def comparison_lines(compared: Comparison, names: tuple[str, str] = ("A", "B")) -> list[str]:
    """A comparison in lines: the verdict, its reasons, notes, and what it would take.

    Args:
        compared: The comparison.
        names: Names of the two figures.
    """
    one, other = names
    lines = [f"{_verdict_text(compared, one, other)}"]
    lines += [f"  {reason.evidence}. {reason.remedy}" for reason in compared.reasons]
    lines += [f"  on purpose: {allowed.evidence}" for allowed in compared.allowed]
    lines += [f"  {note}" for note in compared.notes]
    lines += [f"  {advice}" for advice in compared.improvement.advice]
    return lines


def _verdict_text(compared: Comparison, one: str, other: str) -> str:
    ratio = compared.ratio
    factor = f" (95 %, k = {ratio.k:.1f})" if ratio and ratio.u else ""
    figure = f"{percent_text(ratio)}{factor}" if ratio else compared.difference.text()
    if compared.verdict == "differ":
        return f"{other} differs from {one}: {figure}"
    if compared.verdict == "cannot be told apart":
        return f"{other} and {one} cannot be told apart: {figure}"
    return f"{other} and {one} are not comparable:"


def paired_table(compared: PairedComparison) -> Table:
    """A row a pair, and the geometric mean of their ratios below."""
    table = Table(
        f"Pairs: {compared.pairs[0].first.budget.quantity}",
        ["workload", "first", "second", "second against first", "verdict"],
        text=(0, 4),
    )
    for pair in compared.pairs:
        one, other = (
            figure_text(of.budget.value, of.budget.expanded, of.budget.unit)
            for of in (pair.first, pair.second)
        )
        workload = pair.first.circumstances.workload or NOT_KNOWN
        virtual = pair.first.circumstances.virtual or pair.second.circumstances.virtual
        name = f"VIRTUAL {workload}" if virtual else workload
        table.rows.append([name, one, other, percent_text(pair.ratio), pair.verdict])
    table.footer.append(["geometric mean", "", "", percent_text(compared.ratio), compared.verdict])
    return table


def paired_lines(compared: PairedComparison) -> list[str]:
    """Pairs in lines: the mean ratio, reasons, notes."""
    ratio = compared.ratio
    lines = [f"mean ratio {figure_text(ratio.value, ratio.expanded, '', ratio.k)}: {compared.verdict}"]
    lines += [f"  {reason.evidence}. {reason.remedy}" for reason in compared.reasons]
    return [*lines, *(f"  {note}" for note in compared.notes)]
