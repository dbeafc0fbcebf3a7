"""The LPM01A's binary stream, decoded (protocols.md 3.4). Pure: bytes in, samples and gaps out.

As in ASCII (``lpm01a/ascii``) samples are passed on by intervals, when the time mark after an interval has
stated how many there must have been: samples that are passed on have been counted. Between two sound time
marks there are 2000 bytes of samples and nothing else, so many intervals are checked and converted at once;
an interval with anything else is decoded packet by packet.

A word that is not a sample (n = 15), or is larger than the instrument can measure, is a gap of one sample
if the count is right. Lost bytes show as an odd number of bytes or as a wrong count. Then the places of the
interval's samples are not known, so the interval becomes a gap of the length that the time marks state.

No edges: how the binary stream marks them is not known. An unknown packet is recorded as it came.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from drivers.lpm01a import packets
from drivers.lpm01a.ascii import Item, Text, TextKind, Watermark
from drivers.lpm01a.intervals import STRIDE, sound_intervals
from drivers.lpm01a.kernels import CONVERT
from drivers.lpm01a.marks import SAMPLES_PER_MARK, TimeBase, forever
from drivers.lpm01a.packets import VALUES, Packet, Trouble, packet_at
from drivers.unverified import LOG, Unverified
from energy.signal import Block, Gap

Values = npt.NDArray[np.float32]

_BATCH = 32
"""Number of intervals that are converted at once: they fit in the processor's caches."""
_LONG = 8 * STRIDE
_KEPT = 64
"""Number of bytes at the end of a stretch without a packet that wait: a prompt may have begun in them."""
_UNMARKED = 64 * SAMPLES_PER_MARK
"""Number of samples without a time mark after which the stream is unreadable."""
_LONGEST_LINE = 4096
_DAMAGED_LINES = 200
"""Number of lines without text, before the first time mark, after which they count as samples of a stream
that has lost its mark."""
_KEPT_UNKNOWN = 100
_PROMPT = b"PowerShield > "
_TOKEN = re.compile(packets.BEGINNING.pattern + b"|" + re.escape(_PROMPT))
_BEFORE_PROMPT = (b"\r\n\0", b"\r\n")


