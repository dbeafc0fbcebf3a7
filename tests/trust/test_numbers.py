"""Numbers, lines and texts of sizes that no program writes, in the place of those that it does."""

from __future__ import annotations

import json
import re
import struct
from collections import deque

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drivers.dut.driver import SerialDut
from drivers.io_managers.uno import UnoIoManager
from drivers.keithley.tsp import Tsp
from drivers.keithley_2461.gate import Gate
from drivers.links.channel import DirectChannel
from drivers.links.visa_worker import LARGEST_BLOCK, BlockError, VisaWorker, definite_block
from energy.errors import BenchError, RecordingError
from energy.recording.export import export_csv, export_parquet
from energy.recording.imports.given import Given
from energy.recording.imports.opened import open_import
from energy.recording.jsonvalues import parse_json
from energy.recording.limits import MOST_EDGES
from energy.recording.store import Recording
from energy.uncertainty.budget import budget_from_json
from fuzz import seeds
from fuzz.targets import all_targets
from fuzz.wires import Serial, Visa

TARGETS = all_targets()
NUMBER = re.compile(rb"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
NASTY = (b"9" * 5000, b"9" * 400, b"1e999", b"-1", b"nan", b"\xb2", b"1e-400", b"")
SLOW = {"killed": 6, "session": 12, "result": 12, "import-csv": 4, "bench-file": 12, "certificate": 12}
"""How many numbers of a seed are replaced, where a target takes milliseconds; 30 of the others."""
TEXTS = [
    name
    for name, target in TARGETS.items()
    if target.seeds and name != "index" and not any(b"\0\0" in seed for seed in target.seeds)
]


@pytest.mark.parametrize("name", TEXTS)
def test_no_reader_falls_over_a_number(name, tmp_path, monkeypatch):
    for module in ("targets", "files"):
        monkeypatch.setattr(f"fuzz.{module}._FOLDER", tmp_path / "fuzz")
    for seed in TARGETS[name].seeds:
        found = list(NUMBER.finditer(seed))
        most = SLOW.get(name, 30)
        for place in found[:: max(len(found) // most, 1)]:
            for number in NASTY:
                TARGETS[name].run(seed[: place.start()] + number + seed[place.end() :])


# -- wires -----------------------------------------------------------------------------------------------


def dut_answering(*answers: str) -> SerialDut:
    parts = [b"m-timestamp-mode-performance\r\nm-init-done\r\nm-ready\r\n", *(a.encode() for a in answers)]
    return SerialDut(DirectChannel(Serial(b"\xfe".join(parts), speaks=True)))


def refused(call) -> BenchError:
    with pytest.raises(BenchError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("stated", ["999999999999999", "9" * 400])
def test_a_dut_that_states_a_million_million_layers_fills_no_memory(stated):
    lines = f"m-profile-[x]\r\nm-layers-[{stated}]\r\nm-layer-[0,conv,1,2]\r\nm-ready\r\n"
    dut = dut_answering(lines, lines)
    dut.wait_ready(1.0)
    assert refused(dut.layers).code in ("dut.unexpected", "dut.no-layers")


@pytest.mark.parametrize("count", [16, 400, 4000])
def test_a_number_of_hundreds_of_digits_is_no_number_of_a_dut(count):
    laps = f"m-lap-us-1\r\nm-lap-us-{'9' * count}\r\n"
    lines = (
        f"m-warmup-start-10\r\nm-infer-start-70\r\n{laps}m-infer-done\r\nm-results-[0.5,0.5]\r\nm-ready\r\n"
    )
    dut = dut_answering(lines)
    dut.wait_ready(1.0)
    assert refused(lambda: dut.infer(70, 10, 1.0)).code == "dut.unexpected"


@pytest.mark.parametrize("count", [21, 400, 4000])
def test_a_lap_of_hundreds_of_digits_is_no_lap(count):
    data = f"m-lap-us-{'9' * count}\r\nm-lap-tk-{'9' * count}\r\nm-lap-us-77\r\n".encode()
    manager = UnoIoManager(Serial(data, speaks=True), reset_s=0.0)
    assert [lap.own_s for lap in manager.laps()] == [pytest.approx(77e-6)]


def test_a_line_that_comes_at_once_is_divided_as_well():
    link = Serial(b"x" * 10_000 + b"\r\n" + b"y\r\n", speaks=True)
    lines = [line.text for line in link.take_lines()]
    assert lines == ["x" * 4096, "x" * 4096, "x" * 1808, "y"]
    assert link.irregularities["overlong"] == 1


def test_a_state_with_a_superscript_digit_is_no_state():
    answer = "trigger.STATE_WAITING\ttrigger.STATE_EMPTY\t\xb2\n".encode("latin-1")
    gate = Gate(Tsp(Visa(b"\xfe".join([answer, b"0\n"])), "k2461"), "buffer")
    assert refused(gate.stage).code == "k2461.answer"


@pytest.mark.parametrize("message", [b"#", b"", b"#0", b"#x", b"#1", b"#1x", b"#19123", b"1234"])
def test_a_message_that_is_no_block_is_refused(message):
    with pytest.raises(BlockError):
        definite_block(message)
    assert definite_block(b"#13abc\n") == b"abc"


def test_a_block_that_states_gigabytes_is_refused_before_it_is_read(monkeypatch):
    worker = VisaWorker.__new__(VisaWorker)
    worker.raw = True
    given = deque([b"#9", b"999999999"])
    monkeypatch.setattr(worker, "_exactly", lambda count: given.popleft(), raising=False)
    with pytest.raises(BlockError, match="the limit is"):
        worker.read_block()
    assert LARGEST_BLOCK < 999_999_999


# -- documents and files ---------------------------------------------------------------------------------


def budget() -> dict:
    document = json.loads(seeds.document("result.json"))
    return document["uncertainty"]["joule_per_inference"]


def test_a_sound_budget_is_read():
    assert budget_from_json(budget()).u > 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda of: of["terms"].append({**of["terms"][0], "limit": of["terms"][0]["limit"] * 2}),
        lambda of: of["terms"][0].update(sensitivity="1"),
        lambda of: of["terms"][0].update(limit=-1.0),
        lambda of: of["terms"][0].update(divisor=0),
        lambda of: of["terms"][0].update(distribution="<b>"),
        lambda of: of.update(value="1"),
        lambda of: of.update(notes="a note"),
        lambda of: of.update(correlations=[["a", "b", 0.5]]),
        lambda of: of.update(terms={}),
    ],
)
def test_a_budget_that_contradicts_itself_is_damaged(damage):
    document = budget()
    damage(document)
    with pytest.raises((ValueError, TypeError, KeyError)):
        budget_from_json(document)


@pytest.fixture
def exported(tmp_path):
    """A recording as Parquet and CSV."""
    seeds._written(tmp_path / "r")
    export_parquet(Recording(tmp_path / "r"), tmp_path / "a.parquet")
    export_csv(Recording(tmp_path / "r"), tmp_path / "b.csv")
    return tmp_path


def test_a_text_of_a_megabyte_in_every_row_is_refused(exported):
    path = exported / "a.parquet"
    table = pq.read_table(path)
    rows = 100_000
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * (1 << 20)]))
    columns = {"sample": pa.array(range(rows), pa.int64()), "current_a": text}  # 100 GB where it is unpacked
    made = pa.table(columns).replace_schema_metadata(table.schema.metadata)
    pq.write_table(made, path)
    assert path.stat().st_size < 3 << 20
    with pytest.raises(RecordingError, match=r"holds no numbers"):
        open_import(path, Given())


