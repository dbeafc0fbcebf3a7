"""Texts of a recording's figures: what was measured, the figures with their rule, where they are from."""

from __future__ import annotations

from pathlib import Path

from energy.benchmark.workloads import WORKLOADS
from energy.evidence.scope_text import scope_line
from energy.findings import Severity
from energy.report.repeats import repeat_summary
from energy.report.setups import setup_cells, volts
from energy.report.table import NOT_KNOWN
from energy.report.units import significant
from energy.runs.measurement import Measurement
from energy.uncertainty.of_run import statement_of
from energy.uncertainty.rounding import prefix_for
from energy.window.figures import SessionFigures
from energy.window.rules import EnergyRule


def joules(value_j: float, digits: int = 6) -> str:
    """An energy with significant digits in the unit that results have: µJ up to 10 mJ, then mJ, J."""
    factor, unit = prefix_for(value_j, "J")
    return f"{significant(value_j / factor, digits)} {unit}"


def subject(measured: Measurement) -> str:
    """The board, its voltage and clock, the monitor and the workload; of what is not known, nothing.

    A foreign run's board is the folder of its system in the submission's tree.
    """
    setup = measured.run.setup
    cells = [cell for cell in setup_cells(setup) if cell != NOT_KNOWN]
    if setup.board is None:
        system, round_ = _system(measured.run.path.resolve())
        voltage = volts(setup.voltage_v)
        cells = [system, *([voltage] if voltage != NOT_KNOWN else []), *_monitor(measured), *round_]
    workload = _workload(measured)
    return " · ".join([*([workload] if workload else []), *cells])


def headline_lines(measured: Measurement) -> list[str]:
    """The score by the rule ``exact``, by its runner's rule where that differs, errors, and repeats."""
    session, rule = measured.session, measured.rule
    if not session.windows:
        return ["no window"]
    count = len(session.windows)
    median = f"median of {count} windows" if count > 1 else "one window"
    per, ours, theirs = "inference", session.joule_per_inference(), session.joule_per_inference(rule)
    if ours is None or theirs is None:
        per, ours, theirs = "window", session.energy_j(), session.energy_j(rule)
    throughput = session.inferences_per_second()
    stated = statement_of(measured).stated
    if ours is None or theirs is None:
        return [median]
    cost_text, runner_text = joules(ours.median), joules(theirs.median)
    same = cost_text == runner_text and rule is not EnergyRule.EXACT
    rules = f"rules exact and {rule.value}" if same else "exact rule"
    rate_text = f" at {significant(throughput.median)} inf/s" if throughput else ""
    if stated is not None:
        cost_text, rate_text = stated.joule_per_inference.text(), f" at {stated.inferences_per_second.text()}"
    lines = [f"{cost_text} per {per} ({rules}){rate_text}, {median}"]
    if rule is not EnergyRule.EXACT and not same:
        lines.append(f"{runner_text} per {per} by its runner's rule ({rule.value}), the printed figure")
    repeated = repeat_summary(measured.run.rejected)
    return [*lines, *_errors(session), *([repeated] if repeated else [])]


def footer_lines(measured: Measurement) -> list[str]:
    """The scope, and the path."""
    return [scope_line(measured.run.setup.scope), short_path(measured.run.path)]


def short_path(path: Path) -> str:
    """The last parts of a path: enough of them to find a run in its submission's tree."""
    parts = path.resolve().parts
    return "/".join(parts[-6:] if path.is_file() else parts[-2:])


def _errors(session: SessionFigures) -> list[str]:
    """How many windows have errors, and which."""
    flawed = [
        codes
        for row in session.windows
        if (codes := [found.code for found in row.window.findings if found.severity is Severity.ERROR])
    ]
    if not flawed:
        return []
    codes = ", ".join(dict.fromkeys(code for found in flawed for code in found))
    return [f"errors in {len(flawed)} of {len(session.windows)} windows: {codes}"]


def _workload(measured: Measurement) -> str | None:
    run = measured.run
    for workload in WORKLOADS.values():
        if run.benchmark == workload.benchmark or run.about.get("model") == workload.id:
            return f"{workload.title} ({workload.id})"
    return run.benchmark or None


def _monitor(measured: Measurement) -> list[str]:
    about = measured.run.about
    return [str(about["monitor"])] if "monitor" in about else []


def _system(path: Path) -> tuple[str, list[str]]:
    """The system that a path names, and round, division and submitter if it is in a submission's tree."""
    parts = path.parts
    places = [at for at, part in enumerate(parts) if part == "results" and 2 <= at < len(parts) - 1]
    if not places:
        return (path.parent.name if path.is_file() else path.name), []
    at = places[-1]
    round_ = parts[max(at - 3, 0) : at]
    return parts[at + 1], [" ".join(part for part in round_ if part != "/")]
