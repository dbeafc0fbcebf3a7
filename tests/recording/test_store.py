"""What is handed to a recording comes back: samples to the bit, and all that lies beside them."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.errors import RecordingError
from energy.recording.batches import BatchWriter
from energy.recording.batchindex import BatchIndex
from energy.recording.mapped import read_schema
from energy.recording.store import Recording, RecordingWriter
from energy.signal import (
    Block,
    DigitalBlock,
    DigitalInput,
    Edge,
    EdgeKind,
    Gap,
    RangeChange,
    SampleKind,
    Signal,
)
from tests.recording.support import (
    NEVER_S,
    SIGNALS,
    any_bits,
    block_at,
    codes,
    gather,
    holds_only_its_own,
    read_all,
    run_python,
    same_bits,
    signal_id,
)
from tests.stalls import Stalls, unless_stalled

ENERGY = Signal(SampleKind.ENERGY, 1000.0)
BOTH = Signal(SampleKind.CURRENT_VOLTAGE, 100_000.0)


@pytest.mark.parametrize("signal", SIGNALS, ids=signal_id)
def test_samples_of_every_kind_come_back_to_the_bit(tmp_path, signal):
    columns = any_bits(signal, 5000)
    with RecordingWriter(tmp_path / "r", signal) as writer:
        writer.append(Block(0, columns))
    recording = Recording(tmp_path / "r")
    positions, back = read_all(recording)
    assert recording.signal == signal
    assert np.array_equal(positions, np.arange(5000))
    assert all(same_bits(ours, theirs) for ours, theirs in zip(columns, back, strict=True))
    assert (recording.first, recording.stop, recording.count) == (0, 5000, 5000)
    assert recording.findings == []
    assert recording.gaps == []


@settings(deadline=None, max_examples=60)
@given(
    signal=st.sampled_from(SIGNALS),
    start=st.sampled_from([0, 1, 65_537, 2**40]),
    pieces=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.booleans()), min_size=1, max_size=30),
)
def test_no_splitting_into_blocks_changes_a_bit_or_a_position(signal, start, pieces):
    count = sum(length for length, _, _ in pieces)
    columns = any_bits(signal, count)
    expected: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        with RecordingWriter(Path(folder) / "r", signal, flush_interval_s=NEVER_S) as writer:
            taken, position = 0, start
            for length, skipped, flush in pieces:
                position += skipped
                writer.append(Block(position, tuple(column[taken : taken + length] for column in columns)))
                expected += range(position, position + length)
                taken, position = taken + length, position + length
                if flush:
                    writer.flush()
            live = gather(writer.read(0, 2**53))
        recording = Recording(Path(folder) / "r")
        for positions, back in (live, read_all(recording)):
            assert positions.tolist() == expected
            assert all(same_bits(ours, theirs) for ours, theirs in zip(columns, back, strict=False))
        assert recording.count == count
        missing = sum(gap.count or 0 for gap in recording.gaps)
        assert recording.stop - recording.first == count + missing
        for gap in recording.gaps:
            assert not set(range(gap.first, gap.first + (gap.count or 0))) & set(expected)


@pytest.fixture(scope="module")
def with_gap(tmp_path_factory) -> Recording:
    folder = tmp_path_factory.mktemp("gap") / "r"
    with RecordingWriter(folder, ENERGY, flush_interval_s=NEVER_S) as writer:
        for first, stop in ((0, 123), (123, 300), (317, 650), (650, 1000)):
            writer.append(block_at(ENERGY, first, stop))
            writer.flush()
    return Recording(folder)


@settings(deadline=None, max_examples=200)
@given(first=st.integers(-50, 1100), stop=st.integers(-50, 1100))
def test_any_range_reads_exactly_its_own_samples(with_gap, first, stop):
    positions, _ = gather(with_gap.read(first, stop))
    there = [k for k in range(1000) if not 300 <= k < 317]
    assert positions.tolist() == [k for k in there if first <= k < stop]


def test_a_trace_that_is_cut_off_while_it_is_open_is_an_error_and_kills_nothing(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY, flush_interval_s=NEVER_S) as writer:
        writer.append(block_at(ENERGY, 0, 300_000))
    recording = Recording(tmp_path / "r")
    os.truncate(tmp_path / "r" / "trace.arrow", 600_000)
    blocks = recording.read(100, 300_000)
    came: list[Block] = []
    with pytest.raises(RecordingError) as caught:
        came.extend(blocks)
    assert caught.value.code == "file.changed"
    assert sum(map(len, came)) < 150_000
    (block,) = recording.read(0, 100)  # its first samples are still there
    assert block.columns[0].tolist() == block_at(ENERGY, 0, 100).columns[0].tolist()


def test_another_file_of_the_same_name_is_not_read_on(tmp_path):
    for name in ("r", "other"):
        with RecordingWriter(tmp_path / name, ENERGY) as writer:
            writer.append(block_at(ENERGY, 0, 100))
    recording = Recording(tmp_path / "r")
    (tmp_path / "other" / "trace.arrow").replace(tmp_path / "r" / "trace.arrow")
    with pytest.raises(RecordingError) as caught:
        list(recording.read(0, 100))
    assert caught.value.code == "file.changed"


def test_open_recordings_hold_no_file_descriptors(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 100))
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("the system does not list the descriptors of a process")
    before = len(list(descriptors.iterdir()))
    recordings = [Recording(tmp_path / "r") for _ in range(50)]
    assert sum(len(block) for recording in recordings for block in recording.read(0, 100)) == 5000
    assert len(list(descriptors.iterdir())) == before


def test_strided_and_read_only_arrays_are_recorded_as_what_they_show(tmp_path):
    values = np.arange(20, dtype=np.float32)
    values.flags.writeable = False
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(Block(0, (values[::2],)))
        writer.append(Block(10, (values[::-1],)))
    _, (back,) = read_all(Recording(tmp_path / "r"))
    assert back.tolist() == [*range(0, 20, 2), *range(19, -1, -1)]


def test_a_jump_is_a_gap(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 10))
        writer.append(block_at(ENERGY, 15, 20))
    recording = Recording(tmp_path / "r")
    assert recording.gaps == [Gap(10, 5, "sample numbers jump")]
    assert recording.count == 15
    assert holds_only_its_own(recording)


def test_a_gap_that_was_explained_is_not_noted_twice(tmp_path):
    gap = Gap(10, 5, "driver log: pkt_index skip")
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 10))
        writer.gap(gap)
        writer.append(block_at(ENERGY, 15, 20))
    assert Recording(tmp_path / "r").gaps == [gap]


def test_a_jump_beyond_an_explained_gap_is_a_gap_of_its_own(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 10))
        writer.gap(Gap(10, 5, "queue full"))
        writer.append(block_at(ENERGY, 18, 20))
    gaps = [Gap(10, 5, "queue full"), Gap(15, 3, "sample numbers jump")]
    assert Recording(tmp_path / "r").gaps == gaps


def test_samples_between_the_last_one_and_an_explained_gap_are_a_gap_too(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 10))
        writer.gap(Gap(14, 6, "queue full"))
        writer.append(block_at(ENERGY, 20, 25))
    gaps = [Gap(10, 4, "sample numbers jump"), Gap(14, 6, "queue full")]
    assert Recording(tmp_path / "r").gaps == gaps


def test_a_gap_of_unknown_length_is_kept_with_its_reason(tmp_path):
    gap = Gap(10, None, "buffer overflow")
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 10))
        writer.gap(gap)
        writer.append(block_at(ENERGY, 10, 20))
    assert Recording(tmp_path / "r").gaps == [gap]


def test_a_gap_at_the_end_and_one_before_the_first_sample_are_kept(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.gap(Gap(0, 7, "late start"))
        writer.append(block_at(ENERGY, 7, 10))
        writer.gap(Gap(10, 90, "cable"))
    recording = Recording(tmp_path / "r")
    assert [(gap.first, gap.count) for gap in recording.gaps] == [(0, 7), (10, 90)]
    assert (recording.first, recording.stop, recording.count) == (7, 10, 3)


def test_numpy_numbers_serve_as_positions_everywhere(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(Block(np.int64(5), (np.zeros(5, np.float32),)))
        writer.append(Block(np.uint32(20), (np.zeros(5, np.float32),)))
        writer.gap(Gap(np.int64(25), np.int32(5), "counter"))
        writer.range_change(RangeChange(np.int64(22), "10 mA"))
        writer.edge(Edge(np.float32(6.5), np.float64(0.5)))
        writer.edge(Edge(np.int64(7), np.int64(1)))
    recording = Recording(tmp_path / "r")
    assert [(gap.first, gap.count) for gap in recording.gaps] == [(10, 10), (25, 5)]
    assert recording.ranges == [RangeChange(22, "10 mA")]
    assert recording.edges == [Edge(6.5, 0.5), Edge(7.0, 1.0)]


def test_range_changes_and_edges_come_back_in_order(tmp_path):
    ranges = [RangeChange(3, "1 mA"), RangeChange(11, "10 mA"), RangeChange(11, 'µA "auto"')]
    edges = [
        Edge(3.25, 0.5, EdgeKind.FALL, "d7"),
        Edge(0.1, 0.0, EdgeKind.RISE, "gpi0"),
        Edge(-0.5, 1.0),
        Edge(1e15 + 0.125, 2**-40, source="uno\nµ"),
    ]
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.range_change(ranges[0])
        writer.append(block_at(ENERGY, 0, 10))
        for edge in edges:
            writer.edge(edge)
        for change in ranges[1:]:
            writer.range_change(change)
    recording = Recording(tmp_path / "r")
    assert recording.ranges == ranges
    assert recording.edges == edges
    assert recording.findings == []


@settings(deadline=None, max_examples=40)
@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=12), skip=st.integers(0, 5))
def test_levels_come_back_bit_by_bit_however_odd_their_blocks(lengths, skip):
    source = DigitalInput("gpi0", 12_500.0, offset=0.5)
    levels = np.random.default_rng(sum(lengths)).random(sum(lengths)) < 0.5
    with tempfile.TemporaryDirectory() as folder:
        with RecordingWriter(Path(folder) / "r", BOTH) as writer:
            at = taken = 0
            for length in lengths:
                bits = np.packbits(levels[taken : taken + length], bitorder="little")
                if length % 8:
                    bits[-1] |= (0xFF << length % 8) & 0xFF  # what fills up the last byte means nothing
                writer.digital(source, DigitalBlock(at, length, bits))
                at, taken = at + length + skip, taken + length
        back, blocks = Recording(Path(folder) / "r").digital("gpi0")
        assert back == source
        unpacked = [np.unpackbits(block.bits, count=block.count, bitorder="little") for block in blocks]
        assert np.concatenate([*unpacked, []]).astype(bool).tolist() == levels.tolist()


def test_digital_inputs_keep_their_own_rates_and_jumps(tmp_path):
    fast, slow = DigitalInput("gpi1", 2e6, offset=-0.25), DigitalInput("d-7_x", 1000.0, offset=3.0)
    bits = np.array([0b10110101, 0b1], np.uint8)
    with RecordingWriter(tmp_path / "r", BOTH) as writer:
        writer.append(block_at(BOTH, 0, 100))
        writer.digital(fast, DigitalBlock(0, 9, bits))
        writer.digital(slow, DigitalBlock(1000, 8, bits[:1]))
        writer.digital(fast, DigitalBlock(20, 3, bits[:1]))
    recording = Recording(tmp_path / "r")
    assert recording.digital_inputs() == ["d-7_x", "gpi1"]
    source, blocks = recording.digital("gpi1")
    assert source == fast
    assert [(block.first, block.count, block.stop) for block in blocks] == [(0, 9, 9), (20, 3, 23)]
    source, blocks = recording.digital("d-7_x")
    assert source == slow
    assert [(block.first, block.bits.tolist()) for block in blocks] == [(1000, [0b10110101])]
    assert recording.findings == []


def test_remarks_and_virtual_come_back(tmp_path):
    about = {"monitor": "LPM01A", "nested": {"µ": [1, 2.5, None, True]}}
    RecordingWriter(tmp_path / "v", ENERGY, virtual=True, about=about).close()
    RecordingWriter(tmp_path / "w", ENERGY).close()
    virtual, real = Recording(tmp_path / "v"), Recording(tmp_path / "w")
    assert (virtual.virtual, virtual.about) == (True, about)
    assert (real.virtual, real.about) == (False, {})


def test_a_recording_may_begin_at_any_position(tmp_path):
    first = 2**52
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(Block(first, (np.arange(10, dtype=np.float32),)))
    recording = Recording(tmp_path / "r")
    assert (recording.first, recording.stop, recording.count) == (first, first + 10, 10)
    assert recording.gaps == []
    assert gather(recording.read(first + 3, first + 5))[1][0].tolist() == [3, 4]


def test_an_empty_recording_opens(tmp_path):
    RecordingWriter(tmp_path / "r", ENERGY).close()
    recording = Recording(tmp_path / "r")
    assert (recording.first, recording.stop, recording.count) == (0, 0, 0)
    assert list(recording.read(0, 100)) == []
    assert recording.findings == []


def test_a_recording_opens_by_its_folder_and_by_its_file(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 5))
        writer.edge(Edge(1.0))
    for path in (tmp_path / "r", tmp_path / "r" / "trace.arrow"):
        recording = Recording(path)
        assert recording.count == 5
        assert recording.folder == tmp_path / "r"
        assert len(recording.edges) == 1


def test_what_waits_to_be_written_can_be_read_back_already(tmp_path):
    with RecordingWriter(tmp_path / "r", BOTH, flush_interval_s=NEVER_S) as writer:
        assert list(writer.read(0, 10)) == []
        for first in range(0, 1000, 10):
            writer.append(block_at(BOTH, first, first + 10))
            positions, columns = gather(writer.read(first - 5, first + 20))
            assert positions.tolist() == list(range(max(first - 5, 0), first + 10))
            assert same_bits(columns[1], block_at(BOTH, max(first - 5, 0), first + 10).columns[1])
        assert writer.stop == 1000
        assert writer.signal == BOTH


def test_a_writer_can_be_read_after_it_was_closed(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 10))
    assert gather(writer.read(2, 4))[0].tolist() == [2, 3]


def test_threads_may_read_back_while_another_one_writes(tmp_path):
    done = threading.Event()

    def read(writer: RecordingWriter, seed: int) -> int:
        rng = np.random.default_rng(seed)
        reads = 0
        while not done.is_set():
            stop = writer.stop
            first = int(rng.integers(0, stop + 1))
            positions, columns = gather(writer.read(first, stop))
            assert positions.tolist() == list(range(first, stop))
            assert first == stop or same_bits(columns[0], block_at(ENERGY, first, stop).columns[0])
            reads += 1
        return reads

    with (
        RecordingWriter(tmp_path / "r", ENERGY, flush_interval_s=0.02) as writer,
        ThreadPoolExecutor() as pool,
    ):
        readers = [pool.submit(read, writer, seed) for seed in range(3)]
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            writer.append(block_at(ENERGY, writer.stop, writer.stop + 37))
            time.sleep(0.0005)
        done.set()
        assert all(reader.result() for reader in readers)


def test_a_batch_is_whole_though_the_file_was_read_while_it_was_being_written(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY, flush_interval_s=NEVER_S) as writer:
        for first in (0, 500):
            writer.append(block_at(ENERGY, first, first + 500))
            writer.flush()
        data = (tmp_path / "r" / "trace.arrow").read_bytes()
    path = tmp_path / "growing.arrow"
    first, second = [at for at in range(8, len(data), 8) if data[at : at + 4] == b"\xff" * 4][-2:]
    index = BatchIndex(path, read_schema(tmp_path / "r" / "trace.arrow"))
    path.write_bytes(data[: second + 300])  # half of the second batch
    index.add(0, 500, first, second)
    assert len(list(index.read(0, 1000))) == 1
    with path.open("ab") as file:
        file.write(data[second + 300 :])
    index.add(500, 500, second, len(data))
    assert [rows.count for rows in index.read(0, 1000)] == [500, 500]


@pytest.mark.clock
def test_what_waits_is_written_by_time_without_another_sample(tmp_path_factory):
    def attempt(machine: Stalls) -> None:
        folder = tmp_path_factory.mktemp("waits")
        with RecordingWriter(folder / "r", ENERGY, flush_interval_s=0.2) as writer:
            writer.append(block_at(ENERGY, 0, 10))
            writer.range_change(RangeChange(4, "1 mA"))
            handed_over, late_s = time.monotonic(), machine.late_s
            while (seen := _snapshot(folder)).count < 10 and time.monotonic() < handed_over + 5:
                time.sleep(0.005)
            assert time.monotonic() - handed_over < 0.2 + 0.5 + machine.late_s - late_s
            assert codes(seen) == ["recording.unclosed"]
            assert seen.ranges == [RangeChange(4, "1 mA")]

    unless_stalled(attempt)


def test_samples_see_to_the_flush_interval_themselves_where_the_thread_does_not_get_to_run(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(BatchWriter, "_flush_by_time", lambda self: None)
    with RecordingWriter(tmp_path / "r", ENERGY, flush_interval_s=0.1) as writer:
        writer.append(block_at(ENERGY, 0, 10))
        assert _snapshot(tmp_path).count == 0
        time.sleep(0.06)
        writer.append(block_at(ENERGY, 10, 20))
        assert _snapshot(tmp_path).count == 20


def test_notes_alone_are_written_by_time_too(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY, flush_interval_s=0.1) as writer:
        writer.gap(Gap(0, None, "cable"))
        deadline = time.monotonic() + 5
        while not (seen := _snapshot(tmp_path)).gaps and time.monotonic() < deadline:
            time.sleep(0.005)
    assert seen.gaps == [Gap(0, None, "cable")]


def test_an_edge_is_in_the_file_at_once(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY, flush_interval_s=NEVER_S) as writer:
        for k in range(3):
            writer.edge(Edge(k + 0.5))
            assert [edge.position for edge in _snapshot(tmp_path).edges] == [i + 0.5 for i in range(k + 1)]


@pytest.mark.clock
def test_nothing_waits_for_long_however_small_the_blocks(tmp_path_factory):
    def attempt(machine: Stalls) -> None:
        folder = tmp_path_factory.mktemp("small")
        with RecordingWriter(folder / "r", ENERGY, flush_interval_s=0.2) as writer:
            sent: list[tuple[float, int]] = []
            begun = time.monotonic()
            while time.monotonic() < begun + 0.8:
                writer.append(block_at(ENERGY, writer.stop, writer.stop + 3))
                sent.append((time.monotonic(), writer.stop))
                time.sleep(0.004)
                now = time.monotonic()
                due = [stop for moment, stop in sent if moment < now - 0.2]
                assert not due or _snapshot(folder).stop >= due[-1]

    unless_stalled(attempt)


def test_closing_twice_is_harmless_and_leaves_a_whole_file(tmp_path):
    writer = RecordingWriter(tmp_path / "r", ENERGY)
    writer.append(block_at(ENERGY, 0, 10))
    writer.close()
    data = (tmp_path / "r" / "trace.arrow").read_bytes()
    writer.close()
    assert (tmp_path / "r" / "trace.arrow").read_bytes() == data
    assert data.startswith(b"ARROW1")
    assert data.endswith(b"ARROW1")
    assert Recording(tmp_path / "r").findings == []


def test_closing_forces_samples_levels_and_edges_to_the_disk(tmp_path, forced_to_disk):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 10))
        writer.digital(DigitalInput("d7", 10.0), DigitalBlock(0, 1, np.ones(1, np.uint8)))
        before = list(forced_to_disk)
    files = [tmp_path / "r" / name for name in ("trace.arrow", "digital-d7.arrow", "edges.jsonl")]
    assert sorted(forced_to_disk[len(before) :]) == sorted(file.stat().st_ino for file in files)


def test_leaving_the_block_by_an_error_still_closes_the_recording(tmp_path):
    def session() -> None:
        with RecordingWriter(tmp_path / "r", ENERGY) as writer:
            writer.append(block_at(ENERGY, 0, 10))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session()
    recording = Recording(tmp_path / "r")
    assert recording.count == 10
    assert recording.findings == []


def test_no_thread_outlives_its_recording(tmp_path):
    before = threading.active_count()
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.digital(DigitalInput("d7", 10.0), DigitalBlock(0, 1, np.ones(1, np.uint8)))
    assert threading.active_count() == before


def _snapshot(folder: Path) -> Recording:
    """The recording as it would be after a kill at this moment."""
    copy = Path(tempfile.mkdtemp(dir=folder)) / "r"
    shutil.copytree(folder / "r", copy)
    return Recording(copy)


def test_pandas_is_not_imported_to_write_read_or_export(tmp_path):
    code = """
import sys
from pathlib import Path
import numpy as np
from energy.recording.export import export_csv, export_parquet
from energy.recording.store import Recording, RecordingWriter
from energy.signal import Block, DigitalBlock, DigitalInput, SampleKind, Signal

folder = Path(sys.argv[1])
with RecordingWriter(folder / "r", Signal(SampleKind.ENERGY, 1000.0)) as writer:
    writer.append(Block(0, (np.array([1.0, np.nan], np.float32),)))
    writer.digital(DigitalInput("d7", 10.0), DigitalBlock(0, 3, np.ones(1, np.uint8)))
recording = Recording(folder / "r")
print(sum(len(block) for block in recording.read(0, 9)), len(list(recording.digital("d7")[1])))
export_csv(recording, folder / "x.csv")
export_parquet(recording, folder / "x.parquet")
print("pandas" in sys.modules)
"""
    done = run_python(code, tmp_path)
    assert done.stdout.split() == ["2", "1", "False"], done.stderr