def test_a_column_beside_the_samples_is_not_read(exported):
    path = exported / "a.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("note", pa.array(["=cmd()"] * len(table))), path)
    assert open_import(path, Given()).count == len(table)


def test_edges_without_end_and_a_field_without_end_are_refused(exported):
    path = exported / "b.edges.csv"
    path.write_text("position,bound,kind,source\n" + "1.0,0.5,fall,d7\n" * (MOST_EDGES + 1), encoding="utf-8")
    with pytest.raises(RecordingError, match=r"file\.too-large"):
        open_import(exported / "b.csv", Given())
    path.write_text(f"position,bound,kind,source\n1.0,0.5,fall,{'x' * 200_000}\n", encoding="utf-8")
    with pytest.raises(RecordingError, match=r"trace\.foreign"):
        open_import(exported / "b.csv", Given())


def test_a_sweep_whose_document_has_numbers_for_lists_has_no_points(tmp_path):
    from energy.report.point_sources import sweep_points

    size, data = struct.unpack("<H", seeds.sweep()[:2])[0], seeds.sweep()[2:]
    document = json.loads(data[:size])
    document["plan"]["axes"]["voltage_v"]["values"], document["points"] = 5, 7
    (tmp_path / "sweep.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "table.csv").write_bytes(data[size:])
    assert len(sweep_points(tmp_path, "a sweep", []).points) == 1


def test_the_last_of_two_keys_counts_in_either_parser():
    text = '{"valid": false, "valid": true}'
    assert parse_json(text) == parse_json(text, strict=False) == {"valid": True}
