"""Submissions: validated and packaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.errors import JoulebenchError, UsageError
from energy.findings import Finding
from energy.report import notebook
from energy.report.packaging import make_package, write_form
from energy.report.pages.skeleton import check_page
from energy.report.pages.validation import write_validation
from energy.report.table import Table
from energy.report.validation_rows import rows_of, summary_line, table_of
from energy.submission.package import Division, Request
from energy.submission.package import Package as Made
from energy.submission.package_session import Problem
from energy.submission.package_system import read_form
from energy.validation.paths import validate_paths
from energy.validation.report import ValidationReport
from joulebench.benches import AnyPath
from joulebench.frames import frame
from joulebench.hints import hinted
from joulebench.progress import Report, shown
from joulebench.recordings import HasFolder

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ["benchmark", "mode", "figure", "window", "unit", "printed", "recomputed", "agrees", "virtual"]


@dataclass(frozen=True)
class Validation:
    """The result of a validation.

    Attributes:
        report: Everything: submissions, benchmarks, runs, figures, findings.
        failures: Archives that could not be read, with their errors.
    """

    report: ValidationReport
    failures: Sequence[tuple[Path, JoulebenchError]] = ()

    @property
    def sound(self) -> bool:
        """Whether all could be read and no finding is an error."""
        return not self.failures and self.report.sound

    @property
    def virtual(self) -> bool:
        """Whether any run comes from the virtual bench."""
        return any(folder.virtual for folder in self.report.folders)

    @property
    def findings(self) -> list[Finding]:
        """All findings."""
        return self.report.all_findings

    @property
    def errors(self) -> list[tuple[str, Finding]]:
        """Every error with the name of the benchmark or submission that it is about."""
        return self.report.errors

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench validate --json``."""
        return self.report.to_json()

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each printed figure: as printed, as recomputed, and whether they agree."""
        rows: list[dict[str, Any]] = [
            {
                "benchmark": folder.name,
                "mode": run.mode,
                "figure": figure.name,
                "window": figure.window,
                "unit": figure.unit,
                "printed": figure.printed,
                "recomputed": figure.recomputed,
                "agrees": figure.agrees if figure.recomputed is not None else None,
                "virtual": run.virtual,
            }
            for folder in self.report.folders
            for run in folder.runs
            for figure in run.figures
        ]
        return frame(rows, _COLUMNS)

    def __repr__(self) -> str:
        virtual = "VIRTUAL " if self.virtual else ""
        return f"<Validation {virtual}{summary_line(self.report)}; {len(self.failures)} archives failed>"

    def _repr_html_(self) -> str:
        parts = [notebook.table(table_of(rows_of(self.report))), notebook.line(summary_line(self.report))]
        parts += [notebook.findings(self.findings), notebook.failures(self.failures)]
        title = ", ".join(str(path) for path in self.report.paths)
        return notebook.card(f"Validation of {title}", *parts, virtual=self.virtual)


@hinted
def validate(
    *paths: HasFolder | AnyPath,
    round: str | None = None,  # noqa: A002 - as the option of the command line
    html: AnyPath | None = None,
    show_all: bool = False,
    workers: int = 1,
    progress: Report | bool = True,
    partial_copy: bool = False,
) -> Validation:
    """Checks sessions, submissions, rounds or archives of them, and recomputes every printed figure.

    Args:
        paths: Sessions that are over, or folders and archives.
        round: Name of the round whose rules apply (``"v1.4"``); None: each folder's own.
        html: A page with figures and traces to write as well.
        show_all: Whether the page lists findings that are only information.
        workers: Processes. With more than one, each starts Python again: a script then needs
            ``if __name__ == "__main__":`` around its work.
        progress: True: a bar in a notebook or a terminal.
        partial_copy: Whether the paths are parts of an original: a file that is missing was not copied.

    Raises:
        JoulebenchError: ``path.*``, ``round.unknown``, ``usage.html``; an archive's if nothing could be read.
    """
    named = [path.folder if isinstance(path, HasFolder) else Path(path) for path in paths]
    if not named:
        raise UsageError("usage.empty", "no path is named", "Name a session, a submission or a round.")
    page = None if html is None else Path(html)
    if page is not None:
        check_page(page)
    with shown("validating", progress) as report:
        found, failures = validate_paths(
            named,
            round=round,
            workers=workers,
            partial_copy=partial_copy,
            progress=lambda done, total, name: report(done / max(total, 1), name),
            use=None if page is None else lambda found: _write(found, page, show_all),
        )
    if failures and len(failures) == len(named):
        raise failures[0][1]
    return Validation(found, failures)


def _write(report: ValidationReport, page: Path, show_all: bool) -> None:
    write_validation(report, page, show_all=show_all)


@dataclass(frozen=True)
class Packaged:
    """A submission's tree, or why there is none.

    Attributes:
        made: Its sessions, its problems, and the findings of its validation.
    """

    made: Made

    @property
    def written(self) -> bool:
        """Whether the tree was written."""
        return self.made.written

    @property
    def root(self) -> Path:
        """The folder of the division's folder."""
        return self.made.root

    @property
    def virtual(self) -> bool:
        """Whether anything of it is from the virtual bench."""
        return self.made.virtual

    @property
    def refused(self) -> list[Problem]:
        """Problems that are not allowed."""
        return self.made.refused

    @property
    def findings(self) -> list[Finding]:
        """Findings of the validation of the tree."""
        return self.made.findings

    def to_json(self) -> dict[str, Any]:
        """As ``joulebench package --json``."""
        return self.made.to_json()

    def _repr_html_(self) -> str:
        problems = Table("Problems", ["code", "problem", "verdict"], text=range(3))
        problems.rows = [
            [problem.code, problem.text, "refused" if problem in self.refused else "allowed"]
            for problem in self.made.problems
        ]
        figures = [
            (f"{benchmark} {name}", f"{value:g}")
            for benchmark, values in self.made.figures.items()
            for name, value in values.items()
        ]
        title = f"Package {self.root}" if self.written else "Package: nothing was written"
        parts = [notebook.table(problems)] if problems.rows else []
        parts += [notebook.facts(figures)] if figures else []
        return notebook.card(title, *parts, notebook.findings(self.findings), virtual=self.virtual)


