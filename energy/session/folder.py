"""A session's folder: its documents, its log, its manifest. A kill at any moment leaves it readable."""

from __future__ import annotations

import logging
import os
import re
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

from energy.bench.benchfile import BenchFile
from energy.errors import BenchError, UsageError
from energy.evidence import manifest
from energy.evidence.names import LINES_NAME, MANIFEST_NAME, RESULT_NAME, TEXT_NAME
from energy.instruments import Line
from energy.printable import escaped
from energy.recording.durable import put_in_place, sync_folder, sync_tree
from energy.recording.inside import append_inside, write_all
from energy.recording.jsonvalues import json_text
from energy.session.claim import claim, running

_LONGEST_PART = 30
"""Characters of a board or label in a folder's name."""
_LOG = logging.getLogger("joulebench.session")


class SessionFolder:
    """Makes and fills a session folder.

    Args:
        path: The folder; it must not exist, or be empty.
        again: Whether its session is resumed: then the folder stays as it is.

    Raises:
        UsageError: ``session.folder-used``, ``session.folder``, ``session.running``.
        RecordingError: ``file.link``, ``file.unreadable`` if its log is no file.
    """

    def __init__(self, path: Path, *, again: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._failure: OSError | None = None
        try:
            path.mkdir(parents=True, exist_ok=True)
            sync_folder(path.parent)
            used = not again and any(path.iterdir())
            self._lines = append_inside(path / LINES_NAME)
            self._text = append_inside(path / TEXT_NAME)
            claimed = claim(self._lines)
        except OSError as error:
            raise UsageError(
                "session.folder", f"{path} cannot be written: {error}", "Name another folder with --out."
            ) from error
        if not claimed:
            raise running(path)
        if used:
            raise UsageError("session.folder-used", f"{path} is not empty", "Name another folder with --out.")

    def forget_the_end(self) -> None:
        """Removes what the session wrote when it ended before it was resumed: manifest and conclusions.

        The state in ``session.json`` must be that of a running session: after a kill it can be resumed.

        Raises:
            BenchError: ``session.write-failed``.
        """
        try:
            for name in (MANIFEST_NAME, RESULT_NAME):
                (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            self._failure = error
            self.check()

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Writes a JSON document whole: a reader sees the old version or the new, never a part.

        A value that is no number becomes null: evidence is written whatever its values are.
        """
        self.check()
        try:
            write_whole(self.path / name, document)
        except OSError as error:
            self._failure = error
            self.check()

    def check(self) -> None:
        """Raises if writing has failed.

        Raises:
            BenchError: ``session.write-failed``.
        """
        if self._failure is not None:
            raise BenchError(
                "session.write-failed",
                f"{self.path} cannot be written any more: {self._failure}",
                "Free disk space or choose another disk with --out; what is there can be read.",
            ) from self._failure

    def line(self, line: Line) -> None:
        """Adds a line of a wire to the log, at once. May be called from any thread, and never raises.

        It is called from within drivers, where an exception could come between a command and its wire: a
        full disk is reported by the next ``write`` or ``check``.
        """
        record = {
            "time_s": round(line.time_s, 6),
            "source": line.source,
            "sent": line.sent,
            "text": line.text,
        }
        arrow = ">" if line.sent else "<"
        with self._lock:
            if self._lines.closed:
                return  # the session is over; lines of instruments that are being closed are not evidence
            try:
                write_all(self._lines, (json_text(record, ascii_only=True) + "\n").encode())
                text = f"{line.time_s:12.6f} {line.source:7} {arrow} {escaped(line.text)}\n"
                write_all(self._text, text.encode())
            except OSError as error:
                self._failure = self._failure or error

    def note(self, time_s: float, text: str) -> None:
        """Adds a remark of the session's own to the log, and to the program's."""
        _LOG.info("%s", text)
        for part in text.splitlines():
            self.line(Line(time_s, "session", sent=False, text=part))

    def close(self) -> None:
        """Closes the log and writes the manifest, SHA-256 and size of every file, once all are on the disk.

        Raises:
            BenchError: ``session.write-failed``.
        """
        with self._lock:
            self._lines.close()
            self._text.close()
        try:
            sync_tree(self.path)
        except OSError as error:
            self._failure = self._failure or error
        self.write(MANIFEST_NAME, manifest.document(self.path))


def write_whole(target: Path, document: dict[str, Any]) -> None:
    """Writes a JSON document whole: after a kill, or a power cut, the file is the old version or the new.

    Raises:
        OSError: If it cannot be written.
    """
    draft = target.with_name(f".{target.name}.part")
    text = json_text(document, indent=2) + "\n"
    draft.unlink(missing_ok=True)  # of a host that was killed; it may be anything
    with draft.open("x", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    put_in_place(draft, target)


def default_folder(root: Path, workload: str, mode: str, now: datetime, bench: BenchFile) -> Path:
    """A fresh name for a session: day, time, board, voltage, label, workload and mode.

    A number is added if the name is taken.
    """
    setup = [bench.dut.board, f"{bench.dut.voltage_v:g}V", bench.label or ""]
    parts = [f"{now:%Y%m%d-%H%M%S}", *map(_in_a_name, setup), workload, mode]
    name = "-".join(part for part in parts if part)
    path, number = root / name, 2
    while path.exists():
        path, number = root / f"{name}-{number}", number + 1
    return path


def _in_a_name(text: str) -> str:
    """A text as part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:_LONGEST_PART]
