"""Tables as lines of text for a width: no cell is ever cut.

A table that is too wide wraps its headings and the columns of words; one that is wider still is drawn in its
parts, and at last with a line for each cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from rich.cells import cell_len

from energy.report.table import NOT_KNOWN, Table

_GAPS = (3, 2)
"""Spaces between two columns: the first with which a table fits."""
_LONGEST_PIECE = 24
"""Characters of a word that are kept on a line; a longer word is wrapped inside."""
_NARROWEST = 16
"""Characters that a value needs beside its heading; with fewer it goes below."""
_INDENT = 2
_LIVE = 10
"""Columns of a cell in a table that is not known to its end."""
_AFTER = re.compile(r"(?<=[-/_,;:.])(?=[^\s\d])|(?<=\s)")
"""Where a word may be wrapped: after a mark, but never inside a number."""


@dataclass(frozen=True)
class Drawn:
    """A line of a table.

    Attributes:
        text: Its text, no wider than asked for unless a single number is.
        kind: ``"heading"``, ``"rule"``, ``"row"``, ``"flawed"`` (a row that is marked ``!``), ``"footer"`` or
            ``"note"``.
    """

    text: str
    kind: str


def drawn(table: Table, width: int) -> list[Drawn]:
    """The lines of a table and of its notes, each at most ``width`` columns wide."""
    notes = [Drawn(line, "note") for note in table.notes for line in wrapped(note, width)]
    return _without_notes(table, width) + notes


def _without_notes(table: Table, width: int) -> list[Drawn]:
    for gap in _GAPS:
        if (widths := column_widths(table, width, gap)) is not None:
            return _grid(table, widths, gap)
    parts = [table.select(part) for part in table.parts]
    if parts and all(column_widths(part, width, _GAPS[-1]) is not None for part in parts):
        lines: list[Drawn] = []
        for part in parts:
            lines += [*drawn(part, width), Drawn("", "rule")]
        return lines[:-1]
    return _records(table, width)


def column_widths(table: Table, width: int, gap: int) -> list[int] | None:
    """The width of each column so that the table fits into ``width``; None if its numbers do not.

    Args:
        table: The table.
        width: Columns of the terminal.
        gap: Spaces between two columns of the table.
    """
    count = len(table.columns)
    rows = table.rows + table.footer
    natural, least = [0] * count, [0] * count
    for column, heading in enumerate(table.columns):
        cells = [row[column] for row in rows]
        longest = max(map(cell_len, cells), default=0)
        natural[column] = max(longest, cell_len(heading))
        word = max(map(cell_len, heading.split()), default=0)
        if column in table.text:
            pieces = [piece for cell in cells for piece in cell.split()]
            longest = min(max(map(cell_len, pieces), default=0), _LONGEST_PIECE)
        least[column] = max(longest, word)
    spare = width - gap * (count - 1) - sum(least)
    if spare < 0:
        return None
    order = sorted(
        range(count), key=lambda column: (column not in table.text, natural[column] - least[column])
    )
    for column in order:
        more = min(natural[column] - least[column], spare)
        least[column] += more
        spare -= more
    return least


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most ``width`` columns: between words, else after a mark, else anywhere."""
    lines, line = list[str](), ""
    for word in text.split():
        if line and cell_len(line) + 1 + cell_len(word) <= width:
            line += f" {word}"
            continue
        if line:
            lines.append(line)
        line = ""
        for piece in _AFTER.split(word):
            if line and cell_len(line) + cell_len(piece) > width:
                lines.append(line)
                line = ""
            line += piece
            while cell_len(line) > width:
                fits = _fitting(line, width)
                lines.append(line[:fits])
                line = line[fits:]
    return [*lines, line]


def _fitting(text: str, width: int) -> int:
    """How many characters of a text fit; at least one."""
    count = 1
    while count < len(text) and cell_len(text[: count + 1]) <= width:
        count += 1
    return count


