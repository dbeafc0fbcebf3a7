"""The figure of a scenario: energy per query and latency over the load, or the latencies of a single run."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

from typing import TYPE_CHECKING

from energy.characterize.arrivals import PERCENTILES
from energy.characterize.scenario_figures import LoadFigures, ScenarioFigures
from energy.characterize.scenarios import ScenarioOutcome
from energy.evidence.scope_text import scope_line
from energy.report.figures.axes import si_axis
from energy.report.figures.legends import legend_above
from energy.report.figures.style import (
    FLAW,
    INK,
    LINE,
    SCREEN_IN,
    WINDOW,
    add_footer,
    add_title,
    house_style,
    new_figure,
    plain_height_in,
    room_in,
)
from energy.report.scenarios import scenario_lines, scenario_title
from energy.report.setups import setup_line
from energy.report.units import significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 40


def draw_scenario(outcome: ScenarioOutcome, *, width_in: float = SCREEN_IN) -> Figure:
    """Draws energy per query and latency over the load, or the latencies of a single run.

    Args:
        outcome: A measurement of a scenario.
        width_in: Width of the figure.
    """
    figures = outcome.figures
    texts = [scenario_title(outcome), setup_line(outcome.setup), *scenario_lines(outcome)]
    notes = ["bars: 95 %", scope_line(outcome.setup.scope)]
    below = width_in < 5
    with house_style(width_in):
        panel_in = plain_height_in(width_in) * (1.0 if below else 0.75) + 0.2
        height_in = panel_in * (2 if below else 1) + room_in(width_in, texts, notes, 4 if below else 2)
        figure = new_figure(width_in, height_in)
        left, right = figure.subplots(2, 1) if below else figure.subplots(1, 2)
        if outcome.plan.load.scenario == "server" and len(figures.runs) > 1:
            _draw_energy(left, figures)
            _draw_latency(right, outcome)
        else:
            _draw_parts(left, outcome)
            _draw_latencies(right, max(figures.runs, key=lambda run: run.load.rate_hz))
        for axes in (left, right):
            legend_above(axes, width_in, 1.0 if below else 0.5)
        add_title(figure, texts, virtual=outcome.virtual)
        add_footer(figure, notes)
    return figure


def _draw_energy(axes: Axes, figures: ScenarioFigures) -> None:
    runs = figures.runs
    axes.errorbar(
        [run.load.rate_hz for run in runs],
        [run.joule_per_query for run in runs],
        yerr=[(run.u_joule_per_query or 0.0) for run in runs],
        color=LINE, ecolor=INK, marker="o", capsize=3, label="measured",
    )  # fmt: skip
    floor = min(run.marked_j / run.samples for run in runs)
    axes.axhline(floor, color=WINDOW, linestyle="--", label="an inference between its marks")
    axes.set_xlim(0, None)
    axes.set_ylim(0, None)
    si_axis(axes, "x", "queries per second that arrive", "")
    si_axis(axes, "y", "energy per query", "J")


def _draw_latency(axes: Axes, outcome: ScenarioOutcome) -> None:
    runs, load = outcome.figures.runs, outcome.plan.load
    rates = [run.load.rate_hz for run in runs]
    for part, shade in zip(PERCENTILES, (0.45, 0.7, 1.0), strict=True):
        axes.plot(rates, [run.latency_s(part) for run in runs], color=LINE, alpha=shade, marker="o",
                  label=f"p{100 * part:g}")  # fmt: skip
    if load.bound_s is not None:
        axes.axhline(load.bound_s, color=FLAW, linestyle="--", label=f"bound of p{100 * load.percentile:g}")
    if outcome.figures.highest is not None:
        axes.axvline(outcome.figures.highest.rate_hz, color=INK, linewidth=0.8, label="highest rate")
    axes.set_xlim(0, None)
    axes.set_ylim(0, None)
    si_axis(axes, "x", "queries per second that arrive", "")
    si_axis(axes, "y", "latency", "s")


def _draw_parts(axes: Axes, outcome: ScenarioOutcome) -> None:
    """Energy of a query: what lies between its marks, and the rest."""
    runs = outcome.figures.runs
    unit = "sample" if outcome.plan.load.scenario == "offline" else "query"
    for place, run in enumerate(runs):
        inside = run.marked_j / run.counted
        rest = run.joule_per_query - inside
        axes.bar(
            place, inside, color=LINE, width=0.5, label=None if place else "inferences, between the marks"
        )
        axes.bar(place, rest, bottom=inside, color=WINDOW, width=0.5,
                 label=None if place else "idle, wire, loading")  # fmt: skip
        axes.errorbar(place, inside + rest, yerr=(run.u_joule_per_query or 0.0), color=INK, capsize=4)
    axes.set_xlim(-0.8, len(runs) - 0.2)
    axes.set_ylim(0, max(run.joule_per_query for run in runs) * 1.3)
    rates = [
        f"{significant(run.rate_hz, 4)} {'samples' if unit == 'sample' else 'queries'}/s" for run in runs
    ]
    axes.set_xticks(range(len(runs)), rates)
    si_axis(axes, "y", f"energy per {unit}", "J")


def _draw_latencies(axes: Axes, run: LoadFigures) -> None:
    """The latency that a part of the queries keeps."""
    latencies_s = sorted(query.latency_s for query in run.queries)
    count = len(latencies_s)
    axes.step(latencies_s, [100 * (place + 1) / count for place in range(count)], color=LINE, where="post",
              marker="o" if count < _BINS else None)  # fmt: skip
    part = run.load.percentile
    axes.axvline(run.latency_s(part), color=INK, linewidth=0.8, label=f"p{100 * part:g}")
    if run.load.bound_s is not None:
        axes.axvline(run.load.bound_s, color=FLAW, linestyle="--", label="bound")
    axes.set_xlim(0, latencies_s[-1] * 1.15)
    axes.set_ylim(0, 103)
    si_axis(axes, "x", "latency", "s")
    axes.set_ylabel("queries answered within it (%)")
