"""The stream of edges: which of them count, which windows they make, which are left out and why.

A live session, ``record``, the doctor and a file read back all judge edges here, whatever clock the edges are
in: a monitor's samples, or the seconds of an IO manager. So an edge that counts live counts offline.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from energy.findings import Finding
from energy.signal import Edge, EdgeKind
from energy.window.edges import TIMESTAMP_HOLD_S, EdgeConditioner, Marker
from energy.window.pairing import Pair, Pairing

_REMEMBERED = 4096
_LONG_S = 0.1
"""A mark holds the pin of order 1 ms at most (protocols.md 1.5)."""
_LONG_PART = 0.25
"""Part of the time to the next mark: of short work a pulse may be a large part, but no quarter of it."""
_SHORT_S = 2e-3


class LeftOut(StrEnum):
    """Why an edge does not count."""

    POLARITY = "polarity"
    """It goes the other way: the end of a pulse."""
    BOUNCE = "bounce"
    """It is part of the edge before it, which is nearer than the hold time."""
    LATE = "late"
    """It lies before an edge that has come, or before a watermark."""


@dataclass(frozen=True, slots=True)
class JudgedEdge:
    """An edge as it came, and whether it counts.

    Attributes:
        edge: The edge.
        left_out: Why it does not count; None if it does.
    """

    edge: Edge
    left_out: LeftOut | None


@dataclass
class TakenEdges:
    """Pairs nothing: keeps the edges that count until they are taken, as a session takes those of a trial."""

    _edges: list[Edge] = field(default_factory=list[Edge])

    @property
    def open_at(self) -> float:
        """Minus infinity: nobody knows here which edges open a window."""
        return -inf

    def add(self, edge: Edge) -> Pair | None:
        """Keeps an edge."""
        self._edges.append(edge)

    def take(self) -> list[Edge]:
        """The edges since the last call, in the order of time."""
        edges, self._edges = self._edges, []
        return edges

    def finish(self) -> tuple[list[Pair], list[Finding]]:
        """Nothing: the caller of ``take`` knows how many edges there should be."""
        return [], []


class Pulses:
    """The lengths of pulses, where both their edges are seen: a mark is short compared with the work.

    A pin that is held during the work makes long ones; its falling edges are then no marks.

    Args:
        rate_hz: Rate of the clock that positions are in.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._fall: float | None = None
        self._width: float | None = None
        self._count = self._long = 0
        self._longest = self._apart = 0.0

    def add(self, edge: Edge) -> None:
        """Takes an edge of either kind."""
        if edge.kind is EdgeKind.RISE:
            if self._fall is not None and self._width is None:
                self._width = edge.position - self._fall
            return
        if self._fall is not None and self._width is not None:
            self._judge(self._width, edge.position - self._fall)
        self._fall, self._width = edge.position, None

    def _judge(self, width: float, apart: float) -> None:
        self._count += 1
        if width >= _LONG_S * self._rate_hz or (
            width >= _LONG_PART * apart and width > _SHORT_S * self._rate_hz
        ):
            self._long += 1
            if width > self._longest:
                self._longest, self._apart = width, apart

    def findings(self) -> list[Finding]:
        """A finding if the pin is held longer than a mark needs."""
        if not self._long:
            return []
        evidence = (
            f"in {self._long} of {self._count} pulses the pin is low as no mark is, for up to "
            f"{self._longest / self._rate_hz:.4g} s of the {self._apart / self._rate_hz:.4g} s between two "
            "falling edges"
        )
        return [Finding("edge.long-pulse", evidence)]


