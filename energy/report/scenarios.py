"""A scenario as a table: energy per query, latency, and waiting power over the load."""

from __future__ import annotations

from energy.characterize.arrivals import PERCENTILES
from energy.characterize.scenario_figures import LoadFigures
from energy.characterize.scenario_plan import LABEL
from energy.characterize.scenarios import ScenarioOutcome
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import engineering, significant
from energy.uncertainty.rounding import figure_text


def scenario_title(outcome: ScenarioOutcome) -> str:
    """Workload and scenario, and who sent the queries, with the label that no figure may be without."""
    plan = outcome.plan
    by = "LoadGen" if plan.arrivals == "loadgen" else "joulebench"
    return f"{plan.workload.id}, scenario {plan.load.scenario} ({LABEL}), queries by {by}"


def scenario_table(outcome: ScenarioOutcome) -> Table:
    """A table with a row per run; energies stand with their expanded uncertainty (95 %)."""
    figures, load = outcome.figures, outcome.plan.load
    unit = "sample" if load.scenario == "offline" else "query"
    table = Table(
        title=f"Scenario {load.scenario} ({LABEL})",
        columns=["rate 1/s", "queries", f"mJ/{unit} ± U", "busy", *_latency_heads(), "waiting mW", "verdict"],
        text=(8,),
        parts=([0, 1, 2, 3, 7], [0, 4, 5, 6, 8]),
    )
    for run in figures.runs:
        energy, u = run.joule_per_query * 1e3, run.u_joule_per_query
        table.rows.append(
            [
                significant(run.offered_hz or run.rate_hz, 4),
                str(len(run.queries)),
                significant(energy, 5) if u is None else figure_text(energy, u * 1e3, ""),
                f"{run.busy * 100:.1f} %",
                *(significant(run.latency_s(part) * 1e3, 4) for part in PERCENTILES),
                significant(run.waiting_w * 1e3, 4),
                _verdict(run),
            ]
        )
    return table


def _latency_heads() -> list[str]:
    return [f"p{100 * part:g} ms" for part in PERCENTILES]


def _verdict(run: LoadFigures) -> str:
    words: list[str] = []
    if run.keeps_bound is not None:
        words.append("in time" if run.keeps_bound else "late")
    if run.loadgen is not None:
        words.append("VALID" if run.loadgen["valid"] else "INVALID")
    return ", ".join(words) or NOT_KNOWN


def scenario_lines(outcome: ScenarioOutcome) -> list[str]:
    """What the table does not hold: the highest rate, the idle power, a query alone."""
    figures, load = outcome.figures, outcome.plan.load
    lines = [f"a query alone takes {engineering(figures.service_s, 's')}, wire included"]
    if figures.idle_w is not None:
        idle_mw = figures.idle_w * 1e3
        u_mw = figures.u_idle_w and figures.u_idle_w * 1e3
        shown = figure_text(idle_mw, u_mw, "") if u_mw else significant(idle_mw, 5)
        lines.append(f"idle: {shown} mJ per second")
    if figures.highest is not None and load.bound_s is not None:
        highest = figures.highest
        found = figure_text(highest.rate_hz, highest.random_hz, "")
        lines.append(
            f"highest rate with p{100 * load.percentile:g} within {engineering(load.bound_s, 's')}: {found} "
            f"queries per second (95 % of {load.queries} random arrivals); "
            f"in the long run {significant(highest.long_run_hz, 4)}"
        )
    return lines
