"""``joulebench integrate``: figures from a recording or a foreign trace."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.figure_options import add_width, width_of
from energy.errors import EXIT_FINDINGS, EXIT_OK, JoulebenchError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from energy.report.figures.trace import Panel
    from energy.runs.measurement import Measurement, WindowOptions

DESCRIPTION = """\
Integrates energy over the compute windows of a trace, by three rules: exact (a sample counts by
the part of it inside the window; the figure that is quoted), mlcommons and eembc (as those runners
do). A PATH is a recording of joulebench, an EEMBC trace (*-energy.bin with its *-timestamps.json),
a results.json of the MLCommons runner, a folder that holds one of them, a whole tree of folders, or
a file of a monitor's own program: .ppk2 or CSV of nRF Connect Power Profiler, .jls or CSV of Joulescope,
CSV, Parquet or .jls of joulebench export."""
EXAMPLES = """\
examples:
  joulebench integrate fixtures/recordings/kws01-closed-form --picture out/kws.png
  joulebench integrate results/board/kws/energy/trace1-energy.bin
  joulebench integrate results/board/kws/energy/results.json --details
  joulebench integrate sessions/20250801-192957-kws01-energy --budget
  joulebench integrate closed/ --json > figures.json
  joulebench integrate my-trace/ --iterations 2000 --leading-edges 0
  joulebench integrate capture.ppk2 --voltage 3.3 --marker-line D0"""
SCHEMA = "joulebench.integrate/2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="recording, trace, folder or tree"
    )
    parser.add_argument("--json", action="store_true", help="figures as JSON (SI units) on standard output")
    parser.add_argument(
        "--details", action="store_true", help="every window, also where there are many traces"
    )
    parser.add_argument(
        "--budget", action="store_true", help="every term of the uncertainty budget, with its source"
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the recording (PNG, SVG or PDF)")
    add_width(parser)
    parser.add_argument(
        "--panel", metavar="NAMES", help="what the picture shows: power,current,voltage,start,end,scatter"
    )
    add_window_arguments(parser)


def add_window_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that state what the files may lack."""
    parser.add_argument("--iterations", type=positive, metavar="N", help="inferences in each window")
    parser.add_argument(
        "--leading-edges",
        type=_not_negative,
        metavar="N",
        help="edges before the first window (boot, timestamp)",
    )
    parser.add_argument(
        "--hold-us", type=float, default=50.0, metavar="US", help="edges this close are one edge (default 50)"
    )
    add_given_arguments(parser)


def add_given_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what a file of a monitor's own program does not hold."""
    parser.add_argument(
        "--voltage", type=float, metavar="V", help="supply voltage, for a file that does not hold it (.ppk2)"
    )
    parser.add_argument(
        "--marker-line",
        metavar="NAME",
        help="digital line with the DUT's timestamps in such a file: D0 to D7, gpi[0], none",
    )


