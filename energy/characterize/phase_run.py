"""Measures the phases of inferences: windows in which the DUT marks them on a second pin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from energy.bench.assemble import EnergyBench
from energy.bench.benchfile import BenchFile
from energy.bench.prompt import Prompt, no_operator
from energy.benchmark.inputs import Input, official_inputs, synthetic_inputs
from energy.benchmark.workloads import Workload
from energy.characterize.outcome import CharacterizationOutcome
from energy.characterize.phases import PARTS, PhasedWindow, phase_edges, phases_of
from energy.characterize.tidy import write_table
from energy.characterize.windows import CharacterizationRun, new_record, window_of
from energy.errors import BenchError, UsageError
from energy.evidence.setup import setup_of
from energy.recording.jsonvalues import for_json
from energy.recording.store import Recording
from energy.session.edgewatch import EdgeWatch
from energy.session.folder import SessionFolder
from energy.session.outcome import Plan
from energy.session.plans import checked_note, workload_named
from energy.session.run import measure_energy
from energy.session.session_log import Progress
from energy.session.trials import Trial
from energy.window.figures import WindowFigures

PHASES_NAME: Final = "phases.json"
"""The plan, the answers of every instrument, the windows and their parts."""
SCHEMA: Final = "joulebench.phases/1"
SHORTEST_S, LONGEST_S = 0.05, 3600.0
MOST_WINDOWS = 100


@dataclass(frozen=True)
class PhasesPlan:
    """The plan of a measurement of phases.

    Attributes:
        bench: The bench file; its monitor's second input sees the DUT's phase pin.
        workload: The workload.
        source: The input.
        window_s: Shortest length of a window.
        count: Number of windows.
        note: A note for the documents.
    """

    bench: BenchFile
    workload: Workload
    source: Input
    window_s: float = 1.0
    count: int = 5
    note: str = ""

    def __post_init__(self) -> None:
        if not SHORTEST_S <= self.window_s <= LONGEST_S:
            text = f"a window of {self.window_s:g} s is not within {SHORTEST_S:g} to {LONGEST_S:g} s"
            raise UsageError("usage.window", text, "1 s is enough for most monitors.")
        if not 1 <= self.count <= MOST_WINDOWS:
            text = f"{self.count} windows are not within 1 to {MOST_WINDOWS}"
            raise UsageError("usage.windows", text, "5 windows show how well the figures repeat.")


def make_phases_plan(
    bench: BenchFile,
    workload: str,
    *,
    window_s: float = 1.0,
    count: int = 5,
    datasets: Path | None = None,
    note: str = "",
) -> PhasesPlan:
    """The plan of a measurement of phases, from names.

    Args:
        bench: The bench file.
        workload: Workload id.
        window_s: Shortest length of a window.
        count: Number of windows.
        datasets: Folder of the official inputs; None: a synthetic input.
        note: A note for the documents.

    Raises:
        UsageError: ``usage.*``, or what is wrong with the datasets.
    """
    facts = workload_named(workload)
    source = official_inputs(facts, datasets, 1)[0] if datasets else synthetic_inputs(facts, 1)[0]
    return PhasesPlan(bench, facts, source, window_s, count, checked_note(note))


@dataclass
class PhasesRun(CharacterizationRun):
    """A measurement of phases while it runs.

    Attributes:
        phases: Its plan.
        measured: The windows, in order.
        pulse_s: Length of a mark, as the DUT states it.
        line: Name of the input that the phase pin is wired to.
        divided: The windows and their parts, once all are there.
    """

    name = PHASES_NAME
    phases: PhasesPlan = field(kw_only=True)
    measured: list[Trial] = field(default_factory=list[Trial])
    pulse_s: float = 0.0
    line: str = ""
    divided: list[PhasedWindow] = field(default_factory=list[PhasedWindow])

    def document(self) -> dict[str, Any]:
        """``phases.json``."""
        document = {"schema": SCHEMA, **self.conditions()}
        document |= {"window_s": self.phases.window_s, "pulse_s": self.pulse_s, "phase_input": self.line}
        document["windows"] = [
            {
                "iterations": trial.iterations,
                "opening": window.opening.position,
                "opening_bound": window.opening.bound,
                "closing": window.closing.position,
                "closing_bound": window.closing.bound,
            }
            for trial in self.measured
            if (window := trial.window) is not None
        ]
        return document | {"figures": figures_json(self.divided)}


@dataclass(frozen=True, kw_only=True)
class PhasesOutcome(CharacterizationOutcome):
    """The outcome of a measurement of phases.

    Attributes:
        plan: Its plan.
        windows: The windows and their parts.
    """

    plan: PhasesPlan
    windows: tuple[PhasedWindow, ...]

    @property
    def valid(self) -> bool:
        """Whether every window is divided and no finding is an error."""
        return bool(self.windows) and all(row.parts for row in self.windows) and super().valid

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return self.document(SCHEMA, workload=self.plan.workload.id, **figures_json(self.windows))


def figures_json(windows: Sequence[PhasedWindow]) -> dict[str, Any]:
    """Parts of an inference as medians over the windows that could be divided, and each window; SI units."""
    return for_json({"parts": medians(windows), "windows": [row.to_json() for row in windows]})


def medians(windows: Sequence[PhasedWindow]) -> list[dict[str, Any]]:
    """The parts of an inference: of each figure the median over the windows that could be divided."""
    rows = [row.to_json()["parts"] for row in windows if row.parts]
    found: list[dict[str, Any]] = []
    for k, name in enumerate(PARTS if rows else ()):
        parts = [row[k] for row in rows]
        middle = {key: median(part[key] for part in parts) for key in parts[0] if key != "part"}
        found.append({"part": name, **middle})
    return found


def run_phases(
    plan: PhasesPlan, path: Path, progress: Progress, prompt: Prompt = no_operator
) -> PhasesOutcome:
    """Measures the phases of inferences and writes a folder.

    The supply is off when this returns or raises.

    Args:
        plan: The plan.
        path: The folder, which is made.
        progress: Called as the measurement advances.
        prompt: Asks the person at the bench.

    Raises:
        JoulebenchError: ``bench.phases`` if no input of the monitor sees the phase pin, ``dut.no-phases`` if
            the DUT's firmware marks no phases; what is wrong with the bench. The folder holds what was done.
    """
    record = new_record(plan.bench, plan.workload, plan.note, synthetic=plan.source.synthetic)
    session = Plan(plan.bench, plan.workload, "energy", [plan.source], plan.note)
    run = PhasesRun(SessionFolder(path), record, progress, prompt, plan=session, phases=plan)
    with run.written_to_the_end():
        run.save()
        measure_energy(run, partial(_measure, run))
        _divide(run, Recording(path))
        write_table(rows_of(run.divided), path / "phases")
        run.save("finished")
    windows, findings = tuple(run.divided), tuple(run.findings)
    return PhasesOutcome(
        folder=path,
        findings=findings,
        setup=setup_of(record),
        virtual=record.virtual,
        plan=plan,
        windows=windows,
    )


def _measure(run: PhasesRun, bench: EnergyBench, watch: EdgeWatch) -> None:
    plan = run.phases
    run.line = _phase_input(bench)
    pulse_s = bench.dut.mark_phases(True)
    assert pulse_s is not None  # as they were switched on
    run.pulse_s = pulse_s
    bench.dut.load(plan.source.data)
    run.save("measuring")
    run.progress(0.0, "finding the number of inferences")
    pace = run.pace(bench, plan.window_s, partial(run.window, bench, watch))
    for number in range(1, plan.count + 1):
        run.progress(number / (plan.count + 1), f"window {number} of {plan.count}")
        run.measured.append(run.window(bench, watch, pace.iterations, pace.expected_s))
        if run.voltage is not None:
            run.voltage.measure()
        run.save()
    _, found = run.settle(bench, watch, run.measured)
    run.findings += found
    bench.dut.mark_phases(False)
    run.progress(1.0, "done")


def _phase_input(bench: EnergyBench) -> str:
    """Name of the monitor's input that the DUT's phase pin is wired to.

    Raises:
        BenchError: ``bench.phases``.
    """
    line: Any = bench.monitor.settings().get("phase_input")
    if not isinstance(line, str):
        raise BenchError(
            "bench.phases",
            f"no input of {bench.monitor_part.driver} sees the DUT's phase pin",
            "Wire the phase pin to a second logic input and name it in the bench file: for a PPK2 "
            "`phases = 1` under [monitor.settings]. Of the other monitors none has such a setting yet.",
        )
    return line


def _divide(run: PhasesRun, recording: Recording) -> None:
    edges = phase_edges(recording, run.line)
    for trial in run.measured:
        figures = WindowFigures(window_of(trial), trial.iterations)
        run.divided.append(phases_of(figures, recording, edges, run.pulse_s))
        run.findings += run.divided[-1].findings


def rows_of(windows: Sequence[PhasedWindow]) -> list[dict[str, Any]]:
    """A tidy table: a row for each part of each window that could be divided."""
    return [
        {"window": row.figures.window.number, "iterations": row.iterations, **part}
        for row in windows
        if row.parts
        for part in row.to_json()["parts"]
    ]
