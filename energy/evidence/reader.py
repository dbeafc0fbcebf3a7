"""The one reader of a session's folder: its documents, typed, and its files compared with its manifest.

A folder may come from anybody and from any version, so of each document only what is needed is read: a
value that is not there is None, one that is of another kind than it must be damages the document, and what is
not known is left alone. Every file is opened by ``energy.recording.inside``. The models (``read_documents``)
are loaded when a document is asked for: that takes a tenth of a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

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
from energy.evidence.plain_recording import plain_recording
from energy.evidence.rejected import Rejected
from energy.evidence.setup import Setup
from energy.recording.inside import is_plain, is_there
from energy.recording.jsonvalues import parse_json
from energy.recording.limits import LARGEST_DOCUMENT
from energy.recording.store import TRACE_NAME
from energy.recording.trace import read_text_file

if TYPE_CHECKING:
    from pydantic import BaseModel

    from energy.evidence.documents import SessionRecord
    from energy.evidence.read_documents import ResultDocument, SessionDocument

_HINT = "Restore the file from where the session was measured."
_MOST_NAMED = 3
_Model = TypeVar("_Model", bound="BaseModel")


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
        from energy.evidence.read_documents import SessionDocument

        return self._checked(SESSION_NAME, SessionDocument, self._session_json)

    @cached_property
    def result(self) -> ResultDocument:
        """``result.json``.

        Raises:
            RecordingError: ``session.damaged``, ``file.*``.
        """
        return read_result_document(self.folder / RESULT_NAME)

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
        if plain := plain_recording(self._session_json):
            return SessionWindows(
                plain.workload, plain.leading_edges, plain.iterations, iterations_each=plain.iterations_each
            )
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
    from energy.evidence.read_documents import ResultDocument

    return _checked(path, ResultDocument, _json(path))


def _json(path: Path) -> Any:
    text = read_text_file(path, LARGEST_DOCUMENT, hint=_HINT)
    try:
        return parse_json(text, what=str(path))
    except ValueError as error:
        raise _damaged(path, str(error)) from error


def _checked(path: Path, model: type[_Model], document: Any) -> _Model:
    from pydantic import ValidationError

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
