"""The environment of a session on the virtual bench: an entry point of ``joulebench.benches``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol, cast

from drivers.links.clock import RealClock
from drivers.virtual.bench import VirtualBench
from drivers.virtual.clock import RemoteWorld, VirtualClock
from drivers.virtual.faults import of_monitor
from drivers.virtual.remote import RemoteBench
from drivers.virtual.twin import make_twin
from energy.errors import UsageError
from energy.instruments import Clock, Mode

_OURS = ("board", "workload", "mode", "supply", "powered", "supply_settings", "monitor_settings")
"""Arguments of the virtual bench that are not settings of a bench file."""

_KNOWN = frozenset(inspect.signature(VirtualBench).parameters) - {*_OURS}


class _Dut(Protocol):
    @property
    def board(self) -> str: ...

    @property
    def marker(self) -> str: ...

    @property
    def clock_hz(self) -> float | None: ...


class _Part(Protocol):
    @property
    def driver(self) -> str: ...

    @property
    def settings(self) -> dict[str, Any]: ...


class _Virtual(Protocol):
    @property
    def settings(self) -> dict[str, Any]: ...


class _BenchFile(Protocol):
    """The used part of a bench file (``energy.bench.benchfile``, which drivers do not import)."""

    @property
    def dut(self) -> _Dut: ...

    @property
    def virtual(self) -> _Virtual | None: ...

    @property
    def monitor(self) -> _Part | None: ...

    @property
    def io_manager(self) -> _Part | None: ...

    @property
    def supply(self) -> _Part | None: ...


class Twins:
    """Running twins.

    Attributes:
        clock: The clock of the twins: virtual time, or real time with a paced world.
        urls: Port of each twin by role.
        given: Objects for a driver in addition to its settings, by role.
        ends_with_us: Whether the world ends with the context; it does not if it ran before.
        firmware: Image of the DUT's firmware, where it is a real one.
        real: Roles that the bench has and that are no twin's: a program or a person switches the supply.
    """

    def __init__(
        self,
        clock: Clock,
        urls: dict[str, str],
        given: dict[str, dict[str, Any]] | None = None,
        *,
        ends_with_us: bool = True,
        firmware: str | None = None,
        real: frozenset[str] = frozenset(),
    ) -> None:
        self.clock = clock
        self.urls = urls
        self.given = given or {}
        self.ends_with_us = ends_with_us
        self.firmware = firmware
        self._real = real

    def url(self, role: str) -> str | None:
        """Where the twin for a role is connected; None for a role that is real."""
        return None if role in self._real else self.urls.get(role, "virtual")

    def settings(self, role: str) -> dict[str, Any]:
        """Objects for the driver of a role, in addition to its settings in the bench file."""
        return self.given.get(role, {})


_LAG_S = 10.0
"""Twins in real time are one more process on the host: on one with ten times more to do than it can, they got
no turn for 3 s."""
_WHERE = ("attach", "pace", "process")
"""Settings that say where the world runs."""
_WITHOUT_TWIN = ("hook", "manual")
"""Supplies that have no twin: the virtual DUT is powered from the beginning, and what they switch is real."""


def _parameters(make: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(make).parameters) - {"site"}


def _check(settings: dict[str, Any]) -> None:
    """Checks the types of the settings.

    Raises:
        UsageError: ``virtual.settings``.
    """
    wrong: list[str] = []
    if not isinstance(settings.get("faults", []), list):
        wrong.append("faults is a list of names, or of [name, {parameters}]")
    if settings.get("transport", "pty") not in ("pty", "socket"):
        wrong.append("transport is pty or socket")
    rates = [name for name in ("ppm", "uno_ppm") if not _between(settings.get(name, 0.0), -1e5, 1e5)]
    wrong += [f"{name} is a number from -100000 to 100000" for name in rates]
    if not _between(settings.get("temperature_c", 25.0), -60.0, 150.0):
        wrong.append("temperature_c is a number of degrees Celsius from -60 to 150")
    if not _between(settings.get("clock_hz", 1.0), 1.0, 1e11):
        wrong.append("clock_hz is a number of hertz from 1 to 1e11")
    if not _between(settings.get("block_s", 0.1), 1e-4, 60.0):
        wrong.append("block_s is a number of seconds from 0.0001 to 60")
    if settings.get("pace") is not None and not _between(settings["pace"], 1e-3, 1e6):
        wrong.append("pace is a number from 0.001 to 1000000")
    if not _is_attach(settings.get("attach")):
        wrong.append('attach is { control = "host:port", ports = { role = "port" } } of a running world')
    errors = [name for name in ("gain", "offset_a", "voltage_gain") if not _number(settings.get(name, 0.0))]
    wrong += [f"{name} is a finite number" for name in errors]
    if not isinstance(settings.get("serial", ""), str):
        wrong.append("serial is a text")
    tables = [
        name for name in ("dut_settings", "io_settings") if not isinstance(settings.get(name, {}), dict)
    ]
    wrong += [f"{name} is a table" for name in tables]
    if wrong:
        raise UsageError("virtual.settings", "; ".join(wrong), "See docs/how-to/virtual-bench.md.")


def _is_attach(value: Any) -> bool:
    """Whether a setting can be the address of a world that runs; None is no address."""
    if not isinstance(value, dict):
        return value is None
    address = cast("dict[str, Any]", value)
    ports: Any = address.get("ports")
    return (
        isinstance(address.get("control"), str)
        and isinstance(ports, dict)
        and _all_texts(cast("dict[str, Any]", ports))
    )


def _all_texts(ports: dict[str, Any]) -> bool:
    return all(isinstance(port, str) for port in ports.values())


def _number(value: Any) -> bool:
    """Whether a setting is a finite number."""
    return _between(value, -1e300, 1e300)


def _between(value: Any, lowest: float, highest: float) -> bool:
    """Whether a setting is a number within limits; NaN is not."""
    return type(value) in (int, float) and lowest <= value <= highest


@contextmanager
def virtual_bench(file: _BenchFile, workload: str, mode: Mode) -> Generator[Twins]:
    """Runs the twins of a session while the context is open.

    Beside the settings of the world (``world_settings``) three say where it runs: ``process = true``, in a
    process of its own; ``pace = 1.0``, likewise and in real time; ``attach = {control, ports}``, in one that
    already runs (drivers/virtual/server.py), in real time if there is a ``pace``, too.

    Raises:
        UsageError: ``virtual.settings``.
        BenchError: ``virtual.unreachable``, ``virtual.start``.
    """
    given = file.virtual.settings if file.virtual else {}
    attach, pace, apart = (given.get(name) for name in _WHERE)
    settings = world_settings(file, workload, mode)
    real = frozenset(("supply",)) if settings["powered"] else frozenset[str]()
    if attach is not None:
        world = RemoteWorld(attach["control"])
        try:
            clock = VirtualClock(world.request) if pace is None else RealClock(_LAG_S)
            yield Twins(clock, attach["ports"], ends_with_us=False, real=real)
        finally:
            world.close()
    elif pace is not None:
        with RemoteBench(pace=float(pace), **settings) as bench:
            yield Twins(RealClock(_LAG_S), bench.urls, firmware=bench.firmware, real=real)
    elif apart:
        with RemoteBench(**settings) as bench:
            yield Twins(bench.clock, bench.urls, firmware=bench.firmware, real=real)
    else:
        with VirtualBench(**settings) as bench:
            yield Twins(bench.clock, bench.urls, bench.given, firmware=bench.dut.firmware, real=real)


def world_settings(file: _BenchFile, workload: str, mode: Mode) -> dict[str, Any]:
    """The arguments of ``VirtualBench`` for a session on a bench.

    In energy mode the DUT is behind the IO manager, if the bench has one, and the monitor or the supply
    powers it. In performance mode it has a port of its own, and the supply powers it; without a supply it
    is powered from the beginning. The bench file's settings go to ``VirtualBench``: ``faults``, ``ppm``,
    ``truncate``, ``transport``, its other arguments; ``monitor``, ``io_manager`` and ``dut`` name other
    twins than the drivers' own, such as emulators.

    Raises:
        UsageError: ``virtual.settings``.
    """
    energy = mode == "energy"
    settings = dict(file.virtual.settings) if file.virtual else {}
    attach, pace, _ = (settings.pop(name, None) for name in _WHERE)
    monitor = settings.pop("monitor", None) or (file.monitor.driver if file.monitor else None)
    io_manager = settings.pop("io_manager", None) or (file.io_manager.driver if file.io_manager else None)
    of_twin = _parameters(make_twin(monitor)) if monitor else set[str]()
    unknown = sorted(set(settings) - _KNOWN - of_twin)
    if unknown:
        raise UsageError(
            "virtual.settings",
            f"the virtual bench has no setting {', '.join(unknown)}",
            f"It has: {', '.join(sorted(_KNOWN | of_twin | set(_WHERE)))}.",
        )
    _check({**settings, "pace": pace, "attach": attach})
    settings.setdefault("marker", str(file.dut.marker))
    if settings.get("dut", "twin") == "twin":  # the clock of real firmware is its emulator's
        settings.setdefault("clock_hz", file.dut.clock_hz)
    measures = file.monitor.settings.get("mode") if file.monitor else None
    if "ampere" in of_twin and (file.supply is not None or measures == "ampere"):
        settings.setdefault("ampere", True)  # what it measures comes from the supply
    if not energy:  # without a monitor it cannot have faults
        monitor = None
        settings = {name: value for name, value in settings.items() if name not in of_twin}
        settings["faults"] = [fault for fault in settings.get("faults", []) if not of_monitor(fault)]
    supply = file.supply.driver if file.supply else None  # it powers the DUT in every mode
    return settings | {
        "board": file.dut.board,
        "workload": workload,
        "mode": mode,
        "io_manager": io_manager if energy and file.io_manager else None,
        "monitor": monitor,
        "supply": supply if supply not in _WITHOUT_TWIN else None,
        "powered": supply in _WITHOUT_TWIN,
    }
