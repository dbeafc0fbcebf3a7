"""Whole sessions on the virtual bench, compared with its world's truth."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import pairwise

import jsonschema
import pytest

from drivers.dut.twin.dut import DutTwin
from energy.benchmark.workloads import WORKLOADS
from energy.evidence.documents import SCHEMAS, schemas
from energy.evidence.manifest import manifest
from energy.recording.store import Recording
from energy.runs.find import find_traces
from energy.runs.measured import load, measure_run
from energy.session.outcome import Outcome
from energy.window.rules import EnergyRule
from tests.session.support import Watcher, virtual, watcher

__all__ = ["watcher"]


@dataclass(frozen=True)
class Measured:
    """A session that nothing befell, for tests that only look at what it left."""

    watcher: Watcher
    outcome: Outcome


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Measured:
    with pytest.MonkeyPatch.context() as patch:
        watcher = Watcher(patch, tmp_path_factory.mktemp("measured"))
        return Measured(watcher, watcher.run(virtual(), "ad01"))


def true_windows(watcher: Watcher, count: int = 5) -> list[tuple[float, float]]:
    """The last windows of the world: two edges each, the session's trials being the last five commands."""
    edges = watcher.edges_s()[-2 * count :]
    return list(zip(edges[::2], edges[1::2], strict=True))


@pytest.mark.parametrize(("truncate", "allowed"), [(False, 0.0005), (True, 0.001)])
@pytest.mark.parametrize("workload", ["kws01", "ad01"])
def test_energy_agrees_with_the_world_within_digits_and_grid(watcher, workload, truncate, allowed):
    outcome = watcher.run(virtual(ppm=0.0, truncate=truncate), workload)
    assert outcome.valid, outcome.findings
    assert outcome.figures is not None
    for figures, (start, stop) in zip(outcome.figures.windows, true_windows(watcher), strict=True):
        truth = watcher.truth_j(start, stop)
        bound = allowed * truth + figures.window.bounds.position_j
        assert figures.window.bounds.position_j < 0.001 * truth
        assert abs(figures.energy_j() - truth) <= bound
        assert abs(figures.window.duration_s - (stop - start)) <= 1 / figures.window.rate_hz


def test_a_monitor_clock_that_runs_fast_shows_in_the_duration_by_just_that_much(watcher):
    outcome = watcher.run(virtual(ppm=130.0), "ad01")
    assert outcome.figures is not None
    for figures, (start, stop) in zip(outcome.figures.windows, true_windows(watcher), strict=True):
        assert abs(figures.window.duration_s - (stop - start) * (1 + 130e-6)) <= 1 / figures.window.rate_hz
        truth = watcher.truth_j(start, stop)
        assert abs(figures.energy_j() - truth) <= 0.0005 * truth + figures.window.bounds.position_j


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_performance_mode_gives_the_throughput_of_the_board(watcher, workload):
    outcome = watcher.run(virtual(), workload, "performance")
    assert outcome.valid
    assert outcome.throughput is not None
    board = watcher.worlds[-1].board
    assert outcome.throughput.median == pytest.approx(board.workloads[workload].throughput_ips, rel=1e-4)
    assert watcher.session["trials"][0]["start_us"] is not None


def test_windows_last_at_least_ten_seconds_and_ten_inferences_with_little_to_spare(measured):
    outcome = measured.outcome
    for trial in outcome.trials:
        assert trial.iterations >= 10
        assert trial.duration_s is not None
        assert 10.0 <= trial.duration_s < 11.0


def test_a_slow_dut_still_runs_ten_inferences(watcher):
    board = "NUCLEO-L4R5ZI"
    outcome = watcher.run(virtual(board=board), "ic01")
    assert min(trial.iterations for trial in outcome.trials) >= 10
    assert outcome.valid


def test_the_recording_gives_the_session_s_figures_bit_for_bit(measured):
    outcome = measured.outcome
    measured = measure_run(load(outcome.folder)).to_json()
    result = json.loads((outcome.folder / "result.json").read_text(encoding="utf-8"))
    assert measured["windows"] == result["windows"]
    assert measured["session"] == result["session"]


def test_the_official_files_give_the_same_energies_by_the_runner_s_rule(measured):
    outcome = measured.outcome
    assert outcome.figures is not None
    official = measure_run(load(outcome.folder / "mlperf" / "results.json"))
    assert not [f for f in official.all_findings if f.severity != "info"]
    assert official.run.virtual
    for ours, theirs in zip(outcome.figures.windows, official.session.windows, strict=True):
        rule = EnergyRule.MLCOMMONS
        assert theirs.energy_j(rule) == pytest.approx(ours.energy_j(rule), rel=1e-12)


