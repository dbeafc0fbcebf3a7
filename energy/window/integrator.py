"""Integrates windows: samples, edges and watermarks in, energies out; the same code live and offline.

A window closes when its two edges are known and all its samples have come, in any order. An edge may arrive a
million samples late, as from an IO manager's clock, because samples are read back from where they were
recorded.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile
from operator import attrgetter

from energy.findings import Finding
from energy.recording.keep import Ranges
from energy.recording.trace import Trace
from energy.signal import Block, Edge, EdgeKind, Gap, SampleSource
from energy.window.edges import TIMESTAMP_HOLD_S, Marker
from energy.window.edgestream import EdgeStream
from energy.window.pairing import Pair, Pairing
from energy.window.prefix import EnergyPrefix
from energy.window.rules import EdgeBounds, EnergyRule, RuleEnergy, WindowRules

_MOST_GAPS = 1000
"""Gaps that have a finding each."""
_HIGHEST_POWER_W = 1000.0


@dataclass(frozen=True, slots=True)
class Window:
    """A closed compute window.

    Attributes:
        number: Number of its pair of edges, from 1, in order of time.
        opening: Edge before the first measured inference.
        closing: Edge after the last measured inference.
        rate_hz: Rate of the sample clock in which both edges are given.
        energies: Energy by each rule.
        bounds: Largest error of the ``exact`` energy because of the edges.
        findings: Findings about this window.
    """

    number: int
    opening: Edge
    closing: Edge
    rate_hz: float
    energies: dict[EnergyRule, RuleEnergy]
    bounds: EdgeBounds
    findings: tuple[Finding, ...]

    @property
    def start_s(self) -> float:
        """Time of the opening edge on the monitor's clock."""
        return self.opening.position / self.rate_hz

    @property
    def stop_s(self) -> float:
        """Time of the closing edge on the monitor's clock."""
        return self.closing.position / self.rate_hz

    @property
    def duration_s(self) -> float:
        """Time from edge to edge."""
        return (self.closing.position - self.opening.position) / self.rate_hz


class WindowIntegrator:
    """Turns samples and edges into closed windows.

    Args:
        source: Where samples can be read back from.
        pairing: Which edges open and close which window.
        hold_s: Edges closer than this to the last one are one edge.
        marker: How the DUT's pin marks its work.

    Attributes:
        prefix: Sums of the samples that have come.
        edges: The stream of edges: which count, which are left out, up to where it is complete.
    """

    def __init__(
        self,
        source: SampleSource,
        pairing: Pairing,
        hold_s: float = TIMESTAMP_HOLD_S,
        marker: Marker = Marker.PULSE,
    ) -> None:
        rate = source.signal.rate_hz
        self.prefix = EnergyPrefix(source)
        self.edges = EdgeStream(rate, pairing, hold_s=hold_s, marker=marker)
        self._rate_hz = rate
        self._rules = WindowRules(source.signal, self.prefix)
        self._waiting: deque[tuple[Pair, int]] = deque()
        self._unknown_gaps: list[Gap] = []
        """Gaps of unknown length, in order: there may be as many as windows."""
        self._not_kept = Ranges()
        self._samples_complete = 0

    @property
    def findings(self) -> list[Finding]:
        """Findings about the session's edges as a whole."""
        return self.edges.findings

    def samples(self, block: Block) -> None:
        """Takes samples as they come. Give it all samples or none; without them, they are read back."""
        self.prefix.feed(block)

    def samples_complete(self, position: int) -> list[Window]:
        """Takes a watermark: every sample before ``position`` has come or never will.

        Returns:
            The windows that this closes.
        """
        self._samples_complete = max(self._samples_complete, position)
        self.prefix.advance(self._samples_complete)
        return self._close(self._samples_complete)

    def edge(self, edge: Edge) -> list[Window]:
        """Takes an edge, however late it comes after its samples; returns the windows that this closes.

        Edges must come in order of time. An edge out of order is left out, with a finding: the windows that
        it would change may be closed already.
        """
        if pair := self.edges.add(edge):
            self.await_samples(pair)
        return self._close(self._samples_complete)

    def await_samples(self, pair: Pair) -> None:
        """Takes the edges of a window that the caller has paired; it closes with its last sample."""
        self._waiting.append((pair, self._rules.extent(pair.opening, pair.closing).needed))

    @property
    def awaited_from(self) -> float:
        """Position of the first opening edge whose window waits for its samples; infinite if none does."""
        return self._waiting[0][0].opening.position if self._waiting else math.inf

    def close_before(self, stop: float) -> list[Window]:
        """Closes the windows that end before ``stop``, even without the samples around their edges.

        Args:
            stop: Position after the last sample, where none will come any more; infinite: every window.
        """
        closed: list[Window] = []
        while self._waiting and self._exact_stop(self._waiting[0][0]) <= stop:
            closed.append(self.window(self._waiting.popleft()[0]))
        return closed

    def _exact_stop(self, pair: Pair) -> int:
        return self._rules.extent(pair.opening, pair.closing).exact[1]

    def edges_complete(self, position: float) -> None:
        """Takes a watermark: no edge before ``position`` will still come."""
        self.edges.edges_complete(position)

    def gap(self, gap: Gap) -> None:
        """Notes a gap; needed only if it is not known how many samples were lost, or if they are not kept."""
        if not gap.lost and gap.count is not None:
            self._not_kept.add(gap.first, gap.first + gap.count)
        elif gap.count is None:
            insort(self._unknown_gaps, gap, key=attrgetter("first"))

    def finish(self, stop: int) -> list[Window]:
        """Ends the session at position ``stop``: no more samples or edges will come.

        Returns:
            The windows that were still open; missing samples in them are findings.
        """
        closed = self.samples_complete(stop)
        self._waiting += [(pair, 0) for pair in self.edges.finish()]
        return closed + self._close(math.inf)

    def _close(self, complete: float) -> list[Window]:
        closed: list[Window] = []
        while self._waiting and self._waiting[0][1] <= complete:
            pair, _ = self._waiting.popleft()
            closed.append(self.window(pair))
        return closed

    def window(self, pair: Pair) -> Window:
        """The window between two edges, from the samples that have come."""
        number, opening, closing = pair
        energies = self._rules.energies(opening, closing)
        return Window(
            number,
            opening,
            closing,
            self._rate_hz,
            energies,
            self._rules.edge_bounds(opening, closing),
            tuple(self._check(number, opening, closing, energies)),
        )

    def _check(
        self, number: int, opening: Edge, closing: Edge, energies: dict[EnergyRule, RuleEnergy]
    ) -> Iterable[Finding]:
        exact = energies[EnergyRule.EXACT]
        if closing.position <= opening.position:
            yield Finding("window.empty", f"both edges at sample {opening.position:.10g}", number)
            return
        if exact.not_finite:
            yield Finding("samples.not-finite", f"{exact.not_finite} samples are NaN or infinite", number)
        if exact.missing:
            first, stop = self._rules.extent(opening, closing).exact
            absent = sum(end - begin for begin, end in self._not_kept.within(first, stop))
            if absent:
                yield Finding("window.not-kept", f"{absent} of {stop - first} samples are not kept", number)
            if exact.missing > absent:
                missing = exact.missing - absent
                yield Finding(
                    "window.samples-missing", f"{missing} of {stop - first} samples are missing", number
                )
        at = bisect_left(self._unknown_gaps, opening.position, key=attrgetter("first"))
        for gap in takewhile(lambda gap: gap.first <= closing.position, islice(self._unknown_gaps, at, None)):
            evidence = f"unknown number lost at sample {gap.first} ({gap.reason})"
            yield Finding("window.samples-missing", evidence, number)
        if not 0 <= exact.power_w <= _HIGHEST_POWER_W:
            yield Finding("window.implausible-power", f"mean power is {exact.power_w:.4g} W", number)


