"""A running session holds its folder's log locked: nobody resumes or recovers it meanwhile.

The operating system frees the lock when the process ends, however that happens. Where it has no such lock
(Windows), nothing is checked.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from energy.errors import UsageError
from energy.evidence.names import LINES_NAME
from energy.recording.inside import is_there, open_inside

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def claim(file: IO[Any]) -> bool:
    """Locks an open log for this process until it is closed; False if another one holds it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: nothing can be known
    return True


def refuse_running(path: Path) -> None:
    """Makes sure that no session is running in a folder.

    Raises:
        UsageError: ``session.running``.
        RecordingError: ``file.link``, ``file.unreadable`` if its log is no file.
    """
    log = path / LINES_NAME
    if not is_there(log):
        return
    with open_inside(log) as file:
        if not claim(file):
            raise running(path)


def running(path: Path) -> UsageError:
    """The error that a session is running in a folder."""
    return UsageError(
        "session.running", f"{path} belongs to a session that is running", "Wait until it has ended."
    )
