"""A damaged recording is refused by a code, or read up to the damage with a finding; it never crashes.

What cannot be found: a flipped bit inside a sample. Arrow files have no checksum; a session's manifest has.
"""

from __future__ import annotations

import json
import random
import shutil

import numpy as np
import pyarrow as pa
import pytest

from energy.errors import RecordingError
from energy.recording.store import Recording, RecordingWriter
from energy.signal import SampleKind, Signal
from tests.recording.support import (
    NEVER_S,
    SMALL,
    block_at,
    codes,
    gather,
    holds_only_its_own,
    open_with,
    read_all,
    refused,
    run_python,
    small_recording,
)

SIGNAL = Signal(SampleKind.CURRENT_VOLTAGE, 100_000.0)
FIELDS = [("current_a", pa.float32()), ("voltage_v", pa.float32())]
META = {"format": 1, "signal": SIGNAL.to_json(), "virtual": False, "about": {}}


@pytest.fixture
def closed(tmp_path):
    return small_recording(tmp_path / "r")


def arrow_file(batches, *, meta=META, fields=FIELDS, key="joulebench") -> bytes:
    """A closed Arrow file of batches (first row, rows, notes), made without the project's writer."""
    text = meta if isinstance(meta, bytes) else json.dumps(meta).encode()
    schema = pa.schema(fields, metadata={key: text})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        for first, rows, notes in batches:
            batch = pa.record_batch(
                [pa.array(np.zeros(rows), type=kind) for _, kind in fields], schema=schema
            )
            custom = {} if first is None else {"first": str(first)}
            if notes is not None:
                custom["notes"] = notes
            writer.write_batch(batch, custom_metadata=custom)
    return sink.getvalue().to_pybytes()


def test_a_file_of_another_writer_that_follows_the_format_is_read(closed):
    notes = json.dumps({"gaps": [[5, 5, "x"]], "later": ["unknown"]})
    recording = open_with(closed, arrow_file([(0, 5, None), (10, 3, notes), (13, 0, None)]))
    assert (recording.count, recording.stop) == (8, 13)
    assert codes(recording) == []


# -- cut off -------------------------------------------------------------------------------------------------


def test_a_recording_cut_at_any_byte_is_refused_or_read_up_to_its_last_whole_batch(closed):
    (closed / "digital-d7.arrow").unlink()
    data = (closed / "trace.arrow").read_bytes()
    outcomes = [_outcome(closed, data[:length]) for length in range(len(data))]
    readable = [outcome for outcome in outcomes if isinstance(outcome, int)]
    refusals = outcomes[: len(outcomes) - len(readable)]
    assert list(dict.fromkeys(refusals)) == ["recording.empty", "recording.foreign", "recording.damaged"]
    assert readable == sorted(readable)
    assert set(readable) == {0, *SMALL}
    assert open_with(closed, data).findings == []


def _outcome(folder, data) -> int | str:
    """How many samples of a cut recording can be read, or the code by which it is refused."""
    try:
        recording = open_with(folder, data)
    except RecordingError as error:
        return error.code
    assert codes(recording) == ["recording.unclosed"]
    assert holds_only_its_own(recording)
    return recording.count


def test_a_cut_recording_says_how_many_bytes_it_leaves_out(closed):
    data = (closed / "trace.arrow").read_bytes()
    whole = next(n for n in range(0, len(data), 8) if _outcome(closed, data[:n]) == SMALL[0])
    (finding,) = open_with(closed, data[: whole + 33]).findings
    assert f"{SMALL[0]} samples" in finding.evidence
    assert "33 bytes" in finding.evidence


def test_an_unclosed_recording_that_ends_in_zeros_is_read(tmp_path):
    folder = small_recording(
        tmp_path / "r", close=False
    )  # as some file systems leave it after a power failure
    recording = open_with(folder, (folder / "trace.arrow").read_bytes() + bytes(4096))
    assert codes(recording)[0] == "recording.unclosed"
    assert recording.count == SMALL[-1]


