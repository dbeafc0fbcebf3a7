"""``joulebench validate``: checks a session, a submission or whole rounds, and recomputes every figure."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.cli.integrate import positive
from energy.errors import EXIT_FINDINGS, EXIT_OK, JoulebenchError

if TYPE_CHECKING:
    from rich.console import Console

    from energy.findings import Finding
    from energy.validation.report import FolderReport, ValidationReport

DESCRIPTION = """\
Recomputes every figure that the files allow and names everything that is wrong. A PATH is a folder
of joulebench's own session, a benchmark's folder, a submission, a round, a folder of rounds, or one
of these packed as .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz."""
EXAMPLES = """\
examples:
  joulebench validate out/measure/kws01-energy
  joulebench validate closed/acme --html out/acme.html
  joulebench validate submission.zip --round v1.4
  joulebench validate v1.2 v1.3 --json > report.json
  joulebench validate closed/acme/results/board/kws --all"""
SCHEMA = "joulebench.validate/2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="session, benchmark, submission, round or archive"
    )
    parser.add_argument(
        "--round", metavar="NAME", help="rules of this round (v1.4); by default each round's own"
    )
    parser.add_argument(
        "--json", action="store_true", help="everything as JSON (SI units) to standard output"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with figures and traces")
    parser.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="processes (default: one, or one per core for much data)",
    )
    parser.add_argument(
        "--partial-copy",
        action="store_true",
        help="the paths are parts of an original: a file that is missing was not copied",
    )
    parser.add_argument("--all", action="store_true", help="also list findings that are only information")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    if arguments.html:
        from energy.report.pages.skeleton import check_page

        check_page(arguments.html)
    report, failures = _validate(arguments)
    if arguments.json:
        _print_json(report, failures)
    else:
        _print(report, failures, arguments)
    worst = max((error.exit_status for _, error in failures), default=EXIT_OK)
    return max(worst, EXIT_OK if report.sound else EXIT_FINDINGS)


def _validate(arguments: argparse.Namespace) -> tuple[ValidationReport, list[tuple[Path, JoulebenchError]]]:
    from energy.cli.terminal import progress
    from energy.validation.paths import validate_paths

    with progress("validating", 1) as show:
        return validate_paths(
            arguments.paths,
            round=arguments.round,
            workers=arguments.workers,
            partial_copy=arguments.partial_copy,
            progress=lambda done, total, name: show(done / max(total, 1), name),
            use=(lambda report: _write_page(report, arguments)) if arguments.html else None,
        )


def _write_page(report: ValidationReport, arguments: argparse.Namespace) -> None:
    from energy.cli.terminal import progress
    from energy.report.pages.validation import write_validation

    with progress("drawing", max(len(list(report.folders)), 1)) as show:
        write_validation(report, arguments.html, show_all=arguments.all, progress=show)


def _print_json(report: ValidationReport, failures: list[tuple[Path, JoulebenchError]]) -> None:
    from energy.cli.terminal import print_json

    document: dict[str, Any] = {
        **report.to_json(),
        "schema": SCHEMA,
        "failed": [
            {"path": str(path), "code": error.code, "message": error.message, "hint": error.hint}
            for path, error in failures
        ],
    }
    print_json(document, ascii_only=True)


def _print(
    report: ValidationReport, failures: list[tuple[Path, JoulebenchError]], arguments: argparse.Namespace
) -> None:
    from energy.cli.terminal import console, plain, show_remedies, show_table
    from energy.report.repeats import repeat_lines
    from energy.report.validation_rows import rows_of, summary_line, table_of

    out = console()
    rows = rows_of(report)
    if rows:
        show_table(out, table_of(rows))
    _print_findings(out, "in general", [("", report.findings)], arguments.all)
    for submission in report.submissions:
        _print_findings(out, submission.name, [("", submission.findings)], arguments.all)
    for row in sorted(rows, key=lambda row: _order(row.folder)):
        found = [("", row.folder.findings), *((run.mode, run.findings) for run in row.folder.runs)]
        _print_findings(out, row.folder.name, found, arguments.all)
        for run in row.folder.runs:
            for line in repeat_lines(run.rejected):
                words = f"{row.folder.name}, {run.mode}: {line}"
                out.print(f"[yellow]{plain(words)}[/]", soft_wrap=True)
    for path, error in failures:
        out.print(f"\n[bold red]error[/]   {plain(error)}", soft_wrap=True)
        out.print(f"        {plain(path)}\n        [dim]{plain(error.hint)}[/]", soft_wrap=True)
    shown = _shown(report.all_findings, arguments.all)
    if shown:
        out.print("\n[bold]What the findings mean, and what to do[/]")
        show_remedies(out, shown)
    if rows:
        out.print(f"\n[bold]{plain(summary_line(report))}[/]", soft_wrap=True)
    if arguments.html:
        out.print(f"page: {plain(arguments.html)}", soft_wrap=True)
    elif shown:
        out.print(
            "--html FILE writes a page with the lines and traces that prove the findings", soft_wrap=True
        )


def _order(folder: FolderReport) -> int:
    """Folders with errors first, then those with warnings."""
    from energy.report.validation_rows import GRAVEST_FIRST

    found = folder.all_findings
    return min((GRAVEST_FIRST.index(finding.severity) for finding in found), default=len(GRAVEST_FIRST))


def _shown(findings: list[Finding], show_all: bool) -> list[Finding]:
    return [finding for finding in findings if show_all or finding.severity != "info"]


def _print_findings(out: Console, name: str, found: list[tuple[str, list[Finding]]], show_all: bool) -> None:
    """Prints the findings about a submission or a benchmark, each with the mode of its run."""
    from energy.cli.terminal import plain, show_findings

    shown = [(mode, _shown(findings, show_all)) for mode, findings in found]
    if any(findings for _, findings in shown):
        out.print(f"\n[bold]{plain(name)}[/]", soft_wrap=True)
        for mode, findings in shown:
            show_findings(out, findings, hints=False, mode=mode)
