"""Bytes of files that may change while they are read: read, never mapped.

Where a mapped file is cut off, or its disk fails, the operating system kills the process (SIGBUS) at whatever
it does, with the supply on. A read ends with an error instead (decision 0024).
"""

from __future__ import annotations

import os
from io import BufferedReader
from pathlib import Path

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError
from energy.recording.inside import open_inside

Bytes = npt.NDArray[np.uint8]
_HINT = "Do not write to a recording's files while they are read; use a copy of the file."


def read_at(file: BufferedReader, offset: int, count: int) -> bytes:
    """The bytes ``[offset, offset + count)`` of a file; fewer at its end.

    Raises:
        OSError: If the file cannot be read.
    """
    if hasattr(os, "pread"):  # one call of the system, which leaves the file's own position as it is
        return os.pread(file.fileno(), count, offset)
    file.seek(offset)
    return file.read(count)


def read_exactly(file: BufferedReader, offset: int, count: int, path: Path) -> Bytes:
    """The bytes ``[offset, offset + count)`` of a file.

    Raises:
        RecordingError: ``file.changed`` if the file has become shorter, ``file.unreadable``.
    """
    data = np.empty(count, np.uint8)
    try:
        got = _read_into(file, offset, data)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if got != count:
        raise changed(path, f"it was cut off after byte {offset + got}")
    return data


def _read_into(file: BufferedReader, offset: int, data: Bytes) -> int:
    if not hasattr(os, "preadv"):
        file.seek(offset)
        return file.readinto(data.data)
    got = 0
    while got < len(data):
        more = os.preadv(file.fileno(), [data[got:].data], offset + got)
        if not more:
            break
        got += more
    return got


def reopened(path: Path, identity: os.stat_result | None) -> BufferedReader:
    """Opens a file again, to read from it; nothing is kept open meanwhile.

    Args:
        path: The file.
        identity: The file as it was opened first; None for any.

    Raises:
        RecordingError: ``file.changed`` if it is another file; ``file.unreadable``, ``file.link``.
    """
    try:
        file = open_inside(path)
    except OSError as error:
        raise unreadable(path, error) from error
    if identity is not None and not os.path.samestat(os.fstat(file.fileno()), identity):
        file.close()
        raise changed(path, "it is another file than the one that was opened")
    return file


def changed(path: Path, reason: str) -> RecordingError:
    """The error for a file that was changed while it was being read."""
    return RecordingError("file.changed", f"{path} was changed while it was read: {reason}", _HINT)


def unreadable(path: Path, error: Exception) -> RecordingError:
    """The error for a file that the operating system does not read."""
    return RecordingError("file.unreadable", f"{path} cannot be read: {error}", _HINT)
