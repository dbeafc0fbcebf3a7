"""Published results as they enter `joulebench compare` beside sessions and recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from energy.catalogue.assumed import subject_of_row
from energy.catalogue.choose import row_named
from energy.catalogue.row import Row, read_rows
from energy.errors import UsageError
from energy.uncertainty.budget import Budget
from energy.uncertainty.results import FigureName, Result


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


def results_named(names: Sequence[str], catalogue: Path | None = None) -> list[Path | Result]:
    """The results that a person names: paths as they are, everything else as the ids of published rows.

    Args:
        names: Paths, and ids or words as ``row_named`` takes them.
        catalogue: The catalogue's file; None: the one that comes with the program.

    Raises:
        UsageError: ``usage.path`` where a name is neither; ``catalogue.several``, ``catalogue.no-energy``.
    """
    rows: list[Row] = []
    found: list[Path | Result] = []
    for name in names:
        if Path(name).exists():
            found.append(Path(name))
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
