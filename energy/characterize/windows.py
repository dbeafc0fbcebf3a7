"""Windows of a characterization: an energy session's bench, but work and lengths of its own.

What comes of it is no session of the benchmark, so its documents have other names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np

from energy import __version__
from energy.bench.assemble import EnergyBench
from energy.bench.benchfile import BenchFile
from energy.benchmark.workloads import Workload
from energy.evidence.documents import SessionRecord, State
from energy.findings import Finding
from energy.instruments import Inference
from energy.session.edgewatch import EdgeWatch
from energy.session.powercheck import zero_offset_a
from energy.session.run import TrialRun, refuse_no_energy
from energy.session.trials import Pace, Trial, timed
from energy.signal import SampleSource
from energy.window.figures import WindowFigures
from energy.window.integrator import Window
from energy.window.plausibility import check_samples

_FIRST = 10
"""Iterations of the first pilot."""
_FASTER = 1000.0
"""How many times as many iterations a pilot may have as the one before."""
_MARGIN = 1.05
_SLOWEST_S = 60.0
"""Longest time of an iteration."""
_STEADY = 0.9
"""Part of a window in which a work's power is the same at least, if it is the same."""
_BESIDE = 3
"""Samples before and after it in which another power must be seen."""
_LEFT_OUT = {"schema", "iterations", "pilots", "trials", "performance", "validation", "resumed", "recovered"}
"""What the record of a session has, and that of a characterization has not."""


def window_of(trial: Trial) -> Window:
    """The window of a valid trial in energy mode, which has one."""
    assert trial.window is not None  # a trial without one has an error, and is repeated
    return trial.window


def new_record(bench: BenchFile, workload: Workload, note: str, *, synthetic: bool) -> SessionRecord:
    """The record of a characterization that begins now.

    Args:
        bench: The bench file.
        workload: The workload.
        note: A note.
        synthetic: Whether the input was made up.
    """
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


@dataclass
class CharacterizationRun(TrialRun):
    """A characterization while it runs.

    Attributes:
        name: Name of its document.
        windows: Number of windows so far, pilots included.
    """

    name: ClassVar[str] = ""
    windows: int = 0

    def document(self) -> dict[str, Any]:
        """Its document as it stands."""
        return self.conditions()

    def save(self, state: State | None = None) -> None:
        """Writes the document as it stands."""
        if state:
            self.record.state = state
        self.folder.write(self.name, self.document())

    def conditions(self) -> dict[str, Any]:
        """The answers of every instrument, and what was found, for the document."""
        record = self.record.model_dump(by_alias=True, mode="json")
        kept = {key: value for key, value in record.items() if key not in _LEFT_OUT}
        return {**kept, "findings": [finding.to_json() for finding in self.findings]}

    def window(
        self,
        bench: EnergyBench,
        watch: EdgeWatch,
        iterations: int,
        expected_s: float,
        command: Callable[[float], Inference] | None = None,
    ) -> Trial:
        """A valid window; an attempt that is not valid is repeated.

        Args:
            bench: The instruments.
            watch: The source of edges.
            iterations: Iterations in it.
            expected_s: Its expected time.
            command: Another command than ``infer``, called with its longest time in seconds.
        """
        self.windows += 1
        number = self.windows

        def attempt() -> Trial:
            return timed(bench, watch, iterations, expected_s, number, command)

        return self.until_valid(number, attempt)

    def pace(self, bench: EnergyBench, goal_s: float, window: Callable[[int, float], Trial]) -> Pace:
        """Finds how many iterations make a window.

        Args:
            bench: The instruments.
            goal_s: Shortest length of the window.
            window: Takes a window of so many iterations and of such an expected time.
        """
        iterations, expected_s = _FIRST, _FIRST * _SLOWEST_S
        while True:
            pilot = window(iterations, expected_s)
            if not self.pilots:
                refuse_no_energy(bench, [pilot])
            self.pilots.append(pilot)
            if pilot.duration_s >= goal_s:
                break
            expected_s = goal_s * _MARGIN
            more = expected_s / max(pilot.duration_s, expected_s / _FASTER)
            iterations = max(math.ceil(iterations * more), iterations + 1)
        wanted = max(math.ceil(iterations * min(goal_s * _MARGIN / pilot.duration_s, 1.0)), 1)
        return Pace(wanted, pilot.duration_s / iterations * wanted)

    def settle(
        self, bench: EnergyBench, watch: EdgeWatch, trials: Sequence[Trial]
    ) -> tuple[list[Window], list[Finding]]:
        """Takes the final windows of trials, and checks their samples.

        Returns:
            The windows in order of time, and what was found in their samples, which the caller judges.
        """
        ordered = sorted(trials, key=lambda trial: window_of(trial).opening.position)
        settled = watch.finish(bench, [window_of(trial) for trial in ordered])
        self.record.edges = {**settled.record, "length_bound_s": settled.length_bound_s}
        self.findings += settled.findings
        for trial, window in zip(ordered, settled.windows, strict=True):
            left = [found for found in trial.findings if found not in window_of(trial).findings]
            trial.findings = [*left, *window.findings]
            trial.window, trial.duration_s = window, window.duration_s
            self.findings += trial.findings
        recorder, windows = watch.recorder, [window_of(trial) for trial in ordered]
        rows = [WindowFigures(window_of(trial), trial.iterations) for trial in ordered]
        breaks = [gap.first for gap in recorder.gaps if gap.count is None]
        voltage_v, offset_a = bench.file.dut.voltage_v, zero_offset_a(bench.monitor)
        found = list(check_samples(recorder.source, rows, voltage_v, offset_a, breaks))
        if self.voltage is not None:
            self.voltage.take_samples(recorder.source, windows)
        return windows, found

    def settle_steady(self, bench: EnergyBench, watch: EdgeWatch, trials: Sequence[Trial]) -> None:
        """As `settle`, for work that may draw the same power all the time; keeps what was found."""
        windows, found = self.settle(bench, watch, trials)
        by_number = {window.number: window for window in windows}
        source = watch.recorder.source
        self.findings += [
            finding
            for finding in found
            if not (finding.window in by_number and steady(finding, by_number[finding.window], source))
        ]


def steady(finding: Finding, window: Window, source: SampleSource) -> bool:
    """Whether a value repeats because a work draws the same power all the time.

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
