"""What a benchmark yields: rows of timings, targets, remarks."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Row:
    """One contender's timings.

    Attributes:
        name: What was timed.
        seconds: Seconds of every run.
        work: How much one run goes through, in ``unit``.
        unit: ``"S"`` for samples or ``"B"`` for bytes.
        ratio: Median time over that of the baseline in the same run; None for a row without one.
    """

    name: str
    seconds: tuple[float, ...]
    work: float
    unit: Literal["S", "B"] = "S"
    ratio: float | None = None

    @property
    def median_s(self) -> float:
        """Median of the runs."""
        return statistics.median(self.seconds)

    def to_json(self) -> dict[str, Any]:
        """The row as ``--json`` writes it."""
        return {
            "name": self.name,
            "median_s": self.median_s,
            "seconds": list(self.seconds),
            "work": self.work,
            "unit": self.unit,
            "ratio": self.ratio,
        }


@dataclass(frozen=True, slots=True)
class Target:
    """A limit that a figure has to keep.

    Attributes:
        text: What the figure is.
        value: The figure in this run.
        limit: The limit.
        kind: On which side of the limit the figure has to lie.
    """

    text: str
    value: float
    limit: float
    kind: Literal["at most", "at least"]

    @property
    def reached(self) -> bool:
        """Whether the figure keeps the limit; one that is not a number does not."""
        return self.value <= self.limit if self.kind == "at most" else self.value >= self.limit

    def to_json(self) -> dict[str, Any]:
        """The target as ``--json`` writes it."""
        return {
            "text": self.text,
            "value": self.value,
            "kind": self.kind,
            "limit": self.limit,
            "reached": self.reached,
        }


@dataclass(frozen=True, slots=True)
class Section:
    """Everything that one benchmark yields."""

    title: str
    rows: list[Row]
    targets: list[Target] = field(default_factory=list[Target])
    remarks: list[str] = field(default_factory=list[str])

    def to_json(self) -> dict[str, Any]:
        """The section as ``--json`` writes it."""
        return {
            "title": self.title,
            "rows": [row.to_json() for row in self.rows],
            "targets": [target.to_json() for target in self.targets],
            "remarks": self.remarks,
        }


def rows_beside(
    timings: dict[str, tuple[float, ...]], baseline: str, work: float, unit: Literal["S", "B"] = "S"
) -> list[Row]:
    """One row per contender, with the ratio of its median to the baseline's."""
    base = statistics.median(timings[baseline])
    return [Row(name, runs, work, unit, statistics.median(runs) / base) for name, runs in timings.items()]
