"""One benchmark's folder: its runs read, measured and checked."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from energy.findings import Finding, Severity, has_errors
from energy.recording.inside import folders_kept, within
from energy.runs.checks import log, monitor
from energy.runs.files import MODES, Mode
from energy.runs.measured import measure_run
from energy.runs.measurement import Measurement
from energy.runs.printed import FigureCheck
from energy.runs.run import Fingerprint, Run, read_run
from energy.submission.places import BenchmarkFolder
from energy.validation import accuracy, files, throughput
from energy.validation.coverage import check_coverage, cover
from energy.validation.fingerprints import fingerprints_of
from energy.validation.report import FolderReport, RunReport, WindowReport
from energy.validation.rounds import RoundRules


@dataclass(frozen=True)
class FolderTask:
    """A benchmark's folder with what a check must know of its surroundings; small enough to be sent.

    Attributes:
        root: Where the search began.
        folder: The folder.
        rules: Rules that apply.
        report: The report to be filled: names are in it.
    """

    root: Path
    folder: BenchmarkFolder
    rules: RoundRules
    report: FolderReport


@dataclass
class CheckedFolder:
    """A report, and the fingerprints of its runs by mode."""

    report: FolderReport
    fingerprints: dict[str, list[Fingerprint]] = field(default_factory=dict[str, list[Fingerprint]])


def check_folder(task: FolderTask) -> CheckedFolder:
    """Reads and checks a benchmark's folder."""
    collecting = gc.isenabled()
    gc.disable()  # it would look again and again through logs and results whose parts are all in use
    try:
        with within(task.root), folders_kept():
            return _check(task)
    finally:
        if collecting:
            gc.enable()


def _check(task: FolderTask) -> CheckedFolder:
    report, folder = task.report, task.folder
    outcome = CheckedFolder(report)
    report.findings += [_in(report.path, found) for found in folder.findings]
    report.findings += files.round_rules(folder, task.rules, report.path)
    measured: dict[Mode, Measurement] = {}
    for mode in MODES:
        if mode not in folder.modes:
            continue
        run = read_run(folder.modes[mode], folder.benchmark, _shown(task.root, folder.modes[mode].path))
        if mode == "accuracy":
            report.runs.append(_accuracy_run(run, report.division))
        else:
            measured[mode] = measure_run(run)
            report.runs.append(_timed_run(measured[mode], report.division))
        outcome.fingerprints[mode] = fingerprints_of(run)
    for mode in ("energy", "performance"):
        if measured and mode not in measured and mode in folder.beside:
            with within(folder.path):
                measured[mode] = measure_run(read_run(folder.beside[mode], folder.benchmark))
    if "energy" in measured and "performance" in measured:
        found = throughput.energy_against_performance(measured["energy"], measured["performance"])
        report.findings += [_in(report.path, finding) for finding in found]
    return outcome


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _in(path: str, found: Finding) -> Finding:
    return found if found.path is not None else replace(found, path=path)


def _report_of(run: Run) -> RunReport:
    report = RunReport(run.mode, run.shown, run.runner, trace=run.trace_path if run.trace else None)
    report.monitor = run.log.monitor if run.log else None
    report.virtual = run.virtual
    report.voltage_v = monitor.voltage_of(run) if run.mode == "energy" else None
    report.setup = replace(run.setup, monitor=report.monitor, voltage_v=report.voltage_v)
    return report


def _accuracy_run(run: Run, division: str) -> RunReport:
    report = _report_of(run)
    mixed = [found for found in log.one_session(run) if found.severity is Severity.ERROR]
    report.findings += [*run.findings, *log.model(run), *log.log_of_a_run(run), *mixed]
    if run.benchmark == "sww":
        report.figures += accuracy.streaming_figures(run)
        report.findings += accuracy.check(run, report.figures)
        report.findings += accuracy.streaming_target(run, division)
        return report
    coverage = cover(run, mixed=bool(mixed))
    report.findings += [*coverage.findings, *check_coverage(run, coverage)]
    report.figures += accuracy.figures(run, coverage)
    why = "" if coverage.source == "results.txt" else f"the {coverage.source} holds {coverage}"
    report.findings += accuracy.check(run, report.figures, why)
    report.findings += accuracy.complete(run)
    report.findings += accuracy.target(run, coverage, division)
    report.findings = [_in(run.shown, finding) for finding in report.findings]
    return report


def _timed_run(measured: Measurement, division: str) -> RunReport:
    run = measured.run
    report = _report_of(run)
    report.timestamps = measured.edges_s
    report.clock_ppm = measured.alignment.ppm if measured.alignment else None
    report.windows = [_window(measured, number) for number in range(len(measured.windows))]
    report.figures += measured.figures
    found = measured.all_findings
    if run.benchmark == "sww":
        streaming = list(accuracy.streaming_figures(run))
        report.figures += streaming
        found += accuracy.check(run, streaming)
        found += accuracy.complete(run)
        found += accuracy.streaming_target(run, division)
    found += _without_evidence(run, report.figures, found)
    report.findings = [_in(run.shown, finding) for finding in found]
    return report


def _without_evidence(run: Run, figures: list[FigureCheck], found: list[Finding]) -> Iterator[Finding]:
    """Printed figures that nothing proves, where no missing file and no other error is the reason.

    Every published run whose files are all there has the evidence for all of its figures.
    """
    unproven = [figure for figure in figures if figure.recomputed is None]
    if unproven and not run.folder.missing and run.benchmark != "sww" and not has_errors(found):
        names = ", ".join(sorted({figure.name for figure in unproven}))
        evidence = f"{len(unproven)} of {len(figures)} printed figures cannot be recomputed: {names}"
        yield Finding("evidence.missing", evidence)


def _window(measured: Measurement, index: int) -> WindowReport:
    window = measured.windows[index]
    fit = measured.alignment
    return WindowReport(
        window.number,
        window.time_s[0] if window.time_s else None,
        window.time_s[1] if window.time_s else None,
        window.duration_s,
        window.iterations,
        window.energy_j,
        window.power_w,
        fit.at(window.number, "start") if fit else None,
        fit.at(window.number, "stop") if fit else None,
    )
