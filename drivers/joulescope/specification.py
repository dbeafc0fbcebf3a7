"""The specification of a Joulescope without the instrument, for budgets of results that others measured."""

from __future__ import annotations

from drivers.joulescope.accuracy import accuracy_lines
from drivers.joulescope.device import JS110, JS220
from energy.instruments import Accuracy


def js110() -> tuple[Accuracy, ...]:
    """That of a JS110."""
    return accuracy_lines(JS110)


def js220() -> tuple[Accuracy, ...]:
    """That of a JS220."""
    return accuracy_lines(JS220)
