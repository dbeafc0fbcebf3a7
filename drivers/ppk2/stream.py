"""The PPK2's stream: four bytes a sample, 100 000 of them a second (protocols.md 6).

A sample is a little-endian word: ADC in bits 0 to 13, range in 14 to 16, a counter in 18 to 23 ([U] in one of
the two sources, present in the other), the logic inputs in 24 to 31. There is no framing beside the counter,
so samples are taken only where it runs on; see ``SampleDecoder``.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from energy.signal import Block, DigitalBlock, Gap, RangeChange

RATE_HZ = 100_000.0
SAMPLE_BYTES = 4
TURN = 64
"""Samples in one turn of the counter: so many that are lost at once leave no trace in it."""
LOOK = 8
"""So many samples in a row with a running counter are no accident: one of 2 ** 42."""
MARGIN = 4
"""So many samples on either side of a place without framing are dropped: of those that are made of halves of
others, one in 64 has a counter that seems to run on."""
_WORD = np.dtype("<u4")
_VALUE = np.uint32(0x1FFFF)
_FULL = np.uint32(0x3FFF)
_COUNTER_BYTE = 2
_LOGIC_BYTE = 3
_SEARCH = 1 << 16

Item = Block | DigitalBlock | Gap | RangeChange
Bytes = npt.NDArray[np.uint8]


class SampleDecoder:
    """Bytes in, currents, levels, gaps and changes of range out; chunk by chunk, whatever their lengths.

    The last ``LOOK`` samples wait for the next chunk. So where the counter jumps it is known what follows:

    - The counter runs on from there: samples were lost, as many as it tells, or 64, 128 ... more.
    - It does not: bytes were lost, added or damaged. The next place is sought from which the counter runs on.

    Damage to bytes that are not the counter's cannot be seen, nor that a multiple of four bytes was lost from
    the middle of a sample: then one sample is made of two.

    Args:
        table: Current by the lower 17 bits of a sample (``Calibration.table``), shape (131072,).
        logic: Which logic input is passed on, 0 to 7.

    Attributes:
        position: Number of the next sample that is handed over.
        skipped: Bytes since the counter was last seen to run; 0 while it does.
        irregularities: How many ``"skipped-bytes"`` there were, and in how many ``"resyncs"``; how many
            samples were ``"saturated"``, at the upper end of the ADC: their currents may have been higher.
    """

    def __init__(self, table: npt.NDArray[np.float32], logic: int = 0) -> None:
        self._table = table
        self._mask = np.uint8(1 << logic)
        self._buffer = b""
        self._counter: int | None = None
        self._synced = False
        self._range = -1
        self.position = 0
        self.skipped = 0
        self.irregularities: Counter[str] = Counter()

    @property
    def received(self) -> int:
        """Position after the last sample that has come, whether handed over or not."""
        return self.position + (len(self._buffer) + self.skipped) // SAMPLE_BYTES

    def feed(self, chunk: bytes) -> list[Item]:
        """Takes bytes."""
        return self._decode(self._buffer + chunk if self._buffer else chunk, LOOK)

    def finish(self) -> list[Item]:
        """Hands over what waits, as far as the counter runs on; what is left is no sample."""
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
        """Hands over the samples from byte ``at`` on, up to where framing is lost, or what must wait.

        Returns:
            The byte that was not handed over, and whether more bytes are needed to go on.
        """
        count = (len(raw) - at) // SAMPLE_BYTES
        if count <= look:
            return at, True
        counters = raw[at + _COUNTER_BYTE : at + count * SAMPLE_BYTES : SAMPLE_BYTES] >> 2
        steps = np.empty(count, np.uint8)
        steps[0] = 1 if self._counter is None else (int(counters[0]) - self._counter) % TURN
        np.subtract(counters[1:], counters[:-1], out=steps[1:])
        jumps = np.flatnonzero((steps & np.uint8(TURN - 1)) != 1)
        done = 0
        for number, jump in enumerate(jumps.tolist()):
            if jump + LOOK > count:
                keep = max(jump - MARGIN, done)
                self._hand_over(data, raw, at + done * SAMPLE_BYTES, keep - done, items)
                return at + keep * SAMPLE_BYTES, True
            if number + 1 < len(jumps) and jumps[number + 1] < jump + LOOK:
                keep = max(jump - MARGIN, done)
                self._hand_over(data, raw, at + done * SAMPLE_BYTES, keep - done, items)
                self._synced = False
                return at + keep * SAMPLE_BYTES, False
            self._hand_over(data, raw, at + done * SAMPLE_BYTES, jump - done, items)
            self._lose((int(steps[jump]) - 1) % TURN, "sample counter (modulo 64)", items)
            self._counter = (int(counters[jump]) - 1) % TURN
            done = jump
        keep = max(count - look, done)
        self._hand_over(data, raw, at + done * SAMPLE_BYTES, keep - done, items)
        return at + keep * SAMPLE_BYTES, True

    def _seek(self, raw: Bytes, at: int, items: list[Item]) -> int:
        """The next byte from which the counter runs on, ``LOOK`` samples long; or where to seek further."""
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
                    place += MARGIN * SAMPLE_BYTES  # the first ones may be made of halves, too
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
            # Whole turns that went by in the bytes that were no samples.
            missing += TURN * max(round((skipped / SAMPLE_BYTES - missing) / TURN), 0)
            self._lose(missing, f"{skipped} bytes were no samples; sample counter (modulo 64)", items)
        self._counter, self._synced, self.skipped = (counter - 1) % TURN, True, 0

    def _lose(self, missing: int, reason: str, items: list[Item]) -> None:
        if missing:
            items.append(Gap(self.position, missing, reason))
            self.position += missing

    def _hand_over(self, data: bytes, raw: Bytes, at: int, count: int, items: list[Item]) -> None:
        if not count:
            return
        words = np.frombuffer(data, _WORD, count, at)
        items.append(Block(self.position, (self._table.take(words & _VALUE, mode="clip"),)))
        if saturated := int(np.count_nonzero((words & _FULL) == _FULL)):
            self.irregularities["saturated"] += saturated
        logic = raw[at + _LOGIC_BYTE : at + count * SAMPLE_BYTES : SAMPLE_BYTES]
        items.append(DigitalBlock(self.position, count, np.packbits(logic & self._mask, bitorder="little")))
        ranges = np.minimum((words >> 14).astype(np.uint8) & np.uint8(7), np.uint8(4))
        changes = np.flatnonzero(ranges[1:] != ranges[:-1]) + 1
        if int(ranges[0]) != self._range:
            items.append(RangeChange(self.position, f"R{int(ranges[0])}"))
        items += [RangeChange(self.position + k, f"R{ranges[k]}") for k in changes.tolist()]
        self._range = int(ranges[-1])
        self._counter = int(raw[at + count * SAMPLE_BYTES - SAMPLE_BYTES + _COUNTER_BYTE]) >> 2
        self.position += count
