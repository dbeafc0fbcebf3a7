"""``python -m firmware.tools.same_output``: do two DUTs compute the same?

Loads the same random inputs on both, infers, and compares the raw output tensors (``output%``) byte by byte:
a new port against the posix build of the same checkout and models (docs/how-to/port-a-board.md). One line for
each input on standard output. Exit status 0 if all are the same, 1 if not, or 2 with a line on standard error
that begins with the error's code.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Generator, Sequence

import numpy as np
import serial

from firmware.tools.workloads import WORKLOADS, Workload

_DB_BYTES = 31
"""Bytes in a ``db`` command (protocols.md 1.6)."""

_READY = b"m-ready\r\n"
_SYNC_S = 10.0
"""How long a board may take to answer for the first time: opening its port may have reset it."""
_QUIET_S = 0.3
_COMMAND_S = 5.0
_LONGEST_ANSWER = 1 << 16

_MEL_DB = (-85.0, 15.0)
"""Range of ad01's inputs, decibels: that of the reference model's input tensor, from -128 to 127."""


class DutError(Exception):
    """What keeps two DUTs from being compared.

    Args:
        code: Names the kind of fault: ``port.*`` (the way to it) or ``dut.*`` (what it answers).
        message: What was expected and what came.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"[{code}] {message}")
        self.code = code


class Dut:
    """A DUT on a serial port.

    Args:
        port: What pyserial's ``serial_for_url`` takes: a device, a pseudo-terminal, ``socket://host:port``.
        baud: Line rate.
        infer_s: How long an inference may take.

    Raises (all methods):
        DutError: ``port.open``, ``port.lost``; ``dut.silent``, ``dut.incomplete``, ``dut.error-answer``,
            ``dut.load``, ``dut.output``.
    """

    def __init__(self, port: str, baud: int, infer_s: float) -> None:
        self.port = port
        self._infer_s = infer_s
        try:
            self._serial = serial.serial_for_url(
                port, baudrate=baud, write_timeout=_COMMAND_S, exclusive=True
            )
        except (OSError, ValueError) as error:
            raise DutError("port.open", f"{port} cannot be opened: {error}") from error

    def close(self) -> None:
        """Lets go of the port."""
        self._serial.close()

    def synchronise(self) -> None:
        """Asks for its name until that is what it answers: it may be booting, or hold half a command."""
        end = time.monotonic() + _SYNC_S
        text = b""
        while time.monotonic() < end:
            self._write(b"name%")
            came = self._read_until_quiet()
            if b"m-name-dut-[" in came and came.endswith(_READY):
                return
            text = came or text
        if text:
            raise DutError("dut.incomplete", f"{self.port}: `name%` was answered by {text[-200:]!r}")
        raise DutError(
            "dut.silent",
            f"{self.port}: no answer to `name%` in {_SYNC_S:g} s. Is it this port, this baud rate (--baud)?",
        )

    def ask(self, command: str, timeout_s: float = _COMMAND_S) -> list[str]:
        """Sends a command; returns the lines of its answer before ``m-ready``."""
        self._write(command.encode("ascii") + b"%")
        with self._told_if_lost():
            self._serial.timeout = timeout_s
            text = self._serial.read_until(_READY, _LONGEST_ANSWER)
        shown = command if len(command) <= 20 else f"{command[:20]}..."
        if not text.endswith(_READY):
            raise DutError(
                "dut.incomplete",
                f"{self.port}: no m-ready within {timeout_s:g} s of `{shown}%`, only {text[-200:]!r}",
            )
        lines = text.decode("ascii", "backslashreplace").split("\r\n")[:-2]
        for line in lines:
            if line.startswith("e-["):
                raise DutError("dut.error-answer", f"{self.port}: `{shown}%` was answered by {line}")
        return lines

    def profile(self) -> dict[str, str]:
        """What ``profile`` tells, by the words before its brackets: ``m-model``, ``m-weights``."""
        pairs = (line.partition("-[") for line in self.ask("profile"))
        return {key: value.removesuffix("]") for key, _, value in pairs}

    def output(self, data: bytes, workload: Workload) -> bytes:
        """The raw output tensor for an input in its wire format."""
        self.ask(f"db load {len(data)}")
        answer: list[str] = []
        for first in range(0, len(data), _DB_BYTES):
            answer = self.ask("db " + data[first : first + _DB_BYTES].hex())
        if "m-load-done" not in answer:
            raise DutError("dut.load", f"{self.port}: no m-load-done after {len(data)} bytes: {answer}")
        self.ask("infer 1 0", self._infer_s)
        lines = [line for line in self.ask("output") if line.startswith("m-output-")]
        try:
            values = bytes.fromhex("".join(line.removeprefix("m-output-") for line in lines).replace("-", ""))
        except ValueError as error:
            raise DutError("dut.output", f"{self.port}: `output%` was answered by {lines}") from error
        if len(values) != workload.outputs:
            raise DutError(
                "dut.output",
                f"{self.port}: {workload.id} has {workload.outputs} outputs, `output%` told {len(values)}",
            )
        return values

    def _write(self, data: bytes) -> None:
        with self._told_if_lost():
            self._serial.write(data)

    def _read_until_quiet(self) -> bytes:
        """What comes until nothing has come for a moment."""
        text = b""
        with self._told_if_lost():
            self._serial.timeout = _QUIET_S
            while len(text) < _LONGEST_ANSWER and (part := self._serial.read(4096)):
                text += part
        return text

    @contextlib.contextmanager
    def _told_if_lost(self) -> Generator[None]:
        try:
            yield
        except OSError as error:  # pyserial's exceptions are kinds of it
            raise DutError("port.lost", f"{self.port}: {error}") from error


