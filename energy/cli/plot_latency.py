"""``joulebench plot latency``: energy or power over latency, own points over all published ones."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.figure_options import width_of
from energy.cli.points import (
    add_figure_arguments,
    add_point_arguments,
    add_region_arguments,
    points_in,
    region_in,
    status_of,
)

if TYPE_CHECKING:
    from energy.report.chart import Chart

DESCRIPTION = """\
Draws energy per inference or mean power over latency, both logarithmic: own sessions, sweeps and
recordings in colour over the grey published results, with their U, the Pareto front of each workload,
and lines of equal power and equal energy-delay product. Lists the own points and the fronts, or what
lies in the region of interest."""
EXAMPLES = """\
examples:
  joulebench plot latency sessions/ sweeps/clocks
  joulebench plot latency
  joulebench plot latency sessions/ --where benchmark=kws --max-latency 50ms --max-energy 2mJ
  joulebench plot latency sessions/ --y power --width 3.3in --panel --out power.pdf
  joulebench plot latency sessions/ --relative-to 'v0.5 harvard' --json"""
SCHEMA = "joulebench.plot-latency/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the kind's arguments."""
    add_point_arguments(parser)
    parser.add_argument(
        "--y",
        choices=("energy", "power"),
        default="energy",
        help="energy per inference (default) or mean power",
    )
    parser.add_argument("--per", choices=("mac",), help="per multiply-accumulate of the reference network")
    parser.add_argument("--relative-to", metavar="SYSTEM", help="a path, or words that only one system has")
    parser.add_argument(
        "--facet",
        choices=("auto", "workload", "none"),
        default="auto",
        help="a panel for each workload (default: where there are many points)",
    )
    parser.add_argument(
        "--labels",
        choices=("auto", "all", "front", "own", "none"),
        default="auto",
        help="which points are labelled (default: all where the figure is wide enough for a key)",
    )
    add_region_arguments(parser)
    add_figure_arguments(parser, "latency")


def run(arguments: argparse.Namespace) -> int:
    """Runs the kind."""
    from energy.report.chart import View, chart_of, reference_of
    from energy.report.figures.style import check_picture
    from energy.report.point_sources import points_of

    if arguments.out is not None:
        check_picture(arguments.out)
    width_in, region = width_of(arguments), region_in(arguments)
    points, rows = points_in(arguments)
    name = arguments.relative_to
    reference = reference_of(name, rows, lambda paths: points_of(paths, rows)) if name else None
    chart = chart_of(points, View(arguments.y, arguments.per == "mac", reference), region, arguments.facet)
    out = _drawn(chart, arguments, width_in) if arguments.out or not arguments.json else None
    if arguments.json:
        _print_json(chart, out)
    else:
        _print(chart, out, every=arguments.all)
    return status_of(points)


def _drawn(chart: Chart, arguments: argparse.Namespace, width_in: float) -> Path:
    from energy.report.figures.latency import draw_latency
    from energy.report.figures.style import save

    figure = draw_latency(chart, width_in, arguments.title, arguments.labels, panel=arguments.panel)
    return save(figure, arguments.out or Path("out") / "latency.png")


def _print_json(chart: Chart, out: Path | None) -> None:
    from energy.cli.terminal import print_json

    print_json({"schema": SCHEMA, **chart.to_json(), "figure": str(out) if out else None}, ascii_only=True)


def _print(chart: Chart, out: Path | None, *, every: bool) -> None:
    from energy.cli.terminal import console, plain, show_table
    from energy.report.figures.latency_text import region_line
    from energy.report.point_table import listed, point_table

    terminal = console()
    if chart.virtual:
        terminal.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    if chart.region:
        terminal.print(plain(region_line(chart)), soft_wrap=True)
    shown = listed(chart, every=every)
    if shown:
        show_table(terminal, point_table(chart, shown), every=every)
    else:
        terminal.print(f"no point lies within {plain(chart.region.text())}", soft_wrap=True)
    for line in chart.left_out_lines():
        terminal.print(f"[dim]{plain(line)}[/]", soft_wrap=True)
    if out is not None:
        terminal.print(f"picture: {plain(out)}", soft_wrap=True)
