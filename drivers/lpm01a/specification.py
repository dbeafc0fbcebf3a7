"""The specification of an LPM01A without the instrument, for budgets of results that others measured."""

from __future__ import annotations

from drivers.lpm01a.accuracy import accuracy_lines
from drivers.lpm01a.setup import HIGHEST_A
from energy.instruments import Accuracy


def specification() -> tuple[Accuracy, ...]:
    """As the runners use it: dynamic mode, numbers in decimal digits (protocols.md 3.2)."""
    return accuracy_lines("ascii_dec", HIGHEST_A["optim"])
