"""Recordings that do not keep all samples: what is there is as it came; what is not is stated, as no loss."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest

from energy.errors import RecordingError, UsageError
from energy.recording import edgelog, mapped, store
from energy.recording import keep as policy
from energy.recording.keep import EVERYTHING, Keep, Ranges, Storage, refuse_budget
from energy.recording.mapped import read_schema
from energy.recording.metadata import TRACE_NAME, find_waiting
from energy.recording.reduce import reduce_recording
from energy.recording.store import Recording, RecordingWriter
from energy.signal import Block, Edge, EdgeKind, Gap, RangeChange, SampleKind, Signal
from energy.window.integrator import integrate_trace
from energy.window.pairing import SequencePairing
from energy.window.rules import EnergyRule

BOTH = Signal(SampleKind.CURRENT_VOLTAGE, 10_000.0)
COUNT = 400_000
KEPT = [(50_000, 90_000), (200_000, 230_500)]
GAPS = [Gap(30_000, 500, "inside what is given up"), Gap(60_000, 7, "inside what is kept")]


def samples(seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.lognormal(-4, 1, COUNT).astype(np.float32), rng.normal(3, 0.1, COUNT).astype(np.float32)


def present() -> np.ndarray:
    """Whether each sample came."""
    there = np.ones(COUNT, bool)
    for gap in GAPS:
        there[gap.first : gap.first + gap.count] = False
    return there


def write(writer: RecordingWriter, *, until: int = COUNT, decide: bool = True, step: int = 7001) -> None:
    """Writes samples, gaps, a change of range and edges; names what is kept, and decides now and then."""
    columns, there = samples(), present()
    for first, stop in KEPT:
        writer.keep(first, stop)
        writer.edge(Edge(first + 1000.25))
        writer.edge(Edge(stop - 1000.75))
    writer.range_change(RangeChange(70_000, "10 mA"))
    at = 0
    while at < until:
        stop = min(at + step, until)
        for gap in GAPS:
            if gap.first == at:
                writer.gap(gap)
                at = gap.first + gap.count
            elif at < gap.first < stop:
                stop = gap.first
        stop = max(stop, at + 1)
        assert there[at:stop].all()
        writer.append(Block(at, tuple(column[at:stop] for column in columns)))
        writer.flush()
        if decide:
            writer.decide(at - 10_000)
        at = stop


def rolling(keep: Keep, **more: int) -> Storage:
    return Storage(keep, rolling=True, file_bytes=200_000, **more)


def check_kept(recording: Recording, ranges: list[tuple[int, int]]) -> None:
    """The samples in the ranges are there, bit for bit, and no other."""
    columns, there = samples(), present()
    expected = np.zeros(COUNT, bool)
    for first, stop in ranges:
        expected[first:stop] = True
    expected &= there
    found = np.zeros(COUNT, bool)
    for block in recording.read(0, recording.stop):
        assert not found[block.first : block.stop].any()
        found[block.first : block.stop] = True
        for column, original in zip(block.columns, columns, strict=True):
            assert column.tobytes() == original[block.first : block.stop].tobytes()
    assert np.array_equal(found, expected)
    assert recording.count == expected.sum()


def check_stated(recording: Recording, ranges: list[tuple[int, int]]) -> None:
    """Every sample that is not there is stated: as lost, or as not kept, never as both, never as neither."""
    lost, not_kept = np.zeros(COUNT, bool), np.zeros(COUNT, bool)
    for gap in recording.gaps:
        (lost if gap.lost else not_kept)[gap.first : gap.first + gap.count] = True
    there = present()
    kept = np.zeros(COUNT, bool)
    for first, stop in ranges:
        kept[first:stop] = True
    assert np.array_equal(lost, ~there)
    assert np.array_equal(not_kept & there, ~kept & there)
    assert not (not_kept & kept).any()
    (finding,) = recording.findings
    assert finding.code == "recording.reduced"
    assert f"{recording.count} of " in finding.evidence


def check_levels(recording: Recording) -> None:
    """The levels are NumPy's, of all samples that came."""
    columns, there = samples(), present()
    rows = {}
    for levels in recording.levels():
        assert levels.samples == 100
        for k in range(len(levels.columns["count"])):
            rows[levels.first + k] = {name: values[k] for name, values in levels.columns.items()}
    assert sum(row["count"] for row in rows.values()) == there.sum()
    for number in (0, 1, 299, 300, 306, 599, 600, 2304, 2305, 3999):
        part = slice(number * 100, number * 100 + 100)
        here = there[part]
        if not here.any():
            assert number not in rows
            continue
        row = rows[number]
        power = columns[0][part][here].astype(np.float64) * columns[1][part][here]
        assert row["count"] == here.sum()
        assert row["energy_j"] == pytest.approx(power.sum() / 10_000, rel=1e-12)
        for name, column in zip(("current_a", "voltage_v"), columns, strict=True):
            values = column[part][here].astype(np.float64)
            assert row[f"{name}_min"] == values.min()
            assert row[f"{name}_max"] == values.max()
            assert row[f"{name}_mean"] == pytest.approx(values.mean(), rel=1e-12)


