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
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader

from energy.recording.limits import LARGEST_NOTES

_MARKER = b"\xff\xff\xff\xff"
_PREFIX = 8
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


def read_header(file: BufferedReader, offset: int, size: int, widths: tuple[int, ...]) -> BatchHeader:
    """The header of the record batch at a byte.

    Args:
        file: The file.
        offset: The byte at which the message begins.
        size: Bytes of the file.
        widths: Bits of a value of each column.

    Raises:
        EndOfStreamError: If the stream ends there.
        ValueError: If it is no whole record batch as ``batches`` writes it, with the reason.
        OSError: If the file cannot be read.
    """
    file.seek(offset)
    prefix = file.read(_PREFIX)
    if not prefix:
        raise EndOfStreamError(offset)
    if len(prefix) < _PREFIX or not prefix.startswith(_MARKER):
        raise ValueError("it does not begin with the marker of a message")
    (length,) = struct.unpack_from("<i", prefix, 4)
    if length == 0:
        raise EndOfStreamError(offset + _PREFIX)
    if not 0 < length <= min(LARGEST_NOTES, size - offset - _PREFIX):
        raise ValueError(f"its metadata would have {length} bytes")
    data = file.read(length)
    if len(data) != length:
        raise ValueError("its metadata is incomplete")
    try:
        return _batch(_Table.root(data), offset + _PREFIX + length, size, widths)
    except struct.error as error:
        raise ValueError(f"its metadata is damaged: {error}") from error


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
