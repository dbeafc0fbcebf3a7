"""Measures the layers of a DUT's network, each alone between two edges, and the whole network beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from energy import __version__
from energy.bench.assemble import EnergyBench
from energy.bench.prompt import Prompt, no_operator
from energy.characterize.layer_figures import Attribution, attribute, rows_of
from energy.characterize.layer_plan import LayersPlan, Subject, window_of
from energy.characterize.tidy import write_table
from energy.evidence.documents import SessionRecord, State
from energy.evidence.setup import Setup, setup_of
from energy.findings import Finding, has_errors
from energy.recording.store import Recording
from energy.session.edgewatch import EdgeWatch
from energy.session.folder import SessionFolder
from energy.session.outcome import Plan
from energy.session.powercheck import zero_offset_a
from energy.session.run import TrialRun, measure_energy, refuse_no_energy
from energy.session.session_log import Progress
from energy.session.trials import Trial, timed
from energy.signal import SampleSource
from energy.window.figures import WindowFigures
from energy.window.integrator import Window
from energy.window.plausibility import check_samples

LAYERS_NAME: Final = "layers.json"
"""The plan, the answers of every instrument, the windows and the figures."""
SCHEMA: Final = "joulebench.layers/1"
_FIRST = 10
"""Iterations of the first pilot."""
_FEW = 4
"""The short window of a pair has this part of the iterations of the long one."""
_FASTER = 1000.0
"""How many times as many iterations a pilot may have as the one before."""
_MARGIN = 1.05
_SLOWEST_S = 60.0
"""Longest time of an iteration."""
_STEADY = 0.9
"""Part of a window in which a layer's power is the same at least, if it is the same."""
_BESIDE = 3
"""Samples before and after it in which another power must be seen."""
_LEFT_OUT = {"schema", "iterations", "pilots", "trials", "performance", "validation", "resumed"}
"""What a session's record has, and a measurement of layers has not."""


@dataclass
class LayersRun(TrialRun):
    """A measurement of layers while it runs.

    Attributes:
        layers: Its plan.
        windows: Number of windows so far, pilots included.
        subjects: The whole network, then its layers.
        result: The figures, once all windows are there.
    """

    layers: LayersPlan = field(kw_only=True)
    windows: int = 0
    subjects: list[Subject] = field(default_factory=list[Subject])
    result: Attribution | None = None

    def save(self, state: State | None = None) -> None:
        """Writes ``layers.json`` as it stands."""
        if state:
            self.record.state = state
        self.folder.write(LAYERS_NAME, self.document())

    def document(self) -> dict[str, Any]:
        """``layers.json``."""
        record = self.record.model_dump(by_alias=True, mode="json")
        document = {"schema": SCHEMA, **{key: value for key, value in record.items() if key not in _LEFT_OUT}}
        document |= {"window_s": self.layers.window_s, "repeats": self.layers.repeats}
        document["windows"] = [row for subject in self.subjects for row in subject.windows_json()]
        document["findings"] = [finding.to_json() for finding in self.findings]
        return document | ({"figures": self.result.to_json()} if self.result else {})


@dataclass(frozen=True)
class LayersOutcome:
    """The outcome of a measurement of layers.

    Attributes:
        folder: Its folder.
        plan: Its plan.
        figures: The figures.
        findings: About the measurement and its figures.
        setup: Board, voltage, clock, monitor, label and note.
        virtual: Whether it comes from the virtual bench.
    """

    folder: Path
    plan: LayersPlan
    figures: Attribution
    findings: tuple[Finding, ...]
    setup: Setup
    virtual: bool

    @property
    def valid(self) -> bool:
        """Whether no finding is an error."""
        return not has_errors(list(self.findings))

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "schema": SCHEMA,
            "folder": str(self.folder),
            "workload": self.plan.workload.id,
            "virtual": self.virtual,
            "setup": self.setup.to_json(),
            "valid": self.valid,
            **self.figures.to_json(),
            "findings": [finding.to_json() for finding in self.findings],
        }


