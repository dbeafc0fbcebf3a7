"""What a recording's ``session.json`` says of its windows: their edges, inferences and workload."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy.errors import RecordingError
from energy.recording.inside import is_there
from energy.recording.trace import read_text_file

FILE_NAME = "session.json"
OFFICIAL_FOLDER = "mlperf"
"""Where a session's folder holds its files in the format of the official tools."""
_LARGEST_FILE = 16 << 20
_MOST = 10**12
"""Inferences of a window, or edges before the first, at most."""


@dataclass(frozen=True)
class SessionFile:
    """What figures need of a session.

    Attributes:
        workload: Workload id; None for a recording that is no benchmark session.
        leading_edges: Edges before the first window, where windows are paired in sequence.
        iterations: Inferences of each window.
        windows: Positions of opening and closing edge of each valid trial, where the session chose them.
    """

    workload: str | None = None
    leading_edges: int = 0
    iterations: list[int] = field(default_factory=list[int])
    windows: list[tuple[float, float]] | None = None


def read_session(folder: Path) -> SessionFile:
    """Reads the ``session.json`` of a recording's folder; an empty answer if there is none.

    Raises:
        RecordingError: ``session.damaged``.
    """
    path = folder / FILE_NAME
    if not is_there(path):
        return SessionFile()
    try:
        document: Any = json.loads(read_text_file(path, _LARGEST_FILE, hint="Restore the file."))
        return _session(document)
    except (ValueError, TypeError, AttributeError, KeyError, ArithmeticError, RecursionError) as error:
        raise RecordingError(
            "session.damaged", f"{path}: {error!r}", "Restore the file or remove it."
        ) from error


def _session(document: dict[str, Any]) -> SessionFile:
    workload = document.get("workload")
    leading = _whole(document.get("leading_edges", 0), "leading_edges", least=0)
    if "trials" not in document:
        iterations = [_whole(n, "iterations", least=1) for n in document.get("iterations", [])]
        return SessionFile(workload, leading, iterations)
    trials: list[dict[str, Any]] = document["trials"]
    return SessionFile(
        workload,
        leading,
        [_whole(trial["iterations"], "iterations", least=1) for trial in trials],
        [(_position(trial["opening"]), _position(trial["closing"])) for trial in trials],
    )


def _whole(value: Any, name: str, *, least: int) -> int:
    if type(value) is not int or not least <= value <= _MOST:
        raise ValueError(f"{name}: {value!r} is not a whole number from {least} to {_MOST}")
    return value


def _position(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a position")
    return float(value)
