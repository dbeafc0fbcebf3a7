"""Which rows a person means: by words, by conditions on columns, or one row by its name."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from energy.bench.spelling import closest
from energy.catalogue.row import Row
from energy.errors import UsageError
from energy.runs.files import BENCHMARKS

_CONDITION = re.compile(r"\s*([a-z_]+)\s*(?:(<=|>=|!=|=|<|>|~)\s*(.*?)\s*)?$", re.IGNORECASE)
_QUANTITY = re.compile(r"([0-9.]+(?:e[-+]?[0-9]+)?)\s*([pnuµμmkM]|[KM]i)?(Hz|[sJWVB])?$")
_PREFIXES = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6}
_BINARY = {"Ki": 1024.0, "Mi": 1024.0**2}
"""Prefixes of bytes."""
_UNITS = {"s": "s", "j": "J", "w": "W", "v": "V", "hz": "Hz", "bytes": "B"}
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
_OF_COLUMN = {"joule_per_inference": "J", "recomputed_joule_per_inference": "J"}
_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MOST_NAMED = 6
_WHOLE = {*BENCHMARKS, "open", "closed"}
"""Words that are the name of a benchmark or division; they occur inside other words by chance."""
_NOT_ALNUM = re.compile(r"[^0-9a-z]+")


class HasColumns(Protocol):
    """A row of a table: a published result, or an operating point."""

    def to_json(self) -> dict[str, Any]:
        """Its values by column."""
        ...


@dataclass(frozen=True)
class Condition:
    """A condition on a column.

    Attributes:
        column: A column of ``Row.to_json``.
        relation: ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``~`` (contains), or empty: there is a value.
        value: A number in the SI unit, or a text.
    """

    column: str
    relation: str
    value: float | str

    def holds(self, row: HasColumns) -> bool:
        """Whether a row meets it; a row without a value meets none but ``!=``."""
        value = row.to_json()[self.column]
        if isinstance(value, bool):
            value = str(value).casefold() if self.relation or value else None
        if value in (None, ""):
            return self.relation == "!="
        if not self.relation:
            return True
        if self.relation in _NUMBERS:
            return isinstance(value, int | float) and _NUMBERS[self.relation](value, self.value)
        if self.relation == "~":
            return squashed(str(self.value)) in squashed(str(value))
        same = value == self.value
        if isinstance(value, str):
            same = value.casefold() == str(self.value).casefold()
        return same == (self.relation == "=")


def condition(text: str, columns: Iterable[str]) -> Condition:
    """A condition as a person writes it: ``benchmark=kws``, ``energy<1mJ``, ``latency<=10ms``, ``energy``.

    Args:
        text: The text.
        columns: Columns that there are.

    Raises:
        UsageError: ``catalogue.condition``.
    """
    found = _CONDITION.match(text)
    if found is None:
        raise _wrong(f"{text!r} is no condition")
    name, relation, value = found[1].casefold(), found[2] or "", found[3] or ""
    known = list(columns)
    column = _SHORT.get(name, name)
    if column not in known:
        similar = closest(name, [*known, *_SHORT])
        raise _wrong(f"there is no column {name!r}{f': did you mean {similar}?' if similar else ''}")
    if relation and not value:
        raise _wrong(f"{text!r} has no value")
    number = _number(value, column) if relation else None
    if relation in _NUMBERS and number is None:
        raise _wrong(f"{value!r} is no number with the unit of {column}")
    return Condition(column, relation, value if number is None or relation == "~" else number)


def _number(text: str, column: str) -> float | None:
    """A quantity such as ``1.5mJ`` in the SI unit of a column; None if it is none."""
    return quantity(
        text, _OF_COLUMN.get(column) or _UNITS.get(column.rpartition("_")[2] if "_" in column else "", "")
    )


def quantity(text: str, unit: str) -> float | None:
    """A quantity as a person writes it, such as ``1.5mJ``, ``20 ms`` or ``256KiB``, in its unit.

    Args:
        text: The text; without a unit it is in ``unit``.
        unit: ``"s"``, ``"J"``, ``"W"``, ``"V"``, ``"Hz"``, ``"B"``, or empty.

    Returns:
        None if it is no number, or has another unit.
    """
    found = _QUANTITY.match(text.strip())
    if found is None or (found[3] or unit) != unit or (found[2] in _BINARY and unit != "B"):
        return None
    try:
        return float(found[1]) * {**_PREFIXES, **_BINARY}[found[2] or ""]
    except ValueError:
        return None


def _wrong(message: str) -> UsageError:
    return UsageError(
        "catalogue.condition",
        message,
        "Write --where COLUMN=VALUE, such as benchmark=kws, 'energy<1mJ', 'latency<=10ms', system~nucleo, or "
        "--where energy for the rows that have one. `joulebench catalogue export FILE.csv` has all columns.",
    )


def squashed(text: str) -> str:
    """A text without case, spaces and marks: ``Pynq-Z2`` and ``pynqz2`` are the same name."""
    return _NOT_ALNUM.sub("", text.casefold())


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