def test_a_digital_input_cut_at_any_byte_leaves_the_samples_readable(closed):
    path = closed / "digital-d7.arrow"
    data = path.read_bytes()
    seen = set()
    for length in range(0, len(data), 3):
        path.write_bytes(data[:length])
        recording = Recording(closed)
        assert recording.count == SMALL[-1]
        (code,) = codes(recording)
        seen.add(code)
        if code == "recording.digital-damaged":
            assert recording.digital_inputs() == ["d7"]
            with pytest.raises(RecordingError):
                recording.digital("d7")
        else:
            levels = [block.count for block in recording.digital("d7")[1]]
            assert levels in ([], [77])
    assert seen == {"recording.digital-damaged", "recording.unclosed"}


# -- bytes flipped -------------------------------------------------------------------------------------------

FLIP = """
import random, sys
from pathlib import Path

import numpy as np

from energy.errors import RecordingError
from energy.recording.store import Recording

folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
files = {path: path.read_bytes() for path in sorted(folder.glob("*.arrow"))}
rng = random.Random(seed)
outcomes = set()
for number in range(count):
    for path, whole in files.items():
        path.write_bytes(whole)
    path, whole = rng.choice(list(files.items()))
    data = bytearray(whole)
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        at = rng.randrange(len(data))
        data[at] = rng.choice([data[at] ^ (1 << rng.randrange(8)), rng.randrange(256), 0, 255])
    path.write_bytes(data)
    try:
        recording = Recording(folder)
        read = 0
        for block in recording.read(recording.first, recording.stop):
            read += len(block)
            assert all(len(column) == len(block) for column in block.columns), number
            [column.copy() for column in block.columns]  # touches every byte
        for name in recording.digital_inputs():
            try:
                for block in recording.digital(name)[1]:
                    assert len(block.bits) == (block.count + 7) // 8, number
                    int(block.bits.sum())
            except RecordingError:
                assert recording.findings, number
        inside = [gap for gap in recording.gaps if recording.first <= gap.first < recording.stop]
        missing = sum(gap.count or 0 for gap in inside)
        assert read == recording.count, number
        assert recording.stop - recording.first == read + missing, number
        assert read == 60 or recording.findings or missing > 6, number
        outcome = "read"
    except RecordingError as error:
        assert error.code and error.hint, number
        outcome = error.code
    outcomes.add(outcome)
print(sorted(outcomes))
"""


@pytest.mark.parametrize("close", [True, False], ids=["closed", "unclosed"])
def test_flipped_bytes_never_crash_and_never_lose_samples_unnoticed(tmp_path, close):
    folder = small_recording(tmp_path / "r", close=close)
    seed = random.SystemRandom().randrange(2**32)
    done = run_python(FLIP, folder, seed, 1000)
    assert done.returncode == 0, f"seed {seed}: exit {done.returncode}\n{done.stderr}"
    for line in done.stdout.splitlines():
        assert "read" in line
    assert "recording.damaged" in done.stdout


def test_a_flipped_byte_in_what_the_samples_mean_is_found_in_a_closed_file(closed):
    data = (closed / "trace.arrow").read_bytes()
    at = data.index(b'"rate_hz": 100000.0') + 11
    with refused("recording.damaged"):
        open_with(closed, data[:at] + b"7" + data[at + 1 :])


def test_a_batch_whose_number_of_rows_was_lost_in_the_middle_of_a_closed_file_is_found(closed):
    data = (closed / "trace.arrow").read_bytes()
    marker = b"\xff\xff\xff\xff"
    starts = [at for at in range(8, len(data), 8) if data[at : at + 4] == marker]
    for at in starts[1:-1]:  # an end-of-stream marker where a batch began
        with refused("recording.damaged"):
            open_with(closed, data[: at + 4] + bytes(4) + data[at + 8 :])


