"""Pins that are held during the work: measured by both edges, and found out where the bench says nothing."""

from __future__ import annotations

import pytest

from energy.bench.changes import change_bench
from energy.benchmark.workloads import WORKLOADS
from energy.doctor.examination import Examination
from energy.doctor.report import Status
from energy.errors import BenchError
from energy.session.record import run_record
from energy.session.record_plan import make_record_plan, replay_bench
from energy.window.edges import Marker
from tests.session.dangers import planted
from tests.session.support import Watcher, watcher

__all__ = ["watcher"]

LEVELS = ("ppk2-source", "ppk2-ampere", "joulescope-js220", "joulescope-js110")
EVENTS = ("lpm01a", "lpm01a-binary", "keithley-2461", "keysight-n6705", "keithley-2450")
AUTORUN = (20, 2.0)
"""Pauses as long as the work: taken for each other, they change the energy by a factor."""


def bench_for(name, *, says="pulse", does, autorun=True):
    bench = planted(name)
    settings = {**bench.virtual.settings, "marker": does, **({"autorun": AUTORUN} if autorun else {})}
    return bench.model_copy(
        update={
            "dut": bench.dut.model_copy(update={"marker": Marker(says)}),
            "virtual": bench.virtual.model_copy(update={"settings": settings}),
        }
    )


def record(tmp_path, bench, **settings):
    plan = make_record_plan(bench, windows=3, iterations=AUTORUN[0], **settings)
    return run_record(plan, tmp_path / "recording", lambda window: None, lambda seconds: None)


@pytest.mark.parametrize("level", ["high", "low"])
@pytest.mark.parametrize("name", LEVELS)
def test_a_held_pin_is_measured_over_its_holds(watcher: Watcher, tmp_path, name, level):
    result = record(tmp_path, bench_for(name, does=level), marker=level)
    assert [finding.code for finding in result.findings] == []
    edges = watcher.edges_s()
    spans = list(zip(edges[::2], edges[1::2], strict=False))[:3]
    assert len(result.windows) == 3
    for figures, (start, stop) in zip(result.windows, spans, strict=True):
        window = figures.window
        truth_j = watcher.truth_j(start, stop)
        assert abs(window.duration_s - (stop - start)) <= 2e-3
        assert abs(figures.energy_j() - truth_j) <= 0.01 * truth_j + window.bounds.position_j
    each, board = result.figures.joule_per_inference(), watcher.worlds[-1].board.workloads["kws01"]
    assert each is not None
    assert each.median == pytest.approx(board.energy_j, rel=0.01)


def test_level_is_another_word_for_high(watcher: Watcher, tmp_path):
    named = change_bench(bench_for("ppk2-source", does="high"), {"dut.marker": "level"})
    assert named.dut.marker is Marker.HIGH
    for bench, options in ((named, {}), (bench_for("ppk2-source", does="high"), {"marker": "level"})):
        result = record(tmp_path / str(len(options)), bench, **options)
        assert [finding.code for finding in result.findings] == []
        assert len(result.windows) == 3


@pytest.mark.parametrize("level", ["high", "low"])
@pytest.mark.parametrize("name", LEVELS)
def test_a_held_pin_that_the_bench_calls_pulses_is_found_out(watcher: Watcher, tmp_path, name, level):
    result = record(tmp_path, bench_for(name, does=level), leading=0)
    assert "edge.long-pulse" in [finding.code for finding in result.findings]


@pytest.mark.parametrize("level", ["high", "low"])
def test_the_other_level_is_found_out_by_the_power(watcher: Watcher, tmp_path, level):
    other = {"high": "low", "low": "high"}[level]
    result = record(tmp_path, bench_for("ppk2-source", does=level), marker=other)
    assert "record.pairing-doubtful" in [finding.code for finding in result.findings]


@pytest.mark.parametrize("name", EVENTS)
def test_a_monitor_that_sees_falling_edges_only_is_refused(watcher: Watcher, tmp_path, name):
    with pytest.raises(BenchError) as caught:
        record(tmp_path, bench_for(name, does="high"), marker="high")
    assert caught.value.code == "bench.marker"
    assert watcher.worlds[-1].world.supply.on_at_ns is None


def test_a_replay_takes_the_marker_of_its_recording(watcher: Watcher, tmp_path):
    first = record(tmp_path, bench_for("ppk2-source", does="high"), marker="high")
    plan = make_record_plan(replay_bench(first.folder, float("inf")), replay=first.folder)
    again = run_record(plan, tmp_path / "replay", lambda window: None, lambda seconds: None)
    assert [one.to_json() for one in again.windows[:3]] == [one.to_json() for one in first.windows]


@pytest.mark.parametrize("level", ["high", "low"])
@pytest.mark.parametrize("name", ["ppk2-source", "joulescope-js220"])
def test_a_session_measures_a_held_pin_as_the_bench_says(watcher: Watcher, name, level):
    outcome = watcher.run(bench_for(name, says=level, does=level, autorun=False), "ad01")
    assert outcome.valid, outcome.findings
    assert outcome.figures is not None
    each, board = outcome.figures.joule_per_inference(), watcher.worlds[-1].board.workloads["ad01"]
    assert each is not None
    assert each.median == pytest.approx(board.energy_j, rel=0.01)


@pytest.mark.parametrize("level", ["high", "low"])
def test_a_session_on_a_bench_that_calls_it_pulses_ends_with_a_code(watcher: Watcher, level):
    with pytest.raises(BenchError) as caught:
        watcher.run(bench_for("ppk2-source", does=level, autorun=False), "ad01")
    assert caught.value.code in ("edge.not-seen", "edge.too-many", "trial.never-valid")


@pytest.mark.parametrize("level", ["high", "low"])
@pytest.mark.parametrize("name", ["ppk2-source", "joulescope-js220"])
def test_the_doctor_measures_a_first_window_of_a_held_pin(tmp_path, name, level):
    bench = bench_for(name, says=level, does=level, autorun=False)
    report = Examination(bench, WORKLOADS["kws01"], tmp_path, write_s=0.01).run()
    assert [remark.code for remark in report.remarks] == []
    assert report.steps["window"].status is Status.OK


@pytest.mark.parametrize("level", ["high", "low"])
def test_the_doctor_names_the_marker_where_a_held_pin_makes_no_pulse(tmp_path, level):
    bench = bench_for("ppk2-source", does=level, autorun=False)
    report = Examination(bench, WORKLOADS["kws01"], tmp_path, write_s=0.01).run()
    assert report.remarks[0].code == "timestamp.missing"
    assert "dut.marker" in report.remarks[0].hint
