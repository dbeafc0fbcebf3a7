"""Floors: what a DUT needs when it idles, sleeps and wakes up, each in windows of its own.

The DUT stands still between two marks (`idle MS`, `sleep MS N`; protocols.md 1.11). Every figure is a
difference of two windows, in which the marks, and whatever else both contain, cancel:

    power idle    (E of a long window - E of a short one) / (their times), likewise asleep
    a wake-up     (E of N short sleeps - E of one as long as all of them) / (N - 1), likewise its time

The energy of a wake-up is all that the DUT draws while it wakes up, not only what is above another floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Final, Literal

from energy.bench.assemble import EnergyBench
from energy.bench.benchfile import BenchFile
from energy.bench.prompt import Prompt, no_operator
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.workloads import Workload
from energy.characterize.battery import Duty
from energy.characterize.battery import Figure as BatteryFigure
from energy.characterize.layer_figures import difference, measured_conditions
from energy.characterize.outcome import CharacterizationOutcome
from energy.characterize.tidy import write_table
from energy.characterize.windows import CharacterizationRun, new_record, window_of
from energy.errors import UsageError
from energy.evidence.setup import setup_of
from energy.findings import Finding
from energy.instruments import Standing
from energy.recording.jsonvalues import for_json
from energy.recording.store import Recording
from energy.session.edgewatch import EdgeWatch
from energy.session.folder import SessionFolder
from energy.session.outcome import Plan
from energy.session.plans import checked_note, workload_named
from energy.session.run import measure_energy
from energy.session.session_log import Progress
from energy.session.trials import Trial
from energy.signal import SampleSource
from energy.uncertainty.budget import Budget
from energy.uncertainty.coverage import t_factor
from energy.uncertainty.estimator import median_uncertainty
from energy.uncertainty.facts import Conditions
from energy.uncertainty.gather import NoBudgetError
from energy.uncertainty.model import Model
from energy.uncertainty.specified import MissingLineError
from energy.window.rules import EnergyRule

FLOORS_NAME: Final = "floors.json"
SCHEMA: Final = "joulebench.floors/1"

SHORTEST_S, LONGEST_S = 0.2, 3600.0
"""Length of a long window."""
MOST = 1000
_PART = 4
"""A short window has this part of the long one's length."""
_WAKE_S = 1.0
"""The longest wake-up that is waited for."""

FloorName = Literal["idle", "sleep", "wake-up", "wake-up time"]
UNITS: Mapping[FloorName, str] = {"idle": "W", "sleep": "W", "wake-up": "J", "wake-up time": "s"}


@dataclass(frozen=True)
class FloorsPlan:
    """The plan of a measurement of floors.

    Attributes:
        bench: The bench file.
        workload: The workload of the DUT's firmware; it is not run.
        window_s: Length of a long window.
        repeats: How often each is measured.
        wakes: Wake-ups in the window that counts them.
        note: A note for the documents.
    """

    bench: BenchFile
    workload: Workload
    window_s: float = 4.0
    repeats: int = 3
    wakes: int = 10
    note: str = ""

    def __post_init__(self) -> None:
        wrong = None
        if not SHORTEST_S <= self.window_s <= LONGEST_S:
            wrong = f"a window of {self.window_s:g} s is not within {SHORTEST_S:g} to {LONGEST_S:g} s"
        elif not (2 <= self.repeats <= MOST and 2 <= self.wakes <= MOST):
            wrong = f"{self.repeats} repeats and {self.wakes} wake-ups are not within 2 to {MOST}"
        elif self.window_s * 1000 < self.wakes:
            wrong = f"{self.wakes} sleeps in {self.window_s:g} s are shorter than 1 ms each"
        if wrong:
            raise UsageError("usage.floors", wrong, "4 s, 3 repeats and 10 wake-ups suit most boards.")


def make_floors_plan(
    bench: BenchFile,
    workload: str,
    *,
    window_s: float = 4.0,
    repeats: int = 3,
    wakes: int = 10,
    note: str = "",
) -> FloorsPlan:
    """The plan of a measurement of floors, from names.

    Raises:
        UsageError: ``usage.*``.
    """
    return FloorsPlan(bench, workload_named(workload), window_s, repeats, wakes, checked_note(note))


@dataclass(frozen=True)
class Floor:
    """A floor.

    Attributes:
        name: ``idle`` or ``sleep``, a power in W; ``wake-up``, an energy in J; ``wake-up time``, in s.
        values: A value from each repeat.
        bound: What the edges of the windows leave open, in the unit; for a time only.
        budget: Budget of the median; None where there can be none, and for a time.
    """

    name: FloorName
    values: tuple[float, ...]
    bound: float = 0.0
    budget: Budget | None = None

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def expanded(self) -> float:
        """Expanded uncertainty (95 %); by scatter and edges alone where there is no budget."""
        if self.budget:
            return self.budget.expanded
        return math.hypot(median_uncertainty(self.values) * t_factor(len(self.values) - 1), self.bound)

    def to_json(self) -> dict[str, Any]:
        """In SI units."""
        budget = self.budget.to_json() if self.budget else None
        about = {"floor": self.name, "unit": UNITS[self.name], "value": self.value, "u": self.expanded}
        return for_json({**about, "values": list(self.values), "budget": budget})


