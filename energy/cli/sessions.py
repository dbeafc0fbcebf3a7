"""``joulebench sessions``: the sessions in folders."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from energy.errors import EXIT_OK
from energy.printable import printable

DESCRIPTION = """\
Lists the sessions and recordings in folders or sweeps: board, voltage, clock, monitor, label, figures and
findings of each, as its documents state them. Nothing is recomputed: validate does that. Of a published
tree it lists the results, recomputed, as far as their files allow. A folder with many
sessions gets an index (with the extra `archive`), a hidden file that is checked against the sessions each
time; --reindex makes it again."""
EXAMPLES = """\
examples:
  joulebench sessions
  joulebench sessions runs/ old/20250801-192957-kws01-energy
  joulebench sessions runs/ --where workload=kws01 --where 'energy<1mJ'
  joulebench sessions runs/ --csv > runs.csv
  joulebench sessions runs/ --reindex
  joulebench sessions runs/ --json"""
SCHEMA = "joulebench.sessions/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="default: sessions")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="only sessions that meet it: mode=energy, 'energy<1mJ', board~nucleo, valid=true; repeatable",
    )
    parser.add_argument("--reindex", action="store_true", help="make the index of each folder again")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="CSV (SI units) on standard output")
    form.add_argument("--json", action="store_true", help="JSON (SI units) on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.catalogue.listed import list_folders
    from energy.cli.terminal import MOST_ROWS, console, plain, print_json, progress, show_table
    from energy.report.session_list import as_csv, list_table

    folders: list[Path] = arguments.folders or [Path("sessions")]
    with progress("reading sessions", 1.0) as report:
        listing = list_folders(
            *folders,
            where=arguments.where,
            reindex=arguments.reindex,
            progress=lambda done, total: report(done / total),
        )
    listed = listing.sessions
    if arguments.json:
        document = {"schema": SCHEMA, "sessions": [session.to_json() for session in listed]}
        print_json({**document, "total": listing.total, "notes": listing.notes}, ascii_only=True)
        return EXIT_OK
    if arguments.csv:
        sys.stdout.write(as_csv(listed))
        for note in listing.notes:
            sys.stderr.write(f"note: {printable(note)}\n")
        return EXIT_OK
    out = console()
    if listed:
        show_table(out, list_table(listed, folders[0] if len(folders) == 1 else Path()), latest=True)
    elif not listing.total:
        out.print(f"no sessions in {plain(', '.join(map(str, folders)))}", soft_wrap=True)
    if arguments.where:
        out.print(f"{len(listed)} of {listing.total} sessions", soft_wrap=True)
    for note in listing.notes:
        out.print(f"[yellow]note[/]    {plain(note)}", soft_wrap=True)
    shown = listed[-MOST_ROWS:] if out.is_terminal else listed
    for session in shown:
        if session.setup.note:
            out.print(f"[dim]{plain(session.folder.name)}: {plain(session.setup.note)}[/]", soft_wrap=True)
    problems = [session.problem for session in listed if session.problem]
    for problem in problems[: MOST_ROWS if out.is_terminal else None]:
        out.print(f"[bold red]error[/]   {plain(problem)}", soft_wrap=True)
    if out.is_terminal and len(problems) > MOST_ROWS:
        out.print(f"{len(problems) - MOST_ROWS} more sessions cannot be read", soft_wrap=True)
    return EXIT_OK
