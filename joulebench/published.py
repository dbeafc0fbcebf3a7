"""The published results of MLPerf Tiny as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from energy.catalogue.build import build
from energy.catalogue.choose import chosen
from energy.catalogue.row import read_rows, rows_text
from energy.report.catalogue_export import frame_of, replaced, write_rows
from energy.report.pages.atlas import write_atlas
from joulebench.benches import AnyPath
from joulebench.hints import hinted

if TYPE_CHECKING:
    import pandas as pd


@hinted
def catalogue(*words: str, where: str | Sequence[str] = (), file: AnyPath | None = None) -> pd.DataFrame:
    """The published results of all rounds, a row each, in SI units.

    ``expanded_uncertainty_j`` is the U (95 %) of the energy by an assumed budget: neither the monitor's
    calibration nor the measured rail was published (docs/reference/published-rounds.md).

    Args:
        words: Words that a row must have, such as ``"harvard reference"``.
        where: Conditions, such as ``"energy<1mJ"``, as ``joulebench catalogue list --where`` takes them.
        file: A catalogue that ``build_catalogue`` wrote; None for the shipped one.

    Raises:
        JoulebenchError: ``catalogue.condition``, ``catalogue.damaged``, ``path.missing``.
    """
    conditions = [where] if isinstance(where, str) else list(where)
    return frame_of(chosen(read_rows(None if file is None else Path(file)), words, conditions))


@hinted
def atlas(out: AnyPath, *paths: AnyPath, file: AnyPath | None = None, workers: int | None = 1) -> Path:
    """Writes the atlas: all published results and own points as one page that filters, limits and sorts them.

    Args:
        out: The page, ending in ``.html``.
        paths: Own sessions, recordings, sweeps, published trees, or folders of them.
        file: A catalogue that ``build_catalogue`` wrote; None for the shipped one.
        workers: Processes that recompute published trees; None for one per core.

    Returns:
        The page.

    Raises:
        JoulebenchError: ``usage.html``, ``page.unwritable``, ``path.missing``, ``path.nothing``,
            ``catalogue.damaged``, ``report.plotly``.
    """
    own: list[str | Path] = [path if isinstance(path, str) else Path(path) for path in paths]
    write_atlas(Path(out), own, catalogue=None if file is None else Path(file), workers=workers)
    return Path(out)


@hinted
def build_catalogue(
    *paths: AnyPath,
    out: AnyPath,
    partial_copy: bool = False,
    file: AnyPath | None = None,
    workers: int | None = 1,
) -> pd.DataFrame:
    """Writes a catalogue with what checkouts of rounds hold, recomputed and checked.

    Args:
        paths: Rounds, submissions, or archives of them.
        out: The new catalogue, for ``catalogue(file=...)``.
        partial_copy: Whether files may be missing because they were not copied.
        file: The catalogue to start from; None for the shipped one.
        workers: Processes; None for one per core.

    Returns:
        The rows of the checkouts.

    Raises:
        JoulebenchError: ``path.missing``, ``path.nothing``, and the error of an archive that was refused.
    """
    rows = read_rows(None if file is None else Path(file))
    built = build([Path(path) for path in paths], rows, partial_copy=partial_copy, workers=workers)
    if built.failures:
        raise built.failures[0][1]
    text = rows_text(built.rows)
    replaced(Path(out), lambda part: write_rows(part, text))
    return frame_of(built.refreshed)
