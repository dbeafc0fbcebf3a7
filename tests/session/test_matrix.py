"""Mode x monitor x marker x IO manager x supply: each combination runs, or is refused with a code.

Each cell is a session of one trial on the virtual bench. What must come of it is worked out here, from the
abilities of the instruments as their manuals state them, and its figures are compared with the world's truth.
"""

from __future__ import annotations

import itertools
import json
import tomllib
from typing import Any

import pytest

from energy.bench.benchfile import bench_of
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.validation_set import synthetic_set
from energy.benchmark.workloads import WORKLOADS
from energy.errors import JoulebenchError
from energy.session.accuracy_run import AccuracyPlan, run_accuracy
from energy.session.outcome import Plan
from energy.session.run import run_session
from tests.conftest import ROOT
from tests.session.support import Watcher, watcher

__all__ = ["watcher"]

MONITORS = (
    "lpm01a",
    "lpm01a-binary",
    "joulescope-js110",
    "joulescope-js220",
    "ppk2-source",
    "ppk2-ampere",
    "keysight-n6705",
    "keithley-2450",
    "keithley-2461",
)
SAMPLES_LEVELS = {"joulescope-js110", "joulescope-js220", "ppk2-source", "ppk2-ampere"}
SEES_NO_EDGES = {"lpm01a-binary", "keysight-n6705", "keithley-2450"}
RELAYS = (None, "uno", "interface-board")
SUPPLIES: dict[str, dict[str, Any] | None] = {
    "none": None,
    "scpi": {"driver": "scpi", "port": "virtual"},
    "by hand": {"driver": "manual", "port": "by hand"},
    "hook": {"driver": "hook", "port": "/bin/true"},
}
WORKLOAD = WORKLOADS["ad01"]


def bench_with(monitor, relay, supply, edges=None, marker="pulse", *, mode):
    """A bench file of these parts."""
    document: dict[str, Any] = {
        "schema": "joulebench.bench/1",
        "scope": {"feeds": ["core"]},
        "name": "matrix",
        "virtual": {},
        "dut": {"board": "NUCLEO-L4R5ZI", "voltage_v": 1.8, "marker": marker},
        "limits": {"highest_v": 3.3, "highest_a": 0.05},
        "ambient": {"temperature_c": 23.0},
    }
    if mode == "energy":
        document["dut"]["baud"] = 9600
    if monitor is not None:
        path = ROOT / "energy/bench/benches" / f"{monitor}-virtual.toml"
        shipped = tomllib.loads(path.read_text(encoding="utf-8"))
        document["virtual"] = shipped["virtual"]
        document["monitor"] = {key: value for key, value in shipped["monitor"].items() if key != "edges"}
        if edges is not None:
            document["monitor"]["edges"] = edges
    if relay is not None:
        document["io_manager"] = {"driver": relay, "port": "virtual"}
    if SUPPLIES[supply] is not None:
        document["supply"] = SUPPLIES[supply]
    return bench_of(document, "matrix")


def outcome_of(watcher: Watcher, bench, mode):
    """The session's outcome, or the error that ended it; anything but a coded error fails the test."""
    plan = Plan(bench, WORKLOAD, mode, synthetic_inputs(WORKLOAD, 1))
    folder, failure = watcher.folder / "session", None
    try:
        return run_session(plan, folder, lambda part, doing: None, lambda question: "yes")
    except JoulebenchError as error:
        failure = error
    assert failure.code != "internal", failure
    assert failure.hint
    return failure


PERFORMANCE = [
    *itertools.product((None, *MONITORS), ("uno",), ("scpi",)),
    *itertools.product(("lpm01a",), RELAYS, ("none", "hook")),
    *itertools.product((None, "joulescope-js220"), ("uno",), SUPPLIES),
]


