"""``joulebench package``: a submission's tree from sessions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from energy.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from energy.submission.package import Package

DESCRIPTION = """\
Makes the tree of an MLPerf Tiny submission from sessions: their official files, pictures of the
energy runs, and the description of the system, completed by a form. The tree is validated before it
is put in its place. Every problem is reported, and then nothing is written: sessions that were
altered, are unfinished, have errors, are from the virtual bench, ran other firmware, or lack a mode."""
EXAMPLES = """\
examples:
  joulebench package sessions --out submission --organization Me --system MyBoard \\
      --division closed --form-template my-board.toml
  joulebench package sessions --out submission --organization Me --system MyBoard \\
      --division closed --form my-board.toml"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "sessions", nargs="+", type=Path, metavar="SESSION", help="session folders, or folders of them"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the tree goes")
    parser.add_argument("--organization", required=True, metavar="NAME", help="who submits")
    parser.add_argument("--system", required=True, metavar="NAME", help="what was measured")
    parser.add_argument("--division", required=True, choices=("closed", "open"))
    parser.add_argument("--form", type=Path, metavar="FILE", help="fields of the system's description (TOML)")
    parser.add_argument(
        "--form-template", type=Path, metavar="FILE", help="write a form to fill in, and nothing else"
    )
    parser.add_argument("--allow-virtual", action="store_true", help="take sessions from the virtual bench")
    parser.add_argument("--allow-errors", action="store_true", help="take sessions with errors")
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import console, plain, print_json
    from energy.report.packaging import make_package, write_form
    from energy.submission.package import Request
    from energy.submission.package_system import read_form

    request = Request(
        arguments.sessions,
        arguments.out,
        arguments.division,
        arguments.organization,
        arguments.system,
        read_form(arguments.form) if arguments.form else {},
        allow_virtual=arguments.allow_virtual,
        allow_errors=arguments.allow_errors,
    )
    if arguments.form_template:
        form = write_form(request, arguments.form_template)
        console().print(f"form: {plain(form)}", soft_wrap=True)
        return EXIT_OK
    answer = make_package(request)
    if arguments.json:
        print_json(answer.to_json())
    else:
        _show(answer)
    return EXIT_OK if answer.written else EXIT_FINDINGS


def _show(answer: Package) -> None:
    from energy.cli.terminal import console, plain, show_findings
    from energy.findings import Severity

    out = console()
    if answer.virtual:
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    for problem in answer.problems:
        words = "[bold red]refused[/]" if problem in answer.refused else "[yellow]allowed[/]"
        out.print(f"{words} {problem.code}: {plain(problem.text)}", soft_wrap=True)
    for name in sorted({problem.override for problem in answer.refused if problem.override}):
        out.print(f"[dim]--allow-{name} allows some of it, and the package states that[/]")
    warnings = [found for found in answer.findings if found.severity is Severity.WARNING]
    if warnings:
        out.print("validation of the tree:")
        show_findings(out, warnings)
    if not answer.written:
        out.print("nothing was written")
        return
    for benchmark, figures in answer.figures.items():
        words = ", ".join(f"{name} {value:g}" for name, value in figures.items())
        out.print(f"{benchmark}: {plain(words)}")
    out.print(f"tree: {plain(answer.root)}", soft_wrap=True)
