"""Writes a session's answers in accuracy mode as they come (``energy.evidence.answers``)."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from energy.errors import BenchError
from energy.evidence.answers import SCHEMA, Answered, read_answers
from energy.evidence.names import ANSWERS_NAME
from energy.recording.inside import append_inside, is_there, write_all
from energy.recording.jsonvalues import json_text


class AnswerLog:
    """The answers of a running session.

    Args:
        folder: The session's.
        digest: The validation set that they belong to (``ValidationSet.digest``).

    Attributes:
        answers: All answers, the earlier included.

    Raises:
        RecordingError: ``answers.foreign``, ``answers.damaged``.
        BenchError: ``session.write-failed``.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self._path = folder / ANSWERS_NAME
        self.answers: list[Answered] = []
        whole = 0
        if is_there(self._path):
            self.answers, whole = read_answers(self._path, digest)
        try:
            self._file = append_inside(self._path)
            self._file.truncate(whole)  # drops a line that was cut off
        except OSError as error:
            raise self._failed(error) from error
        if not whole:
            self._write({"schema": SCHEMA, "set_sha256": digest})

    def add(self, answer: Answered) -> None:
        """Adds an answer.

        Raises:
            BenchError: ``session.write-failed``.
        """
        self._write(asdict(answer))
        self.answers.append(answer)

    def close(self) -> None:
        """Makes sure that all of it is on the disk. Harmless if done twice.

        Raises:
            BenchError: ``session.write-failed``.
        """
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error

    def _write(self, document: dict[str, Any]) -> None:
        data = (json_text(document, ascii_only=True) + "\n").encode()
        try:
            write_all(self._file, data)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> BenchError:
        return BenchError(
            "session.write-failed",
            f"{self._path} cannot be written any more: {error}",
            "Free disk space, then resume it with --resume.",
        )
