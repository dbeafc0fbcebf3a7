"""Twin of MLCommons' interface board, an STM32H573I-DK, with the DUT behind it (protocols.md 2.2).

Its sources (IFB: IO/Uart.cpp, Test/DeviceUnderTest.cpp, CLI/Menu.cpp) answer questions that the table there
leaves open: it reads the DUT only during a ``dut`` command; at other times the DUT's bytes wait in a queue of
100 bytes, and the rest is lost. So boot messages come with the answer to the next command, and end it.
"""

from __future__ import annotations

from drivers.unverified import Unverified
from drivers.virtual.twin import TwinSite
from drivers.virtual.wire import Wire
from drivers.virtual.world import nanoseconds

HOST_BAUD = 115200
DUT_BAUD = 9600
NAME = "tinyML Enhanced Interface Board"
QUEUE_BYTES = 100
"""Bytes that wait on either UART while the board does not read it (IFB: IO/Uart.cpp)."""

_COMMANDS = (
    "dut",
    "name",
    "ls",
    "play",
    "setbaud",
    "checkbaud",
    "record_detections",
    "print_detections",
    "print_dutycycle",
)
"""Commands in the order of the menu: the first that is a prefix wins (protocols.md 2.2)."""

_PER_LINE = 8


UNVERIFIED = (
    Unverified("InterfaceBoardTwin", "Without a card it sends nothing."),
    Unverified(
        "InterfaceBoardTwin", "Duration of the reset after `setbaud`, and the text that it sends then."
    ),
    Unverified("InterfaceBoardTwin", "How its answer continues to a file that is missing."),
    Unverified("InterfaceBoardTwin", "`setbaud` without a number does nothing (std::stoi throws)."),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class InterfaceBoardTwin:
    """The interface board.

    Args:
        site: Where the twin is put; the DUT is behind it.
        ppm: Not used: other IO managers have it, but this one does not time edges.
        dut_baud: Baud rate in its flash.

    Attributes:
        dut_baud: Baud rate of its UART towards the DUT.
        flash_writes: Number of writes to its flash by ``setbaud``.
        files: Files on its card: names, and how long they play in s; None without a card: then it sends
            nothing (a card must be there, protocols.md 2.2).
        lost_names: Number of ``name`` commands that it will not answer, as the first one in published logs.
        reset_s: Duration of the reset after ``setbaud``.
        boot_text: The text that it sends after a reset.
        detections_ms: Times in the answer to ``print_detections``.
        duty_start: Times in the answer to ``print_dutycycle``, in ticks of 10 us; likewise ``duty_stop``.
    """

    def __init__(self, site: TwinSite, *, ppm: float = 0.0, dut_baud: int = DUT_BAUD) -> None:
        world, dut = site.world, site.dut
        port = site.serial_port()
        self.url = port.url
        self.dut_baud = dut_baud
        self.flash_writes = 0
        self.files: dict[str, float] | None = {"long_wav.wav": 2.0}
        self.lost_names = 0
        self.reset_s = 1.0
        self.boot_text = b""
        self.detections_ms: list[int] = []
        self.duty_start: list[int] = []
        self.duty_stop: list[int] = []
        self._world, self._port, self._dut = world, port, dut
        host_baud = HOST_BAUD if site.baud_model else None
        self._from_host = Wire(world, host_baud, self._received, split=b"%")
        self._to_host = Wire(world, host_baud, lambda data, start: port.write(data))
        port.on_bytes = lambda data: self._take(data)
        dut.listener = lambda data, start, each: self._dut_bytes(data)
        dut.peer_baud = lambda: self.dut_baud
        self._ready_ns = 0
        self._life = 0
        self._restart()

    @property
    def relaying(self) -> bool:
        """Whether a ``dut`` command runs: until the DUT's ``m-ready`` the board reads no other command."""
        return self._relaying

    def _restart(self) -> None:
        self._input = bytearray()
        self._unread = bytearray()
        self._line = bytearray()
        self._relaying = self._busy = False

    def _away(self) -> bool:
        return self._world.now_ns < self._ready_ns or self.files is None

    # From the host

    def _take(self, data: bytes) -> None:
        self._from_host.send(data)

    def _received(self, data: bytes, start_ns: int) -> None:
        if self._away() or self._port.baud not in (None, HOST_BAUD):
            return
        if self._relaying or self._busy:
            data = data[: max(QUEUE_BYTES - len(self._input), 0)]
        self._input += data
        self._work()

    def _work(self) -> None:
        while b"%" in self._input and not (self._relaying or self._busy):
            command, _, self._input = self._input.partition(b"%")
            self._command(command.decode("latin-1"))

    def _write(self, text: str) -> None:
        self._to_host.send(text.encode("latin-1"))

    def _command(self, text: str) -> None:
        name = next((name for name in _COMMANDS if text.startswith(name)), None)
        if name is None:
            self._write("m-ready\r\n")  # unknown or empty: not an error
            return
        rest = text[len(name) :]
        if rest and not (rest.startswith(" ") and len(rest) > 1):
            return  # accepted silently (protocols.md 2.2)
        argument = rest[1:]
        if name == "dut":
            self._forward(argument)
        elif name == "name":
            if self.lost_names:
                self.lost_names -= 1
                return
            self._write(f"{NAME}\r\nm-ready\r\n")
        elif name == "ls":
            self._write("".join(f"{file}\r\n" for file in self.files or ()) + "m-ready\r\n")
        elif name == "play":
            self._play(argument)
        elif name == "setbaud":
            self._set_baud(argument)
        elif name == "checkbaud":
            self._write(f"baud is: {self.dut_baud}\nm-ready\r\n")
        elif name == "record_detections":
            self.detections_ms, self.duty_start, self.duty_stop = [], [], []
            self._write("Now recording detections\r\nm-ready\r\n")
        elif name == "print_detections":
            numbers = "".join(f"{number},\r\n" for number in self.detections_ms)
            self._write(f"Detection Timestamps (ms)\r\n{numbers}m-ready\r\n")
        else:
            self._write(
                f"Duty cycle start times (s)\r\n{_rows(self.duty_start)}\r\n"
                f"Duty cycle stop times (s)\r\n{_rows(self.duty_stop)}m-ready\r\n"
            )

    def _play(self, file: str) -> None:
        self._write(f"Attempting to play {file}\r\n")
        if self.files is None or file not in self.files:
            self._write(f"Error playing file {file}\r\nm-ready\r\n")
            return
        self._busy = True
        life = self._life

        def played() -> None:
            if life == self._life:
                self._write("succeeded.\r\nm-ready\r\n")
                self._busy = False
                self._work()

        self._world.after(nanoseconds(self.files[file]), played)

    def _set_baud(self, argument: str) -> None:
        if not argument.isdecimal():
            return
        self.flash_writes += 1
        self._write(f"set baud to: {argument}\nm-ready\r\n")
        self._busy = True
        drained = self._to_host.send(b"")

        def back() -> None:
            self._to_host.send(self.boot_text)

        def reset() -> None:
            self._life += 1
            self._restart()
            self.dut_baud = int(argument)
            self._ready_ns = self._world.now_ns + nanoseconds(self.reset_s)
            self._world.at(self._ready_ns, back)

        self._world.at(drained, reset)

    # To and from the DUT

    def _forward(self, command: str) -> None:
        self._write(f"m-dut-passthrough({command})\r\nm-ready\r\n")
        self._relaying = True
        self._dut.rx.send(command.encode("latin-1") + b"%")
        unread, self._unread = bytes(self._unread), bytearray()
        self._dut_bytes(unread)

    def _dut_bytes(self, data: bytes) -> None:
        if self._away():
            return
        if not self._relaying:
            self._unread += data[: max(QUEUE_BYTES - len(self._unread), 0)]
            return
        self._line += data
        while self._relaying and b"\r\n" in self._line:
            line, _, self._line = self._line.partition(b"\r\n")
            self._to_host.send(b"[dut]: " + line + b"\r\n")
            if bytes(line) == b"m-ready":
                self._relaying = False
                rest, self._line = bytes(self._line), bytearray()
                self._dut_bytes(rest)
                self._work()


def _rows(numbers: list[int]) -> str:
    """Eight numbers on each line; an incomplete last line has no end, and the next text is joined to it."""
    return "".join(
        f"{number}, " + ("\r\n" if index % _PER_LINE == 0 else "") for index, number in enumerate(numbers, 1)
    )
