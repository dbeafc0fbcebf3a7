"""Sweeps on the virtual bench: the table, failures, hooks, kills, the time that was foretold, the page."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from rich.cells import cell_len

import joulebench as jb
from energy.characterize.forecast import Forecast
from energy.characterize.plan import load_sweep
from energy.characterize.sweep import open_sweep, run_sweep
from energy.cli.layout import drawn
from energy.errors import JoulebenchError, UsageError
from energy.report.sweeps import duration_text, sweep_table
from tests.conftest import ROOT

PAGE = (ROOT / "docs/how-to/sweep.md").read_text(encoding="utf-8")


def plan_of(axes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schema": "joulebench.sweep/1", "name": "test", "axes": {"workload": ["kws01"], **axes}, **more}


def measured(plan: dict[str, Any], folder: Path, *, resume: bool = False, prompt: Any = None) -> Any:
    run = open_sweep(load_sweep(plan), folder, resume=resume)
    return run_sweep(run, lambda done, doing, left_s: None, *([prompt] if prompt else []))


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> jb.Sweep:
    """Clocks and workloads, one of the four points skipped, both modes."""
    folder = tmp_path_factory.mktemp("sweep") / "out"
    plan = plan_of(
        {"workload": ["kws01", "ad01"], "clock_hz": [60e6, 120e6]},
        modes=["performance", "energy"],
        skip="clock_hz > 1e8 and workload == 'ad01'",
    )
    return jb.sweep(plan, out=folder, progress=False)


def test_a_row_holds_what_the_sessions_of_its_point_state(swept):
    frame = swept.to_dataframe()
    assert list(frame["point"]) == [1, 2, 3]
    for _, row in frame.iterrows():
        result = json.loads((swept.folder / row["folder"] / "energy" / "result.json").read_text())
        budget = result["uncertainty"]["joule_per_inference"]
        assert row["joule_per_inference"] == budget["value"]
        assert row["joule_per_inference_u95"] == budget["expanded_uncertainty"]
        assert row["joule_per_inference_k"] == budget["coverage_factor"]
        session = json.loads((swept.folder / row["folder"] / "energy" / "session.json").read_text())
        assert session["bench"]["dut"]["clock_hz"] == row["clock_hz"]
        assert session["workload"] == row["workload"]
        assert session["performance"] == "performance"
        assert (row["verdict"], row["virtual"], row["error"]) == ("valid", True, "")
        assert row["latency_s"] == pytest.approx(1 / row["performance_inferences_per_second"], rel=1e-12)
        assert row["energy_to_performance"] == pytest.approx(1, abs=1e-3)
    assert swept.valid


def test_csv_parquet_and_the_frame_hold_the_same(swept):
    frame = swept.to_dataframe()
    parquet = pd.read_parquet(swept.folder / "table.parquet")
    pd.testing.assert_frame_equal(parquet, frame, check_dtype=False)
    written = pd.read_csv(swept.folder / "table.csv")
    assert list(written.columns) == list(frame.columns)
    numbers = ["voltage_v", "clock_hz", "joule_per_inference", "joule_per_inference_u95", "power_w", "macs"]
    np.testing.assert_array_equal(written[numbers].to_numpy(float), frame[numbers].to_numpy(float))
    about = json.loads(pq.read_schema(swept.folder / "table.parquet").metadata[b"joulebench"])
    assert about["units"]["joule_per_inference_u95"] == "J"
    assert about["plan"]["axes"]["clock_hz"]["values"] == [60e6, 120e6]


def test_labelled_arrays_have_a_dimension_for_each_axis_and_nan_where_a_point_was_skipped(swept):
    arrays = swept.to_xarray()
    cost = arrays.joule_per_inference
    assert (cost.dims, cost.shape, cost.units) == (("workload", "clock_hz"), (2, 2), "J")
    frame = swept.to_dataframe().set_index(["workload", "clock_hz"])
    for (workload, clock_hz), row in frame.iterrows():
        assert float(cost.sel(workload=workload, clock_hz=clock_hz)) == row["joule_per_inference"]
    assert np.isnan(float(cost.sel(workload="ad01", clock_hz=120e6)))
    assert arrays.attrs["virtual"] == "true"


def test_the_lowest_is_the_lowest_of_each_workload(swept):
    frame, best = swept.to_dataframe(), swept.lowest()
    assert list(best["workload"]) == ["kws01", "ad01"]
    for _, row in best.iterrows():
        of_workload = frame[frame["workload"] == row["workload"]]
        assert row["joule_per_inference"] == of_workload["joule_per_inference"].min()


def test_a_notebook_shows_the_table_and_the_lowest_points(swept):
    page = swept._repr_html_()
    assert "VIRTUAL" in page
    assert page.count("<tr") >= 4
    best = swept.lowest().set_index("workload").loc["kws01"]
    assert f"kws01: lowest energy per inference at {best['clock_hz'] / 1e6:.3g}" in page
    points = jb.sweep_points(plan_of({"voltage_v": [1.8, 2.0]}))
    assert "2 points, about" in points._repr_html_()
    assert [point.values["voltage_v"] for point in points.points] == [1.8, 2.0]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_the_table_fits_every_width_with_all_its_numbers(swept, width):
    table = sweep_table(swept.done.rows, swept.done.sweep.plan)
    assert [row[-1] for row in table.rows] == ["valid"] * 3
    lines = [line.text for line in drawn(table, width)]
    assert max(cell_len(line) for line in lines) <= width
    shown = " ".join(lines)
    for cell in (cell for row in table.rows for cell in row[1:]):
        assert all(word in shown for word in cell.split())


def test_the_time_that_was_foretold_is_right_within_ten_percent(swept):
    foretold_s = Forecast(swept.done.sweep).total_s(swept.done.sweep.points)
    taken_s = sum(
        json.loads((swept.folder / f"points/{point.folder}" / mode / "session.json").read_text())["bench_s"]
        for point in swept.done.sweep.points
        for mode in ("performance", "energy")
    )
    assert taken_s > 3 * 110
    assert foretold_s == pytest.approx(taken_s, rel=0.1)


def test_finished_points_correct_the_time_that_is_left():
    sweep = load_sweep(plan_of({"voltage_v": [1.8, 2.0, 2.2]}))
    forecast, points = Forecast(sweep), sweep.points
    before_s = forecast.point_s(points[1])
    forecast.learn(points[0], 2 * before_s)
    assert forecast.point_s(points[1]) == pytest.approx(2 * before_s)
    assert forecast.total_s(points[1:]) == pytest.approx(4 * before_s)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (89, "89 s"),
        (90, "1 min 30 s"),
        (599, "9 min 59 s"),
        (600, "10 min"),
        (11100, "3 h 05 min"),
    ],
)
def test_a_time_is_short_to_read(seconds, text):
    assert duration_text(seconds) == text


def test_waits_are_counted_in_the_time():
    plain = load_sweep(plan_of({"voltage_v": [1.8, 2.0]}))
    waits = {"settle_s": 3, "cool_down_s": 4, "axes": {"voltage_v": {"values": [1.8, 2.0], "settle_s": 5},
             "workload": {"values": ["kws01", "ad01"]}}}  # fmt: skip
    waiting = load_sweep({**plan_of({}), **waits})
    both = load_sweep(plan_of({"voltage_v": [1.8, 2.0], "workload": ["kws01", "ad01"]}))
    assert len(plain.points) == 2
    more_s = Forecast(waiting).total_s(waiting.points) - Forecast(both).total_s(both.points)
    assert more_s == pytest.approx(4 * (3 + 4) + 2 * 5)


def test_longer_windows_and_more_inferences(tmp_path):
    run = measured(plan_of({"window_s": [10.0, 20.0]}), tmp_path / "a")
    lengths = [windows_of(run, number) for number in (1, 2)]
    assert all(10 < window < 11 for window, _ in lengths[0])
    assert all(20 < window < 22 for window, _ in lengths[1])
    counted = measured(plan_of({"iterations": [20, 300]}), tmp_path / "b")
    assert [row["verdict"] for row in counted.rows] == ["failed", "valid"]
    assert "session.window-too-short: 20 inferences take 0.86" in counted.rows[0]["error"]
    assert {count for _, count in windows_of(counted, 2)} == {300}


def windows_of(run: Any, number: int) -> list[tuple[float, int]]:
    """Length and inferences of each window of a point."""
    path = run.folder / f"points/{number:04d}/energy/result.json"
    return [(row["window_s"], row["iterations"]) for row in json.loads(path.read_text())["windows"]]


# --- failures ---------------------------------------------------------------------------------------------


def failing_plan(**more: Any) -> dict[str, Any]:
    """Three points, of which the second asks for a rate that the monitor does not have."""
    return plan_of({"monitor.rate_hz": [1000, 1234, 5000]}, **more)


def test_a_point_that_fails_is_recorded_and_the_sweep_goes_on(tmp_path):
    run = measured(failing_plan(), tmp_path / "out")
    assert [row["verdict"] for row in run.rows] == ["valid", "failed", "valid"]
    assert run.rows[1]["error"].startswith("lpm01a.rate: ")
    assert run.rows[1]["joule_per_inference"] is None
    assert run.finished[1].failures[0]["code"] == "lpm01a.rate"
    assert not run.valid
    assert run.stopped is None


def test_or_it_stops_there_if_the_plan_asks_for_that(tmp_path):
    folder = tmp_path / "out"
    run = measured(failing_plan(on_failure="stop"), folder)
    assert [row["verdict"] for row in run.rows] == ["valid", "failed"]
    assert run.stopped is not None
    assert run.stopped.code == "lpm01a.rate"
    assert [point.number for point in run.left] == [3]
    again = measured(failing_plan(on_failure="stop"), folder, resume=True)
    assert [row["verdict"] for row in again.rows] == ["valid", "failed", "valid"]
    with pytest.raises(JoulebenchError, match="1234") as caught:
        jb.sweep(failing_plan(on_failure="stop"), out=tmp_path / "other", progress=False)
    assert caught.value.code == "lpm01a.rate"


def test_a_point_with_an_invalid_result_says_why(tmp_path):
    faults = [["dropout", {"after_s": 20.0}]]
    run = measured(plan_of({}, set={"virtual.settings": {"faults": faults}}), tmp_path / "out")
    assert run.rows[0]["verdict"] in ("failed", "not valid")
    assert run.rows[0]["error"] or run.rows[0]["findings"]


# --- programs and people ----------------------------------------------------------------------------------


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


def test_a_hook_runs_once_for_each_change_with_the_supply_off_and_its_output_is_kept(tmp_path):
    script(
        tmp_path / "set.py",
        "import sys\nopen('calls.txt', 'a').write(' '.join(sys.argv[1:]) + '\\n')\nprint('ok')",
    )
    text = (
        'schema = "joulebench.sweep/1"\nname = "t"\n[axes]\n'
        'clock_hz = {values = [80e6, 120e6], hook = "./set.py --clock {value} {mode} {workload}"}\n'
        'voltage_v = [1.8, 2.0]\nworkload = ["kws01"]\n'
    )
    (tmp_path / "plan.toml").write_text(text)
    run = open_sweep(load_sweep(tmp_path / "plan.toml"), tmp_path / "out")
    run_sweep(run, lambda done, doing, left_s: None)
    calls = (tmp_path / "calls.txt").read_text().splitlines()
    assert calls == ["--clock 80000000 energy kws01", "--clock 120000000 energy kws01"]
    assert [row["clock_hz"] for row in run.rows] == [80e6, 80e6, 120e6, 120e6]
    assert [len(done.moves) for done in run.finished] == [1, 0, 1, 0]
    assert run.finished[0].moves == [{"axis": "clock_hz", "value": 80e6, "answer": "ok"}]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("import sys; print('no probe'); sys.exit(3)", "status 3: no probe"),
        ("import time; time.sleep(60)", "0.5 s"),
    ],
)
def test_a_hook_that_fails_fails_its_points_and_nothing_is_measured_there(tmp_path, body, named):
    hook = script(tmp_path / "flash.py", body)
    plan = plan_of({"temperature_c": {"values": [0.0, 20.0], "hook": str(hook), "timeout_s": 0.5}})
    run = measured(plan, tmp_path / "out")
    assert [row["verdict"] for row in run.rows] == ["failed", "failed"]
    assert all(done.failures[0]["code"] == "sweep.hook-failed" for done in run.finished)
    assert named in run.rows[0]["error"]
    assert not (run.folder / "points/0001/energy").exists()


def test_a_firmware_is_flashed_for_each_mode_and_its_memory_stands_in_the_row(tmp_path):
    hook = script(
        tmp_path / "flash.py", "import sys; open('flashed.txt', 'a').write(sys.argv[1][-20:] + '\\n')"
    )
    for mode in ("energy", "performance"):
        elf(tmp_path / f"a-{mode}.elf")
    (tmp_path / "plan.toml").write_text(
        'schema = "joulebench.sweep/1"\nname = "t"\nmodes = ["performance", "energy"]\n[axes]\n'
        f'firmware = {{values = ["a-{{mode}}.elf"], hook = "{hook}"}}\nworkload = ["kws01"]\n'
    )
    run = open_sweep(load_sweep(tmp_path / "plan.toml"), tmp_path / "out")
    run_sweep(run, lambda done, doing, left_s: None)
    assert [line.rpartition("/")[2] for line in (tmp_path / "flashed.txt").read_text().splitlines()] == [
        "a-performance.elf",
        "a-energy.elf",
    ]
    assert (run.rows[0]["flash_bytes"], run.rows[0]["ram_bytes"]) == (0x30, 0x18)
    assert run.rows[0]["verdict"] == "valid", run.rows[0]


def elf(path: Path) -> Path:
    """An ELF file of 32-bit sections: .text of 32 bytes, .data of 16, .bss of 8, and a comment of 100."""
    names = b"\0.text\0.data\0.bss\0.comment\0.shstrtab\0"
    loaded = [(1, 1, 6, 0x20), (7, 1, 3, 0x10), (13, 8, 3, 8)]  # name, type, flags, size
    sections = [(0, 0, 0, 0), *loaded, (18, 1, 0, 100), (27, 3, 0, len(names))]
    body = bytes(0x20 + 0x10 + 100) + names
    header = b"\x7fELF\1\1\1" + bytes(9)
    offset = 52
    header += struct.pack(
        "<HHIIIIIHHHHHH", 2, 40, 1, 0, 0, offset + len(body), 0, 52, 0, 0, 40, len(sections), 5
    )
    table, at = b"", offset
    for name, kind, flags, size in sections:
        table += struct.pack("<10I", name, kind, flags, 0, at, size, 0, 0, 1, 0)
        at += size if kind not in (0, 8) else 0
    path.write_bytes(header + body + table)
    return path


def test_a_person_is_asked_for_each_change(tmp_path):
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "done"

    plan = plan_of({"temperature_c": {"values": [10, 30], "prompt": "Set the oven to {value} °C."}})
    run = measured(plan, tmp_path / "out", prompt=answer)
    assert asked == ["Set the oven to 10 °C. Enter when done", "Set the oven to 30 °C. Enter when done"]
    ambient = [
        json.loads((run.folder / f"points/000{n}/energy/session.json").read_text())["ambient_c"]
        for n in (1, 2)
    ]
    assert ambient == [10.0, 30.0]
    alone = measured(plan, tmp_path / "alone")
    assert {row["error"].partition(":")[0] for row in alone.rows} == {"bench.no-operator"}


def test_a_line_for_the_dut_sets_its_clock_and_its_answer_is_kept(tmp_path):
    lefts: list[float] = []
    plan = plan_of({"clock_hz": {"values": [48e6, 120e6], "command": "clock {value}"}})
    sweep = load_sweep(plan)
    run = run_sweep(open_sweep(sweep, tmp_path / "out"), lambda done, doing, left_s: lefts.append(left_s))
    for row, clock_hz in zip(run.rows, (48e6, 120e6), strict=True):
        session = json.loads((run.folder / row["folder"] / "energy/session.json").read_text())
        assert session["dut"]["commands"][0]["sent"] == f"clock {clock_hz:.0f}"
        assert f"{clock_hz:.0f}" in " ".join(session["dut"]["commands"][0]["answer"])
    assert run.rows[0]["inferences_per_second"] < 0.6 * run.rows[1]["inferences_per_second"]
    assert lefts[0] == pytest.approx(Forecast(sweep).total_s(sweep.points))
    assert lefts[-1] < 0.1 * lefts[0]
    refused = measured(plan_of({"clock_hz": {"values": [48e6], "command": "klock {value}"}}), tmp_path / "b")
    assert refused.rows[0]["error"].startswith("dut.error-answer: the DUT answered `klock 48000000`")


def test_accuracy_stands_beside_energy_in_the_row(tmp_path):
    run = measured(plan_of({}, modes=["energy", "accuracy"], limit=4), tmp_path / "out")
    row = run.rows[0]
    scored = json.loads((run.folder / row["folder"] / "accuracy/result.json").read_text())
    assert row["accuracy"] == scored["session"]["value"]
    assert row["accuracy"] is not None
    assert row["joule_per_inference"] is not None
    assert (row["verdict"], "session.subset" in row["findings"]) == ("not valid", True)


# --- kills and resuming -----------------------------------------------------------------------------------

KILLED = """
import sys
from pathlib import Path
import joulebench as jb
jb.sweep(Path(sys.argv[1]), out=sys.argv[2], resume=Path(sys.argv[2]).exists(), progress=False)
"""


def run_and_kill(plan: Path, folder: Path, after_s: float) -> None:
    """Runs a sweep in a process and kills it so long after it has begun."""
    command = [sys.executable, "-c", KILLED, str(plan), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = folder / "points"
    before = len(list(began.glob("*/energy*")))
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as child:
        while len(list(began.glob("*/energy*"))) == before:  # until it measures
            assert child.poll() is None
            time.sleep(0.02)
        time.sleep(after_s)
        child.kill()
        assert child.wait() == -signal.SIGKILL


def test_killed_at_five_moments_and_resumed_it_gives_the_same_table(tmp_path):
    text = (
        'schema = "joulebench.sweep/1"\nname = "killed"\norder = "random"\nseed = 3\n[axes]\n'
        'voltage_v = [1.8, 2.2]\nworkload = ["kws01", "ad01"]\n'
    )
    plan = tmp_path / "plan.toml"
    plan.write_text(text)
    whole = jb.sweep(plan, out=tmp_path / "whole", progress=False)
    rng = np.random.default_rng(7)
    for wait_s in rng.uniform(0.0, 1.5, 5):
        run_and_kill(plan, tmp_path / "killed", float(wait_s))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "killed").glob("points/*/point.json")}
    resumed = jb.sweep(plan, out=tmp_path / "killed", resume=True, progress=False)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    assert (tmp_path / "killed/table.csv").read_bytes() == (tmp_path / "whole/table.csv").read_bytes()
    pd.testing.assert_frame_equal(resumed.to_dataframe(), whole.to_dataframe())
    assert len(list((tmp_path / "killed").glob("points/*/energy-interrupted-*"))) >= 3


def test_ctrl_c_shows_what_is_finished_and_how_to_resume(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'schema = "joulebench.sweep/1"\nname = "t"\n'
        '[axes]\nvoltage_v = [1.8, 2.0, 2.2]\nworkload = ["kws01"]\n'
    )
    words = [sys.executable, "-m", "energy.cli.main", "sweep", str(plan), "--out", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "out/points/0001/point.json").exists():
        assert child.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    try:
        out, err = child.communicate(timeout=3)
    except subprocess.TimeoutExpired:  # Python ignores an interrupt within the callback of a weak reference
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 4, err
    assert "VIRTUAL 1" in out
    assert "kws01: lowest energy per inference at 1.8 V" in out
    assert re.search(
        r"2 points are left; resume with: joulebench sweep .*plan\.toml --out .*out --resume", err
    )
    assert (tmp_path / "out/table.csv").read_text().count("\n") == 2


def test_another_plan_is_not_resumed_and_a_used_folder_is_not_begun_again(tmp_path):
    folder = tmp_path / "out"
    open_sweep(load_sweep(plan_of({"voltage_v": [1.8]})), folder)
    with pytest.raises(UsageError, match=r"plan\.axes") as caught:
        open_sweep(load_sweep(plan_of({"voltage_v": [1.9]})), folder, resume=True)
    assert caught.value.code == "sweep.other-plan"
    with pytest.raises(UsageError, match="not empty") as caught:
        open_sweep(load_sweep(plan_of({"voltage_v": [1.8]})), folder)
    assert caught.value.code == "sweep.folder-used"
    with pytest.raises(UsageError, match="holds no sweep") as caught:
        open_sweep(load_sweep(plan_of({"voltage_v": [1.8]})), tmp_path / "none", resume=True)
    assert caught.value.code == "sweep.no-sweep"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"point": 1}', '{"point": {"number": 9}, "row": {}}'])
def test_a_damaged_point_is_an_error_that_names_its_file(tmp_path, text):
    sweep = load_sweep(plan_of({"voltage_v": [1.8]}))
    open_sweep(sweep, tmp_path / "out")
    (tmp_path / "out/points/0001").mkdir(parents=True)
    (tmp_path / "out/points/0001/point.json").write_text(text)
    with pytest.raises(JoulebenchError, match=r"point\.json") as caught:
        open_sweep(sweep, tmp_path / "out", resume=True)
    assert caught.value.code == "sweep.damaged"


# --- the page ---------------------------------------------------------------------------------------------


def test_the_plan_and_the_lines_of_the_page_give_what_it_shows_as_json(tmp_path):
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    plan, python = (next(text for kind, text in blocks if kind == wanted) for wanted in ("toml", "python"))
    (tmp_path / "plan.toml").write_text(plan)
    sweep = ["joulebench", "sweep", "plan.toml", "--json"]
    assert len(json.loads(ran([*sweep, "--dry-run"], tmp_path))["points"]) == 3
    done = json.loads(ran([*sweep, "--out", "swept"], tmp_path))
    again = json.loads(ran([*sweep, "--out", "swept", "--resume"], tmp_path))
    assert (again["left"], [row["verdict"] for row in again["rows"]]) == (0, ["valid"] * 3)
    assert again["rows"] == done["rows"]
    (tmp_path / "page.py").write_text(python + "assert energy.units == 'J' and len(best) == 1\n")
    ran([sys.executable, "page.py"], tmp_path)


def ran(words: list[str], folder: Path) -> str:
    """What a command prints; it must end with status 0."""
    if words[0] == "joulebench":
        words = [sys.executable, "-m", "energy.cli.main", *words[1:]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=200, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_the_other_plans_of_the_page_are_plans(tmp_path):
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    axes, chamber = (next(b for b in blocks if word in b) for word in ("flash.sh", "[chamber]"))
    script(tmp_path / "flash.sh", "")
    for name in ("reference", "cmsis"):
        elf(tmp_path / f"{name}-energy.elf")
    (tmp_path / "plan.toml").write_text(f'schema = "joulebench.sweep/1"\nname = "page"\n{axes}\n{chamber}')
    assert len(load_sweep(tmp_path / "plan.toml").points) == 3 * 3 * 2 * 3
