"""Headers of the record batches in an Arrow IPC file, read without their rows.

Layout (Arrow columnar format 1.5, "Encapsulated message format" and Message.fbs): the marker ``FF FF FF FF``,
the length of the metadata as int32, the metadata (a FlatBuffer, padded to 8 bytes), then the body. A length
of 0 ends the stream. Only what ``batches`` writes is read: primitive columns without nulls, dictionaries or
compression. Compressed buffers are refused, because a few bytes of them can stand for any number of samples.

A FlatBuffer (flatbuffers.dev, "Internals"): a table begins with the distance back to its vtable, which holds
a uint16 for each field: where it lies in the table, 0 for a field that is left out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from io import BufferedReader

from energy.recording.filebytes import Bytes, read_at
from energy.recording.limits import LARGEST_NOTES

_MARKER = b"\xff\xff\xff\xff"
_PREFIX = 8
_USUAL = 512
"""Bytes that hold most headers: those of a recording without notes have some 400."""
_FIRST = b"first"
"""Key of the number of a batch's first row in its custom metadata."""
_RECORD_BATCH = 3
"""``MessageHeader.RecordBatch``."""
COMPRESSED = "its rows are compressed, which those of a recording never are"


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """A record batch, without its rows.

    Attributes:
        rows: How many rows it has.
        metadata: Its custom metadata.
        columns: Byte in the file at which the values of each column begin.
        end: Byte after its body.
    """

    rows: int
    metadata: dict[bytes, bytes]
    columns: tuple[int, ...]
    end: int


class EndOfStreamError(Exception):
    """The stream ends here: with its marker, or because nothing follows.

    Attributes:
        at: Byte after the end.
    """

    def __init__(self, at: int) -> None:
        super().__init__(f"the stream ends at byte {at}")
        self.at = at


class HeaderReader:
    """Reads the headers of a file's record batches.

    In most recordings the header of a batch differs from that of the batch before only in the number of its
    first row. A header that has the same bytes but for this number is not parsed once more: comparing takes a
    tenth of the time. Several threads may read at the same time.

    Args:
        widths: Bits of a value of each column.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        self._widths = widths
        self._pattern: _Pattern | None = None
        self._before: tuple[int, int] | None = None

    def read(self, file: BufferedReader, offset: int, size: int) -> BatchHeader:
        """The header of the record batch at a byte.

        Args:
            file: The file.
            offset: The byte at which the message begins.
            size: Bytes of the file.

        Raises:
            EndOfStreamError: If the stream ends there.
            ValueError: If it is no whole record batch as ``batches`` writes it, with the reason.
            OSError: If the file cannot be read.
        """
        return self._header(partial(read_at, file, offset), offset, size)

    def parse(self, data: Bytes, offset: int, size: int) -> BatchHeader:
        """The header at the beginning of a batch that has been read already; as ``read``."""
        return self._header(lambda count: data[:count].tobytes(), offset, size)

    def _header(self, begin: Callable[[int], bytes], offset: int, size: int) -> BatchHeader:
        data = begin(_USUAL)
        pattern = self._pattern
        if pattern and (header := pattern.header(data, offset, size)):
            return header
        whole = _PREFIX + _length(data, offset, size)
        data = data[:whole] if whole <= len(data) else begin(whole)
        if len(data) != whole:
            raise ValueError("its metadata is incomplete")
        header = self._parsed(data, offset, size)
        kind = whole, header.rows
        if kind == self._before and list(header.metadata) == [_FIRST]:
            self._pattern = self._pattern_of(data, header, offset)
        self._before = kind
        return header

    def _parsed(self, data: bytes, offset: int, size: int) -> BatchHeader:
        try:
            return _batch(_Table.root(data[_PREFIX:]), offset + len(data), size, self._widths)
        except struct.error as error:
            raise ValueError(f"its metadata is damaged: {error}") from error

    def _pattern_of(self, data: bytes, header: BatchHeader, offset: int) -> _Pattern | None:
        """The pattern of a header; None if more than a text depends on the bytes of its first row."""
        first = header.metadata[_FIRST]
        at = data.find(first) if first else -1
        if at < 0:
            return None
        other = bytes(255 - byte for byte in first)
        try:
            same = self._parsed(data[:at] + other + data[at + len(first) :], offset, header.end)
        except ValueError:
            return None
        if same != replace(header, metadata={_FIRST: other}):
            return None
        columns = tuple(column - offset for column in header.columns)
        stop = at + len(first)
        return _Pattern(data[:at], data[stop:], stop, header.rows, columns, header.end - offset)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A header with any first row.

    Attributes:
        head: Its bytes before the text of the first row.
        tail: Its bytes after it.
        stop: Where that text ends.
        rows: As ``BatchHeader``.
        columns: As ``BatchHeader``, from the beginning of the message.
        end: Likewise.
    """

    head: bytes
    tail: bytes
    stop: int
    rows: int
    columns: tuple[int, ...]
    end: int

    def header(self, data: bytes, offset: int, size: int) -> BatchHeader | None:
        """The header of a message that begins so at the byte ``offset``; None if it is another one."""
        if not (data.startswith(self.head) and data.startswith(self.tail, self.stop)):
            return None
        if offset + self.end > size:
            return None
        first = data[len(self.head) : self.stop]
        columns = tuple([offset + column for column in self.columns])
        return BatchHeader(self.rows, {_FIRST: first}, columns, offset + self.end)


