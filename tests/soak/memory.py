"""What this process holds: resident memory, threads, descriptors, children, temporary files."""

from __future__ import annotations

import gc
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")
_FIELD = "VmRSS:"


def can_measure() -> bool:
    """Whether this system states a process's memory in ``/proc`` (Linux)."""
    return _STATUS.is_file()


def resident_bytes() -> int:
    """Bytes of memory that this process holds now (not the most that it ever held)."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith(_FIELD):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS} states no {_FIELD}")


@dataclass(frozen=True)
class Held:
    """What a process holds.

    Attributes:
        resident: Bytes of memory.
        threads: Threads of Python, and of the operating system where they are more.
        descriptors: Open descriptors.
        children: Child processes, zombies included.
        temporary: Entries of the folder for temporary files.
    """

    resident: int
    threads: int
    descriptors: int
    children: int
    temporary: int


def held() -> Held:
    """What this process holds now, after a collection of garbage."""
    gc.collect()
    tasks = [task.name for task in Path("/proc/self/task").iterdir()]
    children = sum(len(Path(f"/proc/self/task/{task}/children").read_text().split()) for task in tasks)
    return Held(
        resident_bytes(),
        max(threading.active_count(), len(tasks)),
        len(list(Path("/proc/self/fd").iterdir())) - 1,  # without the one that lists them
        children,
        len(list(Path(tempfile.gettempdir()).iterdir())),
    )
