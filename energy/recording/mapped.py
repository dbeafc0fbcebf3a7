"""Reads the Arrow IPC files that ``batches`` writes, closed or cut off: headers at once, rows on demand."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import pyarrow as pa

from energy.errors import RecordingError
from energy.recording.arrowmessage import COMPRESSED, BatchHeader, EndOfStreamError
from energy.recording.batches import ARROW_ERRORS, Notes
from energy.recording.batchindex import BatchIndex, Rows
from energy.recording.inside import open_inside
from energy.recording.jsonvalues import LARGEST_POSITION, as_object, parse_json
from energy.recording.limits import LARGEST_NOTES, MOST_BATCHES, refuse_larger

MAGIC = b"ARROW1"
STREAM_START = 8
"""Byte at which the stream inside an Arrow IPC file begins."""
_SCHEMA_AT = STREAM_START + 8
"""Byte after the marker and the length of the schema's message."""
_HINT = "Use a copy of the file."


def read_schema(path: Path) -> pa.Schema:
    """The schema of an Arrow IPC file, closed or not.

    Raises:
        RecordingError: ``recording.empty``, ``recording.foreign``, ``recording.damaged`` or
            ``file.unreadable``.
    """
    with _opened(path) as file:
        return _schema(file, path)[0]


class BatchReader:
    """Opens an Arrow IPC file of numbered rows, closed or not.

    Opening reads the headers of all batches once, without their rows. A closed file is compared with its
    footer, which repeats the schema and the number of batches, so that damage to either copy is found.

    Attributes:
        schema: The file's schema.
        notes: Notes of all batches in order, as (row number, notes).
        jumps: Places where row numbers jump, as (number after the last row, number of the next).
        first: Number of the first row.
        stop: Number of the row after the last.
        rows: How many rows there are.
        lost_bytes: For a file that was not closed, how many bytes after its last whole batch are left out;
            None for a closed file.

    Raises:
        RecordingError: ``recording.empty``, ``recording.foreign``, ``recording.damaged`` or
            ``file.unreadable``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[tuple[int, Notes]] = []
        self.jumps: list[tuple[int, int]] = []
        self.stop = 0
        self.rows = 0
        self.lost_bytes: int | None = None
        self._reached = 0
        self._notes_bytes = 0
        with _opened(path) as file:
            self.schema, after_schema = _schema(file, path)
            found = os.fstat(file.fileno())
            self._index = BatchIndex(path, self.schema, found)
            file.seek(found.st_size - len(MAGIC))
            closed = found.st_size > after_schema and file.read() == MAGIC
            batches = self._walk(file, after_schema, found.st_size, closed)
            if closed:
                self._compare_with_footer(file, batches)
        self.first = self._index.firsts[0] if self._index.firsts else 0

    def read(self, first: int, stop: int) -> Iterator[Rows]:
        """The rows in ``[first, stop)``, as ``BatchIndex.read``."""
        return self._index.read(first, stop)

    def _walk(self, file: BufferedReader, offset: int, size: int, closed: bool) -> int:
        """Adds every whole batch to the index and returns their number."""
        batches = 0
        while True:
            try:
                header = self._index.headers.read(file, offset, size)
            except EndOfStreamError as end:
                if not closed:
                    self.lost_bytes = size - end.at
                return batches
            except (ValueError, OSError) as error:
                if closed or COMPRESSED in str(error):
                    raise self._damaged(f"the batch at byte {offset}: {error}") from error
                self.lost_bytes = size - offset
                return batches
            self._add(header, offset)
            offset = header.end
            batches += 1
            refuse_larger(str(self.path), batches, MOST_BATCHES, "batches", _HINT)

    def _add(self, header: BatchHeader, offset: int) -> None:
        fields, rows = header.metadata, header.rows
        try:
            if not fields[b"first"].isdigit():
                raise ValueError(f"first row {fields[b'first'][:40]!r}")
            first = int(fields[b"first"])
            text = fields.get(b"notes", b"")
            notes = as_object(parse_json(text)) if b"notes" in fields else {}
        except (KeyError, ValueError) as error:
            raise self._damaged(
                f"the batch at byte {offset} does not state which rows it holds: {error}"
            ) from error
        if not self.stop <= max(first, self._reached) == first < LARGEST_POSITION - rows:
            raise self._damaged(f"the batch at byte {offset} starts at row {first} after row {self.stop - 1}")
        self._reached = first
        if notes:
            self._notes_bytes += len(text)
            refuse_larger(str(self.path), self._notes_bytes, LARGEST_NOTES, "bytes of notes", _HINT)
            self.notes.append((first, notes))
        if rows:
            if self.rows and first > self.stop:
                self.jumps.append((self.stop, first))
            self._index.add(first, rows, offset, header.end)
            self.stop = first + rows
            self.rows += rows

    def _compare_with_footer(self, file: BufferedReader, batches: int) -> None:
        try:
            footer = pa.ipc.open_file(pa.PythonFile(file, mode="r"))
            same = footer.schema.equals(self.schema, check_metadata=True)
            expected = footer.num_record_batches
        except ARROW_ERRORS as error:
            raise self._damaged(f"its footer cannot be read: {error}") from error
        if not same:
            raise self._damaged("its two copies of the schema differ")
        if batches != expected:
            raise self._damaged(f"{batches} of its {expected} batches can be read")

    def _damaged(self, what: str) -> RecordingError:
        return RecordingError("recording.damaged", f"{self.path}: {what}", _HINT)


@contextmanager
def _opened(path: Path) -> Generator[BufferedReader]:
    try:
        with open_inside(path) as file:
            yield file
    except (OSError, ValueError) as error:
        raise RecordingError(
            "file.unreadable", f"{path} cannot be read: {error}", "Check the path."
        ) from error


def _schema(file: BufferedReader, path: Path) -> tuple[pa.Schema, int]:
    """The schema that an Arrow file begins with, and the byte after it."""
    head = file.read(_SCHEMA_AT)
    if not head:
        raise RecordingError("recording.empty", f"{path} is empty", "It was cut off before its first sample.")
    if not head.startswith(MAGIC):
        raise RecordingError("recording.foreign", f"{path} is not an Arrow file", "Name another file.")
    length = max(int.from_bytes(head[-4:], "little", signed=True), 0) if len(head) == _SCHEMA_AT else 0
    try:
        message = head[STREAM_START:] + file.read(min(length, LARGEST_NOTES))
        stream = pa.ipc.open_stream(pa.BufferReader(message))
        describe(stream.schema)  # names that are not UTF-8 raise only when they are read
    except ARROW_ERRORS as error:
        raise RecordingError(
            "recording.damaged", f"{path} holds no whole Arrow schema: {error}", _HINT
        ) from error
    return stream.schema, file.tell()


def describe(schema: pa.Schema) -> str:
    """The columns of a schema with their types, for a message."""
    return ", ".join(f"{name} {kind}" for name, kind in zip(schema.names, schema.types, strict=True))
