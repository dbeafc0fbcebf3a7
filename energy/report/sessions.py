"""Tables and figures that compare sessions, from their outcomes and their folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from energy.benchmark.workloads import WORKLOADS
from energy.catalogue.row import read_rows
from energy.errors import JoulebenchError
from energy.evidence.setup import Setup
from energy.findings import Severity
from energy.report.chart import chart_of
from energy.report.figures.latency import draw_latency
from energy.report.figures.style import SCREEN_IN, save
from energy.report.figures.trace import draw_recording
from energy.report.point_sources import points_of
from energy.report.points import catalogue_points
from energy.report.repeats import repeat_cell
from energy.report.setups import setup_line, with_setups
from energy.report.table import NOT_KNOWN, Table
from energy.report.tables import percent
from energy.report.uncertainty import cost_cell
from energy.report.units import significant
from energy.runs.measured import load, measure_run
from energy.session.accuracy_outcome import AccuracyOutcome
from energy.session.outcome import Outcome, Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def session_table(outcomes: list[Outcome], failures: list[tuple[Plan, JoulebenchError]]) -> Table:
    """A table with a row per workload: throughput of both modes, energy, power, spread, and validity."""
    table = Table(
        title="Sessions, each the median of five",
        columns=[
            "workload",
            "inf/s performance",
            "inf/s energy",
            "energy/inference",
            "mW",
            "spread",
            "repeated",
            "valid",
        ],
        text=(0, 6, 7),
    )
    setups: list[Setup] = []
    for workload in dict.fromkeys(outcome.plan.workload.id for outcome in outcomes):
        by_mode = {o.plan.mode: o for o in outcomes if o.plan.workload.id == workload}
        performance, energy = by_mode.get("performance"), by_mode.get("energy")
        figures = energy.figures if energy else None
        cost = figures.joule_per_inference() if figures else None
        power = figures.power_w() if figures else None
        virtual = any(outcome.plan.bench.virtual for outcome in by_mode.values())
        setups.append((energy or next(iter(by_mode.values()))).setup)
        table.rows.append(
            [
                f"{'VIRTUAL ' if virtual else ''}{workload} ({WORKLOADS[workload].title})",
                *(_throughput(outcome) for outcome in (performance, energy)),
                cost_cell(energy.stated if energy else None, cost.median if cost else None),
                significant(power.median * 1e3, 4) if power else NOT_KNOWN,
                percent(cost),
                repeat_cell([attempt for outcome in by_mode.values() for attempt in outcome.rejected]),
                _verdict(list(by_mode.values()), [f for f in failures if f[0].workload.id == workload]),
            ]
        )
    return with_setups(table, setups)


def accuracy_table(outcomes: list[AccuracyOutcome]) -> Table:
    """A table with a row per accuracy session: accuracy, the workload's metric and its target."""
    table = Table(
        title="Accuracy",
        columns=["workload", "files", "Top 1%", "AUC", "metric", "target", "valid"],
        text=(0, 4, 6),
    )
    for outcome in outcomes:
        workload, figures = outcome.plan.workload, outcome.figures
        errors = sorted({f.code for f in outcome.findings if f.severity is Severity.ERROR})
        verdict = "yes" if outcome.valid else f"no: {', '.join(errors) or 'a part of the set'}"
        table.rows.append(
            [
                f"{'VIRTUAL ' if outcome.plan.bench.virtual else ''}{workload.id} ({workload.title})",
                str(len(outcome.plan.validation.files)),
                f"{figures.top_1:.1f}" if figures else NOT_KNOWN,
                f"{figures.auc:.3f}" if figures and figures.auc is not None else NOT_KNOWN,
                workload.metric,
                f"{workload.target:g}",
                verdict,
            ]
        )
    return with_setups(table, [outcome.setup for outcome in outcomes])


def _throughput(outcome: Outcome | None) -> str:
    return significant(outcome.throughput.median) if outcome and outcome.throughput else NOT_KNOWN


def _verdict(outcomes: list[Outcome], failures: list[tuple[Plan, JoulebenchError]]) -> str:
    if failures:
        return "no: " + ", ".join(f"{plan.mode} failed ({error.code})" for plan, error in failures)
    errors = {f.code for o in outcomes for f in o.findings if f.severity is Severity.ERROR}
    if errors:
        return "no: " + ", ".join(sorted(errors))
    return "yes" if all(outcome.valid for outcome in outcomes) else "no: trials are missing"


def draw_sessions(outcomes: list[Outcome], out: Path) -> list[Path]:
    """Draws the recording of each energy session into its folder, and all of them side by side into ``out``.

    Args:
        outcomes: Sessions; those without energy are left out.
        out: Where ``energy-against-latency.png`` goes.

    Returns:
        The pictures' paths.
    """
    pictures: list[Path] = []
    of_energy = [outcome for outcome in outcomes if outcome.figures]
    for outcome in of_energy:
        measured = measure_run(load(outcome.folder))
        figure = draw_recording(measured, f"{outcome.plan.workload.id} · {setup_line(outcome.setup)}")
        pictures.append(save(figure, outcome.folder / "figures" / "recording.png"))
    if of_energy:
        figure = draw_over_latency([outcome.folder for outcome in outcomes])
        pictures.append(save(figure, out / "energy-against-latency.png"))
    return pictures


def draw_over_latency(folders: Sequence[Path], width_in: float = SCREEN_IN) -> Figure:
    """Draws sessions over the published results of their workloads: energy per inference over latency.

    Args:
        folders: Folders of sessions; at least one has an energy.
        width_in: Width of the figure.
    """
    rows = read_rows()
    own = points_of([str(folder) for folder in folders], rows)
    workloads = {point.benchmark for point in own}
    return draw_latency(
        chart_of(own + catalogue_points([row for row in rows if row.benchmark in workloads])), width_in
    )
