"""The PPK2's port: its metadata, and its samples, which arrive in the link's thread (protocols.md 6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from drivers.links.serial_link import SerialLink, printable
from drivers.ppk2.commands import METADATA, REGULATOR, STOP
from drivers.ppk2.flow import Flow
from drivers.ppk2.metadata import END, Calibration, differences, read_metadata
from drivers.ppk2.pace import Pace
from drivers.ppk2.stream import RATE_HZ, SAMPLE_BYTES, TURN, Item, PhaseLevels, SampleDecoder
from drivers.unverified import LOG, STEP, Unverified
from energy.errors import BenchError
from energy.instruments import Deadline, Sink, no_samples
from energy.signal import Block, DigitalBlock, DigitalInput, Gap

METADATA_S = 1.0
TRIES = 3
_READINGS = 5
REPLUG = "Unplug it and plug it in again; use its first port (location ending in 1); close other programs."
_STOP_S = 1.0
_QUIET_S = 0.1
_LOOK_S = 0.05
_LOST_BYTES = int(RATE_HZ) * SAMPLE_BYTES
"""A second without a running counter: after that, the bytes do not count as a stream of samples."""
_LEVEL_AT = 0.5
"""Where in its 10 us a sample's logic levels are taken is not documented; the middle is assumed, so
an edge may be half a sample further away than its bound says."""


UNVERIFIED = (
    Unverified(
        "_LEVEL_AT",
        "Where in its 10 us a sample's logic levels are taken: in the middle, so an edge may be half a "
        "sample further away than its bound says.",
        "the position of every edge, by half a sample",
        STEP,
    ),
    Unverified(
        "set_regulator",
        "`VDD` in the metadata follows the voltage that was set.",
        "whether a damaged command is noticed; metadata that do not follow change nothing",
        LOG,
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class LastBytes:
    """A byte sink for bytes that are not samples: keeps the last of them, discards the rest.

    Args:
        most: Number of bytes that are kept.

    Attributes:
        received: The bytes that were kept.
    """

    def __init__(self, most: int = 16384) -> None:
        self.received = b""
        self._most = most

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        self.received = (self.received + chunk)[-self._most :]

    def failed(self, error: BenchError) -> None:
        """Does nothing: the next write to the link reports that the port is gone."""


def wait_silent(link: SerialLink) -> bool:
    """Waits until no more bytes arrive and returns whether that happened in time."""
    limit = Deadline(link.clock, _STOP_S)
    while not limit.expired():
        seen = link.traffic.received
        link.clock.sleep(_QUIET_S)
        if link.traffic.received == seen:
            return True
    return False


def discard(link: SerialLink) -> None:
    """Stops a stream that an earlier session (perhaps a killed one) left running, and discards its bytes."""
    link.write(STOP)
    if not wait_silent(link):
        link.write(STOP)
        wait_silent(link)


def ask_metadata(link: SerialLink) -> Calibration:
    """Reads the metadata until two readings agree, at most five times; nothing else may be arriving.

    The metadata have no checksum, and they convert every sample: a lost byte would change every current.

    Raises:
        BenchError: ``ppk2.silent``, ``ppk2.metadata``; ``link.*``.
    """
    readings: list[Calibration] = []
    failure: BenchError | None = None
    for _ in range(_READINGS):
        try:
            reading = read_metadata(request_metadata(link), link.url)
        except BenchError as error:
            if error.code != "ppk2.metadata":
                raise
            failure = error
            continue
        if any(not differences(reading, earlier) for earlier in readings):
            return reading
        readings.append(reading)
    if len(readings) < 2:
        assert failure is not None
        raise failure
    raise BenchError(
        "ppk2.metadata",
        f"{_READINGS} readings of the PPK2's calibration ({link.url}) differ: "
        f"{differences(readings[-2], readings[-1])}",
        REPLUG,
    )


def request_metadata(link: SerialLink) -> str:
    """Requests the metadata, up to three times; returns their text up to ``END``.

    Raises:
        BenchError: ``ppk2.silent``, ``ppk2.metadata`` if they do not end; ``link.*``.
    """
    text = ""
    for _ in range(TRIES):
        buffer = LastBytes()
        link.divert(buffer)
        link.write(METADATA)
        deadline = Deadline(link.clock, METADATA_S)
        while END not in buffer.received and not deadline.expired():
            link.clock.wait(min(deadline.remaining(), _LOOK_S))
        text = buffer.received.decode("latin-1")
        for line in text.splitlines():
            link.note(printable(line.encode("latin-1")), sent=False)
        if END in buffer.received:
            return text[: text.index("END")]
    raise BenchError(
        "ppk2.metadata" if text else "ppk2.silent",
        f"metadata up to a line END was expected from the PPK2 ({link.url}) within {METADATA_S:g} s; "
        + (f"{printable(text[-80:].encode('latin-1'))!r} came" if text else "nothing came"),
        REPLUG,
    )


def set_regulator(
    link: SerialLink, millivolts: int, before: Calibration | None, send: Callable[[bytes], None]
) -> None:
    """Sets the regulator's voltage, and reads it back from the metadata where they state it (``VDD``).

    The command is not acknowledged, and a damaged one would set another voltage. Metadata that state the same
    as before do not follow the setting, or it was lost each time: then it is unconfirmed.

    Args:
        link: The port.
        millivolts: The voltage.
        before: The metadata, as they were first read; None while samples arrive, which hide an answer.
        send: Sends a command.

    Raises:
        BenchError: ``ppk2.readback`` if they state neither this voltage nor the former one; those of
            ``ask_metadata``.
    """
    stated = found = before.details.get("VDD") if before is not None else None
    for _ in range(TRIES):
        send(REGULATOR + millivolts.to_bytes(2, "big"))
        if before is None or stated is None:
            return
        found = ask_metadata(link).details.get("VDD")
        if found == str(millivolts):
            return
    if found != stated:
        raise BenchError(
            "ppk2.readback",
            f"{millivolts} mV were sent to the PPK2 ({link.url}) {TRIES} times, and its metadata state "
            f"VDD: {found}",
            REPLUG,
        )


class SampleStream:
    """A byte sink, in the link's thread, that decodes the stream of samples and passes it to a sink.

    Args:
        link: The port.
        table: Current by the lower 17 bits of a sample.
        logic: The logic input that is passed on.
        phases: Another one, for the DUT's phase pin; None: no other.
        sink: Receives samples, levels, gaps and faults. Its edges are complete up to the position where a
            lost turn of the counter is excluded, so a reader of edges waits for that, too.

    Attributes:
        decoder: Converts the bytes.
        pace: Compares sample numbers with the host's clock.
        flow: Statistics of the current.
        began: Whether a byte has arrived.
        faulty: Whether the sink got a fault: the stream cannot be trusted.
        lost: Whether the port is gone.
    """

    def __init__(
        self,
        link: SerialLink,
        table: npt.NDArray[np.float32],
        logic: int,
        sink: Sink,
        phases: int | None = None,
    ) -> None:
        self.decoder = SampleDecoder(table, logic, phases)
        self.pace = Pace(RATE_HZ, TURN)
        self.flow = Flow()
        self.began = False
        self.faulty = False
        self.lost = False
        self._link = link
        self._input = DigitalInput(f"d{logic}", RATE_HZ, _LEVEL_AT)
        self._phase_input = DigitalInput(f"d{phases}", RATE_HZ, _LEVEL_AT, phases=True)
        self._sink = sink
        self._complete = 0

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        if self.faulty:
            return
        now_s = self._link.clock.now()
        self.began = True
        self._pass_on(self.decoder.feed(chunk))
        if self.decoder.skipped > _LOST_BYTES:
            self._fault(
                BenchError(
                    "ppk2.garbled",
                    f"samples were expected from the PPK2 ({self._link.url}); for a second no bytes arrived "
                    "with a running sample counter",
                    f"Another program may read from its port. {REPLUG}",
                )
            )
            return
        for gap in self.pace.add(now_s, self.decoder.received):
            self._sink.gap(gap)
        self._see_complete(min(self.pace.verified, self.decoder.position))

    def failed(self, error: BenchError) -> None:
        """Reports to the sink that the port is gone."""
        self.lost = True
        self._fault(error)

    def silent(self, seconds: float) -> None:
        """Reports that no byte has arrived for this time; called by the thread that watches."""
        error = no_samples("ppk2", f"the PPK2 ({self._link.url})", seconds, REPLUG)
        self._link.between_bytes(lambda: self._fault(error))

    def finish(self) -> None:
        """Passes on the samples that waited for the sample after them."""
        if not self.faulty:
            self._pass_on(self.decoder.finish())
            self._see_complete(self.decoder.position)

    def _see_complete(self, position: int) -> None:
        """Marks the edges before this position as complete, except one that the next level may show."""
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
            elif isinstance(item, PhaseLevels):
                sink.digital(self._phase_input, item.block)
            elif isinstance(item, Gap):
                sink.gap(item)
            else:
                sink.range_change(item)

    def _fault(self, error: BenchError) -> None:
        """Reports the first fault; later faults only follow from it."""
        if not self.faulty:
            self._pass_on(self.decoder.finish())
            self.faulty = True
            self._sink.fault(error)
