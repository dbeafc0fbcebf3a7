"""Writes a validation as a single HTML page: rows, findings, the lines that prove them, traces.

Names of folders and lines of logs may come from anybody: the template escapes all text, and control
characters are replaced before that. The page loads nothing and runs no script.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy import __version__
from energy.errors import BenchError, JoulebenchError, UsageError
from energy.evidence.scope import scope_line
from energy.findings import REGISTER, Finding, Severity
from energy.printable import printable_lines
from energy.recording.inside import within
from energy.report.excerpt import Excerpt, excerpts
from energy.report.repeats import repeat_lines
from energy.report.setups import setup_line
from energy.report.trace_svg import Span, trace_svg
from energy.report.validation_rows import Row, grave_figures, gravest_first, rows_of, summary_line
from energy.runs.measured import load
from energy.runs.printed import FigureCheck
from energy.validation.report import FolderReport, RunReport, ValidationReport, count_by_severity

if TYPE_CHECKING:
    from jinja2 import Template

_MOST_CLOSE_UPS = 3
_MARGIN = 0.06
"""Margin of a close-up on each side, as a part of the window's length."""
_SHORTEST_S = 0.01


@dataclass(frozen=True)
class Remark:
    """A finding with the lines that prove it."""

    finding: Finding
    excerpts: list[Excerpt]


@dataclass(frozen=True)
class Picture:
    """A drawing with its caption; the drawing is SVG made of numbers only."""

    svg: str
    caption: str


@dataclass(frozen=True)
class RunPart:
    """The part of the page about a run."""

    run: RunReport
    remarks: list[Remark]
    pictures: list[Picture]
    figures: list[FigureCheck]


@dataclass(frozen=True)
class FolderPart:
    """The part of the page about a benchmark."""

    row: Row
    anchor: str
    remarks: list[Remark]
    runs: list[RunPart]
    silent: list[str]
    """Modes for which there is nothing to show."""


def check_page(path: Path) -> None:
    """Makes sure that a page can have this name, before anything long is done for it.

    Raises:
        UsageError: ``usage.html``, ``page.unwritable``.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError("usage.html", f"{path} ends in neither .html nor .htm", "Give another name.")
    with _written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft(path)
        draft.touch()
        draft.unlink()


def _draft(path: Path) -> Path:
    """The name of a page that is not complete yet."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def _written(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror or error}"
        raise UsageError("page.unwritable", text, "Name another file.") from error


