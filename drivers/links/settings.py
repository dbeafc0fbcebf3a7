"""Settings of a driver in a bench file; each is checked, and unknown ones are errors."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from energy.errors import BenchError

_T = TypeVar("_T")

HIGHEST_BAUD = 12_000_000
"""Higher than the baud rate of any UART here."""
LONGEST_S = 600.0
"""Longest timeout in seconds that a bench file may set."""


class Choices:
    """A driver's settings from a bench file, which the driver removes one after another.

    Args:
        who: Beginning of the error's code.
        settings: The settings as they are in the bench file.
    """

    def __init__(self, who: str, settings: dict[str, Any]) -> None:
        self._who = who
        self._left = {name: value for name, value in settings.items() if name != "virtual"}
        self._known: list[str] = []
        self.virtual = bool(settings.get("virtual", False))

    def pop(self, name: str, default: _T, least: float = 0.0, most: float = 0.0) -> _T:
        """Removes a setting and returns it, with its default's type; a number must be within the limits.

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
        """Checks that no setting is left.

        Raises:
            BenchError: ``<who>.setting``.
        """
        if self._left:
            raise BenchError(
                f"{self._who}.setting",
                f"there is no setting {', '.join(sorted(self._left))}",
                f"There are: {', '.join(sorted(self._known))}.",
            )
