"""The LPM01A's ASCII stream, decoded (protocols.md 3.3). Pure: bytes in, samples, edges and gaps out.

A sample is a line ``6409-07`` (6409e-7, ampere or joule), its value the float64 nearest to that decimal.
After every 1000 samples comes ``TimeStamp: 001s 000ms, buff 07%``. Its time states how many samples there
must have been. The decoder therefore passes samples on by intervals, when the time mark after an interval
has come, at most 1000 sample periods late: samples that are passed on have been counted, and no edge before
a watermark can move.

If a time mark shows that samples are missing, the lost ones become a gap at the place of the damaged lines.
If there are no damaged lines, the whole interval becomes a gap, because the places of its samples are not
known. Damage that the count does not explain (a line that was not a sample, an impossible time, a jump of
the event counter) becomes a gap of unknown length, which invalidates each window that spans it. A digit
that changed to another digit cannot be seen, unless the value becomes larger than the instrument can
measure (docs/decisions).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from drivers.lpm01a.kernels import PARSE
from drivers.lpm01a.lines import WIDTH, lines_of
from drivers.lpm01a.marks import SAMPLES_PER_MARK, TimeBase, forever
from drivers.unverified import STEP, Unverified
from energy.signal import Block, Edge, EdgeKind, Gap

EDGE_BOUND = 1.0
"""An event's line is between the lines of two samples; the edge is within a sample period of there."""

_SLOT = WIDTH + 2
_MARK = re.compile(r"TimeStamp:[ ><]\s*(\d{3,})s (\d{3})ms, buff (\d{1,3})%")
_EVENT = re.compile(r"event (\d{2,}) (?:ris|fal)")
_KNOWN = re.compile(
    r"PowerShield >|ack\b|err(or)?\b|Error|pwr (on|off)$|end$|summary (beg|end)$|(Static )?Acquisition|info\b"
)
_MOST_UNCOUNTED = 8 * SAMPLES_PER_MARK
_LONGEST = 4096
"""Number of bytes without a line end after which they count as one damaged line."""
_WRAP_MS = 1_000_000
"""Time marks have three digits of seconds; whether they wrap is not documented: both are accepted."""


