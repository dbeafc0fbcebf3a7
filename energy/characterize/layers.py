"""Measures the layers of a DUT's network, each alone between two edges, and the whole network beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from energy.bench.assemble import EnergyBench
from energy.bench.prompt import Prompt, no_operator
from energy.characterize.layer_figures import Attribution, attribute, rows_of
from energy.characterize.layer_plan import LayersPlan, Subject
from energy.characterize.outcome import CharacterizationOutcome
from energy.characterize.tidy import write_table
from energy.characterize.windows import CharacterizationRun, new_record
from energy.evidence.setup import setup_of
from energy.recording.store import Recording
from energy.session.edgewatch import EdgeWatch
from energy.session.folder import SessionFolder
from energy.session.outcome import Plan
from energy.session.run import measure_energy
from energy.session.session_log import Progress
from energy.session.trials import Trial

LAYERS_NAME: Final = "layers.json"
"""The plan, the answers of every instrument, the windows and the figures."""
SCHEMA: Final = "joulebench.layers/1"
_FEW = 4
"""The short window of a pair has this part of the iterations of the long one."""


@dataclass
class LayersRun(CharacterizationRun):
    """A measurement of layers while it runs.

    Attributes:
        layers: Its plan.
        subjects: The whole network, then its layers.
        result: The figures, once all windows are there.
    """

    name = LAYERS_NAME
    layers: LayersPlan = field(kw_only=True)
    subjects: list[Subject] = field(default_factory=list[Subject])
    result: Attribution | None = None

    def document(self) -> dict[str, Any]:
        """``layers.json``."""
        document = {"schema": SCHEMA, **self.conditions()}
        document |= {"window_s": self.layers.window_s, "repeats": self.layers.repeats}
        document["windows"] = [row for subject in self.subjects for row in subject.windows_json()]
        return document | ({"figures": self.result.to_json()} if self.result else {})


@dataclass(frozen=True, kw_only=True)
class LayersOutcome(CharacterizationOutcome):
    """The outcome of a measurement of layers.

    Attributes:
        plan: Its plan.
        figures: The figures.
    """

    plan: LayersPlan
    figures: Attribution

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return self.document(SCHEMA, workload=self.plan.workload.id, **self.figures.to_json())


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
    record = new_record(plan.bench, plan.workload, plan.note, synthetic=plan.source.synthetic)
    session = Plan(plan.bench, plan.workload, "energy", [plan.source], plan.note)
    run = LayersRun(folder, record, progress, prompt, plan=session, layers=plan)
    with run.written_to_the_end():
        run.save()
        measure_energy(run, partial(_measure, run))
        result = run.result = attribute(run.document(), run.subjects, Recording(path))
        run.findings += result.findings
        write_table(rows_of(result), path / "layers")
        run.save("finished")
    return LayersOutcome(
        folder=path,
        findings=tuple(run.findings),
        setup=setup_of(record),
        virtual=record.virtual,
        plan=plan,
        figures=result,
    )


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
    trials = [trial for subject in run.subjects for pair in subject.pairs for trial in pair]
    run.settle_steady(bench, watch, trials)
    run.progress(1.0, "done")


def _window(
    run: LayersRun, bench: EnergyBench, watch: EdgeWatch, subject: Subject, iterations: int, expected_s: float
) -> Trial:
    layer = subject.layer
    command = None if layer is None else partial(bench.dut.infer_layer, layer.index, iterations)
    return run.window(bench, watch, iterations, expected_s, command)


def _pace(run: LayersRun, bench: EnergyBench, watch: EdgeWatch, subject: Subject) -> None:
    """Finds how many iterations make a window of the length that was asked for."""
    pace = run.pace(bench, run.layers.window_s, partial(_window, run, bench, watch, subject))
    subject.many = max(pace.iterations, _FEW)
    subject.few = subject.many // _FEW
    subject.expected_s = pace.expected_s / pace.iterations * subject.many


def _pair(run: LayersRun, bench: EnergyBench, watch: EdgeWatch, subject: Subject) -> tuple[Trial, Trial]:
    short = _window(run, bench, watch, subject, subject.few, subject.expected_s)
    return short, _window(run, bench, watch, subject, subject.many, subject.expected_s)
