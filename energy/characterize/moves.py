"""Moves between the points of a sweep: programs, questions to a person, a chamber; and their waits."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from energy.bench.prompt import Prompt
from energy.characterize.chamber import Chamber
from energy.characterize.plan import Point, Sweep, filled, number_text
from energy.characterize.skip import Value
from energy.characterize.sweep_file import AxisPart
from energy.errors import BenchError

_SHOWN = 240
_UNITS = {"voltage_v": "V", "clock_hz": "Hz", "temperature_c": "°C"}


@dataclass
class Mover:
    """Moves the bench from point to point while its supply is off.

    Attributes:
        sweep: The sweep.
        prompt: Asks the person at the bench.
        note: Called with each move, for the log.
        chamber: The temperature chamber, where the plan has one.
        real: Whether the bench waits in real time; the waits of a virtual bench are counted, not waited.
        waited_s: Time that was waited, or counted.
        moves: Moves of the point at hand, as its record has them.
    """

    sweep: Sweep
    prompt: Prompt
    note: Callable[[str], None]
    chamber: Chamber | None = None
    real: bool = True
    waited_s: float = 0.0
    moves: list[dict[str, Value]] = field(default_factory=list[dict[str, Value]])
    _at: dict[str, Value] = field(default_factory=dict[str, Value])

    def to(self, point: Point) -> None:
        """Sets what differs from the point before, in the order of the axes, and waits.

        Raises:
            BenchError: ``sweep.hook-failed``, ``sweep.chamber``, ``bench.no-operator``.
        """
        self.moves = []
        for name, part in self.sweep.plan.axes.items():
            value = point.values[name]
            images = name == "firmware" and part.moved
            if self._at.get(name) == value and not (images and self._per_mode(str(value))):
                continue
            self._at.pop(name, None)  # a move that fails leaves it unknown
            if not images or not self._per_mode(str(value)):
                self.move(name, part, value, point)
            self._at[name] = value
            self.wait(part.settle_s)
        self.wait(self.sweep.plan.settle_s)

    def flash(self, point: Point, mode: str) -> None:
        """Flashes the image of a mode, where each mode has its own."""
        part = self.sweep.plan.axes.get("firmware")
        if part is not None and part.moved and self._per_mode(str(point.values["firmware"])):
            self.move("firmware", part, point.values["firmware"], point, mode)

    def move(self, name: str, part: AxisPart, value: Value, point: Point, mode: str = "") -> None:
        """Moves an axis to a value, by what the plan names.

        Raises:
            BenchError: As ``to``.
        """
        if part.hook is not None:
            shown = self.sweep.path(str(value), mode or self._any_mode) if name == "firmware" else value
            self._note(name, value, _run_hook(part, shown, point, mode or self._any_mode, self.sweep.base))
        elif part.prompt is not None:
            self.note(f"asked: {filled(part.prompt, value)}")
            self._note(name, value, self.prompt(f"{filled(part.prompt, value)} Enter when done"))
        elif part.chamber and self.chamber is not None:
            self._note(name, value, f"{self.chamber.to(float(value)):.2f} °C")

    def wait(self, seconds: float) -> None:
        """Waits; on a virtual bench the time is only counted."""
        self.waited_s += seconds
        if self.real and seconds > 0:
            time.sleep(seconds)

    @property
    def _any_mode(self) -> str:
        return "energy" if "energy" in self.sweep.plan.modes else "performance"

    @staticmethod
    def _per_mode(image: str) -> bool:
        return "{mode}" in image

    def _note(self, name: str, value: Value, answer: str) -> None:
        text = answer.strip().replace("\n", " | ")[-_SHOWN:]
        self.moves.append({"axis": name, "value": value, "answer": text})
        unit = _UNITS.get(name, "")
        self.note(f"{name} set to {number_text(value)}{f' {unit}' if unit else ''}: {text or 'done'}")


def _run_hook(part: AxisPart, value: Value, point: Point, mode: str, base: Path) -> str:
    """Runs a program to its end, without a shell, in the plan's folder; returns the end of its output.

    Raises:
        BenchError: ``sweep.hook-failed``.
    """
    assert part.hook is not None
    words = shlex.split(part.hook)
    named = any("{value}" in word for word in words)
    words = [filled(word, value, mode=mode, workload=point.workload) for word in words]
    words += [] if named else [number_text(value)]
    if os.sep in words[0]:
        words[0] = str((base / words[0]).resolve())
    shown = shlex.join(words)
    hint = "Try it by hand: it must end with status 0 once the value is set."
    with tempfile.TemporaryFile() as output:
        try:
            program = subprocess.Popen(
                words,
                cwd=base,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise BenchError("sweep.hook-failed", f"{shown} cannot be run: {error}", hint) from error
        try:
            status = program.wait(part.timeout_s)
        except BaseException as error:
            _kill(program)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            text = f"{shown} did not end within {part.timeout_s:g} s and was killed"
            raise BenchError(
                "sweep.hook-failed", text, "A larger timeout_s of the axis allows more."
            ) from error
        text = _end_of(output)
    if status != 0:
        last = text.strip().replace("\n", " | ")[-_SHOWN:]
        raise BenchError("sweep.hook-failed", f"{shown} has ended with status {status}: {last}", hint)
    return text


def _end_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(size - 4 * _SHOWN, 0))
    return output.read().decode("utf-8", "backslashreplace")


def _kill(program: subprocess.Popen[bytes]) -> None:
    """Kills a program and all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()
