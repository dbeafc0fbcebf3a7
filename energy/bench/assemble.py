"""Puts a bench together: drivers found by entry point, opened on one clock with one transcript."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast, overload

from energy.bench.benchfile import BenchFile, MonitorPart
from energy.bench.completeness import check_driver, check_instrument
from energy.bench.entrypoints import Switch, load
from energy.bench.prompt import Prompt, no_operator
from energy.bench.watched_clock import WatchedClock
from energy.errors import JoulebenchError, UsageError
from energy.evidence.calibration import Calibration, read_calibration
from energy.instruments import Clock, Dut, IoManager, Mode, Monitor, Supply, Transcript, is_source

MONITORS = "joulebench.monitors"
SUPPLIES = "joulebench.supplies"
IO_MANAGERS = "joulebench.io_managers"
DUTS = "joulebench.duts"
BENCHES = "joulebench.benches"
CLOCKS = "joulebench.clocks"


class Environment(Protocol):
    """The surroundings of the drivers: the real world, or a virtual bench."""

    @property
    def clock(self) -> Clock:
        """The clock that everything waits on."""
        ...

    @property
    def ends_with_us(self) -> bool:
        """Whether its ports are gone once the bench is closed, and may then belong to another process."""
        ...

    @property
    def firmware(self) -> str | None:
        """The image that the DUT runs, where it is real firmware in an emulator."""
        ...

    def url(self, role: str) -> str | None:
        """Where the twin for ``"monitor"``, ``"supply"``, ``"io"``, ``"dut"`` is, if there is one."""
        ...

    def settings(self, role: str) -> dict[str, Any]:
        """Settings for the driver of a role beside those of the bench file."""
        ...


MakeEnvironment = Callable[[BenchFile, str, Mode], AbstractContextManager[Environment]]


@dataclass
class Bench:
    """Instruments, opened: those that a session in any mode has.

    Attributes:
        file: The bench file.
        clock: The clock that session and DUT link wait on; it calls the watchers meanwhile.
        dut: The device under test, directly or through the IO manager.
        supply: The supply that powers the DUT; None if a person does it.
        switch: The guardian's way to switch the supply off; None if only a person can.
        gone_when_closed: Whether nothing of it is left to switch off once it is closed (twins).
        dut_at: Opens the DUT again at another baud rate, the former one closed; None behind an IO manager.
        firmware: The image that the DUT runs; None if it is not stated.
        begun_s: When it began to be opened, on its clock.
    """

    file: BenchFile
    clock: WatchedClock
    dut: Dut
    supply: Supply | None
    switch: Switch | None
    gone_when_closed: bool
    dut_at: Callable[[int], Dut] | None
    firmware: Path | None
    begun_s: float


@dataclass
class PerformanceBench(Bench):
    """A bench on which the DUT times itself: nothing measures its supply."""


@dataclass
class EnergyBench(Bench):
    """A bench on which a monitor measures the DUT's supply.

    Attributes:
        monitor: The monitor.
        monitor_part: Its part of the bench file.
        io_manager: The relay; None where the DUT is reached directly.
        calibration: The monitor's calibration certificate, where the bench file names it.
    """

    monitor: Monitor
    monitor_part: MonitorPart
    io_manager: IoManager | None
    calibration: Calibration | None = None


@overload
def open_bench(
    file: BenchFile,
    workload: str,
    mode: Literal["energy"],
    transcript: Transcript,
    prompt: Prompt | None = None,
) -> AbstractContextManager[EnergyBench]: ...


@overload
def open_bench(
    file: BenchFile,
    workload: str,
    mode: Literal["performance"],
    transcript: Transcript,
    prompt: Prompt | None = None,
) -> AbstractContextManager[PerformanceBench]: ...


def open_bench(
    file: BenchFile, workload: str, mode: Mode, transcript: Transcript, prompt: Prompt | None = None
) -> AbstractContextManager[Bench]:
    """Opens the instruments of a session in this mode; closes them in reverse, however the session ends.

    Nothing is switched on here.

    Args:
        file: The bench.
        workload: The workload that the DUT runs; a virtual DUT must know it.
        mode: The mode that its firmware was built for.
        transcript: Takes every line on every wire.
        prompt: Asks the person at the bench.

    Raises:
        UsageError: ``bench.no-driver``, ``bench.no-monitor``, ``bench.no-port``; ``calibration.missing``,
            ``calibration.invalid``.
        BenchError: If an instrument is not there.
    """
    opened = _energy_bench if mode == "energy" else _performance_bench
    return opened(file, workload, transcript, prompt)


@contextmanager
def _energy_bench(
    file: BenchFile, workload: str, transcript: Transcript, prompt: Prompt | None
) -> Generator[EnergyBench]:
    with ExitStack() as stack:
        opener = _Opener(file, workload, "energy", transcript, prompt, stack)
        part = file.monitor
        if part is None:
            raise UsageError("bench.no-monitor", f"bench {file.name} has no [monitor]", "Add one.")
        calibration = read_calibration(Path(part.calibration)) if part.calibration is not None else None
        monitor: Monitor = opener.opened(MONITORS, part.driver, "monitor", part.port, part.settings)
        io_manager: IoManager | None = None
        if (relay := file.io_manager) is not None:
            io_manager = opener.opened(IO_MANAGERS, relay.driver, "io", relay.port, relay.settings)
        supply, switch = opener.supply()
        if supply is None and is_source(monitor):
            supply = monitor
            switch = Switch(part.driver, opener.port("monitor", part.port), part.settings)
        yield EnergyBench(
            file=file,
            clock=opener.watched,
            dut=io_manager.dut() if io_manager is not None else opener.dut(),
            supply=supply,
            switch=switch,
            gone_when_closed=opener.gone_when_closed,
            dut_at=opener.dut_at if io_manager is None else None,
            firmware=opener.firmware,
            begun_s=opener.begun_s,
            monitor=monitor,
            monitor_part=part,
            io_manager=io_manager,
            calibration=calibration,
        )


@contextmanager
def _performance_bench(
    file: BenchFile, workload: str, transcript: Transcript, prompt: Prompt | None
) -> Generator[PerformanceBench]:
    with ExitStack() as stack:
        opener = _Opener(file, workload, "performance", transcript, prompt, stack)
        check_monitor(file)
        supply, switch = opener.supply()
        yield PerformanceBench(
            file=file,
            clock=opener.watched,
            dut=opener.dut(),
            supply=supply,
            switch=switch,
            gone_when_closed=opener.gone_when_closed,
            dut_at=opener.dut_at,
            firmware=opener.firmware,
            begun_s=opener.begun_s,
        )


def check_monitor(file: BenchFile) -> None:
    """Checks what the bench file has under [monitor] where no monitor is opened, by the driver's own check.

    The check is the function ``check_settings`` beside the function that opens the monitor; a driver from
    another package may have none.

    Raises:
        UsageError: ``bench.no-driver``.
        BenchError: ``<who>.setting``, ``<who>.rate``; ``bench.driver-broken``, ``bench.driver-incomplete``.
    """
    if (part := file.monitor) is None:
        return
    try:
        opens = load(MONITORS, part.driver)
        check_driver(MONITORS, part.driver, opens)
        module = sys.modules.get(getattr(opens, "__module__", ""))
        if (check := getattr(module, "check_settings", None)) is not None:
            check(part.port, dict(part.settings), part.rate_hz)
    except JoulebenchError as error:
        error.add_note("while the monitor's settings were checked")
        raise


class _Opener:
    """Opens the instruments of a bench on one clock; the stack closes them.

    Attributes:
        watched: The clock that the way to the DUT waits on.
        gone_when_closed: Whether its ports are gone once the bench is closed.
        firmware: The image that the DUT runs, in an emulator or flashed as the bench file states.
        begun_s: When it began to be opened, on its clock.
    """

    def __init__(
        self,
        file: BenchFile,
        workload: str,
        mode: Mode,
        transcript: Transcript,
        prompt: Prompt | None,
        stack: ExitStack,
    ) -> None:
        self._file, self._transcript, self._prompt, self._stack = (
            file,
            transcript,
            prompt or no_operator,
            stack,
        )
        environment = self._environment = _environment(file, workload, mode, stack)
        self._clock: Clock = environment.clock if environment else load(CLOCKS, "real")()
        self.begun_s = self._clock.now()
        self.watched = WatchedClock(self._clock)
        self.gone_when_closed = environment is not None and environment.ends_with_us
        if environment is not None and file.supply is not None and environment.url("supply") is None:
            self.gone_when_closed = False  # a hook is run for real
        flashed = file.dut.firmware_energy if mode == "energy" else file.dut.firmware
        stated = (environment.firmware if environment else None) or flashed
        self.firmware = Path(stated) if stated else None
        if self.firmware is not None:
            _refuse_no_image(self.firmware)

    def port(self, role: str, port: str | None) -> str:
        """Where an instrument is: at its twin's port, or at that of the bench file.

        Raises:
            UsageError: ``bench.no-port``.
        """
        url = (self._environment.url(role) if self._environment else None) or port
        if url is None:
            raise UsageError("bench.no-port", f"the bench names no port for its {role}", "Add `port`.")
        return url

    def opened(self, group: str, driver: str, role: str, port: str | None, settings: dict[str, Any]) -> Any:
        """An instrument, opened by its driver.

        Raises:
            UsageError: ``bench.no-driver``, ``bench.no-port``.
            BenchError: If it is not there; ``bench.driver-incomplete`` if it lacks a method.
        """
        url = self.port(role, port)
        if self._environment:
            settings = {**settings, "virtual": True, **self._environment.settings(role)}
        clock = self.watched if role in _TO_THE_DUT else self._clock
        try:
            opens = load(group, driver)
            check_driver(group, driver, opens)
            instrument = opens(url, settings=settings, clock=clock, transcript=self._transcript)
            if callable(getattr(instrument, "close", None)):
                self._stack.callback(instrument.close)
            check_instrument(group, driver, instrument)
        except JoulebenchError as error:
            error.add_note(f"while the {role} was opened")
            raise
        return instrument

    def supply(self) -> tuple[Supply | None, Switch | None]:
        """The supply of its own that the bench has, and how the guardian switches it off."""
        file, part = self._file, self._file.supply
        if part is None:
            return None, None
        by_hand = part.driver in _BY_HAND
        settings = {**part.settings, "voltage_v": file.dut.voltage_v, **file.limits.model_dump()}
        if by_hand:
            settings["ask"] = self._prompt
        supply: Supply = self.opened(SUPPLIES, part.driver, "supply", part.port, settings)
        port = self.port("supply", part.port)
        return supply, None if by_hand else Switch(part.driver, port, part.settings)

    def dut(self) -> Dut:
        """The DUT, reached directly, if a wire of the bench leads to it."""
        if self._file.dut.port is not None or self._environment is not None:
            return self.dut_at(self._file.dut.baud)
        return cast(Dut, _Unreached())  # it may toggle its pin all the same

    def dut_at(self, baud: int) -> Dut:
        """The DUT, reached directly at a baud rate."""
        part = self._file.dut
        return self.opened(DUTS, part.driver, "dut", part.port, {**part.settings, "baud": baud})


def _refuse_no_image(path: Path) -> None:
    """Refuses a firmware image that cannot be read to its end, before anything is opened or switched on.

    Raises:
        UsageError: ``bench.firmware``.
    """
    try:
        state = path.stat()
        why = "it is not a regular file" if not stat.S_ISREG(state.st_mode) else ""
        if state.st_size > _LARGEST_IMAGE:
            why = f"it has {state.st_size} bytes; {_LARGEST_IMAGE} are the most that are read"
        elif not why and not os.access(path, os.R_OK):
            why = "you may not read it"
    except (OSError, ValueError) as error:
        why = str(error)
    if why:
        raise UsageError(
            "bench.firmware",
            f"the firmware {path} cannot be read: {why}",
            "Correct dut.firmware (accuracy and performance) or dut.firmware_energy, or leave it out.",
        )


class _Unreached:
    """Stands for a DUT that no wire of the bench leads to: each use is an error."""

    def __getattr__(self, name: str) -> Any:
        raise UsageError(
            "bench.no-port",
            f"the bench has neither an [io_manager] nor a [dut] port, and the DUT's `{name}` is needed",
            "Add `port` under [dut], or an [io_manager].",
        )


_TO_THE_DUT = ("io", "dut")
"""Roles whose drivers wait on the watched clock (``energy.bench.watched_clock``)."""

_LARGEST_IMAGE = 1 << 28
"""Bytes of the largest image: a microcontroller's memory is a thousand times smaller."""

_BY_HAND = ("manual",)
"""Supplies that a person switches."""


def _environment(file: BenchFile, workload: str, mode: Mode, stack: ExitStack) -> Environment | None:
    if file.virtual is None:
        return None
    make: MakeEnvironment = load(BENCHES, file.virtual.bench)
    return stack.enter_context(make(file, workload, mode))
