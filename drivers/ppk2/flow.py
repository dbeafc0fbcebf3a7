"""Whether current flows through a PPK2: what shows that its output is off, for it acknowledges nothing.

[U] What it measures with its output off is not documented; less than `ZERO_A` is taken for nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from drivers.links.serial_link import SerialLink
from drivers.ppk2.commands import START, STOP
from drivers.ppk2.stream import RATE_HZ, SampleDecoder
from energy.instruments import Deadline
from energy.signal import Block

ZERO_A = 1e-6
"""Five times the least that it measures."""
NOTHING_A = 0.2e-6
"""[U] The least that it measures: what a DUT that waits for commands does not stay below for long."""
SEEN_S = 0.02
"""So much of the stream is looked at: so long nothing must flow to be taken for off."""
_LOOK_S = 0.05


class Flow:
    """The newest currents.

    Attributes:
        flowed: Whether current ever flowed.
        samples: How many have come.
        highest_a: Their highest.
        off: Samples in a row, the newest ones, whose mean block by block was below `ZERO_A`.
        nothing: Likewise, below `NOTHING_A`.
    """

    def __init__(self) -> None:
        self.flowed = False
        self.samples, self.highest_a = 0, 0.0
        self.off = self.nothing = 0

    def add(self, block: Block) -> None:
        """Takes samples."""
        mean_a = float(block.columns[0].mean(dtype=np.float64))
        self.samples += len(block)
        self.highest_a = max(self.highest_a, float(block.columns[0].max()))
        self.flowed = self.flowed or mean_a >= ZERO_A
        self.off = self.off + len(block) if mean_a < ZERO_A else 0
        self.nothing = self.nothing + len(block) if mean_a < NOTHING_A else 0


class Look:
    """Takes samples for nobody but a `Flow`: a byte sink.

    Args:
        table: Current by the lower 17 bits of a sample.
        flow: Gets the samples.
    """

    def __init__(self, table: npt.NDArray[np.float32], flow: Flow) -> None:
        self._decoder, self._flow = SampleDecoder(table), flow

    def feed(self, chunk: bytes) -> None:
        """Bytes, in order."""
        for item in self._decoder.feed(chunk):
            if isinstance(item, Block):
                self._flow.add(item)

    def failed(self, error: Exception) -> None:
        """The port is gone; whoever writes to the link next is told."""


def seen_off(link: SerialLink, flow: Flow, send: Callable[[], None], timeout_s: float) -> bool:
    """Sends, and waits until no current flows; whether that came in time.

    Raises:
        BenchError: ``link.*``.
    """

    def forget() -> None:
        flow.off = 0

    send()
    link.between_bytes(forget)  # what came before says nothing
    return wait_for(link, lambda: flow.off >= SEEN_S * RATE_HZ, timeout_s)


def a_moment(
    link: SerialLink, table: npt.NDArray[np.float32], send: Callable[[bytes], None], timeout_s: float
) -> Flow:
    """What flows for a moment, where no stream runs; the caller takes the link back.

    Raises:
        BenchError: ``link.*``.
    """
    flow = Flow()
    link.divert(Look(table, flow))
    send(START)
    try:
        wait_for(link, lambda: flow.samples >= SEEN_S * RATE_HZ, timeout_s)
    finally:
        send(STOP)
    return flow


def wait_for(link: SerialLink, happened: Callable[[], bool], timeout_s: float) -> bool:
    """Waits until something has happened; whether it has in time.

    Raises:
        BenchError: ``link.*``.
    """
    deadline = Deadline(link.clock, timeout_s)
    while not happened():
        if deadline.expired():
            return False
        link.check()
        link.clock.wait(min(deadline.remaining(), _LOOK_S))
    return True
