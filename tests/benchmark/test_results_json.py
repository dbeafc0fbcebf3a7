"""results.json of the MLCommons runner in all modes, and any JSON at all."""

from __future__ import annotations

import json
import os
import random
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.errors import RecordingError
from energy.runs.results_json import (
    parse_results_json,
    read_results_json,
    trials_of,
    usual_trials,
    whole_of,
)

PERFORMANCE = {
    "file": "normal_id_01_00000003_hist_librosa.bin",
    "classes": "2",
    "class": " 0",
    "bytes_to_send": "2560",
    "infer": {
        "start_time": 12974684,
        "end_time": 23520775,
        "results": [11.772],
        "elapsed_time": 10546091,
        "iterations": 2200,
        "warmups": 1,
        "throughput": 208.6080994370331,
    },
    "mode": "p",
}


def test_a_performance_trial_is_read_whole():
    (trial,) = parse_results_json(json.dumps([PERFORMANCE])).trials
    assert (trial.file, trial.label, trial.classes, trial.mode) == (PERFORMANCE["file"], 0, 2, "p")
    assert (trial.scores, trial.iterations, trial.warmups) == ((11.772,), 2200, 1)
    assert (trial.start_us, trial.end_us, trial.elapsed_us) == (12974684, 23520775, 10546091)
    assert (trial.samples, trial.events, trial.streaming, trial.error) == (None, None, None, None)


def test_an_energy_trial_has_edges_voltage_and_the_number_of_samples():
    power = {"samples": [1e-5] * 7, "timestamps": [["00", 2], ["01", 6]], "voltage": 1.8}
    (trial,) = parse_results_json(json.dumps([{"infer": {}, "power": power, "mode": "e"}])).trials
    assert (trial.samples, trial.events, trial.voltage_v) == (7, ((0, 2), (1, 6)), 1.8)


def test_a_streaming_trial_has_detections_instead_of_scores():
    infer = {
        "wav_file": "a.wav",
        "detection_windows": [[1, 2.5]],
        "length_sec": 12.0,
        "detections": [5, 1100],
    }
    duty = {
        "duty_cycle": 0.5,
        "period": 0.02,
        "processing_time": 0.01,
        "start_times_s": [0],
        "stop_times_s": [1],
    }
    (trial,) = parse_results_json(json.dumps([{"infer": infer, "dutycycle": duty}])).trials
    assert trial.scores is None
    assert trial.streaming is not None
    assert (trial.streaming.windows, trial.streaming.detections_ms) == (((1, 2.5),), (5, 1100))
    assert (trial.streaming.starts_s, trial.streaming.stops_s) == ((0,), (1,))


def test_values_of_the_wrong_kind_count_as_missing_and_are_said():
    entry = {
        "file": 7,
        "class": "x",
        "infer": {"results": ["a"], "iterations": 1.5},
        "power": [],
        "error": "error 1",
    }
    document = parse_results_json(json.dumps([entry, entry]))
    trial = document.trials[0]
    assert (trial.file, trial.label, trial.scores, trial.iterations) == (None, None, None, None)
    assert trial.error == "error 1"
    assert [finding.evidence.partition(":")[0] for finding in document.findings] == [
        "class", "file", "iterations", "power", "results",
    ]  # fmt: skip
    assert all(finding.evidence.endswith("2 times such a value") for finding in document.findings)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff", b"[" * 100000, b"[1" + b"0" * 5000 + b"]"])
def test_what_is_no_list_of_trials_is_refused(data):
    with pytest.raises(RecordingError, match=r"results\.foreign"):
        parse_results_json(data)


def test_a_missing_file_is_an_error_with_a_code(tmp_path):
    with pytest.raises(RecordingError, match=r"file\.unreadable"):
        read_results_json(tmp_path / "results.json")


WHOLES = [("7", 7), (" 12 ", 12), (3.0, 3), (True, None), (1e300, None), (10**40, None), ("1e3", None)]


@pytest.mark.parametrize(("value", "number"), [*WHOLES, ("\u0663", None)])
def test_whole_numbers_come_as_text_too(value, number):
    assert whole_of(value) == number


NAMES = (
    "infer power dutycycle file class results detections detection_windows samples timestamps voltage "
    "start_times_s iterations error mode"
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([["00", 3]]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=6)
    ),
    max_leaves=30,
)
FILES = VALUES | VALUES.map(lambda value: [{"infer": value}])


