"""A validation as rows, one for each benchmark, for both the terminal and the page."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from energy.findings import Finding, Severity
from energy.report.setups import with_setups
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import significant
from energy.runs.printed import FigureCheck
from energy.validation.report import FolderReport, RunReport, ValidationReport

GRAVEST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)
COLUMNS = (
    "organization",
    "system",
    "benchmark",
    "µJ/inf recomputed",
    "printed",
    "inf/s",
    "accuracy",
    "worst",
    "findings",
)
_TEXT_COLUMNS = (0, 1, 2, 6, 7, 8)
_STREAMING = (("true positives", "TP"), ("false negatives", "FN"), ("false positives", "FP"))


@dataclass(frozen=True)
class Row:
    """A summary of a system's benchmark, with every figure as text.

    Attributes:
        folder: The benchmark's folder.
        energy: Median energy per inference recomputed from the files, µJ.
        printed: The same figure as results.txt prints it.
        throughput: Median inferences per second in performance mode, else in energy mode: as printed, else by
            the windows of the log or the trace.
        accuracy: The accuracy that the accuracy run prints.
        worst: The highest severity; None if there is no finding.
        codes: Codes of errors and warnings, the highest severity first.
        energy_agrees: Whether the two energies are equal; True if either is not known.
    """

    folder: FolderReport
    energy: str
    printed: str
    throughput: str
    accuracy: str
    worst: Severity | None
    codes: tuple[str, ...]
    energy_agrees: bool

    @property
    def grade(self) -> str:
        """The highest severity that needs attention: ``"error"``, ``"warning"``, or ``"none"``."""
        return "none" if self.worst in (None, Severity.INFO) else self.worst.value

    def cells(self) -> list[str]:
        """The cells of the row, in the order of ``COLUMNS``."""
        folder = self.folder
        return [
            folder.organization,
            f"VIRTUAL {folder.system}" if folder.virtual else folder.system,
            f"{folder.benchmark}/{folder.variant}" if folder.variant else folder.benchmark,
            self.energy,
            self.printed,
            self.throughput,
            self.accuracy,
            self.grade,
            ", ".join(self.codes),
        ]


def rows_of(report: ValidationReport) -> list[Row]:
    """A row for each benchmark, in the report's order."""
    return [_row(folder) for folder in report.folders]


def table_of(rows: Iterable[Row]) -> Table:
    """The rows as a table; if there is more than one round, the first column names it."""
    rows = list(rows)
    several = len({row.folder.round for row in rows}) > 1
    shift = 1 if several else 0
    text = [*range(shift), *(column + shift for column in _TEXT_COLUMNS)]
    table = Table("Benchmarks", [*(("round",) if several else ()), *COLUMNS], text=text)
    table.rows = [[*((row.folder.round,) if several else ()), *row.cells()] for row in rows]
    return with_setups(table, [row.folder.setup for row in rows], after=3 + shift)


def gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings sorted by severity, the highest first; within a severity they keep their order."""
    return sorted(findings, key=lambda finding: GRAVEST_FIRST.index(finding.severity))


def summary_line(report: ValidationReport) -> str:
    """A line with the number of benchmarks, and how many of them have errors, warnings or neither."""
    worst = [row.worst for row in rows_of(report)]
    errors, warnings = worst.count(Severity.ERROR), worst.count(Severity.WARNING)
    figures = [figure for folder in report.folders for run in folder.runs for figure in run.all_figures]
    recomputed = [figure for figure in figures if figure.recomputed is not None]
    agree = sum(figure.agrees is True for figure in recomputed)
    return (
        f"{_count(len(worst), 'benchmark')}: {errors} with errors, {warnings} with warnings, "
        f"{len(worst) - errors - warnings} with neither; "
        f"{agree} of {_count(len(recomputed), 'recomputed figure')} are as printed"
        f" ({len(figures) - len(recomputed)} more cannot be recomputed from these files)"
        f"{_beside(report)}"
    )


def _beside(report: ValidationReport) -> str:
    """How many errors and warnings are about submissions, systems or the whole, not about a benchmark."""
    findings = report.findings + [found for place in report.submissions for found in place.findings]
    severities = [finding.severity for finding in findings]
    words = [
        _count(severities.count(severity), severity.value)
        for severity in (Severity.ERROR, Severity.WARNING)
        if severity in severities
    ]
    return f"; {' and '.join(words)} beside the benchmarks: systems, submissions" if words else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _row(folder: FolderReport) -> Row:
    energy = folder.run("energy")
    median = energy.figure("median energy") if energy else None
    recomputed = median.recomputed if median else _energy(energy)
    found = gravest_first(folder.all_findings)
    codes = [finding.code for finding in found if finding.severity is not Severity.INFO]
    return Row(
        folder,
        recomputed if recomputed is not None else NOT_KNOWN,
        median.printed if median else NOT_KNOWN,
        _throughput(folder),
        _accuracy(folder),
        found[0].severity if found else None,
        tuple(dict.fromkeys(codes)),
        median.agrees is not False if median else True,
    )


def _energy(run: RunReport | None) -> str | None:
    """Median energy per inference of a run that prints none, µJ."""
    windows = run.windows if run else []
    costs = [
        window.energy_j / window.iterations
        for window in windows
        if window.energy_j is not None and window.iterations
    ]
    return significant(statistics.median(costs) * 1e6) if costs else None


def _throughput(folder: FolderReport) -> str:
    for mode in ("performance", "energy"):
        run = folder.run(mode)
        figure = run and (run.figure("median throughput") or run.figure("throughput"))
        if figure:
            return figure.printed
        rates = (
            [
                window.iterations / window.duration_s
                for window in run.windows
                if window.iterations and window.duration_s
            ]
            if run
            else []
        )
        if rates:
            return significant(statistics.median(rates))
    return NOT_KNOWN


def _accuracy(folder: FolderReport) -> str:
    for run in folder.runs:
        counts = [(run.figure(name), short) for name, short in _STREAMING]
        if any(figure for figure, _ in counts):
            return " ".join(f"{figure.printed} {short}" for figure, short in counts if figure)
    run = folder.run("accuracy")
    if run is None:
        return NOT_KNOWN
    top_1, auc = run.figure("top-1"), run.figure("AUC")
    if auc and (folder.benchmark.startswith("ad") or not top_1):
        return f"AUC {auc.printed}"
    return f"{top_1.printed} %" if top_1 else NOT_KNOWN


def grave_figures(run: RunReport) -> list[FigureCheck]:
    """Figures of a run that differ from the printed ones, then all others of the run as a whole."""
    wrong = [figure for figure in run.all_figures if figure.agrees is False]
    whole = [figure for figure in run.all_figures if figure.window is None and figure.agrees is not False]
    return wrong + whole
