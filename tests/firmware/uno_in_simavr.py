"""The IO manager's firmware in avr-runner, with a scripted host and a scripted DUT around it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.firmware.support import FIRMWARE, make, needs

HZ = 16_000_000
BOOTED = HZ // 20


class Event(NamedTuple):
    """A line of the runner: ``host``, ``dut``, ``frame``, ``sync``, ``note``."""

    kind: str
    first: int = 0
    last: int = 0
    data: bytes = b""
    text: str = ""


def cycles(seconds: float) -> int:
    return round(seconds * HZ)


def event(line: str) -> Event:
    kind, _, rest = line.partition(" ")
    words = rest.split()
    if kind in ("host", "dut"):
        return Event(kind, int(words[0]), int(words[1]), bytes.fromhex(words[2]))
    if kind in ("frame", "sync"):
        return Event(kind, int(words[0]), int(words[0]), text=" ".join(words[1:]))
    return Event(kind, text=rest)


class Runner:
    """avr-runner by its lines."""

    def __init__(self, elf: Path, *options: str):
        program = make("emulators") / "emulators" / "avr-runner"
        self.process = subprocess.Popen(
            [str(program), *options, str(elf)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.now = 0

    def tell(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")

    def read(self) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def run(self, until: int) -> list[Event]:
        """Runs to a cycle or the end of a piece, whichever is first."""
        self.tell(f"run {until}")
        events = []
        while not (line := self.read()).startswith("at "):
            assert line, "avr-runner has ended"
            assert not line.startswith("error "), line
            events.append(event(line))
        self.now = int(line.removeprefix("at "))
        return events

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def make_here(*arguments: str) -> subprocess.CompletedProcess[str]:
    """make in the IO manager's own folder."""
    make("io_manager")  # what many tests need, once and not at the same time
    folder = FIRMWARE / "io_manager"
    return subprocess.run(
        ["make", "--no-print-directory", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


Answer = Callable[[str], bytes]


class Uno(Runner):
    """The IO manager, booted. What it says is kept; a DUT behind it answers each command."""

    def __init__(self, *, elf: str = "io_manager", dut: Answer | None = None, dut_baud: int = 9600):
        needs("make", "avr-gcc", "simavr")
        super().__init__(make("io_manager") / "io_manager" / f"{elf}.elf")
        self.dut = dut
        self.dut_baud = dut_baud
        self.said = b""
        self.heard_by_dut = b""
        self.forwarded = 0  # end of the last byte to the DUT
        self.others: list[Event] = []
        self.pass_to(BOOTED)

    def pass_to(self, until: int, last: bytes = b"") -> None:
        """Lets time pass, up to a cycle or until the host has read this."""
        while self.now < until and not (last and self.said.endswith(last)):
            for each in self.run(until):
                self._take(each)

    def _take(self, each: Event) -> None:
        if each.kind == "host":
            self.said += each.data
        elif each.kind == "dut":
            self.heard_by_dut += each.data
            self.forwarded = each.last
            if self.dut and each.data.endswith(b"%"):
                command = self.heard_by_dut[:-1].rpartition(b"%")[2].decode()
                if reply := self.dut(command):
                    self.dut_says(reply, at=max(each.last, self.now))
        else:
            self.others.append(each)

    def host_says(self, data: bytes, at: int | None = None) -> None:
        self.tell(f"host {self.now if at is None else at} {data.hex()}")

    def dut_says(self, data: bytes, at: int | None = None, baud: float | None = None) -> None:
        self.tell(f"dut {self.now if at is None else at} {baud or self.dut_baud} {data.hex()}")

    def edge(self, at: int, width: int = cycles(1e-3)) -> None:
        self.tell(f"d3 {at} 0")
        self.tell(f"d3 {at + width} 1")

    def set_baud(self, baud: int) -> None:
        assert self.ask(f"baud {baud}") == [f"m-baud-{baud}", "m-ready"]
        self.tell(f"dutbaud {baud}")
        self.dut_baud = baud

    def listen(self, seconds: float, last: bytes = b"") -> list[str]:
        """The lines that come within a time."""
        self.said, before = b"", self.said
        self.pass_to(self.now + cycles(seconds), last)
        lines = self.said.decode("latin-1").split("\r\n")
        self.said = before + self.said
        return lines[:-1] if lines[-1] == "" else lines

    def ask(self, command: str, last: str = "m-ready", seconds: float = 2.0) -> list[str]:
        """Sends a command; returns the lines up to the last."""
        self.host_says(f"{command}%".encode("latin-1"))
        return self.listen(seconds, f"{last}\r\n".encode())
