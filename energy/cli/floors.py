"""``joulebench floors``: power idle and asleep, energy and time of a wake-up."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.integrate import positive
from energy.cli.measure import VIRTUAL_BENCH, add_bench_changes, bench_of_arguments
from energy.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from energy.characterize.floors import FloorsOutcome

DESCRIPTION = """\
Measures what a DUT needs while it does nothing: its power idle and asleep, and the energy and time of
a wake-up. The DUT stands still between two edges of its timestamp pin, in a long and in a short window,
and in one with many wake-ups; their differences are the figures, with uncertainties (95 %). Its
firmware needs the commands `idle` and `sleep` (docs/reference/protocols.md, 1.11). A characterization,
not a result of MLPerf Tiny. The folder holds the recording, floors.json, floors.csv and floors.parquet."""
EXAMPLES = """\
examples:
  joulebench floors
  joulebench floors --bench my-bench.toml --set dut.voltage_v=1.8 --window 20 --wake-ups 50
  joulebench floors --json > floors.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "--bench",
        default=VIRTUAL_BENCH,
        metavar="FILE",
        help="bench file, or a shipped bench (default: virtual)",
    )
    add_bench_changes(parser)
    parser.add_argument(
        "--workload", default="kws01", metavar="ID", help="the firmware that is flashed (default kws01)"
    )
    parser.add_argument(
        "--window", type=float, default=4.0, metavar="S", help="long window, in seconds (default 4)"
    )
    parser.add_argument(
        "--repeats", type=positive, default=3, metavar="N", help="measure each N times (default 3)"
    )
    parser.add_argument(
        "--wake-ups", type=positive, default=10, metavar="N", help="wake-ups in a window (default 10)"
    )
    parser.add_argument("--note", default="", metavar="TEXT", help="a note for the documents")
    parser.add_argument("--out", type=Path, default=Path("sessions"), metavar="DIR", help="default: sessions")
    parser.add_argument("--json", action="store_true", help="figures as JSON (SI units) on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.characterize.floors import make_floors_plan, run_floors
    from energy.cli.terminal import ask, catch_signals, print_json, progress
    from energy.session.folder import default_folder

    bench = bench_of_arguments(arguments, arguments.bench)
    plan = make_floors_plan(
        bench,
        arguments.workload,
        window_s=arguments.window,
        repeats=arguments.repeats,
        wakes=arguments.wake_ups,
        note=arguments.note,
    )
    folder = default_folder(arguments.out, plan.workload.id, "floors", datetime.now(), bench)
    catch_signals()
    with progress("measuring floors", 1.0) as report:
        outcome = run_floors(plan, folder, report, ask)
    if arguments.json:
        print_json(outcome.to_json())
    else:
        _show(outcome)
    return EXIT_OK if outcome.valid else EXIT_FINDINGS


def _show(outcome: FloorsOutcome) -> None:
    from energy.cli.terminal import console, plain, show_findings, show_table
    from energy.report.floors import floors_table, pause_line
    from energy.report.setups import setup_line

    out = console()
    if outcome.virtual:
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    out.print(f"[bold]{plain(f'floors · {setup_line(outcome.setup)}')}[/]", soft_wrap=True)
    show_table(out, floors_table(outcome))
    out.print(plain(pause_line(outcome)), soft_wrap=True)
    if outcome.findings:
        show_findings(out, list(outcome.findings))
    out.print(f"[dim]folder: {plain(outcome.folder)}[/]", soft_wrap=True)
