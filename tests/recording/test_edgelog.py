"""edges.jsonl: what of a damaged one is read, and that no damaged line goes unnoticed."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.recording.edgelog import EdgeLog, read_edges
from energy.recording.limits import LARGEST_EDGES
from energy.signal import Edge, EdgeKind
from tests.recording.support import refused

GOOD = b'{"position": 12.5, "bound": 0.5, "kind": "fall", "source": "d7"}\n'
EDGE = Edge(12.5, 0.5, EdgeKind.FALL, "d7")


def edges_of(folder: Path, data: bytes):
    (folder / "edges.jsonl").write_bytes(data)
    edges, findings = read_edges(folder)
    return edges, [finding.code for finding in findings]


edges_strategy = st.builds(
    Edge,
    position=st.floats(-(2.0**53), 2.0**53),
    bound=st.floats(0, 2.0**40),
    kind=st.sampled_from(EdgeKind),
    source=st.text(max_size=20),
)


@settings(deadline=None)
@given(edges=st.lists(edges_strategy, max_size=8))
def test_edges_come_back_to_the_bit(edges):
    with tempfile.TemporaryDirectory() as folder:
        log = EdgeLog(Path(folder))
        for edge in edges:
            log.append(edge)
        log.close()
        assert read_edges(Path(folder)) == (edges, [])


def test_a_log_cut_at_any_byte_keeps_every_whole_edge_and_says_what_is_cut(tmp_path):
    data = GOOD * 3
    for length in range(len(data)):
        edges, codes = edges_of(tmp_path, data[:length])
        whole, rest = divmod(length, len(GOOD))
        complete = rest == len(GOOD) - 1  # only the end of the line is missing: the edge is all there
        assert edges == [EDGE] * (whole + complete)
        assert codes == (["recording.edges-incomplete"] if rest and not complete else [])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"garbage",
        b"null",
        b"[]",
        b"12.5",
        b'"text"',
        b"\x00\x00\x00\x00",
        b"\xff\xfe\xfd",
        b'{"position": 1.0}',
        b"{}",
        GOOD.strip() + GOOD.strip(),
        GOOD.strip()[:-1],
        GOOD.strip().replace(b"12.5", b"NaN"),
        GOOD.strip().replace(b"12.5", b"Infinity"),
        GOOD.strip().replace(b"12.5", b"-Infinity"),
        GOOD.strip().replace(b"12.5", b"1e400"),
        GOOD.strip().replace(b"12.5", b"1e300"),
        GOOD.strip().replace(b"12.5", b"9" * 400),
        GOOD.strip().replace(b"12.5", b"9" * 3900),
        GOOD.strip().replace(b"12.5", b"9" * 9000),
        GOOD.strip().replace(b"12.5", b'"12.5"'),
        GOOD.strip().replace(b"12.5", b"true"),
        GOOD.strip().replace(b"12.5", b"null"),
        GOOD.strip().replace(b"12.5", b"[12.5]"),
        GOOD.strip().replace(b": 0.5", b": -0.5"),
        GOOD.strip().replace(b": 0.5", b": NaN"),
        GOOD.strip().replace(b": 0.5", b": 1e300"),
        GOOD.strip().replace(b'"fall"', b'"level"'),
        GOOD.strip().replace(b'"fall"', b'["fall"]'),
        GOOD.strip().replace(b'"fall"', b"{}"),
        GOOD.strip().replace(b'"d7"', b"7"),
        GOOD.strip().replace(b'"d7"', b'{"d7": 7}'),
        b"[" * 3000,
        b"[" * 1_000_000,
        b'{"a":' * 600 + b"1" + b"}" * 600,
        b'{"position": [' + b"0," * 1_000_000 + b"0]}",
    ],
    ids=lambda line: repr(line[:60]),
)
def test_a_damaged_line_is_an_error_and_the_lines_around_it_are_read(tmp_path, line):
    edges, codes = edges_of(tmp_path, GOOD + line + b"\n" + GOOD)
    assert edges == [EDGE, EDGE]
    assert codes == ["recording.edges-damaged"]
    (finding,) = read_edges(tmp_path)[1]
    assert "line 2" in finding.evidence
    assert len(finding.evidence) < 500


@settings(deadline=None, max_examples=300)
@given(data=st.binary(max_size=300), at=st.integers(0, 3 * len(GOOD)))
def test_no_bytes_whatever_crash_the_reader_or_go_unnoticed(data, at):
    whole = GOOD * 3
    with tempfile.TemporaryDirectory() as folder:
        edges, codes = edges_of(Path(folder), whole[:at] + data + whole[at:])
    assert codes or len(edges) >= 3


def test_fields_of_a_later_joulebench_do_not_disturb(tmp_path):
    line = json.dumps({**json.loads(GOOD), "pulse_us": 3.5}).encode() + b"\r\n"
    assert edges_of(tmp_path, line) == ([EDGE], [])


def test_a_file_full_of_garbage_is_given_up_soon(tmp_path):
    begun = time.process_time()
    edges, codes = edges_of(tmp_path, GOOD + b"\n" * 20_000_000)
    assert edges == [EDGE]
    assert set(codes) == {"recording.edges-damaged"}
    assert len(codes) <= 101
    assert time.process_time() - begun < 2


def test_a_missing_log_is_said(tmp_path):
    edges, (finding,) = read_edges(tmp_path)
    assert edges == []
    assert finding.code == "recording.edges-missing"


def test_an_edge_log_that_is_too_large_is_refused_at_once(tmp_path):
    with (tmp_path / "edges.jsonl").open("wb") as file:
        file.truncate(LARGEST_EDGES + 1)
    with refused("file.too-large"):
        read_edges(tmp_path)


def test_a_folder_in_place_of_the_log_is_unreadable(tmp_path):
    (tmp_path / "edges.jsonl").mkdir()
    with refused("file.unreadable"):
        read_edges(tmp_path)
