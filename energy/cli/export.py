"""``joulebench export``: a recording as CSV, Parquet or JLS."""

from __future__ import annotations

import argparse
from pathlib import Path

from energy.cli.integrate import add_given_arguments
from energy.errors import EXIT_OK

DESCRIPTION = """\
Writes the samples of a recording or foreign trace as CSV, Parquet or JLS (for the Joulescope UI), by
the file's ending, with time, position and power beside the recorded columns, and the edges."""
EXAMPLES = """\
examples:
  joulebench export fixtures/recordings/kws01-closed-form kws.parquet
  joulebench export results/board/kws/energy/trace1-energy.bin kws.csv"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="recording, trace, or the folder of one")
    parser.add_argument("out", type=Path, metavar="FILE", help="target, ending in .csv, .parquet or .jls")
    add_given_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import console, plain, progress
    from energy.recording.export import exporter
    from energy.recording.imports.given import Given
    from energy.runs.named import load_named

    writer = exporter(arguments.out)
    trace = load_named(arguments.path, Given(arguments.voltage, arguments.marker_line)).samples
    with progress(arguments.out.name, trace.stop - trace.first) as report:
        writer(trace, arguments.out, report)
    console().print(
        f"wrote {plain(arguments.out)}: {trace.count} samples, {len(trace.edges)} edges", soft_wrap=True
    )
    return EXIT_OK
