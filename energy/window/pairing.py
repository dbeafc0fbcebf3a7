"""Pairing: selects the edges that open and close each window."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from energy.findings import Finding
from energy.signal import Edge, EdgeKind
from energy.window.edges import Marker


class Pair(NamedTuple):
    """The edges of a window.

    Attributes:
        number: Number of the window, from 1. If the format has trials, it is the trial's number: a trial
            without a window leaves its number unused, and the others keep theirs.
        opening: Edge before the first measured inference.
        closing: Edge after the last measured inference.
    """

    number: int
    opening: Edge
    closing: Edge


class Pairing(Protocol):
    """Makes windows from conditioned edges that come in order of time."""

    @property
    def open_at(self) -> float:
        """Position of the edge that has opened a window that is not closed yet; infinite if there is none."""
        ...

    def add(self, edge: Edge) -> Pair | None:
        """Takes an edge; returns the window that it closes, if any."""
        ...

    def finish(self) -> tuple[list[Pair], list[Finding]]:
        """Ends the pairing after the last edge; returns the windows that were still open, and findings."""
        ...


@dataclass
class SequencePairing:
    """Skips the leading edges (boot, ``timestamp`` command), then pairs the rest two by two.

    Attributes:
        leading: Edges before the first window.
        windows: Expected number of windows; None if it is not known.
    """

    leading: int = 0
    windows: int | None = None
    _seen: int = 0
    _open: Edge | None = None

    @property
    def open_at(self) -> float:
        """Position of the edge that waits for its partner."""
        return math.inf if self._open is None else self._open.position

    def add(self, edge: Edge) -> Pair | None:
        """Takes an edge; every second one after the leading ones closes a window."""
        self._seen += 1
        if self._seen <= self.leading:
            return None
        if self._open is None:
            self._open = edge
            return None
        opening, self._open = self._open, None
        return Pair((self._seen - self.leading) // 2, opening, edge)

    def finish(self) -> tuple[list[Pair], list[Finding]]:
        """Returns findings for edges that were left out, and for an unexpected number of edges."""
        findings: list[Finding] = []
        if self.leading:
            findings.append(Finding("timestamps.unused", f"{min(self.leading, self._seen)} before window 1"))
        if self.windows is not None and self._seen != self.leading + 2 * self.windows:
            findings.append(
                Finding(
                    "edge.count",
                    f"{self._seen} edges; {self.windows} windows and {self.leading} leading edges "
                    f"need {self.leading + 2 * self.windows}",
                )
            )
        elif self._open is not None:
            evidence = f"edge {self._seen} at sample {self._open.position:.10g}"
            findings.append(Finding("edge.unpaired", evidence))
        return [], findings


@dataclass
class LevelPairing:
    """Pairs the edges of a pin that is held during the work: of one kind before it, of the other after it.

    Attributes:
        opens: The kind of edge before the work.
        leading: Windows that are left out at the beginning.
        windows: Expected number of windows; None if it is not known.
    """

    opens: EdgeKind
    leading: int = 0
    windows: int | None = None
    _open: Edge | None = None
    _made: int = 0
    _lonely: int = 0

    @property
    def open_at(self) -> float:
        """Position of the edge that waits for its partner."""
        return math.inf if self._open is None else self._open.position

    def add(self, edge: Edge) -> Pair | None:
        """Takes an edge; the first of the other kind after an opening edge closes a window."""
        if edge.kind is self.opens:
            self._lonely += self._open is not None
            self._open = edge
            return None
        if self._open is None:
            self._lonely += self._made > 0  # a recording may begin while the pin is held
            return None
        opening, self._open = self._open, None
        self._made += 1
        return Pair(self._made - self.leading, opening, edge) if self._made > self.leading else None

    def finish(self) -> tuple[list[Pair], list[Finding]]:
        """Returns findings for edges without a partner, and for an unexpected number of windows."""
        findings: list[Finding] = []
        if self._lonely:
            evidence = f"{self._lonely} edges without one of the other kind between them and the next"
            findings.append(Finding("edge.count", evidence))
        if self._open is not None:
            evidence = f"the edge at sample {self._open.position:.10g}"
            findings.append(Finding("edge.unpaired", evidence))
        if self.windows is not None and self._made - self.leading != self.windows:
            evidence = f"{self._made - self.leading} windows instead of {self.windows}"
            findings.append(Finding("edge.count", evidence))
        return [], findings


def pairing_in_sequence(marker: Marker, leading: int = 0, windows: int | None = None) -> Pairing:
    """Pairs the edges of a DUT that works without commands.

    Args:
        marker: How its pin marks the work.
        leading: Edges to leave out at the beginning; of a pin that is held, windows.
        windows: Expected number of windows; None if it is not known.
    """
    if marker is Marker.PULSE:
        return SequencePairing(leading, windows)
    return LevelPairing(marker.opens, leading, windows)


@dataclass
class TrialPairing:
    """Makes a window from the last two edges of each trial, as the MLCommons runner does (RUN main.py).

    Attributes:
        stops: Position after the last sample of each trial, ascending.
        boot_edges: Number of edges, beyond two, that the first trial may have.
    """

    stops: list[int]
    boot_edges: int = 1
    _groups: list[list[Edge]] = field(default_factory=list[list[Edge]])

    def __post_init__(self) -> None:
        self._groups = [[] for _ in self.stops]

    @property
    def open_at(self) -> float:
        """Minus infinity: until ``finish`` no edge is settled."""
        return -math.inf

    def add(self, edge: Edge) -> Pair | None:
        """Adds an edge to its trial. Only ``finish`` returns windows: a later edge may replace an earlier."""
        # An event at the very end of a trial has the first position of the next, but belongs to the earlier.
        group = bisect_right(self.stops, edge.position - 0.5)
        self._groups[min(group, len(self._groups) - 1)].append(edge)
        return None

    def finish(self) -> tuple[list[Pair], list[Finding]]:
        """The window of every trial that has one."""
        pairs: list[Pair] = []
        findings: list[Finding] = []
        for trial, edges in enumerate(self._groups):
            number = trial + 1
            if len(edges) >= 2:
                pairs.append(Pair(number, edges[-2], edges[-1]))
            extra = len(edges) - 2
            if extra < 0 or extra > (self.boot_edges if trial == 0 else 0):
                evidence = f"trial {trial} has {len(edges)} edges instead of 2"
                findings.append(Finding("edge.count", evidence, number))
            elif extra:
                findings.append(Finding("timestamps.unused", f"{extra} in trial {trial}", number))
        return pairs, findings


@dataclass
class GivenPairing:
    """Makes windows from edges that were chosen before: a session names those of its valid trials.

    Attributes:
        chosen: Positions of opening and closing edge of each window, in the order of time.
    """

    chosen: list[tuple[float, float]]
    _seen: dict[float, Edge] = field(default_factory=dict[float, Edge])
    _made: set[int] = field(default_factory=set[int])

    @property
    def open_at(self) -> float:
        """Position of the first opening edge whose window is not made, whether it has come or not."""
        left = (pair[0] for number, pair in enumerate(self.chosen, start=1) if number not in self._made)
        return min(left, default=math.inf)

    def add(self, edge: Edge) -> Pair | None:
        """Takes an edge; returns the window for which it is the chosen closing edge, if any."""
        self._seen[edge.position] = edge
        for number, (opening, closing) in enumerate(self.chosen, start=1):
            if closing == edge.position and opening in self._seen and number not in self._made:
                self._made.add(number)
                return Pair(number, self._seen[opening], edge)
        return None

    def finish(self) -> tuple[list[Pair], list[Finding]]:
        """Returns findings for windows that cannot be made: an edge is not recorded, or is out of order."""
        findings: list[Finding] = []
        for number, pair in enumerate(self.chosen, start=1):
            if number not in self._made:
                missing = [f"{position:.10g}" for position in pair if position not in self._seen]
                lack = f"no edge is recorded at sample {' or '.join(missing)}" if missing else "it ends first"
                evidence = f"the session's window from {pair[0]:.10g} to {pair[1]:.10g}: {lack}"
                findings.append(Finding("edge.count", evidence, number))
        return [], findings
