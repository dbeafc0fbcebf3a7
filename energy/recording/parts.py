"""The samples of a recording that was killed while some waited: ``trace.arrow``, then the waiting files."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from energy.errors import RecordingError
from energy.recording.batchindex import Rows
from energy.recording.jsonvalues import as_list, json_text
from energy.recording.limits import MOST_FILES, refuse_larger
from energy.recording.mapped import BatchReader
from energy.recording.metadata import find_waiting, given_up_in

_HINT = "Use a copy of the file."
_Noted = tuple[int, dict[str, Any]]


class TraceParts:
    """Several files of samples as if they were one. What two of them hold is taken from the first.

    Args:
        files: The files, in order.

    Attributes:
        path: The first file.
        notes: Notes of all batches in order, each once.
        jumps: As of ``BatchReader``.
        first: Position of the first sample.
        stop: Position after the last sample.
        rows: How many samples there are.

    Raises:
        RecordingError: ``recording.damaged`` if their notes cannot be read.
    """

    def __init__(self, files: list[BatchReader]) -> None:
        self.path = files[0].path
        self.notes: list[_Noted] = []
        self._files: list[tuple[BatchReader, int]] = []
        seen: set[str] = set()
        runs: list[tuple[int, int]] = []
        reached = 0
        for file in files:
            self._files.append((file, reached))
            for first, stop in _runs(file):
                first = max(first, reached)
                if runs and runs[-1][1] == first:
                    runs[-1] = (runs[-1][0], max(stop, first))
                elif first < stop:
                    runs.append((first, stop))
            try:
                self.notes += _unseen(file.notes, seen)
                given_up = [stop for _, notes in file.notes for _, stop in given_up_in(notes)]
            except ValueError as error:
                raise RecordingError(
                    "recording.damaged", f"{file.path}: notes of a batch cannot be read: {error}", _HINT
                ) from error
            reached = max([reached, file.stop, *given_up])
        self.jumps = [(before[1], after[0]) for before, after in pairwise(runs)]
        self.first, self.stop = (runs[0][0], runs[-1][1]) if runs else (0, 0)
        self.rows = sum(stop - first for first, stop in runs)

    def read(self, first: int, stop: int) -> Iterator[Rows]:
        """The rows in ``[first, stop)``, as ``BatchIndex.read``."""
        for file, start in self._files:
            yield from file.read(max(first, start), stop)


def _runs(file: BatchReader) -> list[tuple[int, int]]:
    """The ranges of positions whose samples a file holds."""
    if not file.rows:
        return []
    borders = [file.first, *(at for jump in file.jumps for at in jump), file.stop]
    return list(zip(borders[::2], borders[1::2], strict=True))


def _unseen(noted: list[_Noted], seen: set[str]) -> list[_Noted]:
    """Notes without those that another file has as well.

    Raises:
        ValueError: If they cannot be read.
    """
    fresh: list[_Noted] = []
    for first, notes in noted:
        kept: dict[str, Any] = {}
        for name, values in notes.items():
            for value in as_list(values):
                text = json_text([name, value])
                if text not in seen:
                    seen.add(text)
                    kept.setdefault(name, []).append(value)
        if kept:
            fresh.append((first, kept))
    return fresh


def open_trace(path: Path) -> tuple[BatchReader | TraceParts, list[BatchReader]]:
    """The samples of a recording, and the files that hold them.

    Raises:
        RecordingError: As ``BatchReader``; ``recording.damaged`` if the files are not of one recording;
            ``file.too-large`` if there are too many.
    """
    trace = BatchReader(path)
    waiting = find_waiting(path.parent)
    if not waiting:
        return trace, [trace]
    refuse_larger(str(path.parent), len(waiting), MOST_FILES, "files of waiting samples", _HINT)
    files = [trace, *map(BatchReader, waiting)]
    for file in files[1:]:
        if not file.schema.equals(trace.schema, check_metadata=True):
            raise RecordingError("recording.damaged", f"{file.path} is of another recording", _HINT)
    return TraceParts(files), files
