"""Exports hold every sample with its time and power, say what they are, and are whole or not there."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from energy.errors import UsageError
from energy.recording import export
from energy.recording.eembc import read_eembc_trace
from energy.recording.export import export_csv, export_parquet
from energy.recording.store import Recording, RecordingWriter
from energy.recording.trace import ArrayTrace
from energy.signal import Block, Edge, EdgeKind, SampleKind, Signal
from tests.recording.support import (
    NEVER_S,
    SIGNALS,
    at_position,
    block_at,
    read_all,
    refused,
    run_python,
    same_bits,
    signal_id,
    small_recording,
)
from tests.recording.test_eembc import pair

BOTH_WAYS = pytest.mark.parametrize("way", ["csv", "parquet"])
EDGES = [Edge(12.5, 0.25, EdgeKind.FALL, "d7"), Edge(7.0, 1.0, EdgeKind.RISE, 'a, "b"\n')]


def write(way: str, trace, path: Path, progress=None) -> Path:
    {"csv": export_csv, "parquet": export_parquet}[way](trace, path, progress)
    return path


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def values(signal: Signal, count: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(11)
    return tuple((rng.standard_normal(count) * 10.0 ** rng.integers(-12, 3, count)).astype(signal.dtype)
                 for _ in signal.columns)  # fmt: skip


@pytest.fixture(params=SIGNALS, ids=signal_id)
def recorded(request, tmp_path):
    """A recording with a gap that begins at position 5: positions, columns, recording."""
    signal = request.param
    columns = values(signal, 700)
    with RecordingWriter(tmp_path / "r", signal, virtual=True, about={"monitor": "µ"}) as writer:
        writer.append(Block(5, tuple(column[:300] for column in columns)))
        writer.append(Block(315, tuple(column[300:] for column in columns)))
        for edge in EDGES:
            writer.edge(edge)
    return np.array([*range(5, 305), *range(315, 715)]), columns, Recording(tmp_path / "r")


def power_of(signal: Signal, columns: tuple[np.ndarray, ...]) -> np.ndarray:
    wide = [column.astype(np.float64) for column in columns]
    match signal.kind:
        case SampleKind.ENERGY:
            return wide[0] * (1e-6 if signal.energy_unit == "uJ" else 1.0) * signal.rate_hz
        case SampleKind.CURRENT:
            return wide[0] * signal.voltage_v
        case _:
            return wide[0] * wide[1]


def test_parquet_holds_every_sample_to_the_bit_with_time_position_and_power(recorded, tmp_path):
    positions, columns, recording = recorded
    path = write("parquet", recording, tmp_path / "x.parquet")
    signal = recording.signal
    for frame in (pd.read_parquet(path), pl.read_parquet(path).to_pandas(use_pyarrow_extension_array=False)):
        assert tuple(frame.columns) == ("time_s", "sample", *signal.columns, "power_w")
        assert same_bits(frame["sample"].to_numpy(), positions)
        assert same_bits(frame["time_s"].to_numpy(), positions / signal.rate_hz)
        assert same_bits(frame["power_w"].to_numpy(), power_of(signal, columns))
        for name, column in zip(signal.columns, columns, strict=True):
            assert same_bits(frame[name].to_numpy(), column)


def test_csv_holds_every_sample_so_that_it_reads_back_unchanged(recorded, tmp_path):
    positions, columns, recording = recorded
    signal = recording.signal
    path = write("csv", recording, tmp_path / "x.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == ("time_s", "sample", *signal.columns, "power_w")
    assert [int(row["sample"]) for row in rows] == positions.tolist()
    expected = dict(zip(signal.columns, columns, strict=True))
    expected |= {"time_s": positions / signal.rate_hz, "power_w": power_of(signal, columns)}
    for name, column in expected.items():
        assert same_bits(np.array([float(row[name]) for row in rows]).astype(column.dtype), column)


def test_pandas_and_polars_read_the_csv_as_numbers(recorded, tmp_path):
    positions, columns, recording = recorded
    path = write("csv", recording, tmp_path / "x.csv")
    for frame in (pd.read_csv(path), pl.read_csv(path)):
        assert np.array_equal(frame["sample"].to_numpy(), positions)
        for name, column in zip(recording.signal.columns, columns, strict=True):
            np.testing.assert_allclose(frame[name].to_numpy().astype(column.dtype), column, rtol=1e-14)


@BOTH_WAYS
def test_edges_come_beside_the_samples(recorded, tmp_path, way):
    _, _, recording = recorded
    write(way, recording, tmp_path / f"my.trace.{way}")
    frame = pd.read_csv(tmp_path / "my.trace.edges.csv", keep_default_na=False)
    assert frame.columns.tolist() == ["time_s", "position", "bound", "kind", "source"]
    assert frame["position"].tolist() == [edge.position for edge in EDGES]
    seconds = [edge.position / recording.signal.rate_hz for edge in EDGES]
    np.testing.assert_allclose(frame["time_s"], seconds, rtol=1e-15)
    assert frame["bound"].tolist() == [0.25, 1.0]
    assert frame["kind"].tolist() == ["fall", "rise"]
    assert frame["source"].tolist() == ["d7", 'a, "b"\n']


@BOTH_WAYS
def test_an_export_says_what_it_is_and_that_it_is_virtual(recorded, tmp_path, way):
    _, _, recording = recorded
    path = write(way, recording, tmp_path / f"x.{way}")
    if way == "csv":
        meta = json.loads((tmp_path / "x.meta.json").read_text())
        assert sorted(file.name for file in tmp_path.glob("x.*")) == ["x.csv", "x.edges.csv", "x.meta.json"]
    else:
        meta = json.loads(pq.read_schema(path).metadata[b"joulebench"])
        assert sorted(file.name for file in tmp_path.glob("x.*")) == ["x.edges.csv", "x.parquet"]
    assert meta["virtual"] is True
    assert meta["signal"] == recording.signal.to_json()
    assert meta["about"] == {"monitor": "µ"}
    assert meta["samples"] == 700
    assert meta["gaps"] == [{"first": 305, "count": 10, "reason": "sample numbers jump"}]
    assert meta["findings"] == []


@BOTH_WAYS
def test_a_cut_recording_is_exported_with_its_finding(tmp_path, way):
    recording = Recording(small_recording(tmp_path / "r", close=False))
    path = write(way, recording, tmp_path / f"x.{way}")
    text = (
        (tmp_path / "x.meta.json").read_text()
        if way == "csv"
        else pq.read_schema(path).metadata[b"joulebench"].decode()
    )
    assert "recording.unclosed" in {finding["code"] for finding in json.loads(text)["findings"]}
    assert len(read(path)) == recording.count


@BOTH_WAYS
def test_foreign_traces_are_exported_too(tmp_path, way):
    trace = read_eembc_trace(pair(tmp_path, [1.0, 2.0, 4.0], [0.001]))
    frame = read(write(way, trace, tmp_path / f"x.{way}"))
    assert frame["energy_uj"].tolist() == [1.0, 2.0, 4.0]
    assert frame["power_w"].tolist() == [1.0 * 1e-6 * 1000, 2.0 * 1e-6 * 1000, 4.0 * 1e-6 * 1000]


@BOTH_WAYS
def test_an_empty_recording_becomes_an_empty_table(tmp_path, way):
    RecordingWriter(tmp_path / "r", SIGNALS[4]).close()
    frame = read(write(way, Recording(tmp_path / "r"), tmp_path / f"x.{way}"))
    assert frame.columns.tolist() == ["time_s", "sample", "current_a", "voltage_v", "power_w"]
    assert len(frame) == 0


def not_finite() -> ArrayTrace:
    samples = np.array([1.0, np.nan, np.inf, -np.inf, 5.0])
    return ArrayTrace(Signal(SampleKind.ENERGY, 10.0, dtype="float64"), (samples,))


def test_lost_samples_stay_nan_in_parquet(tmp_path):
    path = write("parquet", not_finite(), tmp_path / "x.parquet")
    table = pq.read_table(path)
    assert table["energy_j"].null_count == 0
    np.testing.assert_array_equal(table["energy_j"].to_numpy(), [1, np.nan, np.inf, -np.inf, 5])
    np.testing.assert_array_equal(table["power_w"].to_numpy(), [10, np.nan, np.inf, -np.inf, 50])


def test_lost_samples_are_empty_fields_in_csv_for_every_reader(tmp_path):
    path = write("csv", not_finite(), tmp_path / "x.csv")
    assert path.read_text().splitlines()[2] == "0.1,1,,"
    np.testing.assert_array_equal(pd.read_csv(path)["energy_j"], [1, np.nan, np.inf, -np.inf, 5])
    frame = pl.read_csv(path)
    assert frame.schema["energy_j"] == pl.Float64
    assert frame["energy_j"].to_list() == [1.0, None, float("inf"), float("-inf"), 5.0]


@BOTH_WAYS
@pytest.mark.parametrize("blocks", [[7] * 40, [1000], [256, 256, 256], [255, 257, 1, 300]], ids=str)
def test_samples_are_gathered_in_portions_whatever_their_blocks(tmp_path, monkeypatch, way, blocks):
    monkeypatch.setattr(export, "_ROWS", 256)
    signal = SIGNALS[4]
    with RecordingWriter(tmp_path / "r", signal, flush_interval_s=NEVER_S) as writer:
        for length in blocks:
            writer.append(block_at(signal, writer.stop + 1, writer.stop + 1 + length))
            writer.flush()
    recording = Recording(tmp_path / "r")
    done: list[int] = []
    path = write(way, recording, tmp_path / f"x.{way}", done.append)
    frame = read(path)
    positions, _ = read_all(recording)
    assert frame["sample"].tolist() == positions.tolist()
    assert np.array_equal(frame["voltage_v"].to_numpy(np.float32), at_position(positions, 1))
    assert done == sorted(done)
    assert done[-1] == recording.stop - recording.first
    if way == "parquet":
        assert pq.ParquetFile(path).num_row_groups == len(done) == -(-recording.count // 256)


def test_a_gap_of_any_length_costs_nothing(tmp_path):
    signal = SIGNALS[0]
    with RecordingWriter(tmp_path / "r", signal) as writer:
        writer.append(block_at(signal, 0, 10))
        writer.append(Block(2**52, (np.ones(10, np.float32),)))
    frame = read(write("parquet", Recording(tmp_path / "r"), tmp_path / "x.parquet"))
    assert frame["sample"].tolist() == [*range(10), *range(2**52, 2**52 + 10)]


# -- whole or not there --------------------------------------------------------------------------------------


@BOTH_WAYS
def test_nothing_that_exists_is_overwritten(tmp_path, way):
    trace = not_finite()
    beside = ["x.edges.csv", "x.meta.json"] if way == "csv" else ["x.edges.csv"]
    for name in (f"x.{way}", *beside):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_bytes(b"precious")
        with pytest.raises(UsageError) as caught:
            write(way, trace, folder / f"x.{way}")
        assert caught.value.code == "export.exists"
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: b"precious"}


def test_the_same_trace_may_be_exported_both_ways_under_one_name(tmp_path):
    trace = not_finite()
    write("csv", trace, tmp_path / "x.csv")
    write("parquet", trace, tmp_path / "x.parquet")
    trace.edges.append(Edge(1.0))
    with refused("export.exists"):  # these would be the edges of another trace
        write("parquet", trace, tmp_path / "x.pq")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "x.csv",
        "x.edges.csv",
        "x.meta.json",
        "x.parquet",
    ]


@BOTH_WAYS
def test_a_target_that_appears_meanwhile_is_not_overwritten(tmp_path, way):
    path = tmp_path / f"x.{way}"
    with refused("export.exists"):
        write(way, not_finite(), path, lambda done: path.write_bytes(b"precious"))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"precious"


@BOTH_WAYS
@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
def test_an_export_that_is_interrupted_leaves_nothing(tmp_path, way, kind):
    class Stopping(ArrayTrace):
        def read(self, first, stop):
            yield from super().read(first, 3)
            raise kind

    trace = Stopping(not_finite().signal, not_finite().columns, edges=[Edge(1.0)])
    with pytest.raises(kind):
        write(way, trace, tmp_path / f"x.{way}")
    assert list(tmp_path.iterdir()) == []


@BOTH_WAYS
def test_a_folder_that_is_not_there_is_a_coded_error(tmp_path, way):
    with refused("export.write-failed"):
        write(way, not_finite(), tmp_path / "nowhere" / f"x.{way}")
    (tmp_path / "file").touch()
    with refused("export.write-failed"):
        write(way, not_finite(), tmp_path / "file" / f"x.{way}")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


FULL = """
import resource, signal, sys
from pathlib import Path

import numpy as np

from energy.errors import RecordingError
from energy.recording.export import export_csv, export_parquet
from energy.recording.trace import ArrayTrace
from energy.signal import Edge, SampleKind, Signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
samples = np.random.default_rng(1).random(400_000)
trace = ArrayTrace(Signal(SampleKind.ENERGY, 10.0, dtype="float64"), (samples,), edges=[Edge(5.0)])
folder = Path(sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for limit in (0, 20, 1000, 100_000, 1_000_000):
    for writer, name in ((export_csv, "x.csv"), (export_parquet, "x.parquet")):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            writer(trace, folder / name)
            print("written")
        except RecordingError as error:
            print(error.code)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert not list(folder.iterdir()), (limit, name)
"""


def test_an_export_to_a_full_disk_is_a_coded_error_and_leaves_nothing(tmp_path):
    done = run_python(FULL, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["export.write-failed"] * 10
    assert done.stderr == ""


def test_slow_imports_wait_until_something_is_exported():
    code = "import sys, energy.recording.export; print([m for m in sys.modules if m.startswith('pyarrow')])"
    assert run_python(code).stdout.strip() == "[]"
