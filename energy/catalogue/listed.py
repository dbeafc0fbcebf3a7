"""Lists what folders hold: sessions as their documents state them, published results, recomputed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from energy.benchmark.workloads import WORKLOADS
from energy.catalogue.build import build
from energy.catalogue.row import Row, read_rows
from energy.errors import UsageError
from energy.evidence.setup import Setup
from energy.validation.archive import Listing, Progress, list_archive, meets_all
from energy.validation.listing import ListedSession

PUBLISHED = "published"
"""Mode of a published result in a list."""


def list_folders(
    *folders: Path,
    where: Sequence[str] = (),
    reindex: bool = False,
    progress: Progress = lambda done, total: None,
) -> Listing:
    """Everything in some folders that meets conditions: sessions, and where there is none, published results.

    Args:
        folders: Sessions, folders of them, sweeps, published trees.
        where: Conditions, such as ``"energy<1mJ"``; every one must hold.
        reindex: Whether the index of each folder with sessions is made again.
        progress: Called as they are read.

    Raises:
        UsageError: As ``energy.validation.archive.list_archive``.
    """
    listing = list_archive(*folders, where=where, reindex=reindex, progress=progress)
    for folder in listing.without:
        published = [listed_row(row) for row in _rows_in(folder, progress)]
        listing.total += len(published)
        listing.sessions += [result for result in published if meets_all(result, where)]
    return listing


def _rows_in(folder: Path, progress: Progress) -> list[Row]:
    """The published results of a tree; none where a folder is no tree."""
    try:
        return build(
            [folder],
            read_rows(),
            partial_copy=True,
            progress=lambda done, total, name: progress(done, max(total, 1)),
        ).refreshed
    except UsageError as error:
        if error.code != "path.nothing":
            raise
        return []


def listed_row(row: Row) -> ListedSession:
    """A published result as a line of a list: its figures as recomputed, or as printed where they cannot be.

    Args:
        row: The result.
    """
    workload = next((w.id for w in WORKLOADS.values() if w.benchmark == row.benchmark), row.benchmark)
    return ListedSession(
        Path(row.id),
        Setup(board=row.system, voltage_v=row.voltage_v, monitor=row.monitor, label=row.organization),
        workload,
        PUBLISHED,
        virtual=False,
        valid=row.verdict != "error" if row.verdict else None,
        inferences_per_second=row.recomputed_inferences_per_second or row.inferences_per_second,
        joule_per_inference=row.recomputed_joule_per_inference or row.joule_per_inference,
        power_w=row.power_w,
        findings=row.findings,
    )
