"""Edges that the IO manager's clock has timed, brought onto the monitor's sample clock.

The official recipe (protocols.md 4.1): one edge of the DUT starts the monitor and is timed by the IO manager;
what is between that edge and another one on the IO manager's clock is as long on the monitor's. Both clocks'
rates come from many marks against the host's clock (``energy.window.clockfit``). During the session edges lie
where the marks so far put them; at its end all marks place them, and the windows are made again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from energy.bench.assemble import EnergyBench
from energy.errors import BenchError
from energy.findings import Finding
from energy.instruments import IoManager, Lap, LapTiming, MonitorLimits
from energy.session.edgewatch import Settled, expect_edges
from energy.session.recorder import Recorder
from energy.session.witness import Witness
from energy.signal import Edge
from energy.window.clockfit import EdgeMap, map_edges
from energy.window.edgestream import EdgeStream, TakenEdges
from energy.window.integrator import Window

_MARKS = 12
"""``timestamp`` commands before and after the trials: marks far apart make a good rate."""
_SPACING_S = 0.2
_D3 = "Check the wire from the DUT's timestamp pin to the IO manager (Uno: D3) and their common ground."


@dataclass(frozen=True)
class _Timed:
    lap: Lap
    edge: Edge


@dataclass
class _Run:
    """From one start of the monitor to the next, or to samples that were lost in unknown number.

    Attributes:
        base: Position of its sample 0.
        gaps: How many gaps the recorder had when it began.
        start: The edge that started it.
        laps: All edges that the IO manager has timed.
        timed: Those that count, where they were put at first.
    """

    base: int
    gaps: int
    start: Lap | None = None
    laps: list[Lap] = field(default_factory=list[Lap])
    timed: list[_Timed] = field(default_factory=list[_Timed])


def timing_of(io_manager: IoManager) -> LapTiming:
    """The limits of the times of an IO manager that times edges.

    Raises:
        BenchError: ``io.no-timer`` if it times none.
    """
    if io_manager.timing is None:
        raise BenchError(
            "io.no-timer",
            "the edges must come from the IO manager's clock, and this IO manager has none",
            "Use an Uno with its D3 on the timestamp pin, or a monitor that sees edges.",
        )
    return io_manager.timing


class IoEdges:
    """Edges that the IO manager has timed.

    Args:
        recorder: The monitor's stream.
        io_manager: The IO manager that times them.
        limits: The limits of the monitor's start and delivery.
        hold_s: Edges closer than this are one edge.

    Raises:
        BenchError: ``io.no-timer`` if this IO manager times no edges.
    """

    def __init__(
        self, recorder: Recorder, io_manager: IoManager, limits: MonitorLimits, hold_s: float
    ) -> None:
        timing = timing_of(io_manager)
        self.recorder = recorder
        self.witness = Witness(hold_s, by_monitor=False)
        self._io, self._limits, self._timing = io_manager, limits, timing
        self._stream = EdgeStream(1.0, TakenEdges(), hold_s=hold_s, unit="second")
        self._runs: list[_Run] = []
        self._bench: EnergyBench | None = None

    def start(self, bench: EnergyBench) -> None:
        """Starts the monitor, unless an edge of the DUT must start it."""
        if not self._limits.starts_on_edge:
            self._start_monitor(bench)

    def begin(self, bench: EnergyBench, *, dut_responds: bool = True) -> None:
        """Starts the monitor by an edge of the DUT, if it can be; gives both clocks their first marks."""
        if self._limits.starts_on_edge:
            self._start_monitor(bench)
        self._io.laps()  # those before now belong to no command
        if not dut_responds:
            return
        self._bench = bench
        if self._limits.starts_on_edge:
            bench.dut.timestamp()
            self.recorder.begin()
            self._gather()
            expect_edges(int(self._runs[-1].start is not None), 1, "`timestamp`", _D3)
        self._marks(bench)

    def _start_monitor(self, bench: EnergyBench) -> None:
        base = self.recorder.restart() if self._runs else 0
        self._runs.append(_Run(base, len(self.recorder.gaps)))
        self.recorder.begin(flowing=not self._limits.starts_on_edge)
        bench.monitor.start(self.recorder)

    def verify_edge(self, bench: EnergyBench) -> None:
        """Expects an edge for a ``timestamp`` command."""
        self.ready()
        bench.dut.timestamp()
        expect_edges(len(self.collect()), 1, "`timestamp`", _D3)

    def take(self) -> list[Edge]:
        """The edges timed since they were last taken, where the marks so far put them."""
        self.recorder.pump()
        fresh = self._gather()
        if not fresh:
            return []
        run = self._runs[-1]
        mapped = self._map(run)
        timed = [_Timed(lap, _moved(mapped.edge(lap.own_s), run.base)) for lap in fresh]
        run.timed += timed
        return [each.edge for each in timed]

    def ready(self) -> list[Edge]:
        """Takes edges that belong to no command; starts the monitor again after a gap of unknown length.

        Behind such a gap a position is no time any more, and no edge can be put into the samples.
        """
        strays = self.take()
        lost = self.recorder.gaps[self._runs[-1].gaps :]
        if self._bench is not None and any(gap.count is None for gap in lost):
            self._bench.monitor.stop()
            self.start(self._bench)
            self.begin(self._bench)
        return strays

    def collect(self) -> list[Edge]:
        """Waits for the samples; the IO manager's lines have come before the DUT's answer."""
        self.recorder.catch_up(edges=False)
        return self.take()

    def finish(self, bench: EnergyBench, windows: list[Window], *, dut_responds: bool = True) -> Settled:
        """Takes more marks, and puts the windows' edges where all marks together put them."""
        if dut_responds:
            self._marks(bench)
            self.recorder.catch_up(edges=False)
        self.take()
        final: dict[Edge, Edge] = {}
        findings: list[Finding] = []
        runs: list[dict[str, Any]] = []
        for run in self._runs:
            mapped = self._map(run)
            final |= {timed.edge: _moved(mapped.edge(timed.lap.own_s), run.base) for timed in run.timed}
            findings += mapped.findings
            runs.append(self._record(run, mapped))
        for edge in final.values():
            self.recorder.write_edge(edge)
        moved = [
            self.recorder.window(window.number, final[window.opening], final[window.closing])
            for window in windows
        ]
        timing = self._timing
        return Settled(
            moved,
            {"source": "io", "runs": runs},
            findings + self._stream.findings,
            2 * (timing.tick_s + timing.late_s),
        )

    def _record(self, run: _Run, mapped: EdgeMap) -> dict[str, Any]:
        rate_hz = self.recorder.signal.rate_hz
        return {
            "first_sample": run.base,
            "marks": len(run.laps),
            "started_by_edge": run.start is not None,
            "io_seconds_per_host_second": 1 / mapped.own.rate,
            "io_rate_bound": mapped.own.rate_bound / mapped.own.rate,
            "samples_per_host_second": 1 / mapped.samples.rate,
            "sample_rate_bound": mapped.samples.rate_bound / mapped.samples.rate,
            "position_bounds_s": [mapped.edge(timed.lap.own_s).bound / rate_hz for timed in run.timed],
        }

    def _marks(self, bench: EnergyBench) -> None:
        """Edges of no window, for the rates of the clocks."""
        for _ in range(_MARKS):
            bench.dut.timestamp()
            bench.clock.sleep(_SPACING_S)
        self._gather()

    def _gather(self) -> list[Lap]:
        """Takes over what the IO manager has timed; returns the edges that count."""
        fresh, run = self._io.laps(), self._runs[-1]
        if self._limits.starts_on_edge and run.start is None and fresh:
            run.start = fresh[0]
        run.laps += fresh
        self.witness.take(fresh)
        return [lap for lap in fresh if self._stream.accept(Edge(lap.own_s)) and lap is not run.start]

    def _map(self, run: _Run) -> EdgeMap:
        later = next((other.base for other in self._runs if other.base > run.base), math.inf)
        arrivals = [mark for mark in self.recorder.arrivals if run.base < mark[0] <= later]
        lost = next((gap for gap in self.recorder.gaps[run.gaps :] if gap.count is None), None)
        if lost is not None:  # behind it a position is no time
            arrivals = [mark for mark in arrivals if mark[0] <= lost.first]
        return map_edges(
            run.laps,
            self._timing,
            [(stop - run.base, came_s) for stop, came_s in arrivals],
            self.recorder.signal,
            arrival_s=self._limits.delivery_s,
            sample_tolerance=self._limits.clock_tolerance,
            start=run.start,
            start_latency_s=self._limits.start_latency_s,
        )


def _moved(edge: Edge, base: int) -> Edge:
    return replace(edge, position=edge.position + base)