@given(st.binary(max_size=100) | FILES.map(json.dumps))
def test_any_json_gives_trials_or_a_coded_error(data):
    try:
        document = parse_results_json(data)
    except RecordingError as error:
        found = error.code
    else:
        found = "results.foreign"
        for trial in document.trials:
            assert trial.file is None or isinstance(trial.file, str)
            assert trial.scores is None or all(isinstance(score, float) for score in trial.scores)
    assert found == "results.foreign"


USUAL = [
    {
        "file": f"tst_{number}.bin",
        "classes": "12",
        "class": str(number % 12),
        "bytes_to_send": None,
        "stride": None,
        "total_length": None,
        "infer": {
            "start_time": 10 * number,
            "end_time": 10 * number + 7,
            "results": [0.5, number, 1e-300],
            "elapsed_time": 7,
            "total_inferences": 1,
            "iterations": 3,
            "warmups": 0,
        },
        "mode": "a",
    }
    for number in range(5)
]
PIECES = (
    *(
        "NaN",
        "-Infinity",
        "1e400",
        "9" * 30,
        "1" * 400,
        "null",
        "true",
        '"7"',
        '" 7 "',
        '"x"',
        "-5",
        "1.5",
        "7.0",
    ),
    *(
        "[]",
        "{}",
        "-0",
        "1e15",
        "999999999999999",
        '"\\ud800"',
        '"\\u00e9"',
        "01",
        "1.",
        '"é"',
        '"a\tb"',
        "\0",
    ),
    *('"class": 3, ', '"error": "bad", ', '"infer": null, ', '"results": [1, true], ', '"zz": [[1]], '),
    *(
        '"power": {"samples": [1], "timestamps": []}, ',
        '"detections": [1.5], ',
        '"throughput": 5, ',
        "}",
        "]",
        ",",
    ),
)


def test_usual_entries_are_decoded_at_once():
    need("msgspec")
    trials = usual_trials(json.dumps(USUAL).encode())
    assert trials is not None
    assert trials == trials_of(json.loads(json.dumps(USUAL))).trials
    assert (trials[3].label, trials[3].classes, trials[3].scores) == (3, 12, (0.5, 3.0, 1e-300))
    assert [type(score) for score in trials[3].scores or ()] == [float] * 3


def test_entries_of_any_other_kind_are_not_decoded_at_once():
    for changed in (
        {"error": "x"},
        {"power": None},
        {"class": 7},
        {"file": None},
        {"class": "7.5"},
        {"mode": 1},
    ):
        entries = [*USUAL, {**USUAL[0], **changed}]
        assert usual_trials(json.dumps(entries)) is None
    del (lacking := json.loads(json.dumps(USUAL)))[2]["infer"]["iterations"]
    assert usual_trials(json.dumps(lacking)) is None


def test_damaged_entries_are_read_as_by_the_slower_way():
    rng = random.Random(7)
    text = json.dumps(USUAL[:2])
    at_once = 0
    for _ in range(3000):
        damaged = text
        for _ in range(rng.choice((1, 1, 2))):
            start = rng.randrange(len(damaged))
            stop = start + rng.choice((0, 0, 1, 2, 5))
            damaged = damaged[:start] + rng.choice((*PIECES, "", " ", "9", '"')) + damaged[stop:]
        data = damaged.encode()
        usual = usual_trials(data)
        if usual is not None:
            at_once += 1
            slower = trials_of(json.loads(data))
            assert (repr(usual), slower.findings) == (repr(slower.trials), [])
    if find_spec("msgspec"):
        assert at_once > 100


def need(module: str) -> None:
    """Skips the test where an optional module is not installed, but fails it in CI."""
    if find_spec(module) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{module} is not installed")
