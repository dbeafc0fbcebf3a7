"""Takes a monitor's stream into the recording and the windows: the session's side of a ``Sink``.

The driver's thread only puts items into a queue (``energy.session.stream``); the session's thread takes them
out in ``pump``, records them and gives blocks, edges and watermarks to the ``WindowIntegrator``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from energy.errors import TimingError
from energy.findings import Finding
from energy.instruments import Clock, Deadline, over_current, overload
from energy.interrupts import WHOLE
from energy.recording.keep import EVERYTHING, Storage, margin
from energy.recording.store import RecordingWriter
from energy.session.losses import fallen_behind, losses_of
from energy.session.observer import NOBODY, Observer
from energy.session.overrange import without_overrange
from energy.session.stream import Fault, Levels, Samples, StreamItem, StreamQueue, Watermark
from energy.signal import (
    Block,
    DigitalBlock,
    DigitalInput,
    Edge,
    Gap,
    RangeChange,
    SampleKind,
    SampleSource,
    Signal,
)
from energy.window.edges import InputEdges, Marker
from energy.window.edgestream import EdgeStream, TakenEdges
from energy.window.integrator import Window, WindowIntegrator
from energy.window.pairing import Pair
from energy.window.sampleclock import Arrivals

_CLOCKS_DIFFER = 0.005
"""By how much a monitor's sample clock may differ from the host's (a ceramic resonator; quartz is 50 times
better). It only decides how long is waited for a watermark, never where an edge lies."""
_JUDGED_S = 0.5
"""After so long a faster sample clock is believed; before, when exactly it began counts for too much."""
_SETTLE_S = 0.05
_BEYOND = 1.2
"""An instrument reads a little beyond its range; this part of it at most is taken for a current."""
_SILENCE_S = 10.0
_BEHIND = 0.25
"""Longest wait for a slow stream, as a part of the time since its start, beyond `_SILENCE_S`: with each
wait, a stream that loses samples falls further behind."""
_FLOW_S = 1.0
"""A stream that has brought nothing for so long, beyond what its delivery may take, has ended."""
_LOOK_MOST_S = 0.1
"""So much of the time between two looks counts at most: while this process stood still, it could not see
what had come."""


class Recorder(StreamQueue):
    """Takes a monitor's stream; hands out windows.

    Args:
        folder: Where the recording is written.
        signal: What the samples mean.
        clock: The session's clock.
        virtual: Whether the samples come from the virtual bench.
        about: Notes kept with the samples.
        hold_s: Edges closer than this are one edge.
        marker: How the DUT's pin marks its work.
        highest_a: The bench's limit of current; a sample above it ends the session.
        range_a: The highest current that the monitor can measure.
        supply_v: Supply voltage, which gives the current of samples of energy.
        delivery_delay_s: How long the driver may keep samples back to count them.
        delivery_s: How late a block may come after its last sample.
        storage: Which samples are kept, and how many bytes they may take.

    Attributes:
        signal: What the samples mean.
        gaps: Where samples were lost.
        restarts: Positions at which the monitor was started once more.
        arrivals: Position after the last sample of a block, and when it had come on the session's clock; a
            few thousand at most.
        marker: How the DUT's pin marks its work.
        per_ampere: What a current of 1 A reads in the first column.
        observer: Sees what is recorded, once it is.
        storage: Which samples are kept.
        margin: Samples that are kept before a window and after it.
        writer: The recording as it is written.
        integrator: Its windows.
    """

    def __init__(
        self,
        folder: Path,
        signal: Signal,
        clock: Clock,
        *,
        virtual: bool,
        about: dict[str, Any],
        hold_s: float,
        marker: Marker = Marker.PULSE,
        highest_a: float,
        range_a: float = math.inf,
        supply_v: float,
        delivery_delay_s: float = 0.0,
        delivery_s: float = 0.0,
        storage: Storage = EVERYTHING,
    ) -> None:
        super().__init__(clock)
        self.signal = signal
        self.marker = marker
        self.observer: Observer = NOBODY
        self.gaps: list[Gap] = []
        self.restarts: list[int] = []
        self.arrivals = Arrivals(signal.rate_hz)
        self._inputs: dict[str, InputEdges] = {}
        self.writer = self._writer = RecordingWriter(
            folder, signal, virtual=virtual, about=about, storage=storage
        )
        self.storage, self.margin = storage, margin(signal)
        self._taken = TakenEdges()
        self.integrator = self._integrator = WindowIntegrator(self._writer, self._taken, hold_s, marker)
        self._closed: list[Window] = []
        energy = signal.kind is SampleKind.ENERGY
        per_ampere = supply_v / signal.rate_hz / signal.joule_per_unit if energy else 1.0
        self._highest_a, self._range_a, self.per_ampere = highest_a, range_a, per_ampere
        self._patience_s = _SILENCE_S + delivery_delay_s
        self._exceeded = False
        self._latest: Block | None = None
        self._started = clock.now()
        self._base = 0
        self._quiet_most_s = _FLOW_S + max(delivery_s, delivery_delay_s) + 2 / signal.rate_hz + clock.lag_s
        self._begun = self._flowing = self._came = False
        self._quiet_s = self._looked_s = 0.0
        self._last = (0, self._started)

    def restart(self) -> int:
        """After the monitor has stopped: what it streams from now on follows what it has streamed.

        Returns:
            Position of its next sample 0, after a gap of unknown length.
        """
        self.drain()
        if self.stop > self._base:
            self._base = self.stop
            self.restarts.append(self._base)
            self.gap(Gap(0, None, "the monitor was started again"))
            self.pump()
        return self._base

    def begin(self, *, flowing: bool = True) -> None:
        """Marks the start of the monitor: no sample is older than this moment.

        Args:
            flowing: Whether samples come from now on; else with the first one that comes.
        """
        self._started = self._looked_s = self._clock.now()
        self._last = (0, self._started)
        self._begun, self._flowing, self._quiet_s = True, flowing, 0.0

    def check_flow(self) -> None:
        """Checks whether something has arrived since the last call; called repeatedly while the stream runs.

        Raises:
            TimingError: ``monitor.silent`` if nothing has come for longer than a delivery may take.
        """
        now_s = self._clock.now()
        if self._came or not self._flowing:
            self._came, self._quiet_s = False, 0.0
        else:
            self._quiet_s += min(now_s - self._looked_s, _LOOK_MOST_S)
        self._looked_s = now_s
        if self._quiet_s > self._quiet_most_s:
            self._flowing = False
            raise TimingError(
                "monitor.silent",
                f"the monitor's stream stopped at sample {self._writer.stop}; nothing has arrived for "
                f"{self._quiet_s:.1f} s, and {self._quiet_most_s:.1f} s is the most that it may take",
                "Check the monitor's USB cable and its display; switch it off and on again.",
            )

    def drain(self) -> None:
        """After the monitor has stopped: takes the last items, a late fault included."""
        self.pump()

    def pump(self) -> None:
        """Takes everything that has come.

        Raises:
            JoulebenchError: The monitor's fault, if it sent one.
        """
        with WHOLE:  # an item that was taken out of the queue is recorded
            for item in self.items():
                self._came = True
                self._take(item)
            self._advance()

    def _take(self, item: StreamItem) -> None:
        """Takes an item, moved to the positions of the whole recording."""
        match item:
            case Samples(block, came_s):
                self._take_samples(block, came_s)
            case Levels(source, block):
                self._take_levels(source, block)
            case Edge():
                self._take_edge(replace(item, position=item.position + self._base))
            case Gap():
                gap = replace(item, first=item.first + self._base)
                self._writer.gap(gap)
                self._integrator.gap(gap)
                self.gaps.append(gap)
                self.observer.gap(gap)
            case RangeChange():
                self._writer.range_change(replace(item, position=item.position + self._base))
            case Watermark(position):
                self._integrator.edges_complete(position + self._base)
            case Fault(error):
                raise error

    def _advance(self) -> None:
        self._closed += self._integrator.samples_complete(self._writer.stop)

    def watched_by(self, observer: Observer) -> None:
        """From now on this observer sees what is recorded."""
        self.observer = observer
        observer.stream(self.signal)

    def write_edge(self, edge: Edge) -> None:
        """Records an edge without pairing it."""
        self._writer.edge(edge)
        self.observer.edge(edge)

    def _take_edge(self, edge: Edge) -> None:
        self.write_edge(edge)
        self._closed += self._integrator.edge(edge)

    def _take_samples(self, block: Block, came_s: float) -> None:
        if self._base:
            block = replace(block, first=block.first + self._base)
        block, highest, beyond = without_overrange(block, _BEYOND * self._range_a * abs(self.per_ampere))
        self._flowing, self._latest = self._begun, block
        self._writer.append(block)
        self._integrator.samples(block)
        self.observer.block(block)
        if beyond is not None and not self._exceeded:
            self._exceeded = True
            raise overload(f"a sample of {beyond / self.per_ampere:.4g} A was read", self._range_a)
        self._check_current(block, highest)
        self.arrivals.add(block.stop, came_s)
        self._last = (block.stop - self._base, came_s)

    def _take_levels(self, source: DigitalInput, block: DigitalBlock) -> None:
        self._writer.digital(source, block)
        if source.phases:
            return
        if source.name not in self._inputs:
            self._inputs[source.name] = InputEdges(source, self.signal.rate_hz)
        for edge in self._inputs[source.name].add(block):
            self._take_edge(edge)

    @property
    def latest_a(self) -> float:
        """Mean current of the latest block, in ampere; NaN before the first."""
        if self._latest is None:
            return math.nan
        values = self._latest.columns[0]
        values = values[np.isfinite(values)]
        return float(values.mean(dtype=np.float64)) / self.per_ampere if len(values) else math.nan

    def _check_current(self, block: Block, highest: float) -> None:
        if not len(block):
            return
        if math.isnan(highest):  # the slower way past it
            highest = float(np.nanmax(block.columns[0], initial=0.0))
        current_a = highest / self.per_ampere
        if current_a > self._highest_a and not self._exceeded:
            self._exceeded = True  # raised once; what follows is recorded while the supply goes off
            raise over_current(f"the DUT drew {current_a:.4g} A", self._highest_a)

    @property
    def source(self) -> SampleSource:
        """The samples that have arrived."""
        return self._writer

    @property
    def stop(self) -> int:
        """Position after the last sample that has arrived."""
        return self._writer.stop

    def take_edges(self) -> list[Edge]:
        """The conditioned edges since the last call, which begins a new trial."""
        return self._taken.take()

    def forget_edges(self) -> None:
        """Leaves out the edges so far, bounces included: a booting DUT moves its pin as it likes."""
        self.edge_stream.forget()
        self._taken.take()

    def catch_up(self, *, edges: bool = True) -> None:
        """Waits until every sample and edge up to now has come.

        How many samples the monitor can have taken since the start is known from the host's clock, with a
        margin for the difference of the two clocks, and from what has come already if that is more; the
        stream's own watermarks show when they are all here. So nothing depends on how late the monitor
        delivers.

        Args:
            edges: Whether the stream brings the edges, too.

        Raises:
            TimingError: ``monitor.silent`` if the stream stops on the way for ten seconds longer than the
                driver keeps samples back; ``monitor.time-base`` if it falls behind.
            BenchError: ``samples.gap`` if it falls behind because samples are lost.
        """
        elapsed = self._clock.now() - self._started
        self.pump()
        goal = self._base + (elapsed * (self._fastest() + _CLOCKS_DIFFER) + _SETTLE_S) * self.signal.rate_hz
        seen = -1.0
        deadline = Deadline(self._clock, self._patience_s)
        limit = Deadline(self._clock, self._patience_s + _BEHIND * elapsed)
        while True:
            self.pump()
            reached = float(self._writer.stop)
            if edges:
                reached = min(reached, max(self.edge_stream.complete, 0.0))
            if reached >= goal:
                return
            if reached > seen:
                seen, deadline = reached, Deadline(self._clock, self._patience_s)
            elif deadline.expired():
                raise TimingError(
                    "monitor.silent",
                    f"the monitor's stream stopped at sample {reached:.0f}; up to {goal:.0f} were expected",
                    "Check the monitor's USB cable and its display; switch it off and on again.",
                )
            if limit.expired():
                raise fallen_behind(
                    reached - self._base, elapsed + limit.seconds, self.signal.rate_hz, self.gaps
                )
            self._clock.wait(0.05)

    def losses(self, before: int = 0) -> str:
        """The gaps from number ``before`` on, in a sentence; empty if there are none."""
        return losses_of(self.gaps[before:])

    def _fastest(self) -> float:
        """Lower bound of its sample clock's relative rate: samples that arrived were taken before."""
        samples, came_s = self._last
        since_s = came_s - self._started
        return max(samples / self.signal.rate_hz / since_s, 1.0) if since_s > _JUDGED_S else 1.0

    def window(self, number: int, opening: Edge, closing: Edge) -> Window:
        """The window between two edges, whose samples have come."""
        return self._integrator.window(Pair(number, opening, closing))

    def await_window(self, pair: Pair) -> None:
        """Takes the edges of a window; it is among ``closed_windows`` once its samples have come."""
        self._integrator.await_samples(pair)
        first, stop = pair.opening.position - self.margin, pair.closing.position + self.margin
        self._writer.keep(math.floor(first), math.ceil(stop))

    def closed_windows(self, stop: float | None = None) -> list[Window]:
        """The windows awaited that have closed since the last call, in the order of time.

        Args:
            stop: Where no sample will come any more before the next window, or ever: windows that end before
                this position are closed as well, without the samples around their edges.
        """
        self._advance()
        if stop is not None:
            self._closed += self._integrator.close_before(stop)
        closed, self._closed = self._closed, []
        return closed

    @property
    def edge_stream(self) -> EdgeStream:
        """The edges of the monitor's stream: which count, and which are left out."""
        return self._integrator.edges

    @property
    def findings(self) -> list[Finding]:
        """Findings about the edges."""
        return self._integrator.findings

    def energy_j(self, first: int, stop: int) -> float:
        """Energy of the samples ``[first, stop)``, which have come, in joule."""
        return float(self._integrator.prefix.sum(first, stop).value) * self.signal.joule_per_unit

    def missing(self, first: int, stop: int) -> int:
        """Number of the samples ``[first, stop)`` that have not arrived, or are not numbers."""
        return stop - first - self._integrator.prefix.sum(first, stop).count

    def sync(self) -> None:
        """Puts the samples and edges that have come on the disk: they survive a kill, and a power cut."""
        self._writer.sync()

    def close(self) -> None:
        """Closes the recording."""
        self._writer.close()
