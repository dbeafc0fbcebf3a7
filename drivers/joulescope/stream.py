"""The streams of a Joulescope, aligned by ``sample_id`` (joulescope.md 1.2, 1.3).

Current, voltage, range and digital input arrive in separate messages, at different times and divided at
different places; they have only ``sample_id`` in common, in units of 2 MHz. Position 0 of the recording is
the first sample that both current and voltage have (``joulescope/pairing``).

On a JS220 ``sample_id`` jumps at lost samples: a gap with its exact count. On a JS110 it does not: the time
base shrinks without a sign, and only a warning on the driver's logger (``pkt_index skip``) reports it. The
log comes from a thread of its own, so a JS110's messages wait until the next one has arrived, and gaps on
both sides of a loss invalidate every window that may contain it.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from drivers.joulescope.device import TICKS_HZ, Model
from drivers.joulescope.pairing import Pairing
from drivers.unverified import COUNTED, Unverified
from energy.errors import BenchError
from energy.instruments import OwnEnergy, Sink
from energy.signal import Block, DigitalBlock, DigitalInput, Gap, RangeChange

Bytes = npt.NDArray[np.uint8]
Message = dict[str, Any]

SAMPLES_PER_PACKET = 126
"""Samples in a USB packet of a JS110 (joulescope.md 1.3)."""
_PACKET_NUMBERS = 1 << 16
"""A JS110 counts its packets in 16 bits (joulescope.md 1.4): a loss of 65536 at once is not visible."""
_SKIP = re.compile(r"pkt_index skip: expected (\d+), received (\d+)(.*)")
SATURATED = 0.999
_EARLY = 64
"""Most messages of other streams that wait for the first current and voltage."""
_KEPT = 64
_OWN_TOLERANCE = 1e-4
"""Largest relative difference of the instrument's own energy, which is computed with integers (joulescope.md
1.3), from that of its samples."""


UNVERIFIED = (
    Unverified(
        "_OWN_TOLERANCE",
        "How far the instrument's own energy agrees with that of its samples is not documented.",
        "whether the cross-check with the instrument's own energy warns when it should",
        "compare both energies over some recordings with a constant load",
    ),
    Unverified(
        "_SKIP",
        "A driver that states the number of skipped frames fills them with NaN.",
        "the length of a gap on a JS110",
        f"load the USB bus until the driver's log reports a skip; {COUNTED}",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


@dataclass(slots=True)
class _Statistics:
    """A message of statistics: its end, and the accumulator there."""

    position: int
    energy_j: float
    since: int


@dataclass(slots=True)
class Notes:
    """Observations about a stream.

    Attributes:
        not_finite: Number of samples that are NaN (missing or suppressed ones of a JS110).
        levels_seen: Whether the digital input was ever low, and ever high.
        warnings: The first warnings of the driver.
        dropped_levels: Number of levels of the digital input before position 0.
    """

    not_finite: int = 0
    levels_seen: list[bool] = field(default_factory=lambda: [False, False])
    warnings: list[str] = field(default_factory=list[str])
    dropped_levels: int = 0


@dataclass(slots=True)
class Level:
    """Current and voltage of the newest block.

    Attributes:
        ceiling_a: Upper end of a fixed range of current: there it saturates.
        highest_a: Highest current of the newest block.
        mean_v: Mean voltage of the newest block.
        seen_v: Highest mean voltage of all blocks.
        saturated: Whether a current was at the ceiling: it may have been higher.
    """

    ceiling_a: float = math.inf
    highest_a: float = 0.0
    mean_v: float = 0.0
    seen_v: float = 0.0
    saturated: bool = False

    def add(self, block: Block) -> None:
        """Adds a block; samples that are not numbers are ignored."""
        current, voltage = block.columns
        # In float32, pairwise: right to 1e-5, and a third of the time that float64 takes.
        highest_a, mean_v = float(current.max()), float(np.add.reduce(voltage)) / len(voltage)
        if not math.isfinite(highest_a + mean_v):
            finite = np.isfinite(current) & np.isfinite(voltage)
            if not finite.any():
                return
            highest_a, mean_v = float(current[finite].max()), float(voltage[finite].mean(dtype=np.float64))
        self.highest_a, self.mean_v = highest_a, mean_v
        self.seen_v = max(self.seen_v, mean_v)
        self.saturated = self.saturated or highest_a >= SATURATED * self.ceiling_a


class Stream:
    """Converts messages for a sink. Only one thread at a time may call it.

    Args:
        model: Model of the instrument.
        sink: Receives blocks, gaps, levels, range changes, watermarks.
        gpi: Number of the digital input, or None if the edges come from another instrument.
        most_bytes: See ``Pairing``.
        level: Statistics of the newest block.
    """

    def __init__(
        self, model: Model, sink: Sink, gpi: int | None, most_bytes: int, level: Level | None = None
    ) -> None:
        self._model, self._sink, self._gpi = model, sink, gpi
        self.pairing = Pairing(model.factor, most_bytes)
        self._level = level or Level()
        self.notes = Notes()
        self.stop = 0
        """Position after the last sample that was passed on."""
        self._early: deque[tuple[Callable[[Message], None], Message]] = deque(maxlen=_EARLY)
        self._held: deque[Block | Gap] = deque()
        self._hold = 0 if model.ids_tell_losses else 1
        self._shift = 0
        self._suspects = 0
        self._analogue_messages = 0
        self._levels: tuple[int, int, Bytes] | None = None
        self._input: DigitalInput | None = None
        self._input_first = 0
        self._level_stop: int | None = None
        self._range: int | None = None
        self._statistics: deque[_Statistics] = deque(maxlen=_KEPT)
        self._baseline: _Statistics | None = None
        self._reset = False

    # Messages

    def current(self, message: Message) -> None:
        """Takes a message of ``s/i/!data``."""
        self._analogue(0, message)

    def voltage(self, message: Message) -> None:
        """Takes a message of ``s/v/!data``."""
        self._analogue(1, message)

    def digital(self, message: Message) -> None:
        """Takes packed levels (``s/gpi/N/!data``); they wait for the next message, which shows how many."""
        if self._wait(self.digital, message):
            return
        first, factor, bits = message["sample_id"], message["decimate_factor"], message["data"]
        if message["sample_rate"] != TICKS_HZ or bits.dtype != np.uint8:
            raise ValueError("the digital input's messages are not packed levels at a fraction of 2 MHz")
        self._pass_levels(first)
        self._levels = (first, factor, bits)

    def ranges(self, message: Message) -> None:
        """Takes ranges (``s/i/range/!data``), a byte each; an odd last one is not set (joulescope.md 1.3)."""
        if self._wait(self.ranges, message):
            return
        values = message["data"]
        values = values[: len(values) // 2 * 2]
        if not len(values):
            return
        first, factor = message["sample_id"], message["decimate_factor"]
        at = (np.flatnonzero(values[1:] != values[:-1]) + 1).tolist()
        if int(values[0]) != self._range:
            at.insert(0, 0)
        self._range = int(values[-1])
        for k in at:
            value = int(values[k])
            position = self._position(first + k * factor)
            self._sink.range_change(
                RangeChange(max(position, 0), self._model.range_names.get(value, f"range {value}"))
            )

    def statistics(self, message: Message) -> None:
        """Takes a message of ``s/stats/value``: the instrument's own energy."""
        if self._wait(self.statistics, message):
            return
        assert self.pairing.origin is not None
        stop = int(message["time"]["samples"]["value"][1])
        if stop < self.pairing.origin or (stop - self.pairing.origin) % self._model.factor:
            return
        entry = _Statistics(
            self._position(stop),
            float(message["accumulators"]["energy"]["value"]),
            int(message["time"]["accum_samples"]["value"][0]),
        )
        if self._baseline is None:
            self._baseline = entry
        elif entry.since != self._baseline.since or entry.position <= self._baseline.position:
            self._reset = True
        self._statistics.append(entry)

    def log(self, text: str) -> None:
        """Takes a warning of the driver. On a JS110, ``pkt_index skip`` reports lost packets."""
        if len(self.notes.warnings) < _KEPT:
            self.notes.warnings.append(text)
        match = _SKIP.search(text)
        if match is None or self._model.ids_tell_losses:
            return
        expected, received = int(match[1]), int(match[2])
        if expected == 0 and self._analogue_messages <= 1:
            return  # the instrument's counter continues from its old value (joulescope.md 1.3)
        packets = (received - expected) % _PACKET_NUMBERS
        # A driver that states the number of frames, too, fills them with NaN: then there is nothing to add.
        count = packets * SAMPLES_PER_PACKET if packets and not match[3].strip() else None
        self._add_loss(count, f"driver log: {match[0].strip()}")

    def finish(self) -> None:
        """Ends the stream and passes on the messages that wait."""
        self._take(self.pairing.take(least=1))
        while self._held:
            self._pass_on(self._held.popleft())
        if self._levels is not None:
            self._pass_levels(None)

    # Results

    def own_energy(self) -> OwnEnergy | None:
        """Energy between the first and the last statistics within the samples that were passed on."""
        inside = [entry for entry in self._statistics if entry.position <= self.stop]
        if self._baseline is None or self._reset or not inside:
            return None
        last = inside[-1]
        if last.position <= self._baseline.position:
            return None
        energy_j = last.energy_j - self._baseline.energy_j
        return OwnEnergy(self._baseline.position, last.position, energy_j, _OWN_TOLERANCE)

    # Current and voltage

    def _analogue(self, which: int, message: Message) -> None:
        data = message["data"]
        if (message["sample_rate"], message["decimate_factor"]) != (TICKS_HZ, self._model.factor):
            raise ValueError(
                f"{message['sample_rate']} Hz / {message['decimate_factor']} arrived, "
                f"not the full rate {TICKS_HZ} Hz / {self._model.factor}"
            )
        if data is None or data.dtype != np.float32:
            raise ValueError("current and voltage must be float32")
        self._analogue_messages += which == 0
        self.pairing.add(which, message["sample_id"], data)
        self._take(self.pairing.take())

    def _take(self, items: Iterator[Block | Gap]) -> None:
        known = self.pairing.origin is not None
        for item in items:
            if not known:
                known = True
                self._replay()
            self._held.append(item)
            while len(self._held) > self._hold:
                self._pass_on(self._held.popleft())

    def _pass_on(self, item: Block | Gap) -> None:
        if isinstance(item, Gap):
            gap = Gap(item.first + self._shift, item.count, item.reason)
            self._sink.gap(gap)
            self.stop = max(self.stop, gap.first + (gap.count or 0))
            return
        block = Block(item.first + self._shift, item.columns) if self._shift else item
        if not self._model.ids_tell_losses:
            self._count_not_finite(block)
        self._sink.block(block)
        self._level.add(block)
        self.stop = block.stop
        if self._gpi is None:
            self._sink.edges_complete(float(block.stop))
        if self._suspects:
            self._suspects -= 1
            self._sink.gap(Gap(block.stop, None, "packets were lost shortly before"))

    def _count_not_finite(self, block: Block) -> None:
        """Counts NaN, which only a JS110's driver makes, also of missing samples (joulescope.md 1.3)."""
        current, voltage = block.columns
        with np.errstate(all="ignore"):
            finite = np.isfinite(np.dot(current, voltage))  # one number shows any NaN
        if not finite:
            self.notes.not_finite += int(np.count_nonzero(~(np.isfinite(current) & np.isfinite(voltage))))

    def _add_loss(self, count: int | None, reason: str) -> None:
        """Handles a loss between the start of the waiting messages and the end of the next message.

        If the count is known, the time base is corrected at the beginning of this stretch. Inside it
        positions may be wrong by the count, so gaps at the ends of both messages invalidate windows with an
        edge inside.
        """
        first = self.stop
        self._sink.gap(Gap(first, count, reason))
        self._shift += count or 0
        if count:
            self.stop += count
        self._suspects = 2

    # The other streams

    def _wait(self, method: Callable[[Message], None], message: Message) -> bool:
        """Keeps a message until position 0 is known."""
        if self.pairing.origin is None:
            self._early.append((method, message))
            return True
        return False

    def _replay(self) -> None:
        while self._early:
            method, message = self._early.popleft()
            method(message)

    def _position(self, sample_id: int) -> int:
        assert self.pairing.origin is not None
        return (sample_id - self.pairing.origin) // self._model.factor + self._shift

    def _pass_levels(self, following: int | None) -> None:
        """Passes on the levels that wait.

        Their number follows from the ``sample_id`` of the next message, because the driver fills the last
        byte with bits that are not levels (joulescope.md 1.2, trap 3). If it does not follow, after a gap or
        at the end, only levels that are certain are passed on. (A loss of fewer than eight levels looks like
        such bits; but a loss is whole USB frames of thousands.)
        """
        if self._levels is None:
            return
        first, factor, bits = self._levels
        self._levels = None
        most = 8 * len(bits)
        count = most - 7 if following is None else (following - first) // factor
        if count > most:
            count = most - 7
        if count < 0:
            raise ValueError(f"sample_id of the digital input goes back from {first} to {following}")
        assert self.pairing.origin is not None
        early = max(0, self.pairing.origin - first) // factor // 8 * 8  # whole bytes before position 0
        self.notes.dropped_levels += min(early, count)
        if early >= count:
            return
        bits, first, count = bits[early // 8 :], first + early * factor, count - early
        bits = bits[: (count + 7) // 8]
        if self._input is None:
            self._input_first = first
            offset = (first - self.pairing.origin) / self._model.factor
            self._input = DigitalInput(f"gpi{self._gpi}", TICKS_HZ / factor, offset)
        lead, rest = divmod(first - self._input_first, factor)
        if rest or self._input.rate_hz * factor != TICKS_HZ:
            raise ValueError(f"the digital input's clock changed at sample_id {first}")
        self._note_levels(bits, count)
        # On a JS110 levels and samples are one stream, so what shifts one shifts the other.
        block = DigitalBlock(lead + self._shift * self._model.factor // factor, count, bits)
        self._sink.digital(self._input, block)
        per_level = factor / self._model.factor
        complete = self._input.offset + (block.stop - 0.5) * per_level
        self._sink.edges_complete(max(complete, 0.0))

    def _note_levels(self, bits: Bytes, count: int) -> None:
        """Notes which levels the input had."""
        seen = self.notes.levels_seen
        if all(seen):
            return
        meant = (1 << (count - 1) % 8 + 1) - 1  # bits of the last byte that are levels
        last = int(bits[-1]) & meant
        seen[0] = seen[0] or bool((bits[:-1] != 0xFF).any()) or last != meant
        seen[1] = seen[1] or bool(bits[:-1].any()) or last != 0


def stream_error(path: str, error: Exception) -> BenchError:
    """The error for an exception in a callback: the stream cannot be trusted any more."""
    return BenchError(
        "joulescope.stream",
        f"the Joulescope {path} sent an invalid message: {error or type(error).__name__}",
        "Unplug it and plug it in again; install pyjoulescope_driver 2.2 (constraints.txt).",
    )