def run_layers(
    plan: LayersPlan, path: Path, progress: Progress, prompt: Prompt = no_operator
) -> LayersOutcome:
    """Measures the layers of a network and writes a folder.

    The supply is off when this returns or raises.

    Args:
        plan: The plan.
        path: The folder, which is made.
        progress: Called as the measurement advances.
        prompt: Asks the person at the bench.

    Raises:
        JoulebenchError: ``dut.no-layers`` if the DUT's firmware cannot run a layer alone; what is wrong with
            the bench. The folder holds what was done.
    """
    folder = SessionFolder(path)
    record = SessionRecord(
        joulebench=__version__,
        virtual=plan.bench.virtual is not None,
        workload=plan.workload.id,
        mode="energy",
        state="started",
        begun=datetime.now(UTC).isoformat(timespec="seconds"),
        bench=plan.bench.model_dump(by_alias=True, mode="json"),
        note=plan.note,
        synthetic_inputs=plan.source.synthetic,
    )
    session = Plan(plan.bench, plan.workload, "energy", [plan.source], plan.note)
    run = LayersRun(folder, record, progress, prompt, plan=session, layers=plan)
    with run.written_to_the_end():
        run.save()
        measure_energy(run, partial(_measure, run))
        result = run.result = attribute(run.document(), run.subjects, Recording(path))
        run.findings += result.findings
        write_table(rows_of(result), path / "layers")
        run.save("finished")
    return LayersOutcome(path, plan, result, tuple(run.findings), setup_of(record), record.virtual)


def _measure(run: LayersRun, bench: EnergyBench, watch: EdgeWatch) -> None:
    """All windows; the final ones, once all are there."""
    plan = run.layers
    run.progress(0.0, "listing the layers")
    layers = bench.dut.layers()
    bench.dut.load(plan.source.data)
    run.subjects = [Subject(None), *(Subject(layer) for layer in layers)]
    run.save("measuring")
    steps = len(run.subjects) * (plan.repeats + 1)
    for number, subject in enumerate(run.subjects):
        run.progress(number / steps, f"finding the number of iterations of {subject.name}")
        _pace(run, bench, watch, subject)
    # Repeat by repeat, so that a drift is in the scatter of every layer.
    for repeat in range(plan.repeats):
        for number, subject in enumerate(run.subjects):
            done = (repeat + 1) * len(run.subjects) + number
            run.progress(done / steps, f"{subject.name}, {repeat + 1} of {plan.repeats}")
            subject.pairs.append(_pair(run, bench, watch, subject))
        if run.voltage is not None:
            run.voltage.measure()
        run.save()
    _settle(run, bench, watch)
    run.progress(1.0, "done")


def _window(
    run: LayersRun, bench: EnergyBench, watch: EdgeWatch, subject: Subject, iterations: int, expected_s: float
) -> Trial:
    """A valid window of a subject; an attempt that is not is repeated."""
    run.windows += 1
    number = run.windows
    layer = subject.layer
    command = None if layer is None else partial(bench.dut.infer_layer, layer.index, iterations)

    def attempt() -> Trial:
        return timed(bench, watch, iterations, expected_s, number, command)

    return run.until_valid(number, attempt)


def _pace(run: LayersRun, bench: EnergyBench, watch: EdgeWatch, subject: Subject) -> None:
    """Finds how many iterations make a window of the length that was asked for."""
    iterations, expected_s = _FIRST, _FIRST * _SLOWEST_S
    goal_s = run.layers.window_s
    while True:
        pilot = _window(run, bench, watch, subject, iterations, expected_s)
        run.pilots.append(pilot)
        if subject.layer is None:
            refuse_no_energy(bench, [pilot])
        if pilot.duration_s >= goal_s:
            break
        expected_s = goal_s * _MARGIN
        more = expected_s / max(pilot.duration_s, expected_s / _FASTER)
        iterations = max(math.ceil(iterations * more), iterations + 1)
    wanted = math.ceil(iterations * min(goal_s * _MARGIN / pilot.duration_s, 1.0))
    subject.many = max(wanted, _FEW)
    subject.few = subject.many // _FEW
    subject.expected_s = pilot.duration_s / iterations * subject.many


def _pair(run: LayersRun, bench: EnergyBench, watch: EdgeWatch, subject: Subject) -> tuple[Trial, Trial]:
    short = _window(run, bench, watch, subject, subject.few, subject.expected_s)
    return short, _window(run, bench, watch, subject, subject.many, subject.expected_s)


def _settle(run: LayersRun, bench: EnergyBench, watch: EdgeWatch) -> None:
    """Takes the final windows, and checks their samples."""
    trials = [trial for subject in run.subjects for pair in subject.pairs for trial in pair]
    trials.sort(key=lambda trial: window_of(trial).opening.position)
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
