"""The IO manager's real binary in simavr, in place of a twin, in lockstep with the world.

Its processor runs beside the world (`World.companion`): never past the world's next event, and not further
than to the end of the next line that it sends, so each of its actions happens in the world at its own cycle.
Bytes of the DUT reach its pin as bit levels at the DUT's baud rate; the levels that it sends to the DUT are
decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from drivers.emulated.avr import MHZ, AvrRunner
from drivers.emulated.images import image
from drivers.virtual.twin import TwinSite
from drivers.virtual.wire import Wire
from drivers.virtual.world import NS, World
from energy.errors import UsageError

_TOOLS = ("avr-gcc", "gcc")
_LONGEST = 512
"""Number of bytes without the end of a command after which they go to the DUT unchanged."""


class CycleTime:
    """Conversion of world time to cycles of a processor.

    Args:
        ppm: By how much its clock runs fast.
    """

    def __init__(self, ppm: float) -> None:
        self._up, self._down = MHZ * (1_000_000_000 + round(ppm * 1000)), 1_000_000_000 * (NS // 1_000_000)

    def cycles(self, time_ns: int) -> int:
        """The last cycle that has begun at this time."""
        return time_ns * self._up // self._down

    def time_ns(self, cycle: int) -> int:
        """Start of a cycle, rounded up."""
        return -(-cycle * self._down // self._up)


class _PinWire(Wire):
    """The wire from the DUT, as levels on the processor's pin, where bytes take their time."""

    def __init__(self, world: World, wire: Wire, lose: Callable[[], None]) -> None:
        super().__init__(world, None, wire.deliver)
        self._lose = lose

    def cut(self) -> None:
        """Discards the bytes on the pin: the DUT has lost its power."""
        super().cut()
        self._lose()


class EmulatedUno:
    """The IO manager in simavr.

    It has no boot loader: opening the port resets it, and the firmware runs at once.

    Args:
        site: Where it is put; the DUT is behind it.
        ppm: By how much its resonator runs fast.
        timestamp_wire: Whether the DUT's pin is wired to D3.
        firmware: Build folder with the images; None: they are built when needed.

    Attributes:
        runner: The processor.
    """

    def __init__(
        self,
        site: TwinSite,
        *,
        ppm: float = 0.0,
        timestamp_wire: bool = True,
        firmware: str | None = None,
    ) -> None:
        self._world, self._dut = site.world, site.dut
        if self._world.companion is not None:
            raise UsageError(
                "virtual.settings",
                "this world has an emulated IO manager already, and only one is possible",
                "Make another bench for it.",
            )
        runner = image("emulators/avr-runner", _TOOLS, firmware)
        self.runner = AvrRunner(runner, image("io_manager/io_manager.elf", _TOOLS, firmware))
        self._world.closing.append(self.runner.close)
        self._time = CycleTime(ppm)
        self._port = port = site.serial_port()
        self.url = port.url
        port.on_bytes = lambda data: self.runner.host_bytes(self._cycle(), data)
        port.on_open = lambda: self.runner.reset(self._cycle())
        self._command = bytearray()
        self._first_ns = 0
        self._dut_baud = 0
        self._dut.peer_baud = lambda: None  # levels show by themselves the effect of another rate
        self._dut.tx = _PinWire(self._world, self._dut.tx, self._dut_is_dead)
        self._dut.listener = self._from_dut
        if timestamp_wire:
            self._dut.pin.watchers.append(self._edge)
        self._world.companion = self

    def catch_up(self, until_ns: int) -> None:
        """Runs the processor beside the world."""
        until = self._time.cycles(until_ns)
        if until <= self.runner.cycle:
            return
        if self._dut.baud != self._dut_baud:
            self._dut_baud = self._dut.baud
            self.runner.dut_baud(self._dut_baud)
        for sent in self.runner.run(until):
            at_ns = self._time.time_ns(sent.last)
            if sent.wire == "host":
                self._world.at(at_ns, partial(self._port.write, sent.data))
            else:
                self._world.at(at_ns, partial(self._to_dut, sent.data, self._time.time_ns(sent.first)))

    def _to_dut(self, data: bytes, first_ns: int) -> None:
        """Passes a command to the DUT when it is complete, as on every wire of this bench."""
        if not self._command:
            self._first_ns = first_ns
            self._dut.rx.begin()
        self._command += data
        if self._command.endswith(b"%") or len(self._command) > _LONGEST:
            whole, self._command = bytes(self._command), bytearray()
            self._dut.rx.deliver(whole, self._first_ns)

    def _from_dut(self, data: bytes, start_ns: int, each_ns: int) -> None:
        self.runner.dut_bytes(self._cycle(), self._dut.baud, data)

    def _dut_is_dead(self) -> None:
        self._command.clear()
        self.runner.cut(self._cycle())

    def _cycle(self) -> int:
        return max(self._time.cycles(self._world.now_ns), self.runner.cycle)

    def _edge(self, width_ns: int) -> None:
        if self._dut.pin.inverted:  # it was high, and falls now
            self.runner.timestamp_pin(self._cycle(), True)
            self.runner.timestamp_pin(self._cycle() + MHZ, False)
            return
        self.runner.timestamp_pin(self._cycle(), False)
        self._world.after(width_ns, lambda: self.runner.timestamp_pin(self._cycle(), True))
