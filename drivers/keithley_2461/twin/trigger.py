"""The trigger model of a Keithley 2461, as far as a gate needs it, and a digital line (protocols.md 4.2)."""

from __future__ import annotations

from collections.abc import Callable

from drivers.keithley_2461.twin.tsp import RUNTIME, Name, TspError, Value
from drivers.unverified import Unverified
from drivers.virtual.world import World, nanoseconds

CLEAR_BUFFER = "trigger.BLOCK_BUFFER_CLEAR"
WAIT = "trigger.BLOCK_WAIT"
DIGITIZE = "trigger.BLOCK_MEASURE_DIGITIZE"
DELAY = "trigger.BLOCK_DELAY_CONSTANT"
INFINITE = "trigger.COUNT_INFINITE"
STOP = "trigger.COUNT_STOP"
CLEAR_ENTER = "trigger.CLEAR_ENTER"
CLEAR_NEVER = "trigger.CLEAR_NEVER"
EVENT = "trigger.EVENT_DIGIO1"
NAMES = frozenset((CLEAR_BUFFER, WAIT, DIGITIZE, DELAY, INFINITE, STOP, CLEAR_ENTER, CLEAR_NEVER, EVENT))


UNVERIFIED = (
    Unverified(
        "",
        "The output of `state()` after its first word, the time that the model takes from an event to the "
        "next block, and how `CLEAR_ENTER` treats an event at the time of entry.",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class DigitalLine:
    """A digital line's own detector. The trigger model does not clear it.

    Attributes:
        detected: Whether an edge has come since it was cleared.
        overrun: Whether another edge has come.
    """

    def __init__(self) -> None:
        self.detected = self.overrun = False

    def clear(self) -> None:
        """Clears the detected edges."""
        self.detected = self.overrun = False

    def edge(self) -> None:
        """Takes an edge."""
        self.overrun = self.overrun or self.detected
        self.detected = True


class TriggerModel:
    """A sequence of blocks.

    Args:
        world: Its clock.
        latency_ns: Time from an event to the next block.
        clear: Empties a buffer.
        begin: Begins to digitize into a buffer.
        stop: Stops digitizing.

    Attributes:
        running: Whether it was started and has not ended.
        block: Number of the present block, 0 if there is none.
    """

    def __init__(
        self,
        world: World,
        latency_ns: int,
        *,
        clear: Callable[[Value], None],
        begin: Callable[[Value], None],
        stop: Callable[[], None],
    ) -> None:
        self._world, self._latency_ns = world, latency_ns
        self._clear, self._begin, self._stop = clear, begin, stop
        self._blocks: dict[int, tuple[Value, ...]] = {}
        self._life = 0
        self._seen = False
        self._waiting = False
        self.running = False
        self.block = 0

    def load(self, template: Value) -> None:
        """Executes ``trigger.model.load("Empty")``."""
        if template != "Empty":
            raise TspError(RUNTIME, f"no template {template!r} here")
        self.abort()
        self._blocks.clear()

    def set_block(self, number: Value, kind: Value, *arguments: Value) -> None:
        """Executes ``trigger.model.setblock(n, kind, ...)``."""
        if kind not in (CLEAR_BUFFER, WAIT, DIGITIZE, DELAY) or not isinstance(number, float) or number < 1:
            raise TspError(RUNTIME, f"no block {kind} here")
        if kind == WAIT and arguments[:1] != (Name(EVENT),):
            raise TspError(RUNTIME, f"no event {arguments[:1]} here")
        if kind == DIGITIZE and arguments[1:] not in ((Name(INFINITE),), (Name(STOP),)):
            raise TspError(RUNTIME, f"no count {arguments[1:]} here")
        self._blocks[int(number)] = (kind, *arguments)

    def state(self) -> tuple[Value, ...]:
        """The state, the block's status, the block's number."""
        if not self.running:
            return Name("trigger.STATE_IDLE" if self._blocks else "trigger.STATE_EMPTY"), Name("none"), 0
        state = "trigger.STATE_WAITING" if self._waiting else "trigger.STATE_RUNNING"
        return Name(state), Name("trigger.STATE_EMPTY"), self.block

    def initiate(self) -> None:
        """Starts at block 1."""
        if not self._blocks:
            raise TspError(RUNTIME, "the trigger model is empty")
        if self.running:
            raise TspError(RUNTIME, "the trigger model is already running")
        self._life += 1
        self.running, self._seen = True, False
        self._go(1)

    def abort(self) -> None:
        """Ends the model and everything that it has begun."""
        self._life += 1
        self.running = self._waiting = False
        self.block = 0
        self._stop()

    def event(self) -> None:
        """Takes the digital line's event."""
        if not self.running:
            return
        self._seen = True
        if self._waiting:
            self._waiting = False
            self._later(self._latency_ns)

    def _later(self, delay_ns: int) -> None:
        life, block = self._life, self.block + 1
        self._world.after(delay_ns, lambda: self._go(block) if life == self._life else None)

    def _go(self, block: int) -> None:
        while block in self._blocks:
            self.block = block
            kind, *arguments = self._blocks[block]
            if kind == WAIT:
                if CLEAR_ENTER in arguments:
                    self._seen = False
                if not self._seen:
                    self._waiting = True
                    return
            elif kind == DELAY:
                self._later(nanoseconds(arguments[0]))
                return
            elif kind == CLEAR_BUFFER:
                self._clear(arguments[0])
            elif arguments[1] == INFINITE:
                self._begin(arguments[0])
            else:
                self._stop()
            block += 1
        self.running, self.block = False, 0