class EdgeStream:
    """Judges the edges of one clock in the order of time, and pairs those that count.

    Args:
        rate_hz: Rate of the clock that positions are in; 1 where they are seconds.
        pairing: What makes windows of the edges that count.
        marker: How the pin marks the work: it decides which edges count.
        hold_s: Edges closer than this to the last one are one edge.
        unit: What positions are counted in, for evidence: ``"sample"`` or ``"second"``.

    Attributes:
        pairing: What makes windows of the edges that count.
        complete: The watermark: no edge before this position will still come; at first minus infinity.
        seen: How many edges have come, of either polarity; never set back.
        left_out: How many do not count, by the reason, since ``forget``.
    """

    def __init__(
        self,
        rate_hz: float,
        pairing: Pairing,
        *,
        marker: Marker = Marker.PULSE,
        hold_s: float = TIMESTAMP_HOLD_S,
        unit: str = "sample",
    ) -> None:
        self.pairing = pairing
        self.complete = -inf
        self.seen = 0
        self.left_out: Counter[LeftOut] = Counter()
        self._rate_hz, self._hold_s, self._unit = rate_hz, hold_s, unit
        self._kinds = marker.kinds
        self._conditioner = EdgeConditioner(rate_hz, self._kinds, hold_s)
        self._pulses = Pulses(rate_hz) if marker is Marker.PULSE else None
        self._last = -inf
        self._latest: deque[JudgedEdge] = deque(maxlen=_REMEMBERED)
        self._first_late = ""
        self._pairing_findings: list[Finding] = []

    def accept(self, edge: Edge) -> bool:
        """Whether an edge counts. It is not paired: the caller does that, on another clock."""
        why = self._judge(edge)
        self.seen += 1
        self._latest.append(JudgedEdge(edge, why))
        if why is not None:
            self.left_out[why] += 1
        return why is None

    def add(self, edge: Edge) -> Pair | None:
        """Takes an edge; returns the window that it closes, if it does."""
        return self.pairing.add(edge) if self.accept(edge) else None

    def edges_complete(self, position: float) -> None:
        """Takes a watermark: no edge before ``position`` will still come. It never goes back."""
        self.complete = max(self.complete, position)

    def since(self, seen: int) -> list[JudgedEdge]:
        """The edges after the first ``seen``, of either polarity; the latest few thousand at most."""
        fresh = min(self.seen - seen, len(self._latest))
        return list(self._latest)[len(self._latest) - fresh :]

    def forget(self) -> None:
        """Leaves out what has come, findings included: a booting DUT moves its pin as it likes.

        The watermark stays, and so does the order of time; no hold time reaches over from before.
        """
        self._conditioner = EdgeConditioner(self._rate_hz, self._kinds, self._hold_s)
        self.left_out.clear()
        if self._pulses is not None:
            self._pulses = Pulses(self._rate_hz)

    def finish(self) -> list[Pair]:
        """After the last edge: the windows that are still to be closed."""
        pairs, self._pairing_findings = self.pairing.finish()
        return pairs

    @property
    def findings(self) -> list[Finding]:
        """Findings about the edges: their order, their pairing (after ``finish``), bounces."""
        findings: list[Finding] = []
        late, bounced = self.left_out[LeftOut.LATE], self.left_out[LeftOut.BOUNCE]
        if late:
            more = f", and {late - 1} more" if late > 1 else ""
            findings.append(Finding("edge.unsorted", f"{self._first_late}{more}"))
        findings += self._pairing_findings
        if bounced:
            evidence = f"{bounced} edges within {self._hold_s * 1e6:.0f} us of another"
            findings.append(Finding("edge.bounce", evidence))
        if self._pulses is not None:
            findings += self._pulses.findings()
        return findings

    def _judge(self, edge: Edge) -> LeftOut | None:
        if self._pulses is not None:
            self._pulses.add(edge)
        if edge.kind not in self._kinds:
            return LeftOut.POLARITY
        passed = max(self._last, self.complete - edge.bound)  # a watermark is about the edge's true place
        if edge.position < passed:
            if not self.left_out[LeftOut.LATE]:
                self._first_late = (
                    f"an edge at {self._unit} {edge.position:.10g} came after {passed:.10g} was passed"
                )
            return LeftOut.LATE
        self._last = edge.position
        return None if self._conditioner.accept(edge) else LeftOut.BOUNCE


def counted_edges(
    edges: Iterable[Edge],
    rate_hz: float,
    *,
    hold_s: float = TIMESTAMP_HOLD_S,
    marker: Marker = Marker.PULSE,
) -> list[Edge]:
    """The edges that count among edges in the order of time.

    Args:
        edges: The edges.
        rate_hz: Rate of the clock that their positions are in.
        hold_s: Edges closer than this to the last one are one edge.
        marker: How the pin marks the work.
    """
    stream = EdgeStream(rate_hz, TakenEdges(), marker=marker, hold_s=hold_s)
    return [edge for edge in edges if stream.accept(edge)]
