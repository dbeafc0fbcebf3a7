"""The reader of EEMBC traces, against files built from the format's description and damaged in every way."""

from __future__ import annotations

import json
import math
import os
import struct
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from energy.errors import RecordingError
from energy.recording.eembc import read_eembc_trace
from energy.signal import SampleKind, Signal
from tests.recording.support import codes, read_all, refused, same_bits

PUBLISHED_RATE = 1000.0
ODD_RATE = 4882.8125
"""Samples per second of a Keysight N6705 at 204.8 us."""


def pair(
    folder: Path,
    samples=(1.0, 2.0, 3.0),
    stamps: object = (),
    *,
    rate: float = PUBLISHED_RATE,
    version: int = 0xF1,
    text: str | bytes | None = None,
) -> Path:
    """A trace pair as protocols.md 3.6 describes it; ``text`` replaces the file of timestamps."""
    path = folder / "trace1-energy.bin"
    head = bytes([version]) + struct.pack("<f", rate)
    path.write_bytes(head + b"".join(struct.pack("<f", sample) for sample in samples))
    if text is None:
        text = json.dumps(list(stamps))
    beside = folder / "trace1-timestamps.json"
    beside.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("rate", [PUBLISHED_RATE, 1e6, ODD_RATE, 0.5, 1e-30, 1e8])
def test_samples_and_rate_come_back_to_the_bit(tmp_path, rate):
    samples = np.frombuffer(np.random.default_rng(3).bytes(4 * 999), "<f4")
    path = pair(tmp_path, rate=rate)
    path.write_bytes(path.read_bytes()[:5] + samples.tobytes())
    trace = read_eembc_trace(path)
    expected_rate = float(np.float32(rate))
    assert trace.signal == Signal(SampleKind.ENERGY, expected_rate, dtype="float32", energy_unit="uJ")
    assert trace.signal.joule_per_unit == 1e-6
    positions, (back,) = read_all(trace)
    assert same_bits(back, samples)
    assert positions.tolist() == list(range(999))
    assert (trace.first, trace.stop, trace.count) == (0, 999, 999)
    assert trace.findings == []
    assert trace.virtual is False


def test_a_trace_that_was_changed_after_it_was_read_is_read_again(tmp_path):
    path = pair(tmp_path, [1.0] * 100, [])
    trace = read_eembc_trace(path)
    assert read_all(trace)[1][0].tolist() == [1.0] * 100
    data = path.read_bytes()
    path.write_bytes(data[:-40] + struct.pack("<f", 2.0) * 10)
    os.utime(path, ns=(1, 1))
    assert read_all(trace)[1][0].tolist() == [1.0] * 90 + [2.0] * 10
    path.write_bytes(data[:-1])
    with refused("file.changed"):
        read_all(trace)
    path.unlink()
    with refused("file.unreadable"):
        read_all(trace)


def test_timestamps_become_edges_in_the_order_of_the_file(tmp_path):
    path = pair(tmp_path, [1.0] * 100, [0.001, 0.0125, 0.07])
    trace = read_eembc_trace(path)
    assert [edge.position for edge in trace.edges] == [1.0, 12.5, 70.0]
    assert {edge.bound for edge in trace.edges} == {1.0}
    assert trace.findings == []


@settings(deadline=None, max_examples=300)
@given(
    milliseconds=st.lists(st.integers(0, 10**8), max_size=20, unique=True),
    rate=st.sampled_from([1000.0, 10_000.0, 1e6, 2e6, 1e8]),
)
def test_position_over_rate_is_the_float_of_the_text(milliseconds, rate):
    texts = [f"{ms // 1000}.{ms % 1000:03d}" for ms in sorted(milliseconds)]
    with tempfile.TemporaryDirectory() as folder:
        path = pair(Path(folder), rate=rate, text=f"[{', '.join(texts)}]")
        trace = read_eembc_trace(path)
    assert [edge.position / rate for edge in trace.edges] == [float(text) for text in texts]


