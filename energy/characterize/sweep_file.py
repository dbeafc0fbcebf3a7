"""The file of a sweep's plan: axes, order, repeats, rules, as TOML or as a dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

from energy.bench.spelling import did_you_mean
from energy.benchmark.limits import FEWEST_ITERATIONS, SHORTEST_WINDOW_S
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
PAGE = "docs/how-to/sweep.md describes a plan."

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


def read_plan(plan: Path | Mapping[str, Any]) -> SweepPlan:
    """Reads a plan and checks what can be checked without its bench.

    Args:
        plan: Its file, or its content.

    Raises:
        UsageError: ``sweep.missing``, ``sweep.toml``, ``sweep.plan``, ``usage.workload``.
    """
    name = str(plan) if isinstance(plan, Path) else "the plan"
    made = _validated(_read(plan) if isinstance(plan, Path) else dict(plan), name)
    _check_axes(made, name)
    return made


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path, hint="Name a plan's file.")
    except RecordingError as error:
        raise UsageError("sweep.missing", error.message, PAGE) from error
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
        raise UsageError("sweep.plan", text, PAGE) from error


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The axes of a plan; ``[axes.monitor] rate_hz = [...]`` is the axis ``monitor.rate_hz``."""
    for name, part in table.items():
        path = f"{before}{name}"
        if isinstance(part, dict) and path not in KEYS and "values" not in part and part:
            yield from _flat(part, f"{path}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield path, part


def keys_of(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """``[set]`` as keys with dots, written as ``"dut.idle_s" = 5`` or ``dut.idle_s = 5``."""
    keys: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            keys |= keys_of(value, f"{before}{name}.")  # pyright: ignore[reportUnknownArgumentType]
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
        raise UsageError("sweep.plan", f"{name}: {'; '.join(wrong)}", PAGE)
    for workload in plan.axes["workload"].values:
        workload_named(str(workload))
