"""``joulebench measure``: sessions on a bench."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from energy.cli.live import add_live_arguments, live_view
from energy.cli.storage import add_storage_arguments, storage_of, storage_options
from energy.errors import EXIT_FINDINGS, EXIT_OK, EXIT_SUPPLY_ON, JoulebenchError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energy.bench.benchfile import BenchFile
    from energy.session.batch import Batch
    from energy.session.plans import AnyPlan

DESCRIPTION = """\
Runs the workloads on a bench: five trials of at least 10 s and 10 inferences each, in performance
mode (timed by the DUT) and in energy mode (energy between the edges of its timestamp pin); in
accuracy mode one inference on every input of the validation set. Each session leaves a folder with
its recording, its log, its figures and the official files. Without --bench the virtual bench is
used, and everything that comes from it is marked VIRTUAL."""
EXAMPLES = """\
examples:
  joulebench measure
  joulebench measure --workload kws01 --mode energy
  joulebench measure --bench my-bench.toml --set dut.voltage_v=1.8 --label "low voltage"
  joulebench measure --bench my-bench.toml --workload ad01 --datasets ~/eembc/datasets --out runs
  joulebench measure --bench my-bench.toml --mode accuracy --datasets ~/eembc/datasets
  joulebench measure --resume sessions/20250801-192957-vww01-accuracy --bench my-bench.toml \\
      --datasets ~/eembc/datasets"""
SCHEMA = "joulebench.measure/1"
VIRTUAL_BENCH = "virtual"
"""Name of the bench that comes with the program and has no instruments."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    add_bench_changes(parser)
    parser.add_argument("--note", default="", metavar="TEXT", help="a note for the session's documents")
    parser.add_argument(
        "--idle",
        type=float,
        metavar="SECONDS",
        help="energy mode: leave the DUT idle so long after the trials, for its energy above idle",
    )
    parser.add_argument(
        "--floors",
        action="store_true",
        help="energy mode: measure idle, sleep and wake-up after the trials, each in windows of its own",
    )
    parser.add_argument(
        "--performance",
        type=Path,
        metavar="FOLDER",
        help="the performance session that this energy session belongs to; default: the one run before it",
    )
    parser.add_argument(
        "--bench",
        metavar="FILE",
        help="bench file, or a shipped bench (default: virtual, but not with --resume)",
    )
    parser.add_argument(
        "--workload", default="kws01,vww01,ic01,ad01", metavar="ID[,ID...]", help="default: all four"
    )
    parser.add_argument(
        "--mode",
        default="performance,energy",
        metavar="MODE[,MODE]",
        help="performance, energy, accuracy; default: the first two",
    )
    parser.add_argument(
        "--datasets", type=Path, metavar="DIR", help="official inputs; synthetic ones without it"
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="accuracy mode: the first N files only, which is no result"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FOLDER",
        help="resume an accuracy session that was interrupted, on the bench that --bench names",
    )
    add_storage_arguments(parser)
    parser.add_argument("--out", type=Path, default=Path("sessions"), metavar="DIR", help="default: sessions")
    add_live_arguments(parser)
    parser.add_argument("--json", action="store_true", help="figures as JSON (SI units) on standard output")


def add_bench_changes(parser: argparse.ArgumentParser) -> None:
    """Adds the options that change keys of the bench file."""
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another value for a key of the bench file, such as dut.voltage_v=1.8; may be repeated",
    )
    parser.add_argument("--label", metavar="TEXT", help="a label that stands in every summary")


