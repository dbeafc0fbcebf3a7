"""``joulebench phases``: energy, time and energy-delay product of each phase of an inference."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.figure_options import width_of
from energy.cli.integrate import positive
from energy.cli.layers import add_output_arguments, add_windows_of
from energy.cli.measure import add_bench_changes, bench_of_arguments
from energy.errors import EXIT_FINDINGS, EXIT_OK, UsageError

if TYPE_CHECKING:
    from energy.characterize.phase_run import PhasesOutcome

DESCRIPTION = """\
Divides windows of inferences into pre-processing, network and post-processing. The DUT runs the
firmware of this project (firmware/dut), which marks them on a second pin, and the monitor samples that
pin with a second logic input (a PPK2: phases = 1 under [monitor.settings]). Such an inference goes from
the input's bytes to scores. A characterization, not a result of MLPerf Tiny. The folder holds the
recording, phases.json, phases.csv, phases.parquet and a picture."""
EXAMPLES = """\
examples:
  joulebench phases --workload kws01
  joulebench phases --bench my-bench.toml --workload vww01 --set monitor.settings.phases=1
  joulebench phases --workload ad01 --windows 10 --window 0.5 --json > phases.json
  joulebench phases sessions/20261129-065502-NUCLEO-L4R5ZI-1.8V-kws01-phases"""
BENCH = "ppk2-source-virtual"
"""The bench without --bench: its monitor has logic inputs, and the phase pin of its DUT is wired to D1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="FOLDER",
        help="a folder of this verb, to divide its windows again",
    )
    parser.add_argument("--bench", metavar="FILE", help=f"bench file, or a shipped bench (default: {BENCH})")
    add_bench_changes(parser)
    add_windows_of(parser)
    parser.add_argument(
        "--windows", type=positive, default=5, metavar="N", help="number of windows (default 5)"
    )
    add_output_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.characterize.phase_run import make_phases_plan, run_phases
    from energy.cli.terminal import ask, catch_signals, print_json, progress
    from energy.report.figures.phases import draw_phases
    from energy.report.figures.style import check_picture, save
    from energy.session.folder import default_folder

    if arguments.folder is not None:
        return _run_again(arguments)
    if arguments.bench is None:
        arguments.changes = ["monitor.settings.phases=1", *arguments.changes]
    bench = bench_of_arguments(arguments, arguments.bench or BENCH)
    plan = make_phases_plan(
        bench,
        arguments.workload,
        window_s=arguments.window,
        count=arguments.windows,
        datasets=arguments.datasets,
        note=arguments.note,
    )
    if arguments.picture:
        check_picture(arguments.picture)
    width_in = width_of(arguments)
    folder = default_folder(arguments.out, plan.workload.id, "phases", datetime.now(), bench)
    catch_signals()
    with progress("measuring phases", 1.0) as report:
        outcome = run_phases(plan, folder, report, ask)
    picture = save(
        draw_phases(outcome, width_in=width_in), arguments.picture or folder / "figures" / "phases.png"
    )
    if arguments.json:
        print_json(outcome.to_json())
    else:
        _show(outcome, picture)
    return EXIT_OK if outcome.valid else EXIT_FINDINGS


def _run_again(arguments: argparse.Namespace) -> int:
    from energy.characterize.phase_again import divide_again
    from energy.cli.terminal import console, plain, print_json, show_findings, show_table
    from energy.report.phases import divided_line, phases_table

    if arguments.bench is not None:
        raise UsageError("usage.phases", "a folder takes the place of --bench", "Name one of them.")
    again = divide_again(arguments.folder)
    if arguments.json:
        print_json(again.to_json())
        return EXIT_OK if again.valid else EXIT_FINDINGS
    out = console()
    if again.virtual:
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    out.print(f"[bold]{plain(again.folder)}[/]", soft_wrap=True)
    if any(row.parts for row in again.windows):
        show_table(out, phases_table(again.windows))
    out.print(f"[dim]{plain(divided_line(again.windows))}[/]", soft_wrap=True)
    if again.findings:
        show_findings(out, again.findings)
    return EXIT_OK if again.valid else EXIT_FINDINGS


def _show(outcome: PhasesOutcome, picture: Path) -> None:
    from energy.cli.terminal import console, plain, show_findings, show_table
    from energy.report.phases import divided_line, phases_table
    from energy.report.setups import setup_line

    out = console()
    if outcome.virtual:
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    title = f"{outcome.plan.workload.id}, phases of an inference · {setup_line(outcome.setup)}"
    out.print(f"[bold]{plain(title)}[/]", soft_wrap=True)
    if any(row.parts for row in outcome.windows):
        show_table(out, phases_table(outcome.windows))
    out.print(f"[dim]{plain(divided_line(outcome.windows))}[/]", soft_wrap=True)
    if outcome.findings:
        show_findings(out, list(outcome.findings))
    out.print(f"[dim]picture: {plain(picture)}[/]", soft_wrap=True)
    out.print(f"[dim]folder: {plain(outcome.folder)}[/]", soft_wrap=True)
