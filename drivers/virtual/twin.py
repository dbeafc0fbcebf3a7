"""Common part of the twins of monitors, and the site of a twin.

A twin has its instrument's real protocol on a real transport and samples the world's true power. Third
parties write theirs on the same base (docs/how-to/write-a-driver.md) and register a function
``make(site, **settings) -> MonitorTwin`` at the entry point ``joulebench.twins`` under their driver's name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Literal

from drivers.virtual.misreading import Misreading
from drivers.virtual.ports import Port
from drivers.virtual.socket_port import SocketPort
from drivers.virtual.virtual_dut import VirtualDut
from drivers.virtual.world import World
from energy.errors import BenchError, UsageError

Transport = Literal["pty", "socket"]

Params = dict[str, Any]
"""Parameters of a fault; the fault removes those that it uses."""

GROUP = "joulebench.twins"
DUTS = "joulebench.dut_twins"
"""Entry points of twins: of instruments, and of DUTs (with real firmware in emulators)."""


@dataclass
class TwinSite:
    """The place of a twin on the bench.

    Attributes:
        world: Its world.
        dut: The DUT; its ``pin`` is wired to edge inputs.
        role: Role of the twin: ``"monitor"``, ``"io"``, ``"supply"``.
        transport: Kind of serial ports.
        baud_model: Whether bytes on a UART take their time.
        ports: The bench's ports by name; the first one of a twin has its role's name.
    """

    world: World
    dut: VirtualDut
    role: str
    transport: Transport = "pty"
    baud_model: bool = True
    ports: dict[str, Port] = field(default_factory=dict[str, Port])

    def serial_port(self) -> Port:
        """Makes a serial port: a pty, or a socket on systems without ptys."""
        return self._add(make_port(self.transport))

    def tcp_port(self) -> SocketPort:
        """Makes a raw socket on the loopback, for network instruments; its url is a VISA resource string."""
        port = SocketPort()
        port.url = f"TCPIP::127.0.0.1::{port.url.rpartition(':')[2]}::SOCKET"
        self._add(port)
        return port

    def _add(self, port: Port) -> Port:
        taken = sum(name.startswith(self.role) for name in self.ports)
        self.ports[f"{self.role}{taken + 1 if taken else ''}"] = port
        self.world.add_port(port)
        return port


class MonitorTwin(ABC):
    """A monitor on the virtual bench.

    Attributes:
        url: Port for a driver.
        given: Objects for a driver in addition to its settings (a fake driver package, in place of a port).
        misreads: Its systematic errors; without errors unless the twin takes some as settings.
        sources: Whether it powers the DUT. If not, another twin is the supply.
        samples_levels: Whether its input samples the level of the DUT's pin, and sees it rise.
        drop: Fault: ranges ``(first, stop)`` of samples that it takes but does not send.
        refuse: Faults: each may refuse a command with the text that it returns.
        silent: Fault: it neither answers nor streams; its output stays on.
        faults: Its own faults by name: functions of the parameters that return the action for the fault's
            time.
    """

    sources: bool = True
    samples_levels: bool = False

    def __init__(self, site: TwinSite, url: str, misreads: Misreading | None = None) -> None:
        self._supply = site.world.supply
        self.url = url
        self.misreads = misreads or Misreading()
        self.given: dict[str, Any] = {}
        self.drop: list[tuple[int, int]] = []
        self.refuse: list[Callable[[str], str | None]] = []
        self.silent = False
        self.faults: dict[str, Callable[[Params], Callable[[], None]]] = {}

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether it measures."""

    @abstractmethod
    def position(self) -> int:
        """Number of samples of the running acquisition that are complete."""

    @abstractmethod
    def edge(self, width_ns: int) -> None:
        """Takes a falling edge at its input, of a pulse of this width; a twin without input ignores it."""

    @abstractmethod
    def overcurrent(self) -> None:
        """Its protection acts."""

    def lose_output(self) -> None:
        """Fault: the output that powers the DUT goes off by itself; nothing else changes."""
        self._supply.switch(False)

    @abstractmethod
    def lose_power(self) -> None:
        """Its USB or mains plug is pulled."""


def make_port(transport: Transport) -> Port:
    """Makes a serial port of this kind."""
    if transport == "socket":
        return SocketPort()
    from drivers.virtual.pty_port import PtyPort  # imported late: it needs POSIX

    return PtyPort()


def make_twin(name: str, group: str = GROUP) -> Callable[..., Any]:
    """The function that makes the twin of a driver or of a DUT.

    Raises:
        UsageError: ``virtual.no-twin``.
        BenchError: ``bench.driver-broken`` if it cannot be imported.
    """
    found = {point.name: point for point in entry_points(group=group)}
    if name not in found:
        kind = "twin of a DUT called" if group == DUTS else "twin for the driver"
        raise UsageError(
            "virtual.no-twin",
            f"the virtual bench has no {kind} {name!r}",
            f"It has: {', '.join(sorted(found))}. Write one of them under [virtual.settings].",
        )
    try:
        return found[name].load()
    except (ImportError, AttributeError) as error:
        raise BenchError(
            "bench.driver-broken",
            f"the twin {name!r} ({found[name].value}) cannot be imported: {error}",
            "Install its packages: joulebench[joulescope] or joulebench[visa].",
        ) from error
