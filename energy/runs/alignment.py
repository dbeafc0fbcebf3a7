"""A trace's edges compared with the inferences of its log, after a fit of the two clocks (mlperf-tiny.md 3).

The DUT sends ``m-infer-start`` and ``m-infer-done`` beside its edges, each late by a delay of its own that is
much the same every time. So the fit has three unknowns: a rate and an offset for each of the two messages.
The published sessions leave a residual of at most 6 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from energy.runs.inferences import LoggedInference

Floats = npt.NDArray[np.float64]

ALARM_S = {"start": 0.030, "stop": 0.050}
"""Residual above which an edge is not the one of its message: mlperf-tiny.md 3 for ``m-infer-start``. In the
published sessions ``m-infer-done`` lies as close, but no rule states it for others."""
USUAL_RATE = 1 + 130e-6
"""The monitor's clock over the host's in sound sessions, to within 65 ppm (mlperf-tiny.md 3)."""
_SAME_S = 0.100
_FEWEST = 3
_LARGEST_TABLE = 1 << 20
"""Numbers in an array, at most, when edges are compared with messages at many offsets."""


@dataclass(frozen=True, slots=True)
class Expected:
    """An edge that a log asks for: its window, from 1, its kind, the log's time and line."""

    window: int
    kind: Literal["start", "stop"]
    log_s: float
    line: int


@dataclass(frozen=True)
class Alignment:
    """Which edge stands for which message.

    Attributes:
        expected: The edges that the log asks for, in the order of time; m of them.
        predicted_s: Where they should be on the monitor's clock, shape (m,).
        edge_of: Number of the edge that stands for each, or None.
        strays: Numbers of the edges after the first window's start that stand for none.
        leading: How many edges precede the first that stands for one.
        ppm: By how much the monitor's clock runs fast.
    """

    expected: list[Expected]
    predicted_s: Floats
    edge_of: list[int | None]
    strays: list[int]
    leading: int
    ppm: float

    def at(self, window: int, kind: Literal["start", "stop"]) -> float | None:
        """Where the log has a message, on the monitor's clock."""
        for message, time_s in zip(self.expected, self.predicted_s.tolist(), strict=True):
            if message.window == window and message.kind == kind:
                return time_s
        return None

    @property
    def lost(self) -> list[Expected]:
        """Messages without an edge."""
        return [message for message, edge in zip(self.expected, self.edge_of, strict=True) if edge is None]


def expected_edges(inferences: Sequence[LoggedInference]) -> list[Expected]:
    """The edges that a log asks for; a message that was lost on its way asks for none."""
    edges: list[Expected] = []
    for number, inference in enumerate(inferences, start=1):
        if inference.start_s is not None:
            edges.append(Expected(number, "start", inference.start_s, inference.line))
        if inference.done_s is not None:
            edges.append(Expected(number, "stop", inference.done_s, inference.line))
    return edges


def align(edges_s: Sequence[float], inferences: Sequence[LoggedInference]) -> Alignment | None:
    """Finds the edge of each message.

    Args:
        edges_s: Edges on the monitor's clock, ascending.
        inferences: Those of the log.

    Returns:
        None where fewer than half of the messages find an edge: trace and log do not belong together.
    """
    expected = expected_edges(inferences)
    edges = np.asarray(edges_s, np.float64)
    if len(expected) < _FEWEST or len(edges) < _FEWEST:
        return None
    log = np.array([message.log_s for message in expected]) - expected[0].log_s
    stops = np.array([message.kind == "stop" for message in expected])
    offset = _best_offset(edges, log * USUAL_RATE)
    predicted = offset + log * USUAL_RATE
    ppm = (USUAL_RATE - 1) * 1e6
    alarm = np.where(stops, ALARM_S["stop"], ALARM_S["start"])
    within = np.full(len(expected), _SAME_S)
    for _ in range(3):
        edge_of = _nearest(edges, predicted, within)
        found = edge_of >= 0
        if 2 * int(found.sum()) < len(expected):
            return None
        rate, offsets = _fit(log[found], edges[edge_of[found]], stops[found])
        predicted = rate * log + np.where(stops, offsets[1], offsets[0])
        ppm = (rate - 1) * 1e6
        within = alarm
    edge_of = _nearest(edges, predicted, alarm)
    taken = [int(edge) for edge in edge_of if edge >= 0]
    if 2 * len(taken) < len(expected):
        return None
    first = min(taken)
    strays = sorted(set(range(first, len(edges))) - set(taken))
    return Alignment(
        expected, predicted, [int(edge) if edge >= 0 else None for edge in edge_of], strays, first, ppm
    )


def _best_offset(edges: Floats, times: Floats) -> float:
    """The offset at which most messages have an edge within 100 ms, the closest of these."""
    offsets = (edges[:, None] - times[None, :]).ravel()
    best = (-1, 0.0, 0.0)
    for some in np.array_split(offsets, -(-offsets.size * offsets.size // _LARGEST_TABLE)):
        apart = np.abs(edges[:, None, None] - (some[:, None] + times[None, :])[None]).min(axis=0)
        near = apart < _SAME_S
        counts = near.sum(axis=1)
        for number in np.flatnonzero(counts == counts.max(initial=best[0])).tolist():
            closest = -float(apart[number][near[number]].sum())
            best = max(best, (int(counts[number]), closest, float(some[number])))
    return best[2]


def _nearest(edges: Floats, predicted: Floats, within: Floats) -> npt.NDArray[np.int64]:
    """Number of the edge nearest to each time, -1 where none is near enough; each edge once."""
    apart = np.abs(edges[:, None] - predicted[None, :])
    nearest = apart.argmin(axis=0)
    answer = np.where(apart[nearest, np.arange(len(predicted))] <= within, nearest, -1)
    for edge in np.unique(answer[answer >= 0]):
        rivals = np.flatnonzero(answer == edge)
        if len(rivals) > 1:
            answer[rivals] = -1
            answer[rivals[apart[edge, rivals].argmin()]] = edge
    return answer


def _fit(log: Floats, edges: Floats, stops: npt.NDArray[np.bool_]) -> tuple[float, tuple[float, float]]:
    """Rate and the offsets of starts and stops, by least squares; the usual rate where times lie close."""
    kinds = [kind for kind in (False, True) if (stops == kind).any()]
    columns = [log - log.mean(), *((stops == kind).astype(np.float64) for kind in kinds)]
    if float(np.ptp(log)) < 1.0 or len(log) <= len(columns):
        rate = USUAL_RATE
        values = [float(np.median((edges - rate * log)[stops == kind])) for kind in kinds]
    else:
        answer = np.linalg.lstsq(np.column_stack(columns), edges, rcond=None)[0]
        rate = float(answer[0])
        values = [float(value - rate * log.mean()) for value in answer[1:]]
    by_kind = dict(zip(kinds, values, strict=True))
    either = values[0]
    return rate, (by_kind.get(False, either), by_kind.get(True, either))
