"""Validation of whatever paths a person names: folders, and archives, which are unpacked for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from energy.errors import JoulebenchError, UsageError
from energy.submission.archive import unpacked
from energy.validation.report import ValidationReport
from energy.validation.rounds import named_rules
from energy.validation.run import Progress, holds_anything, nothing_there, validate

Failure = tuple[Path, JoulebenchError]


def validate_paths(
    paths: Sequence[Path],
    *,
    round: str | None = None,  # noqa: A002 - as the option that it stands for
    workers: int | None = None,
    progress: Progress | None = None,
    partial_copy: bool = False,
    use: Callable[[ValidationReport], None] | None = None,
) -> tuple[ValidationReport, list[Failure]]:
    """Checks everything that some paths hold; an archive that is refused stops nothing.

    Args:
        paths: Folders and archives.
        round: Name of the round whose rules apply; None for each folder's own.
        workers: How many processes; None for one per core, 1 for none beside this one.
        progress: Called with how many folders are done, how many there are, and the name of the last.
        partial_copy: Whether somebody declares that files may be missing because they were not copied.
        use: Called with the report while unpacked archives are still there, for a page with their traces.

    Returns:
        The report, and the archives that were refused with their errors.

    Raises:
        UsageError: ``path.missing``, ``path.nothing``, ``round.unknown``.
    """
    if round:
        named_rules(round)
    failures: list[Failure] = []
    with ExitStack() as stack:
        folders: list[Path] = []
        for path in paths:
            if not path.exists():
                raise UsageError("path.missing", f"there is no {path}", "Check the path.")
            if path.is_dir():
                folders.append(path)
                continue
            try:
                folder = stack.enter_context(unpacked(path))
                if not holds_anything(folder):
                    raise nothing_there(path)
                folders.append(folder)
            except JoulebenchError as error:
                failures.append((path, error))
        report = validate(folders, round=round, workers=workers, progress=progress, partial_copy=partial_copy)
        report.paths = list(paths)
        if use is not None:
            use(report)
    return report, failures
