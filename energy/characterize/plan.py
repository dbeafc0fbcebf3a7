"""The plan of a sweep, a TOML file; its points, all checked before the first is touched."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from energy.bench.benchfile import BenchFile, load_bench
from energy.bench.changes import change_bench
from energy.bench.spelling import did_you_mean
from energy.benchmark.limits import FEWEST_ITERATIONS, SHORTEST_WINDOW_S
from energy.characterize.skip import SkipRule, Value, skip_rule
from energy.errors import RecordingError, UsageError
from energy.recording.inside import read_toml
from energy.session.plans import workload_named

SCHEMA = "joulebench.sweep/1"
KEYS = {
    "voltage_v": ("dut.voltage_v",),
    "clock_hz": ("dut.clock_hz",),
    "temperature_c": ("ambient.temperature_c",),
    "firmware": ("dut.firmware", "dut.firmware_energy"),
    "workload": (),
    "window_s": (),
    "iterations": (),
}
"""Axes with a name of their own, and the keys of the bench file that each sets."""
_TEXTS = ("workload", "firmware")
_MOST_POINTS = 100_000
_PAGE = "docs/how-to/sweep.md describes a plan."

Modes = Literal["performance", "energy", "accuracy"]
_Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
_Value = StrictBool | StrictInt | Annotated[float, Field(allow_inf_nan=False)] | _Text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AxisPart(_Part):
    """An axis: its values, and what sets them beside the bench file.

    At most one of ``hook`` (a program, run without a shell; ``{value}`` stands for the value, ``{mode}`` for
    the session's mode), ``command`` (a line for the DUT, sent after it has booted), ``prompt`` (a question to
    the person at the bench) and ``chamber`` (the plan's ``[chamber]``). ``settle_s`` passes after a change.
    """

    values: list[_Value] = Field(min_length=1)
    hook: str | None = None
    command: str | None = None
    prompt: str | None = None
    chamber: bool = False
    settle_s: float = Field(default=0.0, ge=0, le=86400)
    timeout_s: float = Field(default=120.0, gt=0, le=86400)

    @model_validator(mode="after")
    def _sound(self) -> AxisPart:
        ways = [name for name in ("hook", "command", "prompt", "chamber") if getattr(self, name)]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} cannot both set an axis")
        if len(set(self.values)) < len(self.values):
            raise ValueError("a value is named twice: ask for repeats instead")
        if len({isinstance(value, str) for value in self.values}) > 1:
            raise ValueError("the values are numbers or texts, not both")
        return self

    @property
    def moved(self) -> bool:
        """Whether something is done between sessions to change it."""
        return bool(self.hook or self.prompt or self.chamber)


class ChamberPart(_Part):
    """A temperature chamber with SCPI-like commands; ``{c}`` stands for a temperature in °C.

    It is at a temperature when ``read`` has answered within ``tolerance_c`` of it for ``soak_s``.
    """

    port: str
    driver: str = "scpi"
    lowest_c: float = Field(gt=-200, lt=300)
    highest_c: float = Field(gt=-200, lt=300)
    tolerance_c: float = Field(default=1.0, gt=0, le=20)
    soak_s: float = Field(default=600.0, ge=0, le=86400)
    timeout_s: float = Field(default=7200.0, gt=0, le=86400)
    settings: dict[str, Any] = Field(default_factory=dict)


class SweepPlan(_Part):
    """A plan; paths in it are relative to its file."""

    schema_: Literal["joulebench.sweep/1"] = Field(alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")
    bench: str = "virtual"
    modes: list[Modes] = Field(default=["energy"], min_length=1)
    order: Literal["given", "random", "serpentine"] = "given"
    seed: int | None = None
    repeats: int = Field(default=1, ge=1, le=1000)
    on_failure: Literal["record", "stop"] = "record"
    settle_s: float = Field(default=0.0, ge=0, le=86400)
    cool_down_s: float = Field(default=0.0, ge=0, le=86400)
    skip: list[str] = Field(default_factory=list)
    floors: bool = False
    datasets: str | None = None
    limit: int | None = Field(default=None, ge=1)
    note: str = ""
    set: dict[str, Any] = Field(default_factory=dict)
    axes: dict[str, AxisPart] = Field(min_length=1)
    chamber: ChamberPart | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, document: Any) -> Any:
        """Takes ``voltage_v = [1.8, 3.0]`` for an axis, and a text for a list of a single skip rule."""
        if not isinstance(document, dict):
            return document
        given: dict[str, Any] = dict(document)  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(given.get("axes"), dict):
            axes: dict[str, Any] = given["axes"]
            given["axes"] = {
                name: {"values": part} if isinstance(part, list) else part for name, part in _flat(axes)
            }
        if isinstance(given.get("skip"), str):
            given["skip"] = [given["skip"]]
        return given

    @model_validator(mode="after")
    def _sound(self) -> SweepPlan:
        if self.seed is None and self.order == "random":
            raise ValueError('order = "random" needs a seed, so that the same order can be had again')
        if self.seed is not None and self.order != "random":
            raise ValueError('seed belongs to order = "random"')
        if "workload" not in self.axes:
            raise ValueError('axes.workload is missing: name at least one, such as workload = ["kws01"]')
        for name, part in self.axes.items():
            if part.chamber and (self.chamber is None or name != "temperature_c"):
                raise ValueError(f"axes.{name}: chamber belongs to temperature_c and needs a [chamber]")
        return self


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
    document = _read(plan) if isinstance(plan, Path) else dict(plan)
    name = str(plan) if isinstance(plan, Path) else "the plan"
    base = plan.parent if isinstance(plan, Path) else Path()
    made = _validated(document, name)
    _check_axes(made, name)
    beside = base / made.bench
    bench = change_bench(load_bench(beside if beside.is_file() else made.bench), _keys(made.set))
    rules = [skip_rule(text, made.axes) for text in made.skip]
    points, skipped = _points(made, rules)
    sweep = Sweep(made, bench, tuple(points), tuple(skipped), base)
    _check_points(sweep)
    return sweep


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path, hint="Name a plan's file.")
    except RecordingError as error:
        raise UsageError("sweep.missing", error.message, _PAGE) from error
    except ValueError as error:
        raise UsageError(
            "sweep.toml", f"{path} is not TOML: {error}", "Correct the line it names."
        ) from error


def _validated(document: Mapping[str, Any], name: str) -> SweepPlan:
    try:
        return SweepPlan.model_validate(document)
    except ValidationError as error:
        lines: dict[str, str] = {}
        for found in error.errors(include_url=False, include_input=False):
            place = [
                str(part)
                for part in found["loc"]
                if not str(part).startswith(("constrained-", "float", "str"))
            ]
            key, text = ".".join(place), found["msg"].removeprefix("Value error, ")
            if found["type"] == "extra_forbidden":
                known = AxisPart.model_fields if place[0] == "axes" else SweepPlan.model_fields
                text = f"there is no such key{did_you_mean(place[-1], known)}"
            lines.setdefault(key, f"{key}: {text}" if key and not text.startswith(key) else text)
        wrong = list(lines.values())
        text = f"{name}: {wrong[0]}" if len(wrong) == 1 else "\n  ".join([f"{name}:", *wrong])
        raise UsageError("sweep.plan", text, _PAGE) from error


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The axes of a plan; ``[axes.monitor] rate_hz = [...]`` is the axis ``monitor.rate_hz``."""
    for name, part in table.items():
        path = f"{before}{name}"
        if isinstance(part, dict) and path not in KEYS and "values" not in part and part:
            yield from _flat(part, f"{path}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield path, part


def _keys(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """``[set]`` as keys with dots, written as ``"dut.idle_s" = 5`` or ``dut.idle_s = 5``."""
    keys: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            keys |= _keys(value, f"{before}{name}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            keys[f"{before}{name}"] = value
    return keys


def _check_axes(plan: SweepPlan, name: str) -> None:
    """Checks the names of the axes and the kinds of their values.

    Raises:
        UsageError: ``sweep.plan``, ``usage.workload``.
    """
    wrong: list[str] = []
    for axis, part in plan.axes.items():
        text = isinstance(part.values[0], str)
        if axis not in KEYS and "." not in axis:
            wrong.append(
                f"there is no axis {axis}{did_you_mean(axis, KEYS)} (there are {', '.join(KEYS)}, and every "
                "key of a bench file with its table, such as monitor.rate_hz)"
            )
        elif axis in KEYS and text is not (axis in _TEXTS):
            wrong.append(f"axes.{axis}: the values are {'texts' if axis in _TEXTS else 'numbers'}")
        elif axis in ("window_s", "iterations"):
            least = SHORTEST_WINDOW_S if axis == "window_s" else FEWEST_ITERATIONS
            if any(float(value) < least for value in part.values):
                wrong.append(f"axes.{axis}: the rules of the benchmark ask for {least:g} or more")
            if axis == "iterations" and any(float(value) % 1 for value in part.values):
                wrong.append("axes.iterations: a number of inferences is whole")
    if wrong:
        raise UsageError("sweep.plan", f"{name}: {'; '.join(wrong)}", _PAGE)
    for workload in plan.axes["workload"].values:
        workload_named(str(workload))


def _points(plan: SweepPlan, rules: Sequence[SkipRule]) -> tuple[list[Point], list[Point]]:
    """The points in the order in which they are measured, and those that a rule leaves out.

    Raises:
        UsageError: ``sweep.plan`` if there are too many, or none is left.
    """
    count = plan.repeats
    for part in plan.axes.values():
        count *= len(part.values)
    if count > _MOST_POINTS:
        raise UsageError("sweep.plan", f"the axes make {count} points; {_MOST_POINTS} are the most", _PAGE)
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
        raise UsageError("sweep.plan", f"the skip rules leave none of {count} points", _PAGE)
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
        lines = [f"{text} ({_some(points)})" for text, points in wrong.items()]
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


def _some(points: Sequence[Point], most: int = 5) -> str:
    """Some points by their numbers: ``points 1, 2, 3 and 17 more``."""
    named = ", ".join(str(point.number) for point in points[:most])
    more = f" and {len(points) - most} more" if len(points) > most else ""
    return f"point{'s' if len(points) > 1 else ''} {named}{more}"