def options_of(arguments: argparse.Namespace) -> WindowOptions:
    """The options among the parsed arguments."""
    from energy.runs.named import make_options

    return make_options(
        arguments.iterations,
        arguments.leading_edges,
        arguments.hold_us,
        arguments.voltage,
        arguments.marker_line,
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import progress
    from energy.runs.named import find_all, measure_all

    options = options_of(arguments)
    found = find_all(arguments.paths)
    width_in = width_of(arguments)
    panels = _panels_of(arguments)
    if arguments.picture:
        _check_picture(arguments.picture, len(found))
    with progress("integrating", len(found)) as report:
        result = measure_all(found, options, report)
    measured, failures = result.measured, result.failures
    picture = None
    if arguments.picture and measured:
        from energy.report.figures.style import save
        from energy.report.figures.trace import draw_recording

        picture = save(draw_recording(measured[0], width_in=width_in, panels=panels), arguments.picture)
    if arguments.json:
        _print_json(measured, failures)
    else:
        _print_tables(measured, failures, arguments, picture)
    worst = max((failure.exit_status for _, failure in failures), default=EXIT_OK)
    return max(worst, EXIT_OK if all(figures.sound for figures in measured) else EXIT_FINDINGS)


def _panels_of(arguments: argparse.Namespace) -> tuple[Panel, ...]:
    if arguments.panel is None:
        return ()
    from energy.report.figures.trace import parse_panels

    return parse_panels(arguments.panel)


def _check_picture(path: Path, traces: int) -> None:
    from energy.report.figures.style import check_picture

    check_picture(path)
    if traces != 1:
        text = f"--picture draws one trace, not {traces}"
        raise UsageError("usage.picture", text, "Name one trace.")


def _print_json(measured: list[Measurement], failures: list[tuple[Path, JoulebenchError]]) -> None:
    from energy.cli.terminal import print_json
    from energy.uncertainty.of_run import measured_json, statement_of

    document = {
        "schema": SCHEMA,
        "traces": [measured_json(figures, statement_of(figures)) for figures in measured],
        "failed": [
            {"path": str(path), "code": error.code, "message": error.message, "hint": error.hint}
            for path, error in failures
        ],
    }
    print_json(document)


def _print_tables(
    measured: list[Measurement],
    failures: list[tuple[Path, JoulebenchError]],
    arguments: argparse.Namespace,
    picture: Path | None,
) -> None:
    from energy.cli.terminal import console, plain, show_findings, show_table
    from energy.report.tables import summary_table

    out = console()
    if len(measured) == 1 or arguments.details:
        for figures in measured:
            _print_trace(out, figures, budget=arguments.budget)
    if len(measured) > 1:
        show_table(out, summary_table(measured, _short_names([figures.run.path for figures in measured])))
        if not arguments.details:
            for figures in measured:
                serious = [finding for finding in figures.all_findings if finding.severity != "info"]
                if serious:
                    out.print(f"\n[bold]{plain(figures.run.path)}[/]", soft_wrap=True)
                    show_findings(out, serious, hints=False)
    for path, error in failures:
        out.print(f"\n[bold red]error[/]   {plain(error)}", soft_wrap=True)
        out.print(f"        {plain(path)}\n        [dim]{plain(error.hint)}[/]", soft_wrap=True)
    if picture:
        out.print(f"picture: {plain(picture)}", soft_wrap=True)


def _print_trace(out: Console, measured: Measurement, *, budget: bool) -> None:
    from energy.cli.terminal import plain, show_findings, show_table
    from energy.evidence.names import RESULT_NAME
    from energy.report.repeats import repeat_lines
    from energy.report.setups import setup_line
    from energy.report.tables import edge_bound_line, headline, window_table
    from energy.report.units import engineering
    from energy.uncertainty.of_run import statement_of

    traced, trace = measured.run, measured.run.samples
    if traced.virtual:
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    out.print(f"[bold]{plain(traced.path)}[/]", soft_wrap=True)
    about, setup = traced.about, setup_line(traced.setup)
    facts = [plain(about[key]) for key in ("format", "model") if key in about]
    facts += [plain(setup)] if setup else []
    out.print(" · ".join([*facts, engineering(trace.signal.rate_hz, "Hz"), f"{trace.count} samples"]))
    show_table(out, window_table(measured))
    out.print(f"[bold]{headline(measured.session)}[/]", soft_wrap=True)
    statement = statement_of(measured)
    if statement.stated is not None:
        from energy.report.uncertainty import budget_table, statement_lines

        for text in statement_lines(statement.stated):
            out.print(plain(text), soft_wrap=True)
        if budget:
            show_table(out, budget_table(statement.stated.joule_per_inference))
            for note in statement.stated.joule_per_inference.notes:
                out.print(f"[dim]{plain(note)}[/]", soft_wrap=True)
    for line in repeat_lines(traced.rejected):
        out.print(f"[yellow]{plain(line)}[/]", soft_wrap=True)
    if measured.session.windows:
        out.print(f"[dim]{edge_bound_line(measured.session)}[/]", soft_wrap=True)
    recomputed = [figure for figure in measured.figures if figure.recomputed is not None]
    if recomputed and all(figure.agrees for figure in recomputed):
        name = RESULT_NAME if traced.session is not None else "results.txt"
        out.print(f"{name}: all {len(recomputed)} printed figures follow from the trace")
    show_findings(out, [*measured.all_findings, *statement.findings])


def _short_names(paths: list[Path]) -> list[str]:
    """Paths without the part that they share and without the levels that every submission has."""
    import os.path

    common = Path(os.path.commonpath(paths))
    names = [
        path.relative_to(common).parent if path.is_file() else path.relative_to(common) for path in paths
    ]
    return ["/".join(part for part in name.parts if part not in ("results", "energy")) for name in names]


def positive(text: str) -> int:
    """A whole number from 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number of at least 1 is needed")
    return number


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a number of at least 0 is needed")
    return number
