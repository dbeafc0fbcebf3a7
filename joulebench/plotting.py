"""Figures for screen and print from Python: what ``joulebench plot`` draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from energy.errors import UsageError
from energy.report.figures.histogram import Of, draw_histogram
from energy.report.figures.overlay import draw_overlay
from energy.report.figures.spectrum import draw_spectrum
from energy.report.figures.style import check_picture, parse_width, save
from energy.report.figures.trace import draw_recording, parse_panels
from energy.report.figures.view import View, between, zoomed
from energy.runs.measurement import Measurement
from joulebench.benches import AnyPath
from joulebench.figures import Figures, Source, integrate
from joulebench.hints import hinted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Kind: TypeAlias = Literal["trace", "histogram", "spectrum", "overlay"]


@hinted
def plot(
    source: Source | Sequence[Source],
    out: AnyPath | None = None,
    *,
    kind: Kind = "trace",
    title: str | None = None,
    width: str = "screen",
    panels: str | None = None,
    zoom: str | None = None,
    window: int | None = None,
    around_s: float | None = None,
    start_s: float | None = None,
    stop_s: float | None = None,
    of: Of | None = None,
    resolution_hz: float | None = None,
    closing: bool = False,
) -> Figure:
    """Draws a recording: power over time with its windows and gaps, or another kind of figure of it.

    Args:
        source: A recording, its figures, a session that is over, or a path; a list of them for an overlay.
        out: A PNG, SVG or PDF to write as well.
        kind: ``"trace"``, ``"histogram"``, ``"spectrum"`` or ``"overlay"``.
        title: First line of the title; None for what was measured on what.
        width: How wide it will be shown: ``"3.3in"``, ``"7in"``, ``"84mm"``, ``"screen"``.
        panels: Of a trace: ``"current,voltage,power"``, ``"start"``, ``"end"``, ``"scatter"``.
        zoom: Of a trace: ``"edge:1"``, ``"closing:1"``, ``"window:1"`` or ``"inference:1"``.
        window: The window of an inference, of a histogram (None: all), or of an overlay.
        around_s: Time on each side of an edge, in a trace or an overlay.
        start_s: Start of the part that a trace or a spectrum shows.
        stop_s: Its end.
        of: Of a histogram: ``"windows"`` or ``"inferences"``.
        resolution_hz: Of a spectrum: distance of two frequencies.
        closing: Of an overlay: whether it is aligned on the closing edge.

    Returns:
        A matplotlib figure, which a notebook shows.

    Raises:
        JoulebenchError: ``usage.*`` for what cannot be drawn, and as ``integrate``.
    """
    width_in = parse_width(width)
    if out is not None:
        check_picture(Path(out))
    several = [_measured(each) for each in _sources(source)]
    if kind == "overlay":
        figure = draw_overlay(
            several, title, width_in=width_in, window=window or 1, closing=closing, around_s=around_s
        )
    elif len(several) != 1:
        text = f"{kind!r} draws one recording, not {len(several)}"
        raise UsageError("usage.plot", text, 'Give one, or kind="overlay".')
    elif kind == "histogram":
        figure = draw_histogram(several[0], title, width_in=width_in, of=of, window=window)
    elif kind == "spectrum":
        view = _part(several[0], start_s, stop_s)
        figure = draw_spectrum(several[0], title, width_in=width_in, view=view, resolution_hz=resolution_hz)
    elif kind == "trace":
        view = _part(several[0], start_s, stop_s)
        if zoom is not None:
            view = zoomed(several[0], zoom, window=window or 1, around_s=around_s)
        shown = parse_panels(panels) if panels is not None else ()
        figure = draw_recording(several[0], title, width_in=width_in, panels=shown, view=view)
    else:
        text = f"there is no kind of figure {kind!r}"
        raise UsageError("usage.plot", text, "Give trace, histogram, spectrum or overlay.")
    if out is not None:
        save(figure, Path(out))
    return figure


def _sources(source: Source | Sequence[Source]) -> list[Source]:
    return list(source) if isinstance(source, list | tuple) else [source]  # pyright: ignore[reportReturnType, reportUnknownVariableType, reportUnknownArgumentType]


def _measured(source: Source) -> Measurement:
    return (source if isinstance(source, Figures) else integrate(source, progress=False)).measured


def _part(measured: Measurement, start_s: float | None, stop_s: float | None) -> View | None:
    if start_s is None and stop_s is None:
        return None
    return between(measured.run.samples, start_s, stop_s)
