"""The plan of a session and its outcome: figures, findings and files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from energy.bench.benchfile import BenchFile
from energy.benchmark.inputs import Input
from energy.benchmark.limits import WINDOWS, check_limits
from energy.benchmark.workloads import Workload
from energy.evidence.documents import (
    FloorFigure,
    MeasuredSession,
    MeasuredWindow,
    ResultRecord,
    SessionRecord,
    TimedSession,
    TimedWindow,
    UncertaintyRecord,
    unknown_numbers,
)
from energy.evidence.names import OFFICIAL_FOLDER, RESULT_NAME
from energy.evidence.parts import finding_records
from energy.evidence.rejected import Rejected, rejected_of
from energy.evidence.setup import Setup, setup_of
from energy.findings import Finding, has_errors
from energy.instruments import Mode
from energy.recording.keep import EVERYTHING, Storage
from energy.recording.store import Recording
from energy.runs.mlcommons_writer import WrittenTrial, write_mlperf
from energy.runs.read_back import energy_differences, performance_differences, write_and_compare
from energy.session.certificate import coverage_findings
from energy.session.trials import WARMUPS, Trial
from energy.uncertainty.floors import Floor, floors_of
from energy.uncertainty.stated import Stated, state
from energy.window.figures import SessionFigures, Spread, WindowFigures, spread


@dataclass(frozen=True)
class Plan:
    """The plan of a session.

    Attributes:
        bench: The bench file.
        workload: The workload.
        mode: ``"performance"``, timed by the DUT, or ``"energy"``.
        inputs: An input for each trial.
        note: A note for ``session.json``.
        performance: Name of the folder of the performance session that an energy session belongs to.
        window_s: Shortest length of a window; None: as short as the rules allow.
        iterations: Inferences of each window; None: as many as make a window long enough.
        floors: Whether idle, sleep and wake-up are measured after the trials of an energy session.
        storage: Which samples of an energy session are kept, and how many bytes they may take.
    """

    bench: BenchFile
    workload: Workload
    mode: Mode
    inputs: list[Input]
    note: str = ""
    performance: str | None = None
    window_s: float | None = None
    iterations: int | None = None
    floors: bool = False
    storage: Storage = EVERYTHING


@dataclass
class Outcome:
    """The outcome of a session.

    Attributes:
        folder: The session's folder.
        plan: Its plan.
        trials: The valid trials.
        figures: Energy figures; None in performance mode.
        throughput: Inferences per second: the median over the trials, and their spread.
        findings: About the session and its trials.
        setup: Board, voltage, clock, monitor, label and note.
        rejected: Attempts at trials that were not valid.
        stated: The uncertainty statement; None in performance mode, or where there can be none.
        floors: Idle and sleep power, energy and time of a wake-up, by name, where they were measured.
    """

    folder: Path
    plan: Plan
    trials: list[Trial]
    figures: SessionFigures | None
    throughput: Spread | None
    findings: list[Finding]
    setup: Setup = field(default_factory=Setup)
    rejected: tuple[Rejected, ...] = ()
    stated: Stated | None = None
    floors: dict[str, Floor] = field(default_factory=dict[str, Floor])

    @property
    def valid(self) -> bool:
        """Whether five trials are valid and no finding is an error."""
        return len(self.trials) == WINDOWS and not has_errors(self.findings)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "folder": str(self.folder),
            "workload": self.plan.workload.id,
            "mode": self.plan.mode,
            "virtual": self.plan.bench.virtual is not None,
            "setup": self.setup.to_json(),
            "rejected": [attempt.to_json() for attempt in self.rejected],
            "valid": self.valid,
            "session": self.figures.to_json() if self.figures else None,
            "inferences_per_second": self.throughput.to_json() if self.throughput else None,
            "uncertainty": self.stated.to_json() if self.stated else None,
            "floors": {name: floor.to_json() for name, floor in self.floors.items()},
            "findings": [finding.to_json() for finding in self.findings],
        }


class Documents(Protocol):
    """The folder of a session, as far as its conclusion needs it."""

    @property
    def path(self) -> Path:
        """The folder."""
        ...

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Writes a document whole."""
        ...


