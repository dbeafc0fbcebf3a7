"""What the DUT twin answers to inputs: known beforehand."""

from __future__ import annotations

import hashlib
import json
import struct

import pytest

from drivers.dut.twin.answers import Answers
from energy.errors import UsageError


def numbers(line):
    assert line.startswith("m-results-[")
    return [float(text) for text in line[11:-1].split(",")]


def marked(number, label, window=0):
    return struct.pack("<2sIBB", b"jb", number, label, window) + bytes(482)


def test_of_a_marked_set_just_the_asked_share_is_right():
    answers = Answers("kws01", {"right": 0.9})
    right = 0
    for number in range(1000):
        scores = numbers(answers.line(marked(number, number % 12), b""))
        assert len(scores) == 12
        right += scores.index(max(scores)) == number % 12
    assert right == 900


def test_an_anomaly_scores_twelve_and_more_and_a_normal_file_eight():
    answers = Answers("ad01", {"right": 1.0})
    assert [numbers(answers.line(marked(3, 1, window), b"")) for window in (0, 1, 195)] == [
        [12.0],
        [12.125],
        [12.375],
    ]
    assert numbers(answers.line(marked(3, 0), b"")) == [8.0]


def test_a_table_answers_by_the_input_s_digest(tmp_path):
    scores = [0.1, 0.938]
    (tmp_path / "table.json").write_text(json.dumps({hashlib.sha256(b"input").hexdigest(): scores}))
    answers = Answers("vww01", {"table": str(tmp_path / "table.json")})
    assert numbers(answers.line(b"input", b"input")) == scores
    assert numbers(answers.line(b"other", b"other")) != scores


@pytest.mark.parametrize(
    "settings", [{"right": 1.1}, {"right": "all"}, {"top1": 0.9}, {"table": "missing.json"}]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(UsageError, match=r"virtual\.settings"):
        Answers("kws01", settings)