@pytest.mark.parametrize("decide", [True, False])
def test_windows_are_kept_bit_for_bit_and_the_rest_is_stated(tmp_path, decide):
    with RecordingWriter(tmp_path, BOTH, storage=rolling(Keep.WINDOWS)) as writer:
        write(writer, decide=decide)
    recording = Recording(tmp_path)
    assert recording.keep is Keep.WINDOWS
    assert (recording.first, recording.stop) == (0, COUNT)
    check_kept(recording, KEPT)
    check_stated(recording, KEPT)
    check_levels(recording)
    assert [change.position for change in recording.ranges] == [70_000]
    assert find_waiting(tmp_path) == []


def test_levels_keep_no_sample_and_state_all(tmp_path):
    with RecordingWriter(tmp_path, BOTH, storage=rolling(Keep.LEVELS)) as writer:
        write(writer)
    recording = Recording(tmp_path)
    assert recording.count == 0
    assert (recording.first, recording.stop) == (0, COUNT)
    check_stated(recording, [])
    check_levels(recording)


@pytest.mark.parametrize("keep", [Keep.WINDOWS, Keep.LEVELS])
def test_a_finished_recording_is_reduced_to_the_same(tmp_path, keep):
    with RecordingWriter(tmp_path / "whole", BOTH, about={"model": "x"}, virtual=True) as writer:
        write(writer)
    assert Recording(tmp_path / "whole").keep is Keep.FULL
    reduce_recording(tmp_path / "whole", keep, KEPT)
    recording = Recording(tmp_path / "whole")
    kept = KEPT if keep is Keep.WINDOWS else []
    check_kept(recording, kept)
    check_stated(recording, kept)
    check_levels(recording)
    assert recording.virtual
    assert recording.about == {"model": "x"}
    assert not list((tmp_path / "whole").glob(".*"))


def test_windows_give_the_bits_of_the_whole_recording(tmp_path):
    for name, storage in (("whole", Storage()), ("kept", rolling(Keep.WINDOWS))):
        with RecordingWriter(tmp_path / name, BOTH, storage=storage) as writer:
            write(writer)
    whole, _ = integrate_trace(Recording(tmp_path / "whole"), SequencePairing())
    kept, findings = integrate_trace(Recording(tmp_path / "kept"), SequencePairing())
    assert len(whole) == len(kept) == 2
    assert whole == kept
    assert [finding.code for finding in findings].count("samples.gap") == 2
    assert "recording.reduced" in [finding.code for finding in findings]


def test_a_window_whose_samples_are_not_kept_says_so_and_blames_no_loss(tmp_path):
    with RecordingWriter(tmp_path, BOTH, storage=rolling(Keep.WINDOWS)) as writer:
        write(writer)
        for position in (240_000.5, 250_000.5):
            writer.edge(Edge(position))
    window = integrate_trace(Recording(tmp_path), SequencePairing())[0][2]
    assert [finding.code for finding in window.findings] == ["window.not-kept"]
    assert "10001 of 10001" in window.findings[0].evidence
    assert window.energies[EnergyRule.EXACT].missing == 10_001


def test_after_a_kill_nothing_that_waited_is_lost_or_doubled(tmp_path):
    """The folder is copied while it is written: what a kill would leave."""
    writer = RecordingWriter(tmp_path / "r", BOTH, storage=rolling(Keep.WINDOWS))
    with writer:
        write(writer, until=150_000)
        writer.flush()
        writer._trace._trace.flush()
        shutil.copytree(tmp_path / "r", tmp_path / "killed")
        assert len(find_waiting(tmp_path / "killed")) >= 1
    recording = Recording(tmp_path / "killed")
    columns, there = samples(), present()
    decided = max(stop for _, stop in recording.reduced)
    assert 90_000 <= decided < 150_000
    kept = [KEPT[0], (decided, 150_000)]
    expected = np.zeros(COUNT, bool)
    for first, stop in kept:
        expected[first:stop] = True
    expected &= there
    found = np.zeros(COUNT, bool)
    for block in recording.read(0, recording.stop):
        found[block.first : block.stop] = True
        assert block.columns[0].tobytes() == columns[0][block.first : block.stop].tobytes()
    assert np.array_equal(found, expected)
    assert recording.count == expected.sum()
    assert sum(finding.code == "recording.unclosed" for finding in recording.findings) == 2
    assert [gap for gap in recording.gaps if gap.lost] == GAPS


