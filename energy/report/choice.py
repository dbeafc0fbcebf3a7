"""The four metrics of a choice between models: accuracy, energy, latency and memory of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Literal

from energy.characterize.memory import Memory
from energy.errors import UsageError
from energy.report.chart import ordered
from energy.report.point_labels import scope_lines_of
from energy.report.point_table import accuracy_cell, energy_cell
from energy.report.points import LeftOut, OperatingPoint, PointSet
from energy.report.region import Region, Verdict
from energy.report.session_points import PARTIAL_ACCURACY
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import compact, engineering

Metric = Literal["energy", "latency", "memory"]
METRICS: tuple[Metric, ...] = ("energy", "latency", "memory")


@dataclass(frozen=True)
class Choice:
    """Models to choose from.

    Attributes:
        models: Points whose accuracy is known, own ones and the published ones of their workloads.
        region: The region of interest.
        left_out: What is not among them, with the reason.
    """

    models: tuple[OperatingPoint, ...]
    region: Region = field(default_factory=Region)
    left_out: tuple[LeftOut, ...] = ()

    @property
    def own(self) -> tuple[OperatingPoint, ...]:
        """The models that somebody named."""
        return tuple(model for model in self.models if model.own)

    @property
    def benchmarks(self) -> list[str]:
        """Workloads, in their usual order."""
        return ordered({model.benchmark for model in self.models})

    @property
    def virtual(self) -> bool:
        """Whether any comes from the virtual bench."""
        return any(model.virtual for model in self.models)

    @property
    def unknown_memory(self) -> list[OperatingPoint]:
        """Own models, or without any, all models whose memory is not known."""
        return [model for model in self.own or self.models if model.memory_bytes is None]

    def verdict(self, model: OperatingPoint) -> Verdict | None:
        """Where a model lies with respect to the region of interest; None without one."""
        return self.region.verdict(model) if self.region else None

    def lines(self) -> list[str]:
        """What was left out, and of how many models the memory is not known."""
        lines = PointSet((), self.left_out).left_out_lines()
        if unknown := self.unknown_memory:
            of = len(self.own or self.models)
            lines.append(f"memory of {len(unknown)} of {of} {'model' if of == 1 else 'models'} is not known")
        return lines

    def to_json(self) -> dict[str, Any]:
        """For ``--json``, SI units."""
        return {
            "region": self.region.to_json(),
            "models": [{**model.to_json(), "region": self.verdict(model)} for model in self.models],
            "left_out": [left.to_json() for left in self.left_out],
        }


def choice_of(points: PointSet, region: Region | None = None) -> Choice:
    """The models among some points: those with an accuracy, and published ones only of own workloads.

    Args:
        points: The points.
        region: The region of interest.

    Raises:
        UsageError: ``usage.points`` where the accuracy of none is known.
    """
    workloads = {point.benchmark for point in points.own if point.accuracy is not None}
    models: list[OperatingPoint] = []
    left = [one for one in points.left_out if one.own]
    for point in points:
        if not point.own and workloads and point.benchmark not in workloads:
            continue
        if point.accuracy is None:
            left.append(LeftOut(point.name, "its accuracy is not known", point.own))
        else:
            models.append(point)
    if not models:
        raise UsageError(
            "usage.points",
            "nothing to show: the accuracy of no point is known",
            "Measure it, too: `joulebench measure --mode accuracy,performance,energy`.",
        )
    return Choice(tuple(models), region or Region(), tuple(left))


def with_memory(points: PointSet, memories: Mapping[str, Memory]) -> PointSet:
    """The points with the memory of their firmware.

    Args:
        points: The points.
        memories: Memory by the name of a point, or the last part of it.

    Raises:
        UsageError: ``usage.memory`` for a name that no point has, or several have.
    """
    found = {point.name: point for point in points.own}
    for name, memory in memories.items():
        named = [point for point in found.values() if name in (point.name, PurePath(point.name).name)]
        if len(named) != 1:
            known = ", ".join(PurePath(point.name).name for point in points.own[:6])
            text = f"{len(named) or 'no'} points are called {name}; there are {known}"
            raise UsageError("usage.memory", text, "Name the folder of a session or point.")
        (point,) = named
        found[point.name] = replace(point, flash_bytes=memory.flash_bytes, ram_bytes=memory.ram_bytes)
    return replace(
        points, points=tuple(found.get(point.name, point) if point.own else point for point in points)
    )


def metric_of(model: OperatingPoint, metric: Metric) -> float | None:
    """A figure of a model in SI units; None where it is not known."""
    if metric == "energy":
        return None if model.streaming else model.joule_per_inference
    return model.latency_s if metric == "latency" else model.memory_bytes


def choice_table(choice: Choice, *, every: bool = False) -> Table:
    """A row for each model: its four metrics. With own models, the published ones are left to the figure.

    A column in which nothing is known is left out.

    Args:
        choice: The models.
        every: Whether the published ones are listed, too.
    """
    shown = choice.models if every or not choice.own else choice.own
    columns = ["model", "workload", "accuracy", "energy ± U, 95 %", "latency", "flash", "RAM", "remarks"]
    table = Table("Models", columns, text=(0, 1, 7))
    for model in sorted(shown, key=lambda one: (one.benchmark, -(one.accuracy or 0), one.name)):
        table.rows.append(
            [
                ("VIRTUAL " if model.virtual else "") + model.name,
                model.benchmark or NOT_KNOWN,
                accuracy_cell(model),
                energy_cell(model),
                engineering(model.latency_s, "s", 5) if model.latency_s else NOT_KNOWN,
                _bytes(model.flash_bytes),
                _bytes(model.ram_bytes),
                ", ".join(_remarks(model, choice.verdict(model))) or NOT_KNOWN,
            ]
        )
    known = [place for place in range(8) if place < 5 or any(row[place] != NOT_KNOWN for row in table.rows)]
    table = table.select(known)
    table.parts = [[0, 1, 2, 3, 4], [0, *range(5, len(known))]] if len(known) > 5 else ()
    table.notes = scope_lines_of(shown)
    return table


def _bytes(size: int | None) -> str:
    return NOT_KNOWN if size is None else compact(size, "B")


def _remarks(model: OperatingPoint, verdict: Verdict | None) -> Sequence[str]:
    found = {"inside": ["inside the limits"], "outside": ["outside"], "unknown": ["not known whether inside"]}
    flawed = [f"not valid: {', '.join(model.findings)}"] if model.valid is False else []
    flawed += ["accuracy not valid"] if PARTIAL_ACCURACY in model.notes else []
    return [*(found[verdict] if verdict else []), *flawed]
