"""JSON: writes any document in the same way, and reads values from JSON of unknown origin.

A value that is read has the required type, or a ValueError is raised. For NaN and infinity, which JSON does
not have, null is written, so that a file can be written whatever its values are.
"""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Iterator
from typing import Any, cast

from energy import printable
from energy.errors import TooLargeError
from energy.recording.limits import JSON_MEMORY, json_memory

LARGEST_POSITION = 2**53
"""Positions and row numbers stay below this, so that a float64 holds each of them exactly."""
_SHOWN = 60
SMALL = 5 << 20
"""A shorter document needs no count of what it may take: 680 MiB at most, by 128 and 8 bytes a character."""


def json_text(document: Any, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """The text of a document, in one line unless ``indent`` is given; null for the floats that JSON lacks.

    Characters that are not printable are escaped, as the text may be shown in a terminal.
    """
    try:
        text = json.dumps(document, indent=indent, allow_nan=False, ensure_ascii=ascii_only)
    except ValueError:  # there is one: looking for it takes ten times as long as writing
        text = json.dumps(for_json(document), indent=indent, allow_nan=False, ensure_ascii=ascii_only)
    return text if ascii_only else printable.for_json(text)


def for_json(document: Any) -> Any:
    """A copy of a document of dicts, lists and plain values, with None for NaN and infinity.

    Such values occur: damaged samples may add up to infinity, a window without length has no mean power, and
    a DUT may answer with anything.
    """
    if isinstance(document, dict):
        entries = cast(dict[str, Any], document)
        return {key: for_json(value) for key, value in entries.items()}
    if isinstance(document, list | tuple):
        return [for_json(value) for value in cast(list[Any], document)]
    return None if isinstance(document, float) and not math.isfinite(document) else document


def not_numbers(document: Any, name: str = "") -> Iterator[str]:
    """Names of the values in a document that are NaN or infinite: ``monitor.settings.rate_hz``."""
    if isinstance(document, dict):
        for key, value in cast(dict[str, Any], document).items():
            yield from not_numbers(value, f"{name}.{key}" if name else str(key))
    elif isinstance(document, list | tuple):
        for number, value in enumerate(cast(list[Any], document)):
            yield from not_numbers(value, f"{name}.{number}")
    elif isinstance(document, float) and not math.isfinite(document):
        yield name


def parse_json(text: str | bytes, *, strict: bool = True, what: str = "a JSON document") -> Any:
    """The document in ``text``.

    Args:
        text: The document.
        strict: Whether control characters inside texts are an error.
        what: The document's name for messages.

    Raises:
        ValueError: If it is not JSON, or is nested too deeply for the interpreter.
        RecordingError: ``file.too-large`` if it would take more memory than ``JSON_MEMORY``.
    """
    if len(text) > SMALL and (needed := json_memory(text)) > JSON_MEMORY:
        raise TooLargeError(
            f"{what} has {len(text)} characters and may take {needed >> 20} MiB when it is read; "
            f"the limit is {JSON_MEMORY >> 20} MiB",
            "Check that it is the right file; if it is, split it.",
        )
    collecting = gc.isenabled()
    gc.disable()  # it would look again and again through a document whose parts are all in use
    try:
        return _parsed(text) if strict else json.loads(text, strict=False)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    finally:
        if collecting:
            gc.enable()


def _parsed(text: str | bytes) -> Any:
    """The document in ``text``, by a parser that is twice as fast and refuses all that is not plain JSON.

    What it refuses (NaN, single surrogates, other encodings than UTF-8, 200 levels, errors) the slower one of
    the standard library reads, or explains.
    """
    from pydantic_core import from_json

    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        return json.loads(text)


def as_object(value: Any) -> dict[str, Any]:
    """``value``, a JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} is in the place of an object")
    return cast("dict[str, Any]", value)


def as_list(value: Any) -> list[Any]:
    """``value``, a JSON array."""
    if not isinstance(value, list):
        raise ValueError(f"{shown(value)} is in the place of an array")
    return cast("list[Any]", value)


def as_text(value: Any) -> str:
    """``value``, a JSON string."""
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is in the place of a text")
    return value


def as_number(value: Any) -> float:
    """``value``, a finite JSON number, as a float."""
    if type(value) not in (int, float):
        raise ValueError(f"{shown(value)} is in the place of a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{shown(value)} is not a finite number")
    return number


def as_position(value: Any) -> float:
    """``value``, a JSON number in the range of positions in a recording."""
    position = as_number(value)
    if abs(position) > LARGEST_POSITION:
        raise ValueError(f"{shown(value)} is beyond 2^53")
    return position


def as_whole(value: Any) -> int:
    """``value``, a JSON integer whose size is at most 2^53."""
    if type(value) is not int:
        raise ValueError(f"{shown(value)} is in the place of a whole number")
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