def test_a_kill_between_taking_over_and_removing_doubles_nothing(tmp_path):
    storage = rolling(Keep.WINDOWS)
    with RecordingWriter(tmp_path / "r", BOTH, storage=storage) as writer:
        write(writer, decide=False)
        shutil.copytree(tmp_path / "r", tmp_path / "before")
    shutil.copytree(tmp_path / "r", tmp_path / "killed")
    for file in find_waiting(tmp_path / "before")[:3]:
        shutil.copy(file, tmp_path / "killed")
    recording = Recording(tmp_path / "killed")
    check_kept(recording, KEPT)
    check_stated(recording, KEPT)


def test_the_files_that_wait_stay_small_and_few(tmp_path):
    storage = rolling(Keep.LEVELS)
    with RecordingWriter(tmp_path, BOTH, storage=storage) as writer:
        columns = samples()
        most = 0
        for at in range(0, COUNT, 5000):
            writer.append(Block(at, tuple(column[at : at + 5000] for column in columns)))
            writer.flush()
            writer.decide(at)
            most = max(most, sum(file.stat().st_size for file in find_waiting(tmp_path)))
    assert 200_000 < most < 2 * 200_000 + 100_000  # 3.2 MB came


def test_older_versions_refuse_a_reduced_recording(tmp_path):
    with RecordingWriter(tmp_path / "whole", BOTH) as writer:
        write(writer)
    with RecordingWriter(tmp_path / "kept", BOTH, storage=rolling(Keep.WINDOWS)) as writer:
        write(writer)
    versions = {}
    for name in ("whole", "kept"):
        meta = json.loads(read_schema(tmp_path / name / TRACE_NAME).metadata[b"joulebench"])
        versions[name] = meta["format"]
        assert meta.get("keep") == (None if name == "whole" else "windows")
    assert versions == {"whole": 1, "kept": 2}


def test_levels_open_in_other_programs(tmp_path):
    with RecordingWriter(tmp_path, BOTH, storage=rolling(Keep.LEVELS)) as writer:
        write(writer)
    with pa.ipc.open_file(tmp_path / "levels.arrow") as file:
        table = file.read_all()
    assert table.num_rows == COUNT // 100 - 5  # the gap of 500 samples is five rows
    assert table.column_names == [
        *(f"{name}_{what}" for name in ("current_a", "voltage_v") for what in ("min", "mean", "max")),
        "energy_j",
        "count",
    ]


def test_not_a_number_is_left_out_of_the_levels(tmp_path):
    signal = Signal(SampleKind.CURRENT, 1000.0, voltage_v=2.0)
    values = np.arange(40, dtype=np.float32)
    values[[3, 12]] = np.nan, np.inf
    values[20:30] = np.nan
    with RecordingWriter(tmp_path, signal, storage=rolling(Keep.LEVELS)) as writer:
        writer.append(Block(0, (values[:15],)))
        writer.append(Block(15, (values[15:],)))
    (levels,) = Recording(tmp_path).levels()
    assert levels.columns["count"].tolist() == [9, 9, 0, 10]
    assert levels.columns["current_a_min"].tolist()[:2] == [0, 10]
    assert np.isnan(levels.columns["current_a_mean"][2])
    assert levels.columns["energy_j"].tolist() == pytest.approx([42 * 0.002, 133 * 0.002, 0.0, 345 * 0.002])


def test_a_waiting_file_of_another_recording_is_refused(tmp_path):
    for name, signal in (("a", BOTH), ("b", Signal(SampleKind.CURRENT, 1000.0, voltage_v=2.0))):
        with RecordingWriter(tmp_path / name, signal) as writer:
            writer.append(Block(0, tuple(np.ones(10, np.float32) for _ in signal.columns)))
    shutil.copy(tmp_path / "b" / TRACE_NAME, tmp_path / "a" / "waiting-000001.arrow")
    with pytest.raises(RecordingError) as raised:
        Recording(tmp_path / "a")
    assert raised.value.code == "recording.damaged"


def test_a_budget_that_is_too_small_is_refused_before():
    refuse_budget(Storage(budget=10**9), BOTH)  # nobody knows how long it lasts
    refuse_budget(Storage(budget=10**9, seconds=3600.0), BOTH)
    with pytest.raises(UsageError) as raised:
        refuse_budget(Storage(budget=10**8, seconds=3600.0), BOTH)
    assert raised.value.code == "disk.budget"
    assert "288 MB" in raised.value.message


