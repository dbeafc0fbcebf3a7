"""The PPK2's port: its metadata, and the thread's end of its samples (protocols.md 6)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from drivers.links.serial_link import SerialLink, printable
from drivers.ppk2.commands import METADATA, STOP
from drivers.ppk2.flow import Flow
from drivers.ppk2.metadata import END, Calibration, read_metadata
from drivers.ppk2.pace import Pace
from drivers.ppk2.stream import RATE_HZ, SAMPLE_BYTES, TURN, Item, SampleDecoder
from energy.errors import BenchError
from energy.instruments import Deadline, Sink, no_samples
from energy.signal import Block, DigitalBlock, DigitalInput, Gap

METADATA_S = 1.0
TRIES = 3
REPLUG = "Unplug it and plug it in again; use its first port (location ending in 1); close other programs."
_STOP_S = 1.0
_QUIET_S = 0.1
_LOOK_S = 0.05
_LOST_BYTES = int(RATE_HZ) * SAMPLE_BYTES
"""A second without a running counter: then it is no stream of samples any more."""
_LEVEL_AT = 0.5
"""[U] When in its 10 us a sample's logic levels are taken is not documented; the middle is assumed, so an
edge may lie half a sample further off than its bound says."""


class Ear:
    """Listens to what is not samples.

    Args:
        most: So many bytes are remembered, the last ones.

    Attributes:
        heard: They.
    """

    def __init__(self, most: int = 16384) -> None:
        self.heard = b""
        self._most = most

    def feed(self, chunk: bytes) -> None:
        """Bytes, in order."""
        self.heard = (self.heard + chunk)[-self._most :]

    def failed(self, error: BenchError) -> None:
        """The port is gone; whoever writes to the link next is told."""


def quiet(link: SerialLink) -> bool:
    """Lets the line become quiet; whether it did."""
    limit = Deadline(link.clock, _STOP_S)
    while not limit.expired():
        seen = link.traffic.received
        link.clock.sleep(_QUIET_S)
        if link.traffic.received == seen:
            return True
    return False


def hush(link: SerialLink) -> None:
    """Stops what an earlier session, killed perhaps, has left running, and forgets what came."""
    link.write(STOP)
    if not quiet(link):
        link.write(STOP)
        quiet(link)


def ask_metadata(link: SerialLink) -> Calibration:
    """Asks for the metadata, three times if need be; nothing else may be coming.

    Raises:
        BenchError: ``ppk2.silent``, ``ppk2.metadata``; ``link.*``.
    """
    text = ""
    for _ in range(TRIES):
        ear = Ear()
        link.divert(ear)
        link.write(METADATA)
        deadline = Deadline(link.clock, METADATA_S)
        while END not in ear.heard and not deadline.expired():
            link.clock.wait(min(deadline.remaining(), _LOOK_S))
        text = ear.heard.decode("latin-1")
        for line in text.splitlines():
            link.note(printable(line.encode("latin-1")), sent=False)
        if END in ear.heard:
            return read_metadata(text[: text.index("END")], link.url)
    raise BenchError(
        "ppk2.metadata" if text else "ppk2.silent",
        f"metadata up to a line END was expected from the PPK2 ({link.url}) within {METADATA_S:g} s; "
        + (f"{printable(text[-80:].encode('latin-1'))!r} came" if text else "nothing came"),
        REPLUG,
    )


class SampleStream:
    """Takes the samples' bytes in the link's thread.

    Args:
        link: The port.
        table: Current by the lower 17 bits of a sample.
        logic: The logic input that is passed on.
        sink: Gets samples, levels, gaps and faults. Edges are complete as far as no turn of the counter can
            have been lost unnoticed, so whoever waits for them waits for that, too.

    Attributes:
        decoder: What the bytes go through.
        pace: What compares their number with the host's clock.
        flow: How much current flows.
        began: Whether something has come.
        faulty: Whether the sink was told that the stream cannot be trusted.
        lost: Whether the port is gone.
    """

    def __init__(self, link: SerialLink, table: npt.NDArray[np.float32], logic: int, sink: Sink) -> None:
        self.decoder = SampleDecoder(table, logic)
        self.pace = Pace(RATE_HZ, TURN)
        self.flow = Flow()
        self.began = False
        self.faulty = False
        self.lost = False
        self._link = link
        self._input = DigitalInput(f"d{logic}", RATE_HZ, _LEVEL_AT)
        self._sink = sink
        self._complete = 0

    def feed(self, chunk: bytes) -> None:
        """Bytes, in order."""
        if self.faulty:
            return
        now_s = self._link.clock.now()
        self.began = True
        self._pass_on(self.decoder.feed(chunk))
        if self.decoder.skipped > _LOST_BYTES:
            self._fault(
                BenchError(
                    "ppk2.garbled",
                    f"samples were expected from the PPK2 ({self._link.url}); for a second nothing came "
                    "whose counter runs on",
                    f"Another program may read from its port. {REPLUG}",
                )
            )
            return
        for gap in self.pace.add(now_s, self.decoder.received):
            self._sink.gap(gap)
        self._see_complete(min(self.pace.verified, self.decoder.position))

    def failed(self, error: BenchError) -> None:
        """The port is gone."""
        self.lost = True
        self._fault(error)

    def silent(self, seconds: float) -> None:
        """No byte has come for so long: from the thread that watches."""
        error = no_samples("ppk2", f"the PPK2 ({self._link.url})", seconds, REPLUG)
        self._link.between_bytes(lambda: self._fault(error))

    def finish(self) -> None:
        """Hands over what still waits for the sample after it."""
        if not self.faulty:
            self._pass_on(self.decoder.finish())
            self._see_complete(self.decoder.position)

    def _see_complete(self, position: int) -> None:
        """All edges before this position are known, but the one that the next level may show."""
        if position - 1 > self._complete:
            self._complete = position - 1
            self._sink.edges_complete(float(self._complete))

    def _pass_on(self, items: list[Item]) -> None:
        sink = self._sink
        for item in items:
            if isinstance(item, Block):
                self.flow.add(item)
                sink.block(item)
            elif isinstance(item, DigitalBlock):
                sink.digital(self._input, item)
            elif isinstance(item, Gap):
                sink.gap(item)
            else:
                sink.range_change(item)

    def _fault(self, error: BenchError) -> None:
        """Reports the first fault: what follows it follows from it."""
        if not self.faulty:
            self._pass_on(self.decoder.finish())
            self.faulty = True
            self._sink.fault(error)
