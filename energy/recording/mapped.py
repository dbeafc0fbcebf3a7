"""Reads the Arrow IPC files that ``batches`` writes, closed or cut off, without copying their rows."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from energy.errors import RecordingError
from energy.recording.batches import ARROW_ERRORS, BatchIndex, Notes, Source
from energy.recording.inside import open_inside
from energy.recording.jsonvalues import LARGEST_POSITION, as_object, parse_json

MAGIC = b"ARROW1"
STREAM_START = 8
"""Byte at which the stream inside an Arrow IPC file begins."""
_HINT = "Use a copy of the file."


def read_schema(path: Path) -> pa.Schema:
    """The schema of an Arrow IPC file, closed or not.

    Raises:
        RecordingError: ``recording.empty``, ``recording.foreign``, ``recording.damaged`` or
            ``file.unreadable``.
    """
    return _open_stream(path)[1].schema


class BatchReader:
    """Maps an Arrow IPC file of numbered rows, closed or not.

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
        source, stream = _open_stream(path)
        size, after_schema = source.size(), source.tell()
        source.seek(size - len(MAGIC))
        closed = size > after_schema and source.read(len(MAGIC)) == MAGIC
        source.seek(after_schema)
        self.schema = stream.schema
        self._index = BatchIndex(path, self.schema, source)
        batches = self._walk(source, stream, size, closed)
        if closed:
            self._compare_with_footer(source, batches)
        self.first = self._index.firsts[0] if self._index.firsts else 0

    def read(self, first: int, stop: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Batches, cut to the rows in ``[first, stop)``, each with the number of its first row."""
        return self._index.read(first, stop)

    def _walk(self, source: Source, stream: pa.RecordBatchStreamReader, size: int, closed: bool) -> int:
        """Adds every whole batch to the index and returns their number."""
        batches = 0
        while True:
            offset = source.tell()
            try:
                item = stream.read_next_batch_with_custom_metadata()
                item.batch.validate()
            except StopIteration:  # an end-of-stream marker, or the end of the file
                if not closed:
                    self.lost_bytes = size - source.tell()
                return batches
            except ARROW_ERRORS as error:
                if closed:
                    raise self._damaged(f"the batch at byte {offset} cannot be read: {error}") from error
                self.lost_bytes = size - offset
                return batches
            self._add(item.batch, item.custom_metadata, offset, source.tell())
            batches += 1

    def _add(self, batch: pa.RecordBatch, metadata: Any, offset: int, end: int) -> None:
        try:
            fields: dict[bytes, bytes] = dict(metadata or {})
            if not fields[b"first"].isdigit():
                raise ValueError(f"first row {fields[b'first'][:40]!r}")
            first = int(fields[b"first"])
            notes = as_object(parse_json(fields.get(b"notes", b"{}")))
        except (KeyError, ValueError) as error:
            raise self._damaged(
                f"the batch at byte {offset} does not state which rows it holds: {error}"
            ) from error
        if not self.stop <= max(first, self._reached) == first < LARGEST_POSITION - batch.num_rows:
            raise self._damaged(f"the batch at byte {offset} starts at row {first} after row {self.stop - 1}")
        if any(batch.column(k).null_count for k in range(batch.num_columns)):
            raise self._damaged(f"the batch at byte {offset} has nulls among its rows")
        self._reached = first
        if notes:
            self.notes.append((first, notes))
        if batch.num_rows:
            if self.rows and first > self.stop:
                self.jumps.append((self.stop, first))
            self._index.add(first, batch.num_rows, offset, end)
            self.stop = first + batch.num_rows
            self.rows += batch.num_rows

    def _compare_with_footer(self, source: Source, batches: int) -> None:
        try:
            footer = pa.ipc.open_file(source)
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


def _open_stream(path: Path) -> tuple[Source, pa.RecordBatchStreamReader]:
    try:
        with open_inside(path) as file:
            head = file.read(STREAM_START)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if head else None
        if mapped is None:
            raise RecordingError(
                "recording.empty", f"{path} is empty", "It was cut off before its first sample."
            )
        if not head.startswith(MAGIC):
            raise RecordingError("recording.foreign", f"{path} is not an Arrow file", "Name another file.")
        source = pa.BufferReader(pa.py_buffer(mapped))
    except (OSError, ValueError) as error:
        raise RecordingError(
            "file.unreadable", f"{path} cannot be read: {error}", "Check the path."
        ) from error
    try:
        source.seek(STREAM_START)
        stream = pa.ipc.open_stream(source)
        describe(stream.schema)  # names that are not UTF-8 raise only when they are read
        return source, stream
    except ARROW_ERRORS as error:
        raise RecordingError(
            "recording.damaged", f"{path} holds no whole Arrow schema: {error}", _HINT
        ) from error


def describe(schema: pa.Schema) -> str:
    """The columns of a schema with their types, for a message."""
    return ", ".join(f"{name} {kind}" for name, kind in zip(schema.names, schema.types, strict=True))
