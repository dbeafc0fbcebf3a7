"""The virtual bench: a world with a board, its monitor and perhaps the IO manager, on real transports."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Literal

from drivers.virtual.boards import Board, load_board
from drivers.virtual.clock import VirtualClock
from drivers.virtual.dut import DutTwin
from drivers.virtual.faults import plant
from drivers.virtual.lpm01a import Lpm01aTwin
from drivers.virtual.ports import Port
from drivers.virtual.socket_port import SocketPort
from drivers.virtual.uno import UnoTwin
from drivers.virtual.world import World
from energy.errors import UsageError
from energy.instruments import Mode

Transport = Literal["pty", "socket"]

ENERGY_BAUD = 9600
PERFORMANCE_BAUD = 115200
"""Baud rates of the DUT's UART by mode (protocols.md 1.1)."""

Fault = str | tuple[str, dict[str, Any]]
"""A fault's name, or name and parameters (drivers/virtual/faults.py)."""


class VirtualBench:
    """Twins around one world, in this process.

    Args:
        board: A board, or the name of one that comes along.
        workload: Workload id.
        mode: What the DUT's firmware was built for.
        faults: Planted from the beginning.
        io_manager: Whether the DUT sits behind an Uno (without a ``dut`` url) or has a port of its own.
        transport: ``"pty"``, or ``"socket"`` where there are none.
        baud_model: Whether UART bytes take their time.
        monitor: ``"lpm01a"``, which also powers the DUT, or None: then the DUT is powered from the beginning.
        ppm: By how much the monitor's clock runs fast.
        truncate: Whether the monitor truncates its digits.
        uno_ppm: By how much the Uno's clock runs fast.
        baud: The DUT's baud rate, if not the usual one of its mode (9600 energy, 115200 performance; 9600
            behind the IO manager).
        block_s: How much of its stream the monitor sends at a time.
        first_timestamp: See `Lpm01aTwin`.
        max_energy_hz: See `Lpm01aTwin`.

    Attributes:
        world: The world.
        clock: Virtual time for the host.
        urls: What a host opens: ``dut`` or ``io``, and ``monitor``.
        dut: The DUT twin; ``io`` and ``monitor`` likewise, where there are some.
    """

    def __init__(
        self,
        board: str | Board = "NUCLEO-L4R5ZI",
        workload: str = "kws01",
        mode: Mode = "energy",
        *,
        faults: Iterable[Fault] = (),
        io_manager: bool = False,
        transport: Transport = "pty",
        baud_model: bool = True,
        monitor: Literal["lpm01a"] | None = "lpm01a",
        ppm: float = 130.0,
        truncate: bool = False,
        uno_ppm: float = 0.0,
        baud: int | None = None,
        block_s: float = 0.1,
        first_timestamp: bool = True,
        max_energy_hz: int = 10_000,
    ) -> None:
        self.board = load_board(board) if isinstance(board, str) else board
        self.world = World()
        if baud is None:
            baud = ENERGY_BAUD if io_manager or mode == "energy" else PERFORMANCE_BAUD
        self.dut = DutTwin(self.world, self.board, workload, mode, baud=baud, baud_model=baud_model)
        self.io: UnoTwin | None = None
        self.monitor: Lpm01aTwin | None = None
        self._ports: dict[str, Port] = {}
        first = self._port("io" if io_manager else "dut", transport)
        if io_manager:
            self.io = UnoTwin(self.world, first, self.dut, ppm=uno_ppm, baud_model=baud_model)
        else:
            self._connect(first)
        if monitor is None:
            self.world.supply.voltage_v = self.board.voltage_v
            self.world.supply.switch(True)
        else:
            self.monitor = Lpm01aTwin(
                self.world,
                self._port("monitor", transport),
                ppm=ppm,
                truncate=truncate,
                block_s=block_s,
                first_timestamp=first_timestamp,
                max_energy_hz=max_energy_hz,
            )
            self.dut.pin.watchers.append(self.monitor.edge)
        self.urls = {name: port.url for name, port in self._ports.items()}
        self.world.describe = self._describe
        self.world.on_fault = lambda name, params: plant(self, name, params)
        for fault in faults:
            name, params = (fault, {}) if isinstance(fault, str) else fault
            plant(self, name, dict(params))
        self.clock = VirtualClock(self.world.handle)

    def port(self, name: str) -> Port:
        """A twin's port by the name that its url has.

        Raises:
            UsageError: ``virtual.no-port`` if the bench has none of that name.
        """
        if name not in self._ports:
            raise UsageError(
                "virtual.no-port",
                f"the virtual bench has no port {name!r}",
                f"it has {', '.join(self._ports)}",
            )
        return self._ports[name]

    def close(self) -> None:
        """Gives all transports back. Harmless if done twice."""
        self.world.close()

    def __enter__(self) -> VirtualBench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _port(self, name: str, transport: Transport) -> Port:
        port = self._ports[name] = _make_port(transport)
        self.world.add_port(port)
        return port

    def _connect(self, port: Port) -> None:
        port.on_bytes = lambda data: _nothing(self.dut.rx.send(data))
        self.dut.listener = lambda data, start, each: port.write(data)
        self.dut.peer_baud = lambda: port.baud if port.opened else None

    def _describe(self) -> dict[str, Any]:
        return {
            "virtual": True,
            "board": self.board.name,
            "workload": self.dut.workload,
            "mode": self.dut.mode,
            "dut": self.dut.state_name(),
            "infers": self.dut.infers,
        }


def _nothing(_: int) -> None:
    return None


def _make_port(transport: Transport) -> Port:
    if transport == "socket":
        return SocketPort()
    from drivers.virtual.pty_port import PtyPort  # late: it needs POSIX

    return PtyPort()
