"""Current through a PPK2. It shows whether the output is off, because the PPK2 acknowledges nothing.

What a PPK2 measures with its output off is not documented; less than `ZERO_A` counts as no current.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from drivers.links.serial_link import SerialLink
from drivers.ppk2.commands import START, STOP
from drivers.ppk2.stream import RATE_HZ, SampleDecoder
from drivers.unverified import Check, Unverified
from energy.instruments import Deadline
from energy.signal import Block

ZERO_A = 1e-6
"""Five times the smallest current that the PPK2 measures."""
NOTHING_A = 0.2e-6
"""The smallest current that the PPK2 measures. A waiting DUT draws more most of the time."""
SEEN_S = 0.02
"""How long no current must flow until the output counts as off."""
_LOOK_S = 0.05


OUTPUT = Check(
    "whether `off` is confirmed, and when a lost output is noticed",
    "switch its output off and on under a load, and read the currents of the recording",
)
UNVERIFIED = (
    Unverified(
        "ZERO_A", "What a PPK2 measures with its output off: less than this counts as no current.", *OUTPUT
    ),
    Unverified("NOTHING_A", "The smallest current that it measures.", *OUTPUT),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Flow:
    """Statistics of the newest samples of current.

    Attributes:
        flowed: Whether current has flowed at any time.
        samples: Number of samples so far.
        highest_a: Highest current so far.
        off: Number of newest samples in blocks whose mean current was below `ZERO_A`, without interruption.
        nothing: The same for `NOTHING_A`.
    """

    def __init__(self) -> None:
        self.flowed = False
        self.samples, self.highest_a = 0, 0.0
        self.off = self.nothing = 0

    def add(self, block: Block) -> None:
        """Adds a block of samples."""
        mean_a = float(block.columns[0].mean(dtype=np.float64))
        self.samples += len(block)
        self.highest_a = max(self.highest_a, float(block.columns[0].max()))
        self.flowed = self.flowed or mean_a >= ZERO_A
        self.off = self.off + len(block) if mean_a < ZERO_A else 0
        self.nothing = self.nothing + len(block) if mean_a < NOTHING_A else 0


class FlowMeter:
    """A byte sink that decodes samples only to add them to a `Flow`.

    Args:
        table: Current by the lower 17 bits of a sample.
        flow: Receives the samples.
    """

    def __init__(self, table: npt.NDArray[np.float32], flow: Flow) -> None:
        self._decoder, self._flow = SampleDecoder(table, compiled=False), flow

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        for item in self._decoder.feed(chunk):
            if isinstance(item, Block):
                self._flow.add(item)

    def failed(self, error: Exception) -> None:
        """Does nothing: the next write to the link reports that the port is gone."""


def verify_off(link: SerialLink, flow: Flow, send: Callable[[], None], timeout_s: float) -> bool:
    """Sends a command and returns whether the current stops within the time.

    Raises:
        BenchError: ``link.*``.
    """

    def reset() -> None:
        flow.off = 0

    send()
    link.between_bytes(reset)  # samples before the command confirm nothing
    return wait_for(link, lambda: flow.off >= SEEN_S * RATE_HZ, timeout_s)


def verify_off_by_samples(
    link: SerialLink,
    table: npt.NDArray[np.float32],
    send_off: Callable[[], None],
    send: Callable[[bytes], None],
    tries: int,
    timeout_s: float,
) -> bool:
    """Switches off, samples for a moment, and returns whether no current flows. It takes the link's bytes.

    Args:
        link: The port.
        table: Ampere for each value of ADC and range.
        send_off: Switches off.
        send: Sends a command.
        tries: How often it switches off.
        timeout_s: How long the samples are watched after each try.
    """
    flow = Flow()
    link.divert(FlowMeter(table, flow))

    def off_and_sample() -> None:
        send_off()
        send(START)

    try:
        return any(verify_off(link, flow, off_and_sample, timeout_s) for _ in range(tries))
    finally:
        send(STOP)


def measure_flow(
    link: SerialLink, table: npt.NDArray[np.float32], send: Callable[[bytes], None], timeout_s: float
) -> Flow:
    """Measures the current for a moment while no stream runs; the caller then diverts the link again.

    Raises:
        BenchError: ``link.*``.
    """
    flow = Flow()
    link.divert(FlowMeter(table, flow))
    send(START)
    try:
        wait_for(link, lambda: flow.samples >= SEEN_S * RATE_HZ, timeout_s)
    finally:
        send(STOP)
    return flow


def wait_for(link: SerialLink, happened: Callable[[], bool], timeout_s: float) -> bool:
    """Waits for a condition and returns whether it became true within the time.

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
