"""Conditions on the columns of a table, as a person writes them: ``energy<1mJ``, ``workload=kws01``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from energy.bench.spelling import closest
from energy.errors import UsageError

_CONDITION = re.compile(r"\s*([a-z_]+)\s*(?:(<=|>=|!=|=|<|>|~)\s*(.*?)\s*)?$", re.IGNORECASE)
_QUANTITY = re.compile(r"([0-9.]+(?:e[-+]?[0-9]+)?)\s*([pnuµμmkM]|[KM]i)?(Hz|[sJWVB])?$")
_PREFIXES = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6}
_BINARY = {"Ki": 1024.0, "Mi": 1024.0**2}
"""Prefixes of bytes."""
_UNITS = {"s": "s", "j": "J", "w": "W", "v": "V", "hz": "Hz", "bytes": "B"}
_OF_COLUMN = {"joule_per_inference": "J", "recomputed_joule_per_inference": "J"}
_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NOT_ALNUM = re.compile(r"[^0-9a-z]+")


class HasColumns(Protocol):
    """A row of a table: a published result, an operating point, a session."""

    def to_json(self) -> dict[str, Any]:
        """Its values by column."""
        ...


@dataclass(frozen=True)
class Columns:
    """The columns of a table, for conditions on them.

    Attributes:
        names: The columns.
        short: Other words for columns.
        code: Code of the error for a condition that cannot be read.
        hint: Its hint.
    """

    names: Sequence[str]
    short: Mapping[str, str]
    code: str
    hint: str

    def condition(self, text: str) -> Condition:
        """A condition as a person writes it: ``workload=kws01``, ``energy<1mJ``, ``energy``.

        Raises:
            UsageError: With ``code``.
        """
        found = _CONDITION.match(text)
        if found is None:
            raise self._wrong(f"{text!r} is no condition")
        name, relation, value = found[1].casefold(), found[2] or "", found[3] or ""
        column = self.short.get(name, name)
        if column not in self.names:
            similar = closest(name, [*self.names, *self.short])
            raise self._wrong(f"there is no column {name!r}{f': did you mean {similar}?' if similar else ''}")
        if relation and not value:
            raise self._wrong(f"{text!r} has no value")
        number = _number(value, column) if relation else None
        if relation in _NUMBERS and number is None:
            raise self._wrong(f"{value!r} is no number with the unit of {column}")
        return Condition(column, relation, value if number is None or relation == "~" else number)

    def conditions(self, texts: Iterable[str]) -> list[Condition]:
        """Conditions as a person writes them.

        Raises:
            UsageError: With ``code``.
        """
        return [self.condition(text) for text in texts]

    def _wrong(self, message: str) -> UsageError:
        return UsageError(self.code, message, self.hint)


@dataclass(frozen=True)
class Condition:
    """A condition on a column.

    Attributes:
        column: The column.
        relation: ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``~`` (contains), or empty: there is a value.
        value: A number in the SI unit, or a text.
    """

    column: str
    relation: str
    value: float | str

    def holds(self, row: HasColumns) -> bool:
        """Whether a row meets it; a row without a value meets none but ``!=``."""
        return self.met(row.to_json())

    def met(self, values: Mapping[str, Any]) -> bool:
        """As ``holds``, for the values of a row by column."""
        value = values[self.column]
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


def squashed(text: str) -> str:
    """A text without case, spaces and marks: ``Pynq-Z2`` and ``pynqz2`` are the same name."""
    return _NOT_ALNUM.sub("", text.casefold())
