"""Energy per inference or mean power over latency: own points in colour over the grey published ones."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from energy.benchmark.workloads import WORKLOADS
from energy.catalogue.processors import KINDS
from energy.printable import for_figure
from energy.report.chart import Chart, Panel, Placed, ordered
from energy.report.figures.axes import si_axis
from energy.report.figures.frame import Entry, fit, key_lines, new_frame
from energy.report.figures.isolines import IsoLines, draw_isolines
from energy.report.figures.labels import Label, Places
from energy.report.figures.latency_text import key_entries, notes_of, region_line, title_of
from energy.report.figures.style import (
    BAND,
    FLAW,
    GREY,
    INK,
    PAGE_IN,
    Sizes,
    colour_of,
    house_style,
    marker_of,
)
from energy.report.point_labels import distinct_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Labels = Literal["auto", "all", "front", "own", "none"]
"""Which points are labelled; ``"auto"``: all where there is room for a key, else own ones and fronts."""

_NAMED = 12
"""Own points up to which each has its name in the figure; more of them have numbers."""
_MOST = 300
"""Numbers in a figure at most; of more points, only those on a front have theirs."""
_UNLABELLED = f"More than {_MOST} points: only those on a front have their number."
_LEAST_DECADES = 0.5
"""Room beside a single point, in decades."""
_DIM = 0.22
"""Opacity of what lies outside the region of interest."""
_LARGER = {"*": 1.5, "P": 1.15, "H": 1.1}
"""Markers that look smaller than others of their size."""
_LINES = "#66727c"
"""Colour of the lines of equal power and their labels."""
TITLES = {workload.benchmark: f"{workload.benchmark} · {workload.title}" for workload in WORKLOADS.values()}
TITLES["sww"] = "sww · streaming wake word"


@dataclass(frozen=True)
class _Drawing:
    """What a panel needs to know of the whole figure."""

    chart: Chart
    size: Sizes
    wanted: Labels
    named: dict[str, str]
    coloured: bool
    only_fronts: bool = False

    @property
    def mixed(self) -> bool:
        """Whether some own points come from the virtual bench, and others do not."""
        return len({one.point.virtual for one in self.chart.own}) > 1


def draw_latency(
    chart: Chart, width_in: float = PAGE_IN, title: str = "", labels: Labels = "auto", *, panel: bool = False
) -> Figure:
    """Draws a chart over latency, both axes logarithmic.

    Args:
        chart: The points, what the axes show, and the region of interest.
        width_in: Width of the figure.
        title: Its title; empty: what it shows.
        labels: Which points are labelled.
        panel: Whether it is a panel for a paper: without title, key and notes, which a caption holds.

    Returns:
        A figure whose height follows its content, not yet written anywhere.
    """
    own = chart.own
    wanted = _wanted(labels, width_in, panel=panel)
    named = distinct_labels([one.point for one in own]) if len(own) <= _NAMED else {}
    with house_style(width_in) as size:
        drawing = _Drawing(chart, size, wanted, named, coloured=not own)
        shown = [one for one in chart.placed if _has_number(one, drawing)]
        if len(shown) > _MOST:
            drawing = replace(drawing, only_fronts=True)
            shown = [one for one in shown if one.front]
        key = key_lines([] if panel else key_entries(chart, shown, named), width_in, size)
        frame = new_frame(
            width_in,
            panels=len(chart.panels),
            title=[] if panel else [title or title_of(chart), region_line(chart)],
            legend=_legend(drawing),
            key=key,
            notes=[*notes_of(chart, panel=panel), *([_UNLABELLED] if drawing.only_fronts else [])],
            virtual=chart.virtual,
        )
        for axes, one in zip(frame.axes, chart.panels, strict=True):
            _draw_panel(axes, one, drawing)
    return frame.figure


def _wanted(labels: Labels, width_in: float, *, panel: bool) -> Labels:
    if labels != "auto":
        return labels
    return "front" if panel or width_in < 5 else "all"


def _has_number(placed: Placed, drawing: _Drawing) -> bool:
    """Whether a point is labelled by its number."""
    if placed.point.name in drawing.named or drawing.wanted == "none" or not _inside(placed):
        return False
    if drawing.only_fronts:
        return placed.front
    if drawing.wanted == "all" or placed.point.own:
        return True
    return drawing.wanted == "front" and placed.front


def _inside(placed: Placed) -> bool:
    return placed.region in (None, "inside")


def _draw_panel(axes: Axes, panel: Panel, drawing: _Drawing) -> None:
    chart, size = drawing.chart, drawing.size
    axes.set(xscale="log", yscale="log")
    if not panel.placed:
        axes.text(0.5, 0.5, "no points", transform=axes.transAxes, ha="center", va="center")
        return
    axes.set_xlim(*log_limits([one.x for one in panel.placed]))
    ys = [y for one in panel.placed for y in _ends(one)]
    axes.set_ylim(*log_limits(ys))
    _label_axes(axes, panel, chart)
    fit(axes, size)
    if panel.benchmark:
        name = TITLES.get(panel.benchmark, for_figure(panel.benchmark))
        axes.set_title(name, color=colour_of(panel.benchmark), weight="bold")
    _shade(axes, chart)
    _draw_points(axes, panel, drawing)
    _draw_fronts(axes, panel)
    places = Places(axes, [(one.x, one.y) for one in panel.placed], size.marker)
    for label in _labels(panel, drawing):
        if not places.place(label):
            axes.annotate(
                label.text, (label.x, label.y), fontsize=label.size_pt, visible=False, gid="no room"
            )
    for lines in _isolines(chart, panel):
        draw_isolines(axes, places, lines, max(size.small - 0.5, 6.0))


def _ends(one: Placed) -> tuple[float, ...]:
    half = one.y_expanded or 0.0
    return (one.y, one.y + half, *((one.y - half,) if one.y > half else ()))


def log_limits(values: Sequence[float]) -> tuple[float, float]:
    """Limits of a logarithmic axis around some values, with room beside them."""
    low, high = math.log10(min(values)), math.log10(max(values))
    room = max(0.07 * (high - low), 0.12, (2 * _LEAST_DECADES - (high - low)) / 2)
    return 10 ** (low - room), 10 ** (high + room)


def _label_axes(axes: Axes, panel: Panel, chart: Chart) -> None:
    view = chart.view
    y_name = "mean power" if view.y == "power" else "energy per inference"
    if panel.streaming and view.y == "energy":
        y_name = "energy of the stream"
    if view.relative_to is not None:
        name = for_figure(view.relative_to.name)
        si_axis(axes, "x", "latency, relative", "")
        si_axis(axes, "y", f"{y_name}, relative", "", "")
        axes.set_ylabel(f"{y_name} ÷ {name}" if len(name) < 24 else f"{y_name}, relative")
        axes.set_xlabel(f"latency ÷ {name}" if len(name) < 24 else "latency, relative")
        return
    per = "/MAC" if view.per_mac else ""
    si_axis(axes, "x", "latency per MAC" if per else "latency per inference", "s")
    si_axis(axes, "y", "energy per MAC" if per else y_name, "W" if view.y == "power" else "J")


def _draw_points(axes: Axes, panel: Panel, drawing: _Drawing) -> None:
    """Draws the bars of all points as collections, and each point as a line of its own.

    Of more than ``_MOST`` points, those that look the same are one line: thousands are drawn at once.
    """
    from matplotlib.collections import LineCollection

    many = len(panel.placed) > _MOST
    alike: dict[tuple[tuple[str, Any], ...], list[Placed]] = {}
    for one in panel.placed:
        look = _look(one, drawing)
        look["gid"] = "points" if many else f"point {one.point.name}"
        alike.setdefault(tuple(look.items()), []).append(one)
    for look, ones in alike.items():
        axes.plot([one.x for one in ones], [one.y for one in ones], ls="", **dict(look))
    bars: dict[tuple[str, float], list[Placed]] = {}
    for one in panel.placed:
        if one.y_expanded is not None:
            bars.setdefault((_colour(one, drawing), _alpha(one)), []).append(one)
    for (colour, alpha), ones in bars.items():
        ends = np.array(
            [[(one.x, max(one.y - half, one.y * 1e-3)), (one.x, one.y + half)]
             for one in ones if (half := one.y_expanded) is not None]
        )  # fmt: skip
        if many:  # one path with a break behind each bar
            breaks = np.full((len(ends), 1, 2), np.nan)
            ends = np.concatenate((ends, breaks), axis=1).reshape(1, -1, 2)
        axes.add_collection(
            LineCollection(list(ends), colors=colour, alpha=alpha, linewidths=0.8, zorder=2.9, gid="bars"),
            autolim=False,
        )


def _look(one: Placed, drawing: _Drawing) -> dict[str, Any]:
    """What the marker of a point looks like."""
    own, flawed = one.point.own, one.point.valid is False
    colour, marker = _colour(one, drawing), marker_of(one.point.processor_kind)
    larger = 1.25 if own and not drawing.coloured else 0.9
    return {
        "marker": marker,
        "ms": drawing.size.marker * _LARGER.get(marker, 1.0) * larger,
        "mfc": "white" if flawed else colour,
        "mec": FLAW if flawed else colour,
        "mew": 0.8 if flawed else 0.3,
        "alpha": _alpha(one),
        "zorder": 5 if own else 3,
    }


def _colour(one: Placed, drawing: _Drawing) -> str:
    return colour_of(one.point.benchmark) if one.point.own or drawing.coloured else GREY


def _alpha(one: Placed) -> float:
    return 1.0 if _inside(one) else _DIM


def _draw_fronts(axes: Axes, panel: Panel) -> None:
    for benchmark in dict.fromkeys(one.point.benchmark for one in panel.placed):
        members = sorted(
            (one.x, one.y) for one in panel.placed if one.front and one.point.benchmark == benchmark
        )
        if len(members) > 1:
            x, y = zip(*members, strict=True)
            axes.plot(x, y, drawstyle="steps-post", color=colour_of(benchmark), lw=1.0, alpha=0.55, zorder=2,
                      gid=f"front {benchmark}")  # fmt: skip


def _shade(axes: Axes, chart: Chart) -> None:
    """Shades what the limits on latency, power and energy leave of the axes."""
    region, view = chart.region, chart.view
    if view.per_mac or view.relative_to is not None:
        return
    limits = region.max_latency_s, region.max_power_w, region.max_energy_j
    if all(limit is None for limit in limits):
        return
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    stop = min(right, region.max_latency_s or right)
    if stop <= left:
        return
    x = np.geomspace(left, stop, 200)
    energy, power = region.max_energy_j or math.inf, region.max_power_w or math.inf
    top = np.minimum(energy, power * x) if view.y == "energy" else np.minimum(power, energy / x)
    axes.fill_between(x, low, np.clip(top, low, high), color=BAND, alpha=0.35, lw=0, zorder=0, gid="region")


def _labels(panel: Panel, drawing: _Drawing) -> Iterable[Label]:
    """Labels, those of own points first, then those with the least room around them."""
    size, marker = drawing.size.small, drawing.size.marker
    order = sorted(panel.placed, key=lambda one: (not one.point.own, not one.front, -one.x))
    for one in order:
        name = drawing.named.get(one.point.name)
        if name is not None and _inside(one) and drawing.wanted != "none":
            colour = colour_of(one.point.benchmark)
            virtual = drawing.mixed and one.point.virtual
            yield Label(
                for_figure(f"VIRTUAL {name}" if virtual else name), one.x, one.y, size, colour, marker
            )
    for one in order:
        if _has_number(one, drawing):
            yield Label(str(one.number), one.x, one.y, max(size - 0.5, 6.0), INK, marker)


def _isolines(chart: Chart, panel: Panel) -> list[IsoLines]:
    view = chart.view
    if panel.streaming and view.y == "energy":
        return []  # the energy of a stream is not power times latency
    if view.relative_to is not None:
        return [IsoLines(1, "", 5, ":", _LINES)] if view.y == "energy" else []
    if view.y == "energy":
        products = [] if view.per_mac else [IsoLines(-1, "J·s", 4, (0, (6, 3)), _LINES)]
        return [IsoLines(1, "W", 6, ":", _LINES), *products]
    if any(one.point.streaming for one in panel.placed):
        return []
    return [IsoLines(-1, "J", 6, ":", _LINES), IsoLines(-2, "J·s", 4, (0, (6, 3)), _LINES)]


def _legend(drawing: _Drawing) -> list[Entry]:
    """Kinds of processors, workloads where colours tell them apart, and the lines."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    chart, ms = drawing.chart, drawing.size.marker
    placed = chart.placed
    kinds = {one.point.processor_kind for one in placed}
    entries: list[Entry] = []
    for kind in (kind for kind in KINDS if kind in kinds):
        marker = marker_of(kind)
        handle = Line2D([], [], marker=marker, ls="", color=INK, ms=ms * _LARGER.get(marker, 1.0))
        entries.append((handle, kind if kind != "not known" else "processor not known"))
    benchmarks = ordered({one.point.benchmark for one in placed if one.point.own or drawing.coloured})
    if len(chart.panels) == 1 and len(benchmarks) > 1:
        entries += [(Patch(color=colour_of(name)), name or "no workload") for name in benchmarks]
    if not drawing.coloured and any(not one.point.own for one in placed):
        entries.append((Line2D([], [], marker="o", ls="", color=GREY, ms=ms), "published results"))
    if any(one.point.valid is False for one in placed):
        flawed = Line2D([], [], marker="o", ls="", mfc="white", mec=FLAW, mew=0.8, ms=ms)
        entries.append((flawed, "errors were found"))
    if any(one.front for one in placed):
        entries.append((Line2D([], [], color=INK, lw=1.0, alpha=0.55), "Pareto front"))
    lines = [line for panel in chart.panels for line in _isolines(chart, panel)]
    for unit, text in (
        ("W", "equal power"),
        ("J", "equal energy"),
        ("J·s", "equal energy × delay"),
        ("", "equal power ratio"),
    ):
        style = next((line.style for line in lines if line.unit == unit), None)
        if style is not None:
            entries.append((Line2D([], [], color=_LINES, lw=0.7, ls=style), text))
    if chart.region:
        entries.append((Patch(facecolor=BAND, alpha=0.5), "region of interest"))
    return entries
