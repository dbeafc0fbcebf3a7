"""Arrivals and percentiles of our own beside LoadGen's, and a single server beside queueing theory."""

from __future__ import annotations

import itertools
import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import expon, kstest

from energy.characterize.arrivals import (
    Load,
    fewest_queries,
    long_run,
    offline_samples,
    percentile_of,
    poisson_arrivals,
    predicted_rate,
    randomness_of,
    waiting_line,
)
from energy.characterize.scenario_loadgen import latencies_in, results_in, settings_of

# A process of its own: LoadGen's threads and the test's would share an interpreter.
PROGRAM = """
import importlib, json, queue, random, sys, threading, time
loadgen = importlib.import_module("mlperf_loadgen")
settings, folder = json.loads(sys.argv[1]), sys.argv[2]
test = loadgen.TestSettings()
test.scenario = getattr(loadgen.TestScenario, settings.pop("scenario"))
test.mode = loadgen.TestMode.PerformanceOnly
for name, value in settings.items():
    setattr(test, name, value)
log = loadgen.LogSettings()
log.log_output.outdir, log.enable_trace = folder, True
log.log_output.copy_summary_to_stdout = False
sent = []
def issue(samples):
    sent.append(len(samples))
    if len(sent) % 3 == 0:
        time.sleep(random.uniform(0, 1e-3))
    loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(s.id, 0, 0) for s in samples])
system = loadgen.ConstructSUT(issue, lambda: None)
library = loadgen.ConstructQSL(1, 1, lambda s: None, lambda s: None)
loadgen.StartTestWithLogSettings(system, library, test, log, "")
print(json.dumps(sent))
"""


