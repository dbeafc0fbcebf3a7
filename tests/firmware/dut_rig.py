"""A DUT's real binary, driven over its real interfaces, with what its trace tells.

`PtyRig` runs the native build on a pseudo-terminal of its own and speaks to it through pyserial;
`PosixTracedRig` and `QemuRig` add the trace. All are context managers that end their process in any case.
"""

from __future__ import annotations

import contextlib
import selectors
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import serial

from tests.firmware.support import make, needs

RECORD = struct.Struct("<cBQ")
"""A trace record: kind, argument, ticks (firmware/dut/ports/common/trace.h)."""

ICOUNT = "shift=4,sleep=off"

DB_BYTES = 31
"""Bytes in a ``db`` command (protocols.md 1.6)."""

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Event:
    """A trace record; ``ticks`` in units of the rig's `tick_hz`."""

    kind: str
    argument: int
    ticks: int


class Rig(ABC):
    """A running DUT."""

    def __init__(self) -> None:
        self._exit = contextlib.ExitStack()
        try:
            self.start(self._exit)
        except BaseException:
            self._exit.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    @abstractmethod
    def start(self, stack: contextlib.ExitStack) -> None:
        """Starts it; the stack ends what it started."""

    @abstractmethod
    def boot(self) -> list[str]:
        """Its lines up to the first ``m-ready``."""

    @abstractmethod
    def ask(self, command: str) -> list[str]:
        """Sends a command and returns the lines of its answer, CR LF taken off."""

    def launch(self, stack: contextlib.ExitStack, arguments: list[str], **options: Any) -> None:
        """Starts its process."""
        process = subprocess.Popen[bytes](arguments, stdin=subprocess.DEVNULL, **options)
        self.process = process

        def end() -> None:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

        stack.callback(end)

    def load(self, data: bytes) -> None:
        """Downloads an input."""
        assert self.ask(f"db load {len(data)}") == [f"m-[Expecting {len(data)} bytes]", "m-ready"]
        for first in range(0, len(data), DB_BYTES):
            answer = self.ask("db " + data[first : first + DB_BYTES].hex())
            done = ["m-load-done"] if first + DB_BYTES >= len(data) else []
            assert answer == [*done, "m-ready"]

    def output(self) -> bytes:
        """The raw output tensor."""
        lines = self.ask("output")
        assert lines.pop() == "m-ready"
        return b"".join(bytes.fromhex(line.removeprefix("m-output").replace("-", "")) for line in lines)


def lines_of(text: bytes) -> list[str]:
    """Whole lines of printable ASCII, CR LF taken off."""
    lines = text.split(b"\r\n")
    assert lines.pop() == b"", f"unfinished: {text[-80:]!r}"
    assert all(line.decode("ascii").isprintable() for line in lines)
    return [line.decode("ascii") for line in lines]


