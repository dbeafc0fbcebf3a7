"""``joulebench doctor`` as a person runs it: its words and its exit status."""

from __future__ import annotations

import json
import zipfile

import pytest

from tests.cli.test_cli import joulebench


@pytest.fixture
def bench(tmp_path):
    def write(faults: str):
        path = tmp_path / "bench.toml"
        path.write_text(
            f"""
            schema = "joulebench.bench/1"
            name = "planted"
            virtual = {{ settings = {{ faults = {faults} }} }}
            dut = {{ board = "NUCLEO-L4R5ZI", voltage_v = 1.8 }}
            limits = {{ highest_v = 3.3, highest_a = 0.05 }}
            monitor = {{ driver = "lpm01a", port = "virtual" }}
            io_manager = {{ driver = "uno", port = "virtual" }}
            """
        )
        return path

    return write


def test_a_bench_that_works_is_said_to_and_is_marked_virtual(tmp_path):
    answer = joulebench("doctor", "--workload", "ad01", "--out", tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "VIRTUAL" in answer.stdout
    assert "first window, not a result" in answer.stdout
    assert "The bench works." in answer.stdout
    assert not [line for line in answer.stdout.splitlines() if line.startswith(("failed", "warning"))]


def test_a_bench_that_does_not_work_ends_with_what_to_do_next_and_status_3(bench, tmp_path):
    path = bench('["open-supply"]')
    answer = joulebench(
        "doctor", "--bench", path, "--workload", "ad01", "--out", tmp_path, "--bundle", tmp_path / "b.zip"
    )
    assert answer.returncode == 3
    lines = answer.stdout.splitlines()
    assert [line for line in lines if line.startswith("failed")] == ["failed   supply on: the DUT boots"]
    assert any(line.startswith("skipped") and "first window" in line for line in lines)
    last = answer.stdout.split("What to do next")[1]
    assert "CN14" in last
    assert "(power.open-supply)" in last
    with zipfile.ZipFile(tmp_path / "b.zip") as bundle:
        assert "pwr on" in bundle.read("transcript.txt").decode()
        assert bundle.read("bench.toml").decode() == path.read_text()


def test_the_report_as_json_has_every_step_with_its_status(bench, tmp_path):
    answer = joulebench(
        "doctor", "--bench", bench('["silent-io"]'), "--workload", "ad01", "--out", tmp_path, "--json"
    )
    assert answer.returncode == 3
    report = json.loads(answer.stdout)
    assert report["schema"] == "joulebench.doctor/1"
    assert report["status"] == "failed"
    states = {step["name"]: step["status"] for step in report["steps"]}
    assert states["bench"] == "ok"
    assert states["instruments"] == "failed"
    assert states["window"] == "skipped"
    assert len(states) == 12


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--workload", "kws99"), "usage.workload"), (("--bench", "no.toml"), "bench.missing")],
)
def test_doctor_refuses_what_it_does_not_know(words, code, tmp_path):
    answer = joulebench("doctor", "--out", tmp_path, *words)
    assert answer.returncode == 2
    assert code in answer.stdout + answer.stderr
