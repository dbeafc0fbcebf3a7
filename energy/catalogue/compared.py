"""Published results as results that can be compared: with their assumed budgets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from energy.catalogue.assumed import Specimen, has_budget, subject_of_row
from energy.catalogue.row import Row, read_rows
from energy.errors import UsageError
from energy.uncertainty.results import Reader, Result, read_result


def reader(catalogue: Path | None = None, specimen: Specimen = "unknown") -> Reader:
    """A reader of results that also knows published ones, by their names in the catalogue.

    Args:
        catalogue: The catalogue's file; None: the one that comes with the program.
        specimen: Which monitors measured the published results.
    """
    return partial(_read, catalogue=catalogue, specimen=specimen)


def _read(path: Path, catalogue: Path | None, specimen: Specimen) -> Result:
    if path.exists():
        return read_result(path)
    name = path.as_posix()
    rows = read_rows(catalogue) if name.count("/") > 2 else []
    found = [row for row in rows if name in (row.id, row.path)]
    if not found:
        return read_result(path)  # which states that there is none
    return _result(found[0], specimen)


def _result(row: Row, specimen: Specimen) -> Result:
    if not has_budget(row):
        raise UsageError(
            "catalogue.no-energy",
            f"{row.id} has no energy with a known monitor, so it has no budget",
            "`joulebench catalogue list --where energy` lists the rows that have one.",
        )
    subject = subject_of_row(row, specimen)
    rate = row.energy_mode_inferences_per_second or row.inferences_per_second
    speed = f"{rate:g} inf/s" if rate else "throughput not published"
    remark = f"published at {speed}, assumed uncertainty"
    return Result(
        row.id, {"energy": subject.budget}, "it is not published", (), subject.circumstances, remark
    )
