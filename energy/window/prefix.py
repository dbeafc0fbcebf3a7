"""Sums the energy of any run of samples, by sums over a fixed grid of chunks.

The grid begins at sample 0. The energy of each chunk is summed once, in float64, in the order of its samples,
and kept. A window adds the sums of its own chunks and of the two partial chunks at its ends. None of this
depends on the blocks in which the samples came, so measuring and reading back give identical bits.

Sums are added per window, not found as a difference of running totals: the total of a day is large compared
with a short window, and two damaged samples of 1e38 and 1e22 would silently destroy the digits of every later
window, even if the total were kept in two floats. A day at 2 MS/s has 2.6 million sums, which are added in
2 ms. Counts of samples are integers, so they are kept as running totals.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np

from energy.recording.trace import Trace
from energy.signal import Block, SampleSource
from energy.window.chunks import ChunkSummer, Sum, Values
from energy.window.chunksums import ChunkSums
from energy.window.kernels import CHUNK, CHUNK_SUMS, SumChunks

__all__ = ["CHUNK", "EnergyPrefix", "Sum"]

_TASK = 16
"""Number of chunks that are read and summed together; in a thread, where there are several. With many more,
one core waits for the other at the end."""
_WORKERS = 4
"""Largest number of threads: more of them only wait for memory."""


def _total(parts: Iterable[Sum]) -> Sum:
    value, count, not_finite = 0.0, 0, 0
    for part in parts:
        value, count, not_finite = value + part.value, count + part.count, not_finite + part.not_finite
    return Sum(value, count, not_finite)


class EnergyPrefix:
    """The chunk sums of a source: call ``advance`` as samples come, and ``sum`` at any time.

    Only chunks that hold samples are kept (32 bytes each, the older ones in a temporary file: ``ChunkSums``),
    so a gap of any length needs no memory, and neither does a stream of any length.
    """

    def __init__(self, source: SampleSource) -> None:
        self._source = source
        self._summer = ChunkSummer(source, CHUNK_SUMS.get())
        self._next = 0
        self._feeder: ChunkSummer | None = None
        self._kept = ChunkSums()

    def feed(self, block: Block) -> None:
        """Sums samples as they come, while they are in memory, so that their chunks need not be read back.

        Either all samples are given, from the first and in order, or none.
        """
        if self._feeder is None:
            self._feeder = ChunkSummer(self._source, CHUNK_SUMS.get())
        self._keep(self._feeder.feed(block))
        self._next = self._feeder.chunk

    def advance(self, complete: int, progress: Callable[[int], None] | None = None) -> None:
        """Sums the chunks that end at or before position ``complete``.

        Args:
            complete: Watermark: every sample before this position has come or never will.
            progress: Called with the position up to which samples are summed so far.
        """
        stop = complete // CHUNK
        if self._feeder is not None:
            if stop > self._feeder.chunk:  # a gap extends beyond the end of the chunk
                self._keep(self._feeder.end(stop))
                self._next = stop
            return
        while self._next < stop:
            high = min(self._next + _TASK, stop)
            sums = self._summer.chunks(self._next, high)
            self._keep(sums)
            self._next = high if sums else self._first_chunk(high, stop)
            if progress:
                progress(self._next * CHUNK)

    def advance_all(self, trace: Trace, progress: Callable[[int], None] | None = None) -> None:
        """Sums all whole chunks of a finished recording, on all cores.

        Args:
            trace: The recording; it must be the source of this object.
            progress: Called with the number of samples summed so far.
        """
        self._next = max(self._next, trace.first // CHUNK)
        stop = trace.stop // CHUNK
        kernel = CHUNK_SUMS.get(trace.count)
        self._summer = ChunkSummer(self._source, kernel)
        tasks = range(self._next, stop, _TASK)
        workers = min(os.cpu_count() or 1, _WORKERS)
        if workers == 1 or len(tasks) < 2 or trace.stop - trace.first > 4 * trace.count:
            self.advance(trace.stop, progress and (lambda position: progress(position - trace.first)))
            return
        with ThreadPoolExecutor(workers) as pool:
            results = pool.map(self._sum_task, tasks, repeat(stop), repeat(kernel))
            for low, sums in zip(tasks, results, strict=True):
                self._keep(sums)
                if progress:
                    progress(min((low + _TASK) * CHUNK, trace.stop) - trace.first)
        self._next = stop

    def sum(self, first: int, stop: int) -> Sum:
        """The sum of the samples in ``[first, stop)``.

        Whole chunks are taken from their sums; the rest is read from the source.
        """
        if stop <= first:
            return Sum(0.0, 0)
        low, high = -(-first // CHUNK), stop // CHUNK
        if low >= high:
            return _total(self._pieces(first, stop))
        head = _total(self._pieces(first, low * CHUNK))
        tail = _total(self._pieces(high * CHUNK, stop))
        kept = min(max(self._next, low), high)
        rest = list(self._pieces(kept * CHUNK, high * CHUNK))
        a, b = self._kept.place(low), self._kept.place(kept)
        sums = self._kept.values(a, b)
        if rest:
            sums = np.append(sums, [part.value for part in rest])
        with np.errstate(
            all="ignore"
        ):  # damaged samples may add up to infinity: a finding of the window reports it
            middle = float(np.add.reduce(sums)) if len(sums) else 0.0
        counted = _total([head, *rest, tail])
        count, bad = self._kept.counts(a, b)
        return Sum(
            head.value + middle + tail.value,
            count + counted.count,
            bad + counted.not_finite,
        )

    def values(self, first: int, stop: int) -> Values:
        """A few samples, as returned by ``ChunkSummer.values``."""
        with np.errstate(all="ignore"):
            return self._summer.values(first, min(stop, first + CHUNK))

    def highest(self, first: int, stop: int) -> float:
        """The largest magnitude of the finite samples in ``[first, stop)``; 0 if there are none."""
        highest = 0.0
        for block in self._source.read(first, stop):
            for at in range(block.first, block.stop, CHUNK):
                with np.errstate(all="ignore"):
                    values = np.abs(self._summer.values(at, min(at + CHUNK, block.stop)))
                highest = max(highest, float(np.max(values, initial=0.0, where=np.isfinite(values))))
        return highest

    def _pieces(self, first: int, stop: int) -> Iterator[Sum]:
        """Sums of the samples in ``[first, stop)``, for each chunk that holds any, read from the source."""
        while first < stop:
            cut = min((first // CHUNK + 1) * CHUNK, stop)
            part = self._summer.sum(first, cut)
            if part.count or part.not_finite:
                yield part
            elif cut < stop:
                cut = min(self._first_chunk(cut // CHUNK, -(-stop // CHUNK)) * CHUNK, stop)
            first = cut

    def _first_chunk(self, chunk: int, stop: int) -> int:
        """The first chunk, not before ``chunk``, that holds samples, or ``stop``: skips a gap in one step."""
        block = next(self._source.read(chunk * CHUNK, stop * CHUNK), None)
        return stop if block is None else max(block.first // CHUNK, chunk)

    def _sum_task(self, low: int, stop: int, kernel: SumChunks | None) -> list[tuple[int, Sum]]:
        return ChunkSummer(self._source, kernel).chunks(low, min(low + _TASK, stop))

    def _keep(self, sums: Iterable[tuple[int, Sum]]) -> None:
        for chunk, part in sums:
            self._kept.append(chunk, part.value, part.count, part.not_finite)