@dataclass
class _Stretch:
    """Windows in which the DUT stands still in the same way, one for each repeat."""

    how: Standing
    milliseconds: int
    count: int = 1
    trials: list[Trial] = field(default_factory=list[Trial])

    def to_json(self) -> list[dict[str, Any]]:
        windows = [window_of(trial) for trial in self.trials]
        about = {"standing": self.how, "milliseconds": self.milliseconds, "count": self.count}
        return [
            {
                **about,
                "repeat": repeat,
                "opening": window.opening.position,
                "closing": window.closing.position,
                "window_s": window.duration_s,
                "energy_j": window.energies[EnergyRule.EXACT].energy_j,
            }
            for repeat, window in enumerate(windows, start=1)
        ]


@dataclass
class _FloorsRun(CharacterizationRun):
    """A measurement of floors while it runs."""

    name: ClassVar[str] = FLOORS_NAME
    wanted: FloorsPlan = field(kw_only=True)
    stretches: dict[str, _Stretch] = field(default_factory=dict[str, _Stretch])
    result: list[Floor] = field(default_factory=list[Floor])

    def document(self) -> dict[str, Any]:
        """``floors.json``."""
        document = {"schema": SCHEMA, **self.conditions()}
        plan = self.wanted
        document |= {"window_s": plan.window_s, "repeats": plan.repeats, "wakes": plan.wakes}
        document["windows"] = [row for stretch in self.stretches.values() for row in stretch.to_json()]
        return document | {"floors": [floor.to_json() for floor in self.result]}


@dataclass(frozen=True, kw_only=True)
class FloorsOutcome(CharacterizationOutcome):
    """The outcome of a measurement of floors.

    Attributes:
        plan: Its plan.
        floors: The floors by name.
    """

    plan: FloorsPlan
    floors: Mapping[FloorName, Floor]

    def duty(self, inference_j: BatteryFigure, inference_s: BatteryFigure, **more: Any) -> Duty:
        """What the DUT needs, for `battery.life`: these floors with an inference's figures.

        Args:
            inference_j: Energy per inference.
            inference_s: Its time.
            more: Further fields of ``Duty``.
        """
        found = {name: _for_battery(floor) for name, floor in self.floors.items()}
        floors = {"idle_w": found["idle"], "sleep_w": found["sleep"]}
        floors |= {"wake_j": found["wake-up"], "wake_s": found["wake-up time"]}
        return Duty(inference_j, inference_s, **floors, **more)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return self.document(SCHEMA, floors=[floor.to_json() for floor in self.floors.values()])


def _for_battery(floor: Floor) -> BatteryFigure:
    """A floor as a figure with a standard uncertainty."""
    if floor.budget is not None:
        return BatteryFigure(floor.value, floor.budget.u, floor.budget.freedom)
    return BatteryFigure(floor.value, floor.expanded / t_factor(math.inf))


def rows_of(floors: Iterable[Floor]) -> list[dict[str, Any]]:
    """A tidy table: a row for each floor."""
    return [{name: floor.to_json()[name] for name in ("floor", "value", "u", "unit")} for floor in floors]


def run_floors(
    plan: FloorsPlan, path: Path, progress: Progress, prompt: Prompt = no_operator
) -> FloorsOutcome:
    """Measures the floors of a DUT and writes a folder.

    The supply is off when this returns or raises.

    Args:
        plan: The plan.
        path: The folder, which is made.
        progress: Called as the measurement advances.
        prompt: Asks the person at the bench.

    Raises:
        JoulebenchError: ``dut.no-floors`` if the DUT's firmware cannot stand still on command; what is wrong
            with the bench. The folder holds what was done.
    """
    folder = SessionFolder(path)
    source = synthetic_inputs(plan.workload, 1)[0]
    record = new_record(plan.bench, plan.workload, plan.note, synthetic=True)
    session = Plan(plan.bench, plan.workload, "energy", [source], plan.note)
    run = _FloorsRun(folder, record, progress, prompt, plan=session, wanted=plan)
    with run.written_to_the_end():
        run.save()
        measure_energy(run, partial(_measure, run))
        run.result, findings = _floors(run, Recording(path))
        run.findings += findings
        write_table(rows_of(run.result), path / "floors")
        run.save("finished")
    floors: dict[FloorName, Floor] = {floor.name: floor for floor in run.result}
    return FloorsOutcome(
        folder=path,
        findings=tuple(run.findings),
        setup=setup_of(record),
        virtual=record.virtual,
        plan=plan,
        floors=floors,
    )


