"""Values out of JSON that anybody may have written: each is what it must be, or a ValueError says so."""

from __future__ import annotations

import json
import math
from typing import Any, cast

LARGEST_POSITION = 2**53
"""Positions and row numbers stay below this, so that a float64 names each of them."""
_SHOWN = 60


def parse_json(text: str | bytes) -> Any:
    """The document in ``text``.

    Raises:
        ValueError: If it is not JSON, or is nested deeper than the interpreter goes.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def as_object(value: Any) -> dict[str, Any]:
    """``value``, a JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} stands where an object should")
    return cast("dict[str, Any]", value)


def as_list(value: Any) -> list[Any]:
    """``value``, a JSON array."""
    if not isinstance(value, list):
        raise ValueError(f"{shown(value)} stands where an array should")
    return cast("list[Any]", value)


def as_text(value: Any) -> str:
    """``value``, a JSON string."""
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} stands where a text should")
    return value


def as_number(value: Any) -> float:
    """``value``, a finite JSON number, as a float."""
    if type(value) not in (int, float):
        raise ValueError(f"{shown(value)} stands where a number should")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{shown(value)} is not a finite number")
    return number


def as_position(value: Any) -> float:
    """``value``, a JSON number that can be a position in a recording."""
    position = as_number(value)
    if abs(position) > LARGEST_POSITION:
        raise ValueError(f"{shown(value)} is beyond 2^53")
    return position


def as_whole(value: Any) -> int:
    """``value``, a JSON integer whose size is at most 2^53."""
    if type(value) is not int:
        raise ValueError(f"{shown(value)} stands where a whole number should")
    if abs(value) > LARGEST_POSITION:
        raise ValueError(f"{shown(value)} is beyond 2^53")
    return value


def field(values: dict[str, Any], name: str) -> Any:
    """The field ``name`` of an object."""
    if name not in values:
        raise ValueError(f"{name!r} is missing")
    return values[name]


def shown(value: Any) -> str:
    """``value`` for a message, cut short."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    if isinstance(value, int) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
