"""Where the batches of an Arrow file are, and their rows, read as they are asked for."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from energy.recording.arrowmessage import BatchHeader, EndOfStreamError, HeaderReader
from energy.recording.filebytes import Bytes, changed, read_exactly, reopened, unreadable
from energy.recording.limits import LONGEST_PIECE

Column = npt.NDArray[Any]
_PER_BYTE = 8
_AT_ONCE = 1 << 20
"""Bytes of a batch that is read whole: a core's cache holds them, and memory that has just been freed is used
again. More of them would come in fresh memory, which takes longer to get than the bytes to copy."""
_ROWS_AT_ONCE = min(1 << 17, LONGEST_PIECE)
"""Rows of a piece of a longer batch, likewise."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a file, in memory.

    Attributes:
        first: Number of the first row.
        count: How many there are.
        columns: Bytes of the values of each column.
    """

    first: int
    count: int
    columns: tuple[Bytes, ...]

    def column(self, number: int, dtype: npt.DTypeLike) -> Column:
        """The values of a column, or the packed bits of one of booleans, not copied."""
        return self.columns[number].view(dtype)


def widths_of(schema: pa.Schema) -> tuple[int, ...]:
    """Bits of a value of each column."""
    return tuple(kind.bit_width for kind in schema.types)


class BatchIndex:
    """An index of a file's batches by row number and byte, from which rows can be read.

    One thread may add batches while others read.

    The file is open only while rows are read from it.

    Args:
        path: The file.
        schema: Schema of its rows: primitive types of whole bytes, or booleans.
        identity: The file as it was opened; None for a file that this program is writing.
    """

    def __init__(self, path: Path, schema: pa.Schema, identity: os.stat_result | None = None) -> None:
        self.path = path
        self.widths = widths_of(schema)
        self.headers = HeaderReader(self.widths)
        self.firsts = array("q")
        self._stops = array("q")
        self._offsets = array("q")
        self._ends = array("q")
        self._identity = identity

    def add(self, first: int, count: int, offset: int, end: int) -> None:
        """Adds a batch at the bytes ``[offset, end)``; a batch without rows is left out."""
        if count:
            self._stops.append(first + count)
            self._offsets.append(offset)
            self._ends.append(end)
            self.firsts.append(first)  # last, because a reader looks at the length of this array

    def read(self, first: int, stop: int) -> Iterator[Rows]:
        """The rows in ``[first, stop)`` in pieces: none longer than 2^17 rows, none over the end of a batch.

        Booleans come with whole bytes, so a piece of them may begin up to 7 rows before ``first``.

        Raises:
            RecordingError: ``file.changed`` if the file is another one, or shorter, than when it was opened;
                ``file.unreadable``.
        """
        number = max(bisect_right(self.firsts, first) - 1, 0)
        if number >= len(self.firsts) or self.firsts[number] >= stop:
            return
        with reopened(self.path, self._identity) as file:
            while number < len(self.firsts) and self.firsts[number] < stop:
                at, end = max(first, self.firsts[number]), min(stop, self._stops[number])
                if at < end:
                    yield from self._pieces(file, number, at, end)
                number += 1

    def _pieces(self, file: BufferedReader, number: int, at: int, end: int) -> Iterator[Rows]:
        """The rows ``[at, end)`` of a batch."""
        first, stop = self.firsts[number], self._stops[number]
        if (at, end) == (first, stop) and self._ends[number] - self._offsets[number] <= _AT_ONCE:
            yield self._whole(file, number)
            return
        header = self._header(
            number, lambda: self.headers.read(file, self._offsets[number], self._ends[number])
        )
        at -= (at - first) % _PER_BYTE if 1 in self.widths else 0
        while at < end:
            count = min(end - at, _ROWS_AT_ONCE)
            yield self._rows(file, header.columns, at, at - first, count)
            at += count

    def _whole(self, file: BufferedReader, number: int) -> Rows:
        """All rows of a batch, read with its header in one call of the system."""
        offset, end = self._offsets[number], self._ends[number]
        data = read_exactly(file, offset, end - offset, self.path)
        header = self._header(number, lambda: self.headers.parse(data, offset, end))
        columns = (
            data[column - offset : column - offset + (header.rows * width + 7) // 8]
            for column, width in zip(header.columns, self.widths, strict=True)
        )
        return Rows(self.firsts[number], header.rows, tuple(columns))

    def _header(self, number: int, read: Callable[[], BatchHeader]) -> BatchHeader:
        """The header of a batch, which must still hold as many rows."""
        offset = self._offsets[number]
        try:
            header = read()
        except (EndOfStreamError, ValueError) as error:
            raise changed(self.path, f"the batch at byte {offset}: {error}") from error
        except OSError as error:
            raise unreadable(self.path, error) from error
        if header.rows != self._stops[number] - self.firsts[number]:
            raise changed(self.path, f"the batch at byte {offset} has another number of rows")
        return header

    def _rows(self, file: BufferedReader, columns: tuple[int, ...], first: int, at: int, count: int) -> Rows:
        data = (
            read_exactly(file, column + at * width // 8, (count * width + 7) // 8, self.path)
            for column, width in zip(columns, self.widths, strict=True)
        )
        return Rows(first, count, tuple(data))
