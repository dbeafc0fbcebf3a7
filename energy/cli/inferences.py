"""``joulebench inferences``: single inferences inside the windows of a recording, from the signal alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from energy.cli.figure_options import add_width, width_of
from energy.cli.integrate import add_window_arguments, options_of, positive
from energy.errors import EXIT_FINDINGS, EXIT_OK

DESCRIPTION = """\
Finds single inferences inside a window from the signal alone: their period, their number, the energy
of each and its spread. No throughput, log or count is looked at, so the number is a check of them.
Where the signal cannot show single inferences (no structure, or a sample rate too low for it), it
says so and why; the exit status is then 1."""
EXAMPLES = """\
examples:
  joulebench inferences fixtures/recordings/kws01-closed-form
  joulebench inferences sessions/20250801-192957-ic01-energy --window 3 --picture out/ic01.png"""
SCHEMA = "joulebench.inferences/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="recording, trace, or the folder of one")
    parser.add_argument("--window", type=positive, metavar="N", help="this window only (default: all)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="overlay of a window (PNG, SVG or PDF)")
    add_width(parser)
    parser.add_argument("--json", action="store_true", help="figures as JSON (SI units) on standard output")
    add_window_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.characterize.single import single_inferences
    from energy.cli.terminal import console, plain, print_json, progress
    from energy.errors import UsageError
    from energy.report.figures.inferences import draw_inferences
    from energy.report.figures.style import check_picture, save
    from energy.report.figures.trace import title_of
    from energy.runs.measured import measure_run
    from energy.runs.named import load_named

    if arguments.picture is not None:
        check_picture(arguments.picture)
    width_in = width_of(arguments)
    options = options_of(arguments)
    traced = load_named(arguments.path, options.given)
    measured = measure_run(traced, options)
    windows = [
        row.window for row in measured.session.windows if arguments.window in (None, row.window.number)
    ]
    if not windows:
        text = f"{arguments.path} has no window{f' {arguments.window}' if arguments.window else ''}"
        raise UsageError("usage.window", text, "`joulebench integrate` lists its windows.")
    with progress("searching", len(windows)) as report:
        found = [single_inferences(traced.samples, window) for window in windows]
        report(len(windows))
    if arguments.json:
        rows = [{"window": w.number, **one.to_json()} for w, one in zip(windows, found, strict=True)]
        print_json({"schema": SCHEMA, "path": str(traced.path), "virtual": traced.virtual, "windows": rows})
    else:
        out = console()
        if traced.virtual:
            out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
        for window, one in zip(windows, found, strict=True):
            out.print(f"window {window.number}: {plain(one.text())}", soft_wrap=True)
    shown = next((one for one in found if one.resolved), None)
    if arguments.picture is not None and shown is not None:
        figure = draw_inferences(shown, title_of(measured), virtual=traced.virtual, width_in=width_in)
        picture = save(figure, arguments.picture)
        if not arguments.json:
            console().print(f"picture: {plain(picture)}", soft_wrap=True)
    return EXIT_OK if all(one.resolved for one in found) else EXIT_FINDINGS
