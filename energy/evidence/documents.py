"""The documents that a session writes: ``session.json`` and ``result.json``, with their JSON Schemas.

The schemas are generated from these models (``python -m energy.evidence.documents``) into
``energy/evidence/schemas`` and shipped; a test holds them together.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_serializer

from energy.evidence.calibration import Calibration
from energy.evidence.parts import Document as _Document
from energy.evidence.parts import FindingRecord
from energy.evidence.scope import Scope
from energy.findings import Finding
from energy.recording.jsonvalues import not_numbers

SCHEMAS = Path(__file__).parent / "schemas"


class Instrument(_Document):
    """Who answered, and what it acknowledged."""

    model: str
    serial_number: str = ""
    firmware: str = ""
    url: str = ""
    virtual: bool = False
    details: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    accuracy: list[dict[str, Any]] = Field(
        default_factory=list[dict[str, Any]], description="its accuracy specification, as far as known"
    )


class TrialRecord(_Document):
    """A valid trial: where its window lies, so that anybody can integrate it again."""

    number: int
    attempt: int
    input: str
    iterations: int
    opening: float | None = Field(default=None, description="position of the opening edge, in samples")
    closing: float | None = Field(default=None, description="position of the closing edge, in samples")
    start_us: int | None = None
    duration_s: float
    lines_s: float | None = Field(
        default=None,
        description="time between the DUT's lines m-infer-start and m-infer-done on the host's clock",
    )
    results: list[float | None] = Field(description="what the DUT answered; null where that is no number")
    label: int | None = Field(default=None, description="class of its input, where known")
    classes: int | None = Field(default=None, description="number of classes of its input, where known")
    times_s: tuple[float, float, float] | None = Field(
        default=None,
        description="when loading began and was done, and the answer had come, on the bench's clock",
    )
    edge_bounds: tuple[float, float] | None = Field(
        default=None, description="how far opening and closing edge may be off, in samples"
    )


class PilotRecord(_Document):
    """A run of inferences before the trials, from which their number follows; its window checks theirs."""

    iterations: int
    opening: float = Field(description="position of the opening edge, in samples")
    closing: float = Field(description="position of the closing edge, in samples")
    duration_s: float
    lines_s: float | None = Field(default=None, description="as in a trial")
    edge_bounds: tuple[float, float] | None = Field(default=None, description="as in a trial")


class Attempt(_Document):
    """An attempt at a trial that was not valid, and why."""

    trial: int
    attempt: int
    findings: list[dict[str, Any]]


class StretchRecord(_Document):
    """A stretch of the recording, as positions in samples."""

    first: int
    stop: int


class FloorRecord(_Document):
    """A window in which the DUT was idle, asleep, or woke up again and again."""

    name: str = Field(description="idle, sleep, short sleep, wake-ups")
    command: str = Field(description="what the DUT was asked for")
    opening: float = Field(description="position of the opening edge, in samples")
    closing: float = Field(description="position of the closing edge, in samples")
    duration_s: float


class VoltageRecord(_Document):
    """The supply voltage of an energy session."""

    source: Literal["samples", "monitor", "supply", "assumed"] = Field(
        description="who measured it: the monitor with each sample, or monitor or supply between windows"
    )
    stated_v: float = Field(description="that of the bench file")
    measured_v: list[float] = Field(description="in order; of samples, means of short stretches of windows")


Verdict = Literal["within", "beyond", "undecided"]


class ClockRecord(_Document):
    """How fast one clock of the bench runs by another one."""

    clock: Literal["monitor", "io"]
    by: Literal["host", "io"]
    how: str = Field(description="what was compared")
    factor: float = Field(description="its seconds in one second of the other clock; above 1 it is fast")
    uncertainty: float = Field(description="how far from the factor the truth may be")
    marks: int
    span_s: float
    scatter_s: float = Field(description="four fifths of the least late marks lie within so much of the line")
    tolerance: float = Field(description="how far from 1 the two clocks' specifications allow")
    verdict: Verdict = Field(description="whether the factor is within the tolerance, if the marks show it")


State = Literal["started", "powered", "ready", "measuring", "finished", "failed", "interrupted", "recovered"]
"""How far a session has come, or how it ended; ``recovered`` if it was finished afterwards, by its folder."""


class RecoveryRecord(_Document):
    """An interrupted session that was finished, as far as possible, from its folder."""

    at: str = Field(description="when, ISO 8601")
    joulebench: str
    state: State = Field(description="its state before")
    trials: int = Field(description="its valid trials")
    kept: str | None = Field(description="folder with the former versions of the files that were replaced")


class SessionRecord(_Document):
    """``session.json``: what was asked, and what every instrument answered; grows while the session runs."""

    schema_: Literal["joulebench.session/1"] = Field(default="joulebench.session/1", alias="schema")
    joulebench: str
    virtual: bool
    workload: str
    mode: Literal["performance", "energy", "accuracy"]
    state: State
    begun: str
    bench: dict[str, Any]
    note: str = Field(default="", description="a note of the person who ran it")
    performance: str | None = Field(
        default=None,
        description="energy mode: folder of the performance session that it belongs to, by name",
    )
    ambient_c: float | None = None
    synthetic_inputs: bool
    dut: dict[str, Any] = Field(default_factory=dict)
    monitor: Instrument | None = None
    calibration: Calibration | None = Field(
        default=None, description="energy mode: the monitor's certificate that was in force"
    )
    io_manager: Instrument | None = None
    iterations: list[int] = Field(default_factory=list[int])
    pilots: list[PilotRecord] = Field(
        default_factory=list[PilotRecord], description="energy mode: the runs before the trials"
    )
    trials: list[TrialRecord] = Field(default_factory=list[TrialRecord])
    rejected: list[Attempt] = Field(default_factory=list[Attempt])
    error: dict[str, str] | None = None
    edges: dict[str, Any] = Field(
        default_factory=dict, description="who saw the DUT's edges, and how they came onto the sample clock"
    )
    clocks: list[ClockRecord] = Field(
        default_factory=list[ClockRecord], description="the bench's clocks by each other, where comparable"
    )
    own_energy: dict[str, Any] | None = Field(
        default=None, description="the monitor's own account of the run's energy beside that of the samples"
    )
    voltage: VoltageRecord | None = Field(default=None, description="energy mode: the supply voltage")
    idle: StretchRecord | None = Field(
        default=None, description="energy mode: a stretch after the trials in which the DUT was left idle"
    )
    floors: list[FloorRecord] = Field(
        default_factory=list[FloorRecord], description="energy mode: windows of the floors, after the trials"
    )
    validation: dict[str, Any] | None = Field(
        default=None,
        description="accuracy mode: the validation set, its files and SHA-256 of names, classes and bytes",
    )
    resumed: list[dict[str, Any]] = Field(
        default_factory=list[dict[str, Any]],
        description="when it was resumed, and after how many answers",
    )
    findings: list[FindingRecord] = Field(
        default_factory=list[FindingRecord], description="found so far; result.json has all"
    )
    recovered: RecoveryRecord | None = None
    bench_s: float | None = Field(
        default=None, description="time that it took, on the bench's clock: virtual time on a virtual bench"
    )
    at_the_end: list[dict[str, str]] = Field(
        default_factory=list[dict[str, str]], description="what failed while the bench was released"
    )

    @field_serializer("calibration")
    def _as_json(self, calibration: Calibration | None) -> dict[str, Any] | None:
        return calibration and calibration.model_dump(by_alias=True, mode="json")


RuleName = Literal["exact", "mlcommons", "eembc"]
"""How samples become energy; the names of ``energy.window.rules``."""


class WindowEnergy(_Document):
    """A window's energy by one rule; null for what is no number, or needs a number that nobody knows."""

    energy_j: float | None
    power_w: float | None
    joule_per_inference: float | None
    missing_samples: int


