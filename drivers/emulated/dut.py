"""The DUT's real binary in an emulator, in place of a twin.

A command runs at once to its end (`Guest.exchange`). The firmware's actions are then replayed at the times of
its own clock, counted from the command's last byte. Bytes that arrive meanwhile are sent to it when it is
idle again, as if they had waited in the UART; the protocol has one command at a time (protocols.md 1.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from drivers.emulated import guest as guests
from drivers.emulated.guest import Event, Guest
from drivers.emulated.images import image, programs
from drivers.virtual.boards import Board
from drivers.virtual.pin import Cause
from drivers.virtual.virtual_dut import VirtualDut
from drivers.virtual.world import NS, World
from energy.errors import UsageError
from energy.instruments import Mode

Find = Callable[[str, Mode], Path]
"""Finds the firmware's image for a workload in a mode."""
Launch = Callable[[Path], Guest]
"""Starts an image."""

_At = Callable[[int, Callable[[], None]], None]
"""Plans an action for a time of the DUT's clock, in ticks."""

_STATES = (
    *("idle", "boot", "load", "warm-up", "inference"),
    *("pause", "mark", "pre-processing", "post-processing", "layer"),
)
"""Phases in the firmware's trace (firmware/dut/ports/port.h)."""
_PIN_HIGH = ("inference", "mark", "layer")
"""States in which the phase pin is high (phase_pin_is_high of port.h)."""
_COMPUTING = ("warm-up", "inference", "layer")
"""States with the power of inferences."""
_MEASURED = frozenset(range(4, len(_STATES)))
"""Phases inside a window."""
_HIGHEST_SHIFT = 10
"""QEMU's own limit of ``-icount shift``."""
_HIGHEST_SCALE = 1e6
_SEE = "See docs/how-to/emulated-benches.md."


