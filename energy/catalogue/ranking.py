"""Rankings by energy per round, division and workload, and which neighbours in them cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from energy.catalogue.assumed import has_budget, subject_of_row, submission_of
from energy.catalogue.row import Row
from energy.uncertainty.comparability import ASPECTS
from energy.uncertainty.compare import Subject, compare

Apart = Literal["yes", "if one monitor", "no"]
"""Whether a figure differs from the one before it at 95 %: in any case, only if both were measured by one
specimen of a monitor, or not even then."""


@dataclass(frozen=True)
class Ranked:
    """A place in a ranking.

    Attributes:
        rank: From 1, by energy.
        row: The published row.
        subject: Its figure with its assumed budget, its monitor's specimen unknown.
        apart: Whether it differs from the rank before; None for the first.
    """

    rank: int
    row: Row
    subject: Subject
    apart: Apart | None


@dataclass(frozen=True)
class Ranking:
    """The results of a workload in a division of a round, by energy.

    Attributes:
        round: The round.
        division: The division.
        benchmark: The benchmark.
        places: Its rows, the least energy first.
    """

    round: str
    division: str
    benchmark: str
    places: tuple[Ranked, ...]

    @property
    def groups(self) -> list[tuple[int, int]]:
        """First and last rank of each run of neighbours that cannot be told apart, their monitors unknown."""
        runs: list[tuple[int, int]] = []
        for place in self.places:
            if place.apart in (None, "yes"):
                runs.append((place.rank, place.rank))
            else:
                runs[-1] = (runs[-1][0], place.rank)
        return [run for run in runs if run[0] < run[1]]


def rankings(rows: Iterable[Row]) -> list[Ranking]:
    """The rankings of all rows that have a budget, by round, division and benchmark.

    Args:
        rows: Rows in any order.
    """
    fields: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if has_budget(row):
            fields.setdefault((row.round, row.division, row.benchmark), []).append(row)
    return [Ranking(*field, _ranked(fields[field])) for field in sorted(fields)]


def _ranked(rows: Sequence[Row]) -> tuple[Ranked, ...]:
    ordered = sorted(rows, key=lambda row: (row.joule_per_inference or 0.0, row.id))
    places: list[Ranked] = []
    for rank, row in enumerate(ordered, 1):
        subject = subject_of_row(row)
        before = places[-1] if places else None
        apart = _apart(before.row, before.subject, row, subject) if before else None
        places.append(Ranked(rank, row, subject, apart))
    return tuple(places)


def apart_from(first: Row, second: Row) -> Apart:
    """Whether two published energies differ at 95 %.

    Everything else differs on purpose in a ranking (board, voltage, rail, firmware), so that only the figures
    are compared. Results of two submissions have two monitors under either assumption.

    Args:
        first: A row.
        second: Another.
    """
    return _apart(first, subject_of_row(first), second, subject_of_row(second))


def _apart(first: Row, ours: Subject, second: Row, theirs: Subject) -> Apart:
    if _differ(ours, theirs):
        return "yes"
    if submission_of(first) != submission_of(second):
        return "no"
    one, other = (subject_of_row(row, "one a submission") for row in (first, second))
    return "if one monitor" if _differ(one, other) else "no"


def _differ(first: Subject, second: Subject) -> bool:
    return compare(first, second, across=ASPECTS).tells_apart
