"""A DUT under the queries of LoadGen's scenarios: energy per query and latency. Not MLPerf Tiny."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.bench.prompt import Prompt, no_operator
from energy.characterize.scenario_figures import HighestRate, LoadFigures, ScenarioFigures, row_of
from energy.characterize.scenario_plan import make_scenario_plan
from energy.characterize.scenarios import ScenarioOutcome, run_scenario
from energy.report import notebook
from energy.report.figures.scenarios import draw_scenario
from energy.report.figures.style import parse_width
from energy.report.scenarios import scenario_lines, scenario_table, scenario_title
from energy.session.folder import default_folder
from joulebench.benches import AnyBench, AnyPath, load_bench
from joulebench.characterized import Characterized
from joulebench.hints import hinted
from joulebench.progress import Report, shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class ScenarioResult(Characterized[ScenarioOutcome]):
    """A scenario, measured: a characterization, not a result of MLPerf Tiny."""

    @property
    def figures(self) -> ScenarioFigures:
        """Runs, idle power, highest rate."""
        return self.outcome.figures

    @property
    def runs(self) -> tuple[LoadFigures, ...]:
        """Energy per query and latency of each run, by rate."""
        return self.outcome.figures.runs

    @property
    def highest(self) -> HighestRate | None:
        """The highest rate that keeps the bound of the latency; None where it was not searched."""
        return self.outcome.figures.highest

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each run; units stand in the names."""
        import pandas as pd

        return pd.DataFrame([row_of(run) for run in self.runs]).convert_dtypes()

    def plot(self, *, width: str = "screen") -> Figure:
        """Energy per query and latency over the load, or of a single run.

        Args:
            width: ``3.3in``, ``7in``, ``84mm``: as wide as the figure will be shown.
        """
        return draw_scenario(self.outcome, width_in=parse_width(width))

    def _repr_html_(self) -> str:
        parts = [notebook.table(scenario_table(self.outcome))]
        parts += [notebook.line(line) for line in scenario_lines(self.outcome)]
        parts += [notebook.findings(self.findings), notebook.line(self.folder)]
        return notebook.card(scenario_title(self.outcome), *parts, virtual=self.outcome.virtual)


@hinted
def scenario(
    bench: AnyBench,
    name: str = "single-stream",
    workload: str = "kws01",
    *,
    queries: int | None = None,
    duration_s: float = 0.0,
    samples_per_query: int | None = None,
    rate_hz: float | None = None,
    latency_bound_s: float | None = None,
    percentile: float | None = None,
    loads: Sequence[float] = (),
    seed: int = 1,
    arrivals: str | None = None,
    datasets: AnyPath | None = None,
    out: AnyPath = "sessions",
    note: str = "",
    progress: Report | bool = True,
    ask: Prompt = no_operator,
) -> ScenarioResult:
    """Measures a DUT under the queries of a scenario; the supply is off when it returns.

    Args:
        bench: A bench, its name or its file.
        name: ``"single-stream"``, ``"multiple-stream"``, ``"server"`` or ``"offline"``.
        workload: ``"kws01"``, ``"vww01"``, ``"ic01"`` or ``"ad01"``.
        queries: Fewest queries; None: as many as show that the percentile keeps its bound.
        duration_s: Shortest duration of a run.
        samples_per_query: Inferences of a query of a multiple stream; None: 8.
        rate_hz: Rate of the server's queries.
        latency_bound_s: Bound of the latency; without a rate, the highest rate that keeps it is searched.
        percentile: Part of the queries that keeps the bound; None: 0.9 of a single stream, else 0.99.
        loads: Rates of further runs of the server, as parts of the highest that the DUT can sustain.
        seed: Seed of the arrivals.
        arrivals: ``"own"`` or ``"loadgen"``; None: LoadGen where the bench is in real time.
        datasets: Folder of the official inputs; None: a synthetic input.
        out: Where the folder is made.
        note: A line for ``scenario.json``.
        progress: True shows a bar in a notebook or a terminal; a function gets the part done (0 to 1) and a
            text.
        ask: Asks the operator; give ``input`` if there is one.

    Raises:
        JoulebenchError: ``scenario.*``, ``usage.*``; what is wrong with the bench.
    """
    plan = make_scenario_plan(
        load_bench(bench),
        workload,
        name,
        queries=queries,
        duration_s=duration_s,
        samples_per_query=samples_per_query,
        rate_hz=rate_hz,
        latency_bound_s=latency_bound_s,
        percentile=percentile,
        loads=tuple(loads),
        seed=seed,
        arrivals=arrivals,
        datasets=None if datasets is None else Path(datasets),
        note=note,
    )
    folder = default_folder(Path(out), plan.workload.id, name, datetime.now(), plan.bench)
    with shown("measuring a scenario", progress) as report:
        return ScenarioResult(run_scenario(plan, folder, report, ask))
