"""What a twin of a monitor has in common with the others, and the place where it is put.

A twin speaks its instrument's real protocol on a real transport and samples the world's true power. Third
parties write theirs on the same base (docs/how-to/write-a-driver.md) and register a function
``make(site, **settings) -> MonitorTwin`` at the entry point ``joulebench.twins`` under their driver's name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Literal

from drivers.virtual.ports import Port
from drivers.virtual.socket_port import SocketPort
from drivers.virtual.virtual_dut import VirtualDut
from drivers.virtual.world import World
from energy.errors import BenchError, UsageError

Transport = Literal["pty", "socket"]

Params = dict[str, Any]
"""Parameters of a fault; what a fault uses it takes out."""

GROUP = "joulebench.twins"
DUTS = "joulebench.dut_twins"
"""Entry points of twins: of instruments; of DUTs, real firmware in emulators among them."""


@dataclass
class TwinSite:
    """Where a twin is put.

    Attributes:
        world: Its world.
        dut: The DUT; its ``pin`` is what an edge input is wired to.
        role: What the twin stands in for: ``"monitor"``, ``"io"``, ``"supply"``.
        transport: What serial ports are made of.
        baud_model: Whether bytes on a UART take their time.
        ports: The bench's ports by name; a twin's first one has its role's name.
    """

    world: World
    dut: VirtualDut
    role: str
    transport: Transport = "pty"
    baud_model: bool = True
    ports: dict[str, Port] = field(default_factory=dict[str, Port])

    def serial_port(self) -> Port:
        """A serial port: a pty, or a socket where there are none."""
        return self._add(make_port(self.transport))

    def tcp_port(self) -> SocketPort:
        """A raw socket on the loopback, for instruments on the network; its url is a VISA resource string."""
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
        url: What a driver opens.
        given: What a driver is given beside its settings (a fake driver package, in place of a port).
        sources: Whether it powers the DUT. One that does not finds the supply of another twin.
        drop: Fault: ranges ``(first, stop)`` of samples that it takes but does not send.
        refuse: Faults: each may refuse a command with the text that it returns.
        silent: Fault: it neither answers nor streams; what it supplies stays on.
        faults: Its own faults by name: given parameters, they return what happens when the time has come.
    """

    sources: bool = True

    def __init__(self, site: TwinSite, url: str) -> None:
        self._supply = site.world.supply
        self.url = url
        self.given: dict[str, Any] = {}
        self.drop: list[tuple[int, int]] = []
        self.refuse: list[Callable[[str], str | None]] = []
        self.silent = False
        self.faults: dict[str, Callable[[Params], Callable[[], None]]] = {}

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether it is measuring."""

    @abstractmethod
    def position(self) -> int:
        """How many samples of the running acquisition are over."""

    @abstractmethod
    def edge(self, width_ns: int) -> None:
        """A falling edge arrives at its input, of a pulse of this width. One without an input ignores it."""

    @abstractmethod
    def overcurrent(self) -> None:
        """Its protection acts."""

    def lose_output(self) -> None:
        """Fault: the output that powers the DUT goes off by itself, and nothing else happens."""
        self._supply.switch(False)

    @abstractmethod
    def lose_power(self) -> None:
        """Its USB plug is pulled, or its mains."""


def make_port(transport: Transport) -> Port:
    """A serial port of this kind."""
    if transport == "socket":
        return SocketPort()
    from drivers.virtual.pty_port import PtyPort  # late: it needs POSIX

    return PtyPort()


def make_twin(name: str, group: str = GROUP) -> Callable[..., Any]:
    """What makes the twin for a driver, or a DUT's.

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
            f"It has: {', '.join(sorted(found))}. Name one of them under [virtual.settings].",
        )
    try:
        return found[name].load()
    except (ImportError, AttributeError) as error:
        raise BenchError(
            "bench.driver-broken",
            f"the twin {name!r} ({found[name].value}) cannot be imported: {error}",
            "Install what it needs: joulebench[joulescope] or joulebench[visa].",
        ) from error
