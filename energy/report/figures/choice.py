"""Accuracy over energy, latency and memory: the four metrics of a choice between models in one figure."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energy.printable import for_figure
from energy.report.choice import METRICS, Choice, Metric, metric_of
from energy.report.figures.axes import si_axis
from energy.report.figures.frame import Entry, fit, key_lines, new_frame
from energy.report.figures.labels import Label, Places
from energy.report.figures.latency import TITLES, log_limits
from energy.report.figures.style import BAND, FLAW, GREY, INK, PAGE_IN, Sizes, colour_of, house_style
from energy.report.point_labels import common_text, distinct_labels, scope_lines_of
from energy.report.units import compact

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from energy.report.points import OperatingPoint

_SMALLEST, _LARGEST = 1.0, 3.4
"""Diameter of a marker over that of the house style: of the model with the least and the most memory."""
_NAMED = 12
_UNITS = {"energy": "J", "latency": "s", "memory": "B"}
_AXES = {"energy": "energy per inference", "latency": "latency per inference", "memory": "flash + RAM"}


def draw_choice(choice: Choice, width_in: float = PAGE_IN, title: str = "", *, panel: bool = False) -> Figure:
    """Draws the models: a row for each workload, a panel for each of energy, latency and memory.

    Args:
        choice: The models.
        width_in: Width of the figure.
        title: Its title; empty: what it shows.
        panel: Whether it is a panel for a paper: without title, key and notes.

    Returns:
        A figure whose height follows its content, not yet written anywhere.
    """
    own = choice.own
    named = distinct_labels(own) if own else {}
    numbered = {model.name: number for number, model in enumerate(own, 1)} if len(own) > _NAMED else {}
    with house_style(width_in) as size:
        key = [(str(number), named[name]) for name, number in numbered.items()]
        notes = ["; ".join(scope_lines_of(choice.models)) + "."]
        notes += [] if panel else [f"{line}." for line in choice.lines()]
        frame = new_frame(
            width_in,
            panels=len(choice.benchmarks) * len(METRICS),
            title=[] if panel else [title or _title(choice), choice.region.text()],
            legend=_legend(choice, size),
            key=key_lines([] if panel else key, width_in, size),
            notes=notes,
            virtual=choice.virtual,
            columns=1 if width_in < 5 else len(METRICS),
            aspect=0.76 if width_in < 5 else 0.95,
        )
        panels = iter(frame.axes)
        labels = {name: str(number) for name, number in numbered.items()} or named
        for benchmark in choice.benchmarks:
            for metric in METRICS:
                _draw_panel(next(panels), choice, benchmark, metric, labels, size)
    return frame.figure


def _title(choice: Choice) -> str:
    common = common_text(choice.own) if choice.own else "published results of MLPerf Tiny"
    return " · ".join(filter(None, ("Accuracy over energy, latency and memory", common)))


def _draw_panel(
    axes: Axes, choice: Choice, benchmark: str, metric: Metric, labels: dict[str, str], size: Sizes
) -> None:
    models = [model for model in choice.models if model.benchmark == benchmark]
    placed = [(value, model.accuracy, model) for model in models if (value := metric_of(model, metric))]
    axes.set_xscale("log")
    if metric == METRICS[0]:
        axes.set_title(
            TITLES.get(benchmark, for_figure(benchmark)), color=colour_of(benchmark), weight="bold"
        )
    axes.set_ylim(*_accuracy_limits([model.accuracy or 0.0 for model in models]))
    axes.set_xlim(*log_limits([value for value, _, _ in placed] or [1.0]))
    si_axis(axes, "x", _AXES[metric], _UNITS[metric])
    si_axis(axes, "y", "AUC" if models[0].accuracy_metric == "AUC" else "accuracy", "")
    fit(axes, size)
    if not placed:
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", va="center", color=GREY)
        return
    _shade(axes, choice, metric)
    for value, accuracy, model in placed:
        _draw_model(axes, value, accuracy or 0.0, model, choice, size)
    markers = [diameter(model, choice) * size.marker for _, _, model in placed]
    places = Places(axes, [(value, accuracy or 0.0) for value, accuracy, _ in placed], markers)
    for (value, accuracy, model), marker in zip(placed, markers, strict=True):
        if model.name in labels and choice.verdict(model) in (None, "inside"):
            text = for_figure(labels[model.name])
            if not places.place(Label(text, value, accuracy or 0.0, size.small, INK, marker)):
                axes.annotate(text, (value, accuracy or 0.0), visible=False, gid="no room")


def _accuracy_limits(values: list[float]) -> tuple[float, float]:
    room = max((max(values) - min(values)) * 0.15, 0.01)
    return min(values) - room, min(max(values) + room, 1.02)


def _draw_model(
    axes: Axes, value: float, accuracy: float, model: OperatingPoint, choice: Choice, size: Sizes
) -> None:
    own = model.own or not choice.own
    colour = colour_of(model.benchmark) if own else GREY
    known = model.memory_bytes is not None
    axes.plot(
        [value],
        [accuracy],
        marker="o",
        ls="",
        ms=diameter(model, choice) * size.marker,
        mfc=colour if known else "white",
        mec=FLAW if model.valid is False else colour,
        mew=0.8,
        alpha=1.0 if choice.verdict(model) in (None, "inside") else 0.22,
        zorder=4 if own else 2,
        gid=f"model {model.name}",
    )


def diameter(model: OperatingPoint, choice: Choice) -> float:
    """Diameter of a model's marker over that of the house style: its area is in proportion to the memory.

    The smallest are drawn larger, so that they can be seen.
    """
    most = max((other.memory_bytes or 0 for other in choice.models), default=0)
    if not model.memory_bytes or not most:
        return _SMALLEST
    return max(_LARGEST * math.sqrt(model.memory_bytes / most), _SMALLEST)


def _shade(axes: Axes, choice: Choice, metric: Metric) -> None:
    region = choice.region
    limit = {
        "energy": region.max_energy_j,
        "latency": region.max_latency_s,
        "memory": region.max_memory_bytes,
    }
    if limit[metric] is None and region.min_accuracy is None:
        return
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    stop, start = min(limit[metric] or right, right), max(region.min_accuracy or low, low)
    if left < stop and start < high:
        axes.fill_between([left, stop], start, high, color=BAND, alpha=0.35, lw=0, zorder=0, gid="region")


def _legend(choice: Choice, size: Sizes) -> list[Entry]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def circle(text: str, **look: object) -> Entry:
        return Line2D([], [], marker="o", ls="", **look), text  # pyright: ignore[reportArgumentType]

    entries: list[Entry] = []
    known = sorted({model.memory_bytes for model in choice.models if model.memory_bytes})
    for memory in dict.fromkeys([known[0], known[-1]] if known else []):
        model = next(model for model in choice.models if model.memory_bytes == memory)
        ms = diameter(model, choice) * size.marker
        entries.append(circle(f"flash + RAM {compact(memory, 'B')}", color=INK, ms=ms))
    if choice.unknown_memory:
        entries.append(circle("memory not known", mfc="white", mec=INK, ms=size.marker))
    if choice.own and len(choice.own) < len(choice.models):
        entries.append(circle("published results", mfc="white", mec=GREY, ms=size.marker))
    if any(model.valid is False for model in choice.models):
        entries.append(circle("errors were found", mfc="white", mec=FLAW, ms=size.marker))
    if choice.region:
        entries.append((Patch(facecolor=BAND, alpha=0.5), "region of interest"))
    return entries
