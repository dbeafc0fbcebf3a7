"""``joulebench record``: records any DUT that toggles a pin, and shows its windows as they close."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.integrate import add_given_arguments, positive
from energy.errors import EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_OK, UsageError

if TYPE_CHECKING:
    from energy.session.record import Recorded, RecordPlan
    from energy.window.figures import WindowFigures

DESCRIPTION = """\
Records any DUT that lowers a pin before and after its work; no protocol is needed. Every two edges
make a window, whose figures are shown as it closes, until --windows, --seconds or Ctrl-C. Start it
while the DUT idles: nothing tells an opening edge from a closing one. Without --bench a virtual DUT
that measures by itself is recorded, and everything says VIRTUAL."""
EXAMPLES = """\
examples:
  joulebench record --windows 5
  joulebench record --bench my-bench.toml --seconds 60 --iterations 100
  joulebench record --replay old/session --speed 10 --windows 3"""
SCHEMA = "joulebench.record-figures/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "--bench", default="virtual", metavar="FILE", help="bench file, or a shipped bench (default: virtual)"
    )
    parser.add_argument("--replay", type=Path, metavar="PATH", help="a recording in place of a bench")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="X",
        help="of --replay (default 1; inf: no waiting)",
    )
    add_given_arguments(parser)
    parser.add_argument("--windows", type=positive, metavar="N", help="end after so many windows")
    parser.add_argument("--seconds", type=float, metavar="S", help="end after so long")
    parser.add_argument("--iterations", type=positive, metavar="N", help="inferences in each window")
    parser.add_argument(
        "--leading-edges", type=int, metavar="N", help="edges to leave out at the beginning (boot)"
    )
    parser.add_argument("--out", type=Path, default=Path("sessions"), metavar="DIR", help="default: sessions")
    parser.add_argument("--json", action="store_true", help="figures as JSON (SI units) on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import ask, catch_signals, progress
    from energy.session.folder import default_folder
    from energy.session.record import run_record

    plan = plan_of(arguments)
    folder = default_folder(arguments.out, "record", plan.bench.name, datetime.now())
    live = _Live(arguments.json, plan.bench.virtual is not None)
    catch_signals()
    total = plan.seconds if plan.seconds is not None else float(plan.windows or 0)
    with progress("recording", total or 1.0) as report:

        def on_time(seconds: float) -> None:
            done = seconds if plan.seconds is not None else float(live.count)
            report(done if total else 0.0, f"{seconds:.0f} s, {live.count} windows; Ctrl-C ends it")

        result = run_record(plan, folder, live.window, on_time, ask)
    if arguments.json:
        _print_json(result)
    else:
        live.end(result, arguments)
    if result.ended == "interrupted" and not result.windows:
        return EXIT_INTERRUPTED
    sound = not any(finding.severity.value == "error" for finding in result.findings)
    return EXIT_OK if sound else EXIT_FINDINGS


def plan_of(arguments: argparse.Namespace) -> RecordPlan:
    """What the arguments ask for.

    Raises:
        UsageError: ``usage.*``, or what is wrong with the bench file.
    """
    from energy.bench.benchfile import load_bench
    from energy.recording.imports.given import Given
    from energy.session.record_plan import make_record_plan, replay_bench

    if arguments.replay is None:
        bench = load_bench(arguments.bench)
    elif arguments.bench != "virtual":
        raise UsageError("usage.replay", "--replay takes the place of --bench", "Name one of them.")
    else:
        given = Given(arguments.voltage, arguments.marker_line)
        bench = replay_bench(arguments.replay, arguments.speed, given)
    return make_record_plan(
        bench,
        windows=arguments.windows,
        seconds=arguments.seconds,
        iterations=arguments.iterations,
        leading=arguments.leading_edges,
    )


class _Live:
    """Shows windows as they close."""

    def __init__(self, quiet: bool, virtual: bool) -> None:
        self.count = 0
        self._quiet, self._virtual = quiet, virtual

    def window(self, figures: WindowFigures) -> None:
        """A line for a window."""
        from energy.cli.terminal import console
        from energy.report.units import engineering
        from energy.window.rules import EnergyRule

        if not self._quiet and not self.count:
            if self._virtual:
                _say_virtual()
            console().print(
                f"[bold]{'window':>6}  {'start':>12}  {'length':>12}  {'energy':>12}  "
                f"{'mean power':>12}  {'J/inference':>12}  {'inf/s':>10}[/]"
            )
        self.count += 1
        if self._quiet:
            return
        window, each, rate = figures.window, figures.joule_per_inference(), figures.inferences_per_second
        cells = (
            engineering(window.start_s, "s"),
            engineering(window.duration_s, "s"),
            engineering(figures.energy_j(), "J"),
            engineering(window.energies[EnergyRule.EXACT].power_w, "W"),
            "-" if each is None else engineering(each, "J"),
        )
        marks = " " + ", ".join(finding.code for finding in window.findings) if window.findings else ""
        line = "  ".join(f"{cell:>12}" for cell in cells)
        console().print(f"{window.number:>6}  {line}  {'-' if rate is None else f'{rate:.4g}':>10}{marks}")

    def end(self, result: Recorded, arguments: argparse.Namespace) -> None:
        """What came of it all."""
        from energy.cli.terminal import console, plain, show_findings
        from energy.report.units import engineering

        out = console()
        if result.virtual and not self._virtual:
            _say_virtual()  # a replayed recording of the virtual bench
        each, rate = result.figures.joule_per_inference(), result.figures.inferences_per_second()
        if each and rate:
            out.print(
                f"median of {each.count}: [bold]{engineering(each.median, 'J')}/inference[/] at "
                f"[bold]{rate.median:.5g} inferences/s[/]"
            )
        if not result.windows:
            out.print("no window has closed: is the pin wired, and does it fall twice?")
        show_findings(out, result.findings)
        again = f"joulebench integrate {plain(result.folder)}"
        out.print(f"[dim]folder: {plain(result.folder)}\nanew:   {again}[/]", soft_wrap=True)


def _say_virtual() -> None:
    from energy.cli.terminal import console

    console().print("[bold white on red] VIRTUAL [/] not measured on hardware")


def _print_json(result: Recorded) -> None:
    from energy.cli.terminal import print_json

    document = {
        "schema": SCHEMA,
        "virtual": result.virtual,
        "folder": str(result.folder),
        "ended": result.ended,
        "windows": [figures.to_json() for figures in result.windows],
        "session": result.figures.to_json() if result.windows else None,
        "findings": [finding.to_json() for finding in result.findings],
    }
    print_json(document)
