"""What a figure marks in a recording: its windows, edges and gaps, and the pauses between windows."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own types leave **kwargs of every drawing method unknown)

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from energy.printable import for_figure
from energy.report.figures.captions import joules
from energy.report.figures.legends import axes_width_pt
from energy.report.figures.style import EDGE, FLAW, WINDOW, sizes, text_width_pt
from energy.report.figures.view import View
from energy.report.units import engineering
from energy.runs.measurement import Measurement
from energy.signal import Edge, Gap
from energy.window.figures import WindowFigures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEAST_PT = 1.5
"""Width from which a window, a gap, or what lies between two of them, can be seen."""
_LONG = 2.0
"""A time between windows is a pause if it is longer than the median of them by this factor."""
_MOST_NOTES = 4
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000, 1_000_000)


class Scale(NamedTuple):
    """How a view lies on the paper.

    Attributes:
        rate_hz: Samples per second.
        offset: Where sample 0 begins, in samples (``Signal.coverage_offset``).
        zero: Position of time 0.
        start_s: Time of the left end.
        stop_s: Time of the right end.
        width_pt: Width of the axes in points, about.
        width_in: Width of the figure.
    """

    rate_hz: float
    offset: float
    zero: float
    start_s: float
    stop_s: float
    width_pt: float
    width_in: float

    def time(self, position: float) -> float:
        """The figure's time of a position, in seconds."""
        return (position - self.zero) / self.rate_hz

    def points(self, duration_s: float) -> float:
        """How wide a time is on the paper."""
        return duration_s / (self.stop_s - self.start_s) * self.width_pt

    def seconds(self, width_pt: float) -> float:
        """The time that is so wide on the paper."""
        return width_pt / self.width_pt * (self.stop_s - self.start_s)


def scale_of(measured: Measurement, view: View, width_in: float, share: float = 1.0) -> Scale:
    """The scale of a view in axes that have a part of the figure's width."""
    signal = measured.run.samples.signal
    start, stop = (
        (at + signal.coverage_offset - view.zero) / signal.rate_hz for at in (view.first, view.stop)
    )
    return Scale(
        signal.rate_hz,
        signal.coverage_offset,
        view.zero,
        start,
        stop,
        axes_width_pt(width_in, share),
        width_in,
    )


def mark_windows(axes: Axes, windows: Sequence[WindowFigures], scale: Scale) -> int:
    """Shades the windows; those too close to be told apart become a band.

    Returns:
        How many lines of text the labels have that ``label_windows`` will write.
    """
    spans = [span for figures in windows if (span := _span(figures, scale)) is not None]
    for flawed, colour, label in ((False, WINDOW, "window"), (True, FLAW, "window with an error")):
        kind = [(start, stop) for start, stop, wrong in spans if wrong == flawed]
        merged = _merged(kind, scale.seconds(_LEAST_PT))
        if merged:
            close = len(merged) < len(kind)
            several = label.replace("window", f"{len(kind)} windows")
            name = f"{several}, close together" if close else label
            bars = [(start, stop - start) for start, stop in merged]
            axes.broken_barh(bars, (0, 1), transform=axes.get_xaxis_transform(), color=colour, alpha=0.35,
                             lw=0, zorder=0.5, label=name)  # fmt: skip
    return max((len(_label(figures, scale)) for figures in _labelled(windows, scale)), default=0)


def label_windows(axes: Axes, windows: Sequence[WindowFigures], scale: Scale) -> None:
    """Writes the number of each window, and its energy where there is room, at the top of the axes."""
    for figures in _labelled(windows, scale):
        span = _span(figures, scale)
        if span is not None:
            axes.text((span[0] + span[1]) / 2, 0.985, "\n".join(_label(figures, scale)), ha="center",
                      va="top", transform=axes.get_xaxis_transform(), linespacing=1.15,
                      fontsize=sizes(scale.width_in).small)  # fmt: skip


