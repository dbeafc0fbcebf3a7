"""The parts of a submission to MLPerf Tiny on disk: rounds, submissions, systems, benchmarks, modes, files.

``tree.read_tree`` makes these from a folder; what the files of a run hold is read by ``energy.runs``.
Layout: mlperf-tiny.md 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from energy.benchmark.workloads import WORKLOADS, Workload
from energy.findings import Finding
from energy.runs.files import Mode, ModeFolder, Runner
from energy.submission.system_file import SystemDescription


@dataclass
class BenchmarkFolder:
    """The runs of one benchmark on one system.

    Attributes:
        benchmark: ``"ad"``, ``"ic"``, ``"ic2"``, ``"kws"``, ``"vww"`` or ``"sww"``.
        variant: Name of the level below the benchmark (``"AD08"``), or None.
        path: The folder of the modes.
        runner: The runner: by the marker ``EEMBC_RUNNER``, else by the runs if they agree.
        eembc_marker: Whether a file ``EEMBC_RUNNER`` marks it.
        modes: Runs by mode.
        findings: Tolerances used for this folder; each run has its own.
        asked: Whether the folder lies in what was named, and not only some of its runs.
        beside: Its other runs, where only some were named: for comparison.
    """

    benchmark: str
    variant: str | None
    path: Path
    runner: Runner = "unknown"
    eembc_marker: bool = False
    modes: dict[Mode, ModeFolder] = field(default_factory=dict[Mode, ModeFolder])
    findings: list[Finding] = field(default_factory=list[Finding])
    asked: bool = True
    beside: dict[Mode, ModeFolder] = field(default_factory=dict[Mode, ModeFolder])

    @property
    def workload(self) -> Workload | None:
        """Facts of the workload, None for one that is not in ``WORKLOADS``."""
        return next(
            (workload for workload in WORKLOADS.values() if workload.benchmark == self.benchmark), None
        )


@dataclass
class System:
    """A measured system, with its benchmarks.

    Attributes:
        name: Its folder's name; with extra levels above it, if any (``"microtvm_native/X"``).
        path: Its folder.
        system_file: The file in ``systems/`` that describes it, or None.
        description: Content of that file, or what is wrong with it; None if there is no file.
        benchmarks: Its benchmarks; each variant is an entry.
        findings: Tolerances used for this system.
        asked: Whether the folder lies in what was named, and not only some of its benchmarks.
    """

    name: str
    path: Path
    system_file: Path | None = None
    description: SystemDescription | None = None
    benchmarks: list[BenchmarkFolder] = field(default_factory=list[BenchmarkFolder])
    findings: list[Finding] = field(default_factory=list[Finding])
    asked: bool = True


@dataclass
class Submission:
    """The systems that an organisation submitted to a division.

    Attributes:
        division: ``"open"``, ``"closed"`` or ``"unknown"``.
        organization: Its folder's name.
        path: Its folder.
        systems: Systems with results.
        unused_system_files: Descriptions that belong to no system with results.
        findings: Tolerances used.
    """

    division: Literal["open", "closed", "unknown"]
    organization: str
    path: Path
    systems: list[System] = field(default_factory=list[System])
    unused_system_files: list[Path] = field(default_factory=list[Path])
    findings: list[Finding] = field(default_factory=list[Finding])


@dataclass
class Round:
    """A round, or a part of it.

    Attributes:
        name: Its folder's name.
        path: The folder that holds ``open`` and ``closed``.
        partial: Whether it was declared to be a partial copy, so that a missing file means nothing.
        submissions: Its submissions.
        findings: Tolerances used.
    """

    name: str
    path: Path
    partial: bool = False
    submissions: list[Submission] = field(default_factory=list[Submission])
    findings: list[Finding] = field(default_factory=list[Finding])


@dataclass(frozen=True)
class Place:
    """A benchmark's folder with its system, submission and round."""

    round: Round
    submission: Submission
    system: System
    folder: BenchmarkFolder

    @property
    def name(self) -> str:
        """Display name: ``v1.3/closed/STMicroelectronics/NUCLEO_L4R5ZI-P/ad``."""
        parts = [
            self.round.name,
            self.submission.division,
            self.submission.organization,
            self.system.name,
            self.folder.benchmark,
        ]
        return "/".join([*parts, self.folder.variant] if self.folder.variant else parts)


@dataclass
class Tree:
    """Everything that was found below a folder.

    Attributes:
        path: Where the search began; paths in findings are relative to it.
        rounds: The rounds.
        entries: Number of files and folders that were read.
        findings: Findings that belong to no round or part of one.
    """

    path: Path
    rounds: list[Round] = field(default_factory=list[Round])
    entries: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])

    def places(self) -> Iterator[Place]:
        """Every benchmark's folder."""
        for round_ in self.rounds:
            for submission in round_.submissions:
                for system in submission.systems:
                    for folder in system.benchmarks:
                        yield Place(round_, submission, system, folder)

    def all_findings(self) -> Iterator[Finding]:
        """Findings of the tree and of all its parts, from the top down."""
        yield from self.findings
        for round_ in self.rounds:
            yield from round_.findings
            for submission in round_.submissions:
                yield from submission.findings
                for system in submission.systems:
                    yield from system.findings
                    if system.description:
                        yield from system.description.findings
                    for folder in system.benchmarks:
                        yield from folder.findings
                        for run in folder.modes.values():
                            yield from run.findings
