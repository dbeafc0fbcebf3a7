"""An AVR in simavr, moved cycle by cycle: the client of ``firmware/emulators/avr_runner.c``.

The runner speaks lines on its standard input and output; times are absolute cycles of the emulated processor.
"""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from energy.errors import BenchError

MHZ = 16


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes that the AVR has sent.

    Attributes:
        wire: To the host, or to the DUT.
        first: Cycle at which the first byte's start bit began.
        last: Cycle at which the last byte's stop bit ended.
        data: The bytes.
    """

    wire: Literal["host", "dut"]
    first: int
    last: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Remark:
    """Something else that happened: a change of the sync output, a byte to the DUT with a bad stop bit.

    Attributes:
        kind: ``sync`` or ``frame``.
        text: What the runner said of it.
    """

    kind: str
    text: str


class AvrRunner:
    """The emulated processor, which stands still but in `run`.

    Args:
        runner: The program.
        image: The firmware.
        arguments: More arguments of the program.

    Attributes:
        cycle: Where it stands.
        remarks: What was remarked so far.

    Raises (all methods):
        BenchError: ``emulator.gone`` if the program has ended, ``emulator.error`` for what it calls an error,
            ``emulator.firmware`` if the firmware crashes, hangs or overruns its UART.
    """

    def __init__(self, runner: Path, image: Path, *arguments: str) -> None:
        command = [str(runner), *arguments, str(image)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout
        self.cycle = 0
        self._behind = False
        self.remarks: list[Remark] = []

    def host_bytes(self, cycle: int, data: bytes) -> None:
        """Bytes come from the host, back to back, from this cycle on."""
        self._say(f"host {cycle} {data.hex()}")

    def dut_bytes(self, cycle: int, baud: float, data: bytes) -> None:
        """Bytes come from the DUT, back to back, the first start bit at this cycle."""
        self._say(f"dut {cycle} {baud:g} {data.hex()}")

    def timestamp_pin(self, cycle: int, high: bool) -> None:
        """The level of the DUT's timestamp pin changes."""
        self._say(f"d3 {cycle} {int(high)}")

    def reset(self, cycle: int) -> None:
        """The reset pin is pulled."""
        self._say(f"reset {cycle}")

    def cut(self, cycle: int) -> None:
        """The DUT loses its power: what it was still sending is lost."""
        self._say(f"cut {cycle}")

    def dut_baud(self, baud: int) -> None:
        """At which rate the DUT listens."""
        self._say(f"dutbaud {baud}")

    def watch_sync(self, watch: bool) -> None:
        """Whether changes of the sync output are told."""
        self._say(f"watch sync {int(watch)}")

    def run(self, until: int) -> list[Sent]:
        """Runs to a cycle, or to the end of the first piece of output before it (a line, a DUT's command)."""
        if self._behind:
            raise self._gone()
        self._say(f"run {until}", flush=True)
        self._behind = True  # until its answer has been read to the end
        sent: list[Sent] = []
        while True:
            line = self._from.readline().decode("ascii", "replace").rstrip("\n")
            word, _, rest = line.partition(" ")
            if word == "at":
                self.cycle = int(rest)
                self._behind = False
                return sent
            if word in ("host", "dut"):
                first, last, data = rest.split(" ")
                sent.append(
                    Sent("host" if word == "host" else "dut", int(first), int(last), bytes.fromhex(data))
                )
            elif word in ("sync", "frame"):
                self.remarks.append(Remark(word, rest))
            elif word == "note":  # an overrun, a crash, a watchdog: nothing that a sound firmware does
                raise BenchError(
                    "emulator.firmware",
                    f"the AVR's emulator remarks at cycle {self.cycle} or after: {rest}",
                    "The IO manager's firmware has a fault: `make -C firmware io_manager-test`.",
                )
            elif word == "error":
                raise BenchError("emulator.error", f"the AVR's emulator says: {rest}", "Please report this.")
            else:
                raise self._gone()

    def close(self) -> None:
        """Ends it. Harmless if done twice."""
        self._process.kill()
        self._process.wait()
        self._from.close()
        with contextlib.suppress(BrokenPipeError):  # what was not written yet is for a processor that is gone
            self._to.close()

    def _say(self, line: str, *, flush: bool = False) -> None:
        try:
            self._to.write(line.encode("ascii") + b"\n")
            if flush:
                self._to.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._gone() from error

    def _gone(self) -> BenchError:
        status = self._process.poll()
        return BenchError(
            "emulator.gone",
            f"the AVR's emulator has ended, or was interrupted, after cycle {self.cycle} (status {status})",
            "Its firmware may have crashed; see what it wrote to stderr.",
        )
