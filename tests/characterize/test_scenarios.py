"""The four scenarios on the virtual clock: energy beside the world's, latency beside queueing theory."""

from __future__ import annotations

import csv
import json
import statistics

import numpy as np
import pyarrow.parquet
import pytest

import joulebench as jb
from drivers.virtual.truth import idle_w, operating_point
from energy.bench.benchfile import BenchFile, load_bench
from energy.characterize.arrivals import Load, percentile_of, poisson_arrivals, waiting_line
from energy.characterize.scenario_plan import LABEL, make_scenario_plan
from energy.characterize.scenarios import SCENARIO_NAME, SCHEMA, ScenarioOutcome, run_scenario
from energy.cli.layout import drawn
from energy.cli.main import main
from energy.errors import BenchError, TimingError, UsageError
from energy.report.figures.scenarios import draw_scenario
from energy.report.scenarios import scenario_lines, scenario_table, scenario_title
from tests.characterize.test_scenario_arrivals import highest_rate
from tests.report.boxes import assert_readable
from tests.report.traces import EVERY_WIDTH
from tests.session.support import Watcher, virtual, watcher

__all__ = ["watcher"]
BOARD = "NUCLEO-L4R5ZI"


def measure(folder, scenario: str, bench: BenchFile | None = None, **asked) -> ScenarioOutcome:
    workload = asked.pop("workload", "ad01")
    plan = make_scenario_plan(bench or load_bench("virtual"), workload, scenario, **asked)
    return run_scenario(plan, folder / scenario, lambda part, doing: None)


def marks_s(watcher: Watcher, count: int) -> list[float]:
    """True times of a run's marks: the last so many edges of the world."""
    edges = watcher.edges_s()[-count:]
    assert len(edges) == count
    return edges


@pytest.mark.parametrize(
    ("scenario", "asked", "queries", "samples"),
    [
        ("single-stream", {"queries": 30}, 30, 30),
        ("multiple-stream", {"queries": 8, "samples_per_query": 5}, 8, 40),
        ("server", {"queries": 40, "rate_hz": 3.0}, 40, 40),
        ("offline", {"queries": 120}, 1, 120),
    ],
)
def test_energy_per_query_is_the_worlds(scenario, asked, queries, samples, watcher, tmp_path):
    outcome = measure(tmp_path, scenario, **asked)
    assert outcome.valid
    assert outcome.findings == ()
    (run,) = outcome.figures.runs
    assert (len(run.queries), run.samples) == (queries, samples)
    start_s, *_, stop_s = marks_s(watcher, 2 * queries + 2)
    true_j = watcher.truth_j(start_s, stop_s)
    counted = samples if scenario == "offline" else queries
    assert run.joule_per_query == pytest.approx(true_j / counted, rel=1e-3)
    assert abs(run.joule_per_query - true_j / counted) < run.u_joule_per_query
    assert run.window_s == pytest.approx(stop_s - start_s, abs=2e-3)
    true_idle_w = idle_w(BOARD)
    assert outcome.figures.idle_w == pytest.approx(true_idle_w, rel=1e-3)
    assert abs(outcome.figures.idle_w - true_idle_w) <= outcome.figures.u_idle_w


@pytest.mark.parametrize(
    ("bench", "part"),
    [
        ("joulescope-js220-virtual", 1e-3),
        ("ppk2-ampere-virtual", 1e-3),
        ("keysight-n6705-virtual", 2e-3),  # edges by the IO manager's clock
        ("keithley-2450-virtual", 2e-3),
    ],
)
def test_other_monitors_and_sources_of_edges(bench, part, watcher, tmp_path):
    outcome = measure(tmp_path, "server", load_bench(bench), queries=10, rate_hz=3.0)
    assert outcome.valid, outcome.findings
    (run,) = outcome.figures.runs
    edges = watcher.edges_s()
    # Where the IO manager times the edges, twelve marks follow for the clocks.
    after = (
        12 if outcome.to_json()["setup"]["monitor"].startswith(("Keysight", "Keithley", "N67", "2450")) else 0
    )
    marks = edges[len(edges) - after - 22 : len(edges) - after]
    assert run.window_s == pytest.approx(marks[-1] - marks[0], abs=5e-3)
    assert run.joule_per_query == pytest.approx(watcher.truth_j(marks[0], marks[-1]) / 10, rel=part)
    assert abs(run.joule_per_query * 10 - watcher.truth_j(marks[0], marks[-1])) < 10 * run.u_joule_per_query
    assert outcome.figures.idle_w == pytest.approx(idle_w(BOARD), rel=part)