@settings(deadline=None, max_examples=300)
@given(
    text=st.decimals(0, 10**6, places=6).map(str),
    rate=st.floats(2**-10, 2**26, width=32) | st.sampled_from([ODD_RATE, 1000.0]),
)
def test_at_an_odd_rate_no_other_position_is_nearer_to_the_text(text, rate):
    with tempfile.TemporaryDirectory() as folder:
        (edge,) = read_eembc_trace(pair(Path(folder), rate=rate, text=f"[{text}]")).edges
    seconds, off = float(text), abs(edge.position / rate - float(text))
    for step in (-math.inf, math.inf):
        assert off <= abs(math.nextafter(edge.position, step) / rate - seconds)
    assert off <= math.ulp(seconds)


# -- the file of samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "trace.empty"),
        (b"\xf1", "trace.empty"),
        (b"\xf1\x00\x00\x7a", "trace.empty"),
        (b"\xf1\x00\x00\x7a\x44", "trace.empty"),
        (b"\xf1\x00\x00\x7a\x44\x00\x00\x80", "trace.empty"),
        (b"\xf0\x00\x00\x7a\x44" + bytes(40), "trace.foreign"),
        (b"\xf2\x00\x00\x7a\x44" + bytes(40), "trace.foreign"),
        (bytes(40), "trace.foreign"),
        (b"ARROW1\0\0" + bytes(40), "trace.foreign"),
        (b"PK\x03\x04" + bytes(40), "trace.foreign"),
    ],
    ids=repr,
)
def test_a_file_that_is_no_trace_is_refused(tmp_path, data, code):
    path = pair(tmp_path)
    path.write_bytes(data)
    with refused(code):
        read_eembc_trace(path)


@pytest.mark.parametrize("rate", [math.nan, math.inf, -math.inf, 0.0, -0.0, -1000.0, 1e9, 3e38])
def test_a_rate_that_no_monitor_has_is_refused(tmp_path, rate):
    with refused("trace.rate"):
        read_eembc_trace(pair(tmp_path, rate=rate))


def test_a_trace_cut_at_any_byte_is_refused_or_read_with_a_finding(tmp_path):
    path = pair(tmp_path, [1.0, 2.0, 3.0, 4.0], [0.001])
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        whole, rest = divmod(length - 5, 4)
        if whole < 1:
            with refused("trace.empty"):
                read_eembc_trace(path)
            continue
        trace = read_eembc_trace(path)
        assert read_all(trace)[1][0].tolist() == [1.0, 2.0, 3.0, 4.0][:whole]
        assert codes(trace) == (["trace.truncated"] if rest else [])


def test_nothing_a_folder_and_a_pipe_are_unreadable(tmp_path):
    path = pair(tmp_path)
    for make in (path.unlink, path.mkdir):
        make()
        with refused("file.unreadable"):
            read_eembc_trace(path)
    path.rmdir()
    os.mkfifo(path)
    with refused("file.unreadable"):
        read_eembc_trace(path)


def test_eight_gigabytes_open_at_once_in_no_memory(tmp_path):
    path = pair(tmp_path, stamps=[0.5, 1_999_999.0])
    with path.open("r+b") as file:
        file.truncate(8 * 2**30 + 5)
    begun = time.process_time()
    trace = read_eembc_trace(path)
    assert time.process_time() - begun < 0.5
    assert trace.count == 2 * 2**30
    (block,) = trace.read(2**31 - 100, 2**40)
    assert (block.first, len(block), float(block.columns[0].sum())) == (2**31 - 100, 100, 0.0)
    assert codes(trace) == []


# -- the file of timestamps ----------------------------------------------------------------------------------