def _length(begin: bytes, offset: int, size: int) -> int:
    """Bytes of the metadata of the message that begins so."""
    if not begin:
        raise EndOfStreamError(offset)
    if len(begin) < _PREFIX or not begin.startswith(_MARKER):
        raise ValueError("it does not begin with the marker of a message")
    (length,) = struct.unpack_from("<i", begin, 4)
    if length == 0:
        raise EndOfStreamError(offset + _PREFIX)
    if not 0 < length <= min(LARGEST_NOTES, size - offset - _PREFIX):
        raise ValueError(f"its metadata would have {length} bytes")
    return length


def _batch(message: _Table, body: int, size: int, widths: tuple[int, ...]) -> BatchHeader:
    if message.integer(1, "<B") != _RECORD_BATCH:
        raise ValueError("it is not a record batch")
    end = body + message.integer(3, "<q")
    if not body <= end <= size:
        raise ValueError("its rows are incomplete")
    batch = message.table(2)
    if batch.has(3):
        raise ValueError(COMPRESSED)
    rows = batch.integer(0, "<q")
    nodes, buffers = batch.pairs(1, len(widths)), batch.pairs(2, 2 * len(widths))
    if rows < 0 or any(length != rows for length, _ in nodes):
        raise ValueError(f"its columns do not hold {rows} rows each")
    if any(nulls for _, nulls in nodes):
        raise ValueError("it has nulls among its rows")
    columns: list[int] = []
    for width, (at, count) in zip(widths, buffers[1::2], strict=True):
        needed = (rows * width + 7) // 8
        if not (at >= 0 and needed <= count and body + at + needed <= end):
            raise ValueError(f"{rows} rows do not fit into its buffers")
        columns.append(body + at)
    return BatchHeader(rows, dict(message.texts(4)), tuple(columns), end)


class _Table:
    """A table of a FlatBuffer; whatever leads out of the bytes raises ``struct.error`` or ValueError."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._fields = at - self._read("<i", at)
        self._length = self._read("<H", self._fields)

    @classmethod
    def root(cls, data: bytes) -> _Table:
        """The table that a FlatBuffer begins with."""
        (at,) = struct.unpack_from("<I", data, 0)
        return cls(data, at)

    def has(self, field: int) -> bool:
        """Whether a field is there."""
        return self._where(field) is not None

    def integer(self, field: int, form: str) -> int:
        """A number; 0 where it is left out."""
        at = self._where(field)
        return 0 if at is None else self._read(form, at)

    def table(self, field: int) -> _Table:
        """Another table."""
        return _Table(self._data, self._follow(field))

    def pairs(self, field: int, count: int) -> list[tuple[int, int]]:
        """A vector of so many structs of two int64 each."""
        at = self._follow(field)
        if self._read("<I", at) != count:
            raise ValueError(f"it has another number of columns than {count}")
        numbers = struct.unpack_from(f"<{2 * count}q", self._data, at + 4)
        return list(zip(numbers[::2], numbers[1::2], strict=True))

    def texts(self, field: int) -> Iterator[tuple[bytes, bytes]]:
        """A vector of tables of two texts each; nothing where it is left out."""
        if not self.has(field):
            return
        at = self._follow(field)
        left = len(self._data)
        for number in range(self._read("<I", at)):
            here = at + 4 + 4 * number
            pair = _Table(self._data, here + self._read("<I", here))
            texts = pair._text(0), pair._text(1)
            left -= sum(map(len, texts)) + 1
            if left < 0:
                raise ValueError("its metadata holds the same text many times")
            yield texts

    def _text(self, field: int) -> bytes:
        at = self._follow(field)
        length = self._read("<I", at)
        text = self._data[at + 4 : at + 4 + length]
        if len(text) != length:
            raise ValueError("a text leads out of its metadata")
        return text

    def _follow(self, field: int) -> int:
        at = self._where(field)
        if at is None:
            raise ValueError("a part of its metadata is missing")
        return at + self._read("<I", at)

    def _where(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry + 2 > self._length:
            return None
        distance = self._read("<H", self._fields + entry)
        return self._at + distance if distance else None

    def _read(self, form: str, at: int) -> int:
        if at < 0:
            raise ValueError("its metadata leads out of itself")
        return struct.unpack_from(form, self._data, at)[0]
