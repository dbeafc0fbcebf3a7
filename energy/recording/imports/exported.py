"""Reads back what ``joulebench export`` wrote as CSV or Parquet: samples, edges, gaps and remarks."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError
from energy.findings import REGISTER, Finding
from energy.recording.imports.given import Given
from energy.recording.imports.samples import HoledTrace, holed_trace
from energy.recording.inside import open_named, read_named
from energy.recording.jsonvalues import (
    as_list,
    as_number,
    as_object,
    as_text,
    as_whole,
    field,
    parse_json,
)
from energy.recording.limits import (
    LARGEST_DOCUMENT,
    LARGEST_EDGES,
    LARGEST_OFFICIAL,
    MOST_EDGES,
    MOST_SAMPLES,
    refuse_larger,
)
from energy.recording.metadata import METADATA_KEY, signal_of
from energy.recording.trace import Trace
from energy.signal import Edge, EdgeKind, Gap, Signal

if TYPE_CHECKING:
    import pyarrow as pa

_HEADER = b"time_s,sample,"
_PARQUET = b"PAR1"
_BLOCK = 4 << 20
_ROWS = 1 << 18
_HINT = "Export the recording again, and keep the files that are written beside it."


def is_exported(path: Path, head: bytes) -> bool:
    """Whether a file begins as ``joulebench export`` writes CSV or Parquet."""
    plain = head[:1024].replace(b'"', b"")
    return plain.startswith(_HEADER) or (head.startswith(_PARQUET) and path.suffix.casefold() == ".parquet")


def read_exported(path: Path, given: Given) -> Trace:
    """Reads an exported file, with the files beside it.

    Args:
        path: The CSV or Parquet file.
        given: Must hold nothing: the file states all of it.

    Raises:
        RecordingError: ``trace.foreign``, ``trace.empty``, ``file.*``.
        UsageError: ``import.voltage``, ``import.marker-line``.
    """
    given.refuse_voltage(path)
    given.marker(path, {})
    import pyarrow as pa

    try:
        with open_named(path) as file:
            refuse_larger(str(path), file.seek(0, 2), LARGEST_OFFICIAL, "bytes", "Read the recording itself.")
            file.seek(0)
            if path.suffix.casefold() == ".parquet":
                meaning, batches = _parquet(file, path)
            else:
                meaning = _document(path.with_name(f"{path.stem}.meta.json"))
                batches = _csv(file, signal_of(as_object(field(meaning, "signal"))))
            return _trace(path, meaning, batches)
    except (pa.ArrowException, OSError, ValueError, KeyError, csv.Error) as error:
        raise RecordingError("trace.foreign", f"{path} cannot be read back: {error}", _HINT) from error


def _document(path: Path) -> dict[str, Any]:
    return as_object(parse_json(read_named(path, LARGEST_DOCUMENT, hint=_HINT), what=str(path)))


def _parquet(file: Any, path: Path) -> tuple[dict[str, Any], Iterator[pa.RecordBatch]]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    whole = ParquetFile(file)
    refuse_larger(str(path), whole.metadata.num_rows, MOST_SAMPLES, "samples", "Read the recording itself.")
    metadata = whole.schema_arrow.metadata or {}
    meaning = as_object(parse_json(metadata[METADATA_KEY]))
    names = ["sample", *signal_of(as_object(field(meaning, "signal"))).columns]
    for name in names:  # a text of a megabyte may stand in a hundred thousand rows for a few bytes each
        if cast("Any", whole.schema_arrow).field(name).type not in (pa.int64(), pa.float32(), pa.float64()):
            raise ValueError(f"its column {name} holds no numbers")
    return meaning, cast("Any", whole).iter_batches(_ROWS, columns=names)


def _csv(file: Any, signal: Signal) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    kind = pa.from_numpy_dtype(np.dtype(signal.dtype))
    types = {"time_s": pa.float64(), "sample": pa.int64(), **dict.fromkeys(signal.columns, kind)}
    convert = arrow_csv.ConvertOptions(column_types=types, include_columns=list(types))
    reading = arrow_csv.ReadOptions(block_size=_BLOCK)
    yield from arrow_csv.open_csv(file, read_options=reading, convert_options=convert)


def _trace(path: Path, meaning: dict[str, Any], batches: Iterator[pa.RecordBatch]) -> HoledTrace:
    signal = signal_of(as_object(field(meaning, "signal")))
    names = ("sample", *signal.columns)
    parts: list[list[npt.NDArray[Any]]] = [[] for _ in names]
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        refuse_larger(str(path), rows, MOST_SAMPLES, "samples", "Read the recording itself.")
        for part, name in zip(parts, names, strict=True):
            part.append(cast("Any", batch.column(name)).to_numpy(zero_copy_only=False))
    if not rows:
        raise RecordingError("trace.empty", f"{path} holds no samples", _HINT)
    positions, *columns = (np.concatenate(part) for part in parts)
    if positions.dtype != np.int64 or (np.diff(positions) < 1).any():
        raise ValueError("its sample numbers do not rise")
    values = tuple(column.astype(signal.dtype) for column in columns)
    trace = holed_trace(signal, values, positions, "not in the file")
    trace.virtual = field(meaning, "virtual") is True
    trace.about = as_object(field(meaning, "about"))
    trace.gaps = [_gap(as_object(gap)) for gap in as_list(field(meaning, "gaps"))]
    trace.findings = [
        Finding(code, as_text(field(as_object(entry), "evidence")))
        for entry in as_list(field(meaning, "findings"))
        if (code := as_text(field(as_object(entry), "code"))) in REGISTER
    ]
    trace.edges = _edges(path.with_name(f"{path.stem}.edges.csv"))
    return trace


def _gap(gap: dict[str, Any]) -> Gap:
    count = field(gap, "count")
    return Gap(
        as_whole(field(gap, "first")),
        None if count is None else as_whole(count),
        as_text(field(gap, "reason")),
    )


def _edges(path: Path) -> list[Edge]:
    text = read_named(path, LARGEST_EDGES, hint=_HINT).decode("utf-8")
    rows = list(islice(csv.DictReader(text.splitlines()), MOST_EDGES + 1))
    refuse_larger(str(path), len(rows), MOST_EDGES, "edges", _HINT)
    return [
        Edge(
            as_number(float(row["position"])),
            as_number(float(row["bound"])),
            EdgeKind(row["kind"]),
            row["source"],
        )
        for row in rows
    ]
