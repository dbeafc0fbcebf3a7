"""``joulebench check``: a gate for a firmware's CI, which fails only beyond the uncertainty."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from energy.errors import EXIT_FINDINGS, EXIT_OK, EXIT_UNDECIDED, RecordingError, UsageError

if TYPE_CHECKING:
    from energy.uncertainty.checking import Checked

DESCRIPTION = """\
Checks a result against limits, or against a baseline that was measured before. A requirement fails only if it
is broken beyond the uncertainty, passes only if it is kept beyond it (one-sided, 95 %), and is undecided
otherwise. What result and baseline share, such as the gain of one monitor, cancels. A RESULT is a session's
folder or a result.json; a baseline may be a copy that is kept beside the firmware."""
EXAMPLES = """\
examples:
  joulebench check sessions/new --max-energy 1.5mJ
  joulebench check sessions/new --max-energy 1500uJ --min-throughput 20
  joulebench check sessions/new --baseline energy-baseline.json --allow 1%
  joulebench check sessions/new --max-energy 1.5mJ --junit energy.xml --markdown "$GITHUB_STEP_SUMMARY"

exit status: 0 pass, 1 fail or a session with errors, 2 wrong usage, 6 undecided (docs/how-to/ci-gate.md)"""
SCHEMA = "joulebench.check/1"
_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}
_ENERGY = re.compile(r"\s*([0-9.eE+-]+?)\s*([munµμ]?)J\s*")
_FRACTION = re.compile(r"\s*([0-9.eE+-]+)\s*(%?)\s*")


def joules(text: str) -> float:
    """An energy with its unit: ``1.5mJ``, ``1500 uJ``, ``1500µJ``, ``0.0015J``."""
    found = _ENERGY.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no energy with its unit, such as 1.5mJ or 1500uJ")
    return _number(found[1], text) * _PREFIXES[found[2]]


def fraction(text: str) -> float:
    """A part: ``1%`` or ``0.01``."""
    found = _FRACTION.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no part, such as 1% or 0.01")
    return _number(found[1], text) * (0.01 if found[2] else 1.0)


def _number(digits: str, text: str) -> float:
    try:
        return float(digits)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} has no number that can be read") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    from energy.cli.compare import add_across

    parser.add_argument("result", type=Path, metavar="RESULT", help="session's folder or result.json")
    parser.add_argument(
        "--max-energy", type=joules, metavar="ENERGY", help="energy per inference at most, such as 1.5mJ"
    )
    parser.add_argument("--min-throughput", type=float, metavar="RATE", help="inferences per second at least")
    parser.add_argument(
        "--baseline", type=Path, metavar="OLD", help="energy per inference at most that of this result"
    )
    parser.add_argument(
        "--allow", type=fraction, default=0.0, metavar="PART", help="and so much more: 1%% (default 0)"
    )
    add_across(parser)
    parser.add_argument("--junit", type=Path, metavar="FILE", help="also write JUnit XML")
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="also write a summary in Markdown; added to the file if it is $GITHUB_STEP_SUMMARY",
    )
    parser.add_argument("--json", action="store_true", help="the decision as JSON to standard output")


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.recording.inside import refuse_special
    from energy.uncertainty.checking import Limits, check_result

    if arguments.allow and arguments.baseline is None:
        raise UsageError("usage.check", "--allow without a baseline", "Give --baseline, or leave it out.")
    for path in (arguments.junit, arguments.markdown):
        if path is not None:
            with _refusals(path):
                refuse_special(path)
    limits = Limits(arguments.max_energy, arguments.min_throughput, arguments.baseline, arguments.allow)
    checked = check_result(arguments.result, limits, arguments.across)
    if arguments.junit or arguments.markdown:
        _write_files(checked, arguments.junit, arguments.markdown)
    if arguments.json:
        from energy.cli.terminal import print_json

        print_json({"schema": SCHEMA, **checked.to_json()})
    else:
        _show(checked)
    return {"pass": EXIT_OK, "fail": EXIT_FINDINGS, "undecided": EXIT_UNDECIDED}[checked.decision]


def _write_files(checked: Checked, junit: Path | None, summary: Path | None) -> None:
    from energy.report.gate import junit_xml, markdown

    if junit:
        _write(junit, junit_xml(checked), "w")
    if summary:
        added = str(summary) == os.environ.get("GITHUB_STEP_SUMMARY")
        _write(summary, markdown(checked), "a" if added else "w")


def _write(path: Path, text: str, mode: str) -> None:
    from energy.recording.inside import refuse_special

    with _refusals(path):
        refuse_special(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)


@contextmanager
def _refusals(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise RecordingError(
            "file.write", f"{path} cannot be written: {error.strerror or error}", "Name another file."
        ) from error


def _show(checked: Checked) -> None:
    from energy.cli.terminal import console, plain, show_table
    from energy.report.gate import gate_lines, gate_table

    out = console()
    if checked.virtual:
        out.print("[bold white on red] VIRTUAL [/] not measured on hardware")
    show_table(out, gate_table(checked))
    *lines, decision = gate_lines(checked)
    for line in lines:
        out.print(plain(line), soft_wrap=not out.is_terminal)
    colour = {"pass": "bold green", "fail": "bold red", "undecided": "bold yellow"}[checked.decision]
    out.print(f"[{colour}]{plain(decision)}[/]", soft_wrap=True)