def test_a_session_s_folder_is_one_trace_in_a_tree(measured):
    outcome = measured.outcome
    assert list(find_traces(outcome.folder.parent)) == [outcome.folder]


def test_virtual_is_marked_in_every_document(measured):
    outcome = measured.outcome
    for name in ("session.json", "result.json"):
        assert json.loads((outcome.folder / name).read_text(encoding="utf-8"))["virtual"] is True
    assert Recording(outcome.folder).virtual
    for name in ("results.txt", "log.txt"):
        assert (outcome.folder / "mlperf" / name).read_text(encoding="utf-8").startswith("VIRTUAL")


def test_the_documents_follow_the_schemas_that_are_shipped(measured):
    assert schemas() == {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")}
    outcome = measured.outcome
    for name, schema in (("session.json", "session-1.json"), ("result.json", "result-1.json")):
        document = json.loads((outcome.folder / name).read_text(encoding="utf-8"))
        jsonschema.validate(document, json.loads((SCHEMAS / schema).read_text(encoding="utf-8")))


def test_the_manifest_names_every_file_with_its_hash(measured):
    outcome = measured.outcome
    document = json.loads((outcome.folder / "manifest.json").read_text(encoding="utf-8"))
    assert document["files"] == manifest(outcome.folder)
    assert {"session.json", "result.json", "log.txt", "log.jsonl", "trace.arrow", "edges.jsonl"} <= set(
        document["files"]
    )


def test_the_log_has_every_line_of_every_wire_with_times_that_do_not_go_back(measured):
    outcome = measured.outcome
    lines = [json.loads(line) for line in (outcome.folder / "log.jsonl").read_text().splitlines()]
    assert {line["source"] for line in lines} >= {"io", "monitor"}
    io = [line for line in lines if line["source"] == "io"]
    assert all(earlier["time_s"] <= later["time_s"] for earlier, later in pairwise(io))
    sent = [line["text"] for line in io if line["sent"]]
    assert sent.count(f"dut infer {outcome.trials[0].iterations} 1%") == 5
    assert any(line["text"] == "[dut]: m-infer-done" for line in io)


def test_the_supply_is_off_and_the_record_finished_afterwards(measured):
    assert measured.watcher.states[-1]["supply_on"] is False
    assert measured.watcher.session["state"] == "finished"


def test_two_sessions_in_the_same_virtual_world_give_the_same_figures(watcher, measured):
    first = measured.outcome
    second = watcher.run(virtual(), "ad01")
    assert first.figures is not None
    assert second.figures is not None
    assert first.figures.to_json() == second.figures.to_json()


def test_a_dut_whose_uart_is_faster_than_the_monitor_s_events_does_not_mispair(watcher):
    outcome = watcher.run(virtual(baud_model=False, block_s=0.5), "ad01")
    assert outcome.valid
    assert outcome.figures is not None
    for figures, (start, stop) in zip(outcome.figures.windows, true_windows(watcher), strict=True):
        truth = watcher.truth_j(start, stop)
        assert abs(figures.energy_j() - truth) <= 0.0005 * truth + figures.window.bounds.position_j


def test_a_session_runs_over_sockets_where_there_are_no_ptys(watcher):
    outcome = watcher.run(virtual(transport="socket"), "ad01")
    assert outcome.valid


def test_a_dut_that_has_become_faster_than_its_pilot_gets_more_inferences(watcher, monkeypatch):
    infer = DutTwin._infer

    def faster(self, iterations, warmups):
        if self.infers == 1:  # after the pilot
            figures = self.board.workloads[self.workload]
            quick = replace(figures, throughput_ips=figures.throughput_ips * 1.1)
            board = replace(self.board, workloads={self.workload: quick})
            self._inferences = [board.inference(self.workload)]
        yield from infer(self, iterations, warmups)

    monkeypatch.setattr(DutTwin, "_infer", faster)
    outcome = watcher.run(virtual(), "kws01", "performance")
    assert outcome.valid
    (rejected,) = watcher.session["rejected"]
    assert (rejected["trial"], rejected["attempt"]) == (1, 1)
    assert rejected["findings"][0]["code"] == "window.too-short"
    result = json.loads((outcome.folder / "result.json").read_text(encoding="utf-8"))
    assert result["rejected"] == [rejected]
    trials = watcher.session["trials"]
    assert watcher.session["iterations"] == [trial["iterations"] for trial in trials]
    assert all(10 <= trial["duration_s"] < 10.4 for trial in trials)
