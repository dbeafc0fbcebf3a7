"""``joulebench scenario``: energy and latency under LoadGen's four scenarios; not MLPerf Tiny."""

from __future__ import annotations

import argparse
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.figure_options import add_width, width_of
from energy.cli.integrate import positive
from energy.cli.measure import VIRTUAL_BENCH, add_bench_changes, bench_of_arguments
from energy.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from energy.characterize.scenarios import ScenarioOutcome

DESCRIPTION = """\
Measures a DUT under the queries of a scenario: single-stream (the next query when the last one is
answered), multiple-stream (the same with several samples a query), server (queries arrive at random, at a
mean rate), offline (all samples at once). The whole run lies inside one energy window: energy per query,
waiting included; idle power; percentiles of the latency; for a server the highest rate that keeps
--latency-bound, and with --loads the curves over the load. LoadGen sends the queries in real time; on a
virtual clock arrivals of our own do, with LoadGen's settings and schedule. A characterization: not MLPerf
Tiny. The folder holds the recording, scenario.json, scenario.csv, scenario.parquet, a picture, LoadGen's
logs."""
EXAMPLES = """\
examples:
  joulebench scenario --scenario single-stream
  joulebench scenario --scenario multiple-stream --samples-per-query 4 --workload ad01
  joulebench scenario --scenario server --latency-bound 500ms --percentile 0.9
  joulebench scenario --scenario server --loads 0.1 0.3 0.5 0.7 --queries 200 --bench my-bench.toml
  joulebench scenario --scenario offline --queries 100 --json > offline.json"""

_TIME = re.compile(r"(\d+(?:\.\d*)?(?:e-?\d+)?)\s*(us|µs|ms|s|min)?")
_UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, None: 1.0}


def seconds(text: str) -> float:
    """A time with its unit (``100ms``, ``0.5s``, ``2min``), in seconds; without a unit it is seconds.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time, as 100ms or 0.5s is")
    return float(found.group(1)) * _UNITS[found.group(2)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    add = parser.add_argument
    add(
        "--bench",
        default=VIRTUAL_BENCH,
        metavar="FILE",
        help="bench file, or a shipped bench (default: virtual)",
    )
    add_bench_changes(parser)
    add("--workload", default="kws01", metavar="ID", help="default: kws01")
    add(
        "--scenario",
        default="single-stream",
        metavar="NAME",
        help="single-stream (default), multiple-stream, server, offline",
    )
    add(
        "--queries",
        type=positive,
        metavar="N",
        help="fewest queries (offline: samples); default by --percentile",
    )
    add("--duration", type=seconds, default=0.0, metavar="TIME", help="shortest run, such as 10s (default 0)")
    add("--samples-per-query", type=positive, metavar="N", help="multiple-stream: default 8")
    add("--rate", type=float, metavar="HZ", help="server: mean rate of the queries")
    add(
        "--latency-bound",
        type=seconds,
        metavar="TIME",
        help="server: bound of the latency, such as 100ms; without --rate the highest rate is searched",
    )
    add(
        "--percentile",
        type=float,
        metavar="P",
        help="part of the queries within the bound (default: 0.9 single-stream, else 0.99)",
    )
    add(
        "--loads",
        type=float,
        nargs="+",
        default=[],
        metavar="PART",
        help="server: runs at these parts of the highest sustained rate, for the curves",
    )
    add("--arrivals", metavar="BY", help="own or loadgen (default: loadgen where the bench is in real time)")
    add("--seed", type=int, default=1, metavar="N", help="seed of the arrivals (default 1)")
    add("--datasets", type=Path, metavar="DIR", help="official inputs; a synthetic one without it")
    add("--note", default="", metavar="TEXT", help="a note for the documents")
    add("--picture", type=Path, metavar="FILE", help="another file for the picture (PNG, SVG, PDF)")
    add_width(parser)
    add("--out", type=Path, default=Path("sessions"), metavar="DIR", help="default: sessions")
    add("--json", action="store_true", help="figures as JSON (SI units) on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.characterize.scenario_plan import make_scenario_plan
    from energy.characterize.scenarios import run_scenario
    from energy.cli.terminal import ask, catch_signals, print_json, progress
    from energy.report.figures.scenarios import draw_scenario
    from energy.report.figures.style import check_picture, save
    from energy.session.folder import default_folder

    bench = bench_of_arguments(arguments, arguments.bench)
    plan = make_scenario_plan(
        bench,
        arguments.workload,
        arguments.scenario,
        queries=arguments.queries,
        duration_s=arguments.duration,
        samples_per_query=arguments.samples_per_query,
        rate_hz=arguments.rate,
        latency_bound_s=arguments.latency_bound,
        percentile=arguments.percentile,
        loads=tuple(arguments.loads),
        seed=arguments.seed,
        arrivals=arguments.arrivals,
        datasets=arguments.datasets,
        note=arguments.note,
    )
    if arguments.picture:
        check_picture(arguments.picture)
    width_in = width_of(arguments)
    folder = default_folder(arguments.out, plan.workload.id, plan.load.scenario, datetime.now(), bench)
    catch_signals()
    with progress("measuring a scenario", 1.0) as report:
        outcome = run_scenario(plan, folder, report, ask)
    picture = save(
        draw_scenario(outcome, width_in=width_in), arguments.picture or folder / "figures" / "scenario.png"
    )
    if arguments.json:
        print_json(outcome.to_json())
    else:
        _show(outcome, picture)
    return EXIT_OK if outcome.valid else EXIT_FINDINGS


def _show(outcome: ScenarioOutcome, picture: Path) -> None:
    from energy.cli.terminal import console, plain, show_findings, show_table
    from energy.report.scenarios import scenario_lines, scenario_table, scenario_title
    from energy.report.setups import setup_line

    out = console()
    if outcome.virtual:
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    title = f"{scenario_title(outcome)} · {setup_line(outcome.setup)}"
    out.print(f"[bold]{plain(title)}[/]", soft_wrap=True)
    show_table(out, scenario_table(outcome))
    for line in scenario_lines(outcome):
        out.print(plain(line), soft_wrap=True)
    if outcome.findings:
        show_findings(out, list(outcome.findings))
    out.print(f"[dim]picture: {plain(picture)}[/]", soft_wrap=True)
    out.print(f"[dim]folder: {plain(outcome.folder)}[/]", soft_wrap=True)
