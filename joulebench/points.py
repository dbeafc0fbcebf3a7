"""Operating points from disk and from the catalogue: as a data frame, and over latency as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from energy.catalogue.row import Row, read_rows
from energy.characterize.memory import Memory
from energy.report.chart import Facet, Quantity, View, chart_of, reference_of
from energy.report.choice import choice_of, with_memory
from energy.report.figures.choice import draw_choice
from energy.report.figures.latency import Labels, draw_latency
from energy.report.figures.style import check_picture, parse_width, save
from energy.report.point_sources import points_of
from energy.report.points import PointSet, catalogue_points
from energy.report.region import region_of
from joulebench.benches import AnyPath
from joulebench.hints import hinted
from joulebench.progress import Report, shown
from joulebench.recordings import HasFolder

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

AnyPoint = HasFolder | AnyPath
"""A session or sweep that is over, a path, or the name of a published result."""
Limit = str | float | None
"""A limit with its unit, such as ``"20ms"``, or a number in the SI unit."""


@hinted
def operating_points(
    *sources: AnyPoint,
    atlas: bool = True,
    where: str | Sequence[str] = (),
    file: AnyPath | None = None,
    workers: int | None = 1,
    progress: Report | bool = True,
) -> pd.DataFrame:
    """Operating points, a row each, SI units: sessions, recordings, sweeps, published results.

    ``front`` marks the Pareto front of energy over latency of each workload. ``expanded_uncertainty_j`` is
    the U (95 %) of the energy; of published results it is that of an assumed budget.

    Args:
        sources: Sessions, recordings, sweeps, published trees, folders of them, names of published results.
        atlas: Whether all published results with an energy stand beside them.
        where: Conditions, such as ``"benchmark=kws"``, as ``joulebench catalogue list --where`` takes them.
        file: A catalogue that ``build_catalogue`` wrote; None for the shipped one.
        workers: Processes that recompute published trees; None for one per core.
        progress: True: a bar in a notebook or a terminal.

    Returns:
        The points; what was found and has none is listed in ``attrs["left_out"]`` with the reason.

    Raises:
        JoulebenchError: ``path.*``, ``catalogue.*``.
    """
    import pandas as pd

    points, _ = _points(sources, where, file, workers, progress, atlas=atlas)
    chart = chart_of(points, facet="workload")
    frame = pd.DataFrame([placed.to_json() for placed in chart.placed])
    frame = frame.drop(columns=["x", "y", "y_expanded", "region", "number"], errors="ignore")
    frame.attrs["left_out"] = [left.to_json() for left in chart.left_out]
    return frame


@hinted
def plot_latency(
    *sources: AnyPoint,
    out: AnyPath | None = None,
    y: Quantity = "energy",
    per: Literal["mac"] | None = None,
    relative_to: str | None = None,
    facet: Facet = "auto",
    labels: Labels = "auto",
    atlas: bool = True,
    where: str | Sequence[str] = (),
    max_latency: Limit = None,
    max_power: Limit = None,
    max_energy: Limit = None,
    min_accuracy: Limit = None,
    max_memory: Limit = None,
    width: str = "screen",
    panel: bool = False,
    title: str = "",
    file: AnyPath | None = None,
    workers: int | None = 1,
    progress: Report | bool = True,
) -> Figure:
    """Draws energy per inference or mean power over latency, as ``joulebench plot latency`` does.

    Args:
        sources: As for ``operating_points``, like ``atlas``, ``where``, ``file`` and ``workers``.
        out: A PNG, SVG or PDF to write as well.
        y: ``"energy"`` or ``"power"``.
        per: ``"mac"``: energy and latency per multiply-accumulate.
        relative_to: A path or a published system by which each point of the same workload is divided.
        facet: ``"workload"``: a panel for each; ``"auto"``: where there are many points; ``"none"``.
        labels: Which points are labelled: ``"auto"``, ``"all"``, ``"front"``, ``"own"``, ``"none"``.
        atlas: As for ``operating_points``.
        where: Likewise.
        max_latency: The region of interest; what lies outside is dimmed.
        max_power: Likewise.
        max_energy: Likewise.
        min_accuracy: Likewise; a fraction, or a percentage with its sign.
        max_memory: Likewise; flash and RAM together.
        width: ``"3.3in"``, ``"8.4cm"``, ``"column"``, ``"page"``, ``"screen"``.
        panel: A panel for a paper: no title, key or notes.
        title: Its title.
        file: As for ``operating_points``.
        workers: Likewise.
        progress: Likewise.

    Returns:
        A matplotlib figure, which a notebook shows.

    Raises:
        JoulebenchError: ``path.*``, ``catalogue.*``, ``usage.*``.
    """
    if out is not None:
        check_picture(Path(out))
    width_in = parse_width(width)
    region = region_of(max_latency, max_power, max_energy, min_accuracy, max_memory)
    points, rows = _points(sources, where, file, workers, progress, atlas=atlas)
    reference = reference_of(relative_to, rows, lambda paths: points_of(paths, rows)) if relative_to else None
    chart = chart_of(points, View(y, per == "mac", reference), region, facet)
    figure = draw_latency(chart, width_in, title, labels, panel=panel)
    if out is not None:
        save(figure, Path(out))
    return figure


@hinted
def plot_choice(
    *sources: AnyPoint,
    out: AnyPath | None = None,
    memory: Mapping[str, Memory] | None = None,
    atlas: bool = True,
    where: str | Sequence[str] = (),
    max_latency: Limit = None,
    max_power: Limit = None,
    max_energy: Limit = None,
    min_accuracy: Limit = None,
    max_memory: Limit = None,
    width: str = "screen",
    panel: bool = False,
    title: str = "",
    file: AnyPath | None = None,
    workers: int | None = 1,
    progress: Report | bool = True,
) -> Figure:
    """Draws accuracy over energy, latency and memory of models, as ``joulebench plot choice`` does.

    Args:
        sources: As for ``operating_points``; the accuracy of each must be known.
        out: A PNG, SVG or PDF to write as well.
        memory: Flash and RAM (``memory_of``) by the name of a point's folder.
        atlas: As for ``operating_points``.
        where: Likewise.
        max_latency: The region of interest, as for ``plot_latency``.
        max_power: Likewise.
        max_energy: Likewise.
        min_accuracy: Likewise.
        max_memory: Likewise.
        width: As for ``plot_latency``.
        panel: Likewise.
        title: Its title.
        file: As for ``operating_points``.
        workers: Likewise.
        progress: Likewise.

    Returns:
        A matplotlib figure, which a notebook shows.

    Raises:
        JoulebenchError: ``path.*``, ``catalogue.*``, ``usage.*``.
    """
    if out is not None:
        check_picture(Path(out))
    width_in = parse_width(width)
    region = region_of(max_latency, max_power, max_energy, min_accuracy, max_memory)
    points, _ = _points(sources, where, file, workers, progress, atlas=atlas)
    figure = draw_choice(choice_of(with_memory(points, memory or {}), region), width_in, title, panel=panel)
    if out is not None:
        save(figure, Path(out))
    return figure


def _points(
    sources: Sequence[AnyPoint],
    where: str | Sequence[str],
    file: AnyPath | None,
    workers: int | None,
    progress: Report | bool,
    *,
    atlas: bool,
) -> tuple[PointSet, list[Row]]:
    rows = read_rows(None if file is None else Path(file))
    paths = [str(source.folder) if isinstance(source, HasFolder) else str(source) for source in sources]
    found = PointSet()
    with shown("reading", progress) as report:
        if paths:
            found = points_of(paths, rows, report, workers)
        if atlas:
            found += catalogue_points(rows)
    return found.where([where] if isinstance(where, str) else list(where)), rows
