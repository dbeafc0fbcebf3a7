"""Samples that wait in files of bounded size until it is known which of them are kept.

The samples go into ``waiting-000001.arrow`` and so on. Once all that is in a file is decided, ``Reducer``
takes what is kept into ``trace.arrow`` and levels of all into ``levels.arrow``, and the file is removed. The
files that a kill leaves hold the samples after those of ``trace.arrow`` (``energy.recording.parts``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from energy.recording.batches import BatchWriter, write_failed
from energy.recording.batchindex import Column, Rows
from energy.recording.keep import Keep, Ranges, Storage
from energy.recording.levels import LEVELS_NAME, LevelWriter
from energy.recording.mapped import BatchReader
from energy.recording.metadata import TRACE_NAME, waiting_path
from energy.recording.reduce import Reducer
from energy.signal import Signal


class RotatingTrace:
    """Writes a trace of which not all is kept; has the methods of ``BatchWriter``.

    Args:
        folder: The recording's folder.
        schema: Schema of its files of samples.
        signal: What the samples mean.
        storage: What is kept.
        flush_interval_s: As for ``BatchWriter``.

    Attributes:
        path: ``trace.arrow``.
        stop: Position after the last sample that was appended.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, signal: Signal, storage: Storage, flush_interval_s: float
    ) -> None:
        self.path = folder / TRACE_NAME
        self.stop = 0
        self._folder, self._schema, self._storage = folder, schema, storage
        self._flush_interval_s = flush_interval_s
        self._kept = Ranges()
        self._trace = BatchWriter(self.path, schema)
        self._reducer = Reducer(self._trace, LevelWriter(folder / LEVELS_NAME, signal), signal, self._kept)
        self._number = 0
        self._full: list[BatchWriter] = []
        self._decided = 0
        self._closed = False
        self._noted = 0
        self._current = self._next_file()

    @property
    def size(self) -> int:
        """Bytes of all its files so far."""
        files = (self._trace, self._reducer.levels.file, *self._full, self._current)
        return sum(file.size for file in files)

    @property
    def noted(self) -> int:
        """Bytes of all notes so far."""
        return self._noted + self._current.noted

    @property
    def batches(self) -> int:
        """Batches of ``trace.arrow`` so far."""
        return self._trace.batches

    def keep(self, first: int, stop: int) -> None:
        """Samples in ``[first, stop)`` are kept, where ``--keep windows`` keeps any."""
        if self._storage.keep is Keep.WINDOWS:
            self._kept.add(first, stop)

    def decide(self, stop: int) -> None:
        """Every sample before ``stop`` that is to be kept has been named: the others are given up."""
        self._decided = max(self._decided, stop)
        while self._full and self._full[0].stop <= self._decided:
            self._reduce(self._full[0])
            del self._full[0]

    def gives_up(self, stop: int) -> bool:
        """Whether ``decide(stop)`` would give up samples."""
        return bool(self._full) and self._full[0].stop <= stop

    def check(self, first: int, rows: int) -> None:
        """As ``BatchWriter.check``."""
        self._current.check(first, rows)

    def append(self, first: int, columns: tuple[Column, ...]) -> None:
        """As ``BatchWriter.append``."""
        self._current.append(first, columns)
        self.stop = self._current.stop
        self._bytes += sum(column.nbytes for column in columns)
        if self._bytes >= self._storage.waiting_bytes:
            self._current.close()
            self._noted += self._current.noted
            self._full.append(self._current)
            self._current = self._next_file()

    def note(self, key: str, value: Any) -> None:
        """As ``BatchWriter.note``."""
        self._current.note(key, value)

    def skip_to(self, row: int) -> None:
        """As ``BatchWriter.skip_to``."""
        self._current.skip_to(row)
        self.stop = self._current.stop

    def read(self, first: int, stop: int) -> Iterator[Rows]:
        """Rows that were appended and not given up."""
        files = (self._trace, *self._full, self._current)
        for file in files:
            if file.stop > first:
                yield from file.read(first, stop)

    def flush(self) -> None:
        """As ``BatchWriter.flush``."""
        self._current.flush()

    def sync(self) -> None:
        """As ``BatchWriter.sync``: the files that are full, and what was taken of them, are on the disk."""
        self._current.sync()

    def close(self) -> None:
        """Decides everything and closes the files: what was not named to be kept is given up."""
        if self._closed:
            return
        self._closed = True
        try:
            self._current.close()
            self._full.append(self._current)
            self.decide(self.stop)
        finally:
            self._reducer.close()

    def _next_file(self) -> BatchWriter:
        self._number += 1
        self._bytes = 0
        file = BatchWriter(
            waiting_path(self._folder, self._number), self._schema, flush_interval_s=self._flush_interval_s
        )
        if self.stop:
            file.skip_to(self.stop)
        return file

    def _reduce(self, file: BatchWriter) -> None:
        """Takes what is kept of a file, and removes it."""
        self._reducer.take(BatchReader(file.path))
        self._kept.forget(file.stop)
        try:
            file.path.unlink()
        except OSError as error:
            raise write_failed(file.path, error) from error
