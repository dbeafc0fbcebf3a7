"""A DUT on the virtual bench with any firmware: supply, UART, timestamp pin, power states.

Subclasses add the firmware: a twin that behaves like the reference (`drivers.dut.twin.dut`), or a real binary
in an emulator (`drivers.emulated.dut`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal

from drivers.virtual.boards import Board
from drivers.virtual.boards.silicon import Law, Outcome
from drivers.virtual.phase_pin import PhasePin
from drivers.virtual.pin import Cause, Pin
from drivers.virtual.timeline import Pattern
from drivers.virtual.wire import Wire
from drivers.virtual.world import World, nanoseconds
from energy.instruments import Mode

_NOTHING = Pattern.constant(0.0)

Marker = Literal["pulse", "high", "low"]
Rest = Literal["idle", "sleep"]
Listener = Callable[[bytes, int, int], None]
"""Takes bytes that the DUT has sent, the start of the first one, and the duration of each, in ns."""


def garble(data: bytes) -> bytes:
    """The bytes that a receiver at another baud rate gets: the same number, all beyond ASCII."""
    return bytes((byte * 89 + 0x55) & 0xFF | 0x80 for byte in data)


class VirtualDut(ABC):
    """A board with a firmware for one workload in one mode.

    Args:
        world: Its supply powers the board; its timeline receives the power.
        board: The board.
        workload: Workload id (``"kws01"``).
        mode: Mode of the firmware: marks are pin edges (energy) or printed microseconds.
        baud: Baud rate of its UART.
        baud_model: Whether bytes take their time on it.
        answers: Answers to inputs (drivers/dut/twin/answers.py), for a firmware that allows a choice.
        clock_hz: Clock that the firmware sets when it boots; None: that of the board's published result.

    Attributes:
        pin: The timestamp pin.
        phase_pin: The phase pin.
        rx: The wire to it; ``tx`` the wire from it.
        listener: Receiver of its bytes: a port, or the IO manager.
        peer_baud: Baud rate at the other end of its UART; None if that cannot differ.
        clock_hz: Its present clock; None where it is an emulator's.
        state: ``off boot idle receive load warm-up inference layer mark wake-up hung`` (``sleep``: see
            `state_name`).
        infers: Number of ``infer`` commands that it has begun.
        silent: Fault: it neither receives nor sends.
        answers: Faults: each may answer a command in place of the firmware, with a line.
        mangles: Faults that change sent bytes; ``hears``, those that it receives.
        extra_w: Fault: something else on its supply draws this power.
        supplied: Whether the supply's wire leads to it; False is a fault.
        back_powered: Fault: without a supply, its signal wires power it.
        short_a: Fault: a short circuit draws this current, and the firmware does not run.
        autorun: Inferences per window, seconds between windows, and ``idle`` or ``sleep`` meanwhile, of a
            firmware that takes no commands and measures by itself from boot on; None for other firmware.
        marker: How its firmware marks the inferences: ``pulse`` (a mark before and after them), or the pin is
            held ``high`` or ``low`` during them, and has no other marks.
        firmware: Image of the firmware, if it is real firmware.
        early: Fault: how many ns too early the mark of a cause comes in an ``infer`` of a number; None for
            real firmware, which cannot have it.
    """

    firmware: str | None = None
    early: Mapping[Cause, Callable[[int], int]] | None = None

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
        clock_hz: float | None = None,
    ) -> None:
        self._world = world
        self.pin = Pin(world)
        self.phase_pin = PhasePin(world)
        self.baud = baud
        wire_baud = baud if baud_model else None
        self.rx = Wire(world, wire_baud, self._received, split=b"%", on_start=self._begin_receiving)
        self.tx = Wire(world, wire_baud, self._sent)
        self.listener: Listener = lambda data, start, byte: None
        self.peer_baud: Callable[[], int | None] = lambda: None
        self.silent = False
        self.answers: list[Callable[[str], str | None]] = []
        self.mangles: list[Callable[[bytes], bytes]] = []
        self.hears: list[Callable[[bytes], bytes]] = []
        self.extra_w = 0.0
        self.supplied = True
        self.back_powered = False
        self.short_a = 0.0
        self.infers = 0
        self.autorun: tuple[int, float, Rest] | None = None
        self.marker: Marker = "pulse"
        self.state = "off"
        self._state_since = 0
        self._sleeps_at: int | None = None  # when it falls, or fell, asleep in this idle time
        self._receiving = False
        self._awake = self._asleep = Law()
        self._life = 0
        self._alive = False
        self._pattern = _NOTHING
        self._answers = answers
        self._firmware_hz = None if clock_hz is None else board.checked_clock(clock_hz)
        self.flash(board, workload, mode)
        world.supply.listeners.append(self.power)
        world.changed.append(self._conditions_changed)
        world.on_clock = self.set_clock
        self.power()

    def flash(self, board: Board, workload: str, mode: Mode) -> None:
        """Replaces the firmware; the new one runs from the next power-on or `reset`."""
        self.board, self.workload = board, workload
        self.mode: Mode = mode
        self._choose_clock(self._firmware_hz)
        self._forget()

    def _choose_clock(self, clock_hz: float | None) -> None:
        """Makes the powers at a clock, None for the board's own, and at the published voltage."""
        board = self.board
        self.clock_hz = board.clock_hz if clock_hz is None else clock_hz
        self._powers = {
            "boot": Pattern.constant(board.boot_w),
            "sleep": Pattern.constant(board.sleep_w),
        }
        clocked = {
            "idle": board.idle_w,
            "receive": board.receive_w,
            "load": board.load_w,
            "mark": board.load_w,
            "post": board.post_w,
            "wake-up": board.wake_w,
        }
        for name, power_w in clocked.items():
            self._powers[name] = Pattern.constant(board.clocked_w(power_w, self.clock_hz) if power_w else 0.0)

    def set_clock(self, clock_hz: float) -> None:
        """Sets the clock from outside: what a hook does that programs the DUT. It stays after a reset.

        Raises:
            UsageError: ``virtual.no-clock`` if the board does not have this clock.
        """
        self._firmware_hz = self.board.checked_clock(clock_hz)
        self.reset()

    def state_name(self) -> str:
        """The state; sleep is separate from idle."""
        return "sleep" if self._sleeping() else self.state

    def _sleeping(self) -> bool:
        at = self._sleeps_at
        return self.state == "idle" and at is not None and self._world.now_ns >= at

    def reset(self) -> None:
        """Resets the DUT, as a brown-out does: everything that ran is lost, and the firmware boots."""
        if self._alive:
            self._restart()

    def power(self) -> None:
        """Handles a change of its power sources."""
        supply = self._world.supply
        fed = supply.on and self.supplied
        supply.short_a = self.short_a if self.supplied else 0.0
        alive = (fed or self.back_powered) and not self.short_a
        self._set_laws()
        if alive and self._alive:  # from another source than before: it continues to run
            self._judge()
            self._redraw()
            return
        self._alive = alive
        self._restart()

    def _conditions_changed(self) -> None:
        """Handles a change of the supply's voltage or of the temperature."""
        self.power() if self.short_a else self._set_laws()
        if self._alive:
            self._judge()
            self._redraw()

    def _fed(self) -> bool:
        return self._world.supply.on and self.supplied

    def _voltage_v(self) -> float:
        """The voltage that it runs at; over signal wires, as if it were its own."""
        return self._world.supply.output_v if self._fed() else self.board.voltage_v

    def _set_laws(self) -> None:
        conditions = self._voltage_v(), self._world.temperature_c
        self._awake, self._asleep = self.board.awake(*conditions), self.board.asleep(*conditions)

    def outcome(self) -> Outcome:
        """Whether the processor runs at the present voltage and clock."""
        return self.board.outcome(self._voltage_v(), self.clock_hz)

    def _judge(self) -> None:
        """Stops the firmware if the voltage is too low for its clock, which is low in boot and off asleep."""
        stands_still = self.state in ("off", "boot", "hung", "sleep") or self._sleeping()
        if not stands_still and self.outcome() == "hangs":
            self._hang()

    def _hang(self) -> None:
        """Runs no more until power comes again or a reset; the clock keeps running."""
        self._life += 1
        self._enter("hung", self._powers["idle"])

    @abstractmethod
    def _start(self) -> None:
        """Starts the firmware: power has come, or a reset is over."""

    @abstractmethod
    def _forget(self) -> None:
        """Clears the firmware's memory."""

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """Takes bytes for the firmware; the last of them has just arrived."""

    def _restart(self) -> None:
        self._life += 1
        self.phase_pin.set(False)
        self.rx.cut()
        self.tx.cut()
        if self.clock_hz != (self._firmware_hz or self.board.clock_hz):
            self._choose_clock(self._firmware_hz)
        self._receiving = False
        self._forget()
        if self._alive:
            self._start()
        else:
            supply = self._world.supply
            self._enter("off", Pattern.constant(min(self.short_a, supply.limit_a) * supply.voltage_v))

    def _enter(self, state: str, pattern: Pattern) -> None:
        """Begins a state, with its power at the published voltage and 25 degC."""
        self.state, self._state_since, self._sleeps_at = state, self._world.now_ns, None
        self._pattern = pattern
        self._draw(self._world.now_ns, pattern)

    def _draw(self, time_ns: int, pattern: Pattern, law: Law | None = None) -> None:
        """Sets the supply's load from this time on; power over signal wires is not a load of the supply.

        Args:
            time_ns: From when on.
            pattern: Power at the published voltage and 25 degC.
            law: Its law, if it is not that of all powers awake.
        """
        since_ns = self._world.now_ns - self._state_since
        if not self._fed():
            pattern = _NOTHING
        elif self.state != "off":  # a short circuit has no law
            law = law or (self._asleep if self.state == "sleep" else self._awake)
            pattern = pattern.changed(law.slope, law.offset_w)
        if self._fed() and self.extra_w:
            pattern = pattern.raised(self.extra_w)
        self._world.timeline.set(time_ns, pattern, since_ns % pattern.period_ns)

    def _redraw(self) -> None:
        """The load under new conditions: the running state goes on where it is."""
        if not self._sleeping():
            self._draw(self._world.now_ns, self._pattern)
        if self._sleeps_at is not None:
            self._draw(max(self._sleeps_at, self._world.now_ns), self._powers["sleep"], self._asleep)

    def _rest(self) -> None:
        self._enter("idle", self._powers["idle"])
        if self.board.sleep_after_s is not None:
            self._sleep_at(self._world.now_ns + nanoseconds(self.board.sleep_after_s))

    def _sleep_at(self, time_ns: int) -> None:
        """Plans to fall asleep in this idle time; a byte cancels it."""
        self._sleeps_at = time_ns
        self._redraw()

    def _begin_receiving(self) -> None:
        self._receiving = True
        if self._sleeping():
            self._wake()
        elif self.state == "idle":
            self._enter("receive", self._powers["receive"])

    def _wake(self) -> None:
        """Wakes up: a byte has begun."""
        self._enter("receive", self._powers["receive"])

    def _received(self, data: bytes, start_ns: int) -> None:
        self._receiving = False
        if self.state in ("off", "hung") or self.silent:
            return
        if self.peer_baud() not in (None, self.baud):
            data = garble(data)
        for hear in self.hears:
            data = hear(data)
        self.receive(data)

    def receive(self, data: bytes) -> None:
        """Takes bytes at its UART, whoever has sent them."""
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
