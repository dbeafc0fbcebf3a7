"""Known limits: cells of the break-in matrix whose number may be wrong, and why nobody can notice.

Each is a promise that is not kept. What can be noticed does not belong here: it is mended.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """A known limit.

    Attributes:
        cells: A regular expression of cells' names.
        largest: The largest error of energy or time, as a fraction, that may pass.
        title: In a line.
        why: Why it is not noticed, and what a person can do.
    """

    cells: str
    largest: float
    title: str
    why: str


LIMITS: tuple[Limit, ...] = ()


def limit_of(name: str) -> Limit | None:
    """The limit that a cell is known by."""
    return next((limit for limit in LIMITS if re.fullmatch(limit.cells, name)), None)