UNVERIFIED = (
    Unverified(
        "",
        "How the binary stream marks edges is not known (protocols.md 3.4).",
        "in binary the edges are timed by the IO manager's clock, with its larger bound",
        "toggle D7 during a binary recording: `session.json` then lists the unknown packets",
    ),
    Unverified(
        "BinaryDecoder", "Whether a reply as text can come in a binary stream.", "faults of this monitor", LOG
    ),
    Unverified(
        "BinaryDecoder",
        "What overflowed when a time mark has the overflow flag: taken as lost samples.",
        "whether a full buffer of the instrument shows as a gap",
        "record at 100 kHz in binary over a busy USB hub",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class _State(Enum):
    HUNTING = "hunting"
    STREAMING = "streaming"
    ENDED = "ended"


@dataclass(slots=True)
class _Interval:
    """The words since the last time mark; NaN for words that are not samples."""

    first: int
    values: list[Values] = field(default_factory=list[Values])
    count: int = 0
    damaged: int = 0
    """Number of words that are not samples."""
    broken: str = ""
    """Why its samples cannot be counted."""


class BinaryDecoder:
    """Decodes one acquisition.

    Args:
        rate_hz: Samples per second (``freq``).
        largest: A sample above this cannot be (joule or ampere): its word is damaged.
        elapsed_s: How long the acquisition has run at most, in seconds.

    Attributes:
        fullest: Highest fill of the monitor's own buffer in a time mark, in percent.
        irregularities: Number of times that each of these occurred: ``"lost-framing"``, a ``"damaged-word"``,
            an ``"overflow"`` flag, a time mark that did not fit (``"odd-time"``), a ``"lost-sample"``, an
            ``"unknown-packet"``, a ``"damaged-line"`` where text was due.
        unknown: The first hundred packets of unknown type, in hexadecimal.
    """

    def __init__(
        self, rate_hz: float, *, largest: float = math.inf, elapsed_s: Callable[[], float] = forever
    ) -> None:
        self.fullest = 0
        self.irregularities: Counter[str] = Counter()
        self.unknown: list[str] = []
        self._kernel = CONVERT.get()  # here, because a running stream cannot wait for numba
        self._largest = np.float32(min(largest, float(np.finfo(np.float32).max)))
        self._state = _State.HUNTING
        self._time = TimeBase(rate_hz, packets.WRAP_MS, elapsed_s)
        self._early_ms: int | None = None
        self._given_up = False
        self._carry = b""
        self._interval = _Interval(0)
        self._items: list[Item] = []

    @property
    def begun(self) -> bool:
        """Whether the first time mark has come."""
        return self._state is not _State.HUNTING

    @property
    def ended(self) -> bool:
        """Whether the end of the acquisition has come; text follows it."""
        return self._state is _State.ENDED

    def feed(self, chunk: bytes) -> list[Item]:
        """Takes the next bytes, divided anywhere; returns what they complete."""
        data = self._carry + chunk if self._carry else chunk
        position, before = 0, -1
        while position != before:
            before = position
            if self._state is _State.STREAMING:
                position = self._token(data, self._intervals(data, position))
            else:
                position = self._text(data, position)
        self._carry = data[position:]
        items, self._items = self._items, []
        return items

    def finish(self) -> list[Item]:
        """Ends the stream and returns, uncounted, what waited for a time mark."""
        rest, self._carry = self._carry, b""
        if self._state is _State.STREAMING:
            found = _TOKEN.search(rest)
            stop = found.start() if found else len(rest) // 2 * 2  # half a word is not damage here
            self._samples(rest[:stop])
            if rest[stop:]:
                self._note(f"cut off: {rest[stop:][:40].hex(' ')}", TextKind.DAMAGED)
            self._end()
        else:
            self._line(rest)
        items, self._items = self._items, []
        return items

    # Whole intervals

    def _intervals(self, data: bytes, position: int) -> int:
        """Takes intervals that are sound in every part; returns where they end."""
        interval = self._interval
        while not (interval.count or interval.broken) and self._time.sure:
            count = min((len(data) - position) // STRIDE, _BATCH)
            sound = self._batch(data, position, count) if count else 0
            position += sound * STRIDE
            interval = self._interval
            if not sound or sound < count:
                break
        return position

    def _batch(self, data: bytes, position: int, count: int) -> int:
        """Takes intervals up to the first that is not sound; returns their number."""
        steps = self._time.period_ms * np.arange(1, count + 1, dtype=np.int64)
        due_ms = (self._time.bases_ms[0] + steps) % packets.WRAP_MS
        found = sound_intervals(data, position, due_ms, self._largest, self._kernel)
        if found.count:
            self.fullest = max(self.fullest, found.fullest)
            self._time.bases_ms = [int(due_ms[found.count - 1])]
            first = self._interval.first
            self._items.append(Block(first, (found.values,)))
            self._close(first + found.count * SAMPLES_PER_MARK)
        return found.count

    # One packet after another

    def _token(self, data: bytes, position: int) -> int:
        """Takes the samples up to the next packet, and the packet; returns where that ends."""
        found = _TOKEN.search(data, position)
        if found is None:
            return self._tail(data, position)
        at = found.start()
        if data[at] != 0xF0:
            return self._prompt(data, position, at)
        packet = packet_at(data, at)
        if packet is Trouble.INCOMPLETE:
            return position
        self._samples(data[position:at])
        if isinstance(packet, Trouble):
            self._lost(f"not a packet: {data[at : at + 9].hex(' ')}")
            return at + 2
        self._packet(packet)
        return packet.stop

    def _tail(self, data: bytes, position: int) -> int:
        """Takes samples that no packet follows yet; too many of them make the stream unreadable."""
        if len(data) - position <= _LONG:
            return position
        stop = position + (len(data) - position - _KEPT) // 2 * 2
        self._samples(data[position:stop])
        if self._interval.count > _UNMARKED:
            self._interval.count = 0
            self._lost(f"no time mark in {_UNMARKED} samples")
            self._report_unreadable(f"no time mark came in {_UNMARKED} samples")
        return stop

    def _prompt(self, data: bytes, position: int, at: int) -> int:
        r"""Handles a reply, ``\r\nPowerShield > ...\r\n\r\n``: whether it can come here is not known."""
        stop = data.find(b"\r\n\r\n", at)
        if stop < 0 and len(data) - at < _LONGEST_LINE:
            return position
        before = data[position:at]
        for frame in _BEFORE_PROMPT:
            if before.endswith(frame):
                before = before.removesuffix(frame)
                break
        self._samples(before)
        if stop < 0:
            self._lost("a reply without an end")
            return at + len(_PROMPT)
        for line in data[at:stop].split(b"\n"):
            self._line(line)
        return stop + 4

    def _packet(self, packet: Packet) -> None:
        payload = packet.payload
        if packet.code == packets.MARK:
            self._mark(int.from_bytes(payload[:4], "big"), payload[4])
        elif packet.code == packets.END:
            self._end()
            self._state = _State.ENDED
            self._note("end", TextKind.TEXT)
        elif packet.code == packets.OVERCURRENT:
            self._note("error: Overcurrent (packet F5)", TextKind.ERROR)
        elif packet.code in (packets.ERROR, packets.INFO):
            kind = TextKind.ERROR if packet.code == packets.ERROR else TextKind.TEXT
            for line in payload.replace(b"\0", b"").decode("ascii").splitlines():
                self._note(line, kind)
        else:
            self._note(packet.answer(), TextKind.PACKET)
            if not packet.known:
                self.irregularities["unknown-packet"] += 1
                if len(self.unknown) < _KEPT_UNKNOWN:
                    self.unknown.append(packet.raw)

    def _samples(self, data: bytes) -> None:
        interval = self._interval
        if len(data) % 2:
            self._lost("an odd number of bytes between two packets")
        if not data:
            return
        values: Values = VALUES[np.frombuffer(data, "<u2", len(data) // 2)]
        interval.count += len(values)
        if interval.broken:
            return
        damaged = ~(values <= self._largest)
        if damaged.any():
            interval.damaged += int(np.count_nonzero(damaged))
            self.irregularities["damaged-word"] += int(np.count_nonzero(damaged))
            values[damaged] = np.nan
        interval.values.append(values)

    def _lost(self, reason: str) -> None:
        """Marks the interval as damaged: the places of its samples are not known."""
        interval = self._interval
        if not interval.broken:
            self.irregularities["lost-framing"] += 1
            self._note(f"after sample {interval.first + interval.count}: {reason}", TextKind.DAMAGED)
            interval.broken = reason
            interval.values.clear()

    def _mark(self, word: int, fill: int) -> None:
        """Takes a time mark: it ends the interval if the count agrees with the time."""
        interval = self._interval
        time_ms = word & ~packets.OVERFLOW
        self.fullest = max(self.fullest, fill)
        if word & packets.OVERFLOW:  # what overflowed is not documented: taken as lost samples
            self.irregularities["overflow"] += 1
            self._lost("overflow flag of a time mark")
        if interval.damaged and not self._time.agrees(time_ms, interval.count):
            self._lost(f"{interval.count} words, {interval.damaged} of them not samples")  # a mark, perhaps
        before_ms = self._time.bases_ms[0]
        if interval.broken:
            self._gap(self._time.elapsed(time_ms, interval.first), interval.broken)
            return
        missing = self._time.missing(time_ms, interval.first, interval.count)
        if missing is None:
            self.irregularities["odd-time"] += 1
            reason = f"time mark: {time_ms} ms after {before_ms} ms and {interval.count} samples"
            if interval.count:
                self._gap(interval.count, reason)
            self._gap(None, reason)
        elif missing:
            self.irregularities["lost-sample"] += missing
            total = interval.count + missing
            self._gap(total, f"time mark: {interval.count} of {total} samples came")
        else:
            self._emit_interval()

    def _gap(self, count: int | None, reason: str) -> None:
        first = self._interval.first
        self._items.append(Gap(first, count, reason))
        self._close(first + (count or 0))

    def _emit_interval(self) -> None:
        """Passes on the interval's samples, with gaps for words that are not samples."""
        interval = self._interval
        values = np.concatenate(interval.values) if interval.values else np.empty(0, np.float32)
        missing = np.isnan(values)
        bounds = np.flatnonzero(missing[1:] != missing[:-1]) + 1
        start = 0
        for stop in [*bounds.tolist(), len(values)]:
            if stop > start and missing[start]:
                self._items.append(Gap(interval.first + start, stop - start, "damaged sample word"))
            elif stop > start:
                self._items.append(Block(interval.first + start, (values[start:stop],)))
            start = stop
        self._close(interval.first + len(values))

    def _close(self, stop: int) -> None:
        self._interval = _Interval(stop)
        self._items.append(Watermark(float(stop)))

    def _end(self) -> None:
        if self._interval.broken:
            self._gap(None, self._interval.broken)
        else:
            self._emit_interval()

    # Text before the first time mark and after the end

    def _text(self, data: bytes, position: int) -> int:
        """Takes text and the packet after it; returns where that packet ends."""
        found = packets.BEGINNING.search(data, position)
        stop = found.start() if found else len(data)
        end = data.rfind(b"\n", position, stop) + 1
        for line in data[position:end].split(b"\n")[:-1] if end else ():
            self._line(line)
        position = max(position, end)
        if found is None:
            if stop - position <= _LONGEST_LINE:
                return position
            self._line(data[position:stop])
            return stop
        packet = packet_at(data, stop)
        if packet is Trouble.INCOMPLETE and data[stop + 1] in packets.LENGTHS:
            return position
        self._line(data[position:stop])
        if isinstance(packet, Trouble) or packet.code not in packets.LENGTHS:
            return stop + 2  # a text packet holds text anyway; the manual's summary begins with one
        if packet.code != packets.MARK:
            self._packet(packet)
        elif not self.ended:
            self._first_mark(int.from_bytes(packet.payload[:4], "big"))
        return packet.stop

    def _first_mark(self, time_ms: int) -> None:
        """Takes the first time mark, which is 0; if it is lost, two that follow each other are accepted."""
        self._state = _State.STREAMING
        if time_ms == 0:
            return
        if self._early_ms is None or time_ms - self._early_ms != self._time.period_ms:
            self._early_ms, self._state = time_ms, _State.HUNTING
            return
        self.irregularities["lost-framing"] += 1
        self._gap(self._time.elapsed(time_ms, 0), "the first time mark did not come")

    def _line(self, raw: bytes) -> None:
        line = raw.replace(b"\0", b"").replace(packets.TERMINATOR, b"").strip(b"\r\n")
        if not line:
            return
        if line.isascii() and (text := line.decode("ascii")).isprintable():
            self._note(text, TextKind.TEXT)
        elif self.irregularities["damaged-line"] < _DAMAGED_LINES:
            self.irregularities["damaged-line"] += 1
            self._note(line[:40].hex(" "), TextKind.DAMAGED)
        else:
            self._report_unreadable(f"{_DAMAGED_LINES} lines without text came, and no time mark")

    def _report_unreadable(self, reason: str) -> None:
        """Reports once that the stream is unreadable."""
        if not self._given_up:
            self._given_up = True
            self._note(f"error: {reason}", TextKind.ERROR)

    def _note(self, text: str, kind: TextKind) -> None:
        self._items.append(Text(text, kind))
