"""``session.json`` of a recording that states only how to count its windows, read without the models.

The models of a session's documents take longer to load than a small recording to integrate. So a document of
these few members, each of the kind that it must be, is read here; any other is left to the models, which also
say what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

MOST_COUNTED = 10**12
"""Inferences of a window, or edges before the first, at most."""


@dataclass(frozen=True, slots=True)
class PlainRecording:
    """The members of the document that figures need, as ``SessionDocument`` has them."""

    workload: str | None = None
    leading_edges: int = 0
    iterations: list[int] = field(default_factory=list[int])
    iterations_each: int | None = None


def plain_recording(document: Any) -> PlainRecording | None:
    """Reads such a document; None if it is, or may be, another one."""
    if not isinstance(document, dict):
        return None
    members = cast("dict[str, Any]", document)
    if not all(name in _KINDS and _KINDS[name](value) for name, value in members.items()):
        return None
    return PlainRecording(**{name: members[name] for name in PlainRecording.__slots__ if name in members})


def _is_text(value: Any) -> bool:
    return value is None or type(value) is str


def _is_flag(value: Any) -> bool:
    return value is None or type(value) is bool


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MOST_COUNTED


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_count, cast("list[Any]", value)))


def _is_count_or_0(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_COUNTED


def _is_count_or_none(value: Any) -> bool:
    return value is None or _is_count(value)


_KINDS: dict[str, Callable[[Any], bool]] = {
    "schema": _is_text,
    "virtual": _is_flag,
    "workload": _is_text,
    "leading_edges": _is_count_or_0,
    "iterations": _are_counts,
    "iterations_each": _is_count_or_none,
}
