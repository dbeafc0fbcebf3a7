"""Puts a bench together: finds its drivers by entry point, opens them on one clock with one transcript."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, cast

from energy.bench.benchfile import BenchFile
from energy.bench.prompt import Prompt, no_operator
from energy.bench.spelling import closest
from energy.bench.watched_clock import WatchedClock
from energy.errors import BenchError, JoulebenchError, UsageError
from energy.instruments import Clock, Dut, IoManager, Mode, Monitor, Supply, Transcript

MONITORS = "joulebench.monitors"
SUPPLIES = "joulebench.supplies"
IO_MANAGERS = "joulebench.io_managers"
DUTS = "joulebench.duts"
BENCHES = "joulebench.benches"
CLOCKS = "joulebench.clocks"
SWITCHES = "joulebench.switches"
"""Functions that switch a supply off by its port alone, for the guardian."""


class Environment(Protocol):
    """The environment of the drivers of a virtual bench: its clock and its twins."""

    @property
    def clock(self) -> Clock:
        """The clock on which all drivers and the session wait."""
        ...

    @property
    def ends_with_us(self) -> bool:
        """Whether its ports are gone once the bench is closed; another process may then use their names."""
        ...

    @property
    def firmware(self) -> str | None:
        """The image that the DUT runs, where it is real firmware in an emulator."""
        ...

    def url(self, role: str) -> str | None:
        """The port of the twin for ``"monitor"``, ``"supply"``, ``"io"`` or ``"dut"``, or None."""
        ...

    def settings(self, role: str) -> dict[str, Any]:
        """Settings that the driver for a role gets in addition to those of the bench file."""
        ...


MakeEnvironment = Callable[[BenchFile, str, Mode], AbstractContextManager[Environment]]


@dataclass(frozen=True)
class Switch:
    """A supply as the guardian knows it: the name of its driver, its port and its settings."""

    driver: str
    port: str
    settings: dict[str, Any]


@dataclass
class Bench:
    """The instruments of a bench, opened.

    Attributes:
        file: The bench file.
        clock: The clock of the session and of the drivers of DUT and IO manager; it calls the watchers
            while they wait.
        dut: The device under test, directly or through the IO manager.
        monitor: The monitor; None in performance mode.
        supply: The supply of the DUT; None where only a person can switch it.
        io_manager: The relay; None where the DUT is reached directly.
        switch: How the guardian can switch the supply off; None where only a person can.
        gone_when_closed: Whether nothing is left to switch off once the bench is closed (twins).
        dut_at: Opens the DUT again at another baud rate, once it was closed; None behind an IO manager.
        firmware: The image that the DUT runs; None where it is not stated.
    """

    file: BenchFile
    clock: WatchedClock
    dut: Dut
    monitor: Monitor | None
    supply: Supply | None
    io_manager: IoManager | None
    switch: Switch | None
    gone_when_closed: bool
    dut_at: Callable[[int], Dut] | None = None
    firmware: Path | None = None


@contextmanager
def open_bench(
    file: BenchFile, workload: str, mode: Mode, transcript: Transcript, ask: Prompt | None = None
) -> Generator[Bench]:
    """Opens the instruments that a session in this mode needs; closes them in reverse order at its end.

    They are closed however the session ends. Nothing is switched on here.

    Args:
        file: The bench.
        workload: Id of the workload that the DUT runs; a virtual DUT must know it.
        mode: The mode that its firmware was built for.
        transcript: Takes every line on every wire.
        ask: Asks the person at the bench.

    Raises:
        UsageError: ``bench.no-driver``, ``bench.no-monitor``, ``bench.no-port``.
        BenchError: If an instrument is not there.
    """
    with ExitStack() as stack:
        environment = _environment(file, workload, mode, stack)
        clock: Clock = environment.clock if environment else load(CLOCKS, "real")()
        watched = WatchedClock(clock)

        def opened(group: str, driver: str, role: str, port: str | None, settings: dict[str, Any]) -> Any:
            url = (environment.url(role) if environment else None) or port
            if url is None:
                raise UsageError("bench.no-port", f"the bench names no port for its {role}", "Add `port`.")
            if environment:
                settings = {**settings, "virtual": True, **environment.settings(role)}
            wait_on = watched if role in _TO_THE_DUT else clock
            try:
                instrument = load(group, driver)(url, settings=settings, clock=wait_on, transcript=transcript)
            except JoulebenchError as error:
                error.add_note(f"while the {role} was opened")
                raise
            stack.callback(instrument.close)
            return instrument

        monitor: Monitor | None = None
        io_manager: IoManager | None = None
        supply: Supply | None = None
        switch: Switch | None = None
        if mode == "energy":
            if file.monitor is None:
                raise UsageError("bench.no-monitor", f"bench {file.name} has no [monitor]", "Add one.")
            part = file.monitor
            monitor = opened(MONITORS, part.driver, "monitor", part.port, part.settings)
            if file.io_manager is not None:
                part = file.io_manager
                io_manager = opened(IO_MANAGERS, part.driver, "io", part.port, part.settings)
        if file.supply is not None:
            part = file.supply
            settings = {**part.settings, "voltage_v": file.dut.voltage_v, **file.limits.model_dump()}
            if part.driver in _BY_HAND:
                settings["ask"] = ask or no_operator
            supply = opened(SUPPLIES, part.driver, "supply", part.port, settings)
            port = (environment.url("supply") if environment else None) or part.port
            switch = None if part.driver in _BY_HAND else Switch(part.driver, port, part.settings)
        elif monitor is not None and monitor.limits.sources and file.monitor is not None:
            supply = monitor  # pyright: ignore[reportAssignmentType]  # a monitor that sources is a supply, too
            port = (environment.url("monitor") if environment else None) or file.monitor.port
            switch = Switch(file.monitor.driver, port, file.monitor.settings)

        def dut_at(baud: int) -> Dut:
            part = file.dut
            return opened(DUTS, part.driver, "dut", part.port, {**part.settings, "baud": baud})

        if io_manager is not None:
            dut = io_manager.dut()
        elif file.dut.port is not None or environment is not None:
            dut = dut_at(file.dut.baud)
        else:
            dut = cast(Dut, _Unreached())  # it can toggle its pin without being reached
        gone = environment is not None and environment.ends_with_us
        direct = dut_at if io_manager is None else None
        image = _image(file, mode, environment)
        yield Bench(file, watched, dut, monitor, supply, io_manager, switch, gone, direct, image)


def _image(file: BenchFile, mode: Mode, environment: Environment | None) -> Path | None:
    """The image that the DUT runs: the emulator's, or the one that the bench file states."""
    flashed = file.dut.firmware_energy if mode == "energy" else file.dut.firmware
    stated = (environment.firmware if environment else None) or flashed
    return Path(stated) if stated else None


