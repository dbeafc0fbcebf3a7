"""What measurements of a characterization have in common: their record, and how windows are settled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from energy import __version__
from energy.bench.assemble import EnergyBench
from energy.bench.benchfile import BenchFile
from energy.benchmark.workloads import Workload
from energy.evidence.documents import SessionRecord
from energy.findings import Finding
from energy.session.edgewatch import EdgeWatch
from energy.session.powercheck import zero_offset_a
from energy.session.run import TrialRun
from energy.session.trials import Trial
from energy.signal import SampleSource
from energy.window.figures import WindowFigures
from energy.window.integrator import Window
from energy.window.plausibility import check_samples

_STEADY = 0.9
"""Part of a window in which a work's power is the same at least, if it is the same."""
_BESIDE = 3
"""Samples before and after it in which another power must be seen."""
_LEFT_OUT = {"schema", "iterations", "pilots", "trials", "performance", "validation", "resumed"}
"""What a session's record has, and a characterization has not."""


def record_of(bench: BenchFile, workload: Workload, note: str, *, synthetic: bool) -> SessionRecord:
    """The record of a measurement in energy mode that begins now."""
    return SessionRecord(
        joulebench=__version__,
        virtual=bench.virtual is not None,
        workload=workload.id,
        mode="energy",
        state="started",
        begun=datetime.now(UTC).isoformat(timespec="seconds"),
        bench=bench.model_dump(by_alias=True, mode="json"),
        note=note,
        synthetic_inputs=synthetic,
    )


def document_of(record: SessionRecord, schema: str) -> dict[str, Any]:
    """The record's part of a characterization's document."""
    known = record.model_dump(by_alias=True, mode="json")
    return {"schema": schema, **{key: value for key, value in known.items() if key not in _LEFT_OUT}}


def window_of(trial: Trial) -> Window:
    """The window of a valid trial in energy mode, which has one."""
    assert trial.window is not None  # a trial without one has an error, and is repeated
    return trial.window


def settle(run: TrialRun, bench: EnergyBench, watch: EdgeWatch, trials: Sequence[Trial]) -> None:
    """Takes the final windows, and checks their samples."""
    trials = sorted(trials, key=lambda trial: window_of(trial).opening.position)
    settled = watch.finish(bench, [window_of(trial) for trial in trials])
    run.record.edges = {**settled.record, "length_bound_s": settled.length_bound_s}
    run.findings += settled.findings
    for trial, window in zip(trials, settled.windows, strict=True):
        left = [found for found in trial.findings if found not in window_of(trial).findings]
        trial.findings = [*left, *window.findings]
        trial.window, trial.duration_s = window, window.duration_s
        run.findings += trial.findings
    recorder = watch.recorder
    rows = [WindowFigures(window_of(trial), trial.iterations) for trial in trials]
    breaks = [gap.first for gap in recorder.gaps if gap.count is None]
    found = check_samples(
        recorder.source, rows, bench.file.dut.voltage_v, zero_offset_a(bench.monitor), breaks
    )
    by_number = {row.window.number: row.window for row in rows}
    run.findings += [
        finding
        for finding in found
        if not (finding.window in by_number and steady(finding, by_number[finding.window], recorder.source))
    ]
    if run.voltage is not None:
        run.voltage.take_samples(recorder.source, [window_of(trial) for trial in trials])


def steady(finding: Finding, window: Window, source: SampleSource) -> bool:
    """Whether a value repeats because a layer's work draws the same power all the time.

    It does so from the opening mark to the closing one, and not beyond: a monitor that stands still neither
    begins nor ends with the work.

    Args:
        finding: A finding about the window.
        window: The window.
        source: The samples.
    """
    if finding.code != "samples.frozen" or finding.time_s is None:
        return False
    first, stop = (round(time_s * window.rate_hz) for time_s in finding.time_s)
    if stop - first < _STEADY * (window.closing.position - window.opening.position):
        return False
    values = [block.columns[0] for block in source.read(first - _BESIDE, stop + _BESIDE)]
    inside = np.concatenate(values)
    if len(inside) != stop - first + 2 * _BESIDE:
        return False
    beside = np.concatenate([inside[:_BESIDE], inside[-_BESIDE:]]) != inside[_BESIDE]
    return bool(beside[:_BESIDE].any() and beside[_BESIDE:].any())