class EdgeBound(_Document):
    """How far a window's energy may be off because of its edges, in joule."""

    step: float | None
    position: float | None


class MeasuredWindow(_Document):
    """A window that a monitor has measured, as ``WindowFigures.to_json`` writes it."""

    number: int
    start_s: float
    stop_s: float
    window_s: float
    iterations: int | None
    energies: dict[RuleName, WindowEnergy]
    inferences_per_second: float | None
    edge_bound_j: EdgeBound
    findings: list[FindingRecord]


class TimedWindow(_Document):
    """A window that the DUT has timed by its own clock."""

    number: int
    iterations: int
    window_s: float
    inferences_per_second: float


class SpreadRecord(_Document):
    """Median and scatter over the windows of a session."""

    median: float | None
    min: float | None
    max: float | None
    relative_standard_deviation: float | None
    windows: int


class MeasuredSession(_Document):
    """Figures of a session in energy mode."""

    energy_j: dict[RuleName, SpreadRecord | None]
    power_w: dict[RuleName, SpreadRecord | None]
    joule_per_inference: dict[RuleName, SpreadRecord | None]
    inferences_per_second: SpreadRecord | None


class BudgetTerm(_Document):
    """A term of a budget (``energy.uncertainty``): an input, and its contribution."""

    key: str = Field(description="the physical quantity: terms with the same key are fully correlated")
    name: str
    evaluation: Literal["A", "B"]
    distribution: Literal["normal", "rectangular", "triangular", "arcsine", "t"]
    limit: float = Field(description="half-width, or expanded uncertainty, in the unit")
    divisor: float
    degrees_of_freedom: float | None = Field(description="null: infinite")
    unit: str
    source: str
    status: Literal["specified", "typical", "assumed", "certified", "measured"]
    estimate: float = Field(description="correction, in the unit")
    level: float | None = Field(description="the reading near which it is the same quantity, or null")
    standard_uncertainty: float
    sensitivity: float
    contribution: float = Field(description="to the standard uncertainty, in the unit of the figure")
    share: float = Field(description="part of the variance, 0 to 1")


