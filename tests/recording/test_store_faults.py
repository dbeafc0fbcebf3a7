"""What a recording refuses while it is written, by which code, and that nothing is lost by it."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from energy.recording.store import Recording, RecordingWriter
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, Gap, RangeChange, SampleKind, Signal
from tests.recording.support import (
    NEVER_S,
    block_at,
    codes,
    holds_only_its_own,
    read_all,
    refused,
    run_python,
)

ENERGY = Signal(SampleKind.ENERGY, 1000.0)
BOTH = Signal(SampleKind.CURRENT_VOLTAGE, 100_000.0)


@pytest.fixture
def writer(tmp_path):
    with RecordingWriter(tmp_path / "r", BOTH, flush_interval_s=NEVER_S) as writer:
        writer.append(block_at(BOTH, 0, 100))
        yield writer
    recording = Recording(tmp_path / "r")  # whatever was refused, the rest is whole
    assert recording.findings == []
    assert recording.gaps == []
    assert read_all(recording)[0].tolist() == [*range(100)]
    assert holds_only_its_own(recording)


def test_samples_that_were_given_before_are_refused(writer):
    for first in (0, 50, 99, -1):
        with refused("recording.overlap"):
            writer.append(block_at(BOTH, first, first + 10))


@pytest.mark.parametrize(
    "columns",
    [
        (),
        (np.zeros(3, np.float32),),
        (np.zeros(3, np.float32),) * 3,
        (np.zeros(3, np.float64),) * 2,
        (np.zeros(3, np.float32), np.zeros(3, np.float64)),
        (np.zeros(3, np.int32),) * 2,
        (np.zeros(3, ">f4"),) * 2,
        (np.zeros(3, np.float32), np.zeros(4, np.float32)),
        (np.zeros((3, 1), np.float32),) * 2,
        (np.float32(1), np.float32(1)),
    ],
    ids=lambda columns: "-".join(f"{column.dtype.str}{column.shape}" for column in columns) or "none",
)
def test_a_block_that_is_not_of_the_signal_is_refused(writer, columns):
    with refused("recording.columns"):
        writer.append(Block(100, columns))


@pytest.mark.parametrize("first", [2**53 - 5, 2**53, 2**62, 2**80])
def test_a_position_beyond_2_to_the_53_is_refused_before_a_gap_is_noted(writer, first):
    with refused("recording.position"):
        writer.append(Block(first, (np.zeros(10, np.float32),) * 2))
    with refused("recording.position"):
        writer.gap(Gap(100, first, "counter ran away"))
    assert writer.stop == 100


@pytest.mark.parametrize(
    "gap", [Gap(100, 0, ""), Gap(100, -5, ""), Gap(-1, 5, ""), Gap(-1, None, ""), Gap(99, 1, "")]
)
def test_a_gap_that_cannot_be_is_refused(writer, gap):
    with refused("recording.gap"):
        writer.gap(gap)


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "/etc/x", "a/b", "A", "é", "x" * 32, "-a", "a.b", "a\n", "a\0"]
)
def test_a_digital_input_cannot_leave_the_folder_by_its_name(writer, name):
    with refused("recording.digital-input"):
        writer.digital(DigitalInput(name, 1000.0), DigitalBlock(0, 8, np.zeros(1, np.uint8)))
    assert sorted(path.name for path in writer.folder.iterdir()) == ["edges.jsonl", "trace.arrow"]
    assert [path.name for path in writer.folder.parent.iterdir()] == ["r"]


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_digital_input_without_a_rate_is_refused(writer, rate):
    with refused("recording.digital-input"):
        writer.digital(DigitalInput("d7", rate), DigitalBlock(0, 8, np.zeros(1, np.uint8)))


def test_a_digital_input_that_changes_its_rate_is_refused(writer):
    block = DigitalBlock(0, 8, np.zeros(1, np.uint8))
    writer.digital(DigitalInput("d7", 1000.0), block)
    for other in (DigitalInput("d7", 2000.0), DigitalInput("d7", 1000.0, offset=1.0)):
        with refused("recording.digital-input"):
            writer.digital(other, DigitalBlock(8, 8, block.bits))


@pytest.mark.parametrize(
    ("count", "bits"),
    [
        (9, np.zeros(1, np.uint8)),
        (8, np.zeros(2, np.uint8)),
        (10**6, np.zeros(1, np.uint8)),
        (-1, np.zeros(0, np.uint8)),
        (8, np.zeros(1, np.int8)),
        (8, np.zeros(1, bool)),
        (8, np.zeros((1, 1), np.uint8)),
    ],
)
def test_levels_that_are_not_as_many_as_they_say_are_refused(writer, count, bits):
    with refused("recording.columns"):
        writer.digital(DigitalInput("d7", 1000.0), DigitalBlock(0, count, bits))


def test_levels_that_were_given_before_are_refused(writer):
    source = DigitalInput("d7", 1000.0)
    writer.digital(source, DigitalBlock(0, 8, np.zeros(1, np.uint8)))
    with refused("recording.overlap"):
        writer.digital(source, DigitalBlock(7, 8, np.zeros(1, np.uint8)))


def test_a_closed_recording_takes_nothing_any_more(tmp_path):
    writer = RecordingWriter(tmp_path / "r", BOTH)
    writer.append(block_at(BOTH, 0, 10))
    source, levels = DigitalInput("d7", 10.0), DigitalBlock(0, 8, np.ones(1, np.uint8))
    writer.digital(source, levels)
    writer.close()
    for late in (
        lambda: writer.append(block_at(BOTH, 10, 20)),
        lambda: writer.append(block_at(BOTH, 10, 10)),
        lambda: writer.gap(Gap(10, 5, "")),
        lambda: writer.gap(Gap(10, None, "")),
        lambda: writer.range_change(RangeChange(5, "1 mA")),
        lambda: writer.edge(Edge(5.0)),
        lambda: writer.digital(source, DigitalBlock(8, 8, levels.bits)),
    ):
        with refused("recording.closed"):
            late()
    recording = Recording(tmp_path / "r")
    assert (recording.count, recording.gaps, recording.ranges, recording.edges) == (10, [], [], [])
    assert recording.findings == []


@pytest.mark.parametrize("name", ["trace.arrow", "edges.jsonl", "digital-d7.arrow"])
def test_no_file_of_a_recording_is_overwritten(tmp_path, name):
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / name).write_bytes(b"precious")
    with refused("recording.exists"):
        RecordingWriter(folder, ENERGY)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: b"precious"}


def test_a_recording_is_not_written_over_another_one(tmp_path):
    with RecordingWriter(tmp_path / "r", ENERGY) as writer:
        writer.append(block_at(ENERGY, 0, 10))
    with refused("recording.exists"):
        RecordingWriter(tmp_path / "r", ENERGY)
    assert Recording(tmp_path / "r").count == 10


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with refused("recording.write-failed"):
        RecordingWriter(tmp_path / "file" / "r", ENERGY)
    with refused("recording.write-failed"):
        RecordingWriter(tmp_path / "file", ENERGY)


LIMITED = """
import json, resource, signal, sys
from itertools import count
from pathlib import Path

