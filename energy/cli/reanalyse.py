"""``joulebench reanalyse``: an archive of recordings, analysed again with this version."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from energy.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from energy.validation.reanalysis import Reanalysis

DESCRIPTION = """\
Computes the figures of every recording of an archive again, with this version, and compares them with
its result.json: which differ, and which errors are found today that nobody knew. An archive is a folder,
or the address of an object store that fsspec opens. One process does the work; --workers spreads it over
processes of this machine, --scheduler over a Dask cluster. The figures are the same bit for bit."""
EXAMPLES = """\
examples:
  joulebench reanalyse sessions/
  joulebench reanalyse sessions/ --workers 4 --all
  joulebench reanalyse s3://lab/2025 --scheduler tcp://10.0.0.2:8786
  joulebench reanalyse sessions/ --json > today.json"""
SCHEMA = "joulebench.reanalyse/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("archive", metavar="ARCHIVE", help="a folder of sessions, or the address of a store")
    spread = parser.add_mutually_exclusive_group()
    spread.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="a Dask scheduler (tcp://host:8786); it and its workers execute what they are sent",
    )
    spread.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes of this machine (default: 1)"
    )
    parser.add_argument("--all", action="store_true", help="all recordings, not only those that differ")
    parser.add_argument("--json", action="store_true", help="every recording as JSON (SI units)")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import catch_signals, print_json, progress
    from energy.validation.reanalysis import reanalyse
    from energy.validation.spread import spread_over

    catch_signals()
    spread = spread_over(arguments.scheduler, arguments.workers)
    with progress("analysing", 1.0) as report:
        done = reanalyse(
            arguments.archive, spread, lambda count, total, name: report(count / max(total, 1), name)
        )
    if arguments.json:
        rows = [row.to_json() for row in done.rows]
        print_json({"schema": SCHEMA, "archive": done.archive, "recordings": rows, "notes": done.notes})
    else:
        _show(done, everything=arguments.all)
    return EXIT_OK if done.sound else EXIT_FINDINGS


def _show(done: Reanalysis, *, everything: bool) -> None:
    from energy.cli.terminal import MOST_ROWS, console, plain, show_table
    from energy.report.reanalysis import reanalysis_table, summary_lines

    out = console()
    table = reanalysis_table(done, everything=everything)
    if table.rows:
        show_table(out, table, every=everything)
    wrong = [row for row in done.rows if row.differences or row.error]
    shown = wrong if everything or not out.is_terminal else wrong[:MOST_ROWS]
    for row in shown:
        for difference in row.differences[:3]:
            out.print(f"{plain(row.path)}: {plain(difference)}", soft_wrap=True)
        if row.error:
            out.print(f"[bold red]error[/]   {plain(row.path)}: {plain(row.error)}", soft_wrap=True)
    if len(wrong) > len(shown):
        out.print(f"{len(wrong) - len(shown)} more differ or failed: --all shows them", soft_wrap=True)
    for note in done.notes:
        out.print(f"[yellow]note[/]    {plain(note)}", soft_wrap=True)
    for line in summary_lines(done):
        out.print(plain(line), soft_wrap=True)
