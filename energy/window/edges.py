"""Edges: found in digital inputs, and conditioned (polarity, hold) before they open or close a window."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy.signal import DigitalBlock, DigitalInput, Edge, EdgeKind

TIMESTAMP_HOLD_S = 50e-6
"""EEMBC's ``timestamp-hold-us``: edges closer than this to the last one are one edge (protocols.md 1.5)."""
_TOP_BIT_BEFORE = np.uint8(7)


def find_edges(levels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Indices at which the level differs from the one before.

    Args:
        levels: uint8, shape (n,), zero for low and one value for high.

    Returns:
        int64, shape (number of edges,), ascending, each at least 1.
    """
    return np.flatnonzero(levels[1:] != levels[:-1]) + 1


def find_edges_packed(
    bits: npt.NDArray[np.uint8], count: int, before: int | None = None
) -> npt.NDArray[np.int64]:
    """Indices at which a packed level differs from the one before.

    Args:
        bits: uint8, shape (at least ceil(count / 8),), eight levels a byte, lowest bit first.
        count: How many levels there are; further bits are not looked at.
        before: The level before the first one, 0 or 1, or None where there is none.

    Returns:
        int64, shape (number of edges,), ascending; 0 only if ``before`` differs from the first level.
    """
    if count == 0:
        return np.empty(0, np.int64)
    data = bits[: (count + 7) // 8]
    first = int(data[0] & 1) if before is None else before
    # A byte without an edge is 0x00 after a level 0, or 0xFF after a level 1: compare whole bytes first.
    quiet = np.empty(len(data), np.bool_)
    quiet[0] = data[0] == (255 if first else 0)
    np.equal(data[1:], data[:-1], out=quiet[1:])
    busy = np.flatnonzero(~quiet | ((data != 0) & (data != 255)))
    previous = np.where(busy > 0, data[busy - 1] >> _TOP_BIT_BEFORE, first)
    levels = np.unpackbits(data[busy], bitorder="little").reshape(-1, 8)
    shifted = np.concatenate([previous[:, None].astype(np.uint8), levels[:, :-1]], axis=1)
    row, bit = np.nonzero(levels != shifted)
    index = busy[row].astype(np.int64) * 8 + bit
    return index[index < count]


def edges_of_input(
    source: DigitalInput, blocks: Iterable[DigitalBlock], sample_rate_hz: float
) -> Iterator[Edge]:
    """Edges of a recorded digital input, in the analogue sample clock.

    An edge seen between two levels lies between their instants: its position is the middle and its bound
    half a period of the input. Where levels are missing and differ on either side, the edge between them has
    the middle of the gap as its position and a bound to match.
    """
    before: int | None = None
    expected = 0
    half = 0.5 * sample_rate_hz / source.rate_hz
    for block in blocks:
        index = find_edges_packed(block.bits, block.count, before)
        rising = block.bits[index // 8] >> (index % 8).astype(np.uint8) & 1
        positions = source.positions(block.first + index, sample_rate_hz) - half
        lost = (block.first - expected) * half * 2
        for k, position, rises in zip(index.tolist(), positions.tolist(), rising.tolist(), strict=True):
            across = lost / 2 if k == 0 else 0.0  # only an edge at level 0 lies between two blocks
            kind = EdgeKind.RISE if rises else EdgeKind.FALL
            yield Edge(position - across, half + across, kind, source.name)
        last = block.count - 1
        if block.count:
            before = int(block.bits[last // 8] >> (last % 8) & 1)
            expected = block.stop


@dataclass
class EdgeConditioner:
    """Lets through the edges that count: of the right polarity, and not within the hold time of another.

    Edges closer than the hold time to the last one are one edge, however long the burst (each of them
    starts the hold time anew), so a bouncing pin cannot open a window by itself.

    Attributes:
        rate_hz: Rate of the clock that positions are in.
        polarity: The edges that count.
        hold_s: The hold time.
        bounced: How many edges were taken for part of another.
    """

    rate_hz: float
    polarity: EdgeKind = EdgeKind.FALL
    hold_s: float = TIMESTAMP_HOLD_S
    bounced: int = 0
    _last: float = -math.inf

    def accept(self, edge: Edge) -> bool:
        """Whether ``edge`` counts. Edges are given in the order of time."""
        if edge.kind is not self.polarity:
            return False
        within = edge.position - self._last < self.hold_s * self.rate_hz
        self._last = edge.position
        self.bounced += within
        return not within
