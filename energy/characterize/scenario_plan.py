"""The plan of a scenario: which queries at which rates, who sends them, and what they are measured for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from energy.bench.benchfile import BenchFile
from energy.benchmark.inputs import Input, official_inputs, synthetic_inputs
from energy.benchmark.workloads import Workload
from energy.characterize.arrivals import SCENARIOS, Load, Scenario, fewest_queries
from energy.errors import UsageError
from energy.session.plans import checked_note, workload_named

LABEL: Final = "not MLPerf Tiny"
"""Stands with every figure: MLPerf Tiny has no such scenarios for energy."""
Arrivals = Literal["own", "loadgen"]
PERCENTILE: Final[dict[str, float]] = {"single-stream": 0.9}
"""LoadGen's percentiles: 0.9 of a single stream, 0.99 else."""
RESOLUTION = 0.01
"""The search ends when the highest rate is known to this part of itself."""
IDLE_S = 2.0
"""The DUT is left idle for so long at the end, if the bench file does not say."""
_MOST = 1_000_000
_LONGEST_S = 86_400.0


@dataclass(frozen=True)
class ScenarioPlan:
    """The plan of a scenario.

    Attributes:
        bench: The bench file; it asks for an idle stretch.
        workload: The workload.
        source: The input that all queries are about.
        load: Queries of a run; the rate is that of ``rates_hz`` or of the search, where there is any.
        rate_hz: The rate of the only run; None: from loads and search (server), or not needed.
        loads: Rates of further runs (server), as parts of the highest that the DUT can sustain.
        arrivals: Who sends the queries: LoadGen in real time, or arrivals of our own on the bench's clock.
        note: A note for the documents.
    """

    bench: BenchFile
    workload: Workload
    source: Input
    load: Load
    rate_hz: float | None = None
    loads: tuple[float, ...] = ()
    arrivals: Arrivals = "own"
    note: str = ""

    @property
    def searches(self) -> bool:
        """Whether the highest rate within the bound is searched."""
        return self.load.scenario == "server" and self.rate_hz is None and self.load.bound_s is not None


def make_scenario_plan(
    bench: BenchFile,
    workload: str,
    scenario: str,
    *,
    queries: int | None = None,
    duration_s: float = 0.0,
    samples_per_query: int | None = None,
    rate_hz: float | None = None,
    latency_bound_s: float | None = None,
    percentile: float | None = None,
    loads: tuple[float, ...] = (),
    seed: int = 1,
    arrivals: str | None = None,
    datasets: Path | None = None,
    note: str = "",
) -> ScenarioPlan:
    """The plan of a scenario, from names.

    Args:
        bench: The bench file.
        workload: Workload id.
        scenario: ``single-stream``, ``multiple-stream``, ``server`` or ``offline``.
        queries: Fewest queries; None: as many as show that the percentile keeps its bound.
        duration_s: Shortest duration of a run.
        samples_per_query: Inferences of a query of a multiple stream; None: 8, LoadGen's.
        rate_hz: Rate of the server's queries.
        latency_bound_s: Bound of the latency of the server's queries; without a rate, the highest rate that
            keeps it is searched.
        percentile: Part of the queries that keeps the bound; None: LoadGen's.
        loads: Rates of further runs of the server, as parts of the highest that the DUT can sustain.
        seed: Seed of the arrivals.
        arrivals: ``own`` or ``loadgen``; None: LoadGen where the bench is in real time.
        datasets: Folder of the official inputs; None: a synthetic input.
        note: A note for the documents.

    Raises:
        UsageError: ``usage.*``, ``scenario.no-loadgen``, ``scenario.virtual-clock``, or what is wrong with
            the datasets.
    """
    facts = workload_named(workload)
    if scenario not in SCENARIOS:
        raise UsageError(
            "usage.scenario", f"there is no scenario {scenario!r}", f"There are {', '.join(SCENARIOS)}."
        )
    known: Scenario = scenario
    _check_only(known, samples_per_query, rate_hz, latency_bound_s, loads)
    percentile = PERCENTILE.get(known, 0.99) if percentile is None else percentile
    _within("percentile", percentile, 0.5, 0.999)
    queries = fewest_queries(percentile) if queries is None else queries
    per_query = 8 if samples_per_query is None else samples_per_query
    _within("number of queries", queries, 2, _MOST)
    _within("duration", duration_s, 0.0, _LONGEST_S)
    _within("number of samples of a query", per_query, 1, 10_000)
    _within("seed", seed, 0, 2**32 - 1)
    for name, value in (("rate", rate_hz), ("latency bound", latency_bound_s)):
        if value is not None:
            _within(name, value, 1e-6, 1e6)
    for part in loads:
        _within("load", part, 0.001, 0.99)
    load = Load(
        scenario=known,
        queries=queries,
        duration_s=duration_s,
        samples_per_query=per_query if known == "multiple-stream" else 1,
        rate_hz=rate_hz or 1.0,
        bound_s=latency_bound_s,
        percentile=percentile,
        seed=seed,
    )
    sender = chosen_arrivals(bench, arrivals)
    if not bench.dut.idle_s:
        bench = bench.model_copy(update={"dut": bench.dut.model_copy(update={"idle_s": IDLE_S})})
    source = official_inputs(facts, datasets, 1)[0] if datasets else synthetic_inputs(facts, 1)[0]
    return ScenarioPlan(bench, facts, source, load, rate_hz, tuple(loads), sender, checked_note(note))


