"""The sums of a stream's chunks, in order: the latest in memory, the older ones in a temporary file.

A day at 1 MS/s has 1.3 million chunks, 42 MB of sums. A live session asks for the latest of them, so memory
holds those of some minutes, and stays the same however long the stream is.
"""

from __future__ import annotations

import logging
import os
import tempfile
import weakref
from array import array
from bisect import bisect_left

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError

_SPILL = 1 << 12
"""Rows that are moved to the file together; twice as many are in memory at most: 0.3 MB."""
_ROW = np.dtype([("chunk", "<i8"), ("value", "<f8"), ("count", "<i8"), ("bad", "<i8")])
_LOG = logging.getLogger("joulebench.window")


class ChunkSums:
    """Rows of chunk, sum and counts, appended in order of the chunks and found again by row or by chunk.

    The temporary file has no name, so that nothing of it is left after a kill. Where it cannot be written,
    all rows stay in memory.
    """

    def __init__(self) -> None:
        self._chunks = array("q")
        self._values = array("d")
        self._counts = array("q")  # of samples up to the end of each chunk
        self._bad = array("q")
        self._base = 0  # number of rows in the file
        self._file = -1
        self._spills = True

    def __len__(self) -> int:
        return self._base + len(self._chunks)

    def append(self, chunk: int, value: float, count: int, bad: int) -> None:
        """Adds a row.

        Args:
            chunk: Number of the chunk, higher than that of the last row.
            value: Its sum.
            count: How many of its samples exist and are finite.
            bad: How many are not finite.
        """
        if len(self._chunks) >= 2 * _SPILL and self._spills:
            self._spill()
        last = len(self._chunks) - 1
        self._counts.append(count + (self._counts[last] if last >= 0 else 0))
        self._bad.append(bad + (self._bad[last] if last >= 0 else 0))
        self._values.append(value)
        self._chunks.append(chunk)

    def place(self, chunk: int) -> int:
        """The first row whose chunk is ``chunk`` or a later one."""
        if self._base and chunk <= self._chunks[0]:
            low, high = 0, self._base
            while low < high:
                middle = (low + high) // 2
                if int(self._rows(middle, middle + 1)["chunk"][0]) < chunk:
                    low = middle + 1
                else:
                    high = middle
            return low
        return self._base + bisect_left(self._chunks, chunk)

    def values(self, a: int, b: int) -> npt.NDArray[np.float64]:
        """The sums of the rows ``[a, b)``, float64, shape (b - a,), not to be changed.

        Raises:
            RecordingError: ``file.unreadable`` if the temporary file cannot be read.
        """
        kept = np.frombuffer(self._values[max(a - self._base, 0) : max(b - self._base, 0)])
        if a >= self._base:
            return kept
        values = np.empty(b - a)
        for at in range(a, min(b, self._base), _SPILL):
            rows = self._rows(at, min(at + _SPILL, b, self._base))
            values[at - a : at - a + len(rows)] = rows["value"]
        values[len(values) - len(kept) :] = kept
        return values

    def counts(self, a: int, b: int) -> tuple[int, int]:
        """How many samples of the rows ``[a, b)`` exist and are finite, and how many are not finite.

        Raises:
            RecordingError: As ``values``.
        """
        before, after = self._until(a), self._until(b)
        return after[0] - before[0], after[1] - before[1]

    def _until(self, row: int) -> tuple[int, int]:
        """The counts of all rows before one."""
        if not row:
            return 0, 0
        if row > self._base:
            at = row - self._base - 1
            return self._counts[at], self._bad[at]
        found = self._rows(row - 1, row)[0]
        return int(found["count"]), int(found["bad"])

    def _spill(self) -> None:
        rows = np.empty(_SPILL, _ROW)
        for name, column in zip(_ROW.names or (), self._columns(), strict=True):
            rows[name] = column[:_SPILL]
        try:
            if self._file < 0:
                self._file = _nameless_file()
                weakref.finalize(self, os.close, self._file)
            _write(self._file, rows.tobytes(), self._base * _ROW.itemsize)
        except OSError as error:
            _LOG.info("sums of chunks stay in memory: no temporary file can be written: %s", error)
            self._spills = False
            return
        self._base += _SPILL
        for column in self._columns():
            del column[:_SPILL]

    def _columns(self) -> tuple[array[int], array[float], array[int], array[int]]:
        return self._chunks, self._values, self._counts, self._bad

    def _rows(self, a: int, b: int) -> npt.NDArray[np.void]:
        """The rows ``[a, b)`` of the file."""
        size = (b - a) * _ROW.itemsize
        try:
            data = os.pread(self._file, size, a * _ROW.itemsize)
        except OSError as error:
            raise _unreadable(str(error)) from error
        if len(data) != size:
            raise _unreadable(f"{len(data)} of {size} bytes came")
        return np.frombuffer(data, _ROW)


def _nameless_file() -> int:
    """A descriptor of a new temporary file that has no name."""
    with tempfile.TemporaryFile(prefix="joulebench-") as file:
        return os.dup(file.fileno())


def _write(file: int, data: bytes, offset: int) -> None:
    """Writes all bytes from an offset on."""
    done = 0
    while done < len(data):
        done += os.pwrite(file, data[done:], offset + done)


def _unreadable(why: str) -> RecordingError:
    return RecordingError(
        "file.unreadable",
        f"the temporary file of a stream's sums cannot be read: {why}",
        "Check the disk that holds temporary files, or name another in TMPDIR.",
    )
