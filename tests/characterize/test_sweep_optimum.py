"""A sweep finds the optimum of the virtual board, and knows where the board computes wrongly.

``python -m benchmarks.optimum`` does the same for 5 voltages, 4 clocks, 2 workloads and 20 instruments.
"""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.optimum import measured_seed, true_optimum
from drivers.virtual.truth import Point as At
from drivers.virtual.truth import operating_point
from energy.characterize.plan import Point, load_sweep
from energy.characterize.points import Finished
from energy.characterize.same_answers import judged_rows
from energy.characterize.table import lowest

VOLTAGES, CLOCKS = (1.8, 2.2), (24e6, 80e6, 160e6)


def test_the_true_optimum_is_found_and_every_point_is_within_its_uncertainty(tmp_path):
    outcomes = {
        (v, f): operating_point("NUCLEO-L4R5ZI", "kws01", At(v, f)).outcome for v in VOLTAGES for f in CLOCKS
    }
    assert [at for at, outcome in outcomes.items() if outcome == "wrong"] == [(1.8, 160e6)]
    assert true_optimum(VOLTAGES, CLOCKS, ("kws01",)) == {("kws01", 1.8, 80e6)}
    found = measured_seed(1, tmp_path / "sweep", VOLTAGES, CLOCKS, ("kws01",))
    assert (found.points, found.valid, found.within, found.wrong) == (6, 5, 5, 0)
    assert found.optimum
    assert found.foretold == pytest.approx(1, abs=0.1)


def test_an_instrument_beyond_its_specification_is_not_covered_by_the_uncertainty(tmp_path, monkeypatch):
    """The comparison itself: with 6 % of gain, where 2 % are specified, no point may count as right."""
    monkeypatch.setattr("benchmarks.optimum.GAIN", 0.2)
    found = measured_seed(2, tmp_path / "sweep", (2.2,), (80e6,), ("kws01",))  # 18 % of gain
    assert (found.valid, found.within) == (1, 0)


# --- scores -----------------------------------------------------------------------------------------------


def finished(number: int, scores: list[float], verdict: str = "valid", **values: Any) -> Finished:
    row = {"point": number, "workload": "kws01", "verdict": verdict, "findings": "", "error": "",
           "joule_per_inference": float(number)}  # fmt: skip
    return Finished(Point(number, 1, {"workload": "kws01", **values}), row, answers={"energy": [scores]})


def verdicts(*points: Finished) -> list[str]:
    return [row["verdict"] for row in judged_rows(points)]


def test_other_scores_than_most_make_a_point_not_valid_and_it_is_no_optimum():
    right, wrong = [0.1, 0.9], [0.9, 0.1]
    points = [finished(2, right), finished(1, wrong), finished(3, right)]
    rows = judged_rows(points)
    assert [row["point"] for row in rows] == [1, 2, 3]
    assert [row["verdict"] for row in rows] == ["not valid", "valid", "valid"]
    assert rows[0]["error"] == ("sweep.answers-differ: in energy mode; 2 of 3 sessions agree on other scores")
    assert [row["point"] for row in lowest(rows)] == [2]
    assert points[1].row["verdict"] == "valid"  # what was recorded stays as it was


def test_without_a_majority_nothing_shows_who_is_right():
    assert verdicts(finished(1, [0.1]), finished(2, [0.2])) == ["not valid", "not valid"]
    assert verdicts(finished(1, [0.1]), finished(2, [0.1])) == ["valid", "valid"]
    assert verdicts(finished(1, [0.1])) == ["valid"]


def test_another_firmware_may_have_other_scores_and_a_failure_stays_one():
    apart = [finished(n, [float(n // 3)], firmware=f"{n // 3}.elf") for n in (1, 2, 3, 4)]
    assert verdicts(*apart) == ["valid"] * 4
    failed = Finished(
        Point(9, 1, {"workload": "kws01"}),
        {**finished(9, []).row, "verdict": "failed", "error": "dut.silent: x"},
    )
    assert verdicts(finished(1, [0.1]), finished(2, [0.1]), failed) == ["valid", "valid", "failed"]


def test_plans_of_other_kinds_of_values_are_kept_as_they_are():
    plan = {
        "schema": "joulebench.sweep/1",
        "name": "t",
        "axes": {"workload": ["kws01"], "dut.baud": [9600, 115200]},
    }
    assert [load_sweep(plan).bench_at(p).dut.baud for p in load_sweep(plan).points] == [9600, 115200]
