"""Sessions whose windows or power are not those of the inferences: each ends with its finding or code."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from drivers.dut.twin.dut import DutTwin
from drivers.virtual.boards import Board
from drivers.virtual.world import nanoseconds
from energy.bench.benchfile import bench_of
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import WORKLOADS
from energy.errors import BenchError
from energy.session.outcome import Plan
from energy.session.run import run_session
from energy.window.edges import Marker
from tests.session.support import virtual, watcher
from tests.session.test_clocks import KINDS, bench_for

__all__ = ["watcher"]

LEAD_NS = 300_000_000
TRUE_J = {"ad01": 203.368e-6, "kws01": 1820.454e-6}
"""Energy of an inference as the board's file cites it."""


def shifted(start_s: float, stop_s: float):
    """A firmware that moves its pin early (below 0) or late, in every ``infer``."""

    def infer(self, iterations, warmups):
        number = self.infers
        self.infers += 1
        pattern = self._inferences[number % len(self._inferences)]
        warm, work = warmups * pattern.period_ns, iterations * pattern.period_ns
        hold, after = nanoseconds(self.board.hold_s), self._world.after
        begin = LEAD_NS + warm
        after(begin + round(start_s * 1e9), lambda: self.pin.pulse("start", hold, number))
        after(begin + work + round(stop_s * 1e9), lambda: self.pin.pulse("stop", hold, number))
        yield "idle", self._powers["idle"], LEAD_NS
        self._print(f"m-warmup-start-{warmups}\r\n")
        yield "warm-up", pattern, warm
        self._print(f"m-warmup-done\r\nm-infer-start-{iterations}\r\n")
        yield "inference", pattern, work
        if stop_s > 0:
            yield "idle", self._powers["idle"], round(stop_s * 1e9) + 2 * hold
        self._print(f"m-infer-done\r\n{self._results()}\r\n")

    return infer


def codes(outcome):
    return {finding.code for finding in outcome.findings if finding.severity != "info"}


@pytest.mark.parametrize("name", ["lpm01a", "2461"])
@pytest.mark.parametrize(
    ("start_s", "stop_s"),
    [
        (0.02, 0.0),
        (-0.02, 0.0),
        (0.0, 0.02),
        (0.0, -0.02),
        (0.02, 0.02),
        (-0.06, -0.06),
        (0.2, 0.2),
        (-0.2, -0.2),
    ],
)
def test_edges_that_are_late_or_early_in_every_trial_make_no_valid_session(
    watcher, monkeypatch, name, start_s, stop_s
):
    monkeypatch.setattr(DutTwin, "_infer", shifted(start_s, stop_s))
    outcome = watcher.run(bench_for(KINDS[name], 0.0))
    assert not outcome.valid
    assert codes(outcome) & {"window.edges-shifted", "window.idle-inside"}


def test_an_edge_that_moves_within_the_warm_up_changes_no_energy_and_is_no_finding(watcher, monkeypatch):
    monkeypatch.setattr(DutTwin, "_infer", shifted(-0.02, -0.02))
    outcome = watcher.run(virtual(), "kws01")
    assert outcome.figures.joule_per_inference().median == pytest.approx(TRUE_J["kws01"], rel=3e-4)
    assert outcome.valid


@pytest.mark.parametrize("name", ["lpm01a", "ppk2-source", "2450", "2461", "n6705"])
def test_sound_sessions_of_other_monitors_have_no_finding_about_their_windows(watcher, name):
    outcome = watcher.run(bench_for(KINDS[name], 0.0))
    assert codes(outcome) <= {"session.no-official-files"}
    pilots = watcher.session["pilots"]
    assert pilots[0]["iterations"] == 10
    assert all(pilot["duration_s"] > 0 for pilot in pilots)


def test_a_slow_dut_runs_a_pilot_of_fewer_inferences_for_the_lengths(watcher, monkeypatch):
    slower(monkeypatch, 300)
    outcome = watcher.run(virtual())
    assert outcome.valid, codes(outcome)
    assert [pilot["iterations"] for pilot in watcher.session["pilots"]] == [10, 2]


@pytest.mark.parametrize("faults", [["back-powered"], ["back-powered", "open-supply"]])
@pytest.mark.parametrize("name", ["lpm01a", "ppk2-source", "2461", "ppk2-ampere", "n6705"])
def test_a_dut_that_answers_without_its_supply_is_refused_before_the_first_trial(watcher, name, faults):
    with pytest.raises(BenchError) as caught:
        watcher.run(bench_for(KINDS[name], 0.0, faults=faults))
    assert caught.value.code == "power.back-powered"
    assert "m-name" not in caught.value.message
    assert "USB" in caught.value.hint
    assert watcher.session["trials"] == []
    assert not watcher.worlds[-1].world.supply.on


def test_a_supply_that_is_not_off_though_it_says_so_is_a_warning_where_the_monitor_sees_the_current(watcher):
    bench = bench_for(KINDS["ppk2-ampere"], 0.0, faults=["other-output"])
    document = bench.model_dump(by_alias=True, mode="json")
    document["supply"]["settings"] = {"measure": "MEAS:VOLT?"}  # it is still on then
    outcome = watcher.run(bench_of(document, "test"))
    assert outcome.valid, codes(outcome)
    assert watcher.session["voltage"]["measured_v"] == pytest.approx([1.8] * 7, abs=1e-3)
    (finding,) = [found for found in outcome.findings if found.code == "supply.not-off"]
    assert "It answered" in finding.evidence
    board = watcher.worlds[-1].board.workloads["ad01"]
    assert outcome.figures is not None
    cost = outcome.figures.joule_per_inference()
    assert cost is not None
    assert cost.median == pytest.approx(board.energy_j, rel=2e-3)


