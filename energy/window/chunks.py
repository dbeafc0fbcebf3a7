"""Sums samples chunk by chunk as they come, in blocks of any length.

The samples of a chunk that has not ended are not copied: compiled code sums them where they are, and NumPy at
the end of their chunk. Both give the sum of the whole chunk, to the bit (decision 0041).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy.signal import Block, SampleKind, Samples, SampleSource
from energy.window.kernels import BEGUN, CHUNK, SumChunks

_GROUP = 4
"""Number of chunks that NumPy converts to float64 together. It needs fewer calls, and is a third faster than
one chunk at a time: converting into a scratch array that stays in the second-level cache slows the reading of
the samples."""
_PARTS = 64
"""Largest number of parts in which the samples of a chunk wait: more than these are put together."""
_NATIVE = (np.dtype(np.float32), np.dtype(np.float64))

Columns = tuple[Samples, ...]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over samples.

    Attributes:
        value: The sum in the signal's units (``Signal.joule_per_unit`` turns it into joule).
        count: Number of samples that exist and are finite.
        not_finite: Number of samples that are NaN or infinite; they are left out of the sum.
    """

    value: float
    count: int
    not_finite: int = 0


class ChunkSummer:
    """Sums samples chunk by chunk as they come. Two threads must not use it at the same time.

    Args:
        source: The source of the samples.
        kernel: The compiled loop that sums them; None: NumPy sums them.

    Attributes:
        chunk: Number of the chunk that is being filled.
    """

    def __init__(self, source: SampleSource, kernel: SumChunks | None = None) -> None:
        self._source = source
        self._both = source.signal.kind is SampleKind.CURRENT_VOLTAGE
        self._kernel = kernel
        self.chunk = -1
        self._filled = 0  # number of samples of this chunk so far
        self._parts: list[Columns] = []  # these samples
        self._begun: Values = np.empty(BEGUN)  # their sums, as the compiled loop keeps them
        self._scratch: list[Values] = []

    def values(self, first: int, stop: int) -> Values:
        """The samples that exist in ``[first, stop)`` (current times voltage where both are sampled).

        Returns:
            float64, shape (number of samples that exist,).
        """
        parts = [_products(self._columns(block)) for block in self._source.read(first, stop)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0), *parts])

    def sum(self, first: int, stop: int) -> Sum:
        """The sum of the samples in ``[first, stop)``, which lie within one chunk."""
        with np.errstate(all="ignore"):  # NaN and infinity are counted
            return _sum(self.values(first, stop))

    def chunks(self, low: int, high: int) -> list[tuple[int, Sum]]:
        """The chunks ``low`` to ``high - 1`` that hold samples, read from the source: number and sum."""
        sums: list[tuple[int, Sum]] = []
        for block in self._source.read(low * CHUNK, high * CHUNK):
            sums += self.feed(block)
        return sums + self.end(high)

    def feed(self, block: Block) -> list[tuple[int, Sum]]:
        """Takes samples, which follow those of the last call; returns the chunks that end with them."""
        sums: list[tuple[int, Sum]] = []
        columns, at = self._columns(block), block.first
        with np.errstate(all="ignore"):
            while at < block.stop:
                chunk = at // CHUNK
                if chunk != self.chunk:
                    sums += self.end(chunk)
                if at == chunk * CHUNK + self._filled:
                    sums += self._add(_cut(columns, at - block.first, len(block)))
                    break
                # Some of the chunk's samples are missing: so it waits for its end, whatever comes.
                stop = min(block.stop, (chunk + 1) * CHUNK)
                self._wait(_cut(columns, at - block.first, stop - block.first))
                at = stop
        return sums

    def end(self, following: int) -> list[tuple[int, Sum]]:
        """Ends the chunk that is being filled; the next samples belong to the chunk ``following``, or later.

        Returns:
            The chunk that is ended, if it holds samples.
        """
        ended, self.chunk = self.chunk, following
        if not self._filled:
            return []
        with np.errstate(all="ignore"):
            return [(ended, self._take())]

    def _columns(self, block: Block) -> Columns:
        return block.columns[:2] if self._both else block.columns[:1]

    def _add(self, columns: Columns) -> list[tuple[int, Sum]]:
        """Adds samples to a chunk of which none is missing so far; returns the chunks that end with them."""
        totals = self._totals(columns) if self._kernel else []
        count = len(columns[0])
        sums: list[Sum] = []
        at = min(CHUNK - self._filled, count) if self._filled else 0
        if at:
            self._wait(_cut(columns, 0, at))
            if self._filled == CHUNK:
                sums.append(self._take(totals[0] if totals else math.nan))
        whole = at + (count - at) // CHUNK * CHUNK
        if whole > at:
            middle = _cut(columns, at, whole)
            sums += self._checked(middle, totals[len(sums) :]) if totals else self._by_numpy(middle)
        if whole < count:
            self._wait(_cut(columns, whole, count))
        ended = list(enumerate(sums, start=self.chunk))
        self.chunk += len(sums)
        return ended

    def _totals(self, columns: Columns) -> list[float]:
        """The sums of the chunks that end with these samples, by the compiled loop."""
        assert self._kernel
        if not _suitable(columns):
            columns = tuple(np.array(column, np.float64) for column in columns)
        totals = np.empty((self._filled + len(columns[0])) // CHUNK)
        right = columns[1] if self._both else None
        self._kernel(columns[0], right, self._filled, self._begun, totals)
        return totals.tolist()

    def _wait(self, columns: Columns) -> None:
        """Adds samples to those that wait for the end of their chunk."""
        self._parts.append(columns)
        self._filled += len(columns[0])
        if len(self._parts) > _PARTS:
            self._parts = [tuple(np.concatenate(parts) for parts in zip(*self._parts, strict=True))]

    def _take(self, total: float = math.nan) -> Sum:
        """The sum of the samples that wait, which are forgotten.

        Args:
            total: Their sum if it is known, and finite.
        """
        parts, self._parts = self._parts, []
        filled, self._filled = self._filled, 0
        if math.isfinite(total):
            return Sum(total, filled)
        at = 0
        for columns in parts:
            self._convert(columns, at)
            at += len(columns[0])
        return _sum(self._scratch[0][:at])

    def _checked(self, columns: Columns, totals: list[float]) -> list[Sum]:
        """The sums of whole chunks, by the compiled loop where they are finite."""
        return [
            Sum(total, CHUNK)
            if math.isfinite(total)
            else self._by_numpy(_cut(columns, k * CHUNK, (k + 1) * CHUNK))[0]
            for k, total in enumerate(totals)
        ]

    def _by_numpy(self, columns: Columns) -> list[Sum]:
        """The sums of whole chunks."""
        sums: list[Sum] = []
        for start in range(0, len(columns[0]), _GROUP * CHUNK):
            values = self._convert(_cut(columns, start, start + _GROUP * CHUNK), 0)
            sums += [_sum(values[at : at + CHUNK]) for at in range(0, len(values), CHUNK)]
        return sums

    def _convert(self, columns: Columns, at: int) -> Values:
        """The samples as ``values`` gives them, in the scratch array from ``at`` on."""
        if not self._scratch:
            self._scratch = [np.empty(_GROUP * CHUNK) for _ in columns]
        values = self._scratch[0][at : at + len(columns[0])]
        values[:] = columns[0]
        if self._both:
            other = self._scratch[1][: len(values)]
            other[:] = columns[1]
            np.multiply(values, other, out=values)
        return values


def _cut(columns: Columns, first: int, stop: int) -> Columns:
    if first == 0 and stop >= len(columns[0]):
        return columns
    return tuple([column[first:stop] for column in columns])


def _products(columns: Columns) -> Values:
    values = columns[0].astype(np.float64)
    return np.multiply(values, columns[1], out=values) if len(columns) > 1 else values


def _suitable(columns: Columns) -> bool:
    """Whether compiled code knows arrays like these."""
    kind = columns[0].dtype
    if kind not in _NATIVE:
        return False
    for column in columns:
        flags = column.flags
        if column.dtype != kind or not (flags.c_contiguous and flags.aligned):
            return False
    return True


def _sum(values: Values) -> Sum:
    total = float(np.add.reduce(values))
    if math.isfinite(total):
        return Sum(total, len(values))
    finite = values[np.isfinite(values)]
    return Sum(float(np.add.reduce(finite)), len(finite), len(values) - len(finite))
