"""Current and voltage of a Joulescope, paired by ``sample_id`` (joulescope.md 1.3).

They arrive in separate messages, at different times and divided at different places. Data are copied only
if a block contains parts of two messages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from energy.signal import Block, Gap

Floats = npt.NDArray[np.float32]

_LEAST = 8192
"""Usual smallest number of samples in a block: 4 or 8 ms."""


class Pairing:
    """Pairs current and voltage by ``sample_id``: samples of both become blocks; samples of only one, gaps.

    Args:
        factor: Units of ``sample_id`` per sample.
        most_bytes: Most bytes of one that wait for the other; more than that become a gap.

    Attributes:
        origin: ``sample_id`` of position 0, once it is known.
        skipped: Number of samples before the origin that only one of them had.
        waiting_bytes: Number of bytes that wait.
    """

    def __init__(self, factor: int, most_bytes: int) -> None:
        self._factor, self._most_bytes = factor, most_bytes
        self._pieces: tuple[deque[tuple[int, Floats]], ...] = (deque(), deque())
        self._expected: list[int | None] = [None, None]
        self._next = 0
        self._overrun = False
        self.origin: int | None = None
        self.skipped = 0
        self.waiting_bytes = 0

    def add(self, which: int, first: int, data: Floats) -> None:
        """Takes a message: ``which`` is 0 for current, 1 for voltage.

        Raises:
            ValueError: Its ``sample_id`` goes back, or is between two samples.
        """
        expected = self._expected[which]
        if expected is not None:
            if (first - expected) % self._factor:
                raise ValueError(f"sample_id {first} is between two samples ({expected} was expected)")
            repeated = (expected - first) // self._factor
            if repeated > len(data):
                raise ValueError(f"sample_id goes back from {expected} to {first}")
            if repeated > 0:  # sent twice; the driver itself leaves such samples out
                data, first = data[repeated:], expected
        if not len(data):
            return
        self._expected[which] = first + len(data) * self._factor
        pieces = self._pieces[which]
        pieces.append((first, data))
        self.waiting_bytes += data.nbytes
        while self.waiting_bytes > self._most_bytes and len(pieces) > 1:
            self.waiting_bytes -= pieces.popleft()[1].nbytes
            self._overrun = True

    def take(self, least: int = _LEAST) -> Iterator[Block | Gap]:
        """Returns and removes the complete blocks and gaps, in order.

        Args:
            least: Fewer samples than this wait for more, unless a gap follows. Messages of current and of
                voltage overlap except for a few samples, and each block costs its receiver the same time.
        """
        factor = self._factor
        while self._pieces[0] and self._pieces[1]:
            starts = [max(pieces[0][0], self._next) for pieces in self._pieces]
            first = max(starts)
            if self.origin is None and (starts[0] - starts[1]) % factor:
                raise ValueError(f"current ({starts[0]}) and voltage ({starts[1]}) are not sampled together")
            (i_stop, i_gap), (v_stop, v_gap) = (_run(pieces, factor) for pieces in self._pieces)
            stop = min(i_stop, v_stop)
            broken = i_gap if i_stop < v_stop else v_gap if v_stop < i_stop else i_gap or v_gap
            if stop > first:
                if (stop - first) // factor < least and not broken:
                    return
                if self.origin is None:
                    self.origin = self._next = first
                    self.skipped += (first - min(starts)) // factor
                if first > self._next:
                    why = "current or voltage came too late" if self._overrun else "sample_id jumps"
                    lost = (first - self._next) // factor
                    yield Gap((self._next - self.origin) // factor, lost, why)
                    self._overrun = False
                columns = tuple(self._cut(pieces, first, stop) for pieces in self._pieces)
                self._next = stop
                yield Block((first - self.origin) // factor, columns)
            self._release(stop)

    def _cut(self, pieces: deque[tuple[int, Floats]], first: int, stop: int) -> Floats:
        """The samples ``[first, stop)``, which are contiguous; a view if one message contains them all."""
        parts: list[Floats] = []
        for at, data in pieces:
            if at >= stop:
                break
            low, high = max(first - at, 0) // self._factor, (stop - at) // self._factor
            if low < len(data):
                parts.append(data if low == 0 and high >= len(data) else data[low:high])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _release(self, stop: int) -> None:
        """Releases messages that end at or before ``stop``."""
        for pieces in self._pieces:
            while pieces and pieces[0][0] + len(pieces[0][1]) * self._factor <= stop:
                data = pieces.popleft()[1]
                self.waiting_bytes -= data.nbytes
                self.skipped += len(data) if self.origin is None else 0

    def unpaired(self) -> tuple[int, int]:
        """Number of samples of current and of voltage that still wait for the other."""
        current, voltage = (sum(len(data) for _, data in pieces) for pieces in self._pieces)
        return current, voltage


def _run(pieces: deque[tuple[int, Floats]], factor: int) -> tuple[int, bool]:
    """The end of the first contiguous messages, and whether more messages follow after a gap."""
    stop = pieces[0][0]
    for at, data in pieces:
        if at != stop:
            return stop, True
        stop = at + len(data) * factor
    return stop, False