@pytest.mark.parametrize("name", ["lpm01a", "2461", "ppk2-source"])
def test_a_dut_that_runs_without_any_current_is_refused_where_its_supply_was_not_seen_off(
    watcher, monkeypatch, name
):
    import energy.session.run

    monkeypatch.setattr(energy.session.run, "unpowered_answer", lambda bench: None)
    with pytest.raises(BenchError) as caught:
        watcher.run(bench_for(KINDS[name], 0.0, faults=["back-powered", "open-supply"]))
    assert caught.value.code == "power.no-current"
    assert watcher.session["trials"] == []


@pytest.mark.parametrize(("line", "count"), [("m-results-[0.5]", 1), ("m-results-[]", 0)])
def test_scores_that_are_missing_or_of_another_number_are_a_finding(watcher, monkeypatch, line, count):
    monkeypatch.setattr(DutTwin, "_results", lambda self: line)
    outcome = watcher.run(virtual(), "kws01")
    found = [finding for finding in outcome.findings if finding.code == "dut.score-count"]
    assert [finding.window for finding in found] == [1, 2, 3, 4, 5]
    assert f"{count} scores in the answer, 12 were expected" in found[0].evidence


@pytest.mark.parametrize("marker", ["high", "low"])
def test_a_pin_that_is_held_during_the_work_is_measured_where_it_is_set(watcher, monkeypatch, marker):
    bench = held_pin(watcher, monkeypatch, marker, "ppk2-source", marker)
    outcome = watcher.run(bench)
    assert codes(outcome) == set()
    assert outcome.figures.joule_per_inference().median == pytest.approx(TRUE_J["ad01"], rel=1e-3)


def test_a_held_pin_that_is_not_set_is_an_error(watcher, monkeypatch):
    with pytest.raises(BenchError) as caught:
        watcher.run(held_pin(watcher, monkeypatch, "high", "ppk2-source", "pulse"))
    assert caught.value.code == "edge.not-seen"


@pytest.mark.parametrize("name", ["lpm01a", "2461", "n6705"])
def test_a_held_pin_is_refused_where_only_falling_edges_are_seen(watcher, monkeypatch, name):
    with pytest.raises(BenchError) as caught:
        watcher.run(held_pin(watcher, monkeypatch, "high", name, "high"))
    assert caught.value.code == "bench.marker"


def held_pin(watcher, monkeypatch, level, name, marker):
    """A bench whose firmware holds its pin at a level during the work, and what its file states."""
    import drivers.virtual.pin as pins

    original = pins.Pin.pulse
    last: dict[str, int] = {}

    def pulse(self, cause, width_ns, infer=None):
        now = self._world.now_ns
        if level == "low":  # low from the start to the stop
            if cause == "start":
                period = watcher.worlds[-1].dut._inferences[infer % 5].period_ns
                original(self, cause, last["iterations"] * period + width_ns, infer)
            elif cause != "stop":
                original(self, cause, width_ns, infer)
        elif cause in ("boot", "stop"):  # high from the start to the stop: low until the next start
            last["fall"] = now
            self._world.falling_ns.append(now)
            self._fall(1 << 61)
        elif cause == "start":
            for lows in _lows(watcher.worlds[-1]):
                lows[-1] = (lows[-1][0], now)

    infer = DutTwin._infer

    def counting(self, iterations, warmups):
        last["iterations"] = iterations
        return infer(self, iterations, warmups)

    monkeypatch.setattr(pins.Pin, "pulse", pulse)
    monkeypatch.setattr(DutTwin, "_infer", counting)
    bench = bench_for(KINDS[name], 0.0)
    return bench.model_copy(update={"dut": bench.dut.model_copy(update={"marker": Marker(marker)})})


def _lows(world):
    return [world.monitor._lows]


@pytest.mark.parametrize(
    ("factor", "code"), [(1.0, None), (1.03, "throughput.apart"), (0.9, "throughput.differs")]
)
def test_throughput_is_compared_with_the_performance_session_that_is_named(
    tmp_path, monkeypatch, factor, code
):
    facts = WORKLOADS["ad01"]
    plan = Plan(virtual(), facts, "performance", synthetic_inputs(facts, 5))
    run_session(plan, tmp_path / "fast", lambda part, doing: None)
    slower(monkeypatch, 1 / factor)
    energy = replace(plan, mode="energy", performance="fast")
    outcome = run_session(energy, tmp_path / "energy", lambda part, doing: None)
    found = [finding for finding in outcome.findings if finding.code.startswith("throughput.")]
    assert [finding.code for finding in found] == ([code] if code else [])
    assert all("session fast" in finding.evidence for finding in found)


def slower(monkeypatch, factor):
    """Inferences that last longer by a factor, at the same power."""
    original = Board.inference

    def stretched(self, workload, deviation=0.0, clock_hz=None):
        pattern = original(self, workload, deviation, clock_hz)
        lengths = [round((stop - start) * factor) for start, stop in pairwise(pattern._times)]
        return type(pattern)(list(zip(lengths, pattern.powers, strict=True)))

    monkeypatch.setattr(Board, "inference", stretched)
