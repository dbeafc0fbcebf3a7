"""``joulebench plot spectrum``: the power spectral density of a recording's power."""

from __future__ import annotations

import argparse
from pathlib import Path

from energy.cli.figure_options import add_out, seconds, width_of, write
from energy.cli.integrate import add_window_arguments, options_of
from energy.errors import EXIT_FINDINGS, EXIT_OK

DESCRIPTION = """\
Draws the amplitude density of the power over frequency, by Welch's method, inside all windows or in a part of
the recording. A gap ends a segment: nothing is interpolated over it."""
EXAMPLES = """\
examples:
  joulebench plot spectrum fixtures/recordings/kws01-closed-form
  joulebench plot spectrum sessions/20250801-192957-ic01-energy --from 3.2 --to 8 --resolution 0.5"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="recording, trace, or the folder of one")
    add_out(parser, "out/NAME-spectrum.png")
    parser.add_argument(
        "--from", dest="start", type=seconds, metavar="TIME", help="start, on the monitor's clock"
    )
    parser.add_argument("--to", dest="stop", type=seconds, metavar="TIME", help="end, likewise (0.5, 10ms)")
    parser.add_argument("--resolution", type=_hertz, metavar="HZ", help="distance of two frequencies")
    add_window_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.report.figures.spectrum import draw_spectrum
    from energy.report.figures.style import check_picture
    from energy.report.figures.view import between
    from energy.runs.measured import measure_run
    from energy.runs.named import load_named

    if arguments.out is not None:
        check_picture(arguments.out)
    width_in, options = width_of(arguments), options_of(arguments)
    traced = load_named(arguments.path, options.given)
    measured = measure_run(traced, options)
    part = arguments.start is not None or arguments.stop is not None
    view = between(traced.samples, arguments.start, arguments.stop) if part else None
    figure = draw_spectrum(measured, width_in=width_in, view=view, resolution_hz=arguments.resolution)
    write(figure, arguments.out, traced.path, "-spectrum")
    return EXIT_OK if measured.sound else EXIT_FINDINGS


def _hertz(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("a number above 0 is needed")
    return value
