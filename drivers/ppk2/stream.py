"""The PPK2's stream: four bytes a sample, 100 000 of them a second (protocols.md 6).

A sample is a little-endian word: ADC in bits 0 to 13, range in 14 to 16, a counter in 18 to 23 (absent in
one of the two sources), the logic inputs in 24 to 31. The counter is the only framing, so
samples are accepted only where it runs without a jump; see ``SampleDecoder``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivers.ppk2.kernels import CONVERT
from drivers.unverified import COUNTED, Unverified
from energy.signal import Block, DigitalBlock, Gap, RangeChange

RATE_HZ = 100_000.0
SAMPLE_BYTES = 4
TURN = 64
"""Samples in one turn of the counter: a loss of this many samples does not change the counter."""
LOOK = 8
"""Number of samples in a row whose counter must run: by chance this happens once in 2 ** 42."""
MARGIN = 4
"""Number of samples that are dropped on both sides of a place without framing. Some of them are made of
halves of two samples; for one in 64 of those the counter seems to run."""
_WORD = np.dtype("<u4")
_VALUE = np.uint32(0x1FFFF)
_FULL = np.uint32(0x3FFF)
_COUNTER_BYTE = 2
_LOGIC_BYTE = 3
_HIGHEST_RANGE = np.uint8(4)
_SEARCH = 1 << 16


@dataclass(frozen=True, slots=True)
class PhaseLevels:
    """Levels of the logic input that the DUT's phase pin is wired to."""

    block: DigitalBlock


Item = Block | DigitalBlock | PhaseLevels | Gap | RangeChange
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]


