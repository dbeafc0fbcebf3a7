"""Writer of an Arrow IPC file of numbered rows: appends batches; readable at any time, also after a kill.

The layout is Arrow's own (Arrow columnar format 1.5, "IPC File Format"): the magic ``ARROW1`` padded to 8
bytes, a stream of one schema message and record batches, and, once closed, an end-of-stream marker, a footer
and the magic again. So a file whose writer was killed can be read as a stream from byte 8 (``mapped``). Each
batch has in its custom metadata the number of its first row (``first``) and, as JSON, notes about events
before or in it (``notes``). Nothing is compressed, so that any rows can be read by themselves.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from energy.errors import RecordingError, RecordingWriteError
from energy.interrupts import WHOLE
from energy.recording.batchindex import BatchIndex, Column, Rows
from energy.recording.jsonvalues import LARGEST_POSITION, json_text

ARROW_ERRORS = (pa.ArrowException, OSError, ValueError, MemoryError)
"""Exceptions that pyarrow raises for a damaged file or a disk that refuses to write."""

_LARGE_PIECE = 1 << 15
"""A piece with this many rows or more becomes a batch by itself: joining would cost more than it saves."""

Notes = dict[str, Any]
_SYNC_BYTES = 32 << 20
"""After each so many bytes the file is forced to the disk, so that ``close`` has little left to wait for."""

_SHORTEST_WAIT_S = 0.005
_LONGEST_WAIT_S = 3600.0


class BatchWriter:
    """Appends numbered rows to a new Arrow IPC file.

    Small pieces of rows are collected until ``batch_rows`` rows wait or half of ``flush_interval_s`` has
    passed since the oldest came, whichever is first; a thread of the writer watches the time if no more rows
    come. Written rows stay in the file if the process is killed (they are with the operating system; only
    ``close`` makes sure that all of them are on the disk).

    Raises:
        RecordingError: ``recording.exists`` if the file is there already; ``recording.overlap`` if rows come
            that were written before; ``recording.position`` for row numbers beyond 2^53;
            ``recording.closed``; ``recording.write-failed`` if the disk refuses, from then on always.
    """

    def __init__(
        self, path: Path, schema: pa.Schema, *, flush_interval_s: float = 0.5, batch_rows: int = 1 << 18
    ) -> None:
        self.path = path
        self.schema = schema
        self.stop = 0
        """Number of the row after the last that was appended."""
        self.size = 0
        """Bytes of the file so far."""
        self.batches = 0
        """Batches of the file so far."""
        self.noted = 0
        """Bytes of all notes so far."""
        self._flush_interval_s = flush_interval_s
        self._batch_rows = batch_rows
        self._pieces: list[tuple[Column, ...]] = []
        self._scratch: list[Column] = []
        self._pending_first = 0
        self._pending_rows = 0
        self._oldest = math.inf
        self._notes: dict[str, list[str]] = {}
        self._failure: BaseException | None = None
        self._closed = False
        self._lock = threading.RLock()
        self._index = BatchIndex(path, schema)
        self._wake = threading.Event()
        self._synced = 0
        self._create()
        self._stopping = threading.Event()
        self._flusher = threading.Thread(target=self._flush_by_time, name=f"flush {path.name}", daemon=True)
        self._flusher.start()

    def append(self, first: int, columns: tuple[Column, ...]) -> None:
        """Appends rows from number ``first``: an array of shape (n,) for each column. They are not copied."""
        rows = len(columns[0])
        with WHOLE, self._lock:
            self.check(first, rows)
            if rows == 0:
                return
            large = rows >= _LARGE_PIECE
            full = self._pending_rows + rows > self._batch_rows
            if self._pieces and (large or full or first != self.stop):
                self.flush()
            now = time.monotonic()
            if not self._pieces:
                self._pending_first = int(first)
                self._oldest = min(self._oldest, now)
            self._pieces.append(columns)
            self._pending_rows += rows
            self.stop = int(first) + rows
            if large or self._pending_rows >= self._batch_rows or self._due(now):
                self.flush()

    def append_bits(self, first: int, count: int, bits: npt.NDArray[np.uint8]) -> None:
        """Appends rows of a single column of booleans, packed eight to a byte, lowest bit first.

        Raises:
            RecordingError: ``recording.columns`` if ``bits`` does not hold ``count`` bits.
        """
        if count < 0 or bits.dtype != np.uint8 or bits.shape != ((count + 7) // 8,):
            raise RecordingError(
                "recording.columns",
                f"{count} levels came in an array {bits.shape} of {bits.dtype}",
                "The monitor's driver packs its levels wrongly: please report it.",
            )
        with WHOLE, self._lock:
            self.check(first, count)
            if not count:
                return
            # Pieces of whole bytes can be joined; a piece that ends inside a byte ends its batch.
            if self._pieces and (first != self.stop or self._pending_rows % 8):
                self.flush()
            now = time.monotonic()
            if not self._pieces:
                self._pending_first = int(first)
                self._oldest = min(self._oldest, now)
            self._pieces.append((bits,))
            self._pending_rows += count
            self.stop = int(first) + count
            if self._pending_rows >= 8 * self._batch_rows or self._due(now):
                self.flush()

    def note(self, key: str, value: Any) -> None:
        """Adds ``value``, which JSON can hold, to the list of notes called ``key`` of the next batch."""
        text = json_text(value, ascii_only=True)
        with WHOLE, self._lock:
            self._check_open()
            self._oldest = min(self._oldest, time.monotonic())
            if key not in self._notes:
                self._notes[key] = []
                self.noted += len(key) + len('"":[],')
            self._notes[key].append(text)
            self.noted += len(text) + len(",")

    def skip_to(self, row: int) -> None:
        """Sets the number of the next row to ``row``: the rows in between will never come."""
        with WHOLE, self._lock:
            self._check_open()
            self._check_position(row)
            self.flush()
            self.stop = max(self.stop, int(row))

    def flush(self) -> None:
        """Writes the waiting rows and notes as one batch."""
        with WHOLE, self._lock:
            self._raise_failure()
            if not self._pieces and not self._notes:
                return
            if self._pieces:
                batch = self._batch(self._gathered())
                first = self._pending_first
            else:
                batch, first = self._empty(), self.stop
            self._write(first, batch, self._take_notes())
            self._pieces = []
            self._pending_rows = 0
            self._oldest = math.inf

    def sync(self) -> None:
        """Writes the waiting rows, and forces the file to the disk.

        Raises:
            RecordingError: ``recording.write-failed``.
        """
        self.flush()
        try:
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise write_failed(self.path, error) from error

    def read(self, first: int, stop: int) -> Iterator[Rows]:
        """Rows that were appended, read back from the file.

        Raises:
            RecordingError: As ``BatchIndex.read``.
        """
        with WHOLE, self._lock:
            if not self._closed:
                self.flush()
        return self._index.read(first, stop)

    def close(self) -> None:
        """Writes the waiting rows and the footer, and forces the file to the disk. May be called twice."""
        with WHOLE:
            self._close()

    def _close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._stopping.set()
        self._wake.set()
        self._flusher.join()
        try:
            self.flush()
            self._writer.close()
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
        except ARROW_ERRORS as error:
            self._failure = error
            self._raise_failure()
        finally:
            with contextlib.suppress(*ARROW_ERRORS):
                self._sink.close()

    def check(self, first: int, rows: int) -> None:
        """Checks that rows with these numbers may come next.

        Raises:
            RecordingError: As for ``append``.
        """
        self._check_open()
        if first < self.stop:
            raise RecordingError(
                "recording.overlap",
                f"{self.path.name}: rows from {first} came after row {self.stop - 1}",
                "The monitor's driver numbered its samples wrongly: please report it with the session's log.",
            )
        self._check_position(first + rows)

    def _check_open(self) -> None:
        self._raise_failure()
        if self._closed:
            raise RecordingError("recording.closed", f"{self.path} is closed", "Open a new recording.")

    def _check_position(self, row: int) -> None:
        if row >= LARGEST_POSITION:
            raise RecordingError(
                "recording.position", f"row number {row} is beyond 2^53", "Check the sample counter."
            )

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise write_failed(self.path, self._failure) from self._failure

    def _create(self) -> None:
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError as error:
            raise already_there(self.path) from error
        except OSError as error:
            raise write_failed(self.path, error) from error
        try:
            # Not "wb": when a truncated file is closed, ext4 writes it to disk at once.
            self._sink = pa.OSFile(str(self.path), "ab")
            self._writer = pa.ipc.new_file(self._sink, self.schema)
            self._write(0, self._empty(), "")  # puts magic and schema into the file at once
        except (*ARROW_ERRORS, RecordingError) as error:
            self.path.unlink(missing_ok=True)
            if isinstance(error, RecordingError):
                raise
            raise write_failed(self.path, error) from error

    def _gathered(self) -> list[pa.Array[Any]]:
        """The waiting rows, an array per column.

        Several pieces are joined in a scratch array that every batch uses again (the batch before has been
        written by then): allocating memory for every batch takes longer than writing it.
        """
        arrays: list[pa.Array[Any]] = []
        if self.schema.types == [pa.bool_()]:
            bits = np.concatenate([piece for (piece,) in self._pieces])
            return [arrow_array(pa.bool_(), self._pending_rows, bits)]
        for k, parts in enumerate(zip(*self._pieces, strict=True)):
            if len(parts) == 1:
                values = np.ascontiguousarray(parts[0])
            else:
                if len(self._scratch) <= k:
                    self._scratch.append(np.empty(self._batch_rows, parts[0].dtype))
                values = np.concatenate(parts, out=self._scratch[k][: self._pending_rows])
            arrays.append(arrow_array(pa.from_numpy_dtype(values.dtype), len(values), values))
        return arrays

    def _take_notes(self) -> str:
        """The waiting notes as a JSON object; empty where there are none."""
        notes, self._notes = self._notes, {}
        parts = [f'"{key}":[{",".join(texts)}]' for key, texts in notes.items()]
        return "{" + ",".join(parts) + "}" if parts else ""

    def _batch(self, arrays: list[pa.Array[Any]]) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)  # pyright: ignore[reportUnknownMemberType]

    def _empty(self) -> pa.RecordBatch:
        return self._batch([arrow_array(kind, 0, np.empty(0)) for kind in self.schema.types])

    def _write(self, first: int, batch: pa.RecordBatch, notes: str) -> None:
        metadata = {b"first": str(first).encode()}
        if notes:
            metadata[b"notes"] = notes.encode()
        try:
            offset = self._sink.tell()
            self._writer.write_batch(batch, custom_metadata=metadata)  # pyright: ignore[reportUnknownMemberType]
            end = self._sink.tell()
        except ARROW_ERRORS as error:
            self._failure = error
            self._raise_failure()
        else:
            self._index.add(first, batch.num_rows, offset, end)
            self.size = end
            self.batches += 1
            if end - self._synced >= _SYNC_BYTES:
                self._synced = end
                self._wake.set()

    def _due(self, now: float) -> bool:
        return now - self._oldest >= self._flush_interval_s / 2

    def _flush_by_time(self) -> None:
        wait_s = min(max(self._flush_interval_s / 4, _SHORTEST_WAIT_S), _LONGEST_WAIT_S)
        with self.path.open("rb") as file:
            while not self._stopping.is_set():
                if self._wake.wait(wait_s) and not self._stopping.is_set():
                    self._wake.clear()
                    with contextlib.suppress(OSError):  # `close` syncs again, and raises the error
                        os.fsync(file.fileno())
                with self._lock:
                    if self._failure is None and not self._closed and self._due(time.monotonic()):
                        try:
                            self.flush()
                        except RecordingError:
                            return  # kept in self._failure: the next call of a method raises it


def already_there(path: Path) -> RecordingError:
    """The error that is raised instead of overwriting a recording."""
    return RecordingError(
        "recording.exists", f"{path} exists already and is not overwritten", "Give another folder."
    )


def write_failed(path: Path, error: BaseException) -> RecordingWriteError:
    """The error that is raised when the operating system refuses to write."""
    return RecordingWriteError(
        "recording.write-failed",
        f"{path} could not be written: {error}",
        "Free disk space or choose another disk; what was written before can be read.",
    )


# Not by Arrow's own conversion from numpy: it imports pandas if that is installed, which takes 0.25 s.


def arrow_array(
    kind: pa.DataType, count: int, values: Column, validity: Column | None = None
) -> pa.Array[Any]:
    """An Arrow array over numpy's memory; ``validity`` is a bit for each value, packed."""
    mask = None if validity is None else pa.py_buffer(validity.data)
    return pa.Array.from_buffers(kind, count, [mask, pa.py_buffer(values.data)])