def run_loadgen(load: Load, folder) -> tuple[list[int], str, dict]:
    """Samples of each query that LoadGen sends, its trace, and its results."""
    pytest.importorskip("mlperf_loadgen", reason="the extra loadgen is not installed")
    command = [sys.executable, "-c", PROGRAM, json.dumps(settings_of(load)), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    trace = (folder / "mlperf_log_trace.json").read_text(encoding="utf-8")
    results = results_in((folder / "mlperf_log_detail.txt").read_text(encoding="utf-8"))
    return json.loads(done.stdout), trace, results


def scheduled_s(trace: str) -> np.ndarray:
    """When LoadGen had planned its queries, from its trace (microseconds with three digits)."""
    found = re.findall(r'"name":"Sample","cat":"default","ph":"b","pid":\d+,"id":\d+,"ts":([\d.]+)', trace)
    times = np.sort(np.array([float(each) for each in found])) * 1e-6
    return times - times[0]


@pytest.mark.parametrize("seed", [7, 12345])
def test_a_servers_schedule_is_loadgens(seed, tmp_path):
    load = Load("server", 400, rate_hz=800.0, seed=seed, bound_s=1.0, percentile=0.9)
    _, trace, _ = run_loadgen(load, tmp_path)
    theirs = scheduled_s(trace)
    assert len(theirs) == 400
    assert np.abs(theirs - poisson_arrivals(800.0, 400, seed)).max() < 1e-6
    # The same by the statistics, which would show two streams that differ only in their seeds as equal.
    other = np.diff(poisson_arrivals(800.0, 400, seed + 1))
    assert kstest(other, np.diff(theirs)).pvalue > 0.001


def test_the_time_between_arrivals_is_exponential():
    between = np.diff(poisson_arrivals(5.0, 20_001, 3))
    assert kstest(between, expon(scale=0.2).cdf).pvalue > 0.01
    # Independent of the one before: the correlation of n pairs scatters by 1 / sqrt(n).
    assert abs(np.corrcoef(between[1:], between[:-1])[0, 1]) < 3 / math.sqrt(20_000)


@pytest.mark.parametrize(
    "load",
    [
        Load("single-stream", 150),
        Load("multiple-stream", 90, samples_per_query=4),
        Load("server", 200, rate_hz=1000.0, bound_s=1.0),
    ],
    ids=lambda load: load.scenario,
)
def test_percentiles_are_loadgens(load, tmp_path):
    sent, trace, results = run_loadgen(load, tmp_path)
    latencies = latencies_in(trace)
    assert len(latencies) == len(sent) >= load.queries
    assert set(sent) == {load.samples_per_query}
    of_query = "per_query_latency" if load.scenario == "multiple-stream" else "latency"
    for part in (50, 90, 95, 97, 99):
        theirs = results[f"result_{part:.2f}_percentile_{of_query}_ns"]
        assert percentile_of(latencies, part / 100) == pytest.approx(theirs * 1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("queries", "duration_s", "rate_hz"), [(70, 0.5, 200.0), (70, 0.53, 200.0), (50, 0.001, 10.0)]
)
def test_the_samples_of_an_offline_query_are_as_many_as_loadgens(queries, duration_s, rate_hz, tmp_path):
    load = Load("offline", queries, duration_s=duration_s, rate_hz=rate_hz)
    sent, *_ = run_loadgen(load, tmp_path)
    assert sent == [offline_samples(load)]


@pytest.mark.parametrize("percentile", [0.5, 0.75, 0.9, 0.99])
def test_so_many_queries_satisfy_loadgens_early_stopping(percentile, tmp_path):
    # 64 and 662 are known from the MLPerf inference rules; a query fewer is too few for LoadGen.
    assert (fewest_queries(0.9), fewest_queries(0.99)) == (64, 662)
    for queries, met in ((fewest_queries(percentile), True), (fewest_queries(percentile) - 1, False)):
        folder = tmp_path / str(queries)
        folder.mkdir()
        _, _, results = run_loadgen(Load("single-stream", queries, percentile=percentile), folder)
        assert results["result_query_count"] >= queries
        if results["result_query_count"] == queries:
            assert results["early_stopping_met"] is met, queries


def test_a_line_of_queries_is_served_in_order():
    # By hand: served for 2 s each; arrivals at 0, 1, 5, 5.5, 9.
    latencies = waiting_line(np.array([0.0, 1.0, 5.0, 5.5, 9.0]), np.full(5, 2.0))
    assert latencies.tolist() == pytest.approx([2.0, 3.0, 2.0, 3.5, 2.0])


def wait_cdf(rate: float, service: float, wait: float) -> float:
    """P(waiting time <= wait) of an M/D/1 queue.

    C. D. Crommelin, "Delay probability formulae when the holding times are constant", Post Office Electrical
    Engineers' Journal 25 (1932); also Erlang, 1909.
    """
    terms = range(int(wait / service) + 1)
    return (1 - rate * service) * math.fsum(
        (rate * (k * service - wait)) ** k / math.factorial(k) * math.exp(-rate * (k * service - wait))
        for k in terms
    )


def highest_rate(service: float, bound: float, percentile: float) -> float:
    """The rate at which this percentile of the time in an M/D/1 system is the bound."""
    return brentq(lambda rate: wait_cdf(rate, service, bound - service) - percentile, 1e-6, 0.9999 / service)


def test_the_formula_has_the_mean_of_pollaczek_and_khinchine():
    rate, service = 0.7, 1.0
    waits = np.linspace(0, 12, 4001)
    tail = [1 - wait_cdf(rate, service, wait) for wait in waits]
    mean = rate * service**2 / (2 * (1 - rate * service))
    assert np.trapezoid(tail, waits) == pytest.approx(mean, rel=1e-3)


@pytest.mark.parametrize(("bound", "percentile"), [(0.25, 0.9), (0.5, 0.9), (0.5, 0.5), (0.4, 0.99)])
def test_a_long_line_is_that_of_queueing_theory(bound, percentile):
    service = 0.1162
    truth = highest_rate(service, bound, percentile)
    load = Load("server", 300_000, bound_s=bound, percentile=percentile, seed=5)
    assert predicted_rate(load, service) == pytest.approx(truth, rel=0.01)


def test_the_long_run_takes_the_luck_of_few_arrivals_away():
    service, bound = 0.1162, 0.25
    truth = highest_rate(service, bound, 0.9)
    off = []
    for seed in range(10):
        load = Load("server", 150, bound_s=bound, percentile=0.9, seed=seed)
        found = predicted_rate(load, service)
        assert abs(found - truth) < 2 * randomness_of(load, service)
        assert long_run(load, service, found) == pytest.approx(truth, rel=0.02)
        off.append(abs(found / truth - 1))
    assert max(off) > 0.05  # without it, 150 arrivals are not enough for 5 %


def test_rates_of_a_prediction_keep_the_bound_and_not_more():
    load = Load("server", 200, bound_s=0.3, percentile=0.9, seed=2)
    rate = predicted_rate(load, 0.1)
    for part, keeps in ((0.999, True), (1.001, False)):
        latencies = waiting_line(poisson_arrivals(rate * part, 200, 2), np.full(200, 0.1))
        assert (percentile_of(latencies.tolist(), 0.9) <= 0.3) is keeps
    for earlier, later in itertools.pairwise([0.2, 0.3, 0.5]):
        assert predicted_rate(Load("server", 200, bound_s=earlier, seed=2), 0.1) < predicted_rate(
            Load("server", 200, bound_s=later, seed=2), 0.1
        )
