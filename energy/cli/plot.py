"""``joulebench plot``: the picture of a recording."""

from __future__ import annotations

import argparse
from pathlib import Path

from energy.cli.integrate import add_window_arguments, draw, options_of
from energy.errors import EXIT_FINDINGS, EXIT_OK

DESCRIPTION = """\
Draws a recording or trace: power over time with its windows shaded and its gaps marked, the start
of the first window sample by sample, and the scatter over the windows."""
EXAMPLES = """\
examples:
  joulebench plot fixtures/recordings/kws01-closed-form
  joulebench plot results/board/kws/energy --out kws.svg"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="recording, trace, or the folder of one")
    parser.add_argument("--out", type=Path, metavar="FILE", help="PNG, SVG or PDF (default out/NAME.png)")
    add_window_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import console, plain, progress
    from energy.report.figures.style import check_picture
    from energy.runs.measured import measure_run
    from energy.runs.named import load_named

    if arguments.out is not None:
        check_picture(arguments.out)
    options = options_of(arguments)
    traced = load_named(arguments.path, options.given)
    with progress(traced.path.name, traced.samples.stop - traced.samples.first) as report:
        measured = measure_run(traced, options, report)
    path = traced.path
    name = path.parent.name if path.is_file() else path.resolve().name
    picture = draw(measured, arguments.out or Path("out") / f"{name}.png")
    console().print(f"picture: {plain(picture)}", soft_wrap=True)
    return EXIT_OK if measured.sound else EXIT_FINDINGS
