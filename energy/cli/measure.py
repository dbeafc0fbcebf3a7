"""``joulebench measure``: sessions on a bench."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from energy.errors import (
    EXIT_FINDINGS,
    EXIT_OK,
    EXIT_SUPPLY_ON,
    JoulebenchError,
    SupplyOnError,
    UsageError,
    defects,
)

if TYPE_CHECKING:
    from energy.bench.benchfile import BenchFile
    from energy.benchmark.validation_set import ValidationSet
    from energy.benchmark.workloads import Workload
    from energy.instruments import Mode
    from energy.session.accuracy_outcome import AccuracyOutcome, AccuracyPlan
    from energy.session.outcome import Outcome, Plan

    AnyPlan = Plan | AccuracyPlan
    AnyOutcome = Outcome | AccuracyOutcome

DESCRIPTION = """\
Runs the workloads on a bench: five trials of at least 10 s and 10 inferences each, in performance
mode (timed by the DUT) and in energy mode (energy between the edges of its timestamp pin); in
accuracy mode one inference on every input of the validation set. Each session leaves a folder with
its recording, its log, its figures and the official files. Without --bench the virtual bench is
used, and everything that comes from it says VIRTUAL."""
EXAMPLES = """\
examples:
  joulebench measure
  joulebench measure --workload kws01 --mode energy
  joulebench measure --bench my-bench.toml --workload ad01 --datasets ~/eembc/datasets --out runs
  joulebench measure --bench my-bench.toml --mode accuracy --datasets ~/eembc/datasets
  joulebench measure --resume sessions/20250801-192957-vww01-accuracy --bench my-bench.toml \\
      --datasets ~/eembc/datasets"""
SCHEMA = "joulebench.measure/1"
MODES = ("performance", "energy", "accuracy")
VIRTUAL_BENCH = "virtual"
"""Name of the bench that comes with the program and has no instruments."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "--bench", metavar="FILE", help="bench file (default: the virtual bench, but not with --resume)"
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
    parser.add_argument("--out", type=Path, default=Path("sessions"), metavar="DIR", help="default: sessions")
    parser.add_argument("--json", action="store_true", help="figures as JSON (SI units) on standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    plans: list[AnyPlan] = [resumed(arguments)] if arguments.resume else plans_of(arguments)
    outcomes, failures = run_all(plans, arguments.out, _words_again(arguments))
    try:
        _print(outcomes, failures, as_json=arguments.json)
    except KeyboardInterrupt as interrupt:
        loud = (error for _, error in failures if error.worst_status == EXIT_SUPPLY_ON)
        raise interrupt from next(loud, None)  # then that is said all the same
    worst = max((error.worst_status for _, error in failures), default=EXIT_OK)
    return max(worst, EXIT_OK if all(outcome.valid for outcome in outcomes) else EXIT_FINDINGS)


def _print(
    outcomes: list[Outcome | AccuracyOutcome],
    failures: list[tuple[AnyPlan, JoulebenchError]],
    *,
    as_json: bool,
) -> None:
    from energy.cli.terminal import print_json

    if not as_json:
        show(outcomes, failures)
        return
    document = {
        "schema": SCHEMA,
        "sessions": [outcome.to_json() for outcome in outcomes],
        "failed": [
            {"workload": plan.workload.id, "mode": plan.mode, **_words_of(error)}
            | {"also": [_words_of(other) for other in error.also]}
            for plan, error in failures
        ],
    }
    print_json(document)


def plans_of(arguments: argparse.Namespace) -> list[AnyPlan]:
    """The sessions that are asked for, in order.

    Raises:
        UsageError: ``usage.workload``, ``usage.mode``, ``usage.limit``, or what is wrong with bench file or
            datasets.
    """
    from energy.benchmark.workloads import WORKLOADS

    bench = bench_named(arguments.bench or VIRTUAL_BENCH)
    plans: list[AnyPlan] = []
    if arguments.limit is not None and (arguments.limit < 1 or "accuracy" not in words(arguments.mode)):
        raise UsageError("usage.limit", "--limit is a number of files in accuracy mode", "Give 1 or more.")
    if not words(arguments.workload) or not words(arguments.mode):
        raise UsageError("usage.empty", "--workload or --mode names nothing", "Leave it out for all of them.")
    for name in words(arguments.workload):
        if name not in WORKLOADS:
            raise UsageError(
                "usage.workload", f"there is no workload {name!r}", f"There are {', '.join(WORKLOADS)}."
            )
        plans += _plans_for(bench, WORKLOADS[name], _modes(arguments.mode), arguments)
    return plans


def _plans_for(
    bench: BenchFile, workload: Workload, modes: list[str], arguments: argparse.Namespace
) -> list[AnyPlan]:
    from energy.benchmark.inputs import official_inputs, synthetic_inputs
    from energy.benchmark.limits import WINDOWS
    from energy.session.accuracy_outcome import AccuracyPlan
    from energy.session.outcome import Plan

    plans: list[AnyPlan] = []
    of_trials: list[Mode] = [mode for mode in ("performance", "energy") if mode in modes]
    if of_trials:
        if arguments.datasets:
            inputs = official_inputs(workload, arguments.datasets, WINDOWS)
        else:
            inputs = synthetic_inputs(workload, WINDOWS)
        plans += [Plan(bench, workload, mode, inputs) for mode in of_trials]
    if "accuracy" in modes:
        plans.append(AccuracyPlan(bench, _validation(workload, arguments.datasets, arguments.limit)))
    return plans


def _validation(workload: Workload, datasets: Path | None, limit: int | None) -> ValidationSet:
    from energy.benchmark.validation_set import official_set, synthetic_set

    if datasets is None:
        return synthetic_set(workload, limit)
    return official_set(workload, datasets, limit)


def resumed(arguments: argparse.Namespace) -> AccuracyPlan:
    """What is left of an interrupted accuracy session: on the bench that is named, on the same inputs.

    Raises:
        UsageError: ``usage.resume-bench``, ``session.resume``, ``datasets.*``, or what is wrong with the
            bench file.
    """
    from energy.benchmark.workloads import WORKLOADS
    from energy.session.accuracy_outcome import AccuracyPlan
    from energy.session.resume import former_session

    if arguments.bench is None:
        raise UsageError(
            "usage.resume-bench",
            "--resume needs the bench to be named: a session's folder does not choose instruments",
            f"joulebench measure --resume {shlex.quote(str(arguments.resume))} --bench FILE "
            f"(or --bench {VIRTUAL_BENCH} for the virtual bench)",
        )
    bench = bench_named(arguments.bench)
    record = former_session(arguments.resume, bench)
    said = record.validation or {}
    if record.workload not in WORKLOADS or (arguments.datasets is None and not record.synthetic_inputs):
        raise UsageError(
            "session.resume",
            f"{arguments.resume} was begun with official datasets, which it does not hold",
            "Name them again with --datasets.",
        )
    limit = None if said.get("files") == said.get("of") else said.get("files")
    validation = _validation(WORKLOADS[record.workload], arguments.datasets, limit)
    return AccuracyPlan(bench, validation, arguments.resume)


def bench_named(name: str) -> BenchFile:
    """A bench that comes with the program, or the one in a file."""
    from energy.bench.benchfile import builtin_bench, read_bench

    return builtin_bench(name) or read_bench(Path(name))


def words(text: str) -> list[str]:
    """The words of a list with commas, each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _modes(text: str) -> list[str]:
    modes = words(text)
    for mode in modes:
        if mode not in MODES:
            raise UsageError("usage.mode", f"there is no mode {mode!r}", f"There are {', '.join(MODES)}.")
    return modes


def run_all(
    plans: list[AnyPlan], out: Path, again: str = ""
) -> tuple[list[AnyOutcome], list[tuple[AnyPlan, JoulebenchError]]]:
    """Runs sessions one after the other; only a bench that is not safe stops the others.

    SIGTERM and SIGHUP end a session as Ctrl-C does, so that the supply is switched off.

    Args:
        plans: The sessions.
        out: Where their folders are made.
        again: The words of a command line that name the same bench and inputs, for whoever resumes.
    """
    from energy.cli.terminal import ask, catch_signals, progress
    from energy.session.accuracy_outcome import AccuracyPlan
    from energy.session.accuracy_run import run_accuracy
    from energy.session.folder import default_folder
    from energy.session.run import run_session

    outcomes: list[AnyOutcome] = []
    failures: list[tuple[AnyPlan, JoulebenchError]] = []
    catch_signals()
    with progress("measuring", len(plans)) as report:
        for number, plan in enumerate(plans):
            what = f"{plan.workload.id} {plan.mode}"
            folder = default_folder(out, plan.workload.id, plan.mode, datetime.now())

            def told(part: float, doing: str, number: int = number, what: str = what) -> None:
                report(number + part, f"{what}: {doing}")

            try:
                with defects():
                    if isinstance(plan, AccuracyPlan):
                        outcomes.append(run_accuracy(plan, plan.resume or folder, told, ask))
                    else:
                        outcomes.append(run_session(plan, folder, told, ask))
            except KeyboardInterrupt:
                _say_how_to_resume(plan, folder, again)
                raise
            except JoulebenchError as error:
                _say_how_to_resume(plan, folder, again)
                failures.append((plan, error))
                if is_dangerous(error):
                    break
            report(number + 1, what)
    return outcomes, failures


def is_dangerous(error: JoulebenchError) -> bool:
    """Whether no other session may be run on this bench before a person has looked at it."""
    return any(isinstance(one, SupplyOnError) or one.code == "bench.current" for one in (error, *error.also))


def _words_again(arguments: argparse.Namespace) -> str:
    """The words that name the same bench and inputs once more."""
    words = ["--bench", arguments.bench or VIRTUAL_BENCH]
    words += ["--datasets", str(arguments.datasets)] if arguments.datasets else []
    return shlex.join(words)


def _say_how_to_resume(plan: AnyPlan, folder: Path, again: str) -> None:
    """After an accuracy session that came to no end: its answers are kept."""
    from energy.evidence.names import ANSWERS_NAME
    from energy.session.accuracy_outcome import AccuracyPlan

    if isinstance(plan, AccuracyPlan):
        where = plan.resume or folder
        if (where / ANSWERS_NAME).is_file():
            sys.stderr.write(f"resume with: joulebench measure --resume {shlex.quote(str(where))} {again}\n")


def show(outcomes: list[AnyOutcome], failures: list[tuple[AnyPlan, JoulebenchError]]) -> None:
    """Prints what came of the sessions."""
    from energy.cli.terminal import console, plain, show_findings, show_table
    from energy.report.sessions import accuracy_table, session_table
    from energy.session.outcome import Outcome, Plan

    out = console()
    if any(outcome.plan.bench.virtual for outcome in outcomes):
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    of_trials = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    if of_trials:
        failed = [(plan, error) for plan, error in failures if isinstance(plan, Plan)]
        show_table(out, session_table(of_trials, failed), text=(0, 6))
    of_accuracy = [outcome for outcome in outcomes if not isinstance(outcome, Outcome)]
    if of_accuracy:
        show_table(out, accuracy_table(of_accuracy), text=(0, 6))
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