class PtyRig(Rig):
    """The posix build, which opens its own pseudo-terminal, through pyserial.

    Attributes:
        url: The pseudo-terminal's path.
        port: The host's end.
    """

    def __init__(self, program: Path, *arguments: str) -> None:
        self._command = [str(program), *arguments]
        super().__init__()

    def start(self, stack: contextlib.ExitStack) -> None:
        """Starts it and opens its port."""
        self.launch(stack, self._command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()
        self.port = stack.enter_context(serial.Serial(self.url, 115200, timeout=TIMEOUT_S))

    def boot(self) -> list[str]:
        """Asks by ``name``: pyserial drops what came before it had the port open."""
        return self.ask("name")

    def ask(self, command: str) -> list[str]:
        """A command and its answer, up to ``m-ready``."""
        self.port.write(command.encode("latin-1") + b"%")
        return lines_of(self.port.read_until(b"m-ready\r\n"))


class TracedRig(Rig):
    """A running DUT with UART and trace on sockets.

    Attributes:
        tick_hz: Ticks per second of its trace.
        text: What it has sent and no call has returned yet.
        events: Its trace so far.
    """

    tick_hz: int
    uart: socket.socket
    trace: socket.socket

    def __init__(self) -> None:
        self.text = b""
        self.events: list[Event] = []
        self._records = b""
        self._seen = self._taken = self._told = 0
        super().__init__()
        self._selector = self._exit.enter_context(selectors.DefaultSelector())
        self._selector.register(self.uart, selectors.EVENT_READ)
        self._selector.register(self.trace, selectors.EVENT_READ)

    def pump(self, timeout_s: float) -> bool:
        """Takes what has come; waits for something at most so long. False if nothing came."""
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            end = self.uart if key.fileobj is self.uart else self.trace
            data = end.recv(65536)
            if not data:
                raise EOFError(f"the DUT has ended after {self.text!r}")
            if end is self.uart:
                self.text += data
            else:
                self._records += data
        whole = len(self._records) // RECORD.size * RECORD.size
        for kind, argument, ticks in RECORD.iter_unpack(self._records[:whole]):
            self.events.append(Event(kind.decode("ascii"), argument, ticks))
            self._taken += argument if kind == b"I" else 0
            self._told += argument if kind == b"T" else 0
        self._records = self._records[whole:]
        return bool(ready)

    def send(self, data: bytes) -> None:
        """Sends bytes to its UART."""
        self.uart.sendall(data)

    def settle(self, taken: int, timeout_s: float = TIMEOUT_S) -> None:
        """Waits until it is idle and has taken so many bytes since it last settled.

        The trace tells them modulo 256: with more of them it must also stay idle for a moment.
        """
        end = time.monotonic() + timeout_s
        while True:
            idle = len(self.events) > self._seen and self.events[-1].kind == "I"
            if idle and (self._taken - taken) % 256 == 0 and not (taken > 255 and self.pump(0.1)):
                break
            if time.monotonic() > end:
                raise TimeoutError(f"not idle: {self.text!r}, {self.events[-5:]}")
            self.pump(0.5)
        self._seen, self._taken = len(self.events), 0
        while len(self.text) < self._told:
            self.pump(0.5)

    def boot(self) -> list[str]:
        """Waits until it is idle for the first time."""
        self.settle(0)
        return self.take_lines()

    def ask(self, command: str) -> list[str]:
        """A command, and all lines until it is idle."""
        data = command.encode("latin-1") + b"%"
        self.send(data)
        self.settle(len(data))
        return self.take_lines()

    def take_lines(self) -> list[str]:
        """The lines that have come and were not returned yet."""
        text, self.text = self.text, b""
        self._told -= len(text)
        return lines_of(text)

    def forget(self) -> None:
        """Forgets trace and text so far; it must be idle."""
        self.text = b""
        self.events.clear()
        self._seen = self._taken = self._told = 0

    def cpu_s(self) -> float:
        """Processor time that its process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


class PosixTracedRig(TracedRig):
    """The posix build with UART and trace on socket pairs."""

    tick_hz = 1_000_000_000

    def __init__(self, program: Path, *arguments: str) -> None:
        self._command = [str(program), *arguments]
        super().__init__()

    def start(self, stack: contextlib.ExitStack) -> None:
        """Starts it with one end of each pair."""
        self.uart, far_uart = socket.socketpair()
        self.trace, far_trace = socket.socketpair()
        for end in (self.uart, self.trace):
            stack.enter_context(end)
        with far_uart, far_trace:
            far = (far_uart.fileno(), far_trace.fileno())
            options = ["--uart-fd", str(far[0]), "--trace-fd", str(far[1])]
            self.launch(stack, [*self._command, *options], pass_fds=far)


class QemuRig(TracedRig):
    """The QEMU build, both UARTs on unix sockets.

    Args:
        image: The ELF file.
        icount: QEMU's option of this name.
    """

    tick_hz = 25_000_000

    def __init__(self, image: Path, icount: str = ICOUNT) -> None:
        self._image, self._icount = image, icount
        super().__init__()

    def start(self, stack: contextlib.ExitStack) -> None:
        """Starts QEMU and waits until it has connected."""
        self.folder = Path(tempfile.mkdtemp(prefix="jb-"))  # a socket's path has room for 107 characters
        stack.callback(shutil.rmtree, self.folder)
        listeners: list[socket.socket] = []
        serials: list[str] = []
        for name in ("uart", "trace", "monitor"):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(self.folder / name))
            listener.listen(1)
            listener.settimeout(TIMEOUT_S)
            listeners.append(listener)
            role = "-mon" if name == "monitor" else "-serial"
            serials += ["-chardev", f"socket,id={name},path={self.folder / name}"]
            serials += [role, name if role == "-mon" else f"chardev:{name}"]
        machine = ["-M", "mps2-an386", "-kernel", str(self._image), "-display", "none"]
        self.launch(
            stack,
            ["qemu-system-arm", *machine, "-icount", self._icount, *serials],
            stderr=subprocess.DEVNULL,  # it warns whenever no timer runs, which is meant
        )
        accepted = [listener.accept()[0] for listener in listeners]
        self.uart, self.trace, self.monitor = (stack.enter_context(end) for end in accepted)

    def memory(self, address: int, count: int) -> bytes:
        """Reads the machine's memory through QEMU's monitor."""
        path = self.folder / "memory"
        self.monitor.settimeout(TIMEOUT_S)
        self._prompt()
        self.monitor.sendall(f'memsave {address:#x} {count} "{path}"\n'.encode())
        self._prompt()
        return path.read_bytes()

    def _prompt(self) -> None:
        """Reads the monitor's echo, without which it comes to a stop, up to its next prompt."""
        text = b""
        while not text.endswith(b"\n(qemu) "):
            text += self.monitor.recv(4096)


class SmallBoardRig(Rig):
    """QEMU's lm3s6965evb: a UART and nothing else, on a unix socket pair."""

    def __init__(self, image: Path) -> None:
        self._image = image
        super().__init__()

    def start(self, stack: contextlib.ExitStack) -> None:
        """Starts QEMU with one end of the pair."""
        self.uart, far = socket.socketpair()
        stack.enter_context(self.uart)
        self.uart.settimeout(TIMEOUT_S)
        with far:
            fd = far.fileno()
            serials = ["-nodefaults", "-chardev", f"socket,id=uart,fd={fd}", "-serial", "chardev:uart"]
            machine = [
                "-M",
                "lm3s6965evb",
                "-kernel",
                str(self._image),
                "-display",
                "none",
                "-monitor",
                "none",
            ]
            command = ["qemu-system-arm", *machine, *serials]
            self.launch(stack, command, pass_fds=[fd], stderr=subprocess.DEVNULL)

    def boot(self) -> list[str]:
        """Its lines up to ``m-ready``."""
        text = b""
        while not text.endswith(b"m-ready\r\n"):
            text += self.uart.recv(65536)
        return lines_of(text)

    def ask(self, command: str) -> list[str]:
        """A command and its answer, up to ``m-ready``."""
        self.uart.sendall(command.encode("latin-1") + b"%")
        return self.boot()


def posix_program(workload: str, mode: str) -> Path:
    """The posix build of a workload."""
    needs("make", "gcc")
    name = f"posix-{workload}-{mode}"
    return make(f"build/dut/{name}") / "dut" / name


def qemu_image(workload: str, mode: str) -> Path:
    """The QEMU build of a workload."""
    needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
    name = f"qemu-{workload}-{mode}.elf"
    return make(f"build/dut/{name}") / "dut" / name


def rig(kind: str, workload: str, mode: str) -> Rig:
    """A DUT by the name of its rig: ``pty``, ``posix`` or ``qemu``."""
    if kind == "qemu":
        return QemuRig(qemu_image(workload, mode))
    program = posix_program(workload, mode)
    return PtyRig(program) if kind == "pty" else PosixTracedRig(program)