@hinted
def package(
    sessions: Sequence[HasFolder | AnyPath],
    out: AnyPath,
    *,
    organization: str,
    system: str,
    division: Division,
    form: AnyPath | Mapping[str, str] | None = None,
    allow_virtual: bool = False,
    allow_errors: bool = False,
) -> Packaged:
    """Makes the tree of an MLPerf Tiny submission from sessions, unless there is a problem.

    Args:
        sessions: Sessions that are over, folders of sessions, or folders that hold them.
        out: Where the tree goes; must not exist, or be empty.
        organization: Who submits.
        system: What was measured.
        division: ``"closed"`` or ``"open"``.
        form: Fields of the system's description: a file, or names with their texts.
        allow_virtual: Whether sessions from the virtual bench are allowed.
        allow_errors: Whether sessions with errors are allowed.

    Raises:
        JoulebenchError: ``package.*``, ``form.*``.
    """
    fields = dict(form) if isinstance(form, Mapping) else read_form(Path(form)) if form is not None else {}
    request = Request(
        _folders(sessions),
        Path(out),
        division,
        organization,
        system,
        fields,
        allow_virtual=allow_virtual,
        allow_errors=allow_errors,
    )
    return Packaged(make_package(request))


@hinted
def package_form(
    sessions: Sequence[HasFolder | AnyPath],
    path: AnyPath,
    *,
    organization: str,
    system: str,
    division: Division,
) -> Path:
    """Writes a form for the system's description, with what the sessions know of it, to be filled in.

    Raises:
        JoulebenchError: ``form.unwritable``, ``package.*``.
    """
    request = Request(_folders(sessions), Path(path).parent, division, organization, system)
    return write_form(request, Path(path))


def _folders(sessions: Sequence[HasFolder | AnyPath]) -> list[Path]:
    return [session.folder if isinstance(session, HasFolder) else Path(session) for session in sessions]
