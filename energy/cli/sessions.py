"""``joulebench sessions``: the sessions in folders."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from energy.errors import EXIT_OK

DESCRIPTION = """\
Lists the sessions and recordings in folders or sweeps: board, voltage, clock, monitor, label, figures and
findings of each, as its documents state them. Nothing is recomputed: validate does that."""
EXAMPLES = """\
examples:
  joulebench sessions
  joulebench sessions runs/ old/20250801-192957-kws01-energy
  joulebench sessions runs/ --csv > runs.csv
  joulebench sessions runs/ --json"""
SCHEMA = "joulebench.sessions/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="default: sessions")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="CSV (SI units) on standard output")
    form.add_argument("--json", action="store_true", help="JSON (SI units) on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import console, plain, print_json, show_table
    from energy.report.session_list import as_csv, list_table
    from energy.validation.listing import list_sessions

    folders: list[Path] = arguments.folders or [Path("sessions")]
    listed = list_sessions(*folders)
    if arguments.json:
        print_json({"schema": SCHEMA, "sessions": [session.to_json() for session in listed]}, ascii_only=True)
        return EXIT_OK
    if arguments.csv:
        sys.stdout.write(as_csv(listed))
        return EXIT_OK
    out = console()
    if not listed:
        out.print(f"no sessions in {plain(', '.join(map(str, folders)))}", soft_wrap=True)
        return EXIT_OK
    show_table(out, list_table(listed, folders[0] if len(folders) == 1 else Path()))
    for session in listed:
        if session.problem:
            out.print(f"[bold red]error[/]   {plain(session.problem)}", soft_wrap=True)
        if session.setup.note:
            out.print(f"[dim]{plain(session.folder.name)}: {plain(session.setup.note)}[/]", soft_wrap=True)
    return EXIT_OK
