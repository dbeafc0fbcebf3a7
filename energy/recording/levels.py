"""Levels: least, mean and greatest of each column, and the energy, over stretches of a hundredth of a second.

They are kept where a recording gives up samples (``energy.recording.keep``), in ``levels.arrow``: one row for
each ``samples`` samples of the trace; row ``r`` is about the samples ``[r * samples, (r + 1) * samples)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from energy.errors import RecordingError
from energy.recording.batches import BatchWriter
from energy.recording.jsonvalues import as_object, as_whole, field, json_text
from energy.recording.keep import LEVEL_HZ
from energy.recording.mapped import BatchReader, read_schema
from energy.recording.metadata import METADATA_KEY, REDUCED_FORMAT, read_meta, same_columns
from energy.signal import Block, Signal

LEVELS_NAME = "levels.arrow"
_HINT = "Use a copy of the file."
_PIECE = 1 << 18
"""Samples that are summarized together."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Levels:
    """Rows of ``levels.arrow``.

    Attributes:
        first: Number of the first row.
        samples: Samples of a row, where none is missing.
        columns: By name, shape (n,): ``NAME_min``, ``NAME_mean``, ``NAME_max`` for each column of the trace,
            NaN where no sample is a finite number; ``energy_j``, the energy of the samples that are;
            ``count``, how many these are.
    """

    first: int
    samples: int
    columns: dict[str, Floats]


def samples_of_row(signal: Signal) -> int:
    """Samples that a row is about."""
    return max(round(signal.rate_hz / LEVEL_HZ), 1)


def levels_schema(signal: Signal) -> pa.Schema:
    """The Arrow schema of ``levels.arrow`` for a signal."""
    names = [f"{name}_{what}" for name in signal.columns for what in ("min", "mean", "max")]
    meta = {
        "format": REDUCED_FORMAT,
        "levels": {"samples": samples_of_row(signal), "rate_hz": signal.rate_hz},
    }
    return pa.schema(
        [pa.field(name, pa.float64(), nullable=False) for name in (*names, "energy_j", "count")],
        metadata={METADATA_KEY: json_text(meta, ascii_only=True).encode()},
    )


class LevelWriter:
    """Summarizes samples as they come, into ``levels.arrow``.

    Args:
        path: The file, which must not exist.
        signal: What the samples mean.
    """

    def __init__(self, path: Path, signal: Signal) -> None:
        self.file = BatchWriter(path, levels_schema(signal))
        self._signal = signal
        self._samples = samples_of_row(signal)
        self._row: int = -1
        self._open: list[Block] = []

    def add(self, block: Block) -> None:
        """Takes samples, which come after those before."""
        at = block.first
        while at < block.stop:
            row = at // self._samples
            if row != self._row:
                self._end_row()
                self._row = row
            whole = min((block.stop - at) // self._samples, max(_PIECE // self._samples, 1))
            if at == row * self._samples and whole:
                stop = at + whole * self._samples
                self._write(row, block.clip(at, stop), whole)
            else:
                stop = min(block.stop, (row + 1) * self._samples)
                part = block.clip(at, stop)
                self._open.append(Block(part.first, tuple(column.copy() for column in part.columns)))
            at = stop

    def sync(self) -> None:
        """Makes sure that the rows that are whole are on the disk."""
        self.file.sync()

    def close(self) -> None:
        """Writes the last row and closes the file."""
        self._end_row()
        self.file.close()

    def _end_row(self) -> None:
        parts, self._open = self._open, []
        if parts:
            columns = tuple(
                np.concatenate(column) for column in zip(*(p.columns for p in parts), strict=True)
            )
            self._write(self._row, Block(parts[0].first, columns), 1)

    def _write(self, row: int, block: Block, rows: int) -> None:
        """Writes rows of samples of which none, or in a single row some, are missing."""
        columns: list[Floats] = []
        values = [column.astype(np.float64).reshape(rows, -1) for column in block.columns]
        power = values[0] if len(values) == 1 else values[0] * values[1]
        finite = np.isfinite(power)
        counts = finite.sum(axis=1)
        for column in values:
            columns += _least_mean_greatest(column, finite, counts)
        sums = np.where(finite, power, 0.0).sum(axis=1) * self._signal.joule_per_unit
        self.file.append(row, (*columns, sums, counts.astype(np.float64)))


def _least_mean_greatest(
    values: Floats, finite: npt.NDArray[np.bool_], counts: npt.NDArray[np.int64]
) -> list[Floats]:
    """Of each row of an array; NaN for a row without a finite value."""
    none = counts == 0
    least = np.where(finite, values, np.inf).min(axis=1)
    greatest = np.where(finite, values, -np.inf).max(axis=1)
    mean = np.where(finite, values, 0.0).sum(axis=1) / np.maximum(counts, 1)
    return [np.where(none, np.nan, found) for found in (least, mean, greatest)]


def read_levels(path: Path, signal: Signal) -> Iterator[Levels]:
    """The levels of a recording, in pieces.

    Args:
        path: Its ``levels.arrow``.
        signal: What its samples mean.

    Raises:
        RecordingError: ``recording.*``, ``file.*``.
    """
    schema = read_schema(path)
    expected = levels_schema(signal)
    try:
        samples = as_whole(field(as_object(field(read_meta(path, schema), "levels")), "samples"))
        if samples < 1 or not same_columns(schema, expected):
            raise ValueError("it holds other columns")
    except ValueError as error:
        raise RecordingError(
            "recording.damaged", f"{path} does not hold the levels of a recording: {error}", _HINT
        ) from error
    reader = BatchReader(path)
    for rows in reader.read(0, reader.stop):
        columns = {name: rows.column(k, np.float64) for k, name in enumerate(schema.names)}
        yield Levels(rows.first, samples, columns)