def test_a_recording_that_reaches_its_budget_ends_with_a_code_and_can_be_read(tmp_path):
    columns = samples()
    budget = 1_000_000

    def fill(writer: RecordingWriter) -> None:
        for at in range(0, COUNT, 5000):
            writer.append(Block(at, tuple(column[at : at + 5000] for column in columns)))
            writer.flush()

    with RecordingWriter(tmp_path, BOTH, storage=Storage(budget=budget)) as writer:
        with pytest.raises(RecordingError) as raised:
            fill(writer)
        assert raised.value.code == "disk.budget-reached"
        writer.append(Block(writer.stop, tuple(column[:10] for column in columns)))  # it is switched off
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert 0.8 * budget < size <= budget
    assert Recording(tmp_path).count * 8 > 0.8 * budget


@pytest.mark.parametrize("storage", [EVERYTHING, Storage(Keep.WINDOWS, rolling=True, file_bytes=1 << 14)])
@pytest.mark.parametrize("what", ["ranges", "gaps", "jumps"])
def test_a_recording_ends_before_its_notes_are_too_many_to_be_read_again(
    tmp_path, monkeypatch, storage, what
):
    monkeypatch.setattr(store, "RECORDED_NOTES", 30_000)
    monkeypatch.setattr(mapped, "LARGEST_NOTES", 40_000)
    columns = tuple(column[:10] for column in samples())

    def fill(writer: RecordingWriter) -> None:
        for number in range(100_000):
            if what == "ranges":
                writer.range_change(RangeChange(writer.stop + number % 7, "range µ"))
            elif what == "gaps":
                writer.gap(Gap(writer.stop, None if number % 2 else 3, "lost"))
            writer.append(Block(writer.stop + (5 if what == "jumps" else 0), columns))

    with RecordingWriter(tmp_path, BOTH, storage=storage) as writer:
        with pytest.raises(RecordingError) as raised:
            fill(writer)
        assert raised.value.code == "recording.limit-reached"
        ended = writer.stop
        for number in range(5000):  # it is switched off
            writer.range_change(RangeChange(writer.stop, f"range {number}"))
            writer.gap(Gap(writer.stop, 2, "lost"))
            writer.append(Block(writer.stop, columns))
        writer.keep(0, writer.stop)
    recording = Recording(tmp_path)
    assert recording.stop == ended + 5000 * 12
    assert sum(1 for gap in recording.gaps if gap.first >= ended and gap.count == 2) == 5000
    assert sum(block.stop - block.first for block in recording.read(0, recording.stop)) == recording.count
    assert {"ranges": len(recording.ranges), "gaps": len(recording.gaps), "jumps": len(recording.gaps)}[
        what
    ] > 600


@pytest.mark.parametrize(("limit", "value"), [("MOST_EDGES", 50), ("LARGEST_EDGES", 5000)])
def test_a_recording_ends_before_its_edges_are_too_many_to_be_read_again(tmp_path, monkeypatch, limit, value):
    monkeypatch.setattr(edgelog, limit, value)
    with RecordingWriter(tmp_path, BOTH) as writer:
        writer.append(Block(0, tuple(column[:100] for column in samples())))

        def bounce() -> None:
            for number in range(1000):
                writer.edge(Edge(float(number), 0.5, EdgeKind.FALL, "d0"))

        for _ in range(3):
            with pytest.raises(RecordingError) as raised:
                bounce()
            assert raised.value.code == "recording.limit-reached"
    recording = Recording(tmp_path)
    assert 49 < len(recording.edges) < 90
    assert not [finding for finding in recording.findings if "edges" in finding.code]


def test_ranges_are_joined_and_cut():
    rng = np.random.default_rng(1)
    for _ in range(200):
        ranges, covered = Ranges(), np.zeros(100, bool)
        for first, length in rng.integers(0, 90, (rng.integers(0, 8), 2)) % np.array([90, 12]):
            ranges.add(int(first), int(first + length))
            covered[first : first + length] = True
        low, high = sorted(rng.integers(0, 100, 2).tolist())
        found = np.zeros(100, bool)
        for first, stop in ranges.within(low, high):
            assert low <= first < stop <= high
            found[first:stop] = True
        assert np.array_equal(found[low:high], covered[low:high])
        assert not found[:low].any()
        assert not found[high:].any()
        assert all(a[1] < b[0] for a, b in zip(list(ranges), list(ranges)[1:], strict=False))


def test_a_session_budget_keeps_a_reserve():
    assert Storage(budget=10**10).limit == 10**10 - policy._RESERVE
    assert Storage(budget=10**6).limit == 900_000
