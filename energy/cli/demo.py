"""``joulebench demo``: four workloads on the virtual bench, with the table and the pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from energy.cli.measure import run_shown, show, words
from energy.errors import EXIT_BENCH, EXIT_FINDINGS, EXIT_OK

DESCRIPTION = """\
Measures the four workloads in both modes on the virtual bench, through the same drivers that a lab
uses on hardware, and draws each energy session and energy per inference against latency."""
EXAMPLES = """\
examples:
  joulebench demo
  joulebench demo --out /tmp/demo --workload kws01,ad01"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "--workload", default="kws01,vww01,ic01,ad01", metavar="ID[,ID...]", help="default: all four"
    )
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="DIR", help="default: out/demo")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.bench.benchfile import load_bench
    from energy.cli.terminal import console, plain
    from energy.report.sessions import draw_sessions
    from energy.session.outcome import Outcome
    from energy.session.plans import make_plans

    plans = make_plans(load_bench("virtual"), words(arguments.workload), ("performance", "energy"))
    batch = run_shown(plans, arguments.out, ["--bench", "virtual"])
    outcomes = [outcome for outcome in batch.outcomes if isinstance(outcome, Outcome)]
    show(batch)
    out = console()
    for picture in draw_sessions(outcomes, arguments.out):
        out.print(f"picture: {plain(picture)}", soft_wrap=True)
    if batch.failures:
        return EXIT_BENCH
    return EXIT_OK if all(outcome.valid for outcome in outcomes) else EXIT_FINDINGS
