"""A table of text, which the command line, a page or a notebook draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

NOT_KNOWN = "–"


@dataclass
class Table:
    """A table of text.

    Attributes:
        title: Title of the table.
        columns: Heading of each column, with its unit.
        rows: Rows of cells.
        footer: Rows below a line: medians, spreads.
        text: Columns of words, which may be wrapped and stand at the left; the others hold numbers.
        parts: Columns of the tables to draw instead where the whole does not fit.
        notes: Lines of text below it.
    """

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list[list[str]])
    footer: list[list[str]] = field(default_factory=list[list[str]])
    text: Sequence[int] = (0,)
    parts: Sequence[Sequence[int]] = ()
    notes: Sequence[str] = ()

    def shortened(self, most: int, *, latest: bool = False) -> Table:
        """The table with the first so many rows, or the last, and a note on how many there are.

        Args:
            most: So many rows at most.
            latest: Whether the last are left instead of the first.
        """
        count = len(self.rows)
        if count <= most:
            return self
        rows = self.rows[-most:] if latest else self.rows[:most]
        which = "last" if latest else "first"
        note = f"The {which} {most} of {count} rows; in a pipe (| less) or a file there are all."
        return replace(self, rows=rows, notes=[*self.notes, note])

    def select(self, columns: Sequence[int]) -> Table:
        """The table with only some of its columns, without its notes."""

        def cut(rows: list[list[str]]) -> list[list[str]]:
            return [[row[column] for column in columns] for row in rows]

        headings = [self.columns[column] for column in columns]
        text = [place for place, column in enumerate(columns) if column in self.text]
        return Table(self.title, headings, cut(self.rows), cut(self.footer), text)