# -- other files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "recording.empty"),
        (b"A", "recording.foreign"),
        (b"ARROW1", "recording.damaged"),
        (b"ARROW1\0\0", "recording.damaged"),
        (b"ARROW1\0\0ARROW1", "recording.damaged"),
        (b"ARROW1\0\0" + bytes(100), "recording.damaged"),
        (b"ARROW1\0\0" + b"\xff" * 100, "recording.damaged"),
        (b"ARROW1\0\0\xff\xff\xff\xff\xff\xff\xff\x7f", "recording.damaged"),
        (b"FEA1" + bytes(100), "recording.foreign"),
        (b"\xf1\0\0\x7aD" + bytes(100), "recording.foreign"),
        (b'[{"file": "x"}]', "recording.foreign"),
        (b"PAR1" + bytes(50) + b"PAR1", "recording.foreign"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_a_file_that_is_no_recording_is_refused(closed, data, code):
    with refused(code):
        open_with(closed, data)


def test_an_arrow_file_of_something_else_is_foreign(closed):
    sink = pa.BufferOutputStream()
    table = pa.table({"word": pa.array(["a", None, "b"]).dictionary_encode(), "list": [[1], [2, 3], []]})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with refused("recording.foreign"):
        open_with(closed, sink.getvalue().to_pybytes())
    with refused("recording.foreign"):
        open_with(closed, arrow_file([(0, 5, None)], key="pandas"))


def test_a_digital_file_is_no_trace_and_a_trace_no_digital_file(closed):
    trace, digital = (closed / name for name in ("trace.arrow", "digital-d7.arrow"))
    whole = trace.read_bytes()
    with refused("recording.damaged"):
        open_with(closed, digital.read_bytes())
    trace.write_bytes(whole)
    digital.write_bytes(whole)
    assert codes(Recording(closed)) == ["recording.digital-damaged"]


def test_what_is_not_there_is_missing(tmp_path, closed):
    for path in (tmp_path / "nothing", tmp_path, closed / "trace2.arrow"):
        with refused("recording.missing"):
            Recording(path)
    with refused("recording.missing"):
        Recording(closed).digital("gpi3")


@pytest.mark.parametrize("name", ["../trace", "", "/etc/passwd", "d7.arrow", "D7", "d7\0"])
def test_no_file_outside_the_folder_can_be_read_as_a_digital_input(closed, name):
    with refused("recording.digital-input"):
        Recording(closed).digital(name)


def test_a_digital_file_under_another_name_is_refused(closed):
    shutil.move(closed / "digital-d7.arrow", closed / "digital-gpi0.arrow")
    recording = Recording(closed)
    assert codes(recording) == ["recording.digital-damaged"]
    with refused("recording.damaged"):
        recording.digital("gpi0")


def test_files_that_only_look_like_digital_inputs_are_left_alone(closed):
    for name in ("digital-.arrow", "digital-A.arrow", "digital-..arrow", "digital-d7.arrow.bak"):
        (closed / name).write_bytes(b"")
    recording = Recording(closed)
    assert recording.digital_inputs() == ["d7"]
    assert recording.findings == []


def test_a_trace_without_its_edges_says_so(closed):
    (closed / "edges.jsonl").unlink()
    assert codes(Recording(closed)) == ["recording.edges-missing"]


# -- what the metadata may say -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [3, 99, 2**40])
def test_a_newer_format_is_refused_as_newer(closed, version):
    with refused("recording.newer"):
        open_with(closed, arrow_file([(0, 5, None)], meta={"format": version, "other": 1}))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{}",
        b"\xff\xfe",
        b'{"format": null}',
        b'{"format": true}',
        b'{"format": "1"}',
        b'{"format": 1.5}',
        b'{"format": 0}',
        b'{"format": -1}',
        b'{"format": 1e400}',
        b'{"format": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_metadata_that_is_not_ours_is_foreign(closed, raw):
    with refused("recording.foreign"):
        open_with(closed, arrow_file([(0, 5, None)], meta=raw))


@pytest.mark.parametrize(
    "change",
    [
        {"virtual": None},
        {"virtual": "false"},
        {"virtual": 0},
        {"about": None},
        {"about": []},
        {"signal": None},
        {"signal": {}},
        {"signal": []},
        *(
            {"signal": SIGNAL.to_json() | wrong}
            for wrong in (
                {"kind": "power"},
                {"kind": ["energy"]},
                {"kind": "energy"},
                {"kind": "current"},
                {"kind": "current", "voltage_v": "3.3"},
                {"rate_hz": 0},
                {"rate_hz": -1.0},
                {"rate_hz": "1000"},
                {"rate_hz": True},
                {"rate_hz": float("nan")},
                {"rate_hz": float("inf")},
                {"rate_hz": 10**400},
                {"rate_hz": None},
                {"dtype": "float64"},
                {"dtype": "int32"},
                {"dtype": None},
                {"dtype": ["float32"]},
                {"energy_unit": "mJ"},
                {"energy_unit": {}},
                {"voltage_v": float("nan")},
                {"voltage_v": "3"},
                {"coverage_offset": float("nan")},
                {"coverage_offset": 1.0},
                {"coverage_offset": "0"},
            )
        ),
    ],
    ids=str,
)
def test_a_recording_that_does_not_say_what_its_samples_mean_is_damaged(closed, change):
    with refused("recording.damaged"):
        open_with(closed, arrow_file([(0, 5, None)], meta=META | change))


@pytest.mark.parametrize(
    "fields",
    [
        FIELDS[:1],
        FIELDS[::-1],
        [*FIELDS, ("more", pa.float32())],
        [("current_a", pa.float64()), ("voltage_v", pa.float64())],
        [("current_a", pa.float32()), ("voltage_v", pa.float16())],
        [("current_a", pa.int32()), ("voltage_v", pa.int32())],
    ],
    ids=str,
)
def test_columns_that_are_not_those_of_the_signal_are_damage(closed, fields):
    with refused("recording.damaged"):
        open_with(closed, arrow_file([(0, 5, None)], fields=fields))


def test_a_name_of_a_column_that_is_not_utf8_is_damage(closed):
    data = (closed / "trace.arrow").read_bytes()
    with refused("recording.damaged"):
        open_with(closed, data.replace(b"current_a", b"current\xff\xff"))


@pytest.mark.parametrize(
    "change",
    [
        {"rate_hz": 0.0},
        {"rate_hz": -5},
        {"rate_hz": float("nan")},
        {"rate_hz": 10**400},
        {"rate_hz": "1"},
        {"offset": float("inf")},
        {"offset": None},
        {"name": "other"},
        {"name": "../d7"},
        {"name": 7},
    ],
    ids=str,
)
def test_a_digital_input_that_does_not_say_what_it_is_is_a_finding(closed, change):
    meta = {"format": 1, "digital": {"name": "d7", "rate_hz": 1000.0, "offset": 0.0} | change}
    data = arrow_file([(0, 8, None)], meta=meta, fields=[("level", pa.bool_())])
    (closed / "digital-d7.arrow").write_bytes(data)
    recording = Recording(closed)
    assert recording.count == SMALL[-1]
    assert codes(recording) == ["recording.digital-damaged"]


def test_a_digital_input_of_a_newer_format_is_a_finding(closed):
    data = arrow_file([(0, 8, None)], meta={"format": 3}, fields=[("level", pa.bool_())])
    (closed / "digital-d7.arrow").write_bytes(data)
    recording = Recording(closed)
    assert codes(recording) == ["recording.digital-damaged"]
    with refused("recording.newer"):
        recording.digital("d7")


# -- what the batches may say --------------------------------------------------------------------------------


def test_nulls_among_the_samples_are_damage(closed):
    schema = pa.schema(FIELDS, metadata={"joulebench": json.dumps(META)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        arrays = [pa.array([1.0, None], pa.float32())] * 2
        writer.write_batch(pa.record_batch(arrays, schema=schema), custom_metadata={"first": "0"})
    with refused("recording.damaged"):
        open_with(closed, sink.getvalue().to_pybytes())


@pytest.mark.parametrize(
    "batches",
    [
        [(10, 5, None), (0, 5, None)],
        [(0, 5, None), (4, 5, None)],
        [(0, 5, None), (0, 5, None)],
        [(0, 5, None), (20, 0, None), (10, 5, None)],
    ],
)
def test_batches_out_of_order_are_damage(closed, batches):
    with refused("recording.damaged"):
        open_with(closed, arrow_file(batches))


@pytest.mark.parametrize(
    "first", [None, "", "x", "-1", "1.0", "1e3", " 5", "+5", "1_0", "²", 2**53, 2**64, 10**30, "9" * 5000]
)
def test_a_first_row_that_is_no_position_is_damage(closed, first):
    with refused("recording.damaged"):
        open_with(closed, arrow_file([(first, 5, None)]))


@pytest.mark.parametrize(
    "notes",
    [
        "",
        "x",
        "[]",
        "7",
        "null",
        "[" * 100_000,
        '{"gaps": null}',
        '{"gaps": {}}',
        '{"gaps": [5]}',
        '{"gaps": [[5, 5]]}',
        '{"gaps": [[5, 5, "x", 1]]}',
        '{"gaps": [["5", 5, "x"]]}',
        '{"gaps": [[5.5, 5, "x"]]}',
        '{"gaps": [[5, 1e400, "x"]]}',
        '{"gaps": [[5, NaN, "x"]]}',
        '{"gaps": [[5, true, "x"]]}',
        '{"gaps": [[5, 0, "x"]]}',
        '{"gaps": [[5, -1, "x"]]}',
        '{"gaps": [[5, 1' + "0" * 50 + ', "x"]]}',
        '{"gaps": [[5, 5, null]]}',
        '{"gaps": [[4, 2, "the sample before it is there"]]}',
        '{"gaps": [[5, 6, "the sample after it is there"]]}',
        '{"ranges": [[1e400, "1 mA"]]}',
        '{"ranges": [[5, 7]]}',
        '{"ranges": [[5]]}',
        '{"ranges": 5}',
    ],
    ids=lambda notes: notes[:40],
)
def test_notes_that_cannot_be_are_damage(closed, notes):
    with refused("recording.damaged"):
        open_with(closed, arrow_file([(0, 5, None), (10, 5, notes)]))


def test_a_jump_that_no_note_explains_is_a_gap(closed):
    notes = '{"gaps": [[7, 2, "known"]]}'
    recording = open_with(closed, arrow_file([(0, 5, None), (10, 5, notes), (15, 5, None), (30, 5, None)]))
    assert [(gap.first, gap.count) for gap in recording.gaps] == [(5, 2), (7, 2), (9, 1), (20, 10)]
    assert recording.gaps[1].reason == "known"


def test_many_gaps_are_matched_without_delay(tmp_path):
    with RecordingWriter(tmp_path / "r", SIGNAL, flush_interval_s=NEVER_S) as writer:
        for first in range(0, 20_000, 4):
            writer.append(block_at(SIGNAL, first, first + 2))
    recording = Recording(tmp_path / "r")
    assert len(recording.gaps) == 4999
    assert recording.count == 10_000
    assert np.array_equal(gather(recording.read(0, 2**53))[0] % 4, np.tile([0, 1], 5000))


def test_a_whole_recording_is_still_read_after_all_this(closed):
    recording = Recording(closed)
    assert recording.findings == []
    assert holds_only_its_own(recording)
    assert read_all(recording)[0].tolist() == [*range(24), *range(30, 66)]