def test_missing_timestamps_are_named(tmp_path):
    path = pair(tmp_path)
    (tmp_path / "trace1-timestamps.json").unlink()
    with refused("trace.no-timestamps"):
        read_eembc_trace(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[",
        "[1.0",
        "[1.0,]",
        "[1.0] [2.0]",
        "{}",
        '{"0": 1.0}',
        "1.0",
        "null",
        "true",
        '"1.0"',
        "[true]",
        "[null]",
        '["1.0"]',
        "[[1.0]]",
        "[{}]",
        "[1.0, [2.0, 3.0]]",
        "[NaN]",
        "[Infinity]",
        "[-Infinity]",
        "[1e400]",
        "[-1e400]",
        "[1e1000000]",
        "[1e99999999]",
        "[1e9999999999999999999999]",
        "[1e12]",
        "[1000000000.001]",
        "[" + "9" * 400 + "]",
        "[" + "9" * 100_000 + "]",
        "[1." + "0" * 100_000 + "1e20]",
        "[0x10]",
        "[1,0; 2,0]",
        "[" * 200_000,
        '[{"a":' * 100_000,
        b"\xff\xfe[\x001\x00]\x00",
        b"\xef\xbb\xbf[1.0]",
        b"[1.\xff0]",
        b"\x00" * 100,
    ],
    ids=lambda text: repr(text[:24]),
)
def test_timestamps_that_are_no_array_of_seconds_are_refused(tmp_path, text):
    with pytest.raises(RecordingError) as caught:
        read_eembc_trace(pair(tmp_path, text=text))
    assert caught.value.code == "trace.timestamps"
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize(
    "text", ["[1e-400]", "[1e-9999999]", "[0.000]", "[-0.0]", "[0]", "[0." + "0" * 9000 + "1]"]
)
def test_the_smallest_of_times_are_the_beginning(tmp_path, text):
    (edge,) = read_eembc_trace(pair(tmp_path, text=text)).edges
    assert edge.position == 0.0


def test_no_timestamps_are_no_edges(tmp_path):
    assert read_eembc_trace(pair(tmp_path)).edges == []


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([0.01, 0.02, 0.03], []),
        ([0.02, 0.01], ["edge.unsorted"]),
        ([0.01, 0.01], ["edge.doubled"]),
        ([0.01, 0.02, 0.02, 0.01], ["edge.doubled", "edge.unsorted"]),
        ([-0.001, 0.01], ["edge.negative"]),
        ([0.01, 0.1], []),  # at the very end: the last sample is wholly inside
        ([0.01, 0.101], []),  # known to one sample only
        ([0.01, 0.102], ["edge.past-end"]),
        ([0.01, 999_999_999], ["edge.past-end"]),
        ([999_999_999, 0.01], ["edge.unsorted", "edge.past-end"]),
    ],
)
def test_timestamps_that_cannot_be_are_findings(tmp_path, stamps, expected):
    trace = read_eembc_trace(pair(tmp_path, [1.0] * 100, stamps))
    assert codes(trace) == expected
    assert len(trace.edges) == len(stamps)


def test_findings_about_endless_disorder_are_not_endless(tmp_path):
    trace = read_eembc_trace(pair(tmp_path, text="[" + "0.002,0.001," * 40_000 + "0]"))
    assert len(trace.edges) == 80_001
    assert len(trace.findings) <= 110


def test_a_file_of_timestamps_that_is_too_large_is_refused_at_once(tmp_path):
    path = pair(tmp_path)
    with (tmp_path / "trace1-timestamps.json").open("r+b") as file:
        file.truncate(2**30)
    begun = time.process_time()
    with refused("file.too-large"):
        read_eembc_trace(path)
    assert time.process_time() - begun < 0.5


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=300)
@given(document=json_values)
def test_no_json_whatever_crashes_the_reader(document):
    with tempfile.TemporaryDirectory() as folder:
        path = pair(Path(folder), text=json.dumps(document))
        try:
            trace = read_eembc_trace(path)
        except RecordingError as error:
            event(error.code)
            return
    assert all(type(stamp) in (int, float) for stamp in document)
    assert len(trace.edges) == len(document)


@settings(deadline=None, max_examples=200)
@given(energy=st.binary(max_size=40), stamps=st.binary(max_size=40))
def test_no_bytes_whatever_crash_the_reader(energy, stamps):
    with tempfile.TemporaryDirectory() as folder:
        path = pair(Path(folder), text=stamps)
        for data in (energy, b"\xf1" + energy, b"\xf1\x00\x00\x7a\x44" + energy):
            path.write_bytes(data)
            try:
                trace = read_eembc_trace(path)
            except RecordingError:
                continue
            assert trace.count == (len(data) - 5) // 4