def _measure(run: _FloorsRun, bench: EnergyBench, watch: EdgeWatch) -> None:
    plan = run.wanted
    each = max(round(plan.window_s * 1000 / plan.wakes), 1)
    long = each * plan.wakes  # so that both ways to sleep so long are equally long
    short = max(long // _PART, 1)
    run.stretches = {
        "idle, short": _Stretch("idle", short),
        "idle": _Stretch("idle", long),
        "sleep, short": _Stretch("sleep", short),
        "sleep": _Stretch("sleep", long),
        "wake-ups": _Stretch("sleep", each, plan.wakes),
    }
    run.save("measuring")
    steps, number = len(run.stretches) * plan.repeats, 0
    # Repeat by repeat, so that a drift is in the scatter of every figure.
    for repeat in range(plan.repeats):
        for name, stretch in run.stretches.items():
            run.progress(number / steps, f"{name}, {repeat + 1} of {plan.repeats}")
            number += 1
            stretch.trials.append(_window(run, bench, watch, stretch))
        if run.voltage is not None:
            run.voltage.measure()
        run.save()
    trials = [trial for stretch in run.stretches.values() for trial in stretch.trials]
    run.settle_steady(bench, watch, trials)
    run.progress(1.0, "done")


def _window(run: _FloorsRun, bench: EnergyBench, watch: EdgeWatch, stretch: _Stretch) -> Trial:
    expected_s = stretch.count * (stretch.milliseconds * 1e-3 + _WAKE_S * (stretch.how == "sleep"))
    command = partial(bench.dut.stand, stretch.how, stretch.milliseconds, stretch.count)
    return run.window(bench, watch, stretch.count, expected_s, command)


_PAIRS: Mapping[str, tuple[str, str]] = {
    "idle": ("idle, short", "idle"),
    "sleep": ("sleep, short", "sleep"),
    "wake-up": ("sleep", "wake-ups"),
}
"""Stretches whose difference is the floor: the shorter and the longer."""


def _floors(run: _FloorsRun, source: SampleSource) -> tuple[list[Floor], list[Finding]]:
    """The figures, and what is to be known about them."""
    findings: list[Finding] = []
    budgets: dict[str, Budget | None] = dict.fromkeys(_PAIRS)
    try:
        conditions = measured_conditions(run.document(), source)
        budgets = {name: _budget(name, conditions, run, source) for name in _PAIRS}
    except NoBudgetError as error:
        findings.append(error.finding)
    except MissingLineError as error:
        findings.append(Finding("uncertainty.no-specification", str(error)))
    powers = {
        name: tuple(_more_j(pair) / _more_s(pair) for pair in _pairs(run, name)) for name in ("idle", "sleep")
    }
    wakes, pairs = run.wanted.wakes - 1, _pairs(run, "wake-up")
    floors = [
        Floor("idle", powers["idle"], budget=budgets["idle"]),
        Floor("sleep", powers["sleep"], budget=budgets["sleep"]),
        Floor("wake-up", tuple(_more_j(pair) / wakes for pair in pairs), budget=budgets["wake-up"]),
        Floor(
            "wake-up time", tuple(_more_s(pair) / wakes for pair in pairs), max(map(_edges_s, pairs)) / wakes
        ),
    ]
    for floor in floors:
        if floor.value <= floor.expanded:
            unit = UNITS[floor.name]
            evidence = f"{floor.name}: {floor.value:.3g} {unit} ± {floor.expanded:.2g} {unit}"
            findings.append(Finding("floors.not-resolved", evidence))
    return floors, findings


def _pairs(run: _FloorsRun, name: str) -> list[tuple[Trial, Trial]]:
    shorter, longer = (run.stretches[stretch].trials for stretch in _PAIRS[name])
    return list(zip(shorter, longer, strict=True))


def _more_j(pair: tuple[Trial, Trial]) -> float:
    """What the second window has more than the first, in J; `_more_s` in s."""
    first, second = (window_of(trial).energies[EnergyRule.EXACT].energy_j for trial in pair)
    return second - first


def _more_s(pair: tuple[Trial, Trial]) -> float:
    first, second = (window_of(trial).duration_s for trial in pair)
    return second - first


def _edges_s(pair: tuple[Trial, Trial]) -> float:
    """What the edges of both windows leave open, in s."""
    windows = [window_of(trial) for trial in pair]
    return sum((window.opening.bound + window.closing.bound) / window.rate_hz for window in windows)


def _budget(name: str, conditions: Conditions, run: _FloorsRun, source: SampleSource) -> Budget | None:
    """The budget of a power, or of the energy of a wake-up; None where a difference is not positive."""
    pairs = _pairs(run, name)
    if not all(_more_j(pair) > 0 and _more_s(pair) > 0 for pair in pairs):
        return None
    count = run.wanted.wakes - 1 if name == "wake-up" else 1
    own = replace(conditions, session=f"{conditions.session}, {name}")
    model = Model(own, [difference(pair, source, count) for pair in pairs])
    return model.joule_per_inference() if name == "wake-up" else model.power()
