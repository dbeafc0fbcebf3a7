"""Published results as they enter `joulebench compare` beside sessions and recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from energy.catalogue.assumed import subject_of_row
from energy.catalogue.choose import row_named
from energy.catalogue.row import Row, read_rows
from energy.errors import RecordingError, UsageError
from energy.uncertainty.compare import Subject
from energy.uncertainty.results import FigureName, Result


@dataclass(frozen=True)
class PublishedResult(Result):
    """A published row as a result: its energy per inference has an assumed budget, and nothing else has any.

    Attributes:
        subject_: Its energy.
    """

    subject_: Subject

    def has(self, figure: FigureName) -> bool:
        """Whether it has a figure with its uncertainty."""
        return figure == "energy"

    def subject(self, figure: FigureName) -> Subject:
        """A figure of it, to be compared.

        Raises:
            RecordingError: ``compare.no-uncertainty`` for every figure but the energy per inference.
        """
        if figure != "energy":
            raise RecordingError(
                "compare.no-uncertainty",
                f"{self.name} is a published result: only its energy has an assumed uncertainty",
                "Compare energies.",
            )
        return self.subject_


def result_of_row(row: Row) -> PublishedResult:
    """A published row as a result; its monitor is a specimen of its own, so that nothing cancels.

    Args:
        row: The row.

    Raises:
        UsageError: ``catalogue.no-energy`` where it has no energy, or its monitor is not known.
    """
    subject = subject_of_row(row)
    errors = tuple((code, "found in its files") for code in subject.circumstances.errors)
    return PublishedResult(row.id, None, "", errors, subject.circumstances, subject)


def results_named(names: Sequence[str]) -> list[Path | PublishedResult]:
    """The results that a person names: paths as they are, everything else as the ids of published rows.

    Args:
        names: Paths, and ids or words as ``row_named`` takes them.

    Raises:
        UsageError: ``usage.path`` where a name is neither; ``catalogue.several``, ``catalogue.no-energy``.
    """
    rows: list[Row] = []
    found: list[Path | PublishedResult] = []
    for name in names:
        if Path(name).exists():
            found.append(Path(name))
            continue
        rows = rows or read_rows()
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