def mark_edges(axes: Axes, measured: Measurement, scale: Scale) -> None:
    """Marks the edges that open and close no window, above the axes; those of windows end their shading."""
    times = _edges_of_no_window(measured) - scale.zero / scale.rate_hz
    others = times[(times >= scale.start_s) & (times <= scale.stop_s)].tolist()
    if others:
        name = "edge outside windows" if len(others) == 1 else f"{len(others)} edges outside windows"
        axes.plot(others, [1.0] * len(others), "v", color=EDGE, transform=axes.get_xaxis_transform(),
                  clip_on=False, ls="", ms=sizes(scale.width_in).marker, mew=0, zorder=4,
                  label=name)  # fmt: skip


def _edges_of_no_window(measured: Measurement) -> npt.NDArray[np.float64]:
    """Times of the edges that are farther from every window's edges than their hold and bound, in seconds."""
    rate = measured.run.samples.signal.rate_hz
    of_windows = [
        edge for row in measured.session.windows for edge in (row.window.opening, row.window.closing)
    ]
    times = np.sort(np.array([edge.position / rate for edge in of_windows]))
    all_s = np.array(measured.edges_s, dtype=np.float64)
    if not len(times) or not len(all_s):
        return all_s
    reach_s = max(measured.options.hold_s, (max(edge.bound for edge in of_windows) + 1) / rate)
    after = np.searchsorted(times, all_s)
    left, right = times[np.maximum(after - 1, 0)], times[np.minimum(after, len(times) - 1)]
    return all_s[np.minimum(np.abs(all_s - left), np.abs(all_s - right)) > reach_s]


def mark_edge(axes: Axes, edge: Edge, name: str, scale: Scale) -> None:
    """Draws an edge as a line, and how far from it the true edge may lie."""
    at = scale.time(edge.position)
    label = f"{name} edge"
    if edge.bound:
        half_s = edge.bound / scale.rate_hz
        samples = "sample" if edge.bound == 1 else "samples"
        label += f", known to ±{edge.bound:.2g} {samples} (±{engineering(half_s, 's', 2)})"
        axes.axvspan(at - half_s, at + half_s, color=EDGE, alpha=0.18, lw=0, zorder=0.6)
    axes.axvline(at, color=EDGE, lw=sizes(scale.width_in).line * 1.6, zorder=4, label=label)


def mark_gaps(axes: Axes, gaps: Sequence[Gap], view: View, scale: Scale) -> None:
    """Hatches where samples are missing, and gives their number and the reason in the legend."""
    inside = [gap for gap in gaps if gap.first < view.stop and gap.first + (gap.count or 1) > view.first]
    if not inside:
        return
    least_s = scale.seconds(_LEAST_PT)
    spans: list[tuple[float, float]] = []
    for gap in inside:
        begin = gap.first + scale.offset
        start, stop = scale.time(begin), scale.time(begin + (gap.count or 1))
        start, stop = max(start, scale.start_s), min(stop, scale.stop_s)
        widen = max(least_s - (stop - start), 0.0) / 2
        spans.append((start - widen, stop + widen))
    bars = [(start, stop - start) for start, stop in _merged(spans, 0.0)]
    axes.broken_barh(bars, (0, 1), transform=axes.get_xaxis_transform(), facecolor="none", edgecolor=FLAW,
                     hatch="/////", lw=sizes(scale.width_in).line, zorder=3,
                     label=gap_text(inside))  # fmt: skip


def gap_text(gaps: Sequence[Gap]) -> str:
    """How many samples are missing, in how many gaps, and how that was noticed."""
    known = sum(gap.count for gap in gaps if gap.count is not None)
    unknown = sum(gap.count is None for gap in gaps)
    lost = f"{known} sample{'s' if known != 1 else ''} lost" if known else ""
    if unknown:
        lost += f"{' and ' if lost else ''}an unknown number lost"
        lost += f" in {unknown} of them" if known else ""
    reasons = list(dict.fromkeys(gap.reason for gap in gaps if gap.reason))
    more = f" and {len(reasons) - 2} other reasons" if len(reasons) > 2 else ""
    why = f" ({', '.join(reasons[:2])}{more})" if reasons else ""
    return for_figure(f"{'gap' if len(gaps) == 1 else f'{len(gaps)} gaps'}: {lost}{why}")


