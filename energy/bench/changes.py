"""Changes of single keys of a bench file: ``dut.voltage_v=1.8``, checked by the rules of the file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from energy.bench.benchfile import BenchFile, bench_of
from energy.errors import UsageError


def change_bench(bench: BenchFile, changes: Mapping[str, Any]) -> BenchFile:
    """The bench with other values.

    Args:
        bench: The bench as its file has it.
        changes: A value for each key, whose tables are separated by dots: ``{"dut.voltage_v": 1.8}``.

    Raises:
        UsageError: ``usage.set`` if a key leads through a value that is no table, ``bench.invalid`` if the
            bench is then not valid.
    """
    if not changes:
        return bench
    document = bench.model_dump(by_alias=True, exclude_none=True)
    for key, value in changes.items():
        *tables, last = key.split(".")
        place: dict[str, Any] = document
        for name in tables:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                text = f"{key}: {name} is a value of the bench file, not a table"
                raise UsageError("usage.set", text, "docs/reference/bench-file.md lists the keys.")
            place = cast("dict[str, Any]", inner)
        place[last] = value
    return bench_of(document, f"{bench.name} with {', '.join(changes)}")


def parse_changes(words: Sequence[str]) -> dict[str, Any]:
    """The changes that ``--set KEY=VALUE`` asks for; a value is TOML, and a bare word is a text.

    Raises:
        UsageError: ``usage.set``.
    """
    changes: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not all(key.split(".")):
            raise UsageError(
                "usage.set", f"{word!r} is not KEY=VALUE", "For example: --set dut.voltage_v=1.8"
            )
        changes[key.strip()] = _value(text.strip())
    return changes


def _value(text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return text
    return document["value"] if list(document) == ["value"] else text
