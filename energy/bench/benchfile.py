"""The bench file: instruments, wiring and limits that a session runs on, as TOML.

Its keys are the fields of ``BenchFile``; an unknown key is an error, never ignored. All errors of a file are
reported together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from energy.bench.shipped import BENCHES
from energy.bench.spelling import closest
from energy.errors import RecordingError, UsageError
from energy.evidence.scope import Scope
from energy.recording.inside import read_toml
from energy.window.edges import Marker

SCHEMA = "joulebench.bench/1"
_PATHS = (("dut", "firmware"), ("dut", "firmware_energy"), ("monitor", "calibration"))
"""Keys whose values are paths relative to the bench file."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DutPart(_Part):
    """The device under test.

    ``clock_hz`` is the clock that its firmware runs at, for summaries; only a virtual DUT is set to it.
    ``port`` is where its UART is reached directly (performance mode); in energy mode it is reached through
    the IO manager where there is one. ``firmware`` is the image that was flashed for accuracy and performance
    mode, ``firmware_energy`` the image for energy mode (both differ only by a switch at compile time). Both
    paths are relative to the bench file; a session records the SHA-256 of the image. ``marker`` is how the
    pin marks the work: a pulse before and after it, or held high or low during it. ``voltage_tolerance`` is
    a fraction of ``voltage_v``, for budgets where nothing measures or specifies the voltage at the DUT.
    ``idle_s`` is how long it is left idle after the trials of an energy session, for its energy above idle.
    ``commands`` are lines that are sent to it once it has booted, such as ``clock 80000000``; it must answer
    each with ``m-ready``. ``flash_bytes`` and ``ram_bytes`` are what its firmware takes, for summaries.
    """

    board: str
    voltage_v: float = Field(gt=0, le=60)
    voltage_tolerance: float | None = Field(default=None, gt=0, lt=0.5)
    clock_hz: float | None = Field(default=None, gt=0, le=1e11)
    driver: str = "mlperf-tiny"
    port: str | None = None
    baud: int = Field(default=115200, gt=0)
    boot_timeout_s: float = Field(default=5.0, gt=0, le=120)
    idle_s: float = Field(default=0.0, ge=0, le=3600)
    marker: Marker = Marker.PULSE
    firmware: str | None = None
    firmware_energy: str | None = None
    commands: list[Annotated[str, Field(pattern=r"^[\x20-\x24\x26-\x7e]{1,80}$")]] = Field(
        default_factory=list[str], max_length=20
    )
    flash_bytes: int | None = Field(default=None, gt=0, le=1 << 40)
    ram_bytes: int | None = Field(default=None, gt=0, le=1 << 40)
    settings: dict[str, Any] = Field(default_factory=dict)


class LimitsPart(_Part):
    """Limits that no session may exceed."""

    highest_v: float = Field(gt=0, le=60)
    highest_a: float = Field(gt=0, le=10)


class AmbientPart(_Part):
    """The ambient temperature: a number, or its source: the monitor (LPM01A), or the person at the bench."""

    temperature_c: Annotated[float, Field(gt=-60, lt=150)] | Literal["monitor", "ask"]


class MonitorPart(_Part):
    """The monitor of the DUT's supply; it powers the DUT itself unless there is a ``[supply]``.

    Without ``rate_hz`` it runs at the rate that its driver is made for. ``edges`` names the instrument that
    sees the DUT's edges; without it, that is the monitor if it can, otherwise the IO manager.
    ``calibration`` is the file of its calibration certificate, relative to the bench file: the corrections in
    it are applied, and its uncertainties replace those of the specification.
    """

    driver: str
    port: str
    calibration: str | None = None
    rate_hz: float | None = Field(default=None, gt=0)
    edges: Literal["monitor", "io"] | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class PortPart(_Part):
    """An IO manager or a supply."""

    driver: str
    port: str
    settings: dict[str, Any] = Field(default_factory=dict)


