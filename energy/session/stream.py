"""The queue of a monitor's items: the driver's thread puts them in, the session's thread takes them out.

So recording, windows and decisions happen in one thread and in one order.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass

from energy.errors import JoulebenchError
from energy.instruments import Clock
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, Gap, RangeChange


@dataclass(frozen=True, slots=True)
class Samples:
    """A block of samples.

    Attributes:
        block: The samples.
        came_s: When they arrived, on the session's clock.
    """

    block: Block
    came_s: float


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of a digital input.

    Attributes:
        source: The input.
        block: Its levels.
    """

    source: DigitalInput
    block: DigitalBlock


@dataclass(frozen=True, slots=True)
class Watermark:
    """No edge before a position will still come.

    Attributes:
        position: The position, in samples since the monitor was started.
    """

    position: float


@dataclass(frozen=True, slots=True)
class Fault:
    """The stream has ended, or cannot be trusted any more.

    Attributes:
        error: Why.
    """

    error: JoulebenchError


StreamItem = Samples | Levels | Edge | Gap | RangeChange | Watermark | Fault
"""An item of the queue. Positions count from the monitor's last start."""


class StreamQueue:
    """A ``Sink`` that keeps every item, in order of arrival, until the session takes it.

    Args:
        clock: The session's clock, which gives the arrival times of samples.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[StreamItem] = queue.SimpleQueue()

    def block(self, block: Block) -> None:
        """Takes samples."""
        self._queue.put(Samples(block, self._clock.now()))

    def edge(self, edge: Edge) -> None:
        """Takes an edge."""
        self._queue.put(edge)

    def gap(self, gap: Gap) -> None:
        """Takes a gap."""
        self._queue.put(gap)

    def range_change(self, change: RangeChange) -> None:
        """Takes a change of range."""
        self._queue.put(change)

    def digital(self, source: DigitalInput, block: DigitalBlock) -> None:
        """Takes levels of a digital input."""
        self._queue.put(Levels(source, block))

    def edges_complete(self, position: float) -> None:
        """Takes a watermark."""
        self._queue.put(Watermark(position))

    def fault(self, error: JoulebenchError) -> None:
        """Takes the error that ended the stream, or because of which it cannot be trusted."""
        self._queue.put(Fault(error))

    def items(self) -> Iterator[StreamItem]:
        """The items that arrived, one by one; if the caller stops early, the others stay in the queue."""
        while True:
            try:
                yield self._queue.get_nowait()
            except queue.Empty:
                return
