"""``edges.jsonl``: the edges of a recording, a JSON object per line, each written at once."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from energy.errors import RecordingError, TooLargeError
from energy.findings import Finding
from energy.interrupts import WHOLE
from energy.recording.batches import already_there, write_failed
from energy.recording.durable import put_in_place
from energy.recording.inside import is_there, open_inside, read_inside, write_all
from energy.recording.jsonvalues import as_object, as_position, as_text, field, json_text, parse_json
from energy.recording.limits import LARGEST_EDGES, MOST_EDGES, limit_reached, refuse_larger
from energy.signal import Edge, EdgeKind

FILE_NAME = "edges.jsonl"
_LONGEST_LINE = 4096
_HINT = "Check that it is the edge log of a recording."
_MOST_DAMAGED = 100
"""After this many damaged lines the rest is not read: the file is probably no edge log."""


class EdgeLog:
    """Appends edges to a new ``edges.jsonl``; each line is given to the operating system at once.

    Raises:
        RecordingError: ``recording.exists``; ``recording.write-failed`` if the disk refuses, from then on
            always; ``recording.limit-reached`` for more edges than can be read again; ``recording.closed``.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._failure: OSError | None = None
        self._count = self._size = 0
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND
        try:
            self._file = os.fdopen(os.open(self.path, flags, 0o644), "ab", buffering=0)
        except FileExistsError as error:
            raise already_there(self.path) from error
        except OSError as error:
            raise write_failed(self.path, error) from error

    def append(self, edge: Edge) -> None:
        """Writes an edge."""
        if self._file.closed:
            raise RecordingError("recording.closed", f"{self.path} is closed", "Open a new recording.")
        line = _line(edge)
        if self._count == MOST_EDGES or self._size + len(line) > LARGEST_EDGES:
            raise limit_reached(str(self.path), self._count, "edges")
        if self._failure is None:
            try:
                with WHOLE:
                    write_all(self._file, line)
                    self._count, self._size = self._count + 1, self._size + len(line)
            except OSError as error:
                self._failure = error
        if self._failure is not None:
            raise write_failed(self.path, self._failure) from self._failure

    def sync(self) -> None:
        """Waits until the edges so far are on the disk.

        Raises:
            RecordingError: ``recording.write-failed``.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise write_failed(self.path, error) from error

    def close(self) -> None:
        """Forces the file to the disk and closes it. May be called twice.

        Raises:
            RecordingError: ``recording.write-failed``.
        """
        if self._file.closed:
            return
        try:
            self.sync()
        finally:
            self._file.close()


def _line(edge: Edge) -> bytes:
    document = {
        "position": float(edge.position),
        "bound": float(edge.bound),
        "kind": edge.kind.value,
        "source": edge.source,
    }
    return (json_text(document, ascii_only=True) + "\n").encode()


def insert_edges(folder: Path, edges: Sequence[Edge]) -> None:
    """Adds edges to the log of a recording that was interrupted, in the order of their positions.

    Its lines stay as they are, but for a last one that was cut off. The log is replaced whole, so that an
    interruption leaves the old one or the new.

    Raises:
        RecordingError: ``recording.write-failed``, ``file.link``, ``file.too-large``, ``file.unreadable``.
    """
    if not edges:
        return
    path = folder / FILE_NAME
    draft = folder / f".{FILE_NAME}.part"
    before = read_inside(path, LARGEST_EDGES, hint=_HINT) if is_there(path) else b""
    lines: list[tuple[float, bytes]] = []
    for line in before[: before.rfind(b"\n") + 1].splitlines(keepends=True):
        last = lines[-1][0] if lines else -math.inf
        lines.append((max(last, _position(line, last)), line))
    lines += [(edge.position, _line(edge)) for edge in edges]
    lines.sort(key=itemgetter(0))  # stable: equal positions keep their order
    try:
        draft.unlink(missing_ok=True)
        with draft.open("xb") as file:
            file.write(b"".join(line for _, line in lines))
            file.flush()
            os.fsync(file.fileno())
        put_in_place(draft, path)
    except OSError as error:
        raise write_failed(path, error) from error


def _position(line: bytes, otherwise: float) -> float:
    """The position of the edge in a line; that of the line before where it holds none."""
    try:
        return _edge(parse_json(line)).position
    except ValueError:
        return otherwise


def read_edges(folder: Path) -> tuple[list[Edge], list[Finding]]:
    """All edges of the recording in ``folder``, in file order, and findings for lines that cannot be read.

    Raises:
        RecordingError: ``file.too-large``, ``file.unreadable``, ``file.link``.
    """
    path = folder / FILE_NAME
    try:
        if not is_there(path):
            return [], [Finding("recording.edges-missing", f"there is no {path}")]
        with open_inside(path) as file:
            if os.fstat(file.fileno()).st_size > LARGEST_EDGES:
                reason = f"{path} is larger than {LARGEST_EDGES >> 20} MiB"
                raise TooLargeError(reason, _HINT)
            return _read_lines(file)
    except OSError as error:
        raise RecordingError(
            "file.unreadable", f"{path} cannot be read: {error}", "Check the path."
        ) from error


def _read_lines(file: BinaryIO) -> tuple[list[Edge], list[Finding]]:
    edges: list[Edge] = []
    findings: list[Finding] = []
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        refuse_larger(FILE_NAME, number, MOST_EDGES, "lines", _HINT)
        try:
            edges.append(_edge(parse_json(line)))
        except ValueError as error:
            if len(line) < _LONGEST_LINE and not line.endswith(b"\n"):
                findings.append(Finding("recording.edges-incomplete", f"{FILE_NAME} ends with {line[:80]!r}"))
                break
            findings.append(Finding("recording.edges-damaged", f"{FILE_NAME} line {number}: {error}"))
            if len(findings) == _MOST_DAMAGED:
                evidence = f"{FILE_NAME} is not read beyond line {number}: {_MOST_DAMAGED} lines are damaged"
                findings.append(Finding("recording.edges-damaged", evidence))
                break
        while line and not line.endswith(b"\n"):  # skips the rest of a line that is too long
            line = file.readline(_LONGEST_LINE)
    return edges, findings


def _edge(line: Any) -> Edge:
    fields = as_object(line)
    return Edge(
        position=as_position(field(fields, "position")),
        bound=as_position(field(fields, "bound")),
        kind=EdgeKind(as_text(field(fields, "kind"))),
        source=as_text(field(fields, "source")),
    )
