"""``joulebench record``: records any DUT that toggles a pin, and shows its windows as they close."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.integrate import add_given_arguments, positive
from energy.cli.live import add_live_arguments, live_view
from energy.cli.measure import add_bench_changes, bench_of_arguments
from energy.cli.storage import add_storage_arguments, storage_of
from energy.errors import EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_OK, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from energy.cli.layout import LiveTable
    from energy.session.recorded import Recorded, RecordPlan
    from energy.window.figures import WindowFigures

DESCRIPTION = """\
Records any DUT that lowers a pin before and after its work; no protocol is needed. Every two edges
make a window, whose figures are shown as it closes, until --windows, --seconds or Ctrl-C. Start it
while the DUT idles: an opening edge and a closing edge look the same. For a pin that is held high or
low during the work, give --marker (the monitor must sample the pin: Joulescope, PPK2). Without
--bench a virtual DUT that works without commands is recorded, and everything is marked VIRTUAL."""
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
    add_bench_changes(parser)
    parser.add_argument("--replay", type=Path, metavar="PATH", help="a recording in place of a bench")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="X",
        help="of --replay (default 1; inf: no waiting)",
    )
    add_given_arguments(parser)
    parser.add_argument("--windows", type=positive, metavar="N", help="end after N windows")
    parser.add_argument("--seconds", type=float, metavar="S", help="end after S seconds")
    parser.add_argument("--iterations", type=positive, metavar="N", help="inferences in each window")
    parser.add_argument(
        "--leading-edges", type=int, metavar="N", help="edges to leave out at the beginning (boot)"
    )
    parser.add_argument(
        "--marker",
        choices=("pulse", "high", "level", "low"),
        help="the pin pulses around the work, or is high (level) or low meanwhile (default: the bench's)",
    )
    add_storage_arguments(parser)
    parser.add_argument("--out", type=Path, default=Path("sessions"), metavar="DIR", help="default: sessions")
    add_live_arguments(parser)
    parser.add_argument("--json", action="store_true", help="figures as JSON (SI units) on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import catch_signals, progress
    from energy.session.folder import default_folder
    from energy.session.record import run_record

    plan = plan_of(arguments)
    folder = default_folder(arguments.out, "record", plan.bench.name, datetime.now(), plan.bench)
    rows = _Rows(arguments.json, plan.bench.virtual is not None)
    catch_signals()
    total = plan.seconds if plan.seconds is not None else float(plan.windows or 0)
    with (
        live_view(arguments.live, arguments.live_port) as view,
        progress("recording", total or 1.0, hidden=view.fills_terminal()) as bar,
    ):
        report = view.beside(bar, total or 1.0)
        rows.must_wait = view.fills_terminal

        def on_time(seconds: float) -> None:
            done = seconds if plan.seconds is not None else float(rows.count)
            report(done if total else 0.0, f"{seconds:.0f} s, {rows.count} windows; Ctrl-C ends it")

        result = run_record(plan, folder, rows.window, on_time, view.prompt, view.observer)
    rows.show_waiting()
    if rows.failure is not None:
        raise rows.failure
    if arguments.json:
        _print_json(result)
    else:
        rows.end(result, arguments)
    if result.ended == "interrupted" and not result.windows:
        return EXIT_INTERRUPTED
    sound = not any(finding.severity.value == "error" for finding in result.findings)
    return EXIT_OK if sound else EXIT_FINDINGS


def plan_of(arguments: argparse.Namespace) -> RecordPlan:
    """The recording that the arguments ask for.

    Raises:
        UsageError: ``usage.*``, or what is wrong with the bench file.
    """
    from energy.recording.imports.given import Given
    from energy.session.record_plan import make_record_plan, replay_bench

    if arguments.replay is None:
        bench = bench_of_arguments(arguments, arguments.bench)
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
        replay=arguments.replay,
        marker=arguments.marker,
        storage=storage_of(arguments, rolling=True),
    )


class _Rows:
    """Shows windows as they close, or where something else fills the terminal, after it."""

    def __init__(self, quiet: bool, virtual: bool) -> None:
        self.count = 0
        self._quiet, self._virtual = quiet, virtual
        self._table: LiveTable | None = None
        self.failure: OSError | None = None
        self.must_wait: Callable[[], bool] = lambda: False
        self._waiting: list[WindowFigures] = []

    def window(self, figures: WindowFigures) -> None:
        """Takes a window; output that cannot be written ends the rows, not the recording."""
        self.count += 1
        if self._quiet:
            return
        self._waiting.append(figures)
        if not self.must_wait():
            self.show_waiting()

    def show_waiting(self) -> None:
        """Prints the rows of the windows so far."""
        waiting, self._waiting = self._waiting, []
        try:
            for figures in waiting:
                self._show(figures)
        except OSError as error:
            self.failure, self._quiet = error, True

    def _show(self, figures: WindowFigures) -> None:
        from energy.cli.layout import LiveTable
        from energy.cli.terminal import console, show_lines
        from energy.report.tables import RECORDED_COLUMNS, recorded_row

        out = console()
        if self._table is None:
            if self._virtual:
                _print_virtual()
            self._table = LiveTable(RECORDED_COLUMNS, out.width)
            show_lines(out, self._table.heading())
        codes = ", ".join(finding.code for finding in figures.window.findings)
        show_lines(out, self._table.row(recorded_row(figures), codes))

    def end(self, result: Recorded, arguments: argparse.Namespace) -> None:
        """Prints the median, the findings and the folder."""
        from energy.cli.terminal import console, plain, show_findings
        from energy.evidence.scope_text import scope_line
        from energy.report.uncertainty import statement_lines
        from energy.report.units import engineering

        out = console()
        if result.virtual and not self._virtual:
            _print_virtual()  # a replayed recording of the virtual bench
        each, rate = result.figures.joule_per_inference(), result.figures.inferences_per_second()
        if each and rate:
            out.print(
                f"median of {each.count}: [bold]{engineering(each.median, 'J')}/inference[/] at "
                f"[bold]{rate.median:.5g} inferences/s[/]"
            )
        out.print(f"[dim]{scope_line(result.scope)}[/]", soft_wrap=True)
        if result.stated is not None:
            for text in statement_lines(result.stated):
                out.print(plain(text), soft_wrap=True)
        if not result.windows:
            out.print("no window has closed: is the pin wired, and does it fall twice?")
        show_findings(out, result.findings)
        out.print(f"[dim]folder: {plain(result.folder)}[/]", soft_wrap=True)
        if result.windows and arguments.keep != "levels":
            out.print(f"[dim]again:  joulebench integrate {plain(result.folder)}[/]", soft_wrap=True)


def _print_virtual() -> None:
    from energy.cli.terminal import console, without_bar

    with without_bar():
        console().print("[bold white on red] VIRTUAL [/] not measured on hardware")


def _print_json(result: Recorded) -> None:
    from energy.cli.terminal import print_json

    document = {
        "schema": SCHEMA,
        "virtual": result.virtual,
        "folder": str(result.folder),
        "ended": result.ended,
        "scope": result.scope and result.scope.model_dump(mode="json"),
        "windows": [figures.to_json() for figures in result.windows],
        "session": result.figures.to_json() if result.windows else None,
        "uncertainty": result.stated.to_json() if result.stated else None,
        "findings": [finding.to_json() for finding in result.findings],
    }
    print_json(document)
