"""``joulebench layers``: energy, time and energy per multiply-accumulate of each layer of a network."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.figure_options import add_width, width_of
from energy.cli.integrate import positive
from energy.cli.measure import VIRTUAL_BENCH, add_bench_changes, bench_of_arguments
from energy.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from energy.characterize.layers import LayersOutcome

DESCRIPTION = """\
Measures each layer of the DUT's network by itself: the DUT runs it alone, many times, between two
edges of its timestamp pin. The whole network is measured beside the layers, and their sum must be the
whole within the uncertainty; else no shares are stated. The DUT runs the firmware of this project
(firmware/dut), which lists its layers. A characterization, not a result of MLPerf Tiny. The folder
holds the recording, layers.json, layers.csv, layers.parquet and a picture."""
EXAMPLES = """\
examples:
  joulebench layers --workload kws01
  joulebench layers --bench my-bench.toml --workload vww01 --window 2 --repeats 5
  joulebench layers --bench emulated-dut --workload ad01 --json > layers.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "--bench",
        default=VIRTUAL_BENCH,
        metavar="FILE",
        help="bench file, or a shipped bench (default: virtual)",
    )
    add_bench_changes(parser)
    add_windows_of(parser)
    parser.add_argument(
        "--repeats", type=positive, default=3, metavar="N", help="measure each layer N times (default 3)"
    )
    add_output_arguments(parser)


def add_windows_of(parser: argparse.ArgumentParser) -> None:
    """Adds the workload and the length of the windows that a characterization measures."""
    parser.add_argument("--workload", default="kws01", metavar="ID", help="default: kws01")
    parser.add_argument(
        "--window", type=float, default=1.0, metavar="S", help="shortest window, in seconds (default 1)"
    )


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the input, the note and where a characterization and its picture go."""
    parser.add_argument(
        "--datasets", type=Path, metavar="DIR", help="official inputs; a synthetic one without it"
    )
    parser.add_argument("--note", default="", metavar="TEXT", help="a note for the documents")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="another file for the bars (PNG, SVG, PDF)"
    )
    add_width(parser)
    parser.add_argument("--out", type=Path, default=Path("sessions"), metavar="DIR", help="default: sessions")
    parser.add_argument("--json", action="store_true", help="figures as JSON (SI units) on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.characterize.layer_plan import make_layers_plan
    from energy.characterize.layers import run_layers
    from energy.cli.terminal import ask, catch_signals, print_json, progress
    from energy.report.figures.layers import draw_layers
    from energy.report.figures.style import check_picture, save
    from energy.session.folder import default_folder

    bench = bench_of_arguments(arguments, arguments.bench)
    plan = make_layers_plan(
        bench,
        arguments.workload,
        window_s=arguments.window,
        repeats=arguments.repeats,
        datasets=arguments.datasets,
        note=arguments.note,
    )
    if arguments.picture:
        check_picture(arguments.picture)
    width_in = width_of(arguments)
    folder = default_folder(arguments.out, plan.workload.id, "layers", datetime.now(), bench)
    catch_signals()
    with progress("measuring layers", 1.0) as report:
        outcome = run_layers(plan, folder, report, ask)
    picture = save(
        draw_layers(outcome, width_in=width_in), arguments.picture or folder / "figures" / "layers.png"
    )
    if arguments.json:
        print_json(outcome.to_json())
    else:
        _show(outcome, picture)
    return EXIT_OK if outcome.valid else EXIT_FINDINGS


def _show(outcome: LayersOutcome, picture: Path) -> None:
    from energy.cli.terminal import console, plain, show_findings, show_table
    from energy.report.layers import attribution_line, layers_table
    from energy.report.setups import setup_line

    out = console()
    if outcome.virtual:
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    title = f"{outcome.plan.workload.id}, layer by layer · {setup_line(outcome.setup)}"
    out.print(f"[bold]{plain(title)}[/]", soft_wrap=True)
    show_table(out, layers_table(outcome.figures))
    colour = "green" if outcome.figures.agrees else "red"
    out.print(f"[{colour}]{plain(attribution_line(outcome.figures))}[/]", soft_wrap=True)
    if outcome.findings:
        show_findings(out, list(outcome.findings))
    out.print(f"[dim]picture: {plain(picture)}[/]", soft_wrap=True)
    out.print(f"[dim]folder: {plain(outcome.folder)}[/]", soft_wrap=True)