import numpy as np

from energy.errors import RecordingError
from energy.recording.store import RecordingWriter
from energy.signal import Block, DigitalBlock, DigitalInput, Edge, SampleKind, Signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit is then refused, as by a full disk
D7 = DigitalInput("d7", 10.0)
LEVELS = np.full(100, 0x55, np.uint8)


def append(writer, k):
    values = (np.arange(500 * k, 500 * (k + 1)) % 16_777_213).astype(np.float32)
    writer.append(Block(500 * k, (values,)))
    if k % 3 == 0:
        writer.flush()


def record(folder, what):
    '''What was handed over without a refusal, and the codes of the refusals.'''
    steps = {
        "samples": append,
        "edges": lambda writer, k: writer.edge(Edge(float(k))),
        "levels": lambda writer, k: writer.digital(D7, DigitalBlock(800 * k, 800, LEVELS)),
        "close": lambda writer, k: append(writer, k) if k < 2 else writer.close(),
    }
    given, refusals, refused = 0, [], 0
    try:
        writer = RecordingWriter(folder, Signal(SampleKind.ENERGY, 1000.0), flush_interval_s=0.05)
    except RecordingError as error:
        return 0, [error.code]
    for k in count():
        try:
            steps[what](writer, k)
            given += 1
            if refused:
                raise SystemExit("a later call was not refused")
        except RecordingError as error:
            refusals.append(error.code)
            refused += 1
            if refused == 3 or what == "close":
                break
    for _ in range(2):
        try:
            writer.close()
        except RecordingError as error:
            refusals.append(error.code)
    return given, refusals


hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for folder, limit, what in json.loads(sys.argv[1]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    answer = record(Path(folder), what)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    print(json.dumps(answer), flush=True)
"""


def on_a_full_disk(*cases: tuple[Path, int, str]) -> list[tuple[int, list[str]]]:
    """Records into each folder until the disk, of so many bytes a file, is full: (steps done, refusals)."""
    done = run_python(LIMITED, json.dumps([(str(folder), limit, what) for folder, limit, what in cases]))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_full_disk_is_a_coded_error_and_what_was_before_is_readable(tmp_path):
    limits = [0, 100, 800, 1000, 5000, 20_011, 64 * 1024]
    answers = on_a_full_disk(*((tmp_path / f"r{limit}", limit, "samples") for limit in limits))
    for limit, (given, refusals) in zip(limits, answers, strict=True):
        assert set(refusals) == {"recording.write-failed"}
        folder = tmp_path / f"r{limit}"
        if not (folder / "trace.arrow").exists():
            assert limit < 1000  # not even the schema went in, and no ruin is left
            assert list(folder.iterdir()) == []
            continue
        recording = Recording(folder)
        assert codes(recording) == ["recording.unclosed"]
        assert limit / 4 - 2000 <= recording.count <= 500 * (given + 1)
        assert recording.gaps == []
        assert holds_only_its_own(recording)


def test_a_disk_that_is_full_on_closing_is_a_coded_error_and_loses_no_sample(tmp_path):
    with RecordingWriter(tmp_path / "whole", ENERGY, flush_interval_s=NEVER_S) as writer:
        writer.append(block_at(ENERGY, 0, 500))
        writer.flush()
        writer.append(block_at(ENERGY, 500, 1000))
    size = (tmp_path / "whole" / "trace.arrow").stat().st_size
    lacking = [1, 7, 100, 200]
    answers = on_a_full_disk(*((tmp_path / f"r{lack}", size - lack, "close") for lack in lacking))
    for lack, (_, refusals) in zip(lacking, answers, strict=True):
        assert refusals == ["recording.write-failed"]
        recording = Recording(tmp_path / f"r{lack}")
        assert recording.count == 1000
        assert codes(recording) == ["recording.unclosed"]


def test_edges_on_a_full_disk_are_refused_and_those_before_are_readable(tmp_path):
    ((given, refusals),) = on_a_full_disk((tmp_path / "r", 5000, "edges"))
    assert refusals == ["recording.write-failed"] * 3
    recording = Recording(tmp_path / "r")
    assert codes(recording) == ["recording.edges-incomplete"]
    assert [edge.position for edge in recording.edges] == [*range(given)]
    assert given > 40


def test_levels_on_a_full_disk_are_refused_and_those_before_are_readable(tmp_path):
    ((given, refusals),) = on_a_full_disk((tmp_path / "r", 600_000, "levels"))
    assert set(refusals) == {"recording.write-failed"}
    recording = Recording(tmp_path / "r")
    assert codes(recording) == ["recording.unclosed"]
    _, levels = recording.digital("d7")
    blocks = list(levels)
    assert blocks[0].first == 0
    assert all(before.stop == after.first for before, after in pairwise(blocks))
    # What waited to be written together with later levels is lost with the disk, and that was said.
    assert 16_000 < blocks[-1].stop <= 800 * given
    assert all((block.bits == 0x55).all() for block in blocks)
