"""Accuracy sessions as a person runs them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.test_cli import joulebench
from tests.conftest import ROOT

BENCH = """
schema = "joulebench.bench/1"
name = "quick"
virtual = { settings = { baud_model = false } }
dut = { board = "NUCLEO-L4R5ZI", voltage_v = 1.8 }
limits = { highest_v = 3.3, highest_a = 0.05 }
"""


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "bench.toml").write_text(BENCH)
    return tmp_path / "bench.toml"


def test_a_part_of_a_set_ends_with_1_and_says_that_it_is_a_part(bench, tmp_path):
    words = ("measure", "--bench", bench, "--workload", "kws01", "--mode", "accuracy", "--limit", "12")
    answer = joulebench(*words, "--out", tmp_path / "out", "--json")
    assert answer.returncode == 1, answer.stderr
    (session,) = json.loads(answer.stdout)["sessions"]
    assert (session["mode"], session["virtual"], session["valid"]) == ("accuracy", True, False)
    assert (session["session"]["files"], session["session"]["top_1"]) == (12, 1.0)
    table = joulebench(*words, "--out", tmp_path / "two").stdout
    assert "VIRTUAL kws01" in table
    assert "no: a part of the set" in table


def test_a_terminated_session_says_how_to_resume_it_and_is_resumed(bench, tmp_path):
    command = [
        sys.executable,
        "-m",
        "energy.cli.main",
        "measure",
        "--bench",
        str(bench),
        "--workload",
        "kws01",
    ]
    command += ["--mode", "accuracy", "--limit", "400", "--out", str(tmp_path / "out")]
    host = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    answers = []
    while len(answers) < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
        paths = list((tmp_path / "out").glob("*/answers.jsonl"))
        answers = paths[0].read_bytes().splitlines() if paths else []
    host.send_signal(signal.SIGTERM)
    _, errors = host.communicate(timeout=60)
    assert host.returncode == 4, errors
    folder = paths[0].parent
    words = ("measure", "--resume", folder, "--bench", bench)
    assert f"resume with: joulebench {' '.join(map(str, words))}\n" in errors
    had = len(paths[0].read_bytes().splitlines()) - 1
    unnamed = joulebench("measure", "--resume", folder)
    assert unnamed.returncode == 2
    assert "usage.resume-bench" in unnamed.stderr
    assert f"joulebench measure --resume {folder} --bench FILE" in unnamed.stderr
    answer = joulebench(*words, "--json")
    (session,) = json.loads(answer.stdout)["sessions"]
    assert (session["folder"], session["session"]["inferences"]) == (str(folder), 400)
    record = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    assert record["resumed"][0]["answers"] == had < 400
    again = joulebench(*words)
    assert again.returncode == 2
    assert "finished" in again.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--mode", "energy", "--limit", "3"), "usage.limit"),
        (("--mode", "accuracy", "--limit", "0"), "usage.limit"),
        (("--resume", "nowhere"), "usage.resume-bench"),
        (("--resume", "nowhere", "--bench", "virtual"), "session.resume"),
        (("--mode", "accuracy", "--datasets", "nowhere"), "datasets.missing"),
    ],
)
def test_what_makes_no_sense_is_refused(words, code, tmp_path):
    answer = joulebench("measure", "--workload", "kws01", "--out", tmp_path / "out", *words)
    assert answer.returncode == 2
    assert code in answer.stderr