def write_page(
    report: ValidationReport,
    path: Path,
    *,
    show_all: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Writes the page.

    Args:
        report: The validation.
        path: The file to write; its folders are made.
        show_all: Whether findings of severity info are listed.
        progress: Called with the number of benchmarks that are done.

    Raises:
        UsageError: ``usage.html``, ``page.unwritable``.
        BenchError: ``report.jinja2`` if Jinja is not installed.
    """
    check_page(path)
    template = _template()
    draft = _draft(path)
    with _written(path):
        with draft.open("w", encoding="utf-8") as file:
            parts = _parts(report, show_all, progress)
            for piece in template.generate(_context(report, show_all, parts)):
                file.write(piece)
        draft.replace(path)
    return path


def _template() -> Template:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise BenchError(
            "report.jinja2",
            "HTML pages need the package jinja2, which is not installed",
            "pip install 'joulebench[report]'",
        ) from error
    environment = Environment(
        loader=PackageLoader("energy.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    functions: dict[str, Any] = {
        "setup_line": setup_line,
        "scope_line": scope_line,
        "repeat_lines": repeat_lines,
    }
    environment.globals.update(functions)
    return environment.get_template("validation.html.j2")


def _clean(value: Any) -> Any:
    """Text without control characters and lone surrogates; line ends and tabs stay."""
    if type(value) is str:
        return printable_lines(value)
    return value


def _context(report: ValidationReport, show_all: bool, parts: Iterable[FolderPart]) -> dict[str, Any]:
    rows = rows_of(report)
    shown = [finding for finding in report.all_findings if show_all or finding.severity is not Severity.INFO]
    counts: dict[str, int] = {}
    for finding in gravest_first(shown):
        counts[finding.code] = counts.get(finding.code, 0) + 1
    general = report.findings + [found for place in report.submissions for found in place.findings]
    return {
        "version": __version__,
        "paths": [str(path) for path in report.paths],
        "rules": report.rules,
        "summary": summary_line(report),
        "severities": count_by_severity(report.all_findings),
        "rows": [(row, _anchor(number)) for number, row in enumerate(rows)],
        "several_rounds": len({row.folder.round for row in rows}) > 1,
        "codes": [(code, REGISTER[code], count) for code, count in counts.items()],
        "general": _remarks(general, show_all, None, ""),
        "parts": parts,
        "show_all": show_all,
    }


def _anchor(number: int) -> str:
    return f"benchmark-{number}"


def _parts(
    report: ValidationReport, show_all: bool, progress: Callable[[float], None] | None
) -> Iterable[FolderPart]:
    """Yields the parts one by one, so that only one of them is in memory."""
    roots = [submission.root for submission in report.submissions for _ in submission.folders]
    for number, (row, root) in enumerate(zip(rows_of(report), roots, strict=True)):
        yield _folder_part(row, _anchor(number), show_all, root)
        if progress:
            progress(number + 1)


def _folder_part(row: Row, anchor: str, show_all: bool, root: Path | None) -> FolderPart:
    folder: FolderReport = row.folder
    with within(root) if root else nullcontext():
        runs = _run_parts(folder, show_all, root)
    silent = [
        part
        for part in runs
        if not (part.remarks or part.pictures or part.figures or part.run.windows or part.run.rejected)
    ]
    return FolderPart(
        row,
        anchor,
        _remarks(folder.findings, show_all, root, folder.path),
        [part for part in runs if part not in silent],
        [part.run.mode for part in silent],
    )


def _run_parts(folder: FolderReport, show_all: bool, root: Path | None) -> list[RunPart]:
    return [
        RunPart(
            run,
            _remarks(run.all_findings, show_all, root, run.path),
            _pictures(run),
            grave_figures(run),
        )
        for run in folder.runs
    ]


def _remarks(findings: Iterable[Finding], show_all: bool, root: Path | None, folder: str) -> list[Remark]:
    return [
        Remark(
            finding, excerpts(finding, root, folder) if root and finding.severity is not Severity.INFO else []
        )
        for finding in gravest_first(findings)
        if show_all or finding.severity is not Severity.INFO
    ]


def _pictures(run: RunReport) -> list[Picture]:
    """Drawings of the whole trace, then close-ups of the windows that have errors or warnings."""
    if run.trace is None:
        return []
    try:
        trace = load(run.trace).samples
    except (JoulebenchError, OSError):
        return []  # a finding reports already that the trace cannot be read
    flawed = {finding.window for finding in run.findings if finding.severity is Severity.ERROR}
    grave = [finding for finding in gravest_first(run.findings) if finding.severity is not Severity.INFO]
    doubtful = {finding.window for finding in grave}
    spans = [
        Span(
            window.number,
            window.start_s,
            window.stop_s,
            window.number in flawed,
            window.log_start_s,
            window.log_stop_s,
        )
        for window in run.windows
        if window.start_s is not None and window.stop_s is not None
    ]
    pictures: list[Picture] = []
    if whole := trace_svg(trace, spans, run.timestamps):
        pictures.append(Picture(whole, f"{run.mode}: power, lowest to highest and mean"))
    pieces = [(finding.time_s, finding.code) for finding in grave if finding.time_s is not None]
    pieces += [
        ((span.start_s, span.stop_s), f"window {span.number}") for span in spans if span.number in doubtful
    ]
    for (start_s, stop_s), name in list(dict(pieces).items())[:_MOST_CLOSE_UPS]:
        margin = max(stop_s - start_s, _SHORTEST_S) * _MARGIN
        around = (start_s - margin, stop_s + margin)
        if close := trace_svg(trace, spans, run.timestamps, of=around):
            pictures.append(Picture(close, f"{run.mode}: {name}"))
    return pictures
