"""``joulebench measure``: sessions on a bench."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.errors import EXIT_FINDINGS, EXIT_OK, JoulebenchError, UsageError

if TYPE_CHECKING:
    from energy.bench.benchfile import BenchFile
    from energy.instruments import Mode
    from energy.session.outcome import Outcome, Plan

DESCRIPTION = """\
Runs the workloads on a bench: five trials of at least 10 s and 10 inferences each, in performance
mode (timed by the DUT) and in energy mode (energy between the edges of its timestamp pin). Each
session leaves a folder with its recording, its log, its figures and the official files. Without
--bench the virtual bench is used, and everything that comes from it says VIRTUAL."""
EXAMPLES = """\
examples:
  joulebench measure
  joulebench measure --workload kws01 --mode energy
  joulebench measure --bench my-bench.toml --workload ad01 --datasets ~/eembc/datasets --out runs"""
SCHEMA = "joulebench.measure/1"
MODES = ("performance", "energy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "--bench", default="virtual", metavar="FILE", help="bench file (default: the virtual bench)"
    )
    parser.add_argument(
        "--workload", default="kws01,vww01,ic01,ad01", metavar="ID[,ID...]", help="default: all four"
    )
    parser.add_argument("--mode", default="performance,energy", metavar="MODE[,MODE]", help="default: both")
    parser.add_argument(
        "--datasets", type=Path, metavar="DIR", help="official inputs; synthetic ones without it"
    )
    parser.add_argument("--out", type=Path, default=Path("sessions"), metavar="DIR", help="default: sessions")
    parser.add_argument("--json", action="store_true", help="figures as JSON (SI units) on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    plans = plans_of(arguments)
    outcomes, failures = run_all(plans, arguments.out)
    if arguments.json:
        from energy.session.outcome import as_json

        document = {
            "schema": SCHEMA,
            "sessions": [as_json(outcome) for outcome in outcomes],
            "failed": [
                {"workload": plan.workload.id, "mode": plan.mode, **_words_of(error)}
                | {"also": [_words_of(other) for other in error.also]}
                for plan, error in failures
            ],
        }
        json.dump(document, sys.stdout, indent=2, allow_nan=False, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        show(outcomes, failures)
    worst = max((error.exit_status for _, error in failures), default=EXIT_OK)
    return max(worst, EXIT_OK if all(outcome.valid for outcome in outcomes) else EXIT_FINDINGS)


def plans_of(arguments: argparse.Namespace) -> list[Plan]:
    """The sessions that are asked for, in order.

    Raises:
        UsageError: ``usage.workload``, ``usage.mode``, or what is wrong with bench file or datasets.
    """
    from energy.benchmark.inputs import official_inputs, synthetic_inputs
    from energy.benchmark.limits import WINDOWS
    from energy.benchmark.workloads import WORKLOADS
    from energy.session.outcome import Plan

    bench = bench_named(arguments.bench)
    plans: list[Plan] = []
    if not words(arguments.workload) or not words(arguments.mode):
        raise UsageError("usage.empty", "--workload or --mode names nothing", "Leave it out for all of them.")
    for name in words(arguments.workload):
        if name not in WORKLOADS:
            raise UsageError(
                "usage.workload", f"there is no workload {name!r}", f"There are {', '.join(WORKLOADS)}."
            )
        workload = WORKLOADS[name]
        if arguments.datasets:
            inputs = official_inputs(workload, arguments.datasets, WINDOWS)
        else:
            inputs = synthetic_inputs(workload, WINDOWS)
        plans += [Plan(bench, workload, mode, inputs) for mode in _modes(arguments.mode)]
    return plans


def bench_named(name: str) -> BenchFile:
    """A bench that comes with the program, or the one in a file."""
    from energy.bench.benchfile import builtin_bench, read_bench

    return builtin_bench(name) or read_bench(Path(name))


def words(text: str) -> list[str]:
    """The words of a list with commas, each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _modes(text: str) -> list[Mode]:
    modes = words(text)
    for mode in modes:
        if mode not in MODES:
            raise UsageError("usage.mode", f"there is no mode {mode!r}", f"There are {', '.join(MODES)}.")
    return [mode for mode in ("performance", "energy") if mode in modes]


def run_all(plans: list[Plan], out: Path) -> tuple[list[Outcome], list[tuple[Plan, JoulebenchError]]]:
    """Runs sessions one after the other; one that fails stops none of the others.

    SIGTERM and SIGHUP end a session as Ctrl-C does, so that the supply is switched off.
    """
    from energy.cli.terminal import ask, catch_signals, progress
    from energy.session.folder import default_folder
    from energy.session.run import run_session

    outcomes: list[Outcome] = []
    failures: list[tuple[Plan, JoulebenchError]] = []
    catch_signals()
    with progress("measuring", len(plans)) as report:
        for number, plan in enumerate(plans):
            what = f"{plan.workload.id} {plan.mode}"
            folder = default_folder(out, plan.workload.id, plan.mode, datetime.now())
            try:
                outcomes.append(
                    run_session(
                        plan,
                        folder,
                        lambda part, doing, n=number, w=what: report(n + part, f"{w}: {doing}"),
                        ask,
                    )
                )
            except JoulebenchError as error:
                failures.append((plan, error))
            report(number + 1, what)
    return outcomes, failures


def show(outcomes: list[Outcome], failures: list[tuple[Plan, JoulebenchError]]) -> None:
    """Prints what came of the sessions."""
    from energy.cli.terminal import console, plain, show_findings, show_table
    from energy.report.sessions import session_table

    out = console()
    if any(outcome.plan.bench.virtual for outcome in outcomes):
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    if outcomes:
        show_table(out, session_table(outcomes, failures), text=(0, 6))
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


def _words_of(error: JoulebenchError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "hint": error.hint}
