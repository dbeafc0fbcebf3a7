"""The result of a validation, per submission, benchmark and run: figures, windows, findings.

All of it can be pickled (it comes from worker processes) and turned into JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy.evidence.rejected import Rejected
from energy.evidence.setup import Setup
from energy.findings import Finding, Severity, has_errors
from energy.recording.jsonvalues import for_json
from energy.runs.printed import FigureCheck


@dataclass(frozen=True, slots=True)
class WindowReport:
    """A window of a run; what is not known is None.

    Attributes:
        number: From 1.
        start_s: Opening edge on the monitor's clock.
        stop_s: Closing edge.
        duration_s: From edge to edge; in performance mode by the DUT's or IO manager's clock.
        iterations: Inferences.
        energy_j: Energy by our own rule.
        power_w: Mean power.
        log_start_s: Time of the log's line ``m-infer-start``, converted to the monitor's clock.
        log_stop_s: The same for ``m-infer-done``.
    """

    number: int
    start_s: float | None = None
    stop_s: float | None = None
    duration_s: float | None = None
    iterations: int | None = None
    energy_j: float | None = None
    power_w: float | None = None
    log_start_s: float | None = None
    log_stop_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass
class RunReport:
    """One run.

    Attributes:
        mode: ``"accuracy"``, ``"performance"`` or ``"energy"``.
        path: Its folder, relative to where the search began.
        runner: The runner that wrote its files.
        trace: The file that holds its samples, or None: for pictures.
        timestamps: The edges on the monitor's clock, in seconds.
        monitor: The monitor as the log names it, or None.
        voltage_v: Supply voltage, or None where no file states it.
        clock_ppm: By how much the monitor's clock runs fast against the host's, or None.
        virtual: Whether its files are marked as the virtual bench's.
        setup: Board, voltage, clock, monitor and label, as far as its files state them.
        rejected: Attempts at trials that were not valid, where a session of our own lists them.
        windows: Its windows.
        figures: Every printed figure.
        findings: What was found.
        official: Of a session of ours, its files for the official tools: the same run once more, not another.
    """

    mode: str
    path: str
    runner: str
    trace: Path | None = None
    timestamps: list[float] = field(default_factory=list[float])
    monitor: str | None = None
    voltage_v: float | None = None
    clock_ppm: float | None = None
    virtual: bool = False
    setup: Setup = field(default_factory=Setup)
    rejected: tuple[Rejected, ...] = ()
    windows: list[WindowReport] = field(default_factory=list[WindowReport])
    figures: list[FigureCheck] = field(default_factory=list[FigureCheck])
    findings: list[Finding] = field(default_factory=list[Finding])
    official: RunReport | None = None

    @property
    def all_findings(self) -> list[Finding]:
        """Those of the run and of its official files."""
        return self.findings + (self.official.findings if self.official else [])

    @property
    def all_figures(self) -> list[FigureCheck]:
        """Those of the run and of its official files."""
        return self.figures + (self.official.figures if self.official else [])

    def figure(self, name: str) -> FigureCheck | None:
        """The figure of the whole run that has this name, or None; figures of windows do not count."""
        return next(
            (figure for figure in self.all_figures if figure.name == name and figure.window is None), None
        )

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        document: dict[str, Any] = {
            "mode": self.mode,
            "path": self.path,
            "runner": self.runner,
            "monitor": self.monitor,
            "voltage_v": self.voltage_v,
            "clock_ppm": self.clock_ppm,
            "virtual": self.virtual,
            "setup": self.setup.to_json(),
            "rejected": [attempt.to_json() for attempt in self.rejected],
            "timestamps_s": self.timestamps,
            "windows": [window.to_json() for window in self.windows],
            "figures": [figure.to_json() for figure in self.figures],
            "findings": [finding.to_json() for finding in self.findings],
        }
        if self.official is not None:
            document["official_files"] = self.official.to_json()
        return document


@dataclass
class FolderReport:
    """One benchmark of one system.

    Attributes:
        name: Display name: ``v1.3/closed/STMicroelectronics/NUCLEO_L4R5ZI-P/ad``.
        round: Name of the round.
        division: ``"open"``, ``"closed"`` or ``"unknown"``.
        organization: Who submitted it.
        system: Its system.
        benchmark: ``"ad"``, ``"ic"``, ``"ic2"``, ``"kws"``, ``"vww"``, ``"sww"``, or a session's workload.
        variant: Level below the benchmark, or None.
        path: Its folder, relative to where the search began.
        runs: Its runs.
        findings: About the benchmark as a whole; those about a run are with the run.
    """

    name: str
    round: str
    division: str
    organization: str
    system: str
    benchmark: str
    variant: str | None
    path: str
    runs: list[RunReport] = field(default_factory=list[RunReport])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def all_findings(self) -> list[Finding]:
        """Those of the benchmark and of its runs."""
        return self.findings + [found for run in self.runs for found in run.all_findings]

    @property
    def sound(self) -> bool:
        """Whether no finding is an error."""
        return not has_errors(self.all_findings)

    @property
    def virtual(self) -> bool:
        """Whether any of its runs comes from the virtual bench."""
        return any(run.virtual for run in self.runs)

    @property
    def setup(self) -> Setup:
        """That of its runs: energy first; the monitor and voltage are known there."""
        known = [self.run(mode) for mode in ("energy", "performance", "accuracy")]
        return next((run.setup for run in known if run and run.setup != Setup()), Setup())

    def run(self, mode: str) -> RunReport | None:
        """The run of a mode, or None."""
        return next((run for run in self.runs if run.mode == mode), None)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "name": self.name,
            "round": self.round,
            "division": self.division,
            "organization": self.organization,
            "system": self.system,
            "benchmark": self.benchmark,
            "variant": self.variant,
            "path": self.path,
            "sound": self.sound,
            "runs": [run.to_json() for run in self.runs],
            "findings": [finding.to_json() for finding in self.findings],
        }


@dataclass
class SubmissionReport:
    """An organisation's entries in a division of a round; a session is a submission of its own.

    Attributes:
        name: Display name: ``v1.3/closed/STMicroelectronics``.
        round: Name of the round.
        division: ``"open"``, ``"closed"`` or ``"unknown"``.
        organization: Who submitted them.
        path: Its folder, relative to where the search began.
        folders: Its benchmarks.
        findings: About the submission as a whole, its systems and their descriptions.
        root: Where the search began that found it; None if that folder no longer exists.
    """

    name: str
    round: str
    division: str
    organization: str
    path: str
    folders: list[FolderReport] = field(default_factory=list[FolderReport])
    findings: list[Finding] = field(default_factory=list[Finding])
    root: Path | None = None

    @property
    def all_findings(self) -> list[Finding]:
        """Those of the submission and of its benchmarks."""
        return self.findings + [found for folder in self.folders for found in folder.all_findings]

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "name": self.name,
            "round": self.round,
            "division": self.division,
            "organization": self.organization,
            "path": self.path,
            "benchmarks": [folder.to_json() for folder in self.folders],
            "findings": [finding.to_json() for finding in self.findings],
        }


@dataclass
class ValidationReport:
    """A validation.

    Attributes:
        paths: What was named.
        rules: Name of the round whose rules were asked for; None: each round is judged by its own rules.
        submissions: All that was found.
        findings: What belongs to no submission, such as rounds that are partial copies.
        seconds: How long it took.
    """

    paths: list[Path]
    rules: str | None = None
    submissions: list[SubmissionReport] = field(default_factory=list[SubmissionReport])
    findings: list[Finding] = field(default_factory=list[Finding])
    seconds: float = 0.0

    @property
    def folders(self) -> Iterator[FolderReport]:
        """Every benchmark of every submission."""
        return (folder for submission in self.submissions for folder in submission.folders)

    @property
    def all_findings(self) -> list[Finding]:
        """Everything that was found."""
        return self.findings + [found for submission in self.submissions for found in submission.all_findings]

    @property
    def errors(self) -> list[tuple[str, Finding]]:
        """Every error with the name of the benchmark or submission that it is about."""
        found = [("", finding) for finding in self.findings]
        found += [
            (submission.name, finding) for submission in self.submissions for finding in submission.findings
        ]
        found += [(folder.name, finding) for folder in self.folders for finding in folder.all_findings]
        return [(name, finding) for name, finding in found if finding.severity is Severity.ERROR]

    @property
    def sound(self) -> bool:
        """Whether no finding is an error."""
        return not self.errors

    @property
    def exit_status(self) -> int:
        """1 if any finding is an error, else 0."""
        return 0 if self.sound else 1

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        document: dict[str, Any] = {
            "schema": "joulebench.validate/2",
            "paths": [str(path) for path in self.paths],
            "rules": self.rules,
            "sound": self.sound,
            "counts": count_by_severity(self.all_findings),
            "submissions": [submission.to_json() for submission in self.submissions],
            "findings": [finding.to_json() for finding in self.findings],
        }
        return for_json(document)


def count_by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each severity."""
    counts = dict.fromkeys((severity.value for severity in Severity), 0)
    for finding in findings:
        counts[finding.severity.value] += 1
    return counts
