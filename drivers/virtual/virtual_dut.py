"""A DUT on the virtual bench, whatever its firmware is: supply, UART, timestamp pin, power states.

The firmware is somebody else's: a twin that behaves like the reference (`drivers.dut.twin.dut`), or a real
binary in an emulator (`drivers.emulated.dut`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from drivers.virtual.boards import Board
from drivers.virtual.pin import Pin
from drivers.virtual.timeline import Pattern
from drivers.virtual.wire import Wire
from drivers.virtual.world import World, nanoseconds
from energy.instruments import Mode

_NOTHING = Pattern.constant(0.0)

Listener = Callable[[bytes, int, int], None]
"""Takes bytes that the DUT has sent, when the first of them began, and how long each took, in ns."""


def garble(data: bytes) -> bytes:
    """What a receiver at another baud rate makes of bytes: as many, all beyond ASCII."""
    return bytes((byte * 89 + 0x55) & 0xFF | 0x80 for byte in data)


class VirtualDut(ABC):
    """A board that runs a firmware for one workload in one mode.

    Args:
        world: Its supply powers the board; its timeline gets the power.
        board: Which board.
        workload: Workload id (``"kws01"``).
        mode: What the firmware was built for: marks are pin edges (energy) or printed microseconds.
        baud: Baud rate of its UART.
        baud_model: Whether bytes take their time on it.
        answers: What it answers to inputs (drivers/dut/twin/answers.py), where that can be chosen.

    Attributes:
        pin: The timestamp pin.
        rx: The wire to it; ``tx`` the wire from it.
        listener: Gets what it sends: a port, or the IO manager.
        peer_baud: The baud rate at the other end of its UART, or None where that cannot differ.
        state: ``off boot idle receive load warm-up inference mark`` (``sleep``: see `state_name`).
        infers: How many ``infer`` commands it has begun.
        silent: Fault: it neither hears nor speaks.
        answers: Faults: each may answer a command in the firmware's place with a line.
        mangles: Faults on what it sends.
        supplied: Whether the supply's wire leads to it; False is a fault.
        back_powered: Fault: without a supply it lives on its signal wires.
        short_a: Fault: a short circuit draws this current, and it does not run.
        autorun: Inferences per window and seconds between windows of a firmware that takes no commands but
            measures by itself from boot on; None for the usual one.
        firmware: Image of the firmware, where it is a real one.
    """

    firmware: str | None = None

    def __init__(
        self,
        world: World,
        board: Board,
        workload: str,
        mode: Mode,
        *,
        baud: int,
        baud_model: bool = True,
        answers: dict[str, Any] | None = None,
    ) -> None:
        self._world = world
        self.pin = Pin(world)
        self.baud = baud
        wire_baud = baud if baud_model else None
        self.rx = Wire(world, wire_baud, self._received, split=b"%", on_start=self._hear)
        self.tx = Wire(world, wire_baud, self._sent)
        self.listener: Listener = lambda data, start, byte: None
        self.peer_baud: Callable[[], int | None] = lambda: None
        self.silent = False
        self.answers: list[Callable[[str], str | None]] = []
        self.mangles: list[Callable[[bytes], bytes]] = []
        self.supplied = True
        self.back_powered = False
        self.short_a = 0.0
        self.infers = 0
        self.autorun: tuple[int, float] | None = None
        self.state = "off"
        self._state_since = 0
        self._life = 0
        self._alive = False
        self._pattern = _NOTHING
        self._answers = answers
        self.flash(board, workload, mode)
        world.supply.listeners.append(self.power)
        self.power()

    def flash(self, board: Board, workload: str, mode: Mode) -> None:
        """Another firmware; it runs from the next power-on or `reset` on."""
        self.board, self.workload = board, workload
        self.mode: Mode = mode
        self._powers = {
            "boot": Pattern.constant(board.boot_w),
            "idle": Pattern.constant(board.idle_w),
            "receive": Pattern.constant(board.receive_w),
            "load": Pattern.constant(board.load_w),
            "mark": Pattern.constant(board.load_w),
            "sleep": Pattern.constant(board.sleep_w),
        }
        self._forget()

    def state_name(self) -> str:
        """The state, sleep told apart from idle."""
        after = self.board.sleep_after_s
        idle_ns = self._world.now_ns - self._state_since
        return (
            "sleep" if self.state == "idle" and after is not None and idle_ns >= after * 1e9 else self.state
        )

    def reset(self) -> None:
        """A reset, as a brown-out causes it: whatever ran is gone, the firmware boots."""
        if self._alive:
            self._restart()

    def power(self) -> None:
        """Looks at what powers it, which has changed."""
        supply = self._world.supply
        fed = supply.on and self.supplied
        supply.short_a = self.short_a if self.supplied else 0.0
        alive = (fed or self.back_powered) and not self.short_a
        if alive and self._alive:  # by another way than before: it runs on
            self._draw(self._world.now_ns, self._pattern)
            return
        self._alive = alive
        self._restart()

    @abstractmethod
    def _start(self) -> None:
        """The firmware begins to run: power has come, or a reset is over."""

    @abstractmethod
    def _forget(self) -> None:
        """The firmware's memory is lost."""

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """The firmware receives bytes, whose last one is through now."""

    def _restart(self) -> None:
        self._life += 1
        self.rx.cut()
        self.tx.cut()
        self._forget()
        if self._alive:
            self._start()
        else:
            supply = self._world.supply
            self._enter("off", Pattern.constant(min(self.short_a, supply.limit_a) * supply.voltage_v))

    def _enter(self, state: str, pattern: Pattern) -> None:
        self.state, self._state_since = state, self._world.now_ns
        self._pattern = pattern
        self._draw(self._world.now_ns, pattern)

    def _draw(self, time_ns: int, pattern: Pattern) -> None:
        """What the supply gives from this time on; what comes over signal wires is no load of its."""
        fed = self._world.supply.on and self.supplied
        self._world.timeline.set(time_ns, pattern if fed else _NOTHING)

    def _rest(self) -> None:
        self._enter("idle", self._powers["idle"])
        if self.board.sleep_after_s is not None:
            asleep = self._world.now_ns + nanoseconds(self.board.sleep_after_s)
            self._draw(asleep, self._powers["sleep"])  # planned: a byte cuts it off

    def _hear(self) -> None:
        if self.state == "idle":
            self._enter("receive", self._powers["receive"])

    def _received(self, data: bytes, start_ns: int) -> None:
        if self.state == "off" or self.silent:
            return
        if self.peer_baud() not in (None, self.baud):
            data = garble(data)
        self._take(data)

    def _sent(self, data: bytes, start_ns: int) -> None:
        for mangle in self.mangles:
            data = mangle(data)
        if self.peer_baud() not in (None, self.baud):
            data = garble(data)
        if data:
            self.listener(data, start_ns, self.tx.byte_ns)

    def _print(self, text: str) -> None:
        if not self.silent:
            self.tx.send(text.encode("latin-1"))