def conclude(
    plan: Plan,
    record: SessionRecord,
    trials: list[Trial],
    noticed: list[Finding],
    folder: Documents,
    dut_name: str,
    floors: Mapping[str, Trial] | None = None,
    no_official: str | None = None,
) -> Outcome:
    """Computes figures and findings and writes the files, once the trials are done and the supply is off.

    Args:
        plan: The plan.
        record: The session's record.
        trials: The valid trials.
        noticed: Findings about the session as a whole.
        folder: Where ``result.json`` and the official files go.
        dut_name: The DUT's answer to ``name``.
        floors: The windows of the floors, by name.
        no_official: Why there can be no official files; None where there can.
    """
    findings = noticed + [finding for trial in trials for finding in trial.findings]
    figures: SessionFigures | None = None
    stated: Stated | None = None
    found: dict[str, Floor] = {}
    if plan.mode == "energy":
        figures = _figures(trials)
        findings += [finding for finding in check_limits(figures) if finding not in findings]
        findings += coverage_findings(record.calibration, figures, plan.bench.dut.voltage_v)
        throughput = figures.inferences_per_second()
        document, recording = record.model_dump(by_alias=True, mode="json"), Recording(folder.path)
        statement = state(document, figures, recording)
        stated = statement.stated
        findings += statement.findings
        found = _floors(document, floors or {}, recording)
        findings += [finding for trial in (floors or {}).values() for finding in trial.findings]
        windows = [MeasuredWindow.model_validate(row.to_json()) for row in figures.windows]
        session = MeasuredSession.model_validate(figures.to_json())
    else:
        windows = _timed_windows(trials)
        throughput = spread([window.inferences_per_second for window in windows])
        spread_json = throughput.to_json() if throughput else None
        session = TimedSession.model_validate({"inferences_per_second": spread_json})
    findings += unknown_numbers(record)
    if no_official is None:
        findings += _official_files(plan, folder.path, trials, record, dut_name, figures, throughput)
    else:
        findings.append(Finding("session.no-official-files", no_official))
    outcome = Outcome(
        folder.path,
        plan,
        trials,
        figures,
        throughput,
        findings,
        setup_of(record),
        rejected_of(record.rejected),
        stated,
        found,
    )
    result = ResultRecord(
        virtual=record.virtual,
        workload=plan.workload.id,
        mode=plan.mode,
        scope=outcome.setup.scope,
        valid=outcome.valid,
        windows=windows,
        session=session,
        uncertainty=UncertaintyRecord.model_validate(stated.to_json()) if stated else None,
        floors={name: FloorFigure.model_validate(floor.to_json()) for name, floor in found.items()},
        rejected=record.rejected,
        findings=finding_records(findings),
    )
    folder.write(RESULT_NAME, result.model_dump(by_alias=True))
    return outcome


def _figures(trials: list[Trial]) -> SessionFigures:
    return SessionFigures(tuple(WindowFigures(t.window, t.iterations) for t in trials if t.window))


def _timed_windows(trials: list[Trial]) -> list[TimedWindow]:
    """The windows of a session in performance mode."""
    rates = [trial.iterations / trial.duration_s for trial in trials if trial.duration_s]
    return [
        TimedWindow(
            number=trial.number,
            iterations=trial.iterations,
            window_s=trial.duration_s,
            inferences_per_second=rate,
        )
        for trial, rate in zip(trials, rates, strict=True)
    ]


def _floors(document: dict[str, Any], windows: Mapping[str, Trial], recording: Recording) -> dict[str, Floor]:
    rows = {name: WindowFigures(t.window, t.iterations) for name, t in windows.items() if t.window}
    return floors_of(document, rows, recording)


def _official_files(
    plan: Plan,
    path: Path,
    trials: list[Trial],
    record: SessionRecord,
    dut_name: str,
    figures: SessionFigures | None,
    throughput: Spread | None,
) -> list[Finding]:
    """Writes the official files and reads them back; a finding states why there are none."""
    written = [
        WrittenTrial(
            source,
            trial.iterations,
            WARMUPS,
            trial.results,
            trial.window,
            trial.start_us,
            trial.duration_s,
            tuple(time_s - trials[0].times_s[0] for time_s in trial.times_s),
        )
        for source, trial in zip(plan.inputs, trials, strict=True)
    ]
    folder = path / OFFICIAL_FOLDER

    def write() -> str | None:
        return write_mlperf(
            folder,
            plan.workload,
            written,
            trace=Recording(path) if plan.mode == "energy" else None,
            voltage_v=plan.bench.dut.voltage_v,
            dut_name=dut_name,
            virtual=record.virtual,
            now=datetime.fromisoformat(record.begun),
        )

    if figures is not None:
        return write_and_compare(folder, write, energy_differences(folder, figures))
    median = throughput.median if throughput else math.nan
    return write_and_compare(folder, write, performance_differences(folder, written, median))
