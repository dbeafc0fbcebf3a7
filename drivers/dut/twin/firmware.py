"""The DUT's serial protocol without time and power: commands with an immediate answer, and the input buffer.

Texts, with their misspellings, are those of the official firmware API (protocols.md 1.1 to 1.4 and 1.10;
mlcommons/tiny benchmark/api/internally_implemented.cpp, re-implemented here from its behaviour).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Sequence

from drivers.virtual.networks import Layer
from energy.benchmark.workloads import WORKLOADS

COMMAND_CHARS = 80
"""Number of characters of a command that are kept; the rest of a longer one is lost without an error."""

_NO_HEX = re.compile(r"[^0-9a-fA-F]")

PROFILE = "ULPMark for tinyML Firmware V0.0.1"

BUFFER_BYTES = {"ad01": 5120, "ic01": 3072, "kws01": 490, "vww01": 27648}
"""Sizes of the input buffers in the reference firmwares (protocols.md 1.7)."""

HELP = (
    PROFILE,
    "",
    "help         : Print this information",
    "name         : Print the name of the device",
    "timestsamp   : Generate a timetsamp",
    "db SUBCMD    : Manipulate a generic byte buffer",
    "  load N     : Allocate N bytes and set load counter",
    "  db HH[HH]* : Load 8-bit hex byte(s) until N bytes",
    "  print [N=16] [offset=0]",
    "             : Print N bytes at offset as hex",
    "infer N [W=0]: Load input, execute N inferences after W warmup loops",
    "results      : Return the result fp32 vector",
)


def c_integer(text: str) -> int:
    """The result of C's ``atoi``: leading digits, 0 without any."""
    match = re.match(r"[ \t]*([+-]?\d+)", text)
    return int(match[1]) if match else 0


class CommandBuffer:
    """Collects characters up to ``%``; only the first 80 are kept."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Takes bytes; returns the commands that are complete."""
        parts = data.split(b"%")
        commands: list[bytes] = []
        for part in parts[:-1]:
            commands.append(bytes(self._kept + part)[:COMMAND_CHARS])
            self._kept.clear()
        self._kept = (self._kept + parts[-1])[:COMMAND_CHARS]
        return commands


class InputBuffer:
    """The generic buffer of ``db``. The official code writes beyond its end; here such writes are ignored."""

    def __init__(self, capacity: int) -> None:
        self.data = bytearray(capacity)
        self._size = 0
        self._position = 0

    @property
    def loaded(self) -> bytes:
        """The bytes of the input, as many as ``db load`` stated."""
        return bytes(self.data[: max(self._size, 0)])

    def command(self, arguments: list[str]) -> list[str]:
        """Answers to ``db`` with these arguments, with their line ends."""
        if not arguments:
            return ["e-[Command 'db' requires a subcommand]\r\n"]
        if arguments[0] == "load":
            return self._load(arguments[1:])
        if arguments[0] == "print":
            return self._print()
        return self._store(arguments[0])

    def _load(self, arguments: list[str]) -> list[str]:
        if not arguments:
            return ["e-[Command 'db load' requires the # of bytes]\r\n"]
        self._size = c_integer(arguments[0])
        if self._size == 0:
            return ["e-[Command 'db load' must be >0 bytes]\r\n"]
        self._position = 0
        if not 0 < self._size <= len(self.data):
            return [f"Supplied buffer size {self._size} exceeds maximum of {len(self.data)}\n"]
        return [f"m-[Expecting {self._size} bytes]\r\n"]

    def _store(self, digits: str) -> list[str]:
        if len(digits) % 2:
            return ["e-[Insufficent number of hex digits]\r\n"]
        pairs = len(digits) if (bad_at := _NO_HEX.search(digits)) is None else bad_at.start() // 2 * 2
        values = bytes.fromhex(digits[:pairs])
        left = self._size - self._position
        done = 0 < left <= len(values)
        if done:
            values = values[:left]  # the rest of the digits is ignored
        room = max(len(self.data) - self._position, 0)
        self.data[self._position : self._position + min(len(values), room)] = values[:room]
        self._position += len(values)
        if done:
            return ["m-load-done\r\n"]
        bad = digits[pairs : pairs + 2]
        return [f"e-[Invalid hex digit '{bad}']\r\n"] if bad else []

    def _print(self) -> list[str]:
        loaded = self.data[: max(self._size, 0)]
        rows = [loaded[k : k + 8] for k in range(0, len(loaded), 8)]
        lines = [f"m-buffer-{row.hex('-')}\r\n" for row in rows]
        return [*lines, "\r\n"] if len(loaded) % 8 else lines


def scores(model: str, data: bytes) -> str:
    """The line ``m-results-[..]`` for an input: numbers that depend only on it, one for each class."""
    count = WORKLOADS[model].outputs
    seed = zlib.crc32(data)
    if count == 1:
        return f"m-results-[{5 + seed % 200_000_000 / 1e6:.6f}]"
    parts = [(byte + 1) ** 4 for byte in struct.pack("<4I", *(zlib.crc32(data, seed ^ k) for k in range(4)))]
    weights = parts[:count]
    return f"m-results-[{','.join(f'{weight / sum(weights):.3f}' for weight in weights)}]"


def immediate(
    command: str,
    arguments: list[str],
    *,
    vendor: str,
    model: str,
    buffer: InputBuffer,
    results: Callable[[], str],
    layers: Sequence[Layer] = (),
) -> list[str] | None:
    """Answers, with line ends, to a command that takes no time; None for an unknown command."""
    answers: dict[str, Callable[[], list[str]]] = {
        "name": lambda: [f"m-name-dut-[{vendor}]\r\n"],
        "profile": lambda: (
            [f"m-profile-[{PROFILE}]\r\n", f"m-model-[{model}]\r\n"]
            + (_layers(layers) if arguments[:1] == ["layers"] else [])
        ),
        "help": lambda: [f"{line}\r\n" for line in HELP],
        "db": lambda: buffer.command(arguments),
        "results": lambda: [f"{results()}\r\n"],
    }
    answer = answers.get(command)
    return None if answer is None else answer()


def _layers(layers: Sequence[Layer]) -> list[str]:
    """The lines of ``profile layers``, as the firmware in firmware/dut prints them."""
    lines = [f"m-layers-[{len(layers)}]\r\n"]
    for k, layer in enumerate(layers):
        lines.append(f"m-layer-[{k},{layer.operator},{layer.macs},{layer.parameter_bytes}]\r\n")
    return lines
