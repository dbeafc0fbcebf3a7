"""Twin of the EEMBC IO manager, firmware 1.0.3 on an Arduino Uno, with the DUT behind it (protocols.md 2.1).

The transcripts of protocols.md 2.1 are observed. The Uno
forwards a command first and answers it afterwards: in the published logs the DUT's first line follows
``m-ready`` after the time of one line at 9600 baud, not of two. While it forwards, it receives nothing from
the DUT (half-duplex).
"""

from __future__ import annotations

from collections import deque

from drivers.unverified import Unverified
from drivers.virtual.twin import TwinSite
from drivers.virtual.wire import Wire, byte_ns
from drivers.virtual.world import nanoseconds

HOST_BAUD = 115200
DUT_BAUD = 9600

RESET_S = 1.7
"""Time from the opening of the port (DTR) to the start of the firmware: the boot loader's time."""

WRAP = 2**32
"""Value at which ``micros()`` wraps (2.1)."""

LAP_US = 4
"""Step of ``micros()`` on a 16 MHz AVR (2.1)."""

_HELP = (
    "help",
    "name",
    "res               Reset polarity 0*,1",
    "enable-timer      Enable timer ISR",
    "disable-timer     Disable ISR",
    "dut               DUT passthrough",
    "i2c-enable        N : Enable I2C slave-mode to send N bytes (mod16)",
    "i2c-disable       Disable above",
    "load-vdata        Load 16 random bytes into vdata",
    "show-vdata        Show vdata",
    "et                Start Emon",
    "tm                0=fall/1*=change",
    "tp                [res]",
    "version           firmware version",
)


