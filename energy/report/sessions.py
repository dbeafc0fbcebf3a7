"""Tables and a picture that compare sessions: the picture shows energy per inference over latency."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from energy.benchmark.workloads import WORKLOADS
from energy.errors import JoulebenchError
from energy.evidence.setup import Setup
from energy.findings import Severity
from energy.printable import for_figure
from energy.report.figures.recording import draw_recording
from energy.report.figures.style import FLAW, INK, LINE, add_footer, save
from energy.report.repeats import repeat_cell
from energy.report.setups import scope_lines, setup_line, with_setups
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


def _plain(value: float, _: int) -> str:
    return f"{value:g}"


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
        title = f"Energy against latency · {setup_line(of_energy[0].setup)}"
        figure = draw_energy_against_latency(of_energy, title)
        pictures.append(save(figure, out / "energy-against-latency.png"))
    return pictures


def draw_energy_against_latency(outcomes: list[Outcome], title: str) -> Figure:
    """Draws energy per inference over latency, both logarithmic, with lines of equal mean power.

    Args:
        outcomes: Energy sessions; others are left out.
        title: Title of the picture.

    Returns:
        A figure of 8 x 6 inch, not yet written anywhere.
    """
    import numpy as np
    from matplotlib.ticker import FuncFormatter

    from energy.report.figures.shown import ShownFigure

    points: list[tuple[float, float, str]] = []
    expanded_uj: list[float] = []
    for outcome in outcomes:
        cost = outcome.figures.joule_per_inference() if outcome.figures else None
        if cost and outcome.throughput:
            points.append((1e3 / outcome.throughput.median, cost.median * 1e6, outcome.plan.workload.id))
            expanded_uj.append(outcome.stated.joule_per_inference.expanded * 1e6 if outcome.stated else 0.0)
    figure = ShownFigure(figsize=(8, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="latency per inference (ms)",
        ylabel="energy per inference (µJ), bars: ± U (95 %)",
    )
    virtual = any(outcome.plan.bench.virtual for outcome in outcomes)
    lines = textwrap.wrap(f"{'VIRTUAL · ' if virtual else ''}{title}", 80)
    figure.suptitle(for_figure("\n".join(lines)), fontsize=12)
    add_footer(figure, scope_lines([(outcome.plan.workload.id, outcome.setup) for outcome in outcomes]))
    if not points:
        return figure
    latencies, energies = [p[0] for p in points], [p[1] for p in points]
    x = np.array([min(latencies) / 3, max(latencies) * 8])  # room for the labels
    axes.set_xlim(*x)
    axes.set_ylim(min(energies) / 3, max(energies) * 3)
    for power_mw in (0.1, 1, 10, 100, 1000):
        axes.plot(x, x * power_mw, color=INK, lw=0.6, ls=":", alpha=0.6)
        right = min(max(energies) * 2.6 / power_mw, x[1] * 0.8)
        if axes.get_ylim()[0] < right * power_mw and right > x[0]:
            axes.text(right, right * power_mw, f"{power_mw:g} mW", fontsize=8, alpha=0.8, ha="right")
    axes.errorbar(latencies, energies, yerr=expanded_uj, fmt="o", color=LINE, ms=6, capsize=4)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_plain))
    for latency, energy, name in points:
        text = f"  {name}\n  {significant(energy, 4)} µJ at {significant(1e3 / latency, 4)} inf/s"
        axes.annotate(text, (latency, energy), va="top", fontsize=9)
    if virtual:
        figure.text(0.55, 0.5, "VIRTUAL", fontsize=70, color=FLAW, alpha=0.10, ha="center", va="center",
                    rotation=20, weight="bold")  # fmt: skip
    return figure
