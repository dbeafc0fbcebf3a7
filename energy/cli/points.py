"""Arguments about operating points, for the kinds of ``joulebench plot`` that show them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.figure_options import add_out
from energy.cli.integrate import positive
from energy.errors import EXIT_FINDINGS, EXIT_OK, UsageError

if TYPE_CHECKING:
    from energy.catalogue.row import Row
    from energy.report.points import PointSet
    from energy.report.region import Region


def add_point_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what points are read, and which of them are shown."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="session, recording, sweep, published tree, a folder of them, or the name of a published result",
    )
    parser.add_argument("--no-atlas", action="store_true", help="without the published results")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="benchmark=kws, 'energy<1mJ', round=v1.3 (published results only); may be repeated",
    )
    parser.add_argument(
        "--catalogue", type=Path, metavar="FILE", help="published results that catalogue build wrote"
    )
    parser.add_argument("--workers", type=positive, metavar="N", help="processes (default: one per core)")


def add_region_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the limits of the region of interest."""
    region = parser.add_argument_group("region of interest", "what lies outside is dimmed")
    for name, example in (
        ("--max-latency", "20ms"),
        ("--max-power", "10mW"),
        ("--max-energy", "1mJ"),
        ("--min-accuracy", "85%%"),
        ("--max-memory", "256KiB"),
    ):
        region.add_argument(name, metavar="LIMIT", help=f"such as {example}")


def add_figure_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Adds how the figure looks and where it goes."""
    add_out(parser, f"out/{name}.png")
    parser.add_argument("--panel", action="store_true", help="a panel for a paper: no title, key or notes")
    parser.add_argument("--title", default="", metavar="TEXT", help="title of the figure")
    parser.add_argument("--all", action="store_true", help="list every point in the table")
    parser.add_argument(
        "--json", action="store_true", help="the points as JSON (SI units); no figure without --out"
    )


def region_in(arguments: argparse.Namespace) -> Region:
    """The region of interest among the arguments."""
    from energy.report.region import region_of

    return region_of(
        arguments.max_latency,
        arguments.max_power,
        arguments.max_energy,
        arguments.min_accuracy,
        arguments.max_memory,
    )


def points_in(arguments: argparse.Namespace) -> tuple[PointSet, list[Row]]:
    """The points that the arguments name, with the published ones behind them, and the catalogue.

    Raises:
        UsageError: ``usage.points`` where nothing is left to show.
    """
    from energy.catalogue.row import read_rows
    from energy.cli.terminal import progress
    from energy.report.point_sources import points_of
    from energy.report.points import PointSet, catalogue_points

    if arguments.no_atlas and not arguments.paths:
        raise UsageError(
            "usage.points",
            "nothing to show: --no-atlas and no PATH",
            "Name sessions or leave --no-atlas out.",
        )
    rows = read_rows(arguments.catalogue)
    found = PointSet()
    with progress("reading", 1.0) as report:
        if arguments.paths:
            found = points_of(arguments.paths, rows, report, arguments.workers)
        if not arguments.no_atlas:
            report(0.99, "published results")
            found += catalogue_points(rows)
    found = found.where(arguments.where)
    if not found.points:
        reasons = "; ".join(found.left_out_lines()) or "no point meets the conditions"
        raise UsageError(
            "usage.points", f"nothing to show: {reasons}"[:400], "Leave conditions out, or name others."
        )
    return found, rows


def status_of(points: PointSet) -> int:
    """The exit status: findings where an own point is not valid, or a session could not be read."""
    flawed = any(point.valid is False for point in points.own)
    unread = any(left.own and "cannot be read" in left.reason for left in points.left_out)
    return EXIT_FINDINGS if flawed or unread else EXIT_OK
