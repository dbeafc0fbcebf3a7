"""The DUT twin: a board with the behaviour of the reference firmware (protocols.md 1).

The firmware is a generator of steps (state, power, duration); the world lets each step last its time. A loss
of power or a reset ends the running step. Printing does not delay the firmware: its transmitter is buffered,
so at 9600 baud ``m-infer-start`` may still be on the wire at the first edge (protocols.md 1.4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import MappingProxyType

from drivers.dut.twin.answers import Answers, corrupted
from drivers.dut.twin.firmware import BUFFER_BYTES, CommandBuffer, InputBuffer, c_integer, immediate
from drivers.virtual.boards import Board
from drivers.virtual.pin import Cause
from drivers.virtual.timeline import Pattern
from drivers.virtual.virtual_dut import Rest, VirtualDut
from drivers.virtual.world import nanoseconds
from energy.instruments import Mode

PHASE_PULSE_US = 100
"""Length of the pulse before each inference of firmware that marks phases, and of the pauses beside it."""

Step = tuple[str, Pattern, int]
"""State, power and duration in ns."""


class DutTwin(VirtualDut):
    """A board with a twin of the reference firmware; arguments and attributes as in `VirtualDut`."""

    early = MappingProxyType({})

    def flash(self, board: Board, workload: str, mode: Mode) -> None:
        """Replaces the firmware; the new one runs from the next power-on or `reset`."""
        self._scoring = Answers(workload, self._answers)
        self._boot_ns = 0
        self.workload = workload
        super().flash(board, workload, mode)

    def _choose_clock(self, clock_hz: float | None) -> None:
        super()._choose_clock(clock_hz)
        deviations = self.board.scatter or (0.0,)
        self._inferences = [self.board.inference(self.workload, each, self.clock_hz) for each in deviations]

    def _forget(self) -> None:
        self._commands = CommandBuffer()
        self._buffer = InputBuffer(BUFFER_BYTES[self.workload])
        self._queue: deque[str] = deque()
        self._parsing = False
        self._crashed = False
        self._bed = False  # it sleeps after this command
        self._spoiled = False  # the last inference was computed wrongly
        self._phased = False
        self._program: Iterator[Step] | None = None

    def _start(self) -> None:
        self._boot_ns = self._world.now_ns
        self._run(self._boot())

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
        if life != self._life:
            return  # it has hung meanwhile
        woken = self.state == "wake-up"
        self._program = None
        self._rest()
        if woken and self._receiving:
            self._enter("receive", self._powers["receive"])
        elif self._bed and not self._receiving:
            self._sleep_at(self.tx.free_ns)  # when its answer is through
        self._bed = False
        while self._queue and not self._program:
            self._command(self._queue.popleft())

    def _take(self, data: bytes) -> None:
        if self._crashed:
            return
        for command in self._commands.feed(data):
            if not self._parsing:
                continue  # collected, but dropped until m-init-done (protocols.md 1.1)
            if self._program is None:
                self._command(command.decode("latin-1"))
            else:
                self._queue.append(command.decode("latin-1"))

    def _command(self, text: str) -> None:
        words = text.split(" ")
        words = [word for word in words if word]
        if not words:
            self._crashed = True  # the official code crashes on an empty command (protocols.md 1.10)
            return
        for answer in self.answers:
            line = answer(text)
            if line is not None:
                self._print(f"{line}\r\nm-ready\r\n")
                return
        if words[0] == "phases":
            self._mark_phases(words[1:])
            return
        if words[0] in ("infer", "timestamp", "clock", "layer", "idle", "sleep"):
            self._run(self._timed(words[0], words[1:]))
            return
        lines = immediate(
            words[0],
            words[1:],
            vendor=self.board.vendor,
            model=self.workload,
            buffer=self._buffer,
            results=self._results,
            layers=self.board.layers(self.workload),
        )
        for line in [f"e-[Unknown command: {words[0]}]\r\n"] if lines is None else lines:
            self._print(line)
        self._print("m-ready\r\n")
        self._rest()

    def _mark_phases(self, arguments: list[str]) -> None:
        """`phases on|off` of the firmware in firmware/dut."""
        if arguments[:1] in (["on"], ["off"]):
            self._phased = arguments[0] == "on"
            self._print(self._phase_lines())
        else:
            self._print("e-[Command 'phases' requires on or off]\r\n")
        self._print("m-ready\r\n")
        self._rest()

    def _phase_lines(self) -> str:
        return f"m-phases-on\r\nm-phase-pulse-us-{PHASE_PULSE_US}\r\n" if self._phased else "m-phases-off\r\n"

    def _hang(self) -> None:
        self._program, self._crashed = None, True
        super()._hang()

    def _judge(self) -> None:
        super()._judge()
        self._spoiled |= self.state in ("inference", "late inference") and self.outcome() == "wrong"

    def _wake(self) -> None:
        if self.board.wake_s:
            self._run(self._waking())
        else:
            super()._wake()

    def _waking(self) -> Iterator[Step]:
        yield self._wake_up()
        self._judge()

    def _wake_up(self) -> Step:
        return "wake-up", self._powers["wake-up"], nanoseconds(self.board.wake_s)

    def _boot(self) -> Iterator[Step]:
        yield "boot", self._powers["boot"], nanoseconds(self.board.boot_s)
        if self.outcome() == "hangs":  # at the clock that it sets now
            self._hang()
            return
        self._print(f"m-timestamp-mode-{self.mode}\r\n")
        yield from self._mark("boot")
        self._print("m-init-done\r\n")
        self._parsing = True
        self._print("m-ready\r\n")
        while self.autorun is not None:
            iterations, pause_s, rest = self.autorun
            yield rest, self._powers[rest], nanoseconds(pause_s)
            yield from self._waking() if rest == "sleep" else ()
            yield from self._infer(iterations, 1)

    def _timed(self, command: str, arguments: list[str]) -> Iterator[Step]:
        numbers = [c_integer(argument) for argument in arguments]
        if command == "timestamp":
            yield from self._mark("timestamp")
        elif command == "clock":
            if not self._set_clock(numbers):
                return
        elif command == "layer":
            yield from self._layer(numbers)
        elif command in ("idle", "sleep"):
            yield from self._stand(command, numbers)
        else:
            iterations, warmups = (*numbers, *(1, 10)[len(numbers) :])[:2]
            # 10 warm-ups without a number, though the help says 0 (protocols.md 1.3)
            if iterations <= 0:
                self._print("e-[Inference iterations must be >0]\r\n")
            elif warmups < 0:
                self._print("e-[Inference warmup must be >=0]\r\n")
            else:
                yield from self._infer(iterations, warmups)
        self._print("m-ready\r\n")

    def _set_clock(self, numbers: list[int]) -> bool:
        """Sets the clock, if there is a number, and tells it; returns False if the processor hangs at it."""
        lowest_hz, highest_hz = self.board.silicon.clocks_hz
        if numbers and not lowest_hz <= numbers[0] <= highest_hz:
            self._print(f"e-[Clock must be from {lowest_hz:.0f} to {highest_hz:.0f}]\r\n")
            return True
        if numbers:
            self._choose_clock(float(numbers[0]))
            self._judge()
        if self._crashed:
            return False
        self._print(f"m-clock-[{self.clock_hz or 0:.0f}]\r\n")
        return True

    def _layer(self, numbers: list[int]) -> Iterator[Step]:
        """`layer K N` of the firmware in firmware/dut: one layer alone, over and over."""
        if len(numbers) < 2:
            self._print("e-[Command 'layer' requires a layer and a number of iterations]\r\n")
            return
        index, iterations, *_ = numbers
        layers = self.board.layers(self.workload)
        if not 0 <= index < len(layers):
            self._print(f"e-[No layer {index}: the last is {len(layers) - 1}]\r\n")
            return
        if iterations <= 0:
            self._print("e-[Layer iterations must be >0]\r\n")
            return
        pattern = self.board.layer(self.workload, index, clock_hz=self.clock_hz)
        yield "load", self._powers["load"], self._load_ns()
        before_ns = self._inferences[0].period_ns  # the layers before it, at most
        yield "warm-up", self._inferences[0], before_ns
        self._print(f"m-layer-start-{index}\r\nm-layer-iterations-{iterations}\r\n")
        yield from self._window([("layer", pattern, iterations * pattern.period_ns)])
        self._print("m-layer-done\r\n")

    def _stand(self, command: Rest, numbers: list[int]) -> Iterator[Step]:
        """`idle MS` and `sleep MS [N]`, between marks; `sleep` alone, until a byte comes."""
        if command == "sleep" and not numbers:
            self._bed = True
            self._print("m-sleep\r\n")
            return
        duration_ms, count = (*numbers, *(0, 1)[len(numbers) :])[:2]
        if duration_ms <= 0 or count <= 0:
            self._print(f"e-[Command '{command}' requires milliseconds and a count, >0]\r\n")
            return
        steps: list[Step] = [(command, self._powers[command], duration_ms * 1_000_000)]
        if command == "sleep":
            steps.append(self._wake_up())
        self._print(f"m-{command}-start-{duration_ms}\r\nm-{command}-count-{count}\r\n")
        yield from self._window(steps * count)
        self._print(f"m-{command}-done\r\n")

    def _window(self, steps: list[Step], number: int | None = None) -> Iterator[Step]:
        """Steps between two marks, or while the pin is held."""
        if self.marker == "pulse" or self.mode == "performance":
            yield from self._mark("start", number)
            yield from steps
            yield from self._mark("stop", number)
        else:
            self.pin.hold(sum(duration for _, _, duration in steps), number)
            yield from steps

    def _load_ns(self) -> int:
        return nanoseconds(self.board.slowed(self.board.load_s, self.clock_hz))

    def _infer(self, iterations: int, warmups: int) -> Iterator[Step]:
        number = self.infers
        self.infers += 1
        pattern = self._inferences[number % len(self._inferences)]
        yield "load", self._powers["load"], self._load_ns()
        self._print(f"m-warmup-start-{warmups}\r\n")
        early_ns = {cause: find(number) for cause, find in (self.early or {}).items()}
        yield "warm-up", pattern, warmups * pattern.period_ns
        self._print("m-warmup-done\r\n")
        if self._phased:
            self._print(self._phase_lines())
        self._print(f"m-infer-start-{iterations}\r\n")
        self._spoiled = self.outcome() == "wrong"
        duration_ns, stop_ns = iterations * pattern.period_ns, early_ns.get("stop", 0)
        if self._phased:
            yield from self._mark("start", number)
            yield from self._phases(pattern, iterations)
            yield from self._mark("stop", number)
        elif self.marker == "pulse" or self.mode == "performance":
            yield from self._mark("start", number)
            yield "mark", self._powers["mark"], early_ns.get("start", 0)
            yield "inference", pattern, duration_ns - stop_ns
            yield from self._mark("stop", number)
            yield "late inference", pattern, stop_ns
        else:
            self.pin.hold(duration_ns, number)
            yield "inference", pattern, duration_ns
        self._print("m-infer-done\r\n")
        self._print(f"{self._results()}\r\n")

    def _phases(self, pattern: Pattern, iterations: int) -> Iterator[Step]:
        """Inferences from the input's bytes to scores, with the pulses of the phase pin."""
        post_ns = nanoseconds(self.board.slowed(self.board.post_s, self.clock_hz))
        for _ in range(iterations):
            for high in (False, True, False):
                self.phase_pin.set(high)
                yield "mark", self._powers["mark"], PHASE_PULSE_US * 1000
            yield "pre-processing", self._powers["load"], self._load_ns()
            self.phase_pin.set(True)
            yield "inference", pattern, pattern.period_ns
            self.phase_pin.set(False)
            yield "post-processing", self._powers["post"], post_ns

    def _results(self) -> str:
        line = self._scoring.line(self._buffer.loaded, bytes(self._buffer.data))
        return corrupted(line) if self._spoiled else line

    def _mark(self, cause: Cause, infer: int | None = None) -> Iterator[Step]:
        if self.mode == "performance":
            self._print(f"m-lap-us-{(self._world.now_ns - self._boot_ns) // 1000}\r\n")
            self.pin.performance_mark(cause, infer)
            return
        if self.marker != "pulse":
            return  # its pin shows inferences, and nothing else
        hold_ns = nanoseconds(self.board.hold_s)
        self.pin.pulse(cause, hold_ns, infer)
        yield "mark", self._powers["mark"], hold_ns
