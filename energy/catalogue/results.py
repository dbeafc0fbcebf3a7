"""The results that a person names for `joulebench compare`: sessions, folders of them, published results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from energy.catalogue.assumed import has_budget, subject_of_row
from energy.catalogue.build import build
from energy.catalogue.choose import row_named
from energy.catalogue.row import Row, read_rows
from energy.errors import JoulebenchError, UsageError
from energy.evidence.reader import SessionEvidence
from energy.uncertainty.budget import Budget
from energy.uncertainty.results import FigureName, Result
from energy.validation.folders import folders_where
from energy.validation.run import Progress


def result_of_row(row: Row) -> Result:
    """A published row as a result: its energy per inference has an assumed budget, and nothing else has any.

    Its monitor is a specimen of its own, so that nothing cancels.

    Args:
        row: The row.

    Raises:
        UsageError: ``catalogue.no-energy`` where it has no energy, or its monitor is not known.
    """
    subject = subject_of_row(row)
    errors = tuple((code, "found in its files") for code in subject.circumstances.errors)
    rate = row.energy_mode_inferences_per_second or row.inferences_per_second
    remark = f"published at {rate:g} inf/s" if rate else "throughput not published"
    why = "only the energy of a published result has an assumed uncertainty"
    budgets: dict[FigureName, Budget] = {"energy": subject.budget}
    return Result(row.id, budgets, why, errors, subject.circumstances, f"{remark}, assumed uncertainty")


def results_named(
    names: Sequence[str], catalogue: Path | None = None, progress: Progress | None = None
) -> list[Path | Result]:
    """The results that a person names, by path or as published rows.

    Of a folder that holds sessions, such as a sweep, come all its sessions with an energy; of a published
    tree its results, recomputed from its files, each with its assumed budget.

    Args:
        names: Paths, and ids or words as ``row_named`` takes them.
        catalogue: The catalogue's file; None: the one that comes with the program.
        progress: Called while a published tree is recomputed.

    Raises:
        UsageError: ``usage.path`` where a name is neither; ``catalogue.several``, ``catalogue.no-energy``.
    """
    rows: list[Row] = []
    found: list[Path | Result] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            found += _results_in(path, catalogue, progress)
            continue
        if path.exists():
            found.append(path)
            continue
        rows = rows or read_rows(catalogue)
        try:
            found.append(result_of_row(row_named(rows, name)))
        except UsageError as error:
            if error.code != "catalogue.unknown":
                raise
            raise UsageError(
                "usage.path",
                f"{name} does not exist, and no published result is called so",
                "Name a session's folder, a result.json, or a row of `joulebench catalogue list`.",
            ) from error
    return found


def _results_in(folder: Path, catalogue: Path | None, progress: Progress | None) -> list[Path | Result]:
    """The results of a folder: a session is its own; else those of sessions in it, or of a published tree."""
    evidence = SessionEvidence(folder)
    if evidence.has_result or evidence.has_session:
        return [folder]
    below = folders_where(folder, lambda at: at.has_session)
    if below:
        with_energy = [path for path in below if _has_energy(path)]
        if with_energy:
            return [*with_energy]
        raise UsageError(
            "usage.path",
            f"none of the {len(below)} sessions in {folder} has an energy",
            "Name sessions of the mode energy, or recordings.",
        )
    try:
        built = build([folder], read_rows(catalogue), partial_copy=True, progress=progress)
    except UsageError as error:
        raise UsageError(
            "usage.path",
            f"{folder} is no session and holds none, nor a published result",
            "Name a session's folder, a folder of sessions, a sweep, or a submission.",
        ) from error
    published = [result_of_row(_recomputed(row)) for row in built.refreshed if has_budget(row)]
    if not published:
        raise UsageError(
            "usage.path",
            f"none of the {len(built.refreshed)} results in {folder} has an energy with a known monitor",
            "Name a tree with energy results.",
        )
    return [*published]


def _recomputed(row: Row) -> Row:
    """The row with the energy that follows from its trace, where it has one, not the printed one."""
    energy_j = row.recomputed_joule_per_inference
    return row if energy_j is None else replace(row, joule_per_inference=energy_j)


def _has_energy(folder: Path) -> bool:
    """Whether a session is one of energy or a recording; one that cannot be read counts, to be reported."""
    try:
        session = SessionEvidence(folder).session
    except JoulebenchError:
        return True
    return session.mode in ("energy", "record", None)
