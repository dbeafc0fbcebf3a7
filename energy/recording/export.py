"""Writes any trace as CSV or Parquet, with its edges and its description; ``export_jls`` writes JLS.

Both hold, per sample, ``time_s`` (position / rate), ``sample`` (the position), the signal's columns as they
were recorded, and ``power_w``. The edges are in a file beside it: ``kws.edges.csv`` for ``kws.parquet``. The
description (the signal, whether it is virtual, remarks, gaps and findings) is JSON: in Parquet's schema under
the key that ``trace.arrow`` uses, and for ``kws.csv`` in ``kws.meta.json``.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError, UsageError
from energy.printable import for_cell
from energy.recording.inside import is_there, read_inside
from energy.recording.jsonvalues import json_text
from energy.recording.trace import Trace
from energy.signal import Block, SampleKind, Samples, Signal

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[int], None]
_ROWS = 1 << 18
"""Rows that are written together: a row group of Parquet."""


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None: ...


_Open = Callable[[Path, "pa.Schema"], AbstractContextManager[_Writer]]


def exporter(path: Path) -> Callable[[Trace, Path, Progress | None], None]:
    """The function that writes a trace in the format that a file's ending names.

    Raises:
        UsageError: ``usage.format``.
    """
    from energy.recording.export_jls import export_jls

    writers = {".csv": export_csv, ".parquet": export_parquet, ".jls": export_jls}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise UsageError("usage.format", f"{path} ends in none of .csv, .parquet and .jls", "Rename it.")
    return writer


def export_csv(trace: Trace, path: Path, progress: Progress | None = None) -> None:
    """Writes a trace as CSV, in constant memory.

    Numbers are printed so that they read back unchanged; a sample that is NaN is an empty field, because
    programs spell NaN in different ways.

    Args:
        trace: Any recording, or another tool's trace.
        path: The file to make; ``<stem>.edges.csv`` and ``<stem>.meta.json`` are made beside it.
        progress: Called with the number of positions done.

    Raises:
        UsageError: ``export.exists`` if one of the files exists already (edges and description may exist
            with the same content).
        RecordingError: ``export.write-failed``. Then none of the files is left.
    """
    from pyarrow.csv import CSVWriter, WriteOptions

    def open_csv(target: Path, schema: pa.Schema) -> AbstractContextManager[_Writer]:
        return CSVWriter(str(target), schema, write_options=WriteOptions(quoting_style="needed"))

    meaning = json_text(_meaning(trace), indent=2, ascii_only=True) + "\n"
    beside = {**_edges(trace, path), path.with_name(f"{path.stem}.meta.json"): meaning.encode()}
    _export(trace, path, open_csv, beside, progress, empty_nan=True)


def export_parquet(trace: Trace, path: Path, progress: Progress | None = None) -> None:
    """Writes a trace as Parquet (zstd), in constant memory.

    Args:
        trace: Any recording, or another tool's trace.
        path: The file to make; ``<stem>.edges.csv`` is made beside it.
        progress: Called with the number of positions done.

    Raises:
        UsageError, RecordingError: As ``export_csv``.
    """
    from pyarrow.parquet import ParquetWriter

    def open_parquet(target: Path, schema: pa.Schema) -> AbstractContextManager[_Writer]:
        return ParquetWriter(str(target), schema, compression="zstd", use_dictionary=False)

    _export(trace, path, open_parquet, _edges(trace, path), progress)


def power_w(signal: Signal, columns: tuple[Samples, ...]) -> npt.NDArray[np.float64]:
    """Power of samples in watt, float64, shape (n,)."""
    values = columns[0].astype(np.float64)
    with np.errstate(all="ignore"):  # NaN and infinity stay as they are
        if signal.kind is SampleKind.ENERGY:
            return values * signal.joule_per_unit * signal.rate_hz
        if signal.kind is SampleKind.CURRENT:
            assert signal.voltage_v is not None  # held by Signal
            return values * signal.voltage_v
        return values * columns[1].astype(np.float64)


def _export(
    trace: Trace,
    path: Path,
    open_writer: _Open,
    beside: dict[Path, bytes],
    progress: Progress | None,
    *,
    empty_nan: bool = False,
) -> None:
    import pyarrow as pa

    schema = _schema(trace)
    try:
        with all_or_none(path, beside) as part, open_writer(part, schema) as writer:
            for blocks in _portions(trace):
                positions = np.concatenate([np.arange(block.first, block.stop) for block in blocks])
                columns = _joined(blocks)
                time_s = positions / trace.signal.rate_hz
                values = (time_s, positions, *columns, power_w(trace.signal, columns))
                arrays = [_column(column, empty_nan=empty_nan) for column in values]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))  # pyright: ignore[reportUnknownMemberType]
                if progress:
                    progress(int(positions[-1]) + 1 - trace.first)
    except (OSError, pa.ArrowException) as error:
        raise RecordingError(
            "export.write-failed",
            f"{path} could not be written: {error}",
            "Check the folder, free disk space or choose another disk.",
        ) from error


def _column(values: npt.NDArray[Any], *, empty_nan: bool) -> pa.Array[Any]:
    import pyarrow as pa

    from energy.recording.batches import arrow_array

    valid = np.packbits(~np.isnan(values), bitorder="little") if empty_nan else None
    return arrow_array(pa.from_numpy_dtype(values.dtype), len(values), values, valid)


def _schema(trace: Trace) -> pa.Schema:
    import pyarrow as pa

    from energy.recording.metadata import METADATA_KEY

    kind = pa.from_numpy_dtype(np.dtype(trace.signal.dtype))
    fields = [
        pa.field("time_s", pa.float64(), nullable=False),
        pa.field("sample", pa.int64(), nullable=False),
        *(pa.field(name, kind, nullable=False) for name in trace.signal.columns),
        pa.field("power_w", pa.float64(), nullable=False),
    ]
    return pa.schema(fields, metadata={METADATA_KEY: json_text(_meaning(trace), ascii_only=True).encode()})


def _meaning(trace: Trace) -> dict[str, Any]:
    from energy.recording.metadata import FORMAT

    return {
        "format": FORMAT,
        "signal": trace.signal.to_json(),
        "virtual": trace.virtual,
        "about": trace.about,
        "samples": trace.count,
        "gaps": [{"first": gap.first, "count": gap.count, "reason": gap.reason} for gap in trace.gaps],
        "findings": [{"code": finding.code, "evidence": finding.evidence} for finding in trace.findings],
    }


def _edges(trace: Trace, path: Path) -> dict[Path, bytes]:
    """The file of edges for ``path``."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time_s", "position", "bound", "kind", "source"])
    for edge in trace.edges:
        position, bound = float(edge.position), float(edge.bound)
        time_s = position / trace.signal.rate_hz
        writer.writerow([repr(time_s), repr(position), repr(bound), edge.kind.value, for_cell(edge.source)])
    return {path.with_name(f"{path.stem}.edges.csv"): text.getvalue().encode()}