def bench_of_arguments(arguments: argparse.Namespace, name: str) -> BenchFile:
    """The bench with the changes that the arguments ask for.

    Raises:
        UsageError: ``usage.set``, or what is wrong with the bench file.
    """
    from energy.bench.benchfile import load_bench
    from energy.bench.changes import change_bench, parse_changes

    changes = parse_changes(arguments.changes)
    if arguments.label is not None:
        changes["label"] = arguments.label
    if getattr(arguments, "idle", None) is not None:
        changes["dut.idle_s"] = arguments.idle
    return change_bench(load_bench(name), changes)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    plans = plans_of(arguments)
    batch = run_shown(
        plans,
        arguments.out,
        _bench_options(arguments),
        as_json=arguments.json,
        live=(arguments.live, arguments.live_port),
    )
    try:
        _print(batch, as_json=arguments.json)
    except KeyboardInterrupt as interrupt:
        supply_on = (error for _, error in batch.failures if error.worst_status == EXIT_SUPPLY_ON)
        raise interrupt from next(supply_on, None)  # an interrupt must not hide it
    worst = max((error.worst_status for _, error in batch.failures), default=EXIT_OK)
    return max(worst, EXIT_OK if all(outcome.valid for outcome in batch.outcomes) else EXIT_FINDINGS)


def _print(batch: Batch, *, as_json: bool) -> None:
    from energy.cli.terminal import print_json

    if not as_json:
        show(batch)
        return
    document = {
        "schema": SCHEMA,
        "sessions": [outcome.to_json() for outcome in batch.outcomes],
        "failed": [
            {"workload": plan.workload.id, "mode": plan.mode, **_error_json(error)}
            | {"also": [_error_json(other) for other in error.also]}
            for plan, error in batch.failures
        ],
    }
    print_json(document)


def plans_of(arguments: argparse.Namespace) -> list[AnyPlan]:
    """The sessions that the arguments ask for, in order.

    Raises:
        UsageError: ``usage.*``, ``session.resume``, or what is wrong with bench file or datasets.
    """
    from energy.session.plans import make_plans, resume_plan

    if arguments.resume is None:
        return make_plans(
            bench_of_arguments(arguments, arguments.bench or VIRTUAL_BENCH),
            words(arguments.workload),
            words(arguments.mode),
            datasets=arguments.datasets,
            limit=arguments.limit,
            note=arguments.note,
            performance=arguments.performance,
            floors=arguments.floors,
            storage=storage_of(arguments),
        )
    if arguments.bench is None:
        raise UsageError(
            "usage.resume-bench",
            "--resume needs the bench to be named: a session's folder does not choose instruments",
            f"joulebench measure --resume {shlex.quote(str(arguments.resume))} --bench FILE "
            f"(or --bench {VIRTUAL_BENCH} for the virtual bench)",
        )
    return [resume_plan(arguments.resume, bench_of_arguments(arguments, arguments.bench), arguments.datasets)]


