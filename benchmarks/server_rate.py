"""The highest rate of the server scenario beside queueing theory, ``python -m benchmarks.server_rate``.

The virtual DUT serves every query in the same time, so its queue is M/D/1, whose waiting time is known
(Crommelin, 1932). Each seed is a search with other random arrivals. By itself a search with few arrivals
scatters; the figure "in the long run" must not. ``--loadgen``: LoadGen sends the queries in real time, which
takes minutes, and the host's other work is in the times.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from energy.bench.benchfile import BenchFile, load_bench
from energy.characterize.scenario_plan import make_scenario_plan
from energy.characterize.scenarios import run_scenario
from energy.errors import JoulebenchError

ALLOWED = 0.05


def wait_cdf(rate_hz: float, service_s: float, wait_s: float) -> float:
    """P(waiting time <= wait) of an M/D/1 queue (C. D. Crommelin, 1932)."""
    return (1 - rate_hz * service_s) * math.fsum(
        (rate_hz * (k * service_s - wait_s)) ** k
        / math.factorial(k)
        * math.exp(-rate_hz * (k * service_s - wait_s))
        for k in range(int(wait_s / service_s) + 1)
    )


def highest_rate_hz(service_s: float, bound_s: float, percentile: float) -> float:
    """The rate at which this percentile of the time in the queue and at the server is the bound."""
    low, high = 0.0, 1 / service_s
    for _ in range(60):
        middle = (low + high) / 2
        kept = wait_cdf(middle, service_s, bound_s - service_s) >= percentile
        low, high = (middle, high) if kept else (low, middle)
    return low


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line per seed; returns 1 if one is further from theory than allowed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server_rate")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--bound", type=float, default=0.3, help="seconds (default 0.3)")
    parser.add_argument("--percentile", type=float, default=0.9)
    parser.add_argument("--workload", default="ad01")
    parser.add_argument("--loadgen", action="store_true")
    options = parser.parse_args(arguments)
    bench = load_bench("virtual")
    if options.loadgen:
        document = bench.model_dump(by_alias=True, mode="json")
        document["virtual"]["settings"]["pace"] = 1.0
        bench = BenchFile.model_validate(document)
    found: list[float] = []
    long_runs: list[float] = []
    for seed in range(1, options.seeds + 1):
        plan = make_scenario_plan(
            bench,
            options.workload,
            "server",
            queries=options.queries,
            latency_bound_s=options.bound,
            percentile=options.percentile,
            seed=seed,
        )
        with tempfile.TemporaryDirectory() as folder:
            try:
                figures = run_scenario(plan, Path(folder) / "run", lambda part, doing: None).figures
            except JoulebenchError as error:
                print(f"seed {seed}: {error}")
                return 1
        highest = figures.highest
        if highest is None:
            print(f"seed {seed}: no rate was found")
            return 1
        theory = highest_rate_hz(figures.service_s, options.bound, options.percentile)
        found.append(highest.rate_hz / theory - 1)
        long_runs.append(highest.long_run_hz / theory - 1)
        print(
            f"seed {seed}: a query {figures.service_s:.4f} s, M/D/1 {theory:.4f}/s; found "
            f"{highest.rate_hz:.4f} +- {highest.random_hz:.2f} ({found[-1]:+.2%}), in the long run "
            f"{highest.long_run_hz:.4f} ({long_runs[-1]:+.2%}), {len(figures.runs)} runs",
            flush=True,
        )
    print(f"mean of what was found: {statistics.fmean(found):+.2%} of theory")
    worst = max(map(abs, long_runs))
    print(f"in the long run: at most {worst:.2%} from theory, {ALLOWED:.0%} are allowed")
    return int(worst > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
