"""The DUT's real firmware while it runs: bytes in, actions out, each with its time on the DUT's clock.

Its port writes each event as a record on a second wire (firmware/dut/README.md, "Trace"): kind, argument, and
the DUT's own clock. That clock stands still while the firmware is idle, so a command is an exchange: bytes go
in, the firmware runs as fast as the machine can, and is idle again. The world replays the events.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from energy.errors import BenchError

RECORD = struct.Struct("<cBQ")
"""Kind, argument, ticks (firmware/dut/ports/port.h)."""

_PATIENCE_S = 600.0
"""Longest real time without an event. Inferences have none, and a busy machine may need minutes."""

_PIECE = 128
"""Number of bytes in a piece: not more than the firmware can count before it is idle (255)."""

_WARDEN = (
    "import os, subprocess, sys\n"
    "fds = [int(fd) for fd in sys.argv[1].split(',')]\n"
    "try:\n"
    "    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, pass_fds=fds)\n"
    "except OSError as error:\n"
    "    sys.exit(str(error))\n"
    "[os.close(fd) for fd in fds]\n"
    "sys.stdin.buffer.read()\n"
    "child.kill()\n"
    "child.wait()\n"
)
"""Ends an emulator when the program that started it has ended for any reason: its standard input closes."""


@dataclass(frozen=True, slots=True)
class Event:
    """An action of the firmware.

    Attributes:
        kind: ``L`` or ``H`` timestamp pin, ``P`` a phase begins, ``T`` text was written, ``I`` idle, ``W``
            woken.
        argument: Phase, or number of bytes that were written, or read since it was last idle.
        ticks: Time on the DUT's own clock.
        text: Text that was written.
    """

    kind: str
    argument: int
    ticks: int
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class _End:
    """Our end of a wire, and the bytes that have arrived there."""

    wire: socket.socket
    received: bytearray


class Guest:
    """A running firmware.

    Args:
        command: Makes the command that starts it, from the file descriptors of its UART and of its trace.
        tick_hz: Ticks per second of its clock.
        name: Its name, for errors.

    Raises (all methods):
        BenchError: ``emulator.gone`` if it has ended, ``emulator.stuck`` if it is never idle.
    """

    def __init__(self, command: Callable[[int, int], list[str]], tick_hz: int, name: str) -> None:
        self.tick_hz = tick_hz
        self._name = name
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # closed with it
        self._uart, uart = socket.socketpair()
        self._trace, trace = socket.socketpair()
        fds = (uart.fileno(), trace.fileno())
        warden = [sys.executable, "-I", "-S", "-c", _WARDEN, f"{fds[0]},{fds[1]}", *command(*fds)]
        with uart, trace:
            self._process = subprocess.Popen(
                warden,
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._output,
                pass_fds=fds,
                start_new_session=True,  # a Ctrl-C in the terminal is for the host
            )
        self._selector = selectors.DefaultSelector()
        self._text, self._records = bytearray(), bytearray()
        for end in (_End(self._uart, self._text), _End(self._trace, self._records)):
            self._selector.register(end.wire, selectors.EVENT_READ, end)

    def exchange(self, data: bytes) -> list[Event]:
        """Sends bytes (none: it boots); returns its actions until it was idle and had read all of them."""
        events: list[Event] = []
        for first in range(0, max(len(data), 1), _PIECE):
            piece = data[first : first + _PIECE]
            try:
                self._uart.sendall(piece)
            except OSError as error:
                raise self._gone() from error
            events += self._until_idle(len(piece))
        return events

    def close(self) -> None:
        """Ends it. May be called again."""
        self._selector.close()
        self._uart.close()
        self._trace.close()
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()
        self._output.close()

    def _until_idle(self, given: int) -> list[Event]:
        events: list[Event] = []
        while True:
            while len(self._records) >= RECORD.size:
                letter, argument, ticks = RECORD.unpack_from(self._records)
                del self._records[: RECORD.size]
                kind = letter.decode("latin-1")
                text = self._take_text(argument) if kind == "T" else b""
                events.append(Event(kind, argument, ticks, text))
                given -= argument if kind == "I" else 0
                if kind == "I" and given <= 0:
                    return events
            self._read()

    def _take_text(self, count: int) -> bytes:
        while len(self._text) < count:
            self._read()
        text = bytes(self._text[:count])
        del self._text[:count]
        return text

    def _read(self) -> None:
        ready = self._selector.select(_PATIENCE_S)
        if not ready:
            raise BenchError(
                "emulator.stuck",
                f"{self._name} has written no event for {_PATIENCE_S:g} s",
                "Its firmware hangs, or the machine is very busy.",
            )
        for key, _ in ready:
            end: _End = key.data
            try:
                data = end.wire.recv(65536)
            except OSError:
                data = b""
            if not data:
                raise self._gone()
            end.received.extend(data)

    def _gone(self) -> BenchError:
        self._output.seek(0)
        output = self._output.read().decode("utf-8", "replace").strip()[-500:]
        return BenchError(
            "emulator.gone",
            f"{self._name} has ended" + (f": {output}" if output else ""),
            "Did its firmware crash? `make -C firmware test` runs its own tests.",
        )


def qemu(program: str, image: Path, shift: int) -> Guest:
    """The firmware on QEMU's mps2-an386, whose virtual time is 2**shift ns for each instruction."""

    def command(uart: int, trace: int) -> list[str]:
        machine = [program, "-M", "mps2-an386", "-kernel", str(image), "-icount", f"shift={shift},sleep=off"]
        machine += ["-display", "none", "-monitor", "none", "-nodefaults"]
        for name, fd in (("uart", uart), ("trace", trace)):
            machine += ["-chardev", f"socket,id={name},fd={fd}", "-serial", f"chardev:{name}"]
        return machine

    return Guest(command, 25_000_000, f"QEMU with {image.name}")


def process(image: Path, scale: float) -> Guest:
    """The firmware as a process of this machine; its clock is its processor time, times ``scale``."""

    def command(uart: int, trace: int) -> list[str]:
        return [str(image), "--uart-fd", str(uart), "--trace-fd", str(trace), "--scale", f"{scale:g}"]

    return Guest(command, 1_000_000_000, image.name)