UNVERIFIED = (
    Unverified(
        "RESET_S",
        "Time from the opening of the port (DTR) to the start of the firmware: the boot loader's time.",
    ),
    Unverified("UnoTwin", "The rate of a real ceramic resonator is off by up to 0.5 %."),
    Unverified(
        "UnoTwin",
        "The word `CHANGE` in the answer to `tm 1`; the answers to `name`, `version` and unknown commands.",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class UnoTwin:
    """An Uno with EEMBC's IO manager firmware.

    Args:
        site: Where the twin is put; the DUT is behind it.
        ppm: By how much its ceramic resonator runs fast (of order 0.5 % on real ones).
        timestamp_wire: Whether the DUT's pin is wired to D3.
    """

    def __init__(
        self,
        site: TwinSite,
        *,
        ppm: float = 0.0,
        timestamp_wire: bool = True,
    ) -> None:
        world, dut, baud_model = site.world, site.dut, site.baud_model
        port = site.serial_port()
        self.url = port.url
        self._world, self._port, self._dut = world, port, dut
        self._ppm = ppm
        host_baud = HOST_BAUD if baud_model else None
        self._from_host = Wire(world, host_baud, self._received, split=b"%")
        self._to_host = Wire(world, host_baud, lambda data, start: port.write(data))
        self._forward_byte_ns = byte_ns(DUT_BAUD if baud_model else None)
        dut.listener = self._dut_bytes
        dut.peer_baud = lambda: DUT_BAUD
        port.on_bytes = self._bytes
        port.on_open = self._reset
        if timestamp_wire:
            dut.pin.watchers.append(self._edge)
        self._ready_ns = self._boot_ns = 0
        self._restart()

    def clock_us(self) -> int:
        """The value of its ``micros()``."""
        elapsed = (self._world.now_ns - self._boot_ns) / 1000 * (1 + self._ppm * 1e-6)
        return int(elapsed) // LAP_US * LAP_US % WRAP

    def hasten(self, ppm: float) -> None:
        """Its resonator becomes faster by so many millionths; ``micros()`` does not jump."""
        elapsed = (self._world.now_ns - self._boot_ns) * (1 + self._ppm * 1e-6)
        self._ppm += ppm
        self._boot_ns = self._world.now_ns - round(elapsed / (1 + self._ppm * 1e-6))

    def _reset(self) -> None:
        """Opens the port, which pulls DTR and so resets the Uno."""
        self._from_host.cut()
        self._to_host.cut()
        self._restart()
        self._ready_ns = self._boot_ns = self._world.now_ns + nanoseconds(RESET_S)

    def _restart(self) -> None:
        self._buffer = bytearray()
        self._dut_line = bytearray()
        self._queue: deque[str] = deque()
        self._forwarding: deque[tuple[int, int]] = deque(maxlen=8)
        self._busy = False
        self._timer = False
        self._falling_only = False

    def _bytes(self, data: bytes) -> None:
        if self._world.now_ns >= self._ready_ns:  # the boot loader consumes earlier bytes
            self._from_host.send(data)

    def _received(self, data: bytes, start_ns: int) -> None:
        if self._port.baud not in (None, HOST_BAUD):
            return
        self._buffer += data
        while b"%" in self._buffer:
            command, _, self._buffer = self._buffer.partition(b"%")
            text = command.decode("latin-1")
            if self._busy:
                self._queue.append(text)
            else:
                self._command(text)

    def _write(self, *lines: str) -> None:
        """Sends lines in one piece, as its USB bridge does."""
        self._to_host.send("".join(f"{line}\r\n" for line in lines).encode("latin-1"))

    def _command(self, text: str) -> None:
        name, _, argument = text.partition(" ")
        if name == "dut":
            self._forward(argument)
            return
        if name == "tm":
            self._timer = False
            self._falling_only = argument.strip() == "0"
            word = "FALLING" if self._falling_only else "CHANGE"
            self._write(f"m-timestmp-mode-{word}", "m-[Timer disabled after mode change]")
        elif name in ("enable-timer", "disable-timer"):
            self._timer = name == "enable-timer"
            self._write("m-timer-enabled" if self._timer else "m-timer-disabled")
        elif name == "name":
            self._write("m-name-io-manager-[eembc]")
        elif name == "version":
            self._write("m-version-[1.0.3]")  # the number of the firmware's file
        elif name == "help":
            self._write(*_HELP)
        elif name not in ("res", "tp", "et", "i2c-enable", "i2c-disable", "load-vdata", "show-vdata"):
            self._write(f"e-[Unknown command: {name}]")
        self._write("m-ready")

    def _forward(self, command: str) -> None:
        data = command.encode("latin-1") + b"%"
        start = self._world.now_ns
        end = start + len(data) * self._forward_byte_ns
        self._busy = True
        self._forwarding.append((start, end))

        def answer() -> None:
            self._write(f"m-dut-passthrough({command})", "m-ready")
            self._busy = False
            while self._queue and not self._busy:
                self._command(self._queue.popleft())

        if end > start:
            self._world.at(end, answer)  # planned before the DUT's own event at the same time
            self._dut.rx.send(data)
        else:
            answer()
            self._dut.rx.send(data)

    def _dut_bytes(self, data: bytes, start_ns: int, each_ns: int) -> None:
        """Relays whole lines; bytes that arrive while it forwards, or still boots, are lost."""
        if self._world.now_ns < self._ready_ns:
            return
        if each_ns:
            data = (
                bytes(
                    byte
                    for k, byte in enumerate(data)
                    if not any(begin < start_ns + (k + 1) * each_ns <= end for begin, end in self._forwarding)
                )
                if self._overlaps(start_ns, start_ns + len(data) * each_ns)
                else data
            )
        self._dut_line += data
        while b"\n" in self._dut_line:
            line, _, self._dut_line = self._dut_line.partition(b"\n")
            self._to_host.send(b"[dut]: " + line.rstrip(b"\r") + b"\r\n")

    def _overlaps(self, start_ns: int, stop_ns: int) -> bool:
        return any(begin < stop_ns and start_ns < end for begin, end in self._forwarding)

    def _edge(self, width_ns: int) -> None:
        # INT1 latches pulses of a clock cycle, so a pulse that is too short for other inputs counts here,
        # too.
        if not self._timer:
            return
        self._lap()
        if not self._falling_only:
            self._world.after(width_ns, self._lap)

    def _lap(self) -> None:
        if self._timer:
            self._write(f"m-lap-us-{self.clock_us()}")