def gap_findings(gaps: Iterable[Gap]) -> list[Finding]:
    """Findings for samples that were lost anywhere in a recording.

    Each of the first ``_MOST_GAPS`` gaps has its own; one states how many others there are.
    """
    gaps = iter(gaps)
    findings = [_gap_finding(gap) for gap in islice(gaps, _MOST_GAPS)]
    more = samples = unknown = 0
    last = 0
    for gap in gaps:
        more, samples, last = more + 1, samples + (gap.count or 0), gap.first
        unknown += gap.count is None
    if more:
        size = f"{samples} samples" + (f", in {unknown} of them an unknown number" if unknown else "")
        findings.append(Finding("samples.gap", f"{more} more gaps, the last at sample {last}: {size}"))
    return findings


def _gap_finding(gap: Gap) -> Finding:
    size = "an unknown number of" if gap.count is None else str(gap.count)
    return Finding("samples.gap", f"{size} samples from sample {gap.first} ({gap.reason})")


def integrate_trace(
    trace: Trace,
    pairing: Pairing,
    *,
    hold_s: float = TIMESTAMP_HOLD_S,
    marker: Marker = Marker.PULSE,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Window], list[Finding]]:
    """All windows of a finished recording, and the findings about it as a whole.

    Args:
        trace: The recording.
        pairing: Selects the edges that open and close each window.
        hold_s: An edge closer than this to the last edge is part of it.
        marker: How the DUT's pin marks its work.
        progress: Called with the number of samples integrated so far.

    Returns:
        Windows in order of time, and the findings of trace and pairing.
    """
    integrator = WindowIntegrator(trace, pairing, hold_s, marker)
    findings = list(trace.findings)
    for gap in trace.gaps:
        integrator.gap(gap)
    findings += gap_findings(gap for gap in trace.gaps if gap.lost)
    integrator.prefix.advance_all(trace, progress)
    windows: list[Window] = []
    if not any(finding.code == "edge.unsorted" for finding in findings):
        findings += _unsorted(trace.edges)
    for edge in sorted(
        trace.edges, key=attrgetter("position")
    ):  # a stable sort: equal positions keep their order, as they do live
        windows += integrator.edge(edge)
    windows += integrator.finish(trace.stop)
    return windows, findings + integrator.findings


def _unsorted(edges: list[Edge]) -> Iterable[Finding]:
    """A finding for the first falling edge that comes after a later edge, if there is any."""
    for earlier, later in pairwise(edge for edge in edges if edge.kind is EdgeKind.FALL):
        if later.position < earlier.position:
            evidence = f"an edge at sample {later.position:.10g} follows one at {earlier.position:.10g}"
            yield Finding("edge.unsorted", evidence)
            return
