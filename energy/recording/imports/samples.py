"""Samples of an imported file in memory, with holes where the file has none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.findings import Finding
from energy.signal import Block, Edge, Gap, Samples, Signal


@dataclass
class HoledTrace:
    """A trace in memory whose samples are not all there.

    Attributes:
        signal: Description of the samples.
        columns: An array of shape (n,) for each column.
        starts: Index of the first sample of each stretch without a hole; begins with 0.
        positions: Position of each of those samples; ascending.
    """

    signal: Signal
    columns: tuple[Samples, ...]
    starts: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    edges: list[Edge] = field(default_factory=list[Edge])
    gaps: list[Gap] = field(default_factory=list[Gap])
    findings: list[Finding] = field(default_factory=list[Finding])
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    virtual: bool = False

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.columns[0])

    @property
    def first(self) -> int:
        """Position of the first sample."""
        return int(self.positions[0])

    @property
    def stop(self) -> int:
        """Position after the last sample."""
        return int(self.positions[-1]) + self.count - int(self.starts[-1])

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """Samples in ``[first, stop)`` in order, a block for each stretch; missing samples are left out."""
        at = max(int(np.searchsorted(self.positions, first, "right")) - 1, 0)
        ends = np.append(self.starts[1:], self.count)
        while at < len(self.starts) and self.positions[at] < stop:
            cut = slice(int(self.starts[at]), int(ends[at]))
            block = Block(int(self.positions[at]), tuple(column[cut] for column in self.columns))
            if len(part := block.clip(first, stop)):
                yield part
            at += 1


def holed_trace(
    signal: Signal, columns: tuple[Samples, ...], positions: npt.NDArray[np.int64], reason: str
) -> HoledTrace:
    """A trace of samples at these positions (int64, ascending); each hole is a gap.

    Args:
        signal: Description of the samples.
        columns: An array of shape (n,) for each column.
        positions: Shape (n,).
        reason: Why samples are missing, for the gaps.
    """
    starts = np.append(0, np.flatnonzero(np.diff(positions) > 1) + 1).astype(np.int64)
    trace = HoledTrace(signal, columns, starts, positions[starts])
    trace.gaps = [
        Gap(int(positions[at - 1]) + 1, int(positions[at] - positions[at - 1]) - 1, reason)
        for at in starts[1:]
    ]
    return trace
