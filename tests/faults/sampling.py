"""The cells of the break-in matrix that ``make test`` runs: some of them always, others by a seed.

The seed is the date, or what ``JOULEBENCH_MATRIX_SEED`` in the environment is. pytest's header, the name of
the test and its message have it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from tests.conftest import MATRIX_SEED
from tests.faults.cells import Cell
from tests.faults.phases import AT_FULL_SPEED

FIXED_PER_KIND = 1
DRAWN_PER_KIND = 1
NOT_DRAWN = {
    "hangs-in-pilot": "The session waits for 20 minutes of virtual time, which takes long on a busy machine."
}
"""Faults whose cells are not drawn, with the reason."""


def seed() -> str:
    """The seed of this run of pytest, the same in all of its processes."""
    return os.environ[MATRIX_SEED]


def drawn(cells: Iterable[Cell], seed: str, count: int) -> list[Cell]:
    """Cells whose names have the least digests with this seed, of each kind so many.

    Cells at full speed take too long for that; they are run by ``make matrix``.
    """

    def digest(cell: Cell) -> str:
        return hashlib.sha256(f"{seed}{cell.name}".encode()).hexdigest()

    kinds: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=digest):
        if cell.bench not in AT_FULL_SPEED and cell.fault.name not in NOT_DRAWN:
            kinds.setdefault(cell.fault.kind, []).append(cell)
    return [cell for of_kind in kinds.values() for cell in of_kind[:count]]


def sample(cells: Iterable[Cell]) -> dict[str, Cell]:
    """The cells of this run by the name of their test: those that are always run, then those of the seed."""
    cells = list(cells)
    fixed = drawn(cells, "", FIXED_PER_KIND)
    others = [cell for cell in cells if cell not in fixed]
    return {
        **{cell.name: cell for cell in fixed},
        **{f"{cell.name} (seed {seed()})": cell for cell in drawn(others, seed(), DRAWN_PER_KIND)},
    }
