"""Converts edges from an IO manager's clock to positions in a monitor's sample clock, with strict bounds.

Both clocks are compared with the host's by means of marks: the IO manager's messages (its own time of an
edge, and when the message had arrived) and the monitor's blocks (number of samples, and when they had
arrived). The delay of a mark lies within a stated interval, and nothing more is assumed about it: no
distribution, no independence. So a bound here is a worst case that follows from the stated intervals alone.
It is known before any mark, and it does not shrink if the marks happen to fit well.

Rate: least squares over all marks. With weights ``w`` (sum of ``w`` is 0, sum of ``w x`` is 1) and delays
within ± ``h`` of their middle, the slope is wrong by at most ``h * sum|w|``. The result is the intersection
of that interval with the one that is known beforehand (a resonator's tolerance). A line through two distant
marks would have a bound of 2 h / T instead of 3 h / T, but would depend on these two marks alone; here a
single mark that breaks its limits has little weight.

Offset: where an edge of the DUT starts the monitor, both clocks have seen that edge, and only the monitor's
latency remains. Otherwise the offset is found through the host's clock, and its bound includes the whole
interval of both delays: a delay that all marks share looks the same as an offset.

The marks must also be possible: some straight line, of a rate within the tolerance, must pass through every
mark's interval. If none does, a stated interval is wrong, samples were lost unnoticed, or a clock jumped. A
finding then names the two marks that exclude each other, and the bounds are not valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from energy.errors import BenchError
from energy.findings import Finding
from energy.instruments import Lap, LapTiming
from energy.signal import Edge, EdgeKind, Signal

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
"""Lower and upper limit."""

HOST_TOLERANCE = 1e-4
"""Largest fraction by which the host's monotonic clock may run fast or slow: a quartz, free-running or
disciplined by a time service. While such a service slews it (by up to 5e-4, for a while after booting) the
clock is worse than this."""
_BISECTIONS = 80


@dataclass(frozen=True)
class ClockFit:
    """One clock as a straight line over another: ``y = middle_y + rate * (x - middle_x)``.

    Attributes:
        rate: Units of ``y`` per unit of ``x``.
        rate_bound: Largest error of ``rate``.
        middle_x: Mean of the marks.
        middle_y: The line at ``middle_x``.
        middle_bound: Largest error of ``middle_y``; infinite where there are no marks.
        findings: A finding if the marks contradict the stated limits.
    """

    rate: float
    rate_bound: float
    middle_x: float
    middle_y: float
    middle_bound: float
    findings: tuple[Finding, ...] = ()

    def at(self, x: npt.ArrayLike) -> tuple[Floats, Floats]:
        """The line at ``x`` and its largest error there, each of the shape of ``x``."""
        away = np.asarray(x, np.float64) - self.middle_x
        return self.middle_y + self.rate * away, self.middle_bound + self.rate_bound * np.abs(away)


def fit_clock(x: npt.ArrayLike, y: npt.ArrayLike, *, delay: Interval, rate: Interval, what: str) -> ClockFit:
    """Fits a line to marks whose ``y`` is late by an amount within ``delay``.

    All marks have the same weight, because they all have the same interval.

    Args:
        x: Marks on the first clock, shape (n,), n of 0 or more.
        y: The same marks on the second clock, shape (n,), each later than the line by an amount within
            ``delay``.
        delay: Lower and upper limit, in units of ``y``. They may be negative.
        rate: Lower and upper limit of the line's slope, as known beforehand; above 0.
        what: Name of the marks, for findings.
    """
    xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if xs.shape != ys.shape or xs.ndim != 1:
        raise ValueError(f"marks come in pairs, not as {xs.shape} and {ys.shape}")
    if not 0 < rate[0] <= rate[1] or not delay[0] <= delay[1]:
        raise ValueError(f"a rate of {rate} and a delay of {delay} are no intervals")
    lowest, highest = rate
    if not len(xs):
        return ClockFit((lowest + highest) / 2, (highest - lowest) / 2, 0.0, 0.0, np.inf)
    half = (delay[1] - delay[0]) / 2
    middle_x, middle_y = float(xs.mean()), float(ys.mean())
    dx, dy = xs - middle_x, ys - middle_y
    square = float(dx @ dx)
    findings: list[Finding] = []
    if square > 0:
        slope = float(dx @ dy) / square
        bound = half * float(np.abs(dx).sum()) / square
        clash = _clash(dx, dy, half, rate)
        if clash is None:
            lowest, highest = max(lowest, slope - bound), min(highest, slope + bound)
            highest = max(lowest, highest)  # by rounding they may miss each other where they touch
        else:
            findings.append(_contradiction(what, xs, clash, delay, rate))
    return ClockFit(
        rate=(lowest + highest) / 2,
        rate_bound=(highest - lowest) / 2,
        middle_x=middle_x,
        middle_y=middle_y - (delay[0] + delay[1]) / 2,
        middle_bound=half,
        findings=tuple(findings),
    )


def _clash(dx: Floats, dy: Floats, half: float, rate: Interval) -> tuple[float, int, int] | None:
    """The excess by which two marks exclude each other most, and the marks; None if a line fits them all.

    After subtracting the slope s, a line passes through every interval if the highest of the lower ends is
    not above the lowest of the upper ends. The amount by which it is above is convex in s, so bisection finds
    the best slope.
    """
    low, high = rate
    late = early = 0
    excess = 0.0
    slack = 1e-9 + 8 * float(np.finfo(np.float64).eps * np.abs(dy).max(initial=0.0))
    for _ in range(_BISECTIONS):
        slope = (low + high) / 2
        rest = dy - slope * dx
        late, early = int(rest.argmax()), int(rest.argmin())
        excess = float(rest[late] - rest[early]) - 2 * half
        if excess <= slack:
            return None
        if dx[late] < dx[early]:
            high = slope
        else:
            low = slope
    return excess, late, early


def _contradiction(
    what: str, x: Floats, clash: tuple[float, int, int], delay: Interval, rate: Interval
) -> Finding:
    excess, late, early = clash
    evidence = (
        f"{what}: beside mark {early + 1} (at {x[early]:.6f}), mark {late + 1} (at {x[late]:.6f}) of "
        f"{len(x)} is {excess:.3g} s later than any rate within {rate[0]:.9g} and {rate[1]:.9g} and delays "
        f"within {delay[0]:g} s and {delay[1]:g} s allow"
    )
    return Finding("clock.contradicted", evidence)


@dataclass(frozen=True)
class EdgeMap:
    """A map from an IO manager's time to a position in the monitor's samples.

    Attributes:
        timing: Limits of the IO manager's times.
        own: The host's seconds over the IO manager's.
        samples: The host's seconds over positions.
        start_own_s: The edge that started the monitor, on the IO manager's clock; None where none did.
        start_latency_s: Shortest and longest time from that edge to the beginning of sample 0.
        start_position: Position at which sample 0 begins (``Signal.coverage_offset``).
        findings: Contradictions between the marks; with any of them, no bound is valid.
    """

    timing: LapTiming
    own: ClockFit
    samples: ClockFit
    start_own_s: float | None
    start_latency_s: Interval
    start_position: float
    findings: tuple[Finding, ...] = ()

    def positions(self, own_s: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Positions of edges and their largest errors, both in samples.

        Args:
            own_s: Times on the IO manager's clock, any shape.
        """
        times = np.asarray(own_s, np.float64)
        if self.start_own_s is None:
            return self._by_host(times)
        least, most = self.start_latency_s
        since = times - self.start_own_s
        elapsed, half = self._elapsed(since)
        samples, bound = self._in_samples(elapsed - (least + most) / 2, half + (most - least) / 2)
        return self.start_position + samples, bound

    def edge(self, own_s: float) -> Edge:
        """A falling edge at this time of the IO manager's clock."""
        position, bound = self.positions(own_s)
        return Edge(float(position), float(bound), EdgeKind.FALL, "io")

    def duration(self, opening_own_s: float, closing_own_s: float) -> tuple[float, float]:
        """Number of samples between two edges, and its largest error.

        It is the difference of their positions; an error of their common offset cancels.
        """
        (opening, closing), _ = self.positions([opening_own_s, closing_own_s])
        samples, half = self._in_samples(*self._elapsed(np.float64(closing_own_s - opening_own_s)))
        difference = float(closing - opening)
        return difference, float(half) + abs(float(samples) - difference)

    def duration_bound(self, opening_own_s: float, closing_own_s: float) -> float:
        """Largest error of the number of samples between two edges."""
        return self.duration(opening_own_s, closing_own_s)[1]

    def _elapsed(self, own: Floats | np.float64) -> tuple[Floats, Floats]:
        """Host seconds between two edges that are ``own`` apart on the IO manager's clock, and their bound.

        One of them may have been stamped late, or early by a tick, and the other not.
        """
        rate, rate_bound = self.own.rate, self.own.rate_bound
        each = (rate + rate_bound) * self.timing.tick_s + self.timing.late_s
        return np.asarray(rate * own), np.asarray(rate_bound * np.abs(own) + each)

    def _by_host(self, own: Floats) -> tuple[Floats, Floats]:
        line, bound = self.own.at(own)
        early = (self.own.rate + self.own.rate_bound) * self.timing.tick_s
        late = self.timing.late_s
        elapsed = line + (early - late) / 2 - self.samples.middle_y
        samples, half = self._in_samples(elapsed, bound + (early + late) / 2 + self.samples.middle_bound)
        return self.samples.middle_x + samples, half

    def _in_samples(self, seconds: Floats, half: Floats) -> tuple[Floats, Floats]:
        """Converts host seconds and their largest error to samples: the middle of the possible range."""
        fast = self.samples.rate - self.samples.rate_bound
        slow = self.samples.rate + self.samples.rate_bound
        least, most = seconds - half, seconds + half
        lowest = np.where(least >= 0, least / slow, least / fast)
        highest = np.where(most >= 0, most / fast, most / slow)
        return (lowest + highest) / 2, (highest - lowest) / 2


