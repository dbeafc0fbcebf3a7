"""A bench while the doctor examines it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from energy.bench.assemble import Bench
from energy.benchmark.workloads import Workload
from energy.doctor.watch import Seen, WatchingRecorder
from energy.instruments import Mode
from energy.session.edgewatch import EdgeWatch
from energy.session.held import Held

NEAR = 0.98
"""A current above this part of the limit counts as at the limit."""


@dataclass
class Visit:
    """A bench while it is examined.

    Attributes:
        hand: The bench, held.
        workload: What the DUT should run.
        mode: How: without a monitor, in performance mode.
        folder: Where the stream is recorded.
        watch: Whoever sees the edges; None in performance mode.
        recorder: The stream.
        early: Whether the stream runs from before power-on.
        powered_at: Position in the stream at which the supply was switched on.
        powered: Whether it was switched on.
    """

    hand: Held
    workload: Workload
    mode: Mode
    folder: Path
    watch: EdgeWatch | None = None
    recorder: WatchingRecorder | None = None
    early: bool = False
    powered_at: int = 0
    powered: bool = False

    @property
    def bench(self) -> Bench:
        """The instruments."""
        return self.hand.bench

    @property
    def most_a(self) -> float:
        """The lowest of all limits of current."""
        monitor = self.bench.monitor
        ours = self.bench.file.limits.highest_a
        return min(ours, monitor.limits.highest_a) if monitor else ours

    def start(self) -> None:
        """Starts the stream; it is stopped on every way out."""
        assert self.watch is not None
        self.hand.at_the_end("monitor stop", self._stop)
        self.hand.supervise(self.watch.recorder)
        self.watch.start(self.bench)
        if not self.early:
            self.watch.begin(self.bench)

    def _stop(self) -> None:
        monitor, recorder = self.bench.monitor, self.recorder
        assert monitor is not None
        assert recorder is not None
        recorder.running = False
        monitor.stop()
        recorder.drain()

    def seen(self, first: int) -> Seen | None:
        """The current from a position on, up to now; None where the stream does not run."""
        if self.recorder is None or not self.recorder.running:
            return None
        self.recorder.catch_up(edges=self.early)
        return self.recorder.seen(first)
