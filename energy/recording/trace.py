"""The trace: samples with their edges, gaps and findings, as every reader of a file delivers them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.inside import read_inside
from energy.recording.limits import LONGEST_PIECE
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


@dataclass
class PieceTrace:
    """A trace whose samples are read from their file when they are asked for.

    Attributes:
        signal: Description of the samples.
        count: Number of samples.
        piece: Returns the samples ``[first, stop)``, an array of shape (stop - first,) for each column.
        first: Position of the first sample.
    """

    signal: Signal
    count: int
    piece: Callable[[int, int], tuple[Samples, ...]]
    edges: list[Edge] = field(default_factory=list[Edge])
    gaps: list[Gap] = field(default_factory=list[Gap])
    findings: list[Finding] = field(default_factory=list[Finding])
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    virtual: bool = False
    first: int = 0

    @property
    def stop(self) -> int:
        """Position after the last sample."""
        return self.first + self.count

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """Samples in ``[first, stop)`` as blocks of at most 2^20 samples.

        Raises:
            RecordingError: ``file.changed`` if the file was changed since it was opened; ``file.unreadable``.
        """
        end = min(stop, self.stop)
        for at in range(max(first, self.first), end, LONGEST_PIECE):
            yield Block(at, self.piece(at, min(at + LONGEST_PIECE, end)))


@dataclass
class OtherEdges:
    """A trace with other edges in place of its own."""

    trace: Trace
    edges: list[Edge]

    def __post_init__(self) -> None:
        self.virtual, self.about = self.trace.virtual, self.trace.about
        self.gaps, self.findings = self.trace.gaps, self.trace.findings

    @property
    def signal(self) -> Signal:
        """Description of the samples."""
        return self.trace.signal

    @property
    def first(self) -> int:
        """Position of the first sample."""
        return self.trace.first

    @property
    def stop(self) -> int:
        """Position after the last sample."""
        return self.trace.stop

    @property
    def count(self) -> int:
        """Number of samples."""
        return self.trace.count

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """Samples in ``[first, stop)``, those of the trace."""
        return self.trace.read(first, stop)


def numbers(values: list[Any], what: str) -> npt.NDArray[np.float64]:
    """Converts a list from a JSON file to float64, shape (n,). Null becomes NaN.

    Raises:
        RecordingError: ``trace.not-numbers`` if it holds anything else.
    """
    kinds = set(map(type, values))
    if kinds == {float}:
        return np.frombuffer(array("d", values), np.float64)
    others = kinds - {int, float, type(None)}
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
