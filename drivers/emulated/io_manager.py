"""The IO manager's real binary in simavr, in place of a twin, in lockstep with the world.

Its processor runs beside the world (`World.companion`): never past the world's next event, and no further
than to the end of the next line that it sends, so whatever it does happens in the world at its own cycle.
Bytes of the DUT reach its pin as bit levels at the DUT's baud rate; what it sends to the DUT is decoded from
levels.
"""

from __future__ import annotations

from drivers.emulated.avr import MHZ, AvrRunner
from drivers.emulated.images import image
from drivers.virtual.twin import TwinSite
from drivers.virtual.world import NS

_TOOLS = ("avr-gcc", "gcc")


class CycleTime:
    """World time in cycles of a processor.

    Args:
        ppm: By how much its clock runs fast.
    """

    def __init__(self, ppm: float) -> None:
        self._up, self._down = MHZ * (1_000_000_000 + round(ppm * 1000)), 1_000_000_000 * (NS // 1_000_000)

    def cycles(self, time_ns: int) -> int:
        """The last cycle that has begun at this time."""
        return time_ns * self._up // self._down

    def time_ns(self, cycle: int) -> int:
        """When this cycle has begun, rounded up."""
        return -(-cycle * self._down // self._up)


class EmulatedUno:
    """The IO manager in simavr.

    It has no boot loader: opening the port resets it, and the firmware runs at once.

    Args:
        site: Where it is put; the DUT is behind it.
        ppm: By how much its resonator runs fast.
        timestamp_wire: Whether the DUT's pin is wired to D3.

    Attributes:
        runner: The processor.
    """

    def __init__(self, site: TwinSite, *, ppm: float = 0.0, timestamp_wire: bool = True) -> None:
        self._world, self._dut = site.world, site.dut
        runner = image("emulators/avr-runner", _TOOLS)
        firmware = image("io_manager/io_manager.elf", _TOOLS)
        self.runner = AvrRunner(runner, firmware)
        self._world.closing.append(self.runner.close)
        self._time = CycleTime(ppm)
        self._port = port = site.serial_port()
        self.url = port.url
        port.on_bytes = lambda data: self.runner.host_bytes(self._cycle(), data)
        port.on_open = lambda: self.runner.reset(self._cycle())
        self._dut.peer_baud = lambda: None  # bit levels show by themselves what another rate makes of them
        self._dut.tx.byte_ns = 0  # the bytes' time passes on the emulated pin
        self._dut.listener = lambda data, start, each: self.runner.dut_bytes(
            self._cycle(), self._dut.baud, data
        )
        self.runner.dut_baud(self._dut.baud)
        if timestamp_wire:
            self._dut.pin.watchers.append(self._edge)
        assert self._world.companion is None  # a bench has one IO manager
        self._world.companion = self

    def catch_up(self, until_ns: int) -> None:
        """Lets the processor run beside the world."""
        until = self._time.cycles(until_ns)
        if until <= self.runner.cycle:
            return
        for sent in self.runner.run(until):
            at_ns = self._time.time_ns(sent.last)
            if sent.wire == "host":
                self._world.at(at_ns, lambda data=sent.data: self._port.write(data))
            else:
                first_ns = self._time.time_ns(sent.first)
                self._world.at(
                    at_ns, lambda data=sent.data, first=first_ns: self._dut.rx.deliver(data, first)
                )

    def _cycle(self) -> int:
        return max(self._time.cycles(self._world.now_ns), self.runner.cycle)

    def _from_dut(self, data: bytes, start_ns: int, each_ns: int) -> None:
        self.runner.dut_bytes(self._cycle(), self._dut.baud, data)

    def _edge(self, width_ns: int) -> None:
        self.runner.timestamp_pin(self._cycle(), False)
        self._world.after(width_ns, lambda: self.runner.timestamp_pin(self._cycle(), True))
