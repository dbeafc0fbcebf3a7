"""The circumstances of a session as text: ``NUCLEO-L4R5ZI · 1.8 V · 120.0 MHz · X-NUCLEO-LPM01A``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from string import ascii_lowercase

from energy.evidence.scope_text import scope_line
from energy.evidence.setup import Setup
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import engineering

SETUP_COLUMNS = ("board", "voltage", "clock", "monitor", "label")
"""Headings of the columns that stand in every summary of sessions."""


def volts(voltage_v: float | None) -> str:
    """A supply voltage: ``1.8 V``."""
    return NOT_KNOWN if voltage_v is None else f"{voltage_v:g} V"


def setup_cells(setup: Setup) -> list[str]:
    """The cells of ``SETUP_COLUMNS``."""
    clock = NOT_KNOWN if setup.clock_hz is None else engineering(setup.clock_hz, "Hz")
    return [
        setup.board or NOT_KNOWN,
        volts(setup.voltage_v),
        clock,
        setup.monitor or NOT_KNOWN,
        setup.label or NOT_KNOWN,
    ]


def known_columns(setups: Sequence[Setup]) -> tuple[list[str], list[list[str]]]:
    """The columns of ``SETUP_COLUMNS`` in which anything is known, and each row's cells in them."""
    rows = [setup_cells(setup) for setup in setups]
    known = [column for column in range(len(SETUP_COLUMNS)) if any(row[column] != NOT_KNOWN for row in rows)]
    return [SETUP_COLUMNS[column] for column in known], [[row[column] for column in known] for row in rows]


def with_setups(table: Table, setups: Sequence[Setup], after: int = 1) -> Table:
    """A table with the known columns of the set-up of each row, and the scope of each below.

    Args:
        table: The table.
        setups: The set-up of each row.
        after: Number of the table's columns that stand before them.
    """
    headings, cells = known_columns(setups)
    count = len(headings)
    texts = [column + (count if column >= after else 0) for column in table.text]
    texts += [after + column for column, name in enumerate(headings) if name not in ("voltage", "clock")]
    rows = [row[:after] + more + row[after:] for row, more in zip(table.rows, cells, strict=True)]
    columns = table.columns[:after] + headings + table.columns[after:]
    return with_scopes(Table(table.title, columns, rows, table.footer, sorted(texts)), setups)


def with_scopes(table: Table, setups: Sequence[Setup]) -> Table:
    """A table with the scope of its rows in a note; scopes that differ get letters, in a last column.

    Args:
        table: The table.
        setups: The set-up of each row.
    """
    lines = list(dict.fromkeys(scope_line(setup.scope) for setup in setups))
    if len(lines) < 2:
        return replace(table, notes=[*table.notes, *lines])
    stated = list(dict.fromkeys(setup.scope.text() for setup in setups if setup.scope))
    marks = {text: _letters(number) for number, text in enumerate(stated)}
    cells = [marks[setup.scope.text()] if setup.scope else "not stated" for setup in setups]
    last = len(table.columns)
    return replace(
        table,
        columns=[*table.columns, "scope"],
        rows=[[*row, cell] for row, cell in zip(table.rows, cells, strict=True)],
        footer=[[*row, ""] for row in table.footer],
        text=[*table.text, last],
        parts=[[*part, last] for part in table.parts],
        notes=[*table.notes, *(f"scope {mark}: {text}" for text, mark in marks.items())],
    )


def _letters(number: int) -> str:
    """``a`` to ``z``, then ``aa``, ``ab``, ..."""
    more, letter = divmod(number, len(ascii_lowercase))
    return (_letters(more - 1) if more else "") + ascii_lowercase[letter]


def setup_line(setup: Setup) -> str:
    """The circumstances that are known, in a line."""
    return " · ".join(cell for cell in setup_cells(setup) if cell != NOT_KNOWN)