def _grid(table: Table, widths: list[int], gap: int) -> list[Drawn]:
    rule = Drawn("─" * (sum(widths) + gap * (len(widths) - 1)), "rule")
    lines = [Drawn(text, "heading") for text in _row(table, table.columns, widths, gap)] + [rule]
    for row in table.rows:
        kind = "flawed" if row[0].endswith("!") else "row"
        lines += [Drawn(text, kind) for text in _row(table, row, widths, gap)]
    if table.footer:
        lines.append(rule)
        lines += [Drawn(text, "footer") for row in table.footer for text in _row(table, row, widths, gap)]
    return lines


def _row(table: Table, cells: list[str], widths: list[int], gap: int) -> list[str]:
    """A row as lines; numbers stand at the right."""
    columns = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines: list[str] = []
    for number in range(max(map(len, columns))):
        padded: list[str] = []
        for column, (pieces, width) in enumerate(zip(columns, widths, strict=True)):
            piece = pieces[number] if number < len(pieces) else ""
            space = " " * (width - cell_len(piece))
            padded.append(piece + space if column in table.text else space + piece)
        lines.append((" " * gap).join(padded).rstrip())
    return lines


def _records(table: Table, width: int) -> list[Drawn]:
    """Each row as its first cell with a line for every other one."""
    lines: list[Drawn] = []
    label = max(map(cell_len, table.columns[1:]), default=0)
    beside = width - 2 * _INDENT - label
    words = {table.columns[column] for column in table.text}
    for row in table.rows + table.footer:
        kind = "flawed" if row[0].endswith("!") else "footer" if row in table.footer else "row"
        name = row[0] if 0 in table.text or row in table.footer else f"{table.columns[0]} {row[0]}"
        lines += [Drawn(text, "heading" if kind == "row" else kind) for text in wrapped(name, width)]
        for heading, cell in zip(table.columns[1:], row[1:], strict=True):
            if cell in ("", NOT_KNOWN):
                continue
            needs = min(_NARROWEST, cell_len(cell))
            if heading not in words and cell_len(cell) <= width - 2 * _INDENT:
                needs = cell_len(cell)  # a figure stays on one line where it can
            fits = max(beside, _INDENT) if beside >= needs else 0
            if fits:
                first, *rest = wrapped(cell, fits)
                space = " " * (label - cell_len(heading) + _INDENT)
                lines.append(Drawn(f"{' ' * _INDENT}{heading}{space}{first}", kind))
                lines += [Drawn(" " * (2 * _INDENT + label) + text, kind) for text in rest]
            else:
                lines.append(Drawn(" " * _INDENT + heading, kind))
                below = wrapped(cell, width - 2 * _INDENT)
                lines += [Drawn(" " * 2 * _INDENT + text, kind) for text in below]
    return lines


class LiveTable:
    """A table whose rows are drawn as they come, in columns of equal width.

    Args:
        columns: Headings; the first names the rows.
        width: Columns of the terminal.
    """

    def __init__(self, columns: list[str], width: int) -> None:
        self._table = Table("", columns, text=())
        self._width = width
        self._widths = [len(columns[0])] + [max(len(heading), _LIVE) for heading in columns[1:]]

    @property
    def _fits(self) -> bool:
        return sum(self._widths) + _GAPS[-1] * (len(self._widths) - 1) <= self._width

    def heading(self) -> list[Drawn]:
        """The line above the rows; none where each row is drawn as lines."""
        return self._lines(self._table.columns, "heading") if self._fits else []

    def row(self, cells: list[str], mark: str = "") -> list[Drawn]:
        """The lines of a row, and of a remark on it."""
        if self._fits:
            lines = self._lines(cells, "row")
        else:
            lines = _records(replace(self._table, rows=[cells]), self._width)
        return lines + [
            Drawn(f"{' ' * _INDENT}{text}", "flawed") for text in wrapped(mark, self._width) if text
        ]

    def _lines(self, cells: list[str], kind: str) -> list[Drawn]:
        widths = [max(width, cell_len(cell)) for width, cell in zip(self._widths, cells, strict=True)]
        return [Drawn(text, kind) for text in _row(self._table, cells, widths, _GAPS[-1])]
