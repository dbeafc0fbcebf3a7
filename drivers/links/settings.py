"""A bench file's settings for a driver, each checked, none left over."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from energy.errors import BenchError

_T = TypeVar("_T")

HIGHEST_BAUD = 12_000_000
"""More than any UART here runs at."""
LONGEST_S = 600.0
"""Nobody waits longer for an answer."""


class Choices:
    """A bench file's settings for a driver, taken out one by one.

    Args:
        who: Beginning of the error's code.
        settings: As they are in the bench file.
    """

    def __init__(self, who: str, settings: dict[str, Any]) -> None:
        self._who = who
        self._left = {name: value for name, value in settings.items() if name != "virtual"}
        self._known: list[str] = []
        self.virtual = bool(settings.get("virtual", False))

    def take(self, name: str, default: _T, least: float = 0.0, most: float = 0.0) -> _T:
        """A setting, of its default's kind; numbers lie between ``least`` and ``most``.

        Raises:
            BenchError: ``<who>.setting``.
        """
        self._known.append(name)
        value: Any = self._left.pop(name, default)
        kind: type[Any] = type(default)
        if kind is float and type(value) is int:
            value = float(value)
        numeric = kind in (int, float)
        if type(value) is not kind or (numeric and not least <= float(value) <= most):
            wanted = f"a number from {least:g} to {most:g}" if numeric else f"a {kind.__name__}"
            raise BenchError(
                f"{self._who}.setting",
                f"the setting {name} is {wanted}, not {value!r}",
                "See the bench file.",
            )
        return cast(_T, value)

    def finish(self) -> None:
        """Nothing may be left.

        Raises:
            BenchError: ``<who>.setting``.
        """
        if self._left:
            raise BenchError(
                f"{self._who}.setting",
                f"there is no setting {', '.join(sorted(self._left))}",
                f"There are: {', '.join(sorted(self._known))}.",
            )
