"""``joulebench recover``: interrupted sessions, finished from their folders."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from energy.errors import EXIT_FINDINGS, EXIT_OK, JoulebenchError

if TYPE_CHECKING:
    from energy.session.batch_recovery import Recovered

DESCRIPTION = """\
Finishes what can be finished of sessions that were interrupted, by a kill, a power cut or Ctrl-C. Windows
that had closed become valid trials, by the same checks as in a running session; five of them give
result.json and the official files. Otherwise the session's documents state how far it came. A file is
replaced only after a copy of it is kept (before-recovery/); doing it twice changes nothing."""
EXAMPLES = """\
examples:
  joulebench recover sessions/20250801-192957-kws01-energy
  joulebench recover sessions
  joulebench recover sessions --json"""
SCHEMA = "joulebench.recover/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="a session, or a folder of sessions"
    )
    parser.add_argument("--json", action="store_true", help="the outcomes as JSON on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import print_json, progress
    from energy.session.batch_recovery import recover_all

    with progress("recovering", 1.0) as report:
        done = recover_all(arguments.folders, report)
    if arguments.json:
        print_json({"schema": SCHEMA, **done.to_json()}, ascii_only=True)
    else:
        _show(done)
    failed = [error.exit_status for _, error in done.failures]
    return max([*failed, EXIT_OK if done.sound else EXIT_FINDINGS])


def _show(done: Recovered) -> None:
    from energy.cli.terminal import console, plain, show_findings

    out = console()
    if not done.outcomes and not done.failures:
        out.print("no sessions were found")
    for outcome in done.outcomes:
        verdict = {True: ", valid", False: ", not valid", None: ""}[outcome.valid]
        out.print(f"{plain(outcome.folder)}: {plain(outcome.done)}{verdict}", soft_wrap=True)
        show_findings(out, list(outcome.findings), hints=False)
    for note in done.notes:
        out.print(f"[yellow]note[/]    {plain(note)}", soft_wrap=True)
    for folder, error in done.failures:
        _failed(folder, error)


def _failed(folder: Path, error: JoulebenchError) -> None:
    from energy.cli.terminal import console, plain

    out = console()
    out.print(f"{plain(folder)}: [bold red]error[/] {plain(error)}", soft_wrap=True)
    out.print(f"[dim]{plain(error.hint)}[/]", soft_wrap=True)
