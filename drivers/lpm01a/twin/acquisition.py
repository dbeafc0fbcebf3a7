"""A dynamic acquisition of the LPM01A twin: samples, time marks, events as bytes (protocols.md 3.3, 3.4)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivers.lpm01a.twin import binary
from drivers.lpm01a.twin.settings import Settings
from drivers.lpm01a.twin.stream import SAMPLES_PER_TIMESTAMP, sample_lines, timestamp_line
from drivers.unverified import Unverified
from drivers.virtual.misreading import Misreading
from drivers.virtual.sampler import Sampler
from drivers.virtual.world import World, nanoseconds

OVERCURRENT_A = 0.059
_UNREAD_S = 0.1
"""How long the host may leave samples unread in virtual time."""
OVERCURRENT = "error: Overcurrent >59mA, dynamic acquisition stopped"


UNVERIFIED = (
    Unverified("BinaryFormat", "How the instrument marks events in binary: here not at all."),
    Unverified(
        "BinaryFormat.end", "The summary comes as an F2 packet after F4; the text beside its numbers."
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Format(ABC):
    """A format of the stream.

    Args:
        rate_hz: Samples per second.
        truncate: Whether samples are truncated instead of rounded.
    """

    def __init__(self, rate_hz: int, truncate: bool) -> None:
        self.rate_hz, self.truncate = rate_hz, truncate

    @abstractmethod
    def samples(self, values: npt.NDArray[np.float64]) -> bytes:
        """Samples, in A or J."""

    @abstractmethod
    def mark(self, samples: int, fill_percent: int = 7, overflow: bool = False) -> bytes:
        """The time mark after this number of samples."""

    @abstractmethod
    def event(self, number: int) -> bytes:
        """The event of an edge on D7."""

    @abstractmethod
    def overcurrent(self) -> bytes:
        """The report that the protection has acted."""

    @abstractmethod
    def power(self, on: bool) -> bytes:
        """The report that the output was switched, with ``status``."""

    @abstractmethod
    def end(self, least: float, most: float) -> bytes:
        """The end of the acquisition, with its summary."""


def _summary(least: float, most: float) -> str:
    """The text beside the summary's numbers is not documented."""
    low, high = (sample_lines(np.array([value])).decode() for value in (least, most))
    return f"summary beg\r\nmin {low}max {high}summary end\r\n"


class AsciiFormat(Format):
    """``ascii_dec`` (protocols.md 3.3)."""

    def samples(self, values: npt.NDArray[np.float64]) -> bytes:
        """Samples, one on each line."""
        return sample_lines(values, self.truncate)

    def mark(self, samples: int, fill_percent: int = 7, overflow: bool = False) -> bytes:
        """A line, which shows no overflow."""
        return timestamp_line(samples, self.rate_hz, fill_percent)

    def event(self, number: int) -> bytes:
        """A line with ``ris``, for falling edges, too."""
        return f"event {number % 100:02d} ris\r\n".encode()

    def overcurrent(self) -> bytes:
        """A line."""
        return f"{OVERCURRENT}\r\n".encode()

    def power(self, on: bool) -> bytes:
        """A line."""
        return f"pwr {'on' if on else 'off'}\r\n".encode()

    def end(self, least: float, most: float) -> bytes:
        """Lines."""
        return f"end\r\n{_summary(least, most)}".encode()


