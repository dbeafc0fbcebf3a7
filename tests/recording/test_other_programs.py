"""A closed trace.arrow is an Arrow file like any other: pandas, polars and pyarrow open it as it is."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from energy.recording.store import RecordingWriter
from energy.signal import Block
from tests.recording.support import NEVER_S, SIGNALS, any_bits, same_bits, signal_id


@pytest.fixture(params=SIGNALS, ids=signal_id)
def closed(request, tmp_path):
    """A closed recording in several batches with a gap: its signal, columns and file."""
    signal = request.param
    columns = any_bits(signal, 3000, seed=7)
    with RecordingWriter(
        tmp_path / "r", signal, virtual=True, about={"board": "none"}, flush_interval_s=NEVER_S
    ) as writer:
        for first, stop, skipped in ((0, 1000, 0), (1000, 1001, 0), (1001, 3000, 12)):
            writer.append(Block(first + skipped, tuple(column[first:stop] for column in columns)))
            writer.flush()
    return signal, columns, tmp_path / "r" / "trace.arrow"


def test_pandas_reads_a_closed_recording_to_the_bit(closed):
    signal, columns, path = closed
    frame = pd.read_feather(path)
    assert tuple(frame.columns) == signal.columns
    for name, column in zip(signal.columns, columns, strict=True):
        assert same_bits(frame[name].to_numpy(), column)


def test_polars_reads_a_closed_recording_to_the_bit(closed):
    signal, columns, path = closed
    frame = pl.read_ipc(path)
    assert tuple(frame.columns) == signal.columns
    for name, column in zip(signal.columns, columns, strict=True):
        assert same_bits(frame[name].to_numpy(), column)


def test_polars_scans_a_closed_recording_where_it_lies(closed):
    signal, columns, path = closed
    assert pl.scan_ipc(path).select(pl.len()).collect().item() == 3000
    last = pl.scan_ipc(path).slice(2990, 10).collect()
    for name, column in zip(signal.columns, columns, strict=True):
        assert same_bits(last[name].to_numpy(), column[2990:])


def test_pyarrow_maps_it_without_copying_and_finds_what_the_samples_mean(closed):
    signal, columns, path = closed
    before = pa.total_allocated_bytes()
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
        assert pa.total_allocated_bytes() - before < 4096
        assert np.array_equal(table[0].to_numpy(), columns[0], equal_nan=True)
        meta = json.loads(table.schema.metadata[b"joulebench"])
        assert meta["signal"] == signal.to_json()
        assert (meta["format"], meta["virtual"], meta["about"]) == (1, True, {"board": "none"})
        del table