def words(text: str) -> list[str]:
    """The items of a list with commas, each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def run_shown(
    plans: list[AnyPlan],
    out: Path,
    bench_options: Sequence[str] = (),
    *,
    as_json: bool = False,
    live: tuple[str | None, int | None] = (None, None),
) -> Batch:
    """Runs sessions with a bar; SIGTERM and SIGHUP end one as Ctrl-C does: the supply is switched off.

    After an interrupt the finished sessions are shown, and the commands that run the others.

    Args:
        plans: The sessions.
        out: Where their folders are made.
        bench_options: Options that name the same bench and inputs, for commands that run the rest.
        as_json: Whether results are shown as JSON.
        live: The view that is shown meanwhile, and the port of its page.
    """
    from energy.cli.terminal import catch_signals, progress
    from energy.session.batch import Batch, run_sessions

    resumed: list[AnyPlan] = []

    def print_resume_command(plan: AnyPlan, folder: Path) -> None:
        resumed.append(plan)
        command = shlex.join(["joulebench", "measure", "--resume", str(folder), *bench_options])
        sys.stderr.write(f"resume with: {command}\n")

    batch = Batch()
    catch_signals()
    try:
        with live_view(*live) as view, progress("measuring", len(plans), hidden=view.fills_terminal()) as bar:
            report = view.beside(bar, len(plans))
            return run_sessions(
                plans, out, report, view.prompt, print_resume_command, batch, observer=view.observer
            )
    except KeyboardInterrupt:
        if batch.outcomes or batch.failures:
            _print(batch, as_json=as_json)
        left = [plan for plan in plans[len(batch.outcomes) + len(batch.failures) :] if plan not in resumed]
        for words in _rest(left, ["--out", str(out), *bench_options]):
            sys.stderr.write(f"run the rest with: {shlex.join(['joulebench', 'measure', *words])}\n")
        raise


def _rest(left: Sequence[AnyPlan], options: list[str]) -> list[list[str]]:
    """The arguments of the calls that run the sessions that are left: a call for each list of modes."""
    modes: dict[str, list[str]] = {}
    for plan in left:
        modes.setdefault(plan.workload.id, []).append(plan.mode)
    calls: dict[str, list[str]] = {}
    for workload, wanted in modes.items():
        calls.setdefault(",".join(wanted), []).append(workload)
    return [["--workload", ",".join(ids), "--mode", wanted, *options] for wanted, ids in calls.items()]


def _bench_options(arguments: argparse.Namespace) -> list[str]:
    """The options that name the same bench, inputs and notes again."""
    options = ["--bench", arguments.bench or VIRTUAL_BENCH]
    options += ["--datasets", str(arguments.datasets)] if arguments.datasets else []
    for change in arguments.changes:
        options += ["--set", change]
    options += ["--label", arguments.label] if arguments.label is not None else []
    options += ["--note", arguments.note] if arguments.note else []
    options += ["--floors"] if arguments.floors else []
    options += storage_options(arguments)
    return options


def show(batch: Batch) -> None:
    """Prints the results of the sessions."""
    from energy.cli.terminal import console, plain, show_findings, show_table
    from energy.report.repeats import repeat_lines
    from energy.report.sessions import accuracy_table, session_table
    from energy.report.uncertainty import dominant_lines, floors_text, statement_text
    from energy.session.outcome import Outcome, Plan

    out, outcomes, failures = console(), batch.outcomes, batch.failures
    if any(outcome.plan.bench.virtual for outcome in outcomes):
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    of_trials = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    if of_trials:
        failed = [(plan, error) for plan, error in failures if isinstance(plan, Plan)]
        show_table(out, session_table(of_trials, failed))
    of_accuracy = [outcome for outcome in outcomes if not isinstance(outcome, Outcome)]
    if of_accuracy:
        show_table(out, accuracy_table(of_accuracy))
    for outcome in of_trials:
        if outcome.stated is not None:
            text = plain(statement_text(outcome.stated))
            out.print(f"[bold]{outcome.plan.workload.id}[/] {text}", soft_wrap=True)
        if outcome.floors:
            out.print(
                f"[bold]{outcome.plan.workload.id}[/] {plain(floors_text(outcome.floors))}", soft_wrap=True
            )
    for line in dominant_lines({o.plan.workload.id: o.stated for o in of_trials if o.stated is not None}):
        out.print(f"[dim]{plain(line)}[/]", soft_wrap=True)
    for outcome in of_trials:
        for line in repeat_lines(outcome.rejected):
            name = f"{outcome.plan.workload.id} {outcome.plan.mode}"
            out.print(f"[yellow]{name}: {plain(line)}[/]", soft_wrap=True)
    for outcome in outcomes:
        if outcome.findings:
            out.print(f"[bold]{outcome.plan.workload.id} {outcome.plan.mode}[/]")
            show_findings(out, outcome.findings)
    for plan, error in failures:
        out.print(f"[bold red]error[/]   {plan.workload.id} {plan.mode}: {plain(error)}", soft_wrap=True)
        out.print(f"        [dim]{plain(error.hint)}[/]", soft_wrap=True)
        for other in error.also:
            out.print(f"[bold red]and[/]     {plain(other)}\n        {plain(other.hint)}", soft_wrap=True)
    for outcome in outcomes:
        out.print(f"[dim]folder: {plain(outcome.folder)}[/]", soft_wrap=True)


def _error_json(error: JoulebenchError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "hint": error.hint}
