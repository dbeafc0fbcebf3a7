"""Hints of errors as notes, which a traceback shows in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from energy.bench.shipped import located
from energy.errors import JoulebenchError

_P = ParamSpec("_P")
_T = TypeVar("_T")


def hinted(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """The function, whose errors carry their hint, and further errors, as notes."""

    @wraps(function)
    def call(*arguments: _P.args, **options: _P.kwargs) -> _T:
        try:
            return function(*arguments, **options)
        except JoulebenchError as error:
            notes = [f"hint: {located(error.hint)}"]
            notes += [f"and: {other}\nhint: {located(other.hint)}" for other in error.also]
            for note in notes:
                if note not in getattr(error, "__notes__", ()):
                    error.add_note(note)
            raise

    return call
