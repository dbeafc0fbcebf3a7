"""Every key of the bench file, from its model (``energy/bench/benchfile.py``)."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from markdown_text import cell, plain, table
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from energy.bench.benchfile import BenchFile

UNITS = {
    "_v": "V", "_a": "A", "_s": "s", "_us": "µs", "_hz": "Hz", "_ohm": "Ω", "_c": "°C", "_bytes": "byte",
    "tolerance": "1", "baud": "Bd",
}  # fmt: skip
"""Units by how a key ends; 1 is a fraction."""
_LIMITS = (
    ("gt", ">"),
    ("ge", "≥"),
    ("lt", "<"),
    ("le", "≤"),
    ("min_length", "length ≥"),
    ("max_length", "length ≤"),
)
_KINDS: dict[Any, str] = {
    str: "text", float: "number", int: "whole number", bool: "true or false", dict: "table", type(None): ""
}  # fmt: skip


def unit_of(key: str) -> str:
    """The unit of a key's value, or nothing."""
    return next((unit for end, unit in UNITS.items() if key.endswith(end)), "")


def _kind(annotation: Any) -> str:
    """A type in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(inner[0])
    if origin is Literal:
        return ", ".join(f'`"{value}"`' for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(filter(None, (_kind(one) for one in inner)))
    if origin in (list, tuple):
        return f"list of: {_kind(inner[0])}"
    if origin is dict:
        return "table"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f'`"{one.value}"`' for one in annotation)
    return _KINDS[annotation]


def _limits(info: FieldInfo, annotation: Any) -> str:
    """What a value must keep within; a number inside an alternative has its limits there."""
    metadata = [*info.metadata]
    for one in (annotation, *get_args(annotation)):
        if get_origin(one) is Annotated:
            metadata += [part for extra in get_args(one)[1:] for part in getattr(extra, "metadata", [extra])]
    found = [
        f"{sign} {getattr(part, name):g}"
        for part in metadata
        for name, sign in _LIMITS
        if getattr(part, name, None) is not None
    ]
    patterns = [f"`{part.pattern}`" for part in metadata if getattr(part, "pattern", None)]
    return ", ".join([*map(plain, found), *(cell(pattern) for pattern in patterns)])


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    value = info.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Enum):
        value = value.value
    match value:
        case None | "" | [] | {}:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return f'`"{value}"`'
        case _:
            return f"{value:g}"


def _tables(model: type[BaseModel], name: str) -> Iterator[tuple[str, type[BaseModel], bool]]:
    """A table of the file and those in it: name, model, whether it must be there."""
    yield name, model, True
    for key, info in model.model_fields.items():
        for one in (info.annotation, *get_args(info.annotation)):
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield info.alias or key, one, info.is_required()


def keys_of(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The keys of a table that are no tables with a model of their own."""
    return [
        (info.alias or key, info)
        for key, info in model.model_fields.items()
        if not any(
            isinstance(one, type) and issubclass(one, BaseModel)
            for one in (info.annotation, *get_args(info.annotation))
        )
    ]


def bench_part() -> str:
    """A section for each table of the bench file."""
    parts: list[str] = []
    for name, model, required in _tables(BenchFile, ""):
        rows = [
            [f"`{key}`", _kind(info.annotation), unit_of(key), _default(info), _limits(info, info.annotation)]
            for key, info in keys_of(model)
        ]
        title = f"`[{name}]`" + (" (required)" if required else "") if name else "The file itself"
        about = inspect.cleandoc(model.__doc__ or "").replace("``", "`")
        parts += [
            f"## {title}\n",
            plain(about),
            "",
            table(["key", "type", "unit", "default", "limits"], rows),
        ]
    return "\n".join(parts)
