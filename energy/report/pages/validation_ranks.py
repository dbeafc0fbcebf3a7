"""Ranks by energy among the benchmarks of a validation, by recomputed and by printed figures."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from energy.report.pages.parts import Cell
from energy.report.table import NOT_KNOWN
from energy.report.validation_rows import Row


@dataclass(frozen=True)
class Rank:
    """The place of a benchmark among those of its round, division and workload; None where it has no energy.

    Attributes:
        recomputed: By recomputed energy.
        printed: By printed energy.
        of: How many have a recomputed energy.
    """

    recomputed: int | None
    printed: int | None
    of: int

    @property
    def cell(self) -> Cell:
        """``2 of 9``, and the rank by printed energies where it is another."""
        if self.recomputed is None:
            text = NOT_KNOWN if self.printed is None else f"– (printed {self.printed})"
            return Cell(text)
        other = self.printed is not None and self.printed != self.recomputed
        more = f" (printed {self.printed})" if other else ""
        return Cell(f"{self.recomputed} of {self.of}{more}", float(self.recomputed))


def ranks_of(rows: Sequence[Row]) -> list[Rank]:
    """The ranks of benchmarks, in their order; equal energies have the same rank."""
    recomputed = _ranks(rows, [_number(row.energy) for row in rows])
    printed = _ranks(rows, [_number(row.printed) for row in rows])
    return [Rank(ours, theirs, of) for (ours, of), (theirs, _) in zip(recomputed, printed, strict=True)]


def _ranks(rows: Sequence[Row], energies: Sequence[float | None]) -> list[tuple[int | None, int]]:
    fields: dict[tuple[str, ...], list[float]] = {}
    for row, energy in zip(rows, energies, strict=True):
        if energy is not None:
            fields.setdefault(_field(row), []).append(energy)
    for values in fields.values():
        values.sort()
    return [
        (
            None if energy is None else bisect_left(fields[_field(row)], energy) + 1,
            len(fields.get(_field(row), ())),
        )
        for row, energy in zip(rows, energies, strict=True)
    ]


def _field(row: Row) -> tuple[str, ...]:
    folder = row.folder
    return folder.round, folder.division, folder.benchmark


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
