"""HTML of objects in a notebook: without scripts or styles from elsewhere, all of it escaped.

What comes from a file, a DUT or an instrument is text here, never markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from energy.findings import REGISTER, Finding, Severity
from energy.report.table import Table

_MOST_ROWS = 60
"""Rows of a table that are shown before the rest is counted."""
_COLOURS = {Severity.ERROR: "#c8382e", Severity.WARNING: "#a35f00", Severity.INFO: "#5b6b77"}
_GRAVEST_FIRST = list(_COLOURS)
_VIRTUAL = (
    "<p><b style='background:#c8382e;color:#fff;padding:0 .4em'>VIRTUAL</b> not measured on hardware</p>"
)


def card(title: str, *parts: str, virtual: bool = False) -> str:
    """An object: its title, VIRTUAL where it is, and parts that are HTML already."""
    return f"<div>{_VIRTUAL if virtual else ''}<p><b>{escape(title)}</b></p>{''.join(parts)}</div>"


def line(text: object) -> str:
    """A line of text."""
    return f"<p>{escape(str(text))}</p>"


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names with their values, one to a row."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(str(value))}"
        "</td></tr>"
        for name, value in pairs
    )
    return f"<table>{rows}</table>"


def table(content: Table) -> str:
    """A table with its footer; the rows of a long one are counted after the first ones."""
    sides = ["left" if column in content.text else "right" for column in range(len(content.columns))]
    head = _row(content.columns, sides, "th")
    body = "".join(_row(row, sides) for row in content.rows[:_MOST_ROWS])
    left = len(content.rows) - _MOST_ROWS
    more = line(f"and {left} rows more") if left > 0 else ""
    foot = "".join(_row(row, sides) for row in content.footer)
    parts = f"<thead>{head}</thead><tbody>{body}</tbody><tfoot>{foot}</tfoot>"
    return f"<table>{parts}</table>{more}{''.join(map(line, content.notes))}"


def findings(found: Sequence[Finding]) -> str:
    """Findings, errors first, with what to do; a line where there are none."""
    if not found:
        return line("no findings")
    order = sorted(found, key=lambda finding: _GRAVEST_FIRST.index(finding.severity))
    rows: list[str] = []
    for finding in order[:_MOST_ROWS]:
        where = [f"window {finding.window}"] if finding.window else []
        where += [finding.path] if finding.path else []
        remedy = REGISTER[finding.code].remedy if finding.severity is not Severity.INFO else ""
        cells = [finding.code, ", ".join(where), finding.evidence, remedy]
        severity = f"<td style='color:{_COLOURS[finding.severity]}'>{escape(finding.severity.value)}</td>"
        rows.append(f"<tr>{severity}{_cells(cells)}</tr>")
    left = len(order) - _MOST_ROWS
    return f"<table>{''.join(rows)}</table>{line(f'and {left} findings more') if left > 0 else ''}"


def failures(failed: Iterable[tuple[Path | str, Exception]]) -> str:
    """Paths that could not be read, each with its error."""
    rows = "".join(f"<tr>{_cells([str(path), str(error)])}</tr>" for path, error in failed)
    return f"<p style='color:#c8382e'>failed</p><table>{rows}</table>" if rows else ""


def bar(title: str, done: float, doing: str) -> str:
    """A bar of progress; ``done`` is from 0 to 1."""
    return (
        f"<div>{escape(title)} <progress max='1' value='{min(max(done, 0.0), 1.0):.4f}'></progress> "
        f"{escape(doing)}</div>"
    )


def _row(row: Sequence[str], sides: Sequence[str], tag: str = "td") -> str:
    cells = [
        f"<{tag} style='text-align:{side}'>{_lines(cell)}</{tag}>"
        for cell, side in zip(row, sides, strict=True)
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cells(cells: Sequence[str]) -> str:
    return "".join(f"<td style='text-align:left'>{_lines(cell)}</td>" for cell in cells)


def _lines(cell: str) -> str:
    return escape(cell).replace("\n", "<br/>")
