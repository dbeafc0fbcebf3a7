"""The context of an examination: the bench, what was asked for, the monitor's stream."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from energy.bench.assemble import Bench, EnergyBench
from energy.benchmark.workloads import Workload
from energy.doctor.watch import CurrentFigures, WatchingRecorder
from energy.instruments import Mode
from energy.session.edgewatch import EdgeWatch
from energy.session.lease import BenchLease

NEAR = 0.98
"""A current above this part of the limit counts as at the limit."""


@dataclass
class Stream:
    """The monitor's stream during an examination.

    Attributes:
        bench: The instruments.
        watch: The source of edges.
        recorder: The receiver of the stream.
        early: Whether it runs from before power-on.
    """

    bench: EnergyBench
    watch: EdgeWatch
    recorder: WatchingRecorder
    early: bool

    def start(self, lease: BenchLease[Bench]) -> None:
        """Starts the stream; it is stopped on every way out."""
        lease.on_exit("monitor stop", self._stop)
        lease.supervise(self.recorder)
        self.watch.start(self.bench)
        if not self.early:
            self.watch.begin(self.bench)

    def _stop(self) -> None:
        self.recorder.running = False
        self.bench.monitor.stop()
        self.recorder.drain()

    def seen(self, first: int) -> CurrentFigures | None:
        """The current from a position on, up to now; None where the stream does not run."""
        if not self.recorder.running:
            return None
        self.recorder.catch_up(edges=self.early)
        return self.recorder.seen(first)


@dataclass
class DoctorContext:
    """A bench while the doctor examines it.

    Attributes:
        lease: The leased bench.
        workload: The workload that the DUT should run.
        mode: Performance mode where the bench has no monitor.
        folder: Where the stream is recorded.
        stream: The monitor's stream, once it is set up; None in performance mode.
        powered_at: Position in the stream at which the supply was switched on.
        powered: Whether it was switched on.
    """

    lease: BenchLease[Bench]
    workload: Workload
    mode: Mode
    folder: Path
    stream: Stream | None = None
    powered_at: int = 0
    powered: bool = False

    @property
    def bench(self) -> Bench:
        """The instruments."""
        return self.lease.bench

    @property
    def most_a(self) -> float:
        """The lowest of all limits of current."""
        bench = self.bench
        ours = bench.file.limits.highest_a
        return min(ours, bench.monitor.limits.highest_a) if isinstance(bench, EnergyBench) else ours

    def seen(self, first: int) -> CurrentFigures | None:
        """The current from a position on, up to now; None where no stream runs."""
        return self.stream.seen(first) if self.stream is not None else None
