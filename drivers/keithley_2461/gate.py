"""A Keithley 2461's trigger model as a gate: one edge of the DUT begins to digitize, the next ends it.

In addition to the five blocks of protocols.md 4.2: a wait discards edges from before it was entered, a pause
after each edge skips its bounces, and a last wait shows whether an edge came that belongs to no window.
"""

from __future__ import annotations

from enum import Enum

from drivers.keithley.common import WINDOWS
from drivers.keithley.tsp import Tsp
from drivers.unverified import Unverified
from energy.errors import BenchError
from energy.instruments import Deadline

HOLD_S = 50e-6
"""Edges within this time of another belong to it: EEMBC's ``timestamp-hold-us`` (protocols.md 1.5)."""
_ARM_S = 2.0
_LOOK_S = 0.01
_OPENS, _LAST_WAIT = 2, 8
_STATISTICS = "joulebench_statistics"
_BUSY = ("WAITING", "RUNNING", "BUILDING")
"""Words of ``trigger.model.state()`` while the model has not ended."""


UNVERIFIED = (
    Unverified(
        "", "The constants `CLEAR_ENTER` and `BLOCK_DELAY_CONSTANT`, and the template `Empty`.", *WINDOWS
    ),
    Unverified(
        "Gate.stage",
        "The form of `trigger.model.state()`: the state first, the number of the block last, and the words"
        " of a model that has not ended.",
        *WINDOWS,
    ),
    Unverified(
        "Gate.highest_a",
        "`buffer.getstats` answers during readings and does not disturb them.",
        "when a short peak of current is noticed: at the next query, or at the window's end",
        "send the query while a function generator holds a gate open; check the window for gaps",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


_DIGITS = 9
"""Digits of a block's number at most."""


class Stage(Enum):
    """State of the gate."""

    ARMED = "armed"
    """The gate waits for the edge that opens it."""
    OPEN = "open"
    """The gate waits for the edge that closes it."""
    CLOSED = "closed"
    """Two edges have come."""
    OVER = "over"
    """The trigger model has ended: a third edge has come, or it was aborted."""


class Gate:
    """The trigger model and digital line 1.

    Args:
        tsp: The instrument.
        buffer: The reading buffer's name.

    Attributes:
        armed: Whether the trigger model was started and not ended since.
    """

    def __init__(self, tsp: Tsp, buffer: str) -> None:
        self._tsp, self._buffer = tsp, buffer
        self.armed = False

    def prepare(self) -> None:
        """Sets up the line and the blocks; the event log shows whether they were accepted."""
        tsp = self._tsp
        tsp.set_name("digio.line[1].mode", "digio.MODE_TRIGGER_IN")
        tsp.set_name("trigger.digin[1].edge", "trigger.EDGE_FALLING")
        tsp.do('trigger.model.load("Empty")')
        wait = "trigger.BLOCK_WAIT, trigger.EVENT_DIGIO1, trigger.CLEAR_ENTER"
        pause = f"trigger.BLOCK_DELAY_CONSTANT, {HOLD_S:g}"
        digitize = f"trigger.BLOCK_MEASURE_DIGITIZE, {self._buffer}"
        blocks = (
            f"trigger.BLOCK_BUFFER_CLEAR, {self._buffer}",
            wait,
            f"{digitize}, trigger.COUNT_INFINITE",
            pause,
            wait,
            f"{digitize}, trigger.COUNT_STOP",
            pause,
            wait,
        )
        for number, block in enumerate(blocks, start=1):
            tsp.do(f"trigger.model.setblock({number}, {block})")

    def arm(self) -> None:
        """Starts the trigger model, and checks that it waits for the edge that opens the gate.

        Raises:
            BenchError: ``k2461.not-armed``, ``k2461.refused``; errors of the link.
        """
        tsp = self._tsp
        tsp.do("trigger.digin[1].clear()")
        tsp.do("trigger.model.initiate()")
        self.armed = True
        deadline = Deadline(tsp.link.clock, _ARM_S)
        while (stage := self.stage()) is not Stage.ARMED:
            if deadline.expired():
                self.disarm()
                tsp.check_errors("to start its trigger model")
                raise BenchError(
                    f"{tsp.who}.not-armed",
                    f"the gate of {tsp.link.resource} was expected to wait for an edge within {_ARM_S:g} s; "
                    f"its state is {stage.value}",
                    "Read its display, and check digital line 1: the DUT's timestamp pin must be high.",
                )
            tsp.link.clock.sleep(_LOOK_S)

    def disarm(self) -> None:
        """Ends the trigger model, wherever it is."""
        self._tsp.do("trigger.model.abort()")
        self.armed = False

    def highest_a(self) -> float:
        """Highest reading in the buffer so far, in ampere; 0 if there is none. It may be a mark of overload.

        ``buffer.getstats`` is taken to answer during readings, and not to disturb them.
        """
        tsp = self._tsp
        if tsp.number(f"{self._buffer}.n") < 1:
            return 0.0
        tsp.do(f"{_STATISTICS} = buffer.getstats({self._buffer})")
        try:
            return float(tsp.ask(f"{_STATISTICS}.max.reading"))
        except ValueError:
            return tsp.number(f"{_STATISTICS}.max.reading")  # with its error

    def line_overrun(self) -> bool:
        """Whether the line itself has detected two or more edges since ``arm``.

        The line has its own detector, which the trigger model does not clear. After a window this is true.
        """
        return self._tsp.ask("trigger.digin[1].overrun") == "true"

    def stage(self) -> Stage:
        """Reads ``trigger.model.state()``: the state is first, the number of the block last.

        Raises:
            BenchError: ``k2461.answer``, ``k2461.refused``; errors of the link.
        """
        tsp = self._tsp
        answer = tsp.ask("trigger.model.state()")
        words = answer.split()
        if len(words) < 2 or not words[-1].isdecimal() or len(words[-1]) > _DIGITS:
            tsp.check_errors("the query of the trigger model's state")
            raise BenchError(
                f"{tsp.who}.answer",
                f"the trigger model's state was expected from {tsp.link.resource}, but {answer!r} arrived",
                "Does another program use it? Only one may.",
            )
        block = int(words[-1])
        if not words[0].endswith(_BUSY):
            return Stage.OVER
        if block <= _OPENS:
            return Stage.ARMED if words[0].endswith("WAITING") else Stage.OPEN
        return Stage.CLOSED if block == _LAST_WAIT else Stage.OPEN