class EmulatedDut(VirtualDut):
    """A board with real firmware.

    Args:
        world: Its world.
        board: Its powers and name; times are the emulator's.
        workload: Workload id.
        mode: Mode of the firmware.
        image: Finds the firmware.
        launch: Starts the firmware.
        baud: Baud rate of its UART.
        baud_model: Whether bytes take their time on it.
        answers: Must be None: the firmware computes its answers.
    """

    def __init__(
        self,
        world: World,
        board: Board,
        workload: str,
        mode: Mode,
        *,
        image: Find,
        launch: Launch,
        baud: int,
        baud_model: bool = True,
        answers: dict[str, Any] | None = None,
    ) -> None:
        if answers is not None:
            raise UsageError(
                "virtual.settings",
                "the DUT in an emulator runs its own network: its answers cannot be set",
                "Leave out `answers`, or use the twin.",
            )
        self._image, self._launch = image, launch
        self._guest: Guest | None = None
        super().__init__(world, board, workload, mode, baud=baud, baud_model=baud_model)
        world.closing.append(self._forget)

    def flash(self, board: Board, workload: str, mode: Mode) -> None:
        """Replaces the firmware; the new one runs from the next power-on or `reset`."""
        self._inferences = [board.inferring(deviation) for deviation in board.scatter or (0.0,)]
        self._path = self._image(workload, mode)
        self.firmware = str(self._path)
        super().flash(board, workload, mode)

    def _forget(self) -> None:
        if self._guest is not None:
            self._guest.close()
        self._guest = None
        self._waiting = bytearray()
        self._busy = False
        self._stood = 0

    def _start(self) -> None:
        self._guest = guest = self._launch(self._path)
        self._enter("boot", self._powers["boot"])
        self._exchange(guest, booting=True)

    def _take(self, data: bytes) -> None:
        if self._guest is None:
            return
        if self.answers and data.endswith(b"%"):
            text = data[:-1].decode("latin-1")
            line = next((reply for answer in self.answers if (reply := answer(text)) is not None), None)
            if line is not None:
                self._print(f"{line}\r\nm-ready\r\n")
                return
        self._waiting += data
        if not self._busy:
            self._exchange(self._guest)

    def _exchange(self, guest: Guest, *, booting: bool = False) -> None:
        """Sends the waiting bytes to the firmware, and plans its actions."""
        end = self._waiting.find(b"%") + 1 or len(self._waiting)  # one command at a time
        data = bytes(self._waiting[:end])
        del self._waiting[:end]
        self._busy = True
        events = guest.exchange(data)
        life, start_ns, stood, hz = self._life, self._world.now_ns, self._stood, guest.tick_hz
        self._stood = events[-1].ticks

        def at(ticks: int, action: Callable[[], None]) -> None:
            def alive() -> None:
                if life == self._life:
                    action()

            self._world.at(start_ns + (ticks - stood) * NS // hz, alive)

        self._plan(events, at, guest.tick_hz, booting=booting)
        at(events[-1].ticks, partial(self._idle, guest))

    def _plan(self, events: Sequence[Event], at: _At, hz: int, *, booting: bool) -> None:
        """Plans the firmware's actions for the world, each at its time."""
        infers = any(event.kind == "P" and event.argument in _MEASURED for event in events)
        infer = self.infers if infers else None
        self.infers += infers
        causes: list[Cause] = ["boot"] if booting else ["start", "stop"] if infers else ["timestamp"]
        phase = 0
        for k, event in enumerate(events):
            if event.kind == "T":
                at(event.ticks, partial(self._write, event.text))
            elif event.kind == "L":
                high = next((later.ticks for later in events[k:] if later.kind == "H"), event.ticks)
                width_ns = (high - event.ticks) * NS // hz
                cause = causes.pop(0) if len(causes) > 1 else causes[0]
                at(event.ticks, partial(self._mark, cause, width_ns, infer))
            elif event.kind == "H":
                at(event.ticks, partial(self._begin, phase, infer))
            elif event.kind == "P":
                if self.mode == "performance" and (phase in _MEASURED) != (event.argument in _MEASURED):
                    cause = "stop" if phase in _MEASURED else "start"
                    at(event.ticks, partial(self.pin.performance_mark, cause, infer))
                phase = event.argument
                at(event.ticks, partial(self._begin, phase, infer))

    def _idle(self, guest: Guest) -> None:
        self._busy = False
        self._rest()
        if self._waiting:
            self._exchange(guest)

    def _begin(self, phase: int, infer: int | None) -> None:
        state = _STATES[phase] if phase < len(_STATES) else "idle"
        if infer is not None and state in _COMPUTING:
            pattern = self._inferences[infer % len(self._inferences)]
        else:  # pre- and post-processing are work like loading
            pattern = self._powers.get(state, self._powers["load"])
        self.phase_pin.set(state in _PIN_HIGH)
        self._enter(state, pattern)

    def _mark(self, cause: Cause, width_ns: int, infer: int | None) -> None:
        self._enter("mark", self._powers["mark"])
        self.pin.pulse(cause, width_ns, infer)

    def _write(self, text: bytes) -> None:
        if not self.silent:
            self.tx.send(text)


def qemu_dut(
    world: World,
    board: Board,
    workload: str,
    mode: Mode,
    *,
    shift: int = 4,
    firmware: str | None = None,
    **wires: Any,
) -> EmulatedDut:
    """The firmware on QEMU's mps2-an386 (Cortex-M4).

    Args:
        world: Its world.
        board: The board.
        workload: Workload id.
        mode: Mode of the firmware.
        shift: An instruction takes 2**shift ns of its time.
        firmware: Build folder with the images; None: they are built when needed.
        wires: As for `EmulatedDut`.

    Raises:
        BenchError: ``emulator.missing``, ``emulator.build``, ``emulator.no-image``.
        UsageError: ``virtual.settings``.
    """
    if type(shift) is not int or not 0 <= shift <= _HIGHEST_SHIFT:
        raise UsageError(
            "virtual.settings", f"shift is {shift!r}, not a whole number from 0 to {_HIGHEST_SHIFT}", _SEE
        )
    (emulator,) = programs("qemu-system-arm")

    def built(workload: str, mode: Mode) -> Path:
        return image(f"dut/qemu-{workload}-{mode}.elf", ("arm-none-eabi-gcc",), firmware)

    def launch(path: Path) -> Guest:
        return guests.qemu(emulator, path, shift)

    return EmulatedDut(world, board, workload, mode, image=built, launch=launch, **wires)


def posix_dut(
    world: World,
    board: Board,
    workload: str,
    mode: Mode,
    *,
    scale: float = 1.0,
    firmware: str | None = None,
    **wires: Any,
) -> EmulatedDut:
    """The firmware as a process of this machine; its clock is the processor time of the process.

    Args:
        world: Its world.
        board: The board.
        workload: Workload id.
        mode: Mode of the firmware.
        scale: Factor by which its clock is slower.
        firmware: As for `qemu_dut`.
        wires: As for `EmulatedDut`.

    Raises:
        BenchError: As `qemu_dut`.
    """
    if type(scale) not in (int, float) or not 0 < scale <= _HIGHEST_SCALE:
        raise UsageError(
            "virtual.settings", f"scale is {scale!r}, not a number above 0, {_HIGHEST_SCALE:g} at most", _SEE
        )

    def built(workload: str, mode: Mode) -> Path:
        return image(f"dut/posix-{workload}-{mode}", ("gcc",), firmware)

    def launch(path: Path) -> Guest:
        return guests.process(path, scale)

    return EmulatedDut(world, board, workload, mode, image=built, launch=launch, **wires)
