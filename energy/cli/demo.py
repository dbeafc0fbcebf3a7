"""``joulebench demo``: four workloads on the virtual bench, with the table and the pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.measure import plans_of, run_all, show
from energy.errors import EXIT_BENCH, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from energy.session.outcome import Outcome

DESCRIPTION = """\
Measures the four workloads in both modes on the virtual bench, through the same drivers that a lab
uses on hardware, and draws each energy session and energy per inference against latency."""
EXAMPLES = """\
examples:
  joulebench demo
  joulebench demo --out /tmp/demo --workload kws01,ad01"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "--workload", default="kws01,vww01,ic01,ad01", metavar="ID[,ID...]", help="default: all four"
    )
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="DIR", help="default: out/demo")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import console, plain
    from energy.session.outcome import Outcome

    arguments.bench, arguments.mode, arguments.datasets = "virtual", "performance,energy", None
    arguments.limit = None
    done, failures = run_all(plans_of(arguments), arguments.out)
    outcomes = [outcome for outcome in done if isinstance(outcome, Outcome)]
    show(done, failures)
    out = console()
    for picture in _draw([outcome for outcome in outcomes if outcome.figures], arguments.out):
        out.print(f"picture: {plain(picture)}", soft_wrap=True)
    if failures:
        return EXIT_BENCH
    return EXIT_OK if all(outcome.valid for outcome in outcomes) else EXIT_FINDINGS


def _draw(energy: list[Outcome], out: Path) -> list[Path]:
    from energy.report.picture import draw_recording, save_picture
    from energy.report.sessions import draw_energy_against_latency
    from energy.runs.measured import load, measure_run

    pictures: list[Path] = []
    for outcome in energy:
        measured = measure_run(load(outcome.folder))
        title = f"{outcome.plan.workload.id} on {outcome.plan.bench.dut.board}"
        pictures.append(
            save_picture(draw_recording(measured, title), outcome.folder / "figures" / "recording.png")
        )
    if energy:
        figure = draw_energy_against_latency(
            energy, f"Energy against latency on {energy[0].plan.bench.dut.board}"
        )
        pictures.append(save_picture(figure, out / "energy-against-latency.png"))
    return pictures
