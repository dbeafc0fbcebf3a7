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
            "value": float(self.value),
            "kind": self.kind,
            "limit": self.limit,
            "reached": bool(self.reached),
        }


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: our figure beside the floor and the peer-like method of the same run.

    Attributes:
        name: What is done.
        ours: Our timing.
        target: The figure that is judged: how many times the floor, or a figure of its own.
        floor: The least that has to be done to the same bytes; None where the target is no ratio.
        peer: The way in which other programs do it; None where there is none to compare with.
    """

    name: str
    ours: Row
    target: Target
    floor: Row | None = None
    peer: Row | None = None

    @property
    def ratio(self) -> float | None:
        """Our median time over the floor's."""
        return None if self.floor is None else self.ours.median_s / self.floor.median_s

    @property
    def peer_ratio(self) -> float | None:
        """The peer's median time over the floor's, or over ours where there is no floor."""
        if self.peer is None:
            return None
        return self.peer.median_s / (self.floor or self.ours).median_s

    def to_json(self) -> dict[str, Any]:
        """The line as ``--json`` writes it."""
        return {
            "name": self.name,
            "ours_s": self.ours.median_s,
            "floor": self.floor and self.floor.name,
            "floor_s": self.floor and self.floor.median_s,
            "ratio": self.ratio,
            "peer": self.peer and self.peer.name,
            "peer_ratio": self.peer_ratio,
            "target": self.target.to_json(),
        }


def against_floor(name: str, ours: Row, floor: Row, most: float, peer: Row | None = None) -> Line:
    """A line whose target is at most so many times the floor."""
    target = Target(f"{name}, times the floor", ours.median_s / floor.median_s, most, "at most")
    return Line(name, ours, target, floor, peer)


@dataclass(frozen=True, slots=True)
class Section:
    """Everything that one benchmark yields.

    Attributes:
        title: What was done, to how much.
        rows: All timings.
        targets: What must hold beside the targets of the lines.
        remarks: What a reader must know.
        lines: Its lines of the table of all benchmarks.
    """

    title: str
    rows: list[Row]
    targets: list[Target] = field(default_factory=list[Target])
    remarks: list[str] = field(default_factory=list[str])
    lines: list[Line] = field(default_factory=list[Line])

    @property
    def judged(self) -> list[Target]:
        """The targets of its lines, and its others."""
        return [*(line.target for line in self.lines), *self.targets]

    def to_json(self) -> dict[str, Any]:
        """The section as ``--json`` writes it."""
        return {
            "title": self.title,
            "rows": [row.to_json() for row in self.rows],
            "lines": [line.to_json() for line in self.lines],
            "targets": [target.to_json() for target in self.targets],
            "remarks": self.remarks,
        }


def rows_beside(
    timings: dict[str, tuple[float, ...]], baseline: str, work: float, unit: Literal["S", "B"] = "S"
) -> list[Row]:
    """One row per contender, with the ratio of its median to the baseline's."""
    base = statistics.median(timings[baseline])
    return [Row(name, runs, work, unit, statistics.median(runs) / base) for name, runs in timings.items()]


def by_name(rows: list[Row]) -> dict[str, Row]:
    """Rows by their names."""
    return {row.name: row for row in rows}
