"""``joulebench plot histogram``: how the energy of windows, or of single inferences, is distributed."""

from __future__ import annotations

import argparse
from pathlib import Path

from energy.cli.figure_options import add_out, width_of, write
from energy.cli.integrate import add_window_arguments, options_of, positive
from energy.errors import EXIT_FINDINGS, EXIT_OK

DESCRIPTION = """\
Draws how often which energy occurred: of single inferences where the signal shows them, else of windows."""
EXAMPLES = """\
examples:
  joulebench plot histogram fixtures/recordings/kws01-closed-form
  joulebench plot histogram sessions/20250801-192957-ic01-energy --of inferences --window 3 --out ic01.svg"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="recording, trace, or the folder of one")
    add_out(parser, "out/NAME-histogram.png")
    parser.add_argument("--of", choices=("windows", "inferences"), help="what the energies are of")
    parser.add_argument("--window", type=positive, metavar="N", help="this window only (default: all)")
    add_window_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.report.figures.histogram import draw_histogram
    from energy.report.figures.style import check_picture
    from energy.runs.measured import measure_run
    from energy.runs.named import load_named

    if arguments.out is not None:
        check_picture(arguments.out)
    width_in, options = width_of(arguments), options_of(arguments)
    traced = load_named(arguments.path, options.given)
    measured = measure_run(traced, options)
    figure = draw_histogram(measured, width_in=width_in, of=arguments.of, window=arguments.window)
    write(figure, arguments.out, traced.path, "-histogram")
    return EXIT_OK if measured.sound else EXIT_FINDINGS
