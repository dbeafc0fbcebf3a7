"""Recordings for the tests of figures: of known samples, with windows, gaps and edges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from energy.evidence.reader import SessionWindows
from energy.recording.trace import ArrayTrace
from energy.report.figures.style import COLUMN_IN, PAGE_IN, SCREEN_IN
from energy.runs.files import ModeFolder
from energy.runs.measured import measure_run
from energy.runs.measurement import Measurement
from energy.runs.run import Run
from energy.signal import Block, Edge, Gap, SampleKind, Signal

EVERY_WIDTH = [COLUMN_IN, PAGE_IN, SCREEN_IN]
RATE_HZ = 1000.0


class Gappy(ArrayTrace):
    """A trace whose gaps are holes: their samples do not come."""

    def read(self, first: int, stop: int):
        begin = self.first
        for gap in [*self.gaps, Gap(self.stop, 1, "")]:
            block = Block(begin, tuple(c[begin - self.first : gap.first - self.first] for c in self.columns))
            if len(block := block.clip(first, stop)):
                yield block
            begin = gap.first + (gap.count or 0)


def measured(
    power_w: np.ndarray,
    edges: Sequence[float] = (),
    iterations: Sequence[int] = (),
    gaps: Sequence[Gap] = (),
    *,
    bound: float = 0.0,
    rate_hz: float = RATE_HZ,
) -> Measurement:
    """A measured recording whose samples have this power."""
    trace = Gappy(
        Signal(SampleKind.ENERGY, rate_hz, "float64"),
        (np.asarray(power_w, np.float64) / rate_hz,),
        edges=[Edge(float(at), bound) for at in edges],
        gaps=list(gaps),
    )
    return of_trace(trace, iterations)


def of_trace(trace: ArrayTrace, iterations: Sequence[int] = ()) -> Measurement:
    """A measured recording of this trace."""
    session = SessionWindows(iterations=list(iterations))
    return measure_run(Run(ModeFolder("energy", Path("bench/session-7")), session=session, trace=trace))


def duty(
    count: int, windows: int, idle_w: float = 0.01, busy_w: float = 0.04
) -> tuple[np.ndarray, list[float]]:
    """Power that is high in each of so many windows, with noise, and the windows' edges."""
    power = idle_w + 1e-4 * np.random.default_rng(15).standard_normal(count)
    edges: list[float] = []
    for number in range(windows):
        start = int((number + 0.25) * count / windows)
        stop = int((number + 0.75) * count / windows)
        power[start:stop] += busy_w - idle_w
        edges += [float(start), float(stop)]
    return power, edges