def _portions(trace: Trace) -> Iterator[list[Block]]:
    """All samples as lists of blocks; each list holds ``_ROWS`` samples, the last may hold fewer."""
    blocks: list[Block] = []
    room = _ROWS
    for block in trace.read(trace.first, trace.stop):
        at = block.first
        while at < block.stop:
            piece = block.clip(at, at + room)
            blocks.append(piece)
            at, room = piece.stop, room - len(piece)
            if not room:
                yield blocks
                blocks, room = [], _ROWS
    if blocks:
        yield blocks


def _joined(blocks: list[Block]) -> tuple[Samples, ...]:
    return tuple(np.concatenate(parts) for parts in zip(*(block.columns for block in blocks), strict=True))


@contextlib.contextmanager
def all_or_none(path: Path, beside: dict[Path, bytes]) -> Generator[Path]:
    """Yields a name for the unfinished file; only when it is complete, all the files get their names."""
    _refuse_existing(path, beside)
    parts = {target: target.with_name(f".{target.name}.{os.getpid()}.part") for target in (*beside, path)}
    made: list[Path] = []
    try:
        for target, content in beside.items():
            parts[target].write_bytes(content)
        yield parts[path]
        _refuse_existing(path, beside)
        for target, part in parts.items():  # the samples last
            if not is_there(target):
                made.append(target)
                part.rename(target)
    except BaseException:
        for target in made:
            target.unlink(missing_ok=True)
        raise
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _refuse_existing(path: Path, beside: dict[Path, bytes]) -> None:
    for target in (path, *beside):
        if is_there(target) and not (target in beside and _holds(target, beside[target])):
            raise UsageError(
                "export.exists",
                f"{target} exists already and is not overwritten",
                "Give another name or remove the file.",
            )


def _holds(path: Path, content: bytes) -> bool:
    """Whether a regular file holds just these bytes."""
    try:
        return read_inside(path, len(content), hint="") == content
    except RecordingError:
        return False
