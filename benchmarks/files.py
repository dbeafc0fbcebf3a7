"""The same samples written in two ways: a plain file, and a recording."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Protocol

from benchmarks.samples import RATE_HZ, Float32
from energy.recording.store import RecordingWriter
from energy.signal import Block, SampleKind, Signal

BLOCK = 50_000
"""Samples per block: what a driver hands over some forty times a second at 2 MS/s."""


class Written(Protocol):
    """Something that blocks can be written to."""

    def write(self) -> None:
        """Makes the file and hands every block to the operating system."""
        ...

    def close(self) -> None:
        """Forces the file to the disk and closes it."""
        ...

    def remove(self) -> None:
        """Removes the file."""
        ...


class PlainFile:
    """Each block's two columns one after the other, as bytes."""

    def __init__(self, folder: Path, columns: tuple[Float32, ...]) -> None:
        self.path = folder / "plain"
        self._columns = columns

    def write(self) -> None:
        """Makes the file and writes every block without a buffer in between."""
        self._file = FileIO(str(self.path), "xb")
        for block in _blocks(self._columns):
            for column in block.columns:
                self._file.write(column.data)

    def close(self) -> None:
        """Forces the file to the disk and closes it."""
        os.fsync(self._file.fileno())
        self._file.close()

    def remove(self) -> None:
        """Removes the file."""
        self.path.unlink(missing_ok=True)


class StoredRecording:
    """A recording of the same blocks."""

    def __init__(self, folder: Path, columns: tuple[Float32, ...]) -> None:
        self.path = folder / "recording"
        self._columns = columns

    def write(self) -> None:
        """Makes the recording and appends every block."""
        self._writer = RecordingWriter(self.path, Signal(SampleKind.CURRENT_VOLTAGE, RATE_HZ))
        for block in _blocks(self._columns):
            self._writer.append(block)
        self._writer.flush()

    def close(self) -> None:
        """Closes it, which forces it to the disk."""
        self._writer.close()

    def remove(self) -> None:
        """Removes its folder."""
        shutil.rmtree(self.path, ignore_errors=True)


def _blocks(columns: tuple[Float32, ...]) -> Iterator[Block]:
    for k in range(0, len(columns[0]), BLOCK):
        yield Block(k, tuple(column[k : k + BLOCK] for column in columns))
