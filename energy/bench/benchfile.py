"""The bench file: instruments, wiring and limits that a session runs on, as TOML.

Keys and their meaning are the fields of ``BenchFile``; an unknown key is an error, never ignored.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from energy.errors import UsageError

SCHEMA = "joulebench.bench/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DutPart(_Part):
    """The device under test.

    ``port`` is where its UART is reached directly (performance mode); in energy mode it is reached through
    the IO manager where there is one.
    """

    board: str
    voltage_v: float = Field(gt=0, le=60)
    driver: str = "mlperf-tiny"
    port: str | None = None
    baud: int = Field(default=115200, gt=0)
    boot_timeout_s: float = Field(default=5.0, gt=0, le=120)
    settings: dict[str, Any] = Field(default_factory=dict)


class LimitsPart(_Part):
    """What must not be exceeded, whatever a session asks for."""

    highest_v: float = Field(gt=0, le=60)
    highest_a: float = Field(gt=0, le=10)


class AmbientPart(_Part):
    """The room: its temperature, or who knows it: the monitor (LPM01A), or the person who is asked."""

    temperature_c: Annotated[float, Field(gt=-60, lt=150)] | Literal["monitor", "ask"]


class MonitorPart(_Part):
    """What measures the supply; it powers the DUT unless there is a ``[supply]``.

    Without ``rate_hz`` it runs at the rate that its driver is made for. ``edges`` says who sees the DUT's
    edges; without it the monitor does, if it can, and otherwise the IO manager.
    """

    driver: str
    port: str
    rate_hz: float | None = Field(default=None, gt=0)
    edges: Literal["monitor", "io"] | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class PortPart(_Part):
    """An IO manager or a supply."""

    driver: str
    port: str
    settings: dict[str, Any] = Field(default_factory=dict)


class VirtualPart(_Part):
    """Twins instead of instruments: the ports of the other parts are then those of the twins."""

    bench: str = "virtual"
    settings: dict[str, Any] = Field(default_factory=dict)


class BenchFile(_Part):
    """A bench.

    With ``virtual``, twins stand in for the instruments (``bench`` is an entry point of
    ``joulebench.benches``, ``settings`` is what that takes: faults, clock errors).
    """

    schema_: Literal["joulebench.bench/1"] = Field(alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")
    virtual: VirtualPart | None = None
    timestamp_hold_us: float = Field(default=50.0, ge=0, le=1e6)
    dut: DutPart
    limits: LimitsPart
    ambient: AmbientPart | None = None
    monitor: MonitorPart | None = None
    io_manager: PortPart | None = None
    supply: PortPart | None = None

    @model_validator(mode="after")
    def _within_limits(self) -> BenchFile:
        if self.dut.voltage_v > self.limits.highest_v:
            asked, limit = self.dut.voltage_v, self.limits.highest_v
            raise ValueError(f"dut.voltage_v is {asked} V, above limits.highest_v of {limit} V")
        return self


def read_bench(path: Path) -> BenchFile:
    """Reads a bench file.

    Raises:
        UsageError: ``bench.missing``, ``bench.toml``, ``bench.invalid`` (naming the key and what it must be).
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError("bench.missing", f"{path} cannot be read: {error}", "Name a bench file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            "bench.toml", f"{path} is not TOML: {error}", "Correct the line it names."
        ) from error
    return bench_of(document, str(path))


def builtin_bench(name: str) -> BenchFile | None:
    """A bench that comes with the program (``virtual``), or None if there is none of that name."""
    path = Path(__file__).parent / "benches" / f"{name}.toml"
    return read_bench(path) if path.parent.resolve() == path.resolve().parent and path.is_file() else None


def bench_of(document: dict[str, Any], name: str) -> BenchFile:
    """Checks a bench that is given as a dictionary.

    Raises:
        UsageError: ``bench.invalid``.
    """
    try:
        return BenchFile.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            "bench.invalid",
            f"{name}: {key or 'the bench'}: {first['msg']}",
            "The keys of a bench file are described in docs/reference/bench-file.md.",
        ) from error