def test_between_the_marks_are_inferences_alone(watcher, tmp_path):
    outcome = measure(tmp_path, "multiple-stream", queries=10, samples_per_query=60)
    (run,) = outcome.figures.runs
    _, *inner, _ = marks_s(watcher, 22)
    pairs = list(zip(inner[::2], inner[1::2], strict=True))
    # Ten windows of half a second, sampled every millisecond, with a mark of 1 ms in each.
    assert run.marked_s == pytest.approx(sum(stop - start for start, stop in pairs), abs=10e-3)
    assert run.marked_j == pytest.approx(sum(watcher.truth_j(*pair) for pair in pairs), rel=3e-3)
    assert run.marked_j / 600 == pytest.approx(operating_point(BOARD, "ad01").energy_j, rel=5e-3)
    assert run.waiting_w * (run.window_s - run.marked_s) + run.marked_j == pytest.approx(run.energy_j)


def test_the_wire_is_in_the_time_of_a_query(tmp_path):
    fast = measure(tmp_path / "fast", "single-stream", virtual(baud_model=False), queries=10)
    slow = measure(tmp_path / "slow", "single-stream", virtual(), queries=10)
    log = (slow.folder / "log.txt").read_text(encoding="utf-8")
    answer = log[log.index("infer 1 0") :]
    answer = answer[: answer.index("m-ready")]
    sent = [line.split("  ")[-1].strip() for line in answer.splitlines()]
    inference_s = 1 / operating_point(BOARD, "ad01").throughput_ips
    assert fast.figures.service_s > inference_s
    # 9600 baud, ten bits a byte; some of the answer is on the wire while the inference runs.
    characters = sum(len(line) for line in sent)
    assert 0.5 * characters * 10 / 9600 < slow.figures.service_s - fast.figures.service_s < 0.2


def test_latencies_of_a_server_are_those_of_a_line(tmp_path):
    outcome = measure(tmp_path, "server", queries=60, rate_hz=6.0, seed=9)
    (run,) = outcome.figures.runs
    services = [query.service_s for query in run.queries]
    service_s = statistics.median(services)
    assert max(services) - min(services) < 1e-3 * service_s + 1e-6
    expected = waiting_line(poisson_arrivals(6.0, 60, 9), np.full(60, service_s))
    assert [query.latency_s for query in run.queries] == pytest.approx(expected.tolist(), abs=1e-3)
    assert run.latency_s(0.9) > 1.5 * service_s  # some of them had to wait


def test_the_highest_rate_is_that_of_queueing_theory(tmp_path):
    bound_s, percentile = 0.3, 0.9
    outcome = measure(tmp_path, "server", queries=150, latency_bound_s=bound_s, percentile=percentile)
    highest = outcome.figures.highest
    assert outcome.valid
    service_s = statistics.median(query.service_s for query in outcome.figures.runs[0].queries)
    truth = highest_rate(service_s, bound_s, percentile)
    assert highest.long_run_hz == pytest.approx(truth, rel=0.05)
    assert abs(highest.rate_hz - truth) < 1.5 * highest.random_hz
    assert highest.latency_s <= bound_s
    assert highest.rate_hz < highest.above_hz <= 1.011 * highest.rate_hz
    late = next(run for run in outcome.figures.runs if run.load.rate_hz == highest.above_hz)
    assert percentile_of([query.latency_s for query in late.queries], percentile) > bound_s


