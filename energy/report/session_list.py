"""A list of sessions as a table and as CSV."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from energy.printable import for_cell
from energy.report.repeats import repeat_cell
from energy.report.setups import SETUP_COLUMNS, setup_cells, with_scopes
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import significant
from energy.validation.listing import ListedSession


def list_table(listed: list[ListedSession], folder: Path) -> Table:
    """A table with a row per session; folders relative to the one that holds them."""
    table = Table(
        "Sessions",
        ["session", *SETUP_COLUMNS, "workload", "mode", "inf/s", "µJ/inf", "mW", "accuracy", "repeated",
         "valid", "belongs to"],
        text=(0, 1, 4, 5, 6, 7, 12, 13, 14),
        parts=([0, 6, 7, 8, 9, 10, 11, 12, 13], [0, 1, 2, 3, 4, 5, 14]),
    )  # fmt: skip
    for session in listed:
        name = session.folder
        name = name.relative_to(folder) if name.is_relative_to(folder) and name != folder else name
        power, cost = session.power_w, session.joule_per_inference
        table.rows.append(
            [
                ("VIRTUAL " if session.virtual else "") + str(name),
                *setup_cells(session.setup),
                session.workload or NOT_KNOWN,
                session.mode or NOT_KNOWN,
                _figure(session.inferences_per_second),
                _figure(None if cost is None else cost * 1e6),
                _figure(None if power is None else power * 1e3, 4),
                _figure(session.accuracy, 4),
                repeat_cell(session.rejected),
                _verdict(session),
                _stamp(session.setup.performance),
            ]
        )
    return with_scopes(table, [session.setup for session in listed])


def as_csv(listed: list[ListedSession]) -> str:
    """A row per session, SI units; a text that a spreadsheet would take for a formula begins with ``'``."""
    text = io.StringIO()
    columns = list(ListedSession(Path()).to_json())
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for session in listed:
        writer.writerow({name: _cell(value) for name, value in session.to_json().items()})
    return text.getvalue()


def _cell(value: object) -> object:
    return for_cell(value) if isinstance(value, str) else value


def _stamp(name: str | None) -> str:
    """The day and time at the beginning of a session's name; the whole name where there are none."""
    stamp = re.match(r"\d{8}-\d{6}", name or "")
    return stamp.group() if stamp else name or NOT_KNOWN


def _figure(value: float | None, digits: int = 6) -> str:
    return NOT_KNOWN if value is None else significant(value, digits)


def _verdict(session: ListedSession) -> str:
    if session.problem:
        return "no: it cannot be read"
    codes = f": {', '.join(session.findings)}" if session.findings else ""
    if session.state not in (None, "finished", "recovered"):
        return f"no: {session.state}{codes}"
    if session.valid is None:
        return NOT_KNOWN if not codes else codes[2:]
    return f"yes{codes}" if session.valid else f"no{codes}"
