"""A Keithley 2450's reading buffer and the trigger model that fills it (protocols.md 4.2).

The commands of the buffer (``TRAC:...``) are documented, those of the trigger model in SCPI are not in our
sources.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from drivers.keithley.common import WINDOWS
from drivers.keithley.readings import wrong_reading
from drivers.links.overload import without_overload
from drivers.links.scpi import Scpi
from drivers.unverified import STEP, Unverified
from energy.errors import BenchError, TimingError
from energy.instruments import Deadline, Sink, no_samples
from energy.signal import Block, Gap

EARLIEST_S = 0.0
LATENCY_S = 1e-3
"""Longest time from an edge on the digital line to the first reading."""
PIECE = 1000
"""Number of readings in a fetch, about 30 kB of text."""
_NAME = '"joulebench"'
_LOOK_S = 0.1
_PATIENCE_S = 3.0
_LONGEST_S = 1e7
"""No run has readings for so long: a time that is longer was garbled."""
STALLED_S, _STALLED = 0.7, 5
"""Time, and number of sample periods, without a new reading after which the readings have stopped."""

Readings = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Ampere and seconds since the first reading, each of shape (n,)."""


UNVERIFIED = (
    Unverified("ReadingBuffer.gate", "All commands of the trigger model in SCPI.", *WINDOWS),
    Unverified(
        "ReadingBuffer",
        "Time stamps mark the same moment of every reading.",
        "the bound of a window's edges",
        STEP,
    ),
    Unverified(
        "LATENCY_S",
        "Longest time from an edge on the digital line to the first reading.",
        "the bound of a window's edges",
        STEP,
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class ReadingBuffer:
    """The reading buffer.

    Args:
        scpi: The instrument.

    Attributes:
        capacity: Number of readings that fit in it.
    """

    def __init__(self, scpi: Scpi) -> None:
        self._scpi = scpi
        self.capacity = 0

    def prepare(self, capacity: int) -> None:
        """Makes the buffer, to be filled once; deletes one of an earlier session."""
        scpi = self._scpi
        scpi.set(f":TRAC:DEL {_NAME}")
        scpi.drain_errors()  # an error if there was no buffer, as usual
        scpi.set(f":TRAC:MAKE {_NAME},{capacity}")
        scpi.set(f":TRAC:FILL:MODE ONCE,{_NAME}")
        scpi.check_errors(f"a buffer of {capacity} readings")
        self.capacity = capacity

    def gate(self, on_edge: bool) -> None:
        """Sets up the trigger model: readings one after another, from a falling edge on, or at once."""
        scpi = self._scpi
        scpi.set(':TRIG:LOAD "Empty"')
        scpi.set(f":TRIG:BLOC:BUFF:CLE 1,{_NAME}")
        if on_edge:
            scpi.set(":DIG:LINE1:MODE TRIG,IN")
            scpi.set(":TRIG:DIG1:IN:EDGE FALL")
            scpi.set(":TRIG:BLOC:WAIT 2,DIG1")
        else:
            scpi.set(":TRIG:BLOC:NOP 2")
        scpi.set(f":TRIG:BLOC:MEAS 3,{_NAME}")
        scpi.set(":TRIG:BLOC:BRAN:ALW 4,3")

    def trial(self, intervals: int, period_s: float) -> tuple[float, float]:
        """Takes some readings and evaluates their times.

        Args:
            intervals: Number of intervals between readings.
            period_s: Shortest possible interval.

        Returns:
            Mean and standard deviation of the intervals, in seconds.

        Raises:
            BenchError: ``k2450.trial`` if they do not arrive; errors of SCPI and the link.
        """
        self.gate(False)
        self._scpi.check_errors("its trigger model")
        clock = self._scpi.link.clock
        self.start(waits=False)
        deadline = Deadline(clock, 4 * intervals * period_s + _PATIENCE_S)
        while (count := self.count()) <= intervals and not deadline.expired():
            clock.sleep(_LOOK_S)
        self.abort()
        if count <= intervals:
            self._scpi.check_errors("to take readings")
            raise BenchError(
                f"{self._scpi.prefix}.trial",
                f"{intervals + 1} readings were expected from {self._scpi.link.resource}, but {count} came",
                "Does it take readings when operated by hand? Does another program use it?",
            )
        _, times = self.read(0, intervals + 1)
        steps = np.diff(times)
        if float(steps.min()) <= 0 or float(steps.max()) > 1.5 * float(np.median(steps)):
            raise BenchError(
                f"{self._scpi.prefix}.trial",
                f"readings of {self._scpi.link.resource} must follow each other without a pause; in a trial "
                "the "
                f"intervals were {float(steps.min()):.6f} to {float(steps.max()):.6f} s",
                "Try again; if it happens again, another program uses the instrument at the same time.",
            )
        return float(steps.mean()), float(steps.std(ddof=1))

    def start(self, *, waits: bool) -> None:
        """Starts the readings (``:INIT``); if they wait for an edge, checks that they wait.

        Raises:
            BenchError: ``k2450.not-armed``; errors of SCPI and the link.
        """
        scpi = self._scpi
        scpi.set(":INIT")
        scpi.check_errors("to start its readings")
        if not waits:
            return
        deadline = Deadline(scpi.link.clock, _PATIENCE_S)
        while not (answer := scpi.ask(":TRIG:STAT?")).upper().startswith("WAITING"):
            if deadline.expired():
                raise BenchError(
                    f"{scpi.prefix}.not-armed",
                    f"the trigger model of {scpi.link.resource} was expected to wait for an edge; its state "
                    "is "
                    f"{answer}",
                    "Read its display, and check digital line 1: the DUT's timestamp pin must be high.",
                )
            scpi.link.clock.sleep(_LOOK_S)

    def abort(self) -> None:
        """Sends ``:ABOR``."""
        self._scpi.set(":ABOR")

    @property
    def name(self) -> str:
        """Name of the instrument, for messages."""
        return f"the 2450 at {self._scpi.link.resource}"

    def now(self) -> float:
        """Time on the bench's clock."""
        return self._scpi.link.clock.now()

    def count(self) -> int:
        """Number of readings in the buffer."""
        return int(self._scpi.number(f":TRAC:ACT? {_NAME}"))

    def room(self) -> int:
        """Number of readings that fit in the buffer, as the instrument reports it now."""
        return int(self._scpi.number(f":TRAC:POIN? {_NAME}"))

    def read(self, first: int, stop: int) -> Readings:
        """Readings ``[first, stop)``, counted from 0.

        Raises:
            BenchError: ``k2450.answer`` if the answer is not this number of pairs, or a time is none; errors
                of the link.
        """
        answer = self._scpi.ask(f":TRAC:DATA? {first + 1},{stop},{_NAME},READ,REL")
        try:
            values = np.array(answer.split(","), dtype=np.float64)
        except ValueError:
            values = np.empty(0)
        if len(values) != 2 * (stop - first) or not (np.abs(values[1::2]) < _LONGEST_S).all():  # nor NaN
            raise BenchError(
                f"{self._scpi.prefix}.answer",
                f"{stop - first} readings with their times were expected from {self._scpi.link.resource}, "
                "but "
                f"this arrived: {answer[:80]!r}",
                "Does another program use it? Only one may.",
            )
        return values[0::2].copy(), values[1::2].copy()


class Stream:
    """The readings of a run, on their way to the sink.

    Args:
        buffer: Source of the readings.
        sink: Receives them.
        rate_hz: Their assumed rate.
        tolerance: Largest distance of a reading from its place, in samples.
        limit_a: The source's current limit.
        range_a: The range of current in use.

    Attributes:
        failed: Whether a fault was reported; nothing is passed on after it.
        worst: Largest distance of a reading from its place so far, in samples.
    """

    def __init__(
        self,
        buffer: ReadingBuffer,
        sink: Sink,
        rate_hz: float,
        tolerance: float,
        limit_a: float,
        range_a: float = math.inf,
    ) -> None:
        self._buffer, self._sink = buffer, sink
        self._rate_hz, self._tolerance = rate_hz, tolerance
        self._limit_a, self._range_a = limit_a, range_a
        self._next = 0
        self._position = 0
        self._zero_s = 0.0
        self._came_s = buffer.now()
        self.failed = False
        self.worst = 0.0

    def fetch(self) -> None:
        """Passes on the readings that have arrived.

        Raises:
            BenchError: Errors of SCPI and the link.
        """
        if self.failed:
            return
        count = self._buffer.count()
        self._check_progress(count)
        while self._next < count and not self.failed:
            stop = min(self._next + PIECE, count)
            readings, times_s = self._buffer.read(self._next, stop)
            if self._next == 0:
                self._zero_s = float(times_s[0])
            self._next = stop
            self._take(readings, times_s - self._zero_s)
        if not self.failed and count >= self._buffer.room():
            self.fail(
                BenchError(
                    "k2450.buffer-full",
                    f"the reading buffer is full with {count} readings",
                    "Set a larger `longest_s` in the bench file's monitor settings.",
                )
            )

    def _check_progress(self, count: int) -> None:
        """Checks that readings that have begun do not stop."""
        now_s = self._buffer.now()
        if count > self._next or not self._next:
            self._came_s = now_s
        elif now_s - self._came_s > STALLED_S + _STALLED / self._rate_hz:
            self.fail(
                no_samples(
                    "k2450",
                    self._buffer.name,
                    now_s - self._came_s,
                    "Its trigger model was stopped by hand or by another program: read its display.",
                )
            )

    def fail(self, error: BenchError) -> None:
        """Reports the first fault; after it, nothing is passed on."""
        if not self.failed:
            self.failed = True
            self._sink.fault(error)

    def _take(self, readings: npt.NDArray[np.float64], times_s: npt.NDArray[np.float64]) -> None:
        """Passes readings on, with a gap if a reading is too late for its place."""
        readings, overload_a = without_overload(readings, self._range_a)
        while len(readings):
            places = self._position + np.arange(len(readings))
            away = times_s * self._rate_hz - places
            late = np.flatnonzero(away > self._tolerance)
            stop = int(late[0]) if len(late) else len(readings)
            early = float(away[:stop].min(initial=0.0))
            self.worst = max(self.worst, float(np.abs(away[:stop]).max(initial=0.0)))
            if stop:
                self._sink.block(Block(self._position, (readings[:stop],)))
                self._position += stop
            if early < -self._tolerance:
                self.fail(self._too_early(early))
                return
            if error := wrong_reading(readings[:stop], overload_a, self._limit_a, self._range_a):
                self.fail(error)
                return
            if stop < len(readings):
                lost = round(float(away[stop]))
                reason = f"a reading was {float(away[stop]):.1f} samples late"
                self._sink.gap(Gap(self._position, lost, reason))
                self._position += lost
            readings, times_s = readings[stop:], times_s[stop:]

    def _too_early(self, away: float) -> TimingError:
        return TimingError(
            "k2450.time-base",
            f"readings are faster than in the trial: a reading is {-away:.1f} samples too early, but "
            f"only {self._tolerance:g} are allowed",
            "Its integration time, autozero or filter has changed since the set-up.",
        )