def map_edges(
    laps: Sequence[Lap],
    timing: LapTiming,
    arrivals: Sequence[tuple[float, float]],
    signal: Signal,
    *,
    arrival_s: Interval,
    sample_tolerance: float,
    start: Lap | None = None,
    start_latency_s: Interval = (0.0, 0.0),
    host_tolerance: float = HOST_TOLERANCE,
) -> EdgeMap:
    """Fits both clocks.

    Args:
        laps: All edges that the IO manager has timed, also the starting edge and edges of no window.
        timing: Limits of its times.
        arrivals: Marks: number of complete samples, and when they had arrived on the session's clock. Lost
            samples count; after a gap of unknown length a new fit is needed.
        signal: The samples.
        arrival_s: Shortest and longest time from the end of a block's last sample until the block arrives.
        sample_tolerance: Largest fraction by which the monitor's sample clock may run fast or slow.
        start: The edge that started the monitor; None if a command started it.
        start_latency_s: Shortest and longest time from that edge to the beginning of sample 0.
        host_tolerance: Largest fraction by which the host's clock may run fast or slow; 0 in virtual time.

    Raises:
        BenchError: ``clock.no-marks`` if the offset cannot be found: no start, and laps or arrivals missing.
    """
    if start is None and not (laps and arrivals):
        raise BenchError(
            "clock.no-marks",
            f"{len(laps)} edges of the IO manager and {len(arrivals)} blocks of the monitor tie their clocks "
            "together, and no edge has started the monitor: at least one of each was expected",
            "Check the wire from the timestamp pin to the IO manager's D3 and the monitor's stream.",
        )
    tolerance, rate_hz = timing.rate_tolerance, signal.rate_hz
    slow, fast = 1 - host_tolerance, 1 + host_tolerance
    least, most = timing.message_s
    own = fit_clock(
        [lap.own_s for lap in laps],
        [lap.host_s for lap in laps],
        # The line goes through the time that was read: up to a tick before the edge, or `late_s` after it.
        delay=(least - timing.late_s, most + timing.tick_s * fast / (1 - tolerance)),
        rate=(slow / (1 + tolerance), fast / (1 - tolerance)),
        what="the IO manager's messages",
    )
    samples = fit_clock(
        [count + signal.coverage_offset for count, _ in arrivals],
        [came_s for _, came_s in arrivals],
        delay=arrival_s,
        rate=(slow / (rate_hz * (1 + sample_tolerance)), fast / (rate_hz * (1 - sample_tolerance))),
        what="the monitor's blocks",
    )
    mapped = EdgeMap(
        timing=timing,
        own=own,
        samples=samples,
        start_own_s=None if start is None else start.own_s,
        start_latency_s=start_latency_s,
        start_position=signal.coverage_offset,
    )
    findings = own.findings + samples.findings
    if start is not None and laps and arrivals and not findings:
        findings += _check_start(mapped, start.own_s, rate_hz)
    return replace(mapped, findings=findings)


def _check_start(mapped: EdgeMap, start_own_s: float, rate_hz: float) -> tuple[Finding, ...]:
    """A finding if, within its bounds, the host's clock excludes that this edge started the monitor."""
    expected, expected_bound = mapped.positions(start_own_s)
    seen, seen_bound = replace(mapped, start_own_s=None).positions(start_own_s)
    apart = float(abs(expected - seen))
    if apart <= float(expected_bound + seen_bound):
        return ()
    seen_s, bound_s, expected_s = (float(value) / rate_hz for value in (seen, seen_bound, expected))
    evidence = (
        f"the edge at {start_own_s:.6f} s of the IO manager's clock lies {seen_s:.6f} s after the start of "
        f"sample 0 by the host's clock, known to {bound_s:.6f} s; "
        f"by the monitor's latency {expected_s:.6f} s were expected"
    )
    return (Finding("clock.wrong-start", evidence),)