@pytest.mark.parametrize(("monitor", "relay", "supply"), list(dict.fromkeys(PERFORMANCE)))
def test_performance_mode_runs_on_every_bench(watcher: Watcher, monitor, relay, supply):
    outcome = outcome_of(watcher, bench_with(monitor, relay, supply, mode="performance"), "performance")
    assert not isinstance(outcome, JoulebenchError), outcome
    assert [finding.code for finding in outcome.findings] == []
    assert outcome.throughput is not None
    board = watcher.worlds[-1].board.workloads["ad01"]
    assert outcome.throughput.median == pytest.approx(board.throughput_ips, rel=1e-4)
    assert watcher.worlds[-1].world.supply.on is (
        supply != "scpi"
    )  # the others have no twin that could be off


@pytest.mark.parametrize("monitor", MONITORS)
def test_accuracy_mode_runs_on_every_bench(watcher: Watcher, monitor):
    bench = bench_with(monitor, "uno", "scpi", mode="performance")
    plan = AccuracyPlan(bench, synthetic_set(WORKLOAD, 2))
    run_accuracy(plan, watcher.folder / "session", lambda part, doing: None)
    session = json.loads((watcher.folder / "session" / "session.json").read_text(encoding="utf-8"))
    assert session["state"] == "finished"
    assert not watcher.worlds[-1].world.supply.on


def refusal(monitor, relay, edges, marker) -> str | None:
    """The code with which a combination must be refused, or None."""
    by_io = edges == "io" or (edges is None and monitor in SEES_NO_EDGES)
    if edges == "monitor" and monitor in SEES_NO_EDGES:
        return "bench.edges"
    if by_io and relay is None and monitor != "keithley-2461":
        return "bench.edges"
    if by_io and monitor in SAMPLES_LEVELS:
        return "io.no-timer" if relay == "interface-board" else "bench.edges"
    if marker != "pulse" and monitor not in SAMPLES_LEVELS:
        return "bench.marker"
    if by_io and relay == "interface-board":
        return "io.no-timer"
    return None


ENERGY = [
    *itertools.product(MONITORS, ("uno",), ("none",), (None, "monitor", "io"), ("pulse",)),
    *itertools.product(MONITORS[::2], (None,), ("scpi",), (None,), ("pulse",)),
    *itertools.product(MONITORS[1::2], ("interface-board",), ("none",), (None,), ("pulse",)),
    *itertools.product(MONITORS[::2], ("uno",), ("none",), (None,), ("high",)),
    *itertools.product(MONITORS[1::2], ("uno",), ("scpi",), (None,), ("low",)),
]


@pytest.mark.parametrize(("monitor", "relay", "supply", "edges", "marker"), list(dict.fromkeys(ENERGY)))
def test_energy_mode_measures_the_worlds_energy_or_is_refused(
    watcher: Watcher, monitor, relay, supply, edges, marker
):
    bench = bench_with(monitor, relay, supply, edges, marker, mode="energy")
    outcome = outcome_of(watcher, bench, "energy")
    expected = refusal(monitor, relay, edges, marker)
    if isinstance(outcome, JoulebenchError):
        assert outcome.code == expected, outcome
        return
    assert expected is None
    assert outcome.figures is not None
    (figures,) = outcome.figures.windows
    edges = watcher.edges_s()
    start, stop = max(
        itertools.pairwise(edges), key=lambda pair: pair[1] - pair[0]
    )  # the trial is the longest
    truth_j = watcher.truth_j(start, stop)
    window = figures.window
    assert abs(window.duration_s - (stop - start)) <= 1 / window.rate_hz + 2e-3
    assert abs(figures.energy_j() - truth_j) <= 0.005 * truth_j + window.bounds.position_j
    assert "session.not-five-windows" in [finding.code for finding in outcome.findings]


@pytest.mark.parametrize("mode", ["performance", "energy"])
def test_energy_mode_without_a_monitor_is_refused(watcher: Watcher, mode):
    outcome = outcome_of(watcher, bench_with(None, "uno", "scpi", mode=mode), mode)
    assert (outcome.code if isinstance(outcome, JoulebenchError) else None) == (
        "bench.no-monitor" if mode == "energy" else None
    )
