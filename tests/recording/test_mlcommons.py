"""The reader of the MLCommons runner's results.json, against its layout and what may have become of it."""

from __future__ import annotations

import copy
import json
import math
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.errors import RecordingError
from energy.recording.mlcommons import holds_power, read_mlcommons_results
from energy.signal import SampleKind, Signal
from tests.recording.support import codes, read_all, refused

REFUSALS = {"trace.foreign", "trace.no-power", "trace.not-numbers", "trace.empty"}


def trial(samples=(1e-5, 2e-5, 3e-5, 4e-5), marks=(("00", 1), ("01", 3)), **changes):
    """A trial as the runner writes it (mlperf-tiny.md 2; layout seen in the published rounds)."""
    return {
        "file": "tst_000000_Stop_7.bin",
        "classes": "12",
        "class": "7",
        "infer": {"results": [0.1, 0.9], "total_inferences": 1, "iterations": 240, "warmups": 1},
        "power": {
            "samples": list(samples),
            "timestamps": [list(mark) for mark in marks],
            "extracted_power": None,
            "voltage": 3,
        },
        "mode": "e",
    } | changes


def with_power(**changes):
    whole = trial()
    whole["power"] |= changes
    return whole


def results(folder: Path, document: object) -> Path:
    path = folder / "results.json"
    if not isinstance(document, bytes):
        document = json.dumps(document).encode()
    path.write_bytes(document)
    return path


def test_trials_are_read_as_one_trace_one_after_the_other(tmp_path):
    document = [
        trial([1.0, 2.0, 3.0], [("00", 0), ("01", 1), ("02", 3)]),
        trial([], []),
        trial([4.0, 5.5], [("03", 1), ("04", 2)], infer={"iterations": 7}),
    ]
    trace, trials = read_mlcommons_results(results(tmp_path, document))
    assert trace.signal == Signal(SampleKind.ENERGY, 1000.0, dtype="float64", energy_unit="J")
    positions, (samples,) = read_all(trace)
    assert positions.tolist() == [0, 1, 2, 3, 4]
    assert samples.tolist() == [1.0, 2.0, 3.0, 4.0, 5.5]
    assert [edge.position for edge in trace.edges] == [0.0, 1.0, 3.0, 4.0, 5.0]
    assert [one.stop for one in trials] == [3, 3, 5]
    assert [one.iterations for one in trials] == [240, 240, 7]
    assert [one.voltage_v for one in trials] == [3.0, 3.0, 3.0]
    assert trials[0].input_name == "tst_000000_Stop_7.bin"
    assert trace.findings == []
    assert trace.virtual is False


def test_samples_keep_every_bit_of_their_text(tmp_path):
    texts = ["1.579e-05", "0.1", "5e-324", "1.7976931348623157e308", "-0.0", "12345678901234567890", "3"]
    document = json.dumps([trial()]).replace("[1e-05, 2e-05, 3e-05, 4e-05]", f"[{', '.join(texts)}]")
    trace, _ = read_mlcommons_results(results(tmp_path, document.encode()))
    (samples,) = read_all(trace)[1]
    assert samples.tobytes() == np.array([float(text) for text in texts]).tobytes()


def test_lost_samples_stay_lost(tmp_path):
    document = json.dumps([trial([1.0, 2.0, 3.0, 4.0])]).replace("2.0, 3.0, 4.0", "null, NaN, Infinity")
    trace, _ = read_mlcommons_results(results(tmp_path, document.encode()))
    (samples,) = read_all(trace)[1]
    assert samples[0] == 1.0
    assert np.isnan(samples[1:3]).all()
    assert math.isinf(samples[3])
    assert len(samples) == 4


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([], []),
        ([("00", 0), ("01", 4)], []),
        ([("07", 1), ("08", 3)], []),
        ([("00", 1), ("02", 3)], ["edge.count"]),
        ([("01", 1), ("00", 3)], ["edge.count"]),
        ([("00", 1), ("00", 3)], ["edge.count"]),
        ([("00", 3), ("01", 1)], ["edge.unsorted"]),
        ([("00", 2), ("01", 2)], ["edge.doubled"]),
        ([("00", 1), ("01", 5)], ["edge.count"]),
        ([("00", -1), ("01", 3)], ["edge.count"]),
        ([("00", 1), ("01", 2**53)], ["edge.count"]),
    ],
)
def test_events_that_cannot_be_are_findings(tmp_path, marks, expected):
    trace, _ = read_mlcommons_results(results(tmp_path, [trial(marks=marks)]))
    assert codes(trace) == expected
    assert len(trace.edges) == len(marks)


