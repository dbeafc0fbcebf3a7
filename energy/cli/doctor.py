"""``joulebench doctor``: step by step from a new bench to its first window."""

from __future__ import annotations

import argparse
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from energy.doctor.report import Report, Step

DESCRIPTION = """\
Examines a bench step by step, from the ports to a first short window, and reports what is wrong and
what to do next. It stops where the next step would make no sense, and leaves the supply off. Nothing
that it measures is a result. Without --bench it examines the virtual bench."""
EXAMPLES = """\
examples:
  joulebench doctor --bench my-bench.toml
  joulebench doctor --bench my-bench.toml --workload kws01 --bundle report.zip"""
_STYLES = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failed": ("failed", "bold red"),
    "skipped": ("skipped", "dim"),
}
_INDENT = 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument(
        "--bench", default="virtual", metavar="FILE", help="bench file, or a shipped bench (default: virtual)"
    )
    parser.add_argument(
        "--workload", default="kws01", metavar="ID", help="what the DUT runs (default: kws01)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("sessions"),
        metavar="DIR",
        help="where sessions will go: its disk is tried",
    )
    parser.add_argument("--facts", action="store_true", help="list what no hardware has shown yet")
    parser.add_argument("--json", action="store_true", help="the report as JSON on standard output")
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE.zip",
        help="also write report, wires, bench file and versions there",
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.cli.terminal import ask, catch_signals, console, print_json
    from energy.doctor.bundle import refuse_existing
    from energy.doctor.examination import Examination
    from energy.session.plans import workload_named

    workload = workload_named(arguments.workload)
    if arguments.bundle is not None:
        refuse_existing(arguments.bundle)
    catch_signals()
    out = console()
    examination = Examination(arguments.bench, workload, arguments.out, ask=ask)
    if not arguments.json:
        examination.report.on_step = lambda step: _show_step(out, examination.report, step, arguments.facts)
    report = examination.run()
    if arguments.json:
        print_json(report.to_json())
    else:
        _show_end(out, report)
    if arguments.bundle is not None:
        from energy.doctor.bundle import write_bundle

        write_bundle(arguments.bundle, examination)
        if not arguments.json:
            from energy.cli.terminal import plain

            out.print(f"[dim]bundle: {plain(arguments.bundle)}[/]", soft_wrap=True)
    return report.exit_status


def _show_step(out: Console, report: Report, step: Step, facts: bool) -> None:
    """Prints a step as soon as it is over: its status, its evidence, what is wrong."""
    from rich.padding import Padding

    from energy.cli.terminal import plain

    if step.name == "bench" and report.virtual:
        out.print("[bold white on red] VIRTUAL [/] no hardware is examined")
    word, colour = _STYLES[step.status.value]
    out.print(f"[{colour}]{word:{_INDENT}}[/][bold]{plain(step.title)}[/]", soft_wrap=True)
    evidence = step.evidence
    if step.name == "unverified" and evidence and not facts:
        count = f"{len(evidence)} facts that these drivers rely on have not been seen on hardware"
        evidence = [f"{count}: --facts lists them, docs/reference/unverified.md explains how to verify each"]
    for text in evidence:
        if step.name == "unverified" and facts:
            text = shorten(text, 2 * (out.width - _INDENT), placeholder=" ...")  # in full in the JSON
        out.print(Padding(f"[dim]{plain(text)}[/]", (0, 0, 0, _INDENT), expand=False))
    for remark in step.remarks:
        shade = "red" if remark.severity.value == "error" else "yellow"
        lines = [plain(line) for line in remark.message.splitlines()]
        text = "\n  ".join([f"[{shade}]{remark.code}[/]: {lines[0]}", *lines[1:]])
        out.print(Padding(text, (0, 0, 0, _INDENT), expand=False))


def _show_end(out: Console, report: Report) -> None:
    """Prints the steps that were skipped, and what to do next."""
    from rich.table import Table

    from energy.cli.terminal import plain

    left = [step.title for step in report.steps.values() if not step.done]
    if left:
        out.print(f"[dim]{'skipped':{_INDENT}}{plain('; '.join(left))}[/]", soft_wrap=True)
    out.print()
    if not report.remarks:
        out.print("[bold green]The bench works.[/] Next: joulebench measure", soft_wrap=True)
        return
    out.print("[bold]What to do next[/]")
    hints = dict.fromkeys((remark.hint, remark.code) for remark in report.remarks)
    listed = Table.grid(padding=(0, 1))
    for number, (hint, code) in enumerate(hints, start=1):
        listed.add_row(f" {number}.", f"{plain(hint)} [dim]({code})[/]")
    out.print(listed)
