"""``joulebench sweep``: the sessions of a plan, point by point."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from energy.characterize.plan import Sweep
    from energy.characterize.sweep import SweepRun

DESCRIPTION = """\
Measures the points of a plan: energy per inference over supply voltage, clock, workload, firmware,
length of the windows, temperature, or any key of the bench file. Every point is checked against the
limits of the bench before the first is touched. The result is a table, table.csv and table.parquet,
with a row for each point: axes, figures, their uncertainty, verdict, folder. After an interrupt or a
kill, --resume measures the points that are left."""
EXAMPLES = """\
examples:
  joulebench sweep plan.toml --dry-run
  joulebench sweep plan.toml --out sweeps/voltage
  joulebench sweep plan.toml --out sweeps/voltage --resume
  joulebench sweep plan.toml --json > sweep.json

docs/how-to/sweep.md describes a plan."""
SCHEMA = "joulebench.sweep-result/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="the plan, a TOML file")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the sweep; default: sweeps/ and the plan's name"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show the points and the time they take; measure nothing"
    )
    parser.add_argument(
        "--resume", action="store_true", help="measure the points that are left in the folder"
    )
    parser.add_argument("--json", action="store_true", help="the table as JSON (SI units) on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.characterize.plan import load_sweep
    from energy.characterize.sweep import open_sweep

    sweep = load_sweep(arguments.plan)
    folder = arguments.out or Path("sweeps") / sweep.plan.name
    if arguments.dry_run:
        return _dry_run(sweep, folder, resume=arguments.resume, as_json=arguments.json)
    opened = open_sweep(sweep, folder, resume=arguments.resume)
    try:
        _run_shown(opened)
    except KeyboardInterrupt:
        _show(opened, as_json=arguments.json)
        words = ["joulebench", "sweep", str(arguments.plan), "--out", str(folder), "--resume"]
        sys.stderr.write(f"{len(opened.left)} points are left; resume with: {shlex.join(words)}\n")
        raise
    _show(opened, as_json=arguments.json)
    return _status(opened)


def _status(done: SweepRun) -> int:
    if done.stopped is not None:
        return done.stopped.worst_status
    return EXIT_OK if done.valid else EXIT_FINDINGS


def _run_shown(opened: SweepRun) -> None:
    """Runs a sweep with a bar that states the time left; SIGTERM and SIGHUP end it as Ctrl-C does."""
    from energy.characterize.sweep import run_sweep
    from energy.cli.terminal import ask, catch_signals, progress
    from energy.report.sweeps import duration_text

    catch_signals()
    with progress("sweep", 1.0) as bar:

        def report(done: float, doing: str, left_s: float) -> None:
            bar(done, f"{doing}, {duration_text(max(left_s, 0.0))} left")

        run_sweep(opened, report, ask)


def _dry_run(sweep: Sweep, folder: Path, *, resume: bool, as_json: bool) -> int:
    from energy.characterize.forecast import Forecast
    from energy.characterize.sweep import SweepRun, open_sweep
    from energy.cli.terminal import console, plain, print_json, show_table
    from energy.report.sweeps import duration_text, plan_table

    opened = open_sweep(sweep, folder, resume=True) if resume else SweepRun(sweep, folder, Forecast(sweep))
    total_s = opened.forecast.total_s(opened.left)
    if as_json:
        print_json(
            {
                "schema": SCHEMA,
                "dry_run": True,
                "points": [
                    {**point.to_json(), "time_s": opened.forecast.point_s(point)} for point in opened.left
                ],
                "skipped": [point.to_json() for point in sweep.skipped],
                "finished": len(opened.finished),
                "time_s": total_s,
            }
        )
        return EXIT_OK
    out = console()
    if sweep.bench.virtual is not None:
        out.print("[bold white on red] VIRTUAL [/] times are those of the bench's own clock")
    show_table(out, plan_table(sweep, opened.forecast, opened.left))
    parts = [f"{len(opened.left)} points", f"about {duration_text(total_s)}"]
    parts += [f"{len(sweep.skipped)} skipped"] if sweep.skipped else []
    parts += [f"{len(opened.finished)} finished before"] if opened.finished else []
    out.print(
        plain(f"{', '.join(parts)}; order {sweep.plan.order}; bench {sweep.bench.name}"), soft_wrap=True
    )
    return EXIT_OK


def _show(done: SweepRun, *, as_json: bool) -> None:
    from energy.characterize.points import failures_of
    from energy.characterize.table import lowest
    from energy.cli.terminal import console, plain, print_json, show_table
    from energy.report.sweeps import best_lines, sweep_table

    if as_json:
        print_json(_document(done))
        return
    out, rows, plan = console(), done.rows, done.sweep.plan
    if any(row["virtual"] for row in rows):
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    if rows:
        show_table(out, sweep_table(rows, plan))
    for line in best_lines(plan, lowest(rows)):
        out.print(plain(line), soft_wrap=True)
    for where, failure in failures_of(done.finished):
        text = f"{where}: {failure['message']} [{failure['code']}]"
        out.print(f"[bold red]error[/]   {plain(text)}", soft_wrap=True)
        out.print(f"        [dim]{plain(failure['hint'])}[/]", soft_wrap=True)
    if done.stopped is not None:
        out.print(f"[bold red]stopped[/] with {len(done.left)} points left, as the plan asks", soft_wrap=True)
    if rows:
        out.print(f"[dim]table: {plain(done.folder / 'table.parquet')} (and .csv)[/]", soft_wrap=True)


def _document(done: SweepRun) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "dry_run": False,
        "folder": str(done.folder),
        "points": len(done.sweep.points),
        "left": len(done.left),
        "skipped": [point.to_json() for point in done.sweep.skipped],
        "rows": done.rows,
        "failures": [
            {"point": finished.point.number, **failure}
            for finished in done.finished
            for failure in finished.failures
        ],
    }