def test_an_event_lost_between_two_trials_is_a_finding(tmp_path):
    document = [trial(marks=[("00", 1), ("01", 3)]), trial(marks=[("03", 1), ("04", 3)])]
    trace, _ = read_mlcommons_results(results(tmp_path, document))
    (finding,) = trace.findings
    assert finding.code == "edge.count"
    assert "1 is followed by 3" in finding.evidence


def test_findings_about_endless_disorder_are_not_endless(tmp_path):
    marks = [(f"{k:02d}", k % 2) for k in range(5000)]
    trace, _ = read_mlcommons_results(results(tmp_path, [trial(marks=marks)]))
    assert len(trace.edges) == 5000
    assert len(trace.findings) <= 110


@pytest.mark.parametrize(
    "document", [[{"file": "x", "infer": {}}], [trial(power=None)], [trial(), trial(power=None)]]
)
def test_a_run_without_power_is_named_as_that(tmp_path, document):
    with refused("trace.no-power"):
        read_mlcommons_results(results(tmp_path, document))


@pytest.mark.parametrize("document", [[], [trial([], [])], [trial([], [])] * 3])
def test_a_run_without_samples_is_empty(tmp_path, document):
    with refused("trace.empty"):
        read_mlcommons_results(results(tmp_path, document))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"[",
        b"]",
        b"null",
        b"7",
        b'"power"',
        b"{}",
        b"[7]",
        b'["power"]',
        b"[null]",
        b"[[]]",
        b"[" * 300_000,
        b'{"power":' * 300_000,
        b"\x00\x01\x02",
        b"\xff\xfe\x00",
        json.dumps([trial()]).encode()[:-10],
        b'[{"power": {"samples": [' + b"9" * 5000 + b"]}}]",
        {"power": trial()["power"]},
        [trial(power=[])],
        [trial(power=7)],
        [trial(power="power")],
        [trial(power={})],
        [trial(power={"samples": [1.0]})],
        [trial(power={"timestamps": []})],
        *([with_power(samples=samples)] for samples in (None, 7, 1.5, True, "", "1234", {}, {"0": 1.0})),
        *(
            [with_power(timestamps=marks)]
            for marks in (
                None,
                7,
                "0123",
                {},
                {"00": 1},
                [1],
                ["00"],
                [["00"]],
                [["00", 1, 2]],
                [["00", None]],
                [["00", "1"]],
                [["00", 1.0]],
                [["00", True]],
                [["00", math.nan]],
                [["00", math.inf]],
                [["00", [1]]],
                [["00", 2**53 + 1]],
                [["00", 10**400]],
                [["00", -(10**400)]],
                [[None, 1]],
                [[0, 1]],
                [[1.5, 1]],
                [[True, 1]],
                [[math.nan, 1]],
                [[math.inf, 1]],
                [["", 1]],
                [["x", 1]],
                [["-1", 1]],
                [["1_0", 1]],
                [["²", 1]],
                [["1e3", 1]],
                [["9" * 5000, 1]],
                [[["00"], 1]],
            )
        ),
    ],
    ids=lambda document: str(document)[:80],
)
def test_what_is_not_laid_out_like_the_runners_is_foreign(tmp_path, document):
    with pytest.raises(RecordingError) as caught:
        read_mlcommons_results(results(tmp_path, document))
    assert caught.value.code == "trace.foreign"
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize(
    "sample", ["1.0", True, False, [1.0], {}, 10**400, -(10**4000), ""], ids=lambda sample: str(sample)[:20]
)
def test_what_is_no_number_among_the_samples_is_refused(tmp_path, sample):
    with refused("trace.not-numbers"):
        read_mlcommons_results(results(tmp_path, [trial([1.0, sample, 2.0])]))


