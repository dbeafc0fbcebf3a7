"""Streaming wake word: detections, duty cycle and throughput, recomputed from a trial's lists.

Rules (protocols.md 1.8, checked against the published runs of v1.3): the first detection marks the start and
is subtracted. One inside [start, stop + grace] of a wake word is a hit. Those that are left and come within
1 s of an earlier one belong to it; what remains are false positives. The runner's guide says that the grace
is 1 s; its code adds 1 s twice, so the published counts follow from 2 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from energy.runs.results_json import StreamingEntry

GRACE_S = 2.0
GRACE_OF_THE_GUIDE_S = 1.0
_MERGE_MS = 1000.0
_MOST_DETECTIONS = 100_000
"""The interface board keeps 10 000 (protocols.md 2.2)."""
_MOST_WINDOWS = 1000


@dataclass(frozen=True)
class Detections:
    """Hits and misses; times in seconds from the start.

    Attributes:
        hits_s: Starts of the wake words that were detected.
        missed_s: Starts of those that were not: false negatives.
        false_s: Detections where there is no wake word: false positives.
    """

    hits_s: tuple[float, ...]
    missed_s: tuple[float, ...]
    false_s: tuple[float, ...]


@dataclass(frozen=True)
class DutyCycle:
    """How busy the DUT is.

    Attributes:
        period_s: Mean time from one start to the next.
        processing_s: Mean time from start to stop.
    """

    period_s: float
    processing_s: float

    @property
    def duty_cycle(self) -> float:
        """Share of the time in which it computes."""
        return self.processing_s / self.period_s

    @property
    def throughput(self) -> float:
        """Inferences per second that it could make without a pause."""
        return 1 / self.processing_s


def count_detections(
    detections_ms: Sequence[float], windows: Sequence[tuple[float, float]], grace_s: float = GRACE_S
) -> Detections | None:
    """Counts hits, misses and false detections; None if not even the start was marked, or lists are absurd.

    Args:
        detections_ms: Times of detections, the first of which marks the start.
        windows: Start and stop of each wake word in seconds from the start.
        grace_s: How long after a wake word's end a detection still counts.
    """
    if not 0 < len(detections_ms) <= _MOST_DETECTIONS or len(windows) > _MOST_WINDOWS:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        times = np.asarray(detections_ms[1:], dtype=np.float64) - detections_ms[0]
    hits: list[float] = []
    missed: list[float] = []
    for start, stop in windows:
        inside = (times / 1000 >= start) & (times / 1000 <= stop + grace_s)
        (hits if inside.any() else missed).append(start)
        times = times[~inside]
    false: list[float] = []
    for time in times.tolist():  # few are left, and each depends on the one before
        if not false or not false[-1] < time <= false[-1] + _MERGE_MS:
            false.append(time)
    return Detections(tuple(hits), tuple(missed), tuple(time / 1000 for time in false))


def duty_cycle_of(trial: StreamingEntry) -> DutyCycle | None:
    """Duty cycle by the edges of the processing pin, or None if they do not pair up."""
    starts, stops = np.asarray(trial.starts_s), np.asarray(trial.stops_s)
    if len(starts) != len(stops) or len(starts) < 2:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        period, processing = float(np.diff(starts).mean()), float((stops - starts).mean())
    if not (np.isfinite(period) and np.isfinite(processing) and period > 0 and processing > 0):
        return None
    return DutyCycle(period, processing)
