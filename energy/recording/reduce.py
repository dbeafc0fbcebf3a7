"""Gives up samples: what is kept of a file goes into ``trace.arrow``, levels of all into ``levels.arrow``.

What is given up is noted in the trace (``reduced``, docs/reference/recording.md), so that no reader takes it
for a loss. Nothing is removed before what replaces it is on the disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from energy.errors import RecordingError
from energy.recording.batches import BatchWriter, write_failed
from energy.recording.durable import put_in_place
from energy.recording.keep import Keep, Ranges
from energy.recording.levels import LEVELS_NAME, LevelWriter
from energy.recording.mapped import BatchReader, read_schema
from energy.recording.metadata import TRACE_NAME, read_signal, trace_schema
from energy.signal import Block, Signal

_DRAFT = ".part"


class Reducer:
    """Takes files of samples in order, and writes what is kept of them.

    Args:
        trace: Where the samples that are kept go.
        levels: Where the levels of all go.
        signal: What the samples mean.
        kept: The ranges that are kept.
    """

    def __init__(self, trace: BatchWriter, levels: LevelWriter, signal: Signal, kept: Ranges) -> None:
        self.trace, self.levels, self.kept = trace, levels, kept
        self._signal = signal
        self._given_up: tuple[int, int] | None = None

    def take(self, reader: BatchReader) -> None:
        """Takes all samples of a file, with its notes; then they are on the disk, or given up."""
        for _, notes in reader.notes:
            for name, values in notes.items():
                for value in values:
                    self.trace.note(name, value)
        for rows in reader.read(reader.first, reader.stop):
            columns = tuple(rows.column(k, self._signal.dtype) for k in range(len(self._signal.columns)))
            self._take(Block(rows.first, columns))
        self._note()
        self.trace.sync()
        self.levels.sync()

    def _take(self, block: Block) -> None:
        self.levels.add(block)
        at = block.first
        for first, stop in self.kept.within(block.first, block.stop):
            self._give_up(at, first)
            self._note()
            part = block.clip(first, stop)
            self.trace.append(part.first, tuple(np.ascontiguousarray(column) for column in part.columns))
            at = stop
        self._give_up(at, block.stop)

    def _give_up(self, first: int, stop: int) -> None:
        if first < stop:
            self._given_up = (self._given_up[0] if self._given_up else first, stop)

    def _note(self) -> None:
        """Notes what was given up since the last sample that was kept."""
        if self._given_up is not None:
            first, stop = self._given_up
            self.trace.note("reduced", [first, stop - first])
            self._given_up = None

    def close(self) -> None:
        """Closes both files."""
        try:
            self.trace.close()
        finally:
            self.levels.close()


def reduce_recording(folder: Path, keep: Keep, ranges: Iterable[tuple[int, int]]) -> None:
    """Gives up the samples of a finished recording, except those in ranges.

    Args:
        folder: Its folder; its ``trace.arrow`` is closed and holds all samples.
        keep: ``WINDOWS``, or ``LEVELS``, which keeps none.
        ranges: Ranges of positions that are kept.

    Raises:
        RecordingError: ``recording.*``, ``file.*``; the recording is then as it was.
    """
    path = folder / TRACE_NAME
    draft = path.with_name(f".{TRACE_NAME}{_DRAFT}")
    signal, virtual, about = read_signal(path, read_schema(path))
    kept = Ranges()
    for first, stop in ranges if keep is Keep.WINDOWS else ():
        kept.add(first, stop)
    levels = folder / LEVELS_NAME
    try:
        draft.unlink(missing_ok=True)  # of a host that was killed
        levels.unlink(missing_ok=True)
        reducer = Reducer(
            BatchWriter(draft, trace_schema(signal, virtual=virtual, about=about, keep=keep)),
            LevelWriter(levels, signal),
            signal,
            kept,
        )
        try:
            reducer.take(BatchReader(path))
        finally:
            reducer.close()
        put_in_place(draft, path)
    except OSError as error:
        raise write_failed(path, error) from error
    except RecordingError:
        for left in (draft, levels):
            left.unlink(missing_ok=True)
        raise
