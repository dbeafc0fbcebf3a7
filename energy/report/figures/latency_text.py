"""The words of a chart over latency: title, key, and the notes that a reader needs to judge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from energy.report.chart import Chart, Placed
from energy.report.point_labels import common_text, scope_lines_of
from energy.report.units import compact
from energy.uncertainty.rounding import figure_text


def title_of(chart: Chart) -> str:
    """The title: what is shown, and what is the same for all own points."""
    what = {"energy": "Energy per inference", "power": "Mean power"}[chart.view.y]
    if chart.view.per_mac:
        what = "Energy per multiply-accumulate"
    relative = chart.view.relative_to
    parts = [f"{what} over latency{f', relative to {relative.name}' if relative else ''}"]
    own = [one.point for one in chart.own]
    parts += [common_text(own)] if own else ["published results of MLPerf Tiny"]
    return " · ".join(filter(None, parts))


def region_line(chart: Chart) -> str:
    """The region of interest and how many points lie in it; empty without one."""
    if not chart.region:
        return ""
    verdicts = [one.region for one in chart.placed]
    unknown = verdicts.count("unknown")
    more = f", {unknown} not known" if unknown else ""
    return f"{chart.region.text()}: {verdicts.count('inside')} of {len(verdicts)} points{more}"


def key_entries(chart: Chart, shown: Sequence[Placed], named: Mapping[str, str]) -> list[tuple[str, str]]:
    """Number and text of what is labelled by a number; of what lies in a region of interest, its figures.

    Args:
        chart: The chart.
        shown: The points that are labelled by their number.
        named: Labels of the points that have their name in the figure.
    """
    numbers = sorted({one.number for one in shown})
    if not chart.region:
        return [(str(number), chart.numbered[number]) for number in numbers]
    own = [one for one in chart.placed if one.point.name in named and one.region == "inside"]
    inside = [*own, *shown]
    several = len({one.point.benchmark for one in inside}) > 1
    return [
        (
            "●" if one.point.name in named else str(one.number),
            f"{named.get(one.point.name) or chart.numbered[one.number]} · {_figures(one, several)}",
        )
        for one in sorted(inside, key=lambda one: (one.point.benchmark, one.y, one.x))
    ]


def _figures(one: Placed, several: bool) -> str:
    point = one.point
    joule = point.joule_per_inference
    energy = figure_text(joule, point.expanded_uncertainty_j or 0.0, "J") if joule is not None else ""
    latency = compact(point.latency_s, "s") if point.latency_s else ""
    return " · ".join(filter(None, (point.benchmark if several else "", energy, latency)))


def notes_of(chart: Chart, *, panel: bool) -> list[str]:
    """What stands below the figure: scope, uncertainty, the front's rule, what was left out.

    Args:
        chart: The chart.
        panel: Whether only the scope is wanted, since a caption holds the rest.
    """
    scopes = scope_lines_of([one.point for one in chart.placed])
    notes = ["; ".join(scopes) + "."] if scopes else []
    if panel:
        return notes
    placed = chart.placed
    if any(one.y_expanded for one in placed):
        assumed = any(one.point.assumed for one in placed)
        own = any(one.y_expanded and not one.point.assumed for one in placed)
        by = " by assumed budgets" if assumed else ""
        notes.append(f"Bars: ± U (95 %){', of published results' if by and own else ''}{by}.")
    none = sum(one.y_expanded is None for one in placed)
    if none:
        notes.append(f"{none} {'point has' if none == 1 else 'points have'} no stated uncertainty.")
    if any(one.point.latency_mode == "energy" for one in chart.own):
        notes.append(
            "Latency is that of performance mode; of own points without such a session, that of energy mode."
        )
    notes += [f"{line}." for line in chart.left_out_lines()]
    return notes
