"""An AVR in simavr, moved cycle by cycle: the client of ``firmware/emulators/avr_runner.c``.

The runner reads and writes lines; times are absolute cycles of the emulated processor.
"""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from drivers.virtual.remote import pipe_of
from energy.errors import BenchError

MHZ = 16


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes that the AVR has sent.

    Attributes:
        wire: The receiver: the host or the DUT.
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
    """Another event: a change of the sync output, a byte to the DUT with a wrong stop bit.

    Attributes:
        kind: ``sync`` or ``frame``.
        text: The runner's text.
    """

    kind: str
    text: str


class AvrRunner:
    """The emulated processor, which runs only in `run`.

    Args:
        runner: The program.
        image: The firmware.
        arguments: More arguments of the program.

    Attributes:
        cycle: Its present cycle.
        remarks: Remarks so far.

    Raises (all methods):
        BenchError: ``emulator.gone`` if the program has ended, ``emulator.error`` for an error that it
            reports, ``emulator.firmware`` if the firmware crashes, hangs or overruns its UART.
    """

    def __init__(self, runner: Path, image: Path, *arguments: str) -> None:
        command = [str(runner), *arguments, str(image)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is for the host
        )
        self._to = pipe_of(self._process.stdin)
        self._from = pipe_of(self._process.stdout)
        self.cycle = 0
        self._behind = False
        self.remarks: list[Remark] = []

    def host_bytes(self, cycle: int, data: bytes) -> None:
        """Sends bytes of the host, without pauses, from this cycle on."""
        self._write(f"host {cycle} {data.hex()}")

    def dut_bytes(self, cycle: int, baud: float, data: bytes) -> None:
        """Sends bytes of the DUT, without pauses; the first start bit is at this cycle."""
        self._write(f"dut {cycle} {baud:g} {data.hex()}")

    def timestamp_pin(self, cycle: int, high: bool) -> None:
        """Changes the level of the DUT's timestamp pin."""
        self._write(f"d3 {cycle} {int(high)}")

    def reset(self, cycle: int) -> None:
        """Pulls the reset pin."""
        self._write(f"reset {cycle}")

    def cut(self, cycle: int) -> None:
        """Discards the DUT's remaining bytes: it has lost its power."""
        self._write(f"cut {cycle}")

    def dut_baud(self, baud: int) -> None:
        """Sets the baud rate at which the DUT receives."""
        self._write(f"dutbaud {baud}")

    def watch_sync(self, watch: bool) -> None:
        """Sets whether changes of the sync output are reported."""
        self._write(f"watch sync {int(watch)}")

    def run(self, until: int) -> list[Sent]:
        """Runs to a cycle, or to the end of the first piece of output before it (a line, a DUT's command)."""
        if self._behind:
            raise self._gone()
        self._write(f"run {until}", flush=True)
        self._behind = True  # until its answer has been read completely
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
            elif word == "note":  # an overrun, a crash, a watchdog: never with a sound firmware
                raise BenchError(
                    "emulator.firmware",
                    f"the AVR's emulator reports at cycle {self.cycle} or later: {rest}",
                    "The IO manager's firmware has a fault: `make -C firmware io_manager-test`.",
                )
            elif word == "error":
                raise BenchError(
                    "emulator.error", f"error of the AVR's emulator: {rest}", "Please report this."
                )
            else:
                raise self._gone()

    def close(self) -> None:
        """Ends it. May be called again."""
        self._process.kill()
        self._process.wait()
        self._from.close()
        with contextlib.suppress(BrokenPipeError):  # the remaining bytes are for a processor that has ended
            self._to.close()

    def _write(self, line: str, *, flush: bool = False) -> None:
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
            "Its firmware may have crashed; see its output on stderr.",
        )
