"""The real LoadGen as the sender of queries: in real time on the virtual bench, and when something fails."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import replace

import pytest

import drivers.virtual.environment
from drivers.virtual.remote import RemoteBench
from energy.characterize import scenario_plan
from energy.characterize.scenario_loadgen import SUMMARY_NAME, LoadGenSender
from energy.characterize.scenario_plan import LABEL, make_scenario_plan
from energy.characterize.scenarios import SCENARIO_NAME, ScenarioOutcome, run_scenario
from energy.errors import BenchError, JoulebenchError, UsageError
from tests.conftest import machine
from tests.session.support import virtual
from tests.stalls import Stalls, unless_stalled

pytest.importorskip("mlperf_loadgen", reason="the extra loadgen is not installed")

ASKED = {
    "single-stream": {"queries": 24, "percentile": 0.75},
    "multiple-stream": {"queries": 24, "percentile": 0.75, "samples_per_query": 4},
    "server": {"queries": 24, "percentile": 0.75, "rate_hz": 2.5, "latency_bound_s": 3.0},
    "offline": {"queries": 150},
}
"""Short runs, each with as many queries as LoadGen's early stopping asks for."""


class Worlds:
    """What the world of the last bench in real time knows: true edges, and the energy between them."""

    def __init__(self, monkeypatch) -> None:
        self.edges_s: list[float] = []
        self.energy_j = 0.0
        self.count = 0
        worlds = self

        class Watched(RemoteBench):
            def close(self) -> None:
                if self.process.poll() is None and self.world.request({"op": "edges"})["falling_s"]:
                    edges = self.world.request({"op": "edges"})["falling_s"][-worlds.count :]
                    request = {"op": "truth", "start_s": edges[0], "stop_s": edges[-1]}
                    worlds.edges_s, worlds.energy_j = edges, self.world.request(request)["energy_j"]
                super().close()

        monkeypatch.setattr(drivers.virtual.environment, "RemoteBench", Watched)


@pytest.mark.clock
@pytest.mark.parametrize("scenario", ASKED)
def test_loadgen_finds_a_run_in_real_time_valid(scenario, tmp_path, monkeypatch):
    worlds = Worlds(monkeypatch)
    folders = (tmp_path / str(number) for number in itertools.count())
    plan = make_scenario_plan(virtual(pace=1.0), "kws01", scenario, **ASKED[scenario])
    assert plan.arrivals == "loadgen"

    def attempt(stalls: Stalls) -> None:
        worlds.count = 4 if scenario == "offline" else 2 * plan.load.queries + 2
        try:
            outcome = run_scenario(plan, next(folders), lambda part, doing: None)
        except BenchError as error:  # such as an answer that the machine had no time for
            raise AssertionError(f"{error}, the machine had stalled for {stalls.late_s:.1f} s") from error
        check(outcome)

    def check(outcome: ScenarioOutcome) -> None:
        assert outcome.valid
        (run,) = outcome.figures.runs
        assert len(run.queries) == (1 if scenario == "offline" else plan.load.queries)
        log = (outcome.folder / run.loadgen["logs"] / SUMMARY_NAME).read_text(encoding="utf-8")
        assert "Result is : VALID" in log
        assert run.loadgen["valid"] is True
        assert run.counted == (150 if scenario == "offline" else 24)
        assert run.joule_per_query == pytest.approx(worlds.energy_j / run.counted, rel=1e-3)
        # Two clocks: the monitor's, and that of the host, which LoadGen has, too.
        assert run.window_s == pytest.approx(worlds.edges_s[-1] - worlds.edges_s[0], rel=1e-3)
        # A query is answered when the DUT's answer has come, and LoadGen's latency begins before it is asked.
        for query in run.queries:
            assert query.latency_s >= query.service_s - 1e-3
        if scenario == "server":
            assert run.rate_hz == pytest.approx(2.5, rel=0.5)
        elif scenario != "offline":
            spent_s = sum(query.latency_s for query in run.queries)
            assert spent_s == pytest.approx(run.window_s, rel=0.15)

    with machine(alone=True):
        unless_stalled(attempt, tries=3)


def on_a_virtual_clock(folder, **settings) -> ScenarioOutcome:
    """LoadGen in real time on a bench that is as fast as it can be: latencies mean nothing there."""
    plan = make_scenario_plan(virtual(**settings), "ad01", "single-stream", queries=40, percentile=0.75)
    return run_scenario(replace(plan, arrivals="loadgen"), folder, lambda part, doing: None)


def test_a_bench_that_fails_ends_loadgen_at_once(tmp_path, monkeypatch):
    started: list[LoadGenSender] = []
    processes = []
    opened = LoadGenSender.open

    def note(self: LoadGenSender, load) -> None:
        opened(self, load)
        started.append(self)
        processes.append(self._process)

    monkeypatch.setattr(LoadGenSender, "open", note)
    with pytest.raises(JoulebenchError) as caught:
        on_a_virtual_clock(tmp_path / "run", faults=[["brown-out", {"infer": 15}]])
    assert caught.value.code.startswith("dut.")
    assert len(started) == 1
    assert processes[0].poll() is not None
    document = json.loads((tmp_path / "run" / SCENARIO_NAME).read_text(encoding="utf-8"))
    assert document["state"] == "failed"


def test_loadgen_that_dies_is_named_with_its_logs(tmp_path, monkeypatch):
    opened = LoadGenSender.open

    def kill(self: LoadGenSender, load) -> None:
        opened(self, load)
        self._process.kill()

    monkeypatch.setattr(LoadGenSender, "open", kill)
    began = time.monotonic()
    with pytest.raises(BenchError) as caught:
        on_a_virtual_clock(tmp_path / "run")
    assert caught.value.code == "scenario.loadgen"
    assert "loadgen/run-1" in caught.value.hint
    assert time.monotonic() - began < 120


def test_a_run_of_loadgen_keeps_its_logs_and_figures(tmp_path):
    outcome = on_a_virtual_clock(tmp_path / "run")
    (run,) = outcome.figures.runs
    assert run.loadgen["logs"] == "loadgen/run-1"
    assert run.loadgen["results"]["result_query_count"] == 40
    assert run.loadgen["version"]
    document = json.loads((outcome.folder / SCENARIO_NAME).read_text(encoding="utf-8"))
    assert document["scenario"]["arrivals"] == "loadgen"
    assert document["label"] == LABEL
    theirs = run.loadgen["results"]["result_90.00_percentile_latency_ns"] * 1e-9
    assert run.latency_s(0.9) == pytest.approx(theirs, abs=1e-9)


def test_without_loadgen_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(scenario_plan, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        make_scenario_plan(virtual(pace=1.0), "ad01", "offline")
    assert caught.value.code == "scenario.no-loadgen"
    assert "joulebench[loadgen]" in caught.value.hint
    assert make_scenario_plan(virtual(pace=1.0), "ad01", "offline", arrivals="own").arrivals == "own"