def test_energy_per_query_falls_over_the_load_as_idle_time_does(tmp_path):
    outcome = measure(tmp_path, "server", queries=40, loads=(0.2, 0.5, 0.8))
    runs = outcome.figures.runs
    assert [run.offered_hz * outcome.figures.service_s for run in runs] == pytest.approx([0.2, 0.5, 0.8])
    costs = [run.joule_per_query for run in runs]
    assert costs == sorted(costs, reverse=True)
    # What one run has beyond another is idle time: the same work, and the DUT waits longer.
    for less, more in ((runs[1], runs[0]), (runs[2], runs[1])):
        extra_w = (more.energy_j - less.energy_j) / (more.window_s - less.window_s)
        assert extra_w == pytest.approx(idle_w(BOARD), rel=2e-3)
    figure = draw_scenario(outcome)
    left, right = figure.axes
    assert left.lines[0].get_ydata().tolist() == pytest.approx(costs)
    assert right.lines[0].get_xdata() == pytest.approx([run.load.rate_hz for run in runs])
    assert LABEL in figure.get_suptitle()
    assert "VIRTUAL" in figure.get_suptitle()
    for width_in in EVERY_WIDTH:
        assert_readable(draw_scenario(outcome, width_in=width_in))


def test_a_bound_shorter_than_a_query_is_refused_with_its_time(tmp_path):
    with pytest.raises(BenchError) as caught:
        measure(tmp_path, "server", queries=10, latency_bound_s=0.05)
    assert caught.value.code == "scenario.bound"
    assert "0.116" in caught.value.message
    document = json.loads((tmp_path / "server" / SCENARIO_NAME).read_text(encoding="utf-8"))
    assert (document["state"], document["error"]["code"]) == ("failed", "scenario.bound")


def test_a_rate_above_what_the_bound_allows_is_late(tmp_path):
    outcome = measure(tmp_path, "server", queries=30, rate_hz=8.0, latency_bound_s=0.15, percentile=0.5)
    assert [finding.code for finding in outcome.findings] == ["scenario.late"]
    assert outcome.figures.runs[0].keeps_bound is False
    assert outcome.figures.highest is None


def test_a_lost_edge_repeats_the_run(tmp_path):
    # Five queries alone come before the run, so that the eighth is in it.
    bench = virtual(faults=[["missing-edge", {"infer": 7, "which": "start"}]])
    outcome = measure(tmp_path, "single-stream", bench, queries=6)
    document = json.loads((outcome.folder / SCENARIO_NAME).read_text(encoding="utf-8"))
    (rejected,) = document["rejected"]
    assert [finding["code"] for finding in rejected["findings"]] == ["scenario.edges"]
    assert "13 edges instead of 14" in rejected["findings"][0]["evidence"]
    assert len(outcome.figures.runs[0].queries) == 6


def test_edges_that_are_lost_again_and_again_end_the_session(tmp_path):
    faults = [["missing-edge", {"infer": number, "which": "stop"}] for number in range(5, 40)]
    with pytest.raises(TimingError) as caught:
        measure(tmp_path, "single-stream", virtual(faults=faults), queries=4)
    assert caught.value.code == "trial.never-valid"


@pytest.mark.parametrize("marker", ["high", "low"])
def test_a_pin_that_is_held_has_a_window_from_query_to_query(marker, watcher, tmp_path):
    document = load_bench("ppk2-source-virtual").model_dump(by_alias=True, mode="json")
    document["dut"]["marker"] = marker
    outcome = measure(tmp_path, "single-stream", BenchFile.model_validate(document), queries=6)
    (run,) = outcome.figures.runs
    edges = marks_s(watcher, 12)
    start_s, *_, stop_s = edges
    assert run.marked_s == pytest.approx(
        sum(b - a for a, b in zip(edges[::2], edges[1::2], strict=True)), rel=1e-2
    )
    assert run.window_s == pytest.approx(stop_s - start_s, rel=1e-4)
    assert run.energy_j == pytest.approx(watcher.truth_j(start_s, stop_s), rel=1e-3)


