"""The trace: samples with their edges, gaps and findings, as every reader of a file delivers them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.inside import read_inside
from energy.signal import Block, Edge, Gap, Samples, Signal

_HINT = "Use a copy of the file."


class Trace(Protocol):
    """Samples that can be read by position, with everything that was recorded with them."""

    virtual: bool
    about: dict[str, Any]
    edges: list[Edge]
    gaps: list[Gap]
    findings: list[Finding]

    @property
    def signal(self) -> Signal:
        """Description of the samples."""
        ...

    @property
    def first(self) -> int:
        """Position of the first sample."""
        ...

    @property
    def stop(self) -> int:
        """Position after the last sample."""
        ...

    @property
    def count(self) -> int:
        """Number of samples."""
        ...

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """Samples in ``[first, stop)`` in order; missing samples are left out."""
        ...


@dataclass
class ArrayTrace:
    """A trace whose columns are whole arrays, in memory or mapped, each of shape (n,)."""

    signal: Signal
    columns: tuple[Samples, ...]
    edges: list[Edge] = field(default_factory=list[Edge])
    gaps: list[Gap] = field(default_factory=list[Gap])
    findings: list[Finding] = field(default_factory=list[Finding])
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    virtual: bool = False
    first: int = 0

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.columns[0])

    @property
    def stop(self) -> int:
        """Position after the last sample."""
        return self.first + self.count

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """Samples in ``[first, stop)``, as one block of views."""
        block = Block(self.first, self.columns).clip(first, stop)
        if len(block):
            yield block


def numbers(values: list[Any], what: str) -> npt.NDArray[np.float64]:
    """Converts a list from a JSON file to float64, shape (n,). Null becomes NaN.

    Raises:
        RecordingError: ``trace.not-numbers`` if it holds anything else.
    """
    others = set(map(type, values)) - {int, float, type(None)}
    if others:
        names = ", ".join(sorted(kind.__name__ for kind in others))
        raise RecordingError("trace.not-numbers", f"{what} holds {names} among the numbers", _HINT)
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError as error:
        raise RecordingError(
            "trace.not-numbers", f"{what} holds an integer too large for a float", _HINT
        ) from error


def read_text_file(path: Path, largest: int, *, hint: str) -> str:
    """The text of a file of at most ``largest`` bytes; bytes that are not UTF-8 become U+FFFD.

    Raises:
        RecordingError: ``file.too-large``, ``file.unreadable``, ``file.link``.
    """
    text = read_inside(path, largest, hint=hint).decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")
