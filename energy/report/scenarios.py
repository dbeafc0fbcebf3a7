"""A scenario as a table and as curves: energy per query, latency, and waiting power over the load."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from energy.characterize.arrivals import PERCENTILES
from energy.characterize.scenario_figures import LoadFigures, ScenarioFigures
from energy.characterize.scenario_plan import LABEL
from energy.characterize.scenarios import ScenarioOutcome
from energy.printable import for_figure
from energy.report.figures.style import FLAW, INK, LINE, WINDOW
from energy.report.setups import setup_line
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import engineering, prefixed, scale_for, significant
from energy.uncertainty.rounding import figure_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLE_WIDTH = 92
_BINS = 40


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


def draw_scenario(outcome: ScenarioOutcome) -> Figure:
    """Draws energy per query and latency over the load, or the latencies of a single run.

    Args:
        outcome: A measurement of a scenario.

    Returns:
        A figure 11 inch wide, not yet written anywhere.
    """
    import matplotlib as mpl

    from energy.report.figures.shown import ShownFigure

    figures = outcome.figures
    with mpl.rc_context(
        {"font.size": 10, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK,
         "axes.spines.top": False, "axes.spines.right": False}
    ):  # fmt: skip
        figure = ShownFigure(figsize=(11, 5.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        if outcome.plan.load.scenario == "server" and len(figures.runs) > 1:
            _draw_energy(left, figures)
            _draw_latency(right, outcome)
        else:
            _draw_parts(left, outcome)
            _draw_latencies(right, max(figures.runs, key=lambda run: run.load.rate_hz))
        title = f"{'VIRTUAL · ' if outcome.virtual else ''}{scenario_title(outcome)}"
        lines = [
            part
            for line in (title, setup_line(outcome.setup), *scenario_lines(outcome))
            for part in _wrapped(line)
        ]
        figure.suptitle(for_figure("\n".join(lines)), fontsize=12)
        if outcome.virtual:
            figure.text(0.5, 0.45, "VIRTUAL", fontsize=80, color=FLAW, alpha=0.10, ha="center", va="center",
                        rotation=12, weight="bold")  # fmt: skip
    return figure


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _TITLE_WIDTH)


def _draw_energy(axes: Axes, figures: ScenarioFigures) -> None:
    runs = figures.runs
    power = scale_for(max(run.joule_per_query for run in runs))
    factor = 10.0**-power
    axes.errorbar(
        [run.load.rate_hz for run in runs],
        [run.joule_per_query * factor for run in runs],
        yerr=[(run.u_joule_per_query or 0.0) * factor for run in runs],
        color=LINE, ecolor=INK, marker="o", capsize=3, label="measured, bars: 95 %",
    )  # fmt: skip
    floor = min(run.marked_j / run.samples for run in runs) * factor
    axes.axhline(floor, color=WINDOW, linestyle="--", label="an inference between its marks")
    axes.set_xlim(0, None)
    axes.set_ylim(0, None)
    axes.set_xlabel("queries per second that arrive")
    axes.set_ylabel(f"energy per query ({prefixed(power, 'J')})")
    axes.legend(frameon=False)


def _draw_latency(axes: Axes, outcome: ScenarioOutcome) -> None:
    runs, load = outcome.figures.runs, outcome.plan.load
    rates = [run.load.rate_hz for run in runs]
    for part, shade in zip(PERCENTILES, (0.45, 0.7, 1.0), strict=True):
        axes.plot(rates, [run.latency_s(part) * 1e3 for run in runs], color=LINE, alpha=shade, marker="o",
                  label=f"p{100 * part:g}")  # fmt: skip
    if load.bound_s is not None:
        bound_ms = load.bound_s * 1e3
        axes.axhline(bound_ms, color=FLAW, linestyle="--", label=f"bound of p{100 * load.percentile:g}")
    if outcome.figures.highest is not None:
        axes.axvline(outcome.figures.highest.rate_hz, color=INK, linewidth=0.8, label="highest rate")
    axes.set_xlim(0, None)
    axes.set_ylim(0, None)
    axes.set_xlabel("queries per second that arrive")
    axes.set_ylabel("latency (ms)")
    axes.legend(frameon=False)


def _draw_parts(axes: Axes, outcome: ScenarioOutcome) -> None:
    """Energy of a query: what lies between its marks, and the rest."""
    runs = outcome.figures.runs
    unit = "sample" if outcome.plan.load.scenario == "offline" else "query"
    power = scale_for(max(run.joule_per_query for run in runs))
    factor = 10.0**-power
    for place, run in enumerate(runs):
        inside = run.marked_j / run.counted * factor
        rest = run.joule_per_query * factor - inside
        axes.bar(
            place, inside, color=LINE, width=0.5, label=None if place else "inferences, between the marks"
        )
        axes.bar(place, rest, bottom=inside, color=WINDOW, width=0.5,
                 label=None if place else "idle, wire, loading")  # fmt: skip
        axes.errorbar(
            place, inside + rest, yerr=(run.u_joule_per_query or 0.0) * factor, color=INK, capsize=4
        )
    axes.set_xlim(-0.8, len(runs) - 0.2)
    axes.set_ylim(0, max(run.joule_per_query for run in runs) * factor * 1.3)
    rates = [
        f"{significant(run.rate_hz, 4)} {'samples' if unit == 'sample' else 'queries'}/s" for run in runs
    ]
    axes.set_xticks(range(len(runs)), rates)
    axes.set_ylabel(f"energy per {unit} ({prefixed(power, 'J')}), bar: 95 %")
    axes.legend(frameon=False, loc="upper right")


def _draw_latencies(axes: Axes, run: LoadFigures) -> None:
    """The latency that a part of the queries keeps."""
    latencies_ms = sorted(query.latency_s * 1e3 for query in run.queries)
    count = len(latencies_ms)
    axes.step(latencies_ms, [100 * (place + 1) / count for place in range(count)], color=LINE, where="post",
              marker="o" if count < _BINS else None)  # fmt: skip
    part = run.load.percentile
    axes.axvline(run.latency_s(part) * 1e3, color=INK, linewidth=0.8, label=f"p{100 * part:g}")
    if run.load.bound_s is not None:
        axes.axvline(run.load.bound_s * 1e3, color=FLAW, linestyle="--", label="bound")
    axes.set_xlim(0, latencies_ms[-1] * 1.15)
    axes.set_ylim(0, 103)
    axes.set_xlabel("latency (ms)")
    axes.set_ylabel("queries answered within it (%)")
    axes.legend(frameon=False, loc="upper left")