class _Unreached:
    """A placeholder for a DUT that no wire of the bench leads to; every use of it is an error."""

    def __getattr__(self, name: str) -> Any:
        raise UsageError(
            "bench.no-port",
            f"the DUT's `{name}` is needed, and the bench has neither an [io_manager] nor a [dut] port",
            "Add `port` under [dut], or an [io_manager].",
        )


_TO_THE_DUT = ("io", "dut")
"""Roles whose drivers wait on the watched clock (``energy.bench.watched_clock``)."""

_BY_HAND = ("manual",)
"""Supplies that a person switches."""


def load(group: str, name: str) -> Callable[..., Any]:
    """Imports the function that an entry point names.

    Raises:
        UsageError: ``bench.no-driver``, with the names that exist and the most similar of them.
        BenchError: ``bench.driver-broken`` if it cannot be imported.
    """
    found = {point.name: point for point in entry_points(group=group)}
    if name not in found:
        kind = group.removeprefix("joulebench.").removesuffix("s").replace("_", " ")
        similar = closest(name, found)
        raise UsageError(
            "bench.no-driver",
            f"there is no {kind} driver called {name!r}"
            + (f": did you mean {similar!r}?" if similar else ""),
            f"There are: {', '.join(sorted(found)) or 'none'}.",
        )
    return _import(found[name])


def _import(point: EntryPoint) -> Callable[..., Any]:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise BenchError(
            "bench.driver-broken",
            f"driver {point.name!r} ({point.value}) cannot be imported: {error}",
            "Install what it needs: joulebench[joulescope] or joulebench[visa].",
        ) from error


def _environment(file: BenchFile, workload: str, mode: Mode, stack: ExitStack) -> Environment | None:
    if file.virtual is None:
        return None
    make: MakeEnvironment = load(BENCHES, file.virtual.bench)
    return stack.enter_context(make(file, workload, mode))
