"""Which rows a person means: by words, by conditions on columns, or one row by its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from energy.bench.spelling import closest
from energy.catalogue.row import Row
from energy.errors import UsageError
from energy.runs.files import BENCHMARKS
from energy.validation.conditions import Columns, Condition, quantity, squashed

__all__ = ["Condition", "chosen", "condition", "quantity", "row_named", "squashed"]

_SHORT = {
    "organisation": "organization",
    "workload": "benchmark",
    "energy": "joule_per_inference",
    "latency": "latency_s",
    "throughput": "inferences_per_second",
    "power": "power_w",
    "voltage": "voltage_v",
    "name": "known_as",
}
"""Short names of columns."""
_MOST_NAMED = 6
_WHOLE = {*BENCHMARKS, "open", "closed"}
"""Words that are the name of a benchmark or division; they occur inside other words by chance."""
_HINT = (
    "Write --where COLUMN=VALUE, such as benchmark=kws, 'energy<1mJ', 'latency<=10ms', system~nucleo, or "
    "--where energy for the rows that have one. `joulebench catalogue export FILE.csv` has all columns."
)


def condition(text: str, columns: Iterable[str]) -> Condition:
    """A condition as a person writes it: ``benchmark=kws``, ``energy<1mJ``, ``latency<=10ms``, ``energy``.

    Args:
        text: The text.
        columns: Columns that there are.

    Raises:
        UsageError: ``catalogue.condition``.
    """
    return Columns(list(columns), _SHORT, "catalogue.condition", _HINT).condition(text)


def chosen(rows: Iterable[Row], words: Sequence[str] = (), conditions: Sequence[str] = ()) -> list[Row]:
    """The rows in which each word occurs, and that meet each condition.

    Args:
        rows: The catalogue.
        words: Words, in any order: of names, organisations, systems, processors, rounds, benchmarks.
        conditions: Conditions, see ``condition``.

    Raises:
        UsageError: ``catalogue.condition``.
    """
    rows = list(rows)
    columns = list(rows[0].to_json()) if rows else []
    checks = [condition(text, columns) for text in conditions] if rows else []
    parts = [squashed(word) for text in words for word in text.split()]
    return [row for row in rows if _has(row, parts) and all(check.holds(row) for check in checks)]


def _has(row: Row, parts: Sequence[str]) -> bool:
    """Whether each part is in one of the row's texts; a benchmark, division or round is only ever itself."""
    whole = {squashed(text) for text in (row.benchmark, row.division, row.round)}
    parts = [part for part in parts if part not in whole]
    if any(part in _WHOLE for part in parts):
        return False
    fields = (*row.names, row.organization, row.processor, row.accelerator, *row.id.split("/"), row.system)
    texts = [squashed(text) for text in (*fields, row.benchmark)]
    return all(any(part in text for text in texts) for part in parts)


def row_named(rows: Iterable[Row], name: str) -> Row:
    """The row that a person names: by its id, its path, or words that only it has.

    Args:
        rows: The catalogue.
        name: The name, such as ``v0.5/closed/reference/Nucleo-L4R5ZI/ic`` or ``v0.5 harvard ic``.

    Raises:
        UsageError: ``catalogue.unknown``, ``catalogue.several``.
    """
    rows = list(rows)
    plain = name.strip().strip("/")
    for row in rows:
        if plain in (row.id, row.path):
            return row
    found = chosen(rows, [name.replace("/", " ")])
    if len(found) == 1:
        return found[0]
    if not found:
        similar = closest(plain, [row.id for row in rows])
        raise UsageError(
            "catalogue.unknown",
            f"no published row is called {name!r}{f': did you mean {similar}?' if similar else ''}",
            "`joulebench catalogue list WORDS` finds rows by names, organisations, systems and processors.",
        )
    shown = ", ".join(row.id for row in found[:_MOST_NAMED])
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    raise UsageError(
        "catalogue.several",
        f"{len(found)} published rows are called {name!r}: {shown}{more}",
        "Name one of them, or add a word.",
    )
