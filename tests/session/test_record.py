"""Recording a DUT that toggles its pin by itself."""

from __future__ import annotations

import pytest

from energy.errors import BenchError
from energy.runs.measured import load, measure_run
from energy.session.record import RecordPlan, run_record
from energy.window.rules import EnergyRule
from tests.session.support import virtual, watcher

__all__ = ["watcher"]

AUTORUN = (40, 0.3)


def record(tmp_path, plan, seen=None):
    windows = [] if seen is None else seen
    return run_record(plan, tmp_path / "recording", windows.append, lambda seconds: None)


def test_windows_come_as_they_close_and_agree_with_the_worlds_truth(watcher, tmp_path):
    seen = []
    result = record(
        tmp_path, RecordPlan(virtual(autorun=AUTORUN, ppm=0.0), windows=3, iterations=40, leading=1), seen
    )
    assert result.ended == "windows"
    assert seen == result.windows
    marks = watcher.edges_s()[1:]  # after the boot's
    spans = list(zip(marks[::2], marks[1::2], strict=False))[: len(seen)]
    for figures, (start, stop) in zip(seen, spans, strict=True):
        window = figures.window
        truth_j = watcher.truth_j(start, stop)
        energy = window.energies[EnergyRule.EXACT].energy_j
        bound = window.bounds.step_j + window.bounds.position_j + 0.0005 * truth_j
        assert abs(energy - truth_j) <= bound
        assert abs(window.duration_s - (stop - start)) <= 2e-3
    assert not watcher.states[-1]["supply_on"]


def test_a_recording_integrates_to_the_same_bits(watcher, tmp_path):
    result = record(tmp_path, RecordPlan(virtual(autorun=AUTORUN), windows=2, iterations=40, leading=1))
    measured = measure_run(load(result.folder), None, lambda done: None)
    again = measured.session.windows[: len(result.windows)]
    assert [one.to_json() for one in again] == [one.to_json() for one in result.windows]


def test_it_ends_after_a_time_and_leading_edges_are_left_out(watcher, tmp_path):
    result = record(tmp_path, RecordPlan(virtual(autorun=AUTORUN), seconds=7.0, leading=3))
    assert result.ended == "time"
    first = result.windows[0].window
    assert first.opening.position > 2000  # the first window of the DUT lies before
    assert result.figures.joule_per_inference() is None  # nobody said how many inferences there are


def test_pauses_that_are_taken_for_windows_are_doubted(watcher, tmp_path):
    plan = RecordPlan(virtual(autorun=AUTORUN), windows=3)  # the boot edge opens the first
    codes = {finding.code for finding in record(tmp_path, plan).findings}
    assert codes == {"record.pairing-doubtful"}
    plan = RecordPlan(virtual(autorun=AUTORUN), windows=3, leading=1)
    assert not run_record(plan, tmp_path / "right", lambda window: None, lambda seconds: None).findings


def test_a_fault_of_the_monitor_ends_it_and_leaves_what_came(watcher, tmp_path):
    bench = virtual(autorun=AUTORUN, faults=[("overcurrent-stop", {"at_s": 6.0})])
    seen = []
    with pytest.raises(BenchError) as caught:
        record(tmp_path, RecordPlan(bench, windows=50), seen)
    assert caught.value.code == "bench.current"
    assert len(seen) >= 1
    assert not watcher.states[-1]["supply_on"]
