"""``joulebench plot trace``: the figure of a recording, whole or enlarged."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.figure_options import add_out, positive_seconds, seconds, width_of, write
from energy.cli.integrate import add_window_arguments, options_of, positive
from energy.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from energy.report.figures.view import View
    from energy.runs.measurement import Measurement

DESCRIPTION = """\
Draws a recording or trace: power over time with its windows shaded and its gaps marked, the edges of the
first window sample by sample, and the scatter over the windows. Of a recording longer than the figure has
room for, each column shows the lowest, mean and highest sample, so no peak is left out."""
EXAMPLES = """\
examples:
  joulebench plot fixtures/recordings/kws01-closed-form
  joulebench plot results/board/kws/energy --width 3.3in --panel power --out kws.pdf
  joulebench plot sessions/20250801-192957-ic01-energy --panel current,voltage,power
  joulebench plot sessions/20250801-192957-ic01-energy --zoom closing:2 --around 5ms
  joulebench plot sessions/20250801-192957-ic01-energy --zoom inference:10 --window 2
  joulebench plot sessions/20250801-192957-ic01-energy --from 3.2 --to 3.4"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="recording, trace, or the folder of one")
    add_out(parser)
    parser.add_argument(
        "--panel",
        metavar="NAMES",
        help="power, current, voltage (over time), start, end (edges of window 1), scatter; with commas",
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument(
        "--zoom", metavar="PART", help="edge:N or opening:N, closing:N, window:N, inference:K, enlarged"
    )
    part.add_argument(
        "--from", dest="start", type=seconds, metavar="TIME", help="start, on the monitor's clock"
    )
    parser.add_argument("--to", dest="stop", type=seconds, metavar="TIME", help="end, likewise (0.5, 10ms)")
    parser.add_argument(
        "--window", type=positive, default=1, metavar="N", help="window of --zoom inference:K (default 1)"
    )
    parser.add_argument(
        "--around", type=positive_seconds, metavar="TIME", help="time on each side of an edge (2ms)"
    )
    add_window_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import progress
    from energy.report.figures.style import check_picture
    from energy.report.figures.trace import draw_recording, parse_panels
    from energy.runs.measured import measure_run
    from energy.runs.named import load_named

    if arguments.out is not None:
        check_picture(arguments.out)
    width_in = width_of(arguments)
    panels = parse_panels(arguments.panel) if arguments.panel is not None else ()
    options = options_of(arguments)
    traced = load_named(arguments.path, options.given)
    with progress(traced.path.name, traced.samples.stop - traced.samples.first) as report:
        measured = measure_run(traced, options, report)
    view = _view(measured, arguments)
    figure = draw_recording(measured, width_in=width_in, panels=panels, view=view)
    write(figure, arguments.out, traced.path)
    return EXIT_OK if measured.sound else EXIT_FINDINGS


def _view(measured: Measurement, arguments: argparse.Namespace) -> View | None:
    """The part of the recording that was asked for; None for all."""
    from energy.report.figures.view import between, zoomed

    if arguments.zoom is not None:
        return zoomed(measured, arguments.zoom, window=arguments.window, around_s=arguments.around)
    if arguments.start is None and arguments.stop is None:
        return None
    return between(measured.run.samples, arguments.start, arguments.stop)
