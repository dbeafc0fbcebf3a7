"""Board, voltage, clock, monitor and label of a session in every summary; lists of sessions."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import joulebench as jb
from drivers.virtual.truth import Point, operating_point
from tests.cli.test_cli import joulebench

SET = ("--set", "dut.voltage_v=2.7", "--set", "dut.clock_hz=96e6", "--label", "rev B", "--note", "=1+1")
SEEN = ("NUCLEO-L4R5ZI", "2.7 V", "96.00 MHz", "X-NUCLEO-LPM01A", "rev B")
SETUP = {
    "board": "NUCLEO-L4R5ZI",
    "voltage_v": 2.7,
    "clock_hz": 96e6,
    "monitor": "X-NUCLEO-LPM01A",
    "label": "rev B",
    "note": "=1+1",
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """What ``measure`` printed, and its folder."""
    out = tmp_path_factory.mktemp("runs")
    answer = joulebench("measure", "--workload", "ad01", *SET, "--out", out)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout, out


def of_mode(out: Path, mode: str) -> Path:
    (folder,) = out.glob(f"*-ad01-{mode}")
    return folder


def test_the_folders_are_named_by_board_voltage_and_label(measured):
    names = [path.name for path in measured[1].iterdir()]
    assert len(names) == 2
    assert all("-NUCLEO-L4R5ZI-2.7V-rev-B-ad01-" in name for name in names)


@pytest.mark.parametrize("verb", ["measure", "integrate", "validate", "sessions", "page"])
def test_a_summary_shows_the_set_up(measured, verb, tmp_path):
    printed, out = measured
    if verb == "page":
        joulebench("validate", out, "--html", tmp_path / "page.html")
        printed = (tmp_path / "page.html").read_text(encoding="utf-8")
    elif verb != "measure":
        printed = joulebench(verb, out).stdout
    assert [text for text in SEEN if text not in printed] == []


def test_json_of_each_verb_has_the_set_up(measured, tmp_path):
    out = measured[1]
    (trace,) = json.loads(joulebench("integrate", out, "--json").stdout)["traces"]
    assert {name: trace["setup"][name] for name in SETUP} == SETUP
    report = json.loads(joulebench("validate", of_mode(out, "energy"), "--json").stdout)
    run = report["submissions"][0]["benchmarks"][0]["runs"][0]
    assert (run["voltage_v"], run["monitor"]) == (2.7, "X-NUCLEO-LPM01A")
    assert {name: run["setup"][name] for name in SETUP} == SETUP


def test_an_energy_session_names_the_performance_session_before_it(measured, tmp_path):
    out = measured[1]
    performance = of_mode(out, "performance")
    record = json.loads((of_mode(out, "energy") / "session.json").read_text(encoding="utf-8"))
    assert record["performance"] == performance.name
    alone = ("measure", "--workload", "ad01", "--mode", "energy", *SET, "--out", tmp_path)
    assert joulebench(*alone, "--performance", performance).returncode == 0
    record = json.loads((of_mode(tmp_path, "energy") / "session.json").read_text(encoding="utf-8"))
    assert record["performance"] == performance.name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--workload", "kws01"), "workload is ad01, not kws01"),
        (("--workload", "ad01", "--set", "dut.voltage_v=3.0"), "voltage_v is 2.7, not 3.0"),
        (("--workload", "ad01,kws01"), "2 are asked for"),
    ],
)
def test_a_performance_session_of_another_set_up_is_refused(measured, tmp_path, words, said):
    words = ("measure", "--mode", "energy", *words, "--performance", of_mode(measured[1], "performance"))
    answer = joulebench(*words, "--out", tmp_path / "out")
    assert answer.returncode == 2
    assert "usage.performance" in answer.stderr
    assert said in answer.stderr
    assert not (tmp_path / "out").exists()


def test_a_list_of_sessions_has_the_figures_of_each(measured):
    out = measured[1]
    rows = list(csv.DictReader(io.StringIO(joulebench("sessions", out, "--csv").stdout)))
    rows.sort(key=lambda row: row["mode"])
    assert [row["mode"] for row in rows] == ["energy", "performance"]
    energy, performance = rows
    truth = json.loads((of_mode(out, "energy") / "result.json").read_text(encoding="utf-8"))["session"]
    assert float(energy["joule_per_inference"]) == truth["joule_per_inference"]["exact"]["median"]
    slower = operating_point("NUCLEO-L4R5ZI", "ad01", Point(2.7, 96e6))  # than the published 120 MHz
    assert float(performance["inferences_per_second"]) == pytest.approx(slower.throughput_ips, rel=1e-3)
    assert energy["note"] == "'=1+1"  # no formula for a spreadsheet
    assert energy["performance"] == Path(performance["folder"]).name
    document = json.loads(joulebench("sessions", out, "--json").stdout)
    assert document["schema"] == "joulebench.sessions/1"
    assert [session["voltage_v"] for session in document["sessions"]] == [2.7, 2.7]
    frame = jb.sessions(out).to_dataframe()
    assert list(frame["clock_hz"]) == [96e6, 96e6]
    assert list(frame["valid"]) == [True, True]


def test_a_damaged_session_is_listed_with_what_is_wrong(measured, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "session.json").write_text('{"workload": 3}')
    (tmp_path / "failed").mkdir()
    (tmp_path / "failed" / "session.json").write_text(
        '{"workload": "kws01", "mode": "energy", "state": "failed", "error": {"code": "dut.silent"}}'
    )
    printed = joulebench("sessions", tmp_path).stdout
    (row,) = [line for line in printed.splitlines() if line.startswith("failed")]
    assert "no: failed: dut.silent" in row
    assert "workload: Input should be a valid string" in printed
    missing = joulebench("sessions", tmp_path / "nowhere")
    assert missing.returncode == 2
    assert "path.missing" in missing.stderr


def test_a_picture_names_the_set_up(measured):
    title = jb.plot(of_mode(measured[1], "energy")).get_suptitle()
    assert [text for text in SEEN if text not in title] == []


def test_a_change_that_the_bench_file_would_refuse_is_refused(tmp_path):
    answer = joulebench("measure", "--set", "dut.voltage_v=5", "--out", tmp_path / "out")
    assert answer.returncode == 2
    assert "above limits.highest_v of 3.3 V" in answer.stderr
    assert not (tmp_path / "out").exists()


def test_a_new_bench_file_is_that_of_the_monitor_and_names_what_to_fill_in(tmp_path):
    path = tmp_path / "new" / "desk.toml"
    answer = joulebench("init", "--monitor", "ppk2-source", "--out", path)
    assert answer.returncode == 0, answer.stderr
    bench = jb.load_bench(path)
    assert bench.monitor is not None
    assert bench.monitor.driver == "ppk2"
    assert "FILL-IN-DUT" in answer.stdout
    assert f"joulebench doctor --bench {path}" in answer.stdout
    assert joulebench("init", "--monitor", "ppk2-source", "--out", path).returncode == 2  # it is there
    virtual = joulebench("init", "--monitor", "lpm01a-virtual", "--out", tmp_path / "twins.toml")
    assert "fill in" not in virtual.stdout
    assert joulebench("doctor", "--bench", tmp_path / "twins.toml").returncode == 0
    wrong = joulebench("init", "--monitor", "lpm1a", "--out", tmp_path / "x.toml")
    assert (wrong.returncode, "did you mean lpm01a?" in wrong.stderr) == (2, True)
