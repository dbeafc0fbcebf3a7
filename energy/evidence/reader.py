"""The one reader of a session's folder: its documents, typed, and its files compared with its manifest.

A folder may come from anybody and from any version, so of each document only what is needed is read: a
value that is not there is None, one that is of another kind than it must be damages the document, and what is
not known is left alone. Every file is opened by ``energy.recording.inside``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from energy.errors import RecordingError
from energy.evidence.answers import Answered, read_answers
from energy.evidence.manifest import ManifestVerdict, compare_with_manifest
from energy.evidence.names import (
    ANSWERS_NAME,
    MANIFEST_NAME,
    OFFICIAL_FOLDER,
    RESULT_NAME,
    SESSION_NAME,
)
from energy.evidence.rejected import Rejected
from energy.evidence.scope import Scope
from energy.evidence.setup import Setup
from energy.recording.inside import is_plain, is_there
from energy.recording.jsonvalues import LARGEST_POSITION, parse_json
from energy.recording.limits import LARGEST_DOCUMENT
from energy.recording.store import TRACE_NAME
from energy.recording.trace import read_text_file

if TYPE_CHECKING:
    from energy.evidence.documents import SessionRecord

_MOST = 10**12
"""Inferences of a window, or edges before the first, at most."""
_MOST_NAMED = 3
_HINT = "Restore the file from where the session was measured."

_Position = Annotated[float, Field(allow_inf_nan=False, ge=-LARGEST_POSITION, le=LARGEST_POSITION)]
_Model = TypeVar("_Model", bound=BaseModel)
_Count = Annotated[int, Field(ge=1, le=_MOST)]


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
    leading_edges: Annotated[int, Field(ge=0, le=_MOST)] = 0
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


@dataclass(frozen=True)
class SessionWindows:
    """The part of a session that figures need.

    Attributes:
        workload: Workload id; None for a recording that is no benchmark session.
        leading_edges: Edges before the first window, where windows are paired in sequence.
        iterations: Inferences of each window.
        windows: Positions of opening and closing edge of each valid trial, where the session chose them.
        marker: How the DUT's pin marks its work: ``"pulse"``, ``"high"``, ``"low"``.
        iterations_each: Inferences of every window that has no number of its own: of a recording that was cut
            off before its windows were written down.
        setup: Board, voltage, clock, monitor, label and note.
        rejected: Attempts at trials that were not valid.
    """

    workload: str | None = None
    leading_edges: int = 0
    iterations: list[int] = field(default_factory=list[int])
    windows: list[tuple[float, float]] | None = None
    marker: Literal["pulse", "high", "low"] = "pulse"
    iterations_each: int | None = None
    setup: Setup = field(default_factory=Setup)
    rejected: tuple[Rejected, ...] = ()


class SessionEvidence:
    """A session's folder. Nothing is opened before it is asked for, and each document once.

    Args:
        folder: The folder; it may itself be a link, nothing in it may.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def official(self) -> Path:
        """The folder of its files in the format of the official tools."""
        return self.folder / OFFICIAL_FOLDER

    @property
    def has_session(self) -> bool:
        """Whether anything goes by the name of ``session.json``."""
        return is_there(self.folder / SESSION_NAME)

    @property
    def has_result(self) -> bool:
        """Whether anything goes by the name of ``result.json``."""
        return is_there(self.folder / RESULT_NAME)

    @property
    def has_trace(self) -> bool:
        """Whether anything goes by the name of its recording."""
        return is_there(self.folder / TRACE_NAME)

    @property
    def has_manifest(self) -> bool:
        """Whether there is a manifest, a regular file."""
        return is_plain(self.folder / MANIFEST_NAME)

    @property
    def has_answers(self) -> bool:
        """Whether there are answers of an accuracy session."""
        return is_there(self.folder / ANSWERS_NAME)

    @cached_property
    def session(self) -> SessionDocument:
        """``session.json``.

        Raises:
            RecordingError: ``session.damaged``, ``file.*``.
        """
        return self._checked(SESSION_NAME, SessionDocument, self._session_json)

    @cached_property
    def result(self) -> ResultDocument:
        """``result.json``.

        Raises:
            RecordingError: ``session.damaged``, ``file.*``.
        """
        return self._checked(RESULT_NAME, ResultDocument, self._json(RESULT_NAME))

    @cached_property
    def manifest(self) -> ManifestVerdict:
        """The result of comparing the folder with its manifest."""
        return compare_with_manifest(self.folder)

    def record(self) -> SessionRecord:
        """``session.json`` whole, as this version writes it, so that its session can be resumed.

        Raises:
            RecordingError: ``session.damaged``, ``file.*``.
        """
        from energy.evidence.documents import SessionRecord  # its models take long to build

        return self._checked(SESSION_NAME, SessionRecord, self._session_json)

    def windows(self) -> SessionWindows:
        """The recording's windows by ``session.json``; an empty answer without that file.

        Raises:
            RecordingError: ``session.damaged``, ``file.*``.
        """
        if not self.has_session:
            return SessionWindows()
        session = self.session
        if session.trials is None:
            return SessionWindows(
                session.workload,
                session.leading_edges,
                list(session.iterations),
                marker=session.bench.dut.marker,
                iterations_each=session.iterations_each,
                setup=session.setup,
            )
        iterations: list[int] = []
        windows: list[tuple[float, float]] = []
        for number, trial in enumerate(session.trials, start=1):
            if trial.iterations is None or trial.opening is None or trial.closing is None:
                raise self._damaged(SESSION_NAME, f"trial {number} lacks iterations, opening or closing")
            iterations.append(trial.iterations)
            windows.append((trial.opening, trial.closing))
        return SessionWindows(
            session.workload,
            session.leading_edges,
            iterations,
            windows,
            marker=session.bench.dut.marker,
            setup=session.setup,
            rejected=session.repeated,
        )

    def answers(self, digest: str | None = None) -> list[Answered]:
        """The whole answers of an accuracy session.

        Args:
            digest: The validation set that they must be to, or None for any.

        Raises:
            RecordingError: ``answers.foreign``, ``answers.damaged``, ``file.*``.
        """
        return read_answers(self.folder / ANSWERS_NAME, digest)[0]

    @property
    def document(self) -> dict[str, Any]:
        """``session.json`` as it stands, an object whose members nobody has looked at.

        Raises:
            RecordingError: ``session.damaged``, ``file.*``.
        """
        document = self._session_json
        if not isinstance(document, dict):
            raise self._damaged(SESSION_NAME, "it is no object")
        return cast("dict[str, Any]", document)

    @cached_property
    def _session_json(self) -> Any:
        return self._json(SESSION_NAME)

    def _json(self, name: str) -> Any:
        return _json(self.folder / name)

    def _checked(self, name: str, model: type[_Model], document: Any) -> _Model:
        return _checked(self.folder / name, model, document)

    def _damaged(self, name: str, why: str) -> RecordingError:
        return _damaged(self.folder / name, why)


def read_result_document(path: Path) -> ResultDocument:
    """A ``result.json`` by itself, such as a baseline that is kept beside a firmware.

    Raises:
        RecordingError: ``session.damaged``, ``file.*``.
    """
    return _checked(path, ResultDocument, _json(path))


def _json(path: Path) -> Any:
    text = read_text_file(path, LARGEST_DOCUMENT, hint=_HINT)
    try:
        return parse_json(text, what=str(path))
    except ValueError as error:
        raise _damaged(path, str(error)) from error


def _checked(path: Path, model: type[_Model], document: Any) -> _Model:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, problem['loc'])) or 'it'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        more = f" (and {len(wrong) - _MOST_NAMED} more)" if wrong[_MOST_NAMED:] else ""
        raise _damaged(path, "; ".join(wrong[:_MOST_NAMED]) + more) from error


def _damaged(path: Path, why: str) -> RecordingError:
    return RecordingError("session.damaged", f"{path}: {why}", _HINT)