def test_the_folder_holds_the_figures_and_says_what_they_are_not(tmp_path):
    outcome = measure(tmp_path, "server", queries=20, loads=(0.3, 0.6))
    document = json.loads((outcome.folder / SCENARIO_NAME).read_text(encoding="utf-8"))
    assert (document["schema"], document["label"], document["state"]) == (SCHEMA, LABEL, "finished")
    assert document["virtual"] is True
    assert [run["purpose"] for run in document["figures"]["runs"]] == ["curve", "curve"]
    assert outcome.to_json()["label"] == LABEL
    rows = pyarrow.parquet.read_table(outcome.folder / "scenario.parquet").to_pylist()
    with (outcome.folder / "scenario.csv").open(encoding="utf-8", newline="") as file:
        text = list(csv.DictReader(file))
    assert len(rows) == len(text) == 2
    for row, written, run in zip(rows, text, outcome.figures.runs, strict=True):
        assert row["label"] == written["label"] == LABEL
        assert row["joule_per_query"] == run.joule_per_query
        assert float(written["latency_p90_s"]) == pytest.approx(run.latency_s(0.9))
    assert LABEL in scenario_title(outcome)
    table = scenario_table(outcome)
    assert LABEL in table.title
    for width in (60, 80, 120):
        assert all(len(line.text) <= width for line in drawn(table, width))
    assert any("idle" in line for line in scenario_lines(outcome))


@pytest.mark.parametrize(
    ("scenario", "asked", "code"),
    [
        ("server", {}, "usage.scenario"),
        ("streaming", {}, "usage.scenario"),
        ("single-stream", {"rate_hz": 2.0}, "usage.scenario"),
        ("offline", {"latency_bound_s": 0.1}, "usage.scenario"),
        ("server", {"rate_hz": 1.0, "loads": (0.5,)}, "usage.scenario"),
        ("server", {"loads": (1.2,)}, "usage.scenario"),
        ("server", {"rate_hz": 0.0}, "usage.scenario"),
        ("server", {"rate_hz": float("nan")}, "usage.scenario"),
        ("single-stream", {"percentile": 1.0}, "usage.scenario"),
        ("single-stream", {"queries": 1}, "usage.scenario"),
        ("single-stream", {"seed": -1}, "usage.scenario"),
        ("single-stream", {"samples_per_query": 3}, "usage.scenario"),
        ("single-stream", {"arrivals": "mine"}, "usage.arrivals"),
        ("single-stream", {"arrivals": "loadgen"}, "scenario.virtual-clock"),
        ("single-stream", {"workload": "kws1"}, "usage.workload"),
    ],
)
def test_plans_that_cannot_be_are_refused(scenario, asked, code):
    with pytest.raises(UsageError) as caught:
        make_scenario_plan(load_bench("virtual"), asked.pop("workload", "kws01"), scenario, **asked)
    assert caught.value.code == code


def test_loadgen_serves_a_bench_at_the_pace_of_real_time_only():
    assert make_scenario_plan(virtual(), "kws01", "offline").arrivals == "own"
    assert make_scenario_plan(virtual(pace=1.0), "kws01", "offline", arrivals="own").arrivals == "own"
    with pytest.raises(UsageError) as caught:
        make_scenario_plan(virtual(pace=20.0), "kws01", "offline", arrivals="loadgen")
    assert caught.value.code == "scenario.virtual-clock"


def test_a_gated_monitor_is_refused(tmp_path):
    with pytest.raises(BenchError) as caught:
        measure(tmp_path, "single-stream", load_bench("keithley-2461-virtual"), queries=4)
    assert caught.value.code == "scenario.gated"


def test_the_command_and_python_give_the_same(tmp_path, capsys):
    arguments = ["--scenario", "server", "--rate", "2", "--queries", "12", "--workload", "ad01"]
    status = main(["scenario", *arguments, "--json", "--out", str(tmp_path / "cli")])
    document = json.loads(capsys.readouterr().out)
    result = jb.scenario(
        "virtual", "server", "ad01", rate_hz=2.0, queries=12, out=tmp_path / "jb", progress=False
    )
    assert status == 0
    assert result.valid
    (row,) = result.to_dataframe().to_dict("records")
    (run,) = document["runs"]
    assert run["joule_per_query"] == pytest.approx(row["joule_per_query"], rel=1e-9)
    assert LABEL in result._repr_html_()
    assert (result.folder / SCENARIO_NAME).is_file()


def test_a_load_is_what_loadgen_would_be_asked_for():
    plan = make_scenario_plan(load_bench("virtual"), "kws01", "server", latency_bound_s=0.1)
    assert plan.load == Load("server", 662, bound_s=0.1, percentile=0.99)
    assert plan.searches
