"""Models of a session's documents as they are read, by ``SessionEvidence``.

Of each document only what is needed is read: a value that is not there is None, one that is of another kind
than it must be damages the document, and what is not known is left alone.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator

from energy.evidence.plain_recording import MOST_COUNTED
from energy.evidence.rejected import Rejected
from energy.evidence.scope import Scope
from energy.evidence.setup import Setup
from energy.recording.jsonvalues import LARGEST_POSITION

_Position = Annotated[float, Field(allow_inf_nan=False, ge=-LARGEST_POSITION, le=LARGEST_POSITION)]
_Count = Annotated[int, Field(ge=1, le=MOST_COUNTED)]


class _Read(BaseModel):
    """A document as it is read: values are never converted, unknown ones are left alone."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, defer_build=True)


class ReadTrial(_Read):
    """A trial of ``session.json``; positions in samples."""

    iterations: _Count | None = None
    duration_s: Annotated[float, Field(allow_inf_nan=False)] | None = None
    opening: _Position | None = None
    closing: _Position | None = None
    lines_s: Annotated[float, Field(allow_inf_nan=False)] | None = None


class ReadSet(_Read):
    """The validation set of an accuracy session."""

    files: int | None = None
    of: int | None = None
    full: bool | None = None


class ReadMonitor(_Read):
    """The monitor, as far as figures and packages name it."""

    model: str | None = None


class ReadBenchDut(_Read):
    """The bench file's ``[dut]``."""

    board: str | None = None
    voltage_v: float | None = None
    marker: Literal["pulse", "high", "low"] = "pulse"
    clock_hz: float | None = None


class ReadBench(_Read):
    """The bench file."""

    label: str | None = None
    dut: ReadBenchDut = Field(default_factory=ReadBenchDut)
    scope: Scope | None = None

    @field_validator("scope", mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        """Leaves out the keys that this version does not know."""
        if not isinstance(value, dict):
            return value
        table = cast("dict[str, Any]", value)
        return {key: entry for key, entry in table.items() if key in Scope.model_fields}


class ReadError(_Read):
    """The error that ended a session."""

    code: str = ""


class ReadFinding(_Read):
    """A finding of ``result.json``."""

    code: str = ""
    severity: str = ""
    evidence: str = ""


class ReadAttempt(_Read):
    """An attempt at a trial that was not valid."""

    trial: int | None = None
    attempt: int | None = None
    findings: list[ReadFinding] = Field(default_factory=list[ReadFinding])


class SessionDocument(_Read):
    """``session.json`` of a session, a recording, or of a trace to which somebody has added one."""

    schema_: str | None = Field(default=None, alias="schema")
    workload: str | None = None
    mode: str | None = None
    state: str | None = None
    virtual: bool | None = None
    synthetic_inputs: bool | None = None
    bench: ReadBench = Field(default_factory=ReadBench)
    dut: dict[str, Any] = Field(default_factory=dict[str, Any])
    monitor: ReadMonitor | None = None
    validation: ReadSet | None = None
    leading_edges: Annotated[int, Field(ge=0, le=MOST_COUNTED)] = 0
    iterations: list[_Count] = Field(default_factory=list[int])
    iterations_each: _Count | None = None
    pilots: list[ReadTrial] = Field(default_factory=list[ReadTrial])
    trials: list[ReadTrial] | None = None
    rejected: list[ReadAttempt] = Field(default_factory=list[ReadAttempt])
    begun: str | None = None
    note: str = ""
    performance: str | None = None
    error: ReadError | None = None
    findings: list[ReadFinding] = Field(default_factory=list[ReadFinding])

    @field_validator("trials", mode="before")
    @classmethod
    def _trials_are_a_list(cls, value: Any) -> Any:
        """Refuses null: a document without trials does not have the key."""
        if value is None:
            raise ValueError("null is no list of trials")
        return value

    @property
    def repeated(self) -> tuple[Rejected, ...]:
        """Attempts at trials that were not valid."""
        return tuple(
            Rejected(
                attempt.trial or 0,
                attempt.attempt or 0,
                tuple((found.code, found.evidence) for found in attempt.findings),
            )
            for attempt in self.rejected
        )

    @property
    def setup(self) -> Setup:
        """Board, voltage, clock, monitor, label and note."""
        return Setup(
            self.of_dut("board") or self.bench.dut.board,
            self.bench.dut.voltage_v,
            self.bench.dut.clock_hz,
            self.monitor.model if self.monitor else None,
            self.bench.label,
            self.note,
            self.performance,
            self.bench.scope,
        )

    def of_dut(self, key: str) -> str | None:
        """A note of the session about the DUT (``"board"``, ``"firmware_sha256"``, ...), or None."""
        value = self.dut.get(key)
        return None if value is None else str(value)


class ResultDocument(_Read):
    """``result.json``; its figures are whatever stands there, to be compared with what they should be."""

    schema_: str | None = Field(default=None, alias="schema")
    workload: str | None = None
    mode: str | None = None
    virtual: bool | None = None
    valid: bool | None = None
    windows: Any = None
    session: Any = None
    uncertainty: dict[str, Any] | None = None
    floors: dict[str, Any] | None = None
    rejected: list[ReadAttempt] = Field(default_factory=list[ReadAttempt])
    findings: list[ReadFinding] = Field(default_factory=list[ReadFinding])
