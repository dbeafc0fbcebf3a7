"""Where the batches of an Arrow file are, and their rows, read as they are asked for."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from energy.recording.arrowmessage import EndOfStreamError, read_header
from energy.recording.filebytes import Bytes, changed, read_exactly, reopened, unreadable
from energy.recording.limits import LONGEST_PIECE

Column = npt.NDArray[Any]
_PER_BYTE = 8


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
        """The rows in ``[first, stop)`` in pieces: none longer than 2^20 rows, none over the end of a batch.

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
        columns, first = self._columns(file, number), self.firsts[number]
        at -= (at - first) % _PER_BYTE if 1 in self.widths else 0
        while at < end:
            count = min(end - at, LONGEST_PIECE)
            yield self._rows(file, columns, at, at - first, count)
            at += count

    def _columns(self, file: BufferedReader, number: int) -> tuple[int, ...]:
        """The bytes at which the columns of a batch begin, by its header."""
        try:
            header = read_header(file, self._offsets[number], self._ends[number], self.widths)
        except (EndOfStreamError, ValueError) as error:
            raise changed(self.path, f"the batch at byte {self._offsets[number]}: {error}") from error
        except OSError as error:
            raise unreadable(self.path, error) from error
        if header.rows != self._stops[number] - self.firsts[number]:
            raise changed(self.path, f"the batch at byte {self._offsets[number]} has another number of rows")
        return header.columns

    def _rows(self, file: BufferedReader, columns: tuple[int, ...], first: int, at: int, count: int) -> Rows:
        data = (
            read_exactly(file, column + at * width // 8, (count * width + 7) // 8, self.path)
            for column, width in zip(columns, self.widths, strict=True)
        )
        return Rows(first, count, tuple(data))
