"""Measures a DUT under the queries of a scenario, all of a run inside one energy window.

Before a run's first query and after its last the DUT makes a mark (``timestamp``): the run's window lies
between these two. A pin that is held during the work makes none, and the window is from the first query's
edge to the last one's. Inside, each query has its own two edges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from energy.bench.assemble import EnergyBench
from energy.bench.prompt import Prompt, no_operator
from energy.characterize.arrivals import Load, percentile_of, predicted_rate
from energy.characterize.outcome import CharacterizationOutcome
from energy.characterize.scenario_figures import LoadTrial, Purpose, ScenarioFigures, figures_of, row_of
from energy.characterize.scenario_loadgen import LoadGenSender
from energy.characterize.scenario_plan import LABEL, RESOLUTION, ScenarioPlan, at_rate
from energy.characterize.scenario_queries import OwnSender, Sender, System
from energy.characterize.tidy import write_table
from energy.characterize.windows import CharacterizationRun, new_record
from energy.errors import BenchError
from energy.evidence.setup import setup_of
from energy.findings import Finding
from energy.instruments import is_gated
from energy.recording.store import Recording
from energy.session.edgewatch import EdgeWatch
from energy.session.folder import SessionFolder
from energy.session.idle import record_idle
from energy.session.outcome import Plan
from energy.session.powercheck import zero_offset_a
from energy.session.run import measure_energy
from energy.session.session_log import Progress
from energy.window.edges import Marker
from energy.window.figures import WindowFigures
from energy.window.plausibility import no_energy

SCENARIO_NAME: Final = "scenario.json"
"""The plan, the answers of every instrument, the runs and the figures."""
SCHEMA: Final = "joulebench.scenario/1"
_ALONE = 5
"""Queries before the runs, one after another, that show how long one takes."""
_MOST_RUNS = 14
"""Most runs of a search."""


@dataclass
class ScenarioRun(CharacterizationRun):
    """A measurement of a scenario while it runs.

    Attributes:
        scenario: Its plan.
        loads: The valid runs.
        service_s: Median time of a query alone.
        result: The figures, once all runs are there.
    """

    name = SCENARIO_NAME
    scenario: ScenarioPlan = field(kw_only=True)
    loads: list[LoadTrial] = field(default_factory=list[LoadTrial])
    service_s: float = 0.0
    result: ScenarioFigures | None = None

    def document(self) -> dict[str, Any]:
        """``scenario.json``."""
        plan = self.scenario
        load = plan.load
        document: dict[str, Any] = {"schema": SCHEMA, "label": LABEL, **self.conditions()}
        document["scenario"] = {
            "name": load.scenario,
            "arrivals": plan.arrivals,
            "queries": load.queries,
            "duration_s": load.duration_s,
            "samples_per_query": load.samples_per_query,
            "rate_hz": plan.rate_hz,
            "loads": list(plan.loads),
            "latency_bound_s": load.bound_s,
            "percentile": load.percentile,
            "seed": load.seed,
        }
        return document | ({"figures": self.result.to_json()} if self.result else {})


@dataclass(frozen=True, kw_only=True)
class ScenarioOutcome(CharacterizationOutcome):
    """The outcome of a scenario: a characterization, not a result of MLPerf Tiny.

    Attributes:
        plan: Its plan.
        figures: The figures.
    """

    plan: ScenarioPlan
    figures: ScenarioFigures

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return self.document(
            SCHEMA,
            label=LABEL,
            scenario=self.plan.load.scenario,
            arrivals=self.plan.arrivals,
            workload=self.plan.workload.id,
            **self.figures.to_json(),
        )


def run_scenario(
    plan: ScenarioPlan, path: Path, progress: Progress, prompt: Prompt = no_operator
) -> ScenarioOutcome:
    """Measures a scenario and writes a folder.

    The supply is off when this returns or raises.

    Args:
        plan: The plan.
        path: The folder, which is made.
        progress: Called as the measurement advances.
        prompt: Asks the person at the bench.

    Raises:
        JoulebenchError: ``scenario.gated`` if the monitor measures windows only; ``scenario.bound`` if a
            query alone takes longer than the bound; ``scenario.loadgen``; what is wrong with the bench. The
            folder holds what was done.
    """
    folder = SessionFolder(path)
    record = new_record(plan.bench, plan.workload, plan.note, synthetic=plan.source.synthetic)
    session = Plan(plan.bench, plan.workload, "energy", [plan.source], plan.note)
    run = ScenarioRun(folder, record, progress, prompt, plan=session, scenario=plan)
    sender: Sender = LoadGenSender(path / "loadgen") if plan.arrivals == "loadgen" else OwnSender()
    with run.written_to_the_end():
        run.save()
        try:
            measure_energy(run, partial(_measure, run, sender))
        finally:
            sender.close()
        result = figures_of(run.document(), run.loads, run.service_s, Recording(path))
        run.result = result
        run.findings += result.findings
        write_table([row_of(each) for each in result.runs], path / "scenario")
        run.save("finished")
    return ScenarioOutcome(
        folder=path,
        findings=tuple(run.findings),
        setup=setup_of(record),
        virtual=record.virtual,
        plan=plan,
        figures=result,
    )


def _measure(run: ScenarioRun, sender: Sender, bench: EnergyBench, watch: EdgeWatch) -> None:
    """All runs; then the idle stretch and the final windows."""
    plan = run.scenario
    if is_gated(bench.monitor):
        raise BenchError(
            "scenario.gated",
            "this monitor measures only while the DUT's edges open its gate, and a scenario has many edges",
            "Use a monitor that streams.",
        )
    bench.dut.load(plan.source.data)
    system = System(bench)
    run.progress(0.0, "timing a query alone")
    alone = [system.answer(plan.load.samples_per_query) for _ in range(_ALONE)]
    run.service_s = median(done_s - begun_s for begun_s, done_s in alone)
    run.save("measuring")
    fixed = _fixed_loads(plan, run.service_s)
    total = len(fixed) + (2 if plan.searches else 0)

    def serve(load: Load, purpose: Purpose) -> LoadTrial:
        done = len(run.loads)

        def tell(part: float) -> None:
            run.progress(min((done + part) / max(total, done + 1), 1.0), _doing(load))

        trial = _run(run, sender, system, watch, load, tell)
        trial.purpose = purpose
        run.loads.append(trial)
        if run.voltage is not None:
            run.voltage.measure()
        run.save()
        return trial

    for load in fixed:
        serve(load, "curve" if plan.loads else "asked")
    if plan.searches:
        _search(plan.load, run.service_s, partial(serve, purpose="search"))
    record_idle(run.record, run.findings, bench, watch.recorder)
    _settle(run, bench, watch)
    run.progress(1.0, "done")


def _fixed_loads(plan: ScenarioPlan, service_s: float) -> list[Load]:
    """The runs that need no search."""
    if plan.load.scenario != "server":
        return [plan.load]
    rates = [part / service_s for part in plan.loads]
    if plan.rate_hz is not None:
        rates.append(plan.rate_hz)
    return [at_rate(plan.load, rate_hz) for rate_hz in rates]


def _doing(load: Load) -> str:
    return f"{load.scenario} at {load.rate_hz:.4g} queries/s" if load.scenario == "server" else load.scenario


def _run(
    run: ScenarioRun,
    sender: Sender,
    system: System,
    watch: EdgeWatch,
    load: Load,
    tell: Callable[[float], None],
) -> LoadTrial:
    """A run with all its edges; one that is not valid is repeated."""
    number = len(run.loads) + 1
    kept: list[LoadTrial] = []

    def attempt() -> LoadTrial:
        kept.append(_attempt(sender, system, watch, load, number, tell))
        return kept[-1]

    run.until_valid(number, attempt)
    return kept[-1]


def _attempt(
    sender: Sender,
    system: System,
    watch: EdgeWatch,
    load: Load,
    number: int,
    tell: Callable[[float], None],
) -> LoadTrial:
    dut, recorder = system.bench.dut, watch.recorder
    marks = recorder.marker is Marker.PULSE
    sender.open(load)
    watch.ready()
    if marks:
        dut.timestamp()
    served = sender.send(load, system, tell)
    if marks:
        dut.timestamp()
    edges = watch.collect()
    trial = LoadTrial(number, 1, "", sum(query.samples for query in served.queries), load=load, served=served)
    expected = 2 * len(served.queries) + 2 * marks
    if len(edges) != expected:
        evidence = f"{len(edges)} edges instead of {expected}, of {len(served.queries)} queries"
        trial.findings.append(Finding("scenario.edges", evidence, number))
        return trial
    inner = edges[1:-1] if marks else edges
    trial.inner = [
        recorder.window(number, opening, closing)
        for opening, closing in zip(inner[::2], inner[1::2], strict=True)
    ]
    trial.window = recorder.window(number, edges[0], edges[-1])
    trial.duration_s = trial.window.duration_s
    trial.findings += trial.window.findings
    return trial


def _search(load: Load, service_s: float, serve: Callable[[Load], LoadTrial]) -> None:
    """Finds the highest rate that keeps the bound, by bisection.

    The first two rates are beside the one that a constant service time predicts. All runs have the same
    arrivals but for the scale of time, so a latency cannot fall while the rate rises.
    """
    bound_s = load.bound_s
    assert bound_s is not None  # the plan searches only with a bound
    if service_s >= bound_s:
        raise BenchError(
            "scenario.bound",
            f"a query alone takes {service_s:.4g} s, wire included: no rate keeps a bound of {bound_s:g} s",
            "Ask for a longer --latency-bound, or use a faster wire (baud).",
        )

    def keeps(rate_hz: float) -> bool:
        trial = serve(at_rate(load, rate_hz))
        latencies = [query.latency_s for query in trial.served.queries]
        return percentile_of(latencies, load.percentile) <= bound_s

    step = RESOLUTION / 2
    center = predicted_rate(load, service_s)
    kept, late = 0.0, float("inf")
    rate_hz, factor = center * (1 - step), step
    for _ in range(_MOST_RUNS):
        if keeps(rate_hz):
            kept = max(kept, rate_hz)
        else:
            late = min(late, rate_hz)
        if late - kept <= RESOLUTION * kept:
            return
        if kept and late < float("inf"):
            rate_hz = (kept + late) / 2
        elif kept:
            rate_hz, factor = kept * (1 + 1.9 * factor), 2 * factor
        else:
            rate_hz, factor = late / (1 + 1.9 * factor), 2 * factor
    raise BenchError(
        "scenario.search",
        f"after {_MOST_RUNS} runs the highest rate is between {kept:.4g} and {late:.4g} queries per second",
        "The latency does not repeat: ask for more --queries, or look for what else keeps the host busy.",
    )


def _settle(run: ScenarioRun, bench: EnergyBench, watch: EdgeWatch) -> None:
    """Takes the final windows of runs and queries, and checks the runs'."""
    windows = [window for trial in run.loads for window in (trial.window, *trial.inner) if window is not None]
    settled = watch.finish(bench, windows)
    run.record.edges = {**settled.record, "length_bound_s": settled.length_bound_s}
    run.findings += settled.findings
    final = iter(settled.windows)
    for trial in run.loads:
        before = trial.window
        trial.window, trial.inner = next(final), [next(final) for _ in trial.inner]
        trial.duration_s = trial.window.duration_s
        left = [found for found in trial.findings if before is None or found not in before.findings]
        trial.findings = [*left, *trial.window.findings]
        run.findings += trial.findings
    recorder = watch.recorder
    rows = [WindowFigures(trial.window, trial.counted) for trial in run.loads if trial.window is not None]
    run.findings += no_energy(rows, bench.file.dut.voltage_v, zero_offset_a(bench.monitor))
    if run.voltage is not None:
        run.voltage.take_samples(recorder.source, [row.window for row in rows])
