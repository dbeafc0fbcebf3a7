"""Floors: idle, sleep and wake-up in windows of their own, beside the closed form of the virtual board."""

from __future__ import annotations

import json
from typing import Any

import pytest

import energy.session.floors as floors
import joulebench as jb
from drivers.virtual.truth import Point, idle_w, operating_point, sleep_w, wake_up
from energy.bench.benchfile import load_bench
from energy.bench.changes import change_bench
from energy.characterize.plan import load_sweep
from energy.characterize.sweep import open_sweep, run_sweep
from energy.uncertainty.floors import Floor

BOARD = "NUCLEO-L4R5ZI"


def truth(at: Point) -> dict[str, float]:
    wake = wake_up(BOARD, at)
    return {
        "idle_w": idle_w(BOARD, at),
        "sleep_w": sleep_w(BOARD, at),
        "wake_up_j": wake.energy_j,
        "wake_up_s": wake.duration_s,
    }


def measured(name: str, at: Point, tmp_path, **settings: Any) -> jb.EnergySession:
    changes: dict[str, Any] = {"dut.voltage_v": at.voltage_v, "dut.clock_hz": at.clock_hz}
    changes |= {f"virtual.settings.{key}": value for key, value in settings.items()}
    changes["virtual.settings.temperature_c"] = at.temperature_c
    return jb.measure(
        change_bench(load_bench(name), changes), "kws01", floors=True, out=tmp_path, progress=False
    )


def assert_true(found: dict[str, Floor], at: Point, at_most: dict[str, float]) -> None:
    for name, value in truth(at).items():
        budget = found[name].budget
        assert budget is not None
        assert abs(found[name].value - value) <= budget.expanded, name
        assert found[name].value == pytest.approx(value, rel=at_most[name]), name


# A grid of 1 kHz cuts the windows of the wake-ups by up to 1 ms in 49 times 12 ms, of 50 kHz 50 times less.
@pytest.mark.parametrize(
    ("name", "at", "grid"),
    [
        ("virtual", Point(1.8, 120e6, 25.0), 3e-3),
        ("virtual", Point(2.2, 80e6, 50.0), 3e-3),
        ("keithley-2461-virtual", Point(1.5, 48e6, 10.0), 1e-4),
    ],
)
def test_floors_are_those_of_the_closed_form(tmp_path, name, at, grid):
    session = measured(name, at, tmp_path)
    assert session.valid, session.findings
    assert_true(session.floors, at, {"idle_w": 5e-4, "sleep_w": 4e-3, "wake_up_j": grid, "wake_up_s": grid})
    inferences = operating_point(BOARD, "kws01", at)
    net_j = inferences.energy_j - idle_w(BOARD, at) / inferences.throughput_ips
    net = session.net_joule_per_inference
    assert net is not None
    assert abs(net.value - net_j) <= net.expanded
    assert net.value == pytest.approx(net_j, rel=2e-3)
    result = json.loads((session.folder / "result.json").read_text())
    assert {name: floor["value"] for name, floor in result["floors"].items()} == {
        name: floor.value for name, floor in session.floors.items()
    }
    again = jb.integrate(session.folder)
    assert again.joule_per_inference.median == session.figures.joule_per_inference().median
    assert [row.window.number for row in again.windows] == [1, 2, 3, 4, 5]


def test_an_instrument_that_reads_too_much_is_within_the_uncertainty_of_every_floor(tmp_path):
    at = Point(1.8, 120e6, 25.0)
    session = measured("virtual", at, tmp_path, gain=0.019)
    for name, value in truth(at).items():
        floor = session.floors[name]
        assert floor.budget is not None
        assert abs(floor.value - value) <= floor.budget.expanded
        if name != "wake_up_s":
            assert floor.value / value == pytest.approx(1.019, abs=4e-3)


def test_a_firmware_without_the_command_is_a_finding_and_the_rest_is_measured(tmp_path, monkeypatch):
    known = [floor for floor in floors.FLOORS if floor.word == "idle"]
    unknown = [
        floors.FloorCommand("sleep", "doze", 10_000, 1),
        floors.FloorCommand("wake-ups", "doze", 200, 50),
    ]
    monkeypatch.setattr(floors, "FLOORS", (*known, *unknown))
    session = measured("virtual", Point(1.8, 120e6), tmp_path)
    assert session.valid
    found = [finding for finding in session.findings if finding.code == "floors.not-measured"]
    assert len(found) == 1
    assert found[0].evidence.startswith("`doze 10000`: the DUT answered")
    assert list(session.floors) == ["idle_w"]


def test_a_lost_edge_in_a_floor_repeats_that_window(tmp_path):
    # Edge 0 at boot, the verified edge, a pilot and five trials: edge 14 opens the idle window.
    session = measured("virtual", Point(1.8, 120e6), tmp_path, faults=[["missing-edge", {"edge": 14}]])
    assert session.valid
    assert [attempt.trial for attempt in session.rejected] == [6]
    assert_true(
        session.floors,
        Point(1.8, 120e6),
        {"idle_w": 5e-4, "sleep_w": 4e-3, "wake_up_j": 3e-3, "wake_up_s": 3e-3},
    )


def test_floors_of_a_sweep_stand_in_its_table_and_in_its_time(tmp_path):
    plan = {
        "schema": "joulebench.sweep/1",
        "name": "floors",
        "floors": True,
        "axes": {"workload": ["kws01"], "temperature_c": [0.0, 60.0]},
    }
    sweep = load_sweep(plan)
    run = run_sweep(open_sweep(sweep, tmp_path / "out"), lambda done, doing, left_s: None)
    for row, celsius in zip(run.rows, (0.0, 60.0), strict=True):
        assert row["verdict"] == "valid"
        for name, value in truth(Point(1.8, 120e6, celsius)).items():
            assert abs(row[name] - value) <= row[f"{name}_u95"]
        assert row["net_joule_per_inference"] < row["joule_per_inference"]
    assert run.rows[1]["sleep_w"] > 1.5 * run.rows[0]["sleep_w"]  # leakage doubles every 12 K
    taken_s = sum(done.sessions_s for done in run.finished)
    assert type(run.forecast)(sweep).total_s(sweep.points) == pytest.approx(taken_s, rel=0.1)