def at_rate(load: Load, rate_hz: float) -> Load:
    """The same load at another rate."""
    return replace(load, rate_hz=rate_hz)


def chosen_arrivals(bench: BenchFile, asked: str | None) -> Arrivals:
    """Who sends the queries on a bench.

    Raises:
        UsageError: ``scenario.virtual-clock`` if LoadGen, which runs in real time, cannot serve this bench;
            ``scenario.no-loadgen`` if it is not installed; ``usage.arrivals``.
    """
    pace = None if bench.virtual is None else bench.virtual.settings.get("pace")
    real = bench.virtual is None or pace == 1.0
    if asked not in (None, "own", "loadgen"):
        raise UsageError("usage.arrivals", f"there are no arrivals {asked!r}", "There are own and loadgen.")
    if asked == "own" or (asked is None and not real):
        return "own"
    if not real:
        raise UsageError(
            "scenario.virtual-clock",
            "LoadGen sends its queries in real time, and this virtual bench "
            + (f"runs at a pace of {pace:g}" if pace else "has a clock of its own"),
            "Add pace = 1.0 to [virtual] settings, or leave --arrivals out.",
        )
    if find_spec("mlperf_loadgen") is None:
        raise UsageError(
            "scenario.no-loadgen",
            "LoadGen is not installed, which sends the queries in real time",
            "Run `pip install 'joulebench[loadgen]'`, or use `--arrivals own`.",
        )
    return "loadgen"


def _check_only(
    scenario: Scenario,
    samples_per_query: int | None,
    rate_hz: float | None,
    bound_s: float | None,
    loads: tuple[float, ...],
) -> None:
    """Refuses settings that the scenario does not have, and a server without any rate."""
    given = (
        ("--samples-per-query", samples_per_query is not None, ("multiple-stream",)),
        ("--rate", rate_hz is not None, ("server", "offline")),
        ("--latency-bound", bound_s is not None, ("server",)),
        ("--loads", bool(loads), ("server",)),
    )
    for option, present, scenarios in given:
        if present and scenario not in scenarios:
            raise UsageError(
                "usage.scenario",
                f"the scenario {scenario} has no {option}",
                f"It belongs to {' and '.join(scenarios)}.",
            )
    if scenario == "server" and rate_hz is None and bound_s is None and not loads:
        raise UsageError(
            "usage.scenario",
            "a server needs a rate, a bound of the latency, or loads",
            "For example --latency-bound 500ms, which searches the highest rate, or --rate 2.",
        )
    if rate_hz is not None and loads:
        raise UsageError("usage.scenario", "--rate and --loads exclude each other", "Leave one of them out.")


def _within(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise UsageError(
            "usage.scenario",
            f"the {name}, {value:g}, is not within {lowest:g} to {highest:g}",
            "See `joulebench help scenario`.",
        )
