"""Finds edges in digital inputs, and conditions edges (kind, hold time) before they make windows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from energy.signal import DigitalBlock, DigitalInput, Edge, EdgeKind

TIMESTAMP_HOLD_S = 50e-6
"""EEMBC's ``timestamp-hold-us``: an edge closer than this to the last is part of it (protocols.md 1.5)."""


class Marker(StrEnum):
    """How the DUT's pin marks its work: the bench file's ``dut.marker``."""

    PULSE = "pulse"
    """A short low pulse before the work, and another after it: MLPerf Tiny (protocols.md 1.5)."""
    HIGH = "high"
    """The pin is high during the work."""
    LOW = "low"
    """The pin is low during the work."""

    @classmethod
    def _missing_(cls, value: object) -> Marker | None:
        """``level`` is another word for ``high``."""
        return cls.HIGH if value == "level" else None

    @property
    def opens(self) -> EdgeKind:
        """The edge before the work."""
        return EdgeKind.RISE if self is Marker.HIGH else EdgeKind.FALL

    @property
    def closes(self) -> EdgeKind:
        """The edge after the work."""
        return EdgeKind.RISE if self is Marker.LOW else EdgeKind.FALL

    @property
    def kinds(self) -> frozenset[EdgeKind]:
        """The edges that count."""
        return frozenset((self.opens, self.closes))


_TOP_BIT_BEFORE = np.uint8(7)
_ALL_HIGH = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


def find_edges(levels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Indices at which the level differs from the one before.

    Args:
        levels: uint8, shape (n,), 0 for low and any other fixed value for high.

    Returns:
        int64, shape (number of edges,), ascending, each at least 1.
    """
    return np.flatnonzero(levels[1:] != levels[:-1]) + 1


def find_edges_packed(
    bits: npt.NDArray[np.uint8], count: int, before: int | None = None
) -> npt.NDArray[np.int64]:
    """Indices at which a packed level differs from the one before.

    Args:
        bits: uint8, shape (at least ceil(count / 8),), eight levels in a byte, lowest bit first.
        count: Number of levels; further bits are ignored.
        before: The level before the first, 0 or 1; None if there is none.

    Returns:
        int64, shape (number of edges,), ascending; 0 only if ``before`` differs from the first level.
    """
    if count == 0:
        return np.empty(0, np.int64)
    data = np.ascontiguousarray(bits[: (count + 7) // 8])
    first = int(data[0] & 1) if before is None else before
    words, rest = data[: len(data) // 8 * 8].reshape(-1, 8), data[len(data) // 8 * 8 :]
    idle = _ALL_HIGH if first else np.uint64(0)
    if (words.reshape(-1).view(np.uint64) == idle).all() and (rest == (255 if first else 0)).all():
        return np.empty(0, np.int64)  # nearly every block of an idle pin
    looked_at = np.concatenate(
        [(8 * _busy(words)[:, None] + np.arange(8)).reshape(-1), np.arange(len(data) - len(rest), len(data))]
    )
    here = data[looked_at]
    previous = np.where(looked_at > 0, data[looked_at - 1] >> _TOP_BIT_BEFORE, np.uint8(first))
    busy = here != previous * np.uint8(255)  # else all eight levels are the one before them
    levels = np.unpackbits(here[busy], bitorder="little").reshape(-1, 8)
    shifted = np.concatenate([previous[busy][:, None], levels[:, :-1]], axis=1)
    row, bit = np.nonzero(levels != shifted)
    index = looked_at[busy][row].astype(np.int64) * 8 + bit
    return index[index < count]


def _busy(words: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Indices of the words of 64 levels in or before which there may be an edge, ascending.

    Equal words in a row are compared eight bytes at a time, in one pass. Only the first of them needs a look,
    unless both levels are in it.

    Args:
        words: uint8, shape (n, 8).
    """
    if not len(words):
        return np.empty(0, np.intp)
    values = words.reshape(-1).view(np.uint64)
    starts: npt.NDArray[np.intp] = np.append(0, np.flatnonzero(values[1:] != values[:-1]) + 1)
    steady = (values[starts] == 0) | (values[starts] == _ALL_HIGH)
    if steady.all():
        return starts
    lengths = np.where(steady, 1, np.diff(np.append(starts, len(values))))
    before = np.cumsum(lengths) - lengths
    within = np.arange(int(before[-1] + lengths[-1]), dtype=np.intp)
    return np.repeat(starts - before, lengths).astype(np.intp) + within


class InputEdges:
    """Finds the edges of a digital input block by block, as positions in the analogue sample clock.

    An edge lies between the instants of two different levels: its position is the middle and its bound half a
    period of the input. If levels are missing and those before and after differ, the edge's position is the
    middle of the gap, and its bound half the gap.

    Args:
        source: The input.
        sample_rate_hz: Rate of the analogue samples.
    """

    def __init__(self, source: DigitalInput, sample_rate_hz: float) -> None:
        self.source = source
        self._rate_hz = sample_rate_hz
        self._half = 0.5 * sample_rate_hz / source.rate_hz
        self._before: int | None = None
        self._expected = 0

    def add(self, block: DigitalBlock) -> list[Edge]:
        """The edges in a block; the block follows the block of the last call."""
        if not block.count:
            return []
        index = find_edges_packed(block.bits, block.count, self._before)
        last = block.count - 1
        before, self._before = self._before, int(block.bits[last // 8] >> (last % 8) & 1)
        expected, self._expected = self._expected, block.stop
        if not len(index):
            return []
        rising = block.bits[index // 8] >> (index % 8).astype(np.uint8) & 1
        positions = self.source.positions(block.first + index, self._rate_hz) - self._half
        lost = 0.0 if before is None else (block.first - expected) * self._half * 2
        edges: list[Edge] = []
        for k, position, rises in zip(index.tolist(), positions.tolist(), rising.tolist(), strict=True):
            across = lost / 2 if k == 0 else 0.0  # only an edge at level 0 can lie between two blocks
            kind = EdgeKind.RISE if rises else EdgeKind.FALL
            edges.append(Edge(position - across, self._half + across, kind, self.source.name))
        return edges


def edges_of_input(
    source: DigitalInput, blocks: Iterable[DigitalBlock], sample_rate_hz: float
) -> Iterator[Edge]:
    """Edges of a recorded digital input, as `InputEdges` finds them."""
    found = InputEdges(source, sample_rate_hz)
    for block in blocks:
        yield from found.add(block)


@dataclass
class EdgeConditioner:
    """Selects the edges that count: of the right kind, and not within the hold time of another edge.

    An edge closer than the hold time to the last edge is part of it, however long the burst is (each edge
    starts the hold time again). So a bouncing pin cannot open a window.

    Attributes:
        rate_hz: Rate of the clock in which positions are given.
        kinds: The kinds of edges that count.
        hold_s: The hold time.
        bounced: Number of edges that were counted as part of another.
    """

    rate_hz: float
    kinds: frozenset[EdgeKind] = Marker.PULSE.kinds
    hold_s: float = TIMESTAMP_HOLD_S
    bounced: int = 0
    _last: float = -math.inf

    def accept(self, edge: Edge) -> bool:
        """Whether ``edge`` counts. Edges must be given in order of time."""
        if edge.kind not in self.kinds:
            return False
        within = edge.position - self._last < self.hold_s * self.rate_hz
        self._last = edge.position
        self.bounced += within
        return not within