def pause_notes(measured: Measurement) -> list[str]:
    """A line for each time between two windows that is much longer than the others, with what explains it."""
    windows = [figures.window for figures in measured.session.windows]
    between = [(before, after, after.start_s - before.stop_s) for before, after in pairwise(windows)]
    if len(between) < 2:
        return []
    usual_s = statistics.median(length for *_, length in between)
    notes: list[str] = []
    for before, after, length_s in between:
        if length_s > _LONG * usual_s and length_s > 0:
            why = _explained(measured, before.stop_s, after.start_s, after.number)
            text = f"pause of {engineering(length_s, 's', 3)} (otherwise {engineering(usual_s, 's', 3)})"
            notes.append(f"{text} between windows {before.number} and {after.number}: {why}")
    if len(notes) > _MOST_NOTES:
        notes[_MOST_NOTES:] = [f"and {len(notes) - _MOST_NOTES} more pauses"]
    return notes


def _explained(measured: Measurement, start_s: float, stop_s: float, next_number: int) -> str:
    """What happened between two windows, as far as the files tell."""
    trace = measured.run.samples
    rate = trace.signal.rate_hz
    words: list[str] = []
    repeated = [attempt for attempt in measured.run.rejected if attempt.trial == next_number]
    if repeated:
        codes = dict.fromkeys(code for attempt in repeated for code, _ in attempt.reasons)
        words.append(f"trial {next_number} was repeated ({', '.join(codes)})")
    gaps = [gap for gap in trace.gaps if start_s * rate <= gap.first < stop_s * rate]
    if gaps:
        words.append(gap_text(gaps))
    near_s = max(measured.options.hold_s, 2 / rate)
    edges = [at for at in measured.edges_s if start_s + near_s < at < stop_s - near_s]
    if edges:
        words.append(f"{len(edges)} edge{'s' if len(edges) > 1 else ''} in it, of no window")
    return "; ".join(words) or "no edge and no gap in it, so DUT and runner waited; no sample is lost"


def _span(figures: WindowFigures, scale: Scale) -> tuple[float, float, bool] | None:
    """Where a window lies in a view, and whether it has an error; None if it is outside."""
    window = figures.window
    start, stop = scale.time(window.opening.position), scale.time(window.closing.position)
    if stop < scale.start_s or start > scale.stop_s:
        return None
    flawed = any(finding.severity == "error" for finding in window.findings)
    return max(start, scale.start_s), min(stop, scale.stop_s), flawed


def _merged(spans: Sequence[tuple[float, float]], least: float) -> list[tuple[float, float]]:
    """The spans, as one where less than ``least`` lies between them."""
    merged: list[tuple[float, float]] = []
    for start, stop in sorted(spans):
        if merged and start - merged[-1][1] <= least:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _label(figures: WindowFigures, scale: Scale) -> list[str]:
    """A window's number, and its energy per inference (or energy) if that fits into it."""
    span, cost = _span(figures, scale), figures.joule_per_inference()
    energy = figures.energy_j() if cost is None else cost
    number = f"{figures.window.number}{'!' if span is not None and span[2] else ''}"
    if span is None or not math.isfinite(energy):
        return [number]
    room_pt, size = scale.points(span[1] - span[0]) - 2, sizes(scale.width_in).small
    value, unit = joules(energy, 5).split(" ")
    unit += "/inf" if cost is not None else ""
    for lines in ([f"{value} {unit}"], [value, unit]):
        if all(text_width_pt(line, size) <= room_pt for line in lines):
            return [number, *lines]
    return [number]


def _labelled(windows: Sequence[WindowFigures], scale: Scale) -> list[WindowFigures]:
    """The windows whose labels do not run into each other: all, or every second, fifth, tenth ..."""
    shown = [figures for figures in windows if _span(figures, scale) is not None]
    size = sizes(scale.width_in).small
    for step in _STEPS:
        kept = [figures for figures in shown if step == 1 or figures.window.number % step == 0]
        if all(
            scale.points(_middle(after, scale) - _middle(before, scale))
            > _half(before, size) + _half(after, size) + 3
            for before, after in pairwise(kept)
        ):
            return kept
    return []


def _half(figures: WindowFigures, size_pt: float) -> float:
    return text_width_pt(str(figures.window.number), size_pt) / 2


def _middle(figures: WindowFigures, scale: Scale) -> float:
    span = _span(figures, scale)
    return (span[0] + span[1]) / 2 if span else 0.0
