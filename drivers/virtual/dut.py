"""The DUT twin: a board with power states, its UART and its timestamp pin (protocols.md 1).

What the firmware does is a generator of steps (state, power, duration); the world lets each last its time. A
loss of power or a reset ends whatever was running. Printing does not hold the firmware up: its transmitter is
buffered, so at 9600 baud ``m-infer-start`` may still be on the wire when the first edge comes (1.4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from drivers.virtual.answers import Answers
from drivers.virtual.boards import Board
from drivers.virtual.firmware import BUFFER_BYTES, CommandBuffer, InputBuffer, c_integer, immediate
from drivers.virtual.pin import Cause, Pin
from drivers.virtual.timeline import Pattern
from drivers.virtual.wire import Wire
from drivers.virtual.world import World, nanoseconds
from energy.instruments import Mode

Step = tuple[str, Pattern, int]
"""State, power and duration in ns."""

_NOTHING = Pattern.constant(0.0)

Listener = Callable[[bytes, int, int], None]
"""Takes bytes that the DUT has sent, when the first of them began, and how long each took, in ns."""


def garble(data: bytes) -> bytes:
    """What a receiver at another baud rate makes of bytes: as many, all beyond ASCII."""
    return bytes((byte * 89 + 0x55) & 0xFF | 0x80 for byte in data)


class DutTwin:
    """A board running the reference firmware for one workload in one mode.

    Args:
        world: Its supply powers the board; its timeline gets the power.
        board: Which board.
        workload: Workload id (``"kws01"``).
        mode: What the firmware was built for: marks are pin edges (energy) or printed microseconds.
        baud: Baud rate of its UART.
        baud_model: Whether bytes take their time on it.
        answers: What it answers to inputs (drivers/virtual/answers.py).

    Attributes:
        pin: The timestamp pin.
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
    """

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
        self.board, self.workload, self.mode = board, workload, mode
        self._powers = {
            "boot": Pattern.constant(board.boot_w),
            "idle": Pattern.constant(board.idle_w),
            "receive": Pattern.constant(board.receive_w),
            "load": Pattern.constant(board.load_w),
            "mark": Pattern.constant(board.load_w),
            "sleep": Pattern.constant(board.sleep_w),
        }
        self._inferences = [board.inference(workload, deviation) for deviation in board.scatter or (0.0,)]
        self._scoring = Answers(workload, self._answers)
        self._boot_ns = 0
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
        fed = self._world.supply.on and self.supplied
        alive = (fed or self.back_powered) and not self.short_a
        if alive and self._alive:  # by another way than before: it runs on
            self._draw(self._world.now_ns, self._pattern)
            return
        self._alive = alive
        self._restart()

    def _forget(self) -> None:
        self._commands = CommandBuffer()
        self._buffer = InputBuffer(BUFFER_BYTES[self.workload])
        self._queue: deque[str] = deque()
        self._parsing = False
        self._crashed = False
        self._program: Iterator[Step] | None = None

    def _restart(self) -> None:
        self._life += 1
        self.rx.cut()
        self.tx.cut()
        self._forget()
        if self._alive:
            self._boot_ns = self._world.now_ns
            self._run(self._boot())
        else:
            self._enter("off", Pattern.constant(self.short_a * self._world.supply.voltage_v))

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

    def _run(self, program: Iterator[Step]) -> None:
        self._program = program
        self._step(self._life)

    def _step(self, life: int) -> None:
        if life != self._life or self._program is None:
            return
        for state, pattern, duration in self._program:
            if duration > 0:
                self._enter(state, pattern)
                self._world.after(duration, lambda: self._step(life))
                return
        self._program = None
        self._rest()
        while self._queue and not self._program:
            self._command(self._queue.popleft())

    def _hear(self) -> None:
        if self.state == "idle":
            self._enter("receive", self._powers["receive"])

    def _received(self, data: bytes, start_ns: int) -> None:
        if self.state == "off" or self.silent or self._crashed:
            return
        if self.peer_baud() not in (None, self.baud):
            data = garble(data)
        for command in self._commands.feed(data):
            if not self._parsing:
                continue  # collected, but dropped until m-init-done (1.1)
            if self._program is None:
                self._command(command.decode("latin-1"))
            else:
                self._queue.append(command.decode("latin-1"))

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

    def _command(self, text: str) -> None:
        words = text.split(" ")
        words = [word for word in words if word]
        if not words:
            self._crashed = True  # the official code crashes on an empty command (1.10)
            return
        for answer in self.answers:
            line = answer(text)
            if line is not None:
                self._print(f"{line}\r\nm-ready\r\n")
                return
        if words[0] in ("infer", "timestamp"):
            self._run(self._timed(words[0], words[1:]))
            return
        lines = immediate(
            words[0],
            words[1:],
            vendor=self.board.vendor,
            model=self.workload,
            buffer=self._buffer,
            results=self._results,
        )
        for line in [f"e-[Unknown command: {words[0]}]\r\n"] if lines is None else lines:
            self._print(line)
        self._print("m-ready\r\n")
        self._rest()

    def _boot(self) -> Iterator[Step]:
        yield "boot", self._powers["boot"], nanoseconds(self.board.boot_s)
        self._print(f"m-timestamp-mode-{self.mode}\r\n")
        yield from self._mark("boot")
        self._print("m-init-done\r\n")
        self._parsing = True
        self._print("m-ready\r\n")
        while self.autorun is not None:
            iterations, pause_s = self.autorun
            yield "idle", self._powers["idle"], nanoseconds(pause_s)
            yield from self._infer(iterations, 1)

    def _timed(self, command: str, arguments: list[str]) -> Iterator[Step]:
        if command == "timestamp":
            yield from self._mark("timestamp")
        else:
            iterations = c_integer(arguments[0]) if arguments else 1
            warmups = (
                c_integer(arguments[1]) if len(arguments) > 1 else 10
            )  # 10, though the help says 0 (1.3)
            if iterations <= 0:
                self._print("e-[Inference iterations must be >0]\r\n")
            elif warmups < 0:
                self._print("e-[Inference warmup must be >=0]\r\n")
            else:
                yield from self._infer(iterations, warmups)
        self._print("m-ready\r\n")

    def _infer(self, iterations: int, warmups: int) -> Iterator[Step]:
        number = self.infers
        self.infers += 1
        pattern = self._inferences[number % len(self._inferences)]
        yield "load", self._powers["load"], self.board.load_ns()
        self._print(f"m-warmup-start-{warmups}\r\n")
        yield "warm-up", pattern, warmups * pattern.period_ns
        self._print("m-warmup-done\r\n")
        self._print(f"m-infer-start-{iterations}\r\n")
        yield from self._mark("start", number)
        yield "inference", pattern, iterations * pattern.period_ns
        yield from self._mark("stop", number)
        self._print("m-infer-done\r\n")
        self._print(f"{self._results()}\r\n")

    def _results(self) -> str:
        return self._scoring.line(self._buffer.loaded, bytes(self._buffer.data))

    def _mark(self, cause: Cause, infer: int | None = None) -> Iterator[Step]:
        if self.mode == "performance":
            self._print(f"m-lap-us-{(self._world.now_ns - self._boot_ns) // 1000}\r\n")
            self.pin.performance_mark(cause, infer)
            return
        hold_ns = nanoseconds(self.board.hold_s)
        self.pin.pulse(cause, hold_ns, infer)
        yield "mark", self._powers["mark"], hold_ns
