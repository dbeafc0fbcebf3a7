"""Puts a bench together: drivers found by entry point, opened on one clock with one transcript."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from energy.bench.ask import Ask, nobody
from energy.bench.benchfile import BenchFile
from energy.bench.entrypoints import Switch, load
from energy.bench.watched_clock import WatchedClock
from energy.errors import JoulebenchError, UsageError
from energy.instruments import Clock, Dut, IoManager, Mode, Monitor, Supply, Transcript

MONITORS = "joulebench.monitors"
SUPPLIES = "joulebench.supplies"
IO_MANAGERS = "joulebench.io_managers"
DUTS = "joulebench.duts"
BENCHES = "joulebench.benches"
CLOCKS = "joulebench.clocks"


class Surroundings(Protocol):
    """What stands around the drivers: the real world, or a virtual bench."""

    @property
    def clock(self) -> Clock:
        """The clock that everything waits on."""
        ...

    @property
    def ends_with_us(self) -> bool:
        """Whether its ports are gone once the bench is closed, and may then be somebody else's."""
        ...

    @property
    def firmware(self) -> str | None:
        """The image that the DUT runs, where it is real firmware in an emulator."""
        ...

    def url(self, role: str) -> str | None:
        """Where the twin for ``"monitor"``, ``"supply"``, ``"io"``, ``"dut"`` is, if there is one."""
        ...

    def settings(self, role: str) -> dict[str, Any]:
        """What the driver for a role is given beside its bench file's settings."""
        ...


MakeSurroundings = Callable[[BenchFile, str, Mode], AbstractContextManager[Surroundings]]


@dataclass
class Bench:
    """Instruments, opened.

    Attributes:
        file: What was asked for.
        clock: What the session and the way to the DUT wait on; it looks around meanwhile.
        dut: The device under test, directly or through the IO manager.
        monitor: What measures; None in performance mode.
        supply: What powers the DUT; None where nobody but a person does.
        io_manager: The relay; None where the DUT is reached directly.
        switch: How the guardian can switch the supply off; None where nobody but a person can.
        gone_when_closed: Whether nothing of it is left to switch off once it is closed (twins).
        dut_at: Opens the DUT anew at another baud rate, the former one closed; None behind an IO manager.
        firmware: The image that the DUT runs; None where nobody has stated it.
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
    file: BenchFile, workload: str, mode: Mode, transcript: Transcript, ask: Ask | None = None
) -> Generator[Bench]:
    """Opens what a session in this mode needs; closes all of it, in reverse, however the session ends.

    Nothing is switched on here.

    Args:
        file: The bench.
        workload: What the DUT runs, which a virtual one must know.
        mode: What its firmware was built for.
        transcript: Takes every line on every wire.
        ask: Asks the person at the bench.

    Raises:
        UsageError: ``bench.no-driver``, ``bench.no-monitor``, ``bench.no-port``.
        BenchError: If an instrument is not there.
    """
    with ExitStack() as stack:
        surroundings = _surroundings(file, workload, mode, stack)
        clock: Clock = surroundings.clock if surroundings else load(CLOCKS, "real")()
        watched = WatchedClock(clock)

        def opened(group: str, driver: str, role: str, port: str | None, settings: dict[str, Any]) -> Any:
            url = (surroundings.url(role) if surroundings else None) or port
            if url is None:
                raise UsageError("bench.no-port", f"the bench names no port for its {role}", "Add `port`.")
            if surroundings:
                settings = {**settings, "virtual": True, **surroundings.settings(role)}
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
                settings["ask"] = ask or nobody
            supply = opened(SUPPLIES, part.driver, "supply", part.port, settings)
            port = (surroundings.url("supply") if surroundings else None) or part.port
            switch = None if part.driver in _BY_HAND else Switch(part.driver, port, part.settings)
        elif monitor is not None and monitor.limits.sources and file.monitor is not None:
            supply = monitor  # pyright: ignore[reportAssignmentType]  # a monitor that sources is a supply, too
            port = (surroundings.url("monitor") if surroundings else None) or file.monitor.port
            switch = Switch(file.monitor.driver, port, file.monitor.settings)

        def dut_at(baud: int) -> Dut:
            part = file.dut
            return opened(DUTS, part.driver, "dut", part.port, {**part.settings, "baud": baud})

        if io_manager is not None:
            dut = io_manager.dut()
        elif file.dut.port is not None or surroundings is not None:
            dut = dut_at(file.dut.baud)
        else:
            dut = cast(Dut, _Unreached())  # it may toggle its pin all the same
        gone = surroundings is not None and surroundings.ends_with_us
        direct = dut_at if io_manager is None else None
        image = _image(file, mode, surroundings)
        yield Bench(file, watched, dut, monitor, supply, io_manager, switch, gone, direct, image)


def _image(file: BenchFile, mode: Mode, surroundings: Surroundings | None) -> Path | None:
    """What the DUT runs: in an emulator, or flashed as the bench file states."""
    flashed = file.dut.firmware_energy if mode == "energy" else file.dut.firmware
    stated = (surroundings.firmware if surroundings else None) or flashed
    return Path(stated) if stated else None


class _Unreached:
    """In the place of a DUT that no wire of the bench leads to."""

    def __getattr__(self, name: str) -> Any:
        raise UsageError(
            "bench.no-port",
            f"the bench has neither an [io_manager] nor a [dut] port, and the DUT's `{name}` is needed",
            "Add `port` under [dut], or an [io_manager].",
        )


_TO_THE_DUT = ("io", "dut")
"""Roles whose drivers are waited for while others must be watched (``energy.bench.watched_clock``)."""

_BY_HAND = ("manual",)
"""Supplies that a person switches."""


def _surroundings(file: BenchFile, workload: str, mode: Mode, stack: ExitStack) -> Surroundings | None:
    if file.virtual is None:
        return None
    make: MakeSurroundings = load(BENCHES, file.virtual.bench)
    return stack.enter_context(make(file, workload, mode))
