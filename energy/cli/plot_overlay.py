"""``joulebench plot overlay``: recordings over each other, aligned on an edge of a window."""

from __future__ import annotations

import argparse
from pathlib import Path

from energy.cli.figure_options import add_out, positive_seconds, width_of, write
from energy.cli.integrate import add_window_arguments, options_of, positive
from energy.errors import EXIT_FINDINGS, EXIT_OK

DESCRIPTION = """\
Draws the power of two or more recordings over each other, from the edge that opens a window of each."""
EXAMPLES = """\
examples:
  joulebench plot overlay sessions/20250801-192957-ic01-energy sessions/20250802-090112-ic01-energy
  joulebench plot overlay before/ after/ --window 3 --around 20ms --width 7in --out change.pdf"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="two to seven recordings or traces"
    )
    add_out(parser, "out/NAME-overlay.png")
    parser.add_argument("--window", type=positive, default=1, metavar="N", help="window of each (default 1)")
    parser.add_argument("--closing", action="store_true", help="align on the edge that closes it")
    parser.add_argument(
        "--around", type=positive_seconds, metavar="TIME", help="time on each side of the edge (default: all)"
    )
    add_window_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.report.figures.overlay import draw_overlay
    from energy.report.figures.style import check_picture
    from energy.runs.measured import measure_run
    from energy.runs.named import load_named

    if arguments.out is not None:
        check_picture(arguments.out)
    width_in, options = width_of(arguments), options_of(arguments)
    several = [measure_run(load_named(path, options.given), options) for path in arguments.paths]
    figure = draw_overlay(
        several,
        width_in=width_in,
        window=arguments.window,
        closing=arguments.closing,
        around_s=arguments.around,
    )
    write(figure, arguments.out, several[0].run.path, "-overlay")
    return EXIT_OK if all(measured.sound for measured in several) else EXIT_FINDINGS