UNVERIFIED = (
    Unverified(
        "EDGE_BOUND",
        "An event's line is between the lines of two samples; the edge is within a sample period of there.",
        "the bound of every edge: one sample",
        STEP,
    ),
    Unverified(
        "_WRAP_MS",
        "Whether time marks wrap after 999 s is not documented: both are accepted.",
        "ASCII recordings longer than 999 s: refused as garbled if the fact is wrong",
        "record for 20 minutes in ASCII and check for faults and gaps",
    ),
    Unverified(
        "AsciiDecoder",
        "The number of an event follows the last one, modulo 100 if it has two digits.",
        "a lost edge after the 99th is not noticed, or a sound edge counts as lost",
        "record 110 edges and read the numbers in `log.txt`",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class TextKind(Enum):
    """Kinds of lines that are not samples."""

    TEXT = "text"
    MARK = "mark"
    EVENT = "event"
    DAMAGED = "damaged"
    PACKET = "packet"
    """In binary only: an answer that came as a packet."""
    ERROR = "error"
    """In binary only: a packet with an error."""


@dataclass(frozen=True, slots=True)
class Text:
    """A line that is not a sample, without its terminator."""

    text: str
    kind: TextKind


@dataclass(frozen=True, slots=True)
class Watermark:
    """A position before which no more edges will come."""

    position: float


Item = Block | Edge | Gap | Watermark | Text


@dataclass(slots=True)
class _DamagedLine:
    """A damaged line: how many samples came before it in its interval, and how many it may have been."""

    count: int
    slots: int
    text: str


@dataclass(slots=True)
class _Interval:
    """The lines since the last time mark."""

    first: int
    values: list[npt.NDArray[np.float64]] = field(default_factory=list[npt.NDArray[np.float64]])
    count: int = 0
    slots: int = 0
    damaged: list[_DamagedLine] = field(default_factory=list[_DamagedLine])
    events: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Number of samples before the event, and number of samples in damaged lines before it."""
    doubts: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


class AsciiDecoder:
    """Decodes one acquisition.

    Args:
        rate_hz: Samples per second (``freq``).
        largest: A sample above this cannot be (joule or ampere): its line is damaged.
        elapsed_s: How long the acquisition has run at most, in seconds.
        edge_kind: Which edge the events mean (``eventsrc``): the stream has ``ris`` for both.
        source: Who saw the edges.

    Attributes:
        ended: Whether ``end`` has come.
        fullest: Highest fill of the monitor's own buffer in a time mark, in percent.
        bare_lf: Number of sample lines that ended without CR.
        peek: Gets samples when they arrive, before they are counted, and impossible ones too.
    """

    def __init__(
        self,
        rate_hz: float,
        *,
        largest: float = math.inf,
        elapsed_s: Callable[[], float] = forever,
        edge_kind: EdgeKind = EdgeKind.FALL,
        source: str = "d7",
    ) -> None:
        self.ended = False
        self.fullest = 0
        self.bare_lf = 0
        self.peek: Callable[[npt.NDArray[np.float64]], None] = lambda values: None
        self._kernel = PARSE.get()  # here, because a running stream cannot wait for numba
        self._largest = largest
        self._edge_kind = edge_kind
        self._source = source
        self._carry = b""
        self._begun = False
        self._time = TimeBase(rate_hz, _WRAP_MS, elapsed_s)
        self._event: int | None = None
        self._event_at = 0
        self._interval = _Interval(0)
        self._items: list[Item] = []

    @property
    def begun(self) -> bool:
        """Whether anything of the stream has come."""
        return self._begun

    def feed(self, chunk: bytes) -> list[Item]:
        """Takes the next bytes, divided anywhere; returns what they complete."""
        data = self._carry + (chunk.replace(b"\0", b"") if b"\0" in chunk else chunk)
        end = data.rfind(b"\n") + 1
        self._carry = data[end:]
        if end:
            self._lines(data[:end])
        if len(self._carry) > _LONGEST:
            self._other(self._carry.decode("latin-1"))
            self._carry = b""
        items, self._items = self._items, []
        return items

    def finish(self) -> list[Item]:
        """Ends the stream and returns, uncounted, what waited for a time mark."""
        if self._carry and self._begun and not self.ended:
            self._damaged(self._carry.decode("latin-1"))
        self._carry = b""
        self._end()
        items, self._items = self._items, []
        return items

    def _lines(self, data: bytes) -> None:
        """Takes whole lines: the samples all at once, the few other lines one at a time."""
        lines = lines_of(data, self._largest, self._kernel)
        if len(lines.seen) and not self.ended:
            self.peek(lines.seen)
        self.bare_lf += lines.bare_lf
        taken = at = 0
        for line in lines.others:
            self._samples(lines.values[taken : line.after], data, at, line.start)
            taken, at = line.after, line.stop
            self._other(data[line.start : line.stop].decode("latin-1"))
        self._samples(lines.values[taken:], data, at, len(data))

    def _samples(self, values: npt.NDArray[np.float64], data: bytes, start: int, stop: int) -> None:
        """Takes samples, whose lines are in these bytes."""
        if not len(values):
            return
        if self.ended:  # the summary's minimum and maximum have the form of samples
            for line in data[start:stop].decode("ascii").split():
                self._items.append(Text(line, TextKind.TEXT))
            return
        self._begun = True
        self._interval.values.append(values)
        self._interval.count += len(values)
        if self._interval.count > _MOST_UNCOUNTED:  # a limit, so that memory does not fill
            self._discard_interval(f"no time mark came with {self._interval.count} samples")

    def _other(self, text: str) -> None:
        if not text:
            return
        if self.ended:
            self._items.append(Text(text, TextKind.TEXT))
        elif mark := _MARK.fullmatch(text):
            self._items.append(Text(text, TextKind.MARK))
            self._begun = True
            self.fullest = max(self.fullest, int(mark[3]))
            self._mark(int(mark[1]) * 1000 + int(mark[2]))
        elif event := _EVENT.fullmatch(text):
            self._items.append(Text(text, TextKind.EVENT))
            self._begun = True
            self._take_event(int(event[1]), len(event[1]))
        elif text == "end":
            self._items.append(Text(text, TextKind.TEXT))
            self._end()
            self.ended = True
        elif _KNOWN.match(text) or not self._begun:
            self._items.append(Text(text, TextKind.TEXT))
        else:
            self._damaged(text)

    def _damaged(self, text: str) -> None:
        """Takes a line of no known form: perhaps a sample, perhaps several joined lines."""
        self._items.append(Text(text, TextKind.DAMAGED))
        interval = self._interval
        slots = max(round((len(text) + 2) / _SLOT), 1)
        interval.damaged.append(_DamagedLine(interval.count, slots, text))
        interval.slots += slots

    def _take_event(self, number: int, digits: int) -> None:
        """Takes an edge. Its number must follow the last one, modulo 100 if it has two digits."""
        interval = self._interval
        if self._event is not None and number != (self._event + 1) % 10**digits:
            after = max(self._event_at - interval.first, 0)  # the lost edge is between the two
            reason = f"event counter: {number:02d} after {self._event:02d}"
            interval.doubts.append((min(after, interval.count), reason))
        self._event = number
        self._event_at = interval.first + interval.count + interval.slots
        interval.events.append((interval.count, interval.slots))

    def _mark(self, time_ms: int) -> None:
        """Takes a time mark: it ends the interval if the count agrees with the time."""
        interval = self._interval
        if time_ms == 0 and self._time.bases_ms == [0] and not (interval.count or interval.damaged):
            return  # the mark at the very start
        before_ms = self._time.bases_ms[0]
        missing = self._time.missing(time_ms, interval.first, interval.count)
        if missing is None:
            self._discard_interval(
                f"time mark: {time_ms} ms after {before_ms} ms and {interval.count} samples"
            )
        else:
            self._counted(missing)

    def _counted(self, missing: int) -> None:
        """Passes on an interval in which this number of samples is missing."""
        interval = self._interval
        if missing and interval.slots != missing:
            total = interval.count + missing
            reason = f"time mark: {interval.count} of {total} samples came"
            self._items.append(Gap(interval.first, total, reason))
            for count, _ in interval.events:
                position = interval.first + count + missing / 2
                self._items.append(self._edge(position, EDGE_BOUND + missing / 2))
            self._close(interval.first + total)
        else:
            self._emit_interval(with_slots=missing > 0)

    def _discard_interval(self, reason: str) -> None:
        """Passes on an interval as a gap: the places of its samples are not known. Breaks the time base."""
        interval = self._interval
        if interval.count:
            self._items.append(Gap(interval.first, interval.count, reason))
        stop = interval.first + interval.count
        self._items.append(Gap(stop, None, reason))
        for count, _ in interval.events:
            self._items.append(self._edge(interval.first + count, EDGE_BOUND))
        self._close(stop)

    def _emit_interval(self, *, with_slots: bool) -> None:
        """Passes on samples, edges and doubts. With slots, damaged lines are lost samples at their places."""
        interval = self._interval
        values = np.concatenate(interval.values) if interval.values else np.empty(0)
        at, taken = interval.first, 0
        for line in interval.damaged:
            reason = f"damaged line {line.text[:40]!r}"
            if not with_slots:
                interval.doubts.append((line.count, reason))
                continue
            at = self._block(at, values[taken : line.count])
            taken = line.count
            self._items.append(Gap(at, line.slots, reason))
            at += line.slots
        at = self._block(at, values[taken:])
        for count, slots in interval.events:
            position = interval.first + count + (slots if with_slots else 0)
            self._items.append(self._edge(position, EDGE_BOUND))
        for count, reason in interval.doubts:
            self._items.append(Gap(interval.first + count, None, reason))
        self._close(at)

    def _block(self, first: int, values: npt.NDArray[np.float64]) -> int:
        if len(values):
            self._items.append(Block(first, (values,)))
        return first + len(values)

    def _edge(self, position: float, bound: float) -> Edge:
        return Edge(float(position), bound, self._edge_kind, self._source)

    def _close(self, stop: int) -> None:
        self._interval = _Interval(stop)
        self._items.append(Watermark(float(stop)))

    def _end(self) -> None:
        if not self.ended:
            self._emit_interval(with_slots=True)