UNVERIFIED = (
    Unverified(
        "SampleDecoder",
        "The counter in bits 18 to 23 is in one of two sources only.",
        "whether lost samples are counted",
        f"load the USB bus; {COUNTED}",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class SampleDecoder:
    """Converts bytes, in chunks of any length, to currents, levels, gaps and changes of range.

    The last ``LOOK`` samples wait for the next chunk. So what follows a jump of the counter is known:

    - The counter runs from its new value: samples were lost, the number that the jump shows, or 64, 128, ...
        more.
    - It does not run: bytes were lost, added or damaged. The decoder searches the next place where it runs.

    Two kinds of damage cannot be seen: damage to bytes without the counter, and the loss of a multiple of
    four bytes from the middle of a sample, which makes one sample of two.

    Args:
        table: Current by the lower 17 bits of a sample (``Calibration.table``), shape (131072,).
        logic: The logic input that is passed on, 0 to 7.
        phases: Another one, for the DUT's phase pin; None: no other.
        compiled: Whether compiled code may be loaded, which can take seconds, and used.

    Attributes:
        position: Number of the next sample that is passed on.
        skipped: Bytes since the counter last ran; 0 while it runs.
        irregularities: Number of ``"skipped-bytes"``, of ``"resyncs"`` in which they were skipped, and of
            ``"saturated"`` samples, at the upper end of the ADC: their currents may have been higher.
    """

    def __init__(
        self,
        table: npt.NDArray[np.float32],
        logic: int = 0,
        phases: int | None = None,
        *,
        compiled: bool = True,
    ) -> None:
        self._kernel = CONVERT.get() if compiled else None  # here: a running stream cannot wait for numba
        self._table = table
        self._mask, self._bit = np.uint8(1 << logic), 8 * _LOGIC_BYTE + logic
        self._phases = None if phases is None else np.uint8(1 << phases)
        self._buffer = b""
        self._counter: int | None = None
        self._synced = False
        self._range = -1
        self.position = 0
        self.skipped = 0
        self.irregularities: Counter[str] = Counter()

    @property
    def received(self) -> int:
        """Position after the last sample that arrived, whether it was passed on or still waits."""
        return self.position + (len(self._buffer) + self.skipped) // SAMPLE_BYTES

    def feed(self, chunk: bytes) -> list[Item]:
        """Takes the next bytes and returns what they complete."""
        return self._decode(self._buffer + chunk if self._buffer else chunk, LOOK)

    def finish(self) -> list[Item]:
        """Returns the samples that wait, as far as the counter runs; the bytes after them are not samples."""
        items = self._decode(self._buffer, 0)
        if self._buffer or self.skipped:
            self.irregularities["skipped-bytes"] += len(self._buffer) + self.skipped
            self._buffer, self.skipped = b"", 0
        return items

    def _decode(self, data: bytes, look: int) -> list[Item]:
        items: list[Item] = []
        raw = np.frombuffer(data, np.uint8)
        at = 0
        while True:
            if not self._synced:
                if not look:
                    break
                at = self._seek(raw, at, items)
                if not self._synced:
                    break
            at, waits = self._run(data, raw, at, look, items)
            if waits:
                break
        self._buffer = data[at:]
        return items

    def _run(self, data: bytes, raw: Bytes, at: int, look: int, items: list[Item]) -> tuple[int, bool]:
        """Passes on the samples from byte ``at`` to the first one that must wait, or to a loss of framing.

        Returns:
            The first byte that was not passed on, and whether more bytes are needed.
        """
        count = (len(raw) - at) // SAMPLE_BYTES
        if count <= look:
            return at, True
        keep = max(count - look, 0)
        if self._convert(data, raw, at, count, keep, items):
            return at + keep * SAMPLE_BYTES, True
        counters = raw[at + _COUNTER_BYTE : at + count * SAMPLE_BYTES : SAMPLE_BYTES] >> 2
        steps = np.empty(count, np.uint8)
        steps[0] = 1 if self._counter is None else (int(counters[0]) - self._counter) % TURN
        np.subtract(counters[1:], counters[:-1], out=steps[1:])
        jumps = np.flatnonzero((steps & np.uint8(TURN - 1)) != 1)
        done = 0
        for number, jump in enumerate(jumps.tolist()):
            if jump + LOOK > count:
                keep = max(jump - MARGIN, done)
                self._pass_on(data, raw, at + done * SAMPLE_BYTES, keep - done, items)
                return at + keep * SAMPLE_BYTES, True
            if number + 1 < len(jumps) and jumps[number + 1] < jump + LOOK:
                keep = max(jump - MARGIN, done)
                self._pass_on(data, raw, at + done * SAMPLE_BYTES, keep - done, items)
                self._synced = False
                return at + keep * SAMPLE_BYTES, False
            self._pass_on(data, raw, at + done * SAMPLE_BYTES, jump - done, items)
            self._add_loss((int(steps[jump]) - 1) % TURN, "sample counter (modulo 64)", items)
            self._counter = (int(counters[jump]) - 1) % TURN
            done = jump
        keep = max(count - look, done)
        self._pass_on(data, raw, at + done * SAMPLE_BYTES, keep - done, items)
        return at + keep * SAMPLE_BYTES, True

    def _seek(self, raw: Bytes, at: int, items: list[Item]) -> int:
        """The next byte from which the counter runs for ``LOOK`` samples, or where the search continues."""
        span = (LOOK - 1) * SAMPLE_BYTES
        while len(raw) - at >= LOOK * SAMPLE_BYTES:
            piece = raw[at + _COUNTER_BYTE : at + _COUNTER_BYTE + _SEARCH + span] >> 2
            runs = ((piece[SAMPLE_BYTES:] - piece[:-SAMPLE_BYTES]) & np.uint8(TURN - 1)) == 1
            places = len(piece) - span - 1  # the last sample's logic byte comes after its counter
            regular = np.ones(places, np.bool_)
            for k in range(LOOK - 1):
                regular &= runs[k * SAMPLE_BYTES : k * SAMPLE_BYTES + places]
            found = np.flatnonzero(regular)
            if len(found):
                place = int(found[0])
                if self.skipped + place:
                    place += MARGIN * SAMPLE_BYTES  # the first samples may be made of halves, too
                self._resync(int(piece[place]), self.skipped + place, items)
                return at + place
            self.skipped += places
            at += places
        return at

    def _resync(self, counter: int, skipped: int, items: list[Item]) -> None:
        if skipped:
            self.irregularities["skipped-bytes"] += skipped
            self.irregularities["resyncs"] += 1
        if self._counter is not None:
            missing = (counter - self._counter - 1) % TURN
            # Whole turns of the counter in the skipped bytes.
            missing += TURN * max(round((skipped / SAMPLE_BYTES - missing) / TURN), 0)
            self._add_loss(missing, f"{skipped} bytes were no samples; sample counter (modulo 64)", items)
        self._counter, self._synced, self.skipped = (counter - 1) % TURN, True, 0

    def _add_loss(self, missing: int, reason: str, items: list[Item]) -> None:
        if missing:
            items.append(Gap(self.position, missing, reason))
            self.position += missing

    def _pass_on(self, data: bytes, raw: Bytes, at: int, count: int, items: list[Item]) -> None:
        if not count:
            return
        words = np.frombuffer(data, _WORD, count, at)
        currents = self._table.take(words & _VALUE, mode="clip")
        saturated = int(np.count_nonzero((words & _FULL) == _FULL))
        bits = np.packbits(_logic(raw, at, count) & self._mask, bitorder="little")
        ranges = np.minimum((words >> 14).astype(np.uint8) & np.uint8(7), _HIGHEST_RANGE)
        changes = (np.flatnonzero(ranges[1:] != ranges[:-1]) + 1).tolist()
        self._emit(words, raw, at, _Converted(currents, saturated, bits, changes), items)

    def _convert(self, data: bytes, raw: Bytes, at: int, count: int, keep: int, items: list[Item]) -> bool:
        """Passes on samples in one pass of compiled code.

        Args:
            data: The bytes.
            raw: The same bytes.
            at: The first byte.
            count: Number of samples whose counters are checked.
            keep: Number of samples that are passed on.
            items: Where they go.

        Returns:
            False, with nothing passed on, if there is no compiled code or the counter does not run.
        """
        kernel = self._kernel
        if kernel is None or keep <= 0:
            return False
        words = np.frombuffer(data, _WORD, count, at)
        if not (words.flags.aligned and words.dtype.isnative):
            return False
        before = int(words[0] >> 18) - 1 if self._counter is None else self._counter
        currents, bits = np.empty(keep, np.float32), np.empty((keep + 7) // 8, np.uint8)
        changes = np.empty(keep, np.uint32)
        saturated = kernel(words, before, self._table, self._bit, currents, bits, changes)
        if saturated < 0:
            return False
        positions = changes[1 : int(changes[0]) + 1].tolist()
        self._emit(words[:keep], raw, at, _Converted(currents, saturated, bits, positions), items)
        return True

    def _emit(self, words: Words, raw: Bytes, at: int, found: _Converted, items: list[Item]) -> None:
        """Passes on converted samples."""
        count = len(words)
        items.append(Block(self.position, (found.currents,)))
        if found.saturated:
            self.irregularities["saturated"] += found.saturated
        items.append(DigitalBlock(self.position, count, found.bits))
        if self._phases is not None:
            bits = np.packbits(_logic(raw, at, count) & self._phases, bitorder="little")
            items.append(PhaseLevels(DigitalBlock(self.position, count, bits)))
        for k in [0, *found.changes]:
            if (now := _range(words[k])) != self._range:
                items.append(RangeChange(self.position + k, f"R{now}"))
                self._range = now
        self._counter = int(words[-1] >> 18) % TURN
        self.position += count


@dataclass(frozen=True, slots=True)
class _Converted:
    """What samples hold: currents, number at the upper end of the ADC, packed levels, changes of range."""

    currents: npt.NDArray[np.float32]
    saturated: int
    bits: Bytes
    changes: list[int]


def _logic(raw: Bytes, at: int, count: int) -> Bytes:
    """The logic bytes of samples."""
    return raw[at + _LOGIC_BYTE : at + count * SAMPLE_BYTES : SAMPLE_BYTES]


def _range(word: np.uint32) -> int:
    return min(int(word) >> 14 & 7, int(_HIGHEST_RANGE))