class WiringPart(_Part):
    """Resistances between monitor and DUT whose voltage drop the monitor's voltage leaves out.

    ``lead_ohm`` is that of both wires together, where no sense wires end at the DUT; ``burden_ohm`` that of
    an ammeter or shunt in the supply. Each needs its tolerance, a fraction of it.
    """

    lead_ohm: float | None = Field(default=None, ge=0, le=1000)
    lead_tolerance: float | None = Field(default=None, ge=0, le=1)
    burden_ohm: float | None = Field(default=None, ge=0, le=1000)
    burden_tolerance: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _both_or_neither(self) -> WiringPart:
        for name in ("lead", "burden"):
            ohm, tolerance = getattr(self, f"{name}_ohm"), getattr(self, f"{name}_tolerance")
            if (ohm is None) is not (tolerance is None):
                missing = f"wiring.{name}_{'ohm' if ohm is None else 'tolerance'}"
                there = f"{name}_{'tolerance' if ohm is None else 'ohm'}"
                raise ValueError(f"{missing} is missing: {there} needs it")
        return self


class VirtualPart(_Part):
    """Use of twins in place of instruments: their ports replace those of the other parts."""

    bench: str = "virtual"
    settings: dict[str, Any] = Field(default_factory=dict)


class BenchFile(_Part):
    """A bench.

    ``label`` is a text that stands in every summary of its sessions. ``scope`` states what the measured rail
    feeds and what work lies inside the window; without it there is no uncertainty. With ``virtual``, twins
    take the place of the instruments (``bench`` is an entry point of ``joulebench.benches``, ``settings`` its
    parameters: faults, clock errors).
    """

    schema_: Literal["joulebench.bench/1"] = Field(alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")
    label: str | None = Field(default=None, pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,60}$")
    virtual: VirtualPart | None = None
    timestamp_hold_us: float = Field(default=50.0, ge=0, le=1e6)
    dut: DutPart
    scope: Scope | None = None
    wiring: WiringPart | None = None
    limits: LimitsPart
    ambient: AmbientPart | None = None
    monitor: MonitorPart | None = None
    io_manager: PortPart | None = None
    supply: PortPart | None = None

    @model_validator(mode="after")
    def _within_limits(self) -> BenchFile:
        if above := _above(self.dut.voltage_v, self.limits.highest_v):
            raise ValueError(above)
        return self


def read_bench(path: Path) -> BenchFile:
    """Reads a bench file.

    Raises:
        UsageError: ``bench.missing``, ``bench.toml``, ``bench.invalid`` (naming the key and what it must be).
    """
    try:
        document = read_toml(path, hint="Name a bench file.")
    except RecordingError as error:
        raise UsageError("bench.missing", error.message, error.hint) from error
    except ValueError as error:  # no TOML, not UTF-8, or a number of thousands of digits
        raise UsageError(
            "bench.toml", f"{path} is not TOML: {error}", "Correct the line it names."
        ) from error
    for table, key in _PATHS:
        if isinstance(part := document.get(table), dict):
            values = cast("dict[str, Any]", part)
            if isinstance(values.get(key), str):
                values[key] = str(path.parent / values[key])
    return bench_of(document, str(path))


def builtin_bench(name: str) -> BenchFile | None:
    """A bench that is part of the program (``virtual``), or None if none has that name."""
    path = BENCHES / f"{name}.toml"
    return read_bench(path) if path.parent.resolve() == path.resolve().parent and path.is_file() else None


def load_bench(bench: str | Path | BenchFile) -> BenchFile:
    """A bench by its name, if it comes with the program, or by its file; a loaded bench stays as it is.

    Raises:
        UsageError: ``bench.missing`` (with the shipped name that is spelled like it), ``bench.toml``,
            ``bench.invalid``.
    """
    if isinstance(bench, BenchFile):
        return bench
    if isinstance(bench, str) and (found := builtin_bench(bench)) is not None:
        return found
    path = Path(bench)
    similar = closest(path.name, [file.stem for file in BENCHES.glob("*.toml")])
    if similar is not None and path.name == str(bench) and not path.exists():
        raise UsageError(
            "bench.missing",
            f"there is no bench file {bench}, and no bench of that name comes with joulebench",
            f"Did you mean {similar}? `joulebench shipped` lists all of them.",
        )
    return read_bench(path)


def bench_of(document: dict[str, Any], name: str) -> BenchFile:
    """Checks a bench that is given as a dictionary.

    Raises:
        UsageError: ``bench.invalid``, naming each key that is wrong and what it must be.
    """
    try:
        return BenchFile.model_validate(document)
    except ValidationError as error:
        wrong = _all_wrong(error.errors(), document)
        raise UsageError(
            "bench.invalid",
            f"{name}: {wrong[0]}" if len(wrong) == 1 else "\n  ".join([f"{name}:", *wrong]),
            "The keys of a bench file are described in docs/reference/bench-file.md.",
        ) from error


def _above(voltage_v: float, highest_v: float) -> str | None:
    if voltage_v <= highest_v:
        return None
    return f"dut.voltage_v is {voltage_v} V, above limits.highest_v of {highest_v} V"


def _all_wrong(errors: list[ErrorDetails], document: dict[str, Any]) -> list[str]:
    """The errors of a file, a line for each key; the alternatives for a value are in the same line."""
    lines: dict[str, list[str]] = {}
    for error in errors:
        table, names = _within(error["loc"])
        key = ".".join(names)
        if error["type"] == "extra_forbidden":
            text = _unknown(table, names)
        elif error["type"] == "missing":
            text = f"{key} is missing"
            if len(names) == 1 and table is not BenchFile:
                text = f"{text}: {_described(table)}"
        elif error["type"] == "value_error":
            text = error["msg"].removeprefix("Value error, ")
        elif error["type"] == "model_type":
            text = f"must be {_described(table)}"
        else:
            text = error["msg"].replace("Input should", "must").replace("String should", "must")
            text = text.removesuffix(", unable to parse string as a number")
        texts = lines.setdefault(key, [])
        if text not in texts:
            texts.append(text)
    wrong = [
        text if key in text or not key else f"{key}: {text}"
        for key, texts in lines.items()
        for text in [", or ".join(texts)]
    ]
    if not any("limits.highest_v of" in text for text in wrong):  # pydantic leaves it out if a key is wrong
        wrong += _above_in(document)
    return wrong


def _above_in(document: dict[str, Any]) -> list[str]:
    values: list[float] = []
    for table, key in (("dut", "voltage_v"), ("limits", "highest_v")):
        part: Any = document.get(table)
        value = cast("dict[str, Any]", part).get(key) if isinstance(part, dict) else None
        if type(value) not in (int, float):
            return []
        values.append(cast("float", value))
    above = _above(*values)
    return [above] if above else []


def _tables(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    """The keys of a table; for a key that is a table itself, its model, else None."""
    found: dict[str, type[BaseModel] | None] = {}
    for name, field in model.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        parts = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        found[field.alias or name] = parts[0] if parts else None
    return found


def _within(loc: tuple[str | int, ...]) -> tuple[type[BaseModel], list[str]]:
    """The table that a key is in, and the key's path without what pydantic adds for types of values."""
    table: type[BaseModel] = BenchFile
    names: list[str] = []
    for part in map(str, loc):
        names.append(part)
        inner = _tables(table).get(part)
        if inner is None:
            break
        table = inner
    return table, names


def _required(table: type[BaseModel]) -> list[str]:
    """The keys that a table must have."""
    return [field.alias or name for name, field in table.model_fields.items() if field.is_required()]


def _described(table: type[BaseModel]) -> str:
    """A description of a missing table with the keys that it needs, so that one error names them all."""
    keys = _required(table)
    return f"a table with {', '.join(keys)}" if keys else "a table"


def _unknown(table: type[BaseModel], names: list[str]) -> str:
    """The error for a key that does not exist: with a similar key, or with the table where it belongs."""
    key, known = names[-1], _tables(table)
    text = f"there is no key {'.'.join(names)}"
    similar = closest(key, known)
    if similar is not None:
        return f"{text}: did you mean {similar}?"
    homes = [
        f"{name}.{key}"
        for name, part in _tables(BenchFile).items()
        if part is not None and key in _tables(part)
    ]
    if homes:
        return f"{text}: did you mean {' or '.join(homes)}?"
    if "settings" in known:
        return f"{text}: if it is the driver's, it belongs in [{'.'.join([*names[:-1], 'settings'])}]"
    return f"{text}: there are {', '.join(known)}"
