"""Floors of a DUT on the virtual bench, against its closed form, through the whole of the instruments."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import subprocess
import sys

import pyarrow.parquet
import pytest

import drivers.virtual.bench
import joulebench as jb
from drivers.dut.twin.dut import DutTwin
from drivers.virtual.truth import Point, idle_w, operating_point, sleep_w, wake_up
from energy.bench.benchfile import load_bench
from energy.characterize.battery import Figure, break_even
from energy.characterize.floors import SCHEMA, make_floors_plan, run_floors
from energy.cli.layout import drawn
from energy.cli.main import main
from energy.errors import BenchError, UsageError
from energy.report.floors import floors_table, pause_line
from tests.conftest import ROOT


def measured(tmp_path, bench, **options):
    plan = make_floors_plan(bench, "kws01", **options)
    return run_floors(plan, tmp_path / "floors", lambda part, doing: None)


def truths(board, at):
    wake = wake_up(board, at)
    return {
        "idle": idle_w(board, at),
        "sleep": sleep_w(board, at),
        "wake-up": wake.energy_j,
        "wake-up time": wake.duration_s,
    }


@pytest.mark.parametrize(
    ("board", "at"),
    [("NUCLEO-L4R5ZI", Point(1.8, 120e6)), ("NUCLEO-U575ZI-Q", Point(2.4, 60e6, 45.0))],
)
def test_floors_lie_within_their_uncertainty_of_the_worlds(tmp_path, board, at):
    changes = {"dut.board": board, "dut.voltage_v": at.voltage_v, "dut.clock_hz": at.clock_hz}
    bench = jb.load_bench("virtual", {**changes, "virtual.settings.temperature_c": at.temperature_c})
    outcome = measured(tmp_path, bench, window_s=4.0, wakes=20)
    assert outcome.valid, outcome.findings
    for name, truth in truths(board, at).items():
        floor = outcome.floors[name]
        assert abs(floor.value - truth) <= floor.expanded, (name, floor.value, truth)
        assert floor.expanded <= 0.1 * truth, name
        assert (floor.budget is None) == (name == "wake-up time")
    # And with an inference's figures they say from how long a pause on it should sleep.
    inference = operating_point(board, "kws01", at)
    duty = outcome.duty(Figure(inference.energy_j), Figure(1 / inference.throughput_ips))
    t = truths(board, at)
    pause_s = (t["wake-up"] - t["sleep"] * t["wake-up time"]) / (t["idle"] - t["sleep"])
    assert abs(break_even(duty).value - pause_s) <= break_even(duty).expanded


def test_the_folder_holds_windows_and_figures_and_the_supply_is_off(tmp_path):
    outcome = measured(tmp_path, load_bench("virtual"), window_s=1.0, repeats=2, wakes=5)
    document = json.loads((outcome.folder / "floors.json").read_text(encoding="utf-8"))
    assert (document["schema"], document["state"], document["virtual"]) == (SCHEMA, "finished", True)
    windows = document["windows"]
    assert [(row["standing"], row["milliseconds"], row["count"]) for row in windows[::2]] == [
        ("idle", 250, 1),
        ("idle", 1000, 1),
        ("sleep", 250, 1),
        ("sleep", 1000, 1),
        ("sleep", 200, 5),
    ]
    energies = {(row["standing"], row["milliseconds"], row["repeat"]): row for row in windows}
    few, many = energies["sleep", 1000, 1], energies["sleep", 200, 1]
    wake_j = (many["energy_j"] - few["energy_j"]) / 4
    assert outcome.floors["wake-up"].values[0] == pytest.approx(wake_j, rel=1e-9)
    rows = list(csv.DictReader(io.StringIO((outcome.folder / "floors.csv").read_text(encoding="utf-8"))))
    assert [row["floor"] for row in rows] == ["idle", "sleep", "wake-up", "wake-up time"]
    assert [row["unit"] for row in rows] == ["W", "W", "J", "s"]
    table = pyarrow.parquet.read_table(outcome.folder / "floors.parquet").to_pylist()
    assert [row["value"] for row in table] == [floor.value for floor in outcome.floors.values()]


def test_a_dut_that_wakes_up_for_nothing_has_a_wake_up_that_is_not_resolved(tmp_path, monkeypatch):
    original = drivers.virtual.bench.load_board

    def light(name):
        return dataclasses.replace(original(name), wake_s=1e-6)

    monkeypatch.setattr(drivers.virtual.bench, "load_board", light)
    outcome = measured(tmp_path, load_bench("virtual"), window_s=1.0, wakes=5)
    assert {finding.code for finding in outcome.findings} == {"floors.not-resolved"}
    assert outcome.valid
    assert [finding.evidence.split(":")[0] for finding in outcome.findings] == ["wake-up", "wake-up time"]


def test_a_firmware_that_cannot_stand_still_is_named_and_leaves_its_folder(tmp_path, monkeypatch):
    def unknown(self, command, numbers):
        self._print(f"e-[Unknown command: {command}]\r\n")
        yield from ()

    monkeypatch.setattr(DutTwin, "_stand", unknown)
    with pytest.raises(BenchError) as caught:
        measured(tmp_path, load_bench("virtual"))
    assert caught.value.code == "dut.no-floors"
    document = json.loads((tmp_path / "floors" / "floors.json").read_text(encoding="utf-8"))
    assert (document["state"], document["error"]["code"]) == ("failed", "dut.no-floors")


@pytest.mark.parametrize(
    "options",
    [
        {"window_s": 0.0},
        {"window_s": float("nan")},
        {"repeats": 1},
        {"wakes": 1},
        {"window_s": 0.5, "wakes": 900},
    ],
)
def test_plans_that_cannot_be_are_refused(options):
    with pytest.raises(UsageError) as caught:
        make_floors_plan(load_bench("virtual"), "kws01", **options)
    assert caught.value.code == "usage.floors"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_and_the_line_below_it_state_values_with_uncertainty(tmp_path, width):
    outcome = measured(tmp_path, load_bench("virtual"), window_s=1.0, repeats=2, wakes=5)
    text = "\n".join(line.text for line in drawn(floors_table(outcome), width))
    assert [line.split("  ")[0] for line in text.splitlines()[-4:]] == [
        "power idle",
        "power asleep",
        "energy of a wake-up",
        "time of a wake-up",
    ]
    assert all(" ± " in line for line in text.splitlines()[-4:])
    assert "longer than" in pause_line(outcome)


def test_the_verb_prints_json(tmp_path, capsys):
    arguments = ["floors", "--window", "1", "--repeats", "2", "--wake-ups", "5", "--json", "-q"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == SCHEMA
    assert [floor["floor"] for floor in document["floors"]] == ["idle", "sleep", "wake-up", "wake-up time"]
    assert document["floors"][0]["value"] == pytest.approx(idle_w("NUCLEO-L4R5ZI"), rel=0.01)


def test_the_lines_of_the_page_run(tmp_path):
    page = (ROOT / "docs/how-to/battery.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    options = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 240, "check": True}
    told = subprocess.run([sys.executable, "-c", code], **options).stdout
    assert [row.split()[1] for row in told.splitlines()[:4]] == ["sleep"] * 4
    days = [float(row.split()[2]) for row in told.splitlines()[:4]]
    assert days == sorted(days, reverse=True)