class BudgetRecord(_Document):
    """The uncertainty budget of a figure, as ``Budget.to_json`` writes it."""

    quantity: str
    unit: str
    value: float
    indicated: float = Field(description="as the instruments indicated it, without corrections")
    standard_uncertainty: float
    degrees_of_freedom: float | None = Field(description="null: infinite")
    confidence: float
    coverage_factor: float
    coverage_method: Literal["t-distribution", "distribution"]
    expanded_uncertainty: float
    terms: list[BudgetTerm]
    notes: list[str]
    correlations: list[tuple[str, str, float]]


class UncertaintyRecord(_Document):
    """The uncertainty statement of a session."""

    scope: Scope
    conditions: dict[str, Any]
    joule_per_inference: BudgetRecord
    inferences_per_second: BudgetRecord
    power_w: BudgetRecord
    net_joule_per_inference: BudgetRecord | None = Field(
        default=None, description="above idle, where an idle stretch was recorded"
    )


class FloorFigure(_Document):
    """A floor, in the unit of its name, with its uncertainty budget where there is one."""

    value: float | None
    budget: BudgetRecord | None


class TimedSession(_Document):
    """Figures of a session in performance mode."""

    inferences_per_second: SpreadRecord | None


class ScoredSession(_Document):
    """Figures of a session in accuracy mode; fractions, not percent."""

    files: int
    full_set: bool
    inferences: int
    metric: str
    value: float | None
    target: float
    met: bool
    top_1: float | None
    auc: float | None


class ResultRecord(_Document):
    """``result.json``: the figures, each with what it was computed from."""

    schema_: Literal["joulebench.result/1"] = Field(default="joulebench.result/1", alias="schema")
    virtual: bool
    workload: str
    mode: Literal["performance", "energy", "accuracy"]
    scope: Scope | None = Field(default=None, description="as in the bench file; null if it states none")
    valid: bool
    windows: list[MeasuredWindow] | list[TimedWindow]
    session: MeasuredSession | TimedSession | ScoredSession
    uncertainty: UncertaintyRecord | None = Field(
        default=None, description="energy mode: scope and budgets; null where there can be none"
    )
    floors: dict[str, FloorFigure] = Field(
        default_factory=dict[str, FloorFigure],
        description="energy mode: idle_w, sleep_w, wake_up_j, wake_up_s, where they were measured",
    )
    rejected: list[Attempt] = Field(
        default_factory=list[Attempt],
        description="attempts that were not valid and were repeated, with their findings; trial 0 is a pilot",
    )
    findings: list[FindingRecord]


def unknown_numbers(record: SessionRecord) -> list[Finding]:
    """Values of ``session.json`` that are no numbers, so that null stands for them; scores not included."""
    names = list(not_numbers(record.model_dump(exclude={"trials": {"__all__": {"results"}}})))
    return [Finding("session.not-a-number", ", ".join(names[:10]))] if names else []


def schemas() -> dict[str, str]:
    """File name and text of each schema."""
    models = {"session-1.json": SessionRecord, "result-1.json": ResultRecord}
    return {
        name: json.dumps(model.model_json_schema(by_alias=True), indent=2, sort_keys=True) + "\n"
        for name, model in models.items()
    }


if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for file_name, text in schemas().items():
        (SCHEMAS / file_name).write_text(text, encoding="utf-8")