def random_input(workload: Workload, random: np.random.Generator) -> bytes:
    """An input in the workload's wire format: noise of random strength around a random level.

    Of noise that always fills the whole range a network makes nearly the same output each time.
    """
    level, strength = random.uniform(-1.0, 1.0), random.uniform(0.05, 1.0)
    values = np.clip(level + strength * random.uniform(-1.0, 1.0, workload.inputs), -1.0, 1.0)
    if workload.wire == "float32":
        low, high = _MEL_DB
        return ((values + 1.0) / 2.0 * (high - low) + low).astype("<f4").tobytes()
    # uint8 is int8 with its top bit flipped: any byte is a value of either.
    return np.rint((values + 1.0) / 2.0 * 255.0).astype(np.uint8).tobytes()


def compared(first: bytes, second: bytes) -> str:
    """Words for how two outputs of the same length relate."""
    wrong = [k for k, (one, other) in enumerate(zip(first, second, strict=True)) if one != other]
    if not wrong:
        return f"the same, {len(first)} bytes"
    at = wrong[0]
    return f"DIFFERENT in {len(wrong)} of {len(first)} bytes, byte {at}: {first[at]:02x} and {second[at]:02x}"


def check_alike(duts: Sequence[Dut], workload: Workload) -> None:
    """Looks whether both run this workload, with the same weights.

    Raises:
        DutError: ``dut.model``, ``dut.weights``.
    """
    profiles = [dut.profile() for dut in duts]
    for dut, profile in zip(duts, profiles, strict=True):
        model = profile.get("m-model", "")
        if model != workload.id:
            raise DutError("dut.model", f"{dut.port} runs {model or 'a nameless model'}, not {workload.id}")
    weights = [profile.get("m-weights", "the reference or your own model") for profile in profiles]
    if weights[0] != weights[1]:
        raise DutError(
            "dut.weights",
            f"weights differ: {duts[0].port} has {weights[0]}, {duts[1].port} {weights[1]}. "
            "Build both from the same checkout and models.",
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Compares; returns the exit status."""
    parser = _parser()
    choices = parser.parse_args(arguments)
    if len(choices.port) != 2:
        parser.error("--port is to be given twice")
    workload = WORKLOADS[choices.workload]
    try:
        different = _run(workload, choices)
    except DutError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 1 if different else 0


def _run(workload: Workload, choices: argparse.Namespace) -> int:
    """Prints a line for each input; returns how many outputs were not the same."""
    random = np.random.default_rng(choices.seed)
    different = 0
    with contextlib.ExitStack() as stack:
        duts: list[Dut] = []
        for port in choices.port:
            duts.append(Dut(port, choices.baud, choices.infer_s))
            stack.callback(duts[-1].close)
        for dut in duts:
            dut.synchronise()
        check_alike(duts, workload)
        for number in range(1, choices.inputs + 1):
            data = random_input(workload, random)
            first, second = (dut.output(data, workload) for dut in duts)
            different += first != second
            sys.stdout.write(f"input {number} of {choices.inputs}: {compared(first, second)}\n")
            sys.stdout.flush()
    return different


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m firmware.tools.same_output", description=__doc__)
    parser.add_argument(
        "--port", action="append", required=True, help="serial port, pseudo-terminal or URL; given twice"
    )
    parser.add_argument("--workload", required=True, choices=sorted(WORKLOADS))
    parser.add_argument("--seed", type=_natural, default=1, help="of the random inputs (1)")
    parser.add_argument("--inputs", type=_natural, default=5, help="how many (5)")
    parser.add_argument("--baud", type=_natural, default=115200, help="of both ports (115200)")
    parser.add_argument("--infer-s", type=float, default=60.0, help="how long an inference may take (60)")
    return parser


def _natural(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
