"""The points of a sweep, in order, all checked before the first is touched."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energy.bench.benchfile import BenchFile, load_bench
from energy.bench.changes import change_bench
from energy.characterize.skip import SkipRule, Value, skip_rule
from energy.characterize.sweep_file import KEYS, PAGE, ChamberPart, SweepPlan, keys_of, read_plan
from energy.errors import UsageError

MOST_POINTS = 100_000


@dataclass(frozen=True)
class Point:
    """A point of a sweep: a value for each axis, once.

    Attributes:
        number: Its number in the order as given, from 1.
        repeat: Which repeat it is, from 1.
        values: The value of each axis.
    """

    number: int
    repeat: int
    values: Mapping[str, Value]

    @property
    def workload(self) -> str:
        """Its workload."""
        return str(self.values["workload"])

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return f"{self.number:04d}"

    def to_json(self) -> dict[str, Any]:
        """For ``sweep.json``."""
        return {"number": self.number, "repeat": self.repeat, "values": dict(self.values)}


@dataclass(frozen=True)
class Sweep:
    """A plan with its bench and its points, checked.

    Attributes:
        plan: The plan.
        bench: The bench, with the plan's ``[set]``.
        points: The points in the order in which they are measured.
        skipped: Points that a skip rule leaves out, in the order as given.
        base: Folder of the plan's file.
    """

    plan: SweepPlan
    bench: BenchFile
    points: tuple[Point, ...]
    skipped: tuple[Point, ...]
    base: Path

    def bench_at(self, point: Point) -> BenchFile:
        """The bench at a point.

        Raises:
            UsageError: ``bench.invalid`` if the point is beyond the limits of the bench file.
        """
        changes: dict[str, Any] = {}
        for name, value in point.values.items():
            for key in KEYS.get(name, (name,)):
                mode = "energy" if key.endswith("_energy") else "performance"
                changes[key] = self.path(str(value), mode) if name == "firmware" else value
            if name == "temperature_c" and self.bench.virtual is not None:
                changes["virtual.settings.temperature_c"] = value
            if (command := self.plan.axes[name].command) is not None:
                lines = changes.setdefault("dut.commands", list(self.bench.dut.commands))
                lines.append(filled(command, value))
        return change_bench(self.bench, changes)

    def path(self, name: str, mode: str) -> str:
        """A file's path from the plan's folder; ``{mode}`` in its name stands for the mode."""
        return str(self.base / name.replace("{mode}", mode))


def filled(template: str, value: Value, **more: str) -> str:
    """A template with the value in place of ``{value}``; a whole number has no decimals."""
    for name, text in {**more, "value": number_text(value)}.items():
        template = template.replace(f"{{{name}}}", text)
    return template


def number_text(value: Value) -> str:
    """A value as a program or a DUT reads it: ``80000000``, ``1.8``, ``kws01``."""
    return f"{value:.12g}" if isinstance(value, float | int) else value


def load_sweep(plan: Path | Mapping[str, Any]) -> Sweep:
    """Reads a plan and checks every point of it: nothing is opened, nothing is switched on.

    Args:
        plan: Its file, or its content; paths are then relative to the working directory.

    Raises:
        UsageError: ``sweep.missing``, ``sweep.toml``, ``sweep.plan``, ``sweep.skip``, ``sweep.unset``,
            ``sweep.limits`` (naming every point that is not possible); what is wrong with the bench file.
    """
    made, base = read_plan(plan), plan.parent if isinstance(plan, Path) else Path()
    beside = base / made.bench
    bench = change_bench(load_bench(beside if beside.is_file() else made.bench), keys_of(made.set))
    rules = [skip_rule(text, made.axes) for text in made.skip]
    points, skipped = _points(made, rules)
    sweep = Sweep(made, bench, tuple(points), tuple(skipped), base)
    _check_points(sweep)
    return sweep


def _points(plan: SweepPlan, rules: Sequence[SkipRule]) -> tuple[list[Point], list[Point]]:
    """The points in the order in which they are measured, and those that a rule leaves out.

    Raises:
        UsageError: ``sweep.plan`` if there are too many, or none is left.
    """
    count = plan.repeats
    for part in plan.axes.values():
        count *= len(part.values)
    if count > MOST_POINTS:
        raise UsageError("sweep.plan", f"the axes make {count} points; {MOST_POINTS} are the most", PAGE)
    axes = [list(range(len(part.values))) for part in plan.axes.values()]
    given = list(itertools.product(range(plan.repeats), *axes))
    numbers = {index: number for number, index in enumerate(given, start=1)}
    order = given
    if plan.order == "serpentine":
        order = list(_serpentine([list(range(plan.repeats)), *axes]))
    elif plan.order == "random":
        order = list(given)
        random.Random(plan.seed).shuffle(order)
    made = {index: _point(plan, numbers[index], index) for index in given}
    judged = {index: [rule(point.values) for rule in rules] for index, point in made.items()}
    out = {index for index, found in judged.items() if any(found)}
    points = [made[index] for index in order if index not in out]
    if not points:
        raise UsageError("sweep.plan", f"the skip rules leave none of {count} points", PAGE)
    return points, [made[index] for index in given if index in out]


def _point(plan: SweepPlan, number: int, index: tuple[int, ...]) -> Point:
    repeat, *places = index
    values = {name: part.values[place] for (name, part), place in zip(plan.axes.items(), places, strict=True)}
    return Point(number, repeat + 1, values)


def _serpentine(axes: Sequence[list[int]]) -> Iterator[tuple[int, ...]]:
    """All combinations, the last axis fastest; from each to the next, a single axis moves by one step."""
    if not axes:
        yield ()
        return
    forth = list(_serpentine(axes[1:]))
    for turn, first in enumerate(axes[0]):
        for rest in reversed(forth) if turn % 2 else forth:
            yield (first, *rest)


def _check_points(sweep: Sweep) -> None:
    """Checks every point against the limits of the bench file and the plan, and that something sets its axes.

    Raises:
        UsageError: ``sweep.limits`` naming each point that is not possible, ``sweep.unset``.
    """
    from energy.characterize.settable import check_settable

    check_settable(sweep)
    wrong: dict[str, list[Point]] = {}
    for point in sweep.points:
        try:
            sweep.bench_at(point)
        except UsageError as error:
            wrong.setdefault(error.message.partition(": ")[2] or error.message, []).append(point)
        if (text := _beyond_chamber(sweep.plan.chamber, point)) is not None:
            wrong.setdefault(text, []).append(point)
    if wrong:
        lines = [f"{text} ({some_points(points)})" for text, points in wrong.items()]
        raise UsageError(
            "sweep.limits",
            "\n  ".join(["points are beyond the limits of the bench, and nothing was touched:", *lines]),
            "Correct the axis, leave the points out with a skip rule, or correct [limits] in the bench file.",
        )


def _beyond_chamber(chamber: ChamberPart | None, point: Point) -> str | None:
    """The reason why the chamber cannot go to a point; None if it can."""
    celsius = point.values.get("temperature_c")
    if chamber is None or celsius is None or chamber.lowest_c <= float(celsius) <= chamber.highest_c:
        return None
    limits = f"{chamber.lowest_c:g} to {chamber.highest_c:g} °C"
    return f"{celsius:g} °C is not within the chamber's {limits}"


def some_points(points: Sequence[Point], most: int = 8) -> str:
    """Some points by their numbers: ``points 1, 2, 3 and 17 more``."""
    named = ", ".join(map(str, sorted(point.number for point in points)[:most]))
    more = f" and {len(points) - most} more" if len(points) > most else ""
    return f"point{'s' if len(points) > 1 else ''} {named}{more}"