@pytest.mark.parametrize(
    "iterations", [None, 0, -5, 1.5, True, "240", [240], {}, 10**400, math.nan, math.inf]
)
def test_iterations_that_are_no_count_are_unknown(tmp_path, iterations):
    _, (one,) = read_mlcommons_results(results(tmp_path, [trial(infer={"iterations": iterations})]))
    assert one.iterations is None


@pytest.mark.parametrize("infer", [None, [], 7, "x", {}])
def test_a_trial_without_iterations_is_read_without_them(tmp_path, infer):
    _, (one,) = read_mlcommons_results(results(tmp_path, [trial(infer=infer)]))
    assert one.iterations is None


@pytest.mark.parametrize(
    ("voltage", "expected"),
    [
        (3, 3.0),
        (1.8, 1.8),
        (None, None),
        ("3", None),
        (True, None),
        (math.nan, None),
        (10**400, None),
        ([3], None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_voltage_is_a_number_or_unknown(tmp_path, voltage, expected):
    _, (one,) = read_mlcommons_results(results(tmp_path, [with_power(voltage=voltage)]))
    assert one.voltage_v == expected


def test_a_results_json_that_is_too_large_is_refused_at_once(tmp_path):
    path = results(tmp_path, [trial()])
    os.truncate(path, 600 * 2**20)
    begun = time.process_time()
    with refused("file.too-large"):
        read_mlcommons_results(path)
    assert time.process_time() - begun < 0.5


def test_nothing_a_folder_and_a_pipe_are_unreadable(tmp_path):
    path = tmp_path / "results.json"
    os.mkfifo(tmp_path / "pipe")
    for unreadable in (path, tmp_path, tmp_path / "pipe"):
        for reader in (read_mlcommons_results, holds_power):
            with refused("file.unreadable"):
                reader(unreadable)


def test_a_results_json_of_an_energy_run_is_told_from_its_beginning(tmp_path):
    assert holds_power(results(tmp_path, [trial()]))
    assert not holds_power(results(tmp_path, [{"file": "x", "infer": {}}]))
    assert not holds_power(results(tmp_path, b""))


scalars = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    (),
    (0,),
    (0, "power"),
    (0, "power", "samples"),
    (0, "power", "samples", 1),
    (0, "power", "timestamps"),
    (0, "power", "timestamps", 0),
    (0, "power", "timestamps", 0, 0),
    (0, "power", "timestamps", 0, 1),
    (0, "power", "voltage"),
    (0, "infer"),
    (0, "infer", "iterations"),
    (0, "file"),
]


@settings(deadline=None, max_examples=400)
@given(place=st.sampled_from(PLACES), value=json_values)
def test_no_value_in_any_place_crashes_the_reader(place, value):
    document = [copy.deepcopy(trial())]
    if place:
        inner = document
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value
    else:
        document = value
    with tempfile.TemporaryDirectory() as folder:
        path = results(Path(folder), document)
        try:
            trace, trials = read_mlcommons_results(path)
        except RecordingError as error:
            code = error.code
        else:
            code = ""
            assert trace.count == trials[-1].stop == len(document[0]["power"]["samples"])
            assert len(trace.edges) == len(document[0]["power"]["timestamps"])
    assert code in {"", *REFUSALS}


def test_a_results_json_cut_at_any_byte_is_refused(tmp_path):
    data = json.dumps([trial(), trial(marks=[("02", 1), ("03", 3)])]).encode()
    for length in range(len(data)):
        with refused("trace.foreign"):
            read_mlcommons_results(results(tmp_path, data[:length]))
