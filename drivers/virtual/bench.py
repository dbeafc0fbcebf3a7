"""The virtual bench: a world with a board, its monitor and IO manager, on real transports."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

from drivers.virtual.boards import Board, load_board
from drivers.virtual.clock import VirtualClock
from drivers.virtual.faults import plant
from drivers.virtual.ports import Port
from drivers.virtual.twin import DUTS, MonitorTwin, Transport, TwinSite, make_port, make_twin
from drivers.virtual.virtual_dut import Marker, Rest, VirtualDut
from drivers.virtual.world import REFERENCE_C, World
from energy.errors import UsageError
from energy.instruments import Mode

ENERGY_BAUD = 9600
PERFORMANCE_BAUD = 115200
"""Baud rates of the DUT's UART by mode (protocols.md 1.1)."""

Autorun = Sequence[Any]
"""Inferences, seconds, and perhaps ``"idle"`` or ``"sleep"``."""

Fault = str | tuple[str, dict[str, Any]]
"""A fault's name, or name and parameters (drivers/virtual/faults.py)."""


class VirtualBench:
    """Twins in one world, in this process.

    Args:
        board: A board, or the name of an included board.
        workload: Workload id.
        mode: Mode of the DUT's firmware.
        faults: Faults that are planted at the beginning.
        io_manager: Name of the twin (the driver's, or an emulator) of the IO manager in front of the DUT
            (then there is no ``dut`` url), or None: the DUT has a port of its own.
        dut: Name of the DUT's twin (entry point group ``joulebench.dut_twins``): ``twin``, or an emulator.
        dut_settings: Settings of the DUT's twin; ``io_settings`` of the IO manager's.
        transport: ``"pty"``, or ``"socket"`` on systems without ptys.
        baud_model: Whether UART bytes take their time.
        monitor: Driver name of the monitor whose twin measures, or None.
        supply: Driver name of the supply whose twin powers the DUT. If neither it nor the monitor does, the
            DUT is powered from the beginning.
        powered: Whether the DUT is powered from the beginning in any case: a supply without a twin powers it.
        uno_ppm: By how much the IO manager's clock runs fast.
        baud: The DUT's baud rate, if it is not the usual one of its mode (9600 energy, 115200 performance;
            9600 behind the IO manager).
        autorun: Inferences per window and seconds between windows, for a DUT that measures without commands;
            as a third element ``"sleep"``, if it sleeps between them.
        marker: How the DUT's pin marks its work: ``pulse``, or held ``high`` or ``low`` during it.
        answers: Answers of the DUT to inputs (drivers/dut/twin/answers.py).
        supply_settings: Settings of the supply's twin.
        clock_hz: Clock that the DUT's firmware sets when it boots; None: that of the published result.
        temperature_c: Temperature of the air around the bench.
        energy_factor: Energy of an inference, as times that of the board: of another specimen, or firmware.
        monitor_settings: Settings of the monitor's twin, such as ``ppm``, ``truncate``.

    Attributes:
        world: The world.
        clock: Virtual time for the host.
        urls: Ports for a host: ``dut`` or ``io``, ``monitor``, ``supply``.
        given: Objects for a driver in addition to its settings, by role.
        dut: The DUT twin; ``io`` and ``monitor`` likewise, if there are any.
        struck: How often a fault has struck.
    """

    def __init__(
        self,
        board: str | Board = "NUCLEO-L4R5ZI",
        workload: str = "kws01",
        mode: Mode = "energy",
        *,
        faults: Iterable[Fault] = (),
        io_manager: str | None = None,
        dut: str = "twin",
        dut_settings: dict[str, Any] | None = None,
        io_settings: dict[str, Any] | None = None,
        transport: Transport = "pty",
        baud_model: bool = True,
        monitor: str | None = "lpm01a",
        supply: str | None = None,
        powered: bool = False,
        uno_ppm: float = 0.0,
        baud: int | None = None,
        autorun: Autorun | None = None,
        marker: Marker = "pulse",
        answers: dict[str, Any] | None = None,
        supply_settings: dict[str, Any] | None = None,
        clock_hz: float | None = None,
        temperature_c: float = REFERENCE_C,
        energy_factor: float = 1.0,
        **monitor_settings: Any,
    ) -> None:
        published = load_board(board) if isinstance(board, str) else board
        self.board = published.needing(energy_factor)
        self.world = World()
        self.world.temperature_c = temperature_c
        self.world.supply.voltage_v = self.board.voltage_v  # until an instrument sets it
        self.urls: dict[str, str] = {}
        self.given: dict[str, dict[str, Any]] = {}
        self._ports: dict[str, Port] = {}
        self._transport: Transport = transport
        self._baud_model = baud_model
        self.io: Any = None
        self.supply: Any = None
        self.monitor: MonitorTwin | None = None
        self.struck = 0
        try:
            if baud is None:
                baud = ENERGY_BAUD if io_manager or mode == "energy" else PERFORMANCE_BAUD
            self.dut = self._make_dut(
                dut, dut_settings or {}, workload, mode, baud, answers, autorun, clock_hz
            )
            if io_manager is None:
                self._give_port_to_dut()
            else:
                self.io = self._put("io", io_manager, {"ppm": uno_ppm, **(io_settings or {})})
            if supply is not None:
                self.supply = self._put("supply", supply, supply_settings or {})
            if monitor is not None:
                twin: MonitorTwin = self._put("monitor", monitor, monitor_settings)
                self.monitor = twin
                self.dut.pin.watchers.append(twin.edge)
            self._hold_pin(dut, marker)
            if powered or (supply is None and not (self.monitor and self.monitor.sources)):
                self.world.supply.voltage_v = self.board.voltage_v
                self.world.supply.switch(True)
            self.world.describe = self._describe
            self.world.on_fault = lambda name, params: plant(self, name, params)
            for fault in faults:
                name, params = (fault, {}) if isinstance(fault, str) else fault
                plant(self, name, dict(params))
        except BaseException:
            self.world.close()  # emulators already run
            raise
        self.clock = VirtualClock(self.world.handle)

    def _make_dut(
        self,
        name: str,
        settings: dict[str, Any],
        workload: str,
        mode: Mode,
        baud: int,
        answers: dict[str, Any] | None,
        autorun: Autorun | None,
        clock_hz: float | None,
    ) -> VirtualDut:
        """Makes the DUT's twin, or an emulator.

        Raises:
            UsageError: ``virtual.settings`` for settings that it does not have.
        """
        make = make_twin(name, DUTS)
        own = (
            set(inspect.signature(make).parameters)
            - set(inspect.signature(VirtualDut).parameters)
            - {"wires"}
        )
        unknown = sorted(set(settings) - own)
        given = {"autorun": autorun, "clock_hz": clock_hz}
        refused = [f"dut_settings {', '.join(unknown)}"] if unknown else []
        if name != "twin":
            refused += [setting for setting, value in given.items() if value is not None]
        if refused:
            raise UsageError(
                "virtual.settings",
                f"the DUT {name!r} of the virtual bench takes no {refused[0]}",
                f"Its dut_settings: {', '.join(sorted(own)) or 'none'}; {' and '.join(given)} need the twin.",
            )
        if clock_hz is not None:
            settings = {**settings, "clock_hz": clock_hz}
        made: VirtualDut = make(
            self.world,
            self.board,
            workload,
            mode,
            baud=baud,
            baud_model=self._baud_model,
            answers=answers,
            **settings,
        )
        made.autorun = _autorun(autorun) if autorun else None
        return made

    def _hold_pin(self, name: str, marker: Marker) -> None:
        """Sets how the DUT's firmware marks its work.

        Raises:
            UsageError: ``virtual.settings`` for firmware that has pulses only.
        """
        if marker not in ("pulse", "high", "low") or (marker != "pulse" and name != "twin"):
            raise UsageError(
                "virtual.settings",
                f"the DUT {name!r} of the virtual bench has no marker {marker!r}",
                "The twin has pulse, high and low; real firmware has pulse.",
            )
        self.dut.marker = marker
        if marker == "high":
            self.dut.pin.rest_low()

    def _give_port_to_dut(self) -> None:
        port = self._ports["dut"] = make_port(self._transport)
        self.world.add_port(port)
        self.urls["dut"] = port.url
        port.on_bytes = lambda data: _nothing(self.dut.rx.send(data))
        self.dut.listener = lambda data, start, each: port.write(data)
        self.dut.peer_baud = lambda: port.baud if port.opened else None

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the twins' ports."""
        return tuple(self._ports)

    def port(self, name: str) -> Port:
        """A twin's port by its name in ``urls``.

        Raises:
            UsageError: ``virtual.no-port`` if the bench has no port of that name.
        """
        if name not in self._ports:
            raise UsageError(
                "virtual.no-port",
                f"the virtual bench has no port {name!r}",
                f"it has {', '.join(self._ports)}",
            )
        return self._ports[name]

    def close(self) -> None:
        """Closes all transports. May be called again."""
        self.world.close()

    def __enter__(self) -> VirtualBench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _put(self, role: str, name: str, settings: dict[str, Any]) -> Any:
        site = TwinSite(self.world, self.dut, role, self._transport, self._baud_model, self._ports)
        twin = make_twin(name)(site, **settings)
        self.urls[role] = twin.url
        self.given[role] = getattr(twin, "given", {})
        return twin

    def _describe(self) -> dict[str, Any]:
        return {
            "virtual": True,
            "board": self.board.name,
            "workload": self.dut.workload,
            "mode": self.dut.mode,
            "dut": self.dut.state_name(),
            "infers": self.dut.infers,
        }


def _autorun(given: Autorun) -> tuple[int, float, Rest]:
    """What a DUT without commands does.

    Raises:
        UsageError: ``virtual.settings``.
    """
    match given:
        case [int(iterations), float() | int() as pause_s]:
            return iterations, pause_s, "idle"
        case [int(iterations), float() | int() as pause_s, "idle" | "sleep" as rest]:
            return iterations, pause_s, rest
        case _:
            raise UsageError(
                "virtual.settings",
                f"autorun is {given!r}",
                'It is [inferences, seconds between the windows], or [inferences, seconds, "sleep"].',
            )


def _nothing(_: int) -> None:
    return None