class BinaryFormat(Format):
    """``bin_hexa`` (protocols.md 3.4)."""

    def samples(self, values: npt.NDArray[np.float64]) -> bytes:
        """Two bytes each."""
        return binary.sample_words(values, self.truncate)

    def mark(self, samples: int, fill_percent: int = 7, overflow: bool = False) -> bytes:
        """F3."""
        return binary.timestamp_packet(samples * 1000 // self.rate_hz, fill_percent, overflow)

    def event(self, number: int) -> bytes:
        """Nothing: how the instrument marks events in binary is not known."""
        return b""

    def overcurrent(self) -> bytes:
        """F5."""
        return binary.OVERCURRENT

    def power(self, on: bool) -> bytes:
        """F9."""
        return binary.power_packet(on)

    def end(self, least: float, most: float) -> bytes:
        """F4, then the summary as text, in an F2: the manual's example has some F0 block before it."""
        return binary.END + binary.info_packet(_summary(least, most).rstrip())


@dataclass
class Wiring:
    """Connections of an acquisition.

    Attributes:
        world: Its world.
        send: Sends bytes to the host, which may leave them unread for this time.
        protect: Called when the current was too high.
        done: Called when the configured time is over.
        drop: Ranges of samples that are not sent.
        block_s: Length of the pieces in which it is sent.
        misreads: The instrument's systematic errors.
    """

    world: World
    send: Callable[[bytes, float], None]
    protect: Callable[[], None]
    done: Callable[[], None]
    drop: list[tuple[int, int]]
    block_s: float
    misreads: Misreading


class Acquisition:
    """An acquisition, from its first sample on.

    Args:
        wiring: Its connections.
        settings: Settings in force.
        sampler: Source of its samples.
        truncate: Whether samples are truncated instead of rounded.
        first_mark: Whether a time mark of 0 comes first.

    Attributes:
        block_s: Length of the pieces in which it is sent.
        over: Whether it has ended, for any reason.
        overflow: Fault: the next time mark has its overflow flag.
        lose_byte: Fault: the next piece loses a byte in the middle of its samples.
    """

    def __init__(
        self, wiring: Wiring, settings: Settings, sampler: Sampler, *, truncate: bool, first_mark: bool
    ) -> None:
        self._wiring, self._settings, self._sampler = wiring, settings, sampler
        self.binary = settings.values["format"] == "bin_hexa"
        self.format = (BinaryFormat if self.binary else AsciiFormat)(settings.rate_hz, truncate)
        self.block_s = wiring.block_s
        self.over = False
        self.overflow = False
        self.lose_byte = False
        self._sent = 0
        self._events = 0
        self._least, self._most = float("inf"), 0.0
        self._pending = bytearray()
        self._urgent = False
        limit_s = settings.seconds("acqtime")
        self._limit = round(limit_s * settings.rate_hz) if limit_s else None
        if first_mark:
            self._pending += self.format.mark(0, 0)
            self.flush()
        self._plan()

    def position(self) -> int:
        """Number of samples that are complete."""
        return max(self._sampler.complete(self._wiring.world.now_ns), 0)

    def hasten(self, ppm: float) -> None:
        """The sample clock becomes faster by so many millionths."""
        self.catch_up()
        self._sampler.hasten(self._wiring.world.now_ns, ppm)

    def event(self) -> None:
        """Takes an edge on D7; it is sent with its samples, or after ``block_s``."""
        if not self.over:
            self.catch_up()
            self._pending += self.format.event(self._events)
            self._events += 1
            self._urgent = True
            world = self._wiring.world
            world.at(world.now_ns + nanoseconds(self.block_s), self.flush)

    def insert(self, data: bytes) -> None:
        """Sends something in between, after the samples that are complete."""
        self.catch_up()
        self._pending += data
        self._urgent = True
        self.flush()

    def stop(self, last: bytes) -> None:
        """Ends it, with these last bytes."""
        self.insert(last)
        self.over = True

    def summary(self) -> bytes:
        """The end of the acquisition, with its summary."""
        self.catch_up()
        return self.format.end(min(self._least, self._most), self._most)

    def catch_up(self) -> None:
        """Takes the samples that are complete."""
        self._emit(self.position())

    def flush(self) -> None:
        """Sends what has been collected; the host need not read samples alone at once."""
        if self._pending:
            self._wiring.send(bytes(self._pending), 0.0 if self._urgent else _UNREAD_S)
            self._pending.clear()
            self._urgent = False

    def _plan(self) -> None:
        step = max(round(self.block_s * self.format.rate_hz), 1)
        goal = (self._sent // step + 1) * step
        if self._limit is not None:
            goal = min(goal, self._limit)

        def block() -> None:
            if self.over:
                return
            self._emit(goal)
            self.flush()
            if goal == self._limit:
                self._wiring.done()
            else:
                self._plan()

        self._wiring.world.at(self._sampler.boundary_ns(goal), block)

    def _emit(self, stop: int) -> None:
        if stop <= self._sent:
            return
        values = self._values(self._sent, stop)
        while self._sent < stop:
            mark = (self._sent // SAMPLES_PER_TIMESTAMP + 1) * SAMPLES_PER_TIMESTAMP
            upto = min(mark, stop)
            self._pending += self._samples(self._sent, values[: upto - self._sent])
            values = values[upto - self._sent :]
            self._sent = upto
            if upto == mark:
                self._pending += self.format.mark(mark, overflow=self.overflow)
                self.overflow = False

    def _values(self, first: int, stop: int) -> npt.NDArray[np.float64]:
        energies = self._sampler.energies_j(first, stop)
        world = self._wiring.world
        misreads, output_v = self._wiring.misreads, world.supply.output_v
        currents = energies / (self._sampler.period_ns * 1e-9 * output_v)
        values = np.maximum(misreads.current(currents), 0.0)  # neither format has a sign
        if self._settings.values["output"] == "energy":  # in its own seconds, at the voltage that it states
            values *= misreads.voltage(output_v) / self._settings.rate_hz
        self._least = min(self._least, float(values.min()))
        self._most = max(self._most, float(values.max()))
        if float(currents.max()) > OVERCURRENT_A:
            world.at(world.now_ns, lambda: None if self.over else self._wiring.protect())
        return values

    def _samples(self, first: int, values: npt.NDArray[np.float64]) -> bytes:
        if self._wiring.drop:
            index = np.arange(first, first + len(values))
            keep = np.ones(len(values), dtype=np.bool_)
            for low, high in self._wiring.drop:
                keep &= (index < low) | (index >= high)
            values = values[keep]
        data = self.format.samples(values)
        if self.lose_byte and len(data) > 1:
            self.lose_byte = False
            data = data[: len(data) // 2] + data[len(data) // 2 + 1 :]
        return data
