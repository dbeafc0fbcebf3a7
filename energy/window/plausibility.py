"""Checks whether windows can be what they claim to be: the same for a session that runs and for files.

Edges can be wrong in every window alike, so that the windows agree with each other. Independent evidence then
shows it: the power at the ends of a window, which falls when work is over; the lengths of windows with few
and with many inferences, whose difference is inferences alone; the DUT's lines on the host's clock; and the
throughput of a session in performance mode. Every function is pure and yields findings; the thresholds stand
here with their reasons. ``check_samples`` adds the checks of ``strange_samples``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from energy.findings import Finding
from energy.signal import SampleSource
from energy.window.figures import WindowFigures
from energy.window.integrator import Window
from energy.window.remembered import RememberedSource
from energy.window.rules import EnergyRule
from energy.window.strange_samples import dropped_to_zero, frozen_samples, power_units

STRETCHES_S = (0.016, 0.025, 0.04, 0.1, 0.2)
"""Lengths of the stretches at a window's ends. The shortest is twice as long as any mark of a known firmware
holds its pin (protocols.md 1.5: of order 1 ms), because a mark draws less than an inference."""
_FEWEST_SAMPLES = 4
_REFERENCES = 8
_STEP = 0.05
"""A stretch is idle only if it draws this much less than the inferences. Even at 3 % no published window has
a finding (mlperf-tiny.md 3)."""
_SCATTERS = 3.0
"""The step must also be larger than this many times the range of the stretches that it is compared with."""
_EFFECT = 2.5e-4
"""Part of a window's energy or length below which an edge that is off does not count."""
_AFTER_S = 1.0
SHIFT_S = 0.010
"""Part of a window's length that is no inference, at most: firmware and pin need a tenth of it."""
_RATE_CHANGE = 2e-3
"""Largest relative change of the time of an inference from a pilot to a trial: an RC oscillator that warms.
Inputs do not change the time of an int8 network."""
_TRIALS_APART = 1e-3
"""Largest relative difference between the times of an inference in two trials of a session."""
LINES_S = 0.050
"""Largest difference of the delays of two lines of the DUT: 15 ms of a line at 9600 baud, 16 ms of USB, and
the scheduling of a busy host. mlperf-tiny.md 3 finds 6 ms in sound sessions."""
NOTHING_A = 10e-6
"""Less than any processor draws that runs inferences."""
THROUGHPUT_WARNING = 0.02
THROUGHPUT_ERROR = 0.05


@dataclass(frozen=True, slots=True)
class TimedRun:
    """An ``infer`` command between its two edges.

    Attributes:
        iterations: Inferences, warm-ups not included.
        duration_s: Time between the edges on the monitor's clock.
        bound_s: Largest error of ``duration_s``.
        lines_s: Time between the DUT's lines ``m-infer-start`` and ``m-infer-done`` on the host's clock; None
            where it is not known.
        number: Number of its window; None for a pilot.
    """

    iterations: int
    duration_s: float
    bound_s: float
    lines_s: float | None = None
    number: int | None = None


def timed_run(
    window: Window, iterations: int, lines_s: float | None = None, bound_s: float | None = None
) -> TimedRun:
    """The length of a window with its bound: the one given, else that of its edges and a sample."""
    if bound_s is None:
        bound_s = (window.opening.bound + window.closing.bound + 1.0) / window.rate_hz
    return TimedRun(iterations, window.duration_s, bound_s, lines_s, window.number)


def no_energy(figures: Sequence[WindowFigures], voltage_v: float, offset_a: float = 0.0) -> Iterator[Finding]:
    """Windows with inferences whose energy is zero, negative, or no more than the monitor's offset makes.

    Args:
        figures: The windows.
        voltage_v: Supply voltage.
        offset_a: Largest error of a current of zero by the monitor's specification.
    """
    floor_w = max(offset_a, NOTHING_A) * voltage_v
    for row in figures:
        power_w = row.window.energies[EnergyRule.EXACT].power_w
        if row.iterations and not power_w > floor_w and not math.isnan(power_w):
            evidence = (
                f"{row.iterations} inferences draw {power_w:.3g} W on average; no more than {floor_w:.3g} W "
                "is within the monitor's offset, or too little for any processor"
            )
            yield Finding("window.no-energy", evidence, row.window.number, time_s=_span(row.window))


def idle_inside(
    source: SampleSource, figures: Sequence[WindowFigures], breaks: Sequence[int] = ()
) -> Iterator[Finding]:
    """Windows that begin or end with a stretch in which the DUT draws its idle power.

    The first and the last stretch of a window, of several lengths, are compared with stretches inside it that
    begin in the same phase of an inference. A stretch is idle if it draws clearly less than these, and, where
    samples follow the window, if its power is closer to the lowest there.

    Args:
        source: The samples.
        figures: The windows; without numbers of inferences the phase is not known, and the check is weaker.
        breaks: Positions at which an unknown number of samples is missing: what follows is at another time.
    """
    for row in figures:
        if row.window.duration_s <= 0:
            continue
        ends = _Ends(source, row, breaks)
        for at_start in (True, False):
            worst = max(
                (found for length_s in STRETCHES_S if (found := ends.idle(at_start, length_s))),
                key=lambda found: found.lost_j,
                default=None,
            )
            if worst is not None:
                yield worst.finding(row)


@dataclass(frozen=True, slots=True)
class _Idle:
    at_start: bool
    length_s: float
    power_w: float
    inside_w: float

    @property
    def lost_j(self) -> float:
        """Energy by which inferences would exceed what the stretch draws."""
        return (self.inside_w - self.power_w) * self.length_s

    def finding(self, row: WindowFigures) -> Finding:
        window = row.window
        start_s = window.start_s if self.at_start else window.stop_s - self.length_s
        evidence = (
            f"its {'first' if self.at_start else 'last'} {self.length_s * 1e3:.0f} ms draw "
            f"{self.power_w:.4g} W, the same parts of other inferences in it {self.inside_w:.4g} W"
        )
        return Finding(
            "window.idle-inside", evidence, window.number, time_s=(start_s, start_s + self.length_s)
        )


class _Ends:
    """The power at both ends of a window.

    Args:
        source: The samples.
        row: The window.
        breaks: Positions at which an unknown number of samples is missing.
    """

    def __init__(self, source: SampleSource, row: WindowFigures, breaks: Sequence[int]) -> None:
        self._source, self._row = source, row
        window = row.window
        self._rate_hz = window.rate_hz
        self._a, self._b = window.opening.position, window.closing.position
        after = self._b + _AFTER_S * self._rate_hz
        self._after = min([after, *(at for at in breaks if at > self._b - 1)])
        self._period = (self._b - self._a) / row.iterations if row.iterations else None

    def idle(self, at_start: bool, length_s: float) -> _Idle | None:
        """The stretch of this length at an end, if it is idle."""
        length = length_s * self._rate_hz
        if self._period is not None and self._period < length:
            length = length // self._period * self._period  # of whole inferences the phase does not matter
        edge = self._row.window.opening if at_start else self._row.window.closing
        unsure = 2 * edge.bound + 1  # idle time that the bound of the edge covers is accounted for
        if length < max(_FEWEST_SAMPLES, unsure) or length > (self._b - self._a) / 8:
            return None
        first = self._a if at_start else self._b - length
        power_w = mean_power_w(self._source, first, first + length)
        if not math.isfinite(power_w):
            return None
        references: list[float] = []
        for at in self._references(first, length, at_start):
            reference_w = mean_power_w(self._source, at, at + length)
            if math.isfinite(reference_w):
                if reference_w < power_w:
                    return None  # then the references scatter by more than any of them is above it
                references.append(reference_w)
        if len(references) < 3:
            return None
        inside_w = statistics.median(references)
        step_w = inside_w - power_w
        if step_w < _STEP * abs(inside_w) or step_w < _SCATTERS * (max(references) - min(references)):
            return None
        energy_j = abs(self._row.energy_j())
        length_s = length / self._rate_hz
        if step_w * length_s < _EFFECT * energy_j:
            return None
        idle_w = self._idle_w(length)
        if idle_w is not None and abs(power_w - idle_w) > abs(inside_w - power_w):
            return None
        return _Idle(at_start, length_s, power_w, inside_w)

    def _references(self, first: float, length: float, at_start: bool) -> list[float]:
        """Beginnings of stretches inside the window, away from both ends, in the same phase."""
        step = max(length, self._period or length)
        if self._period is not None:
            step = math.ceil(step / self._period) * self._period
        margin = max(STRETCHES_S) * self._rate_hz
        nearest = math.ceil((margin + length) / step)
        ways = [first + (k if at_start else -k) * step for k in range(nearest, nearest + _REFERENCES)]
        return [at for at in ways if self._a + margin <= at and at + length <= self._b - margin]

    def _idle_w(self, length: float) -> float | None:
        """The lowest power of a stretch within a second after the window; None where no samples are."""
        powers = [
            mean_power_w(self._source, at, at + length)
            for at in np.arange(self._b, self._after - length, length).tolist()
        ]
        known = [power_w for power_w in powers if math.isfinite(power_w)]
        return min(known) if known else None


def mean_power_w(source: SampleSource, first: float, stop: float) -> float:
    """Mean power of the whole samples between two positions; NaN if any of them is missing or no number."""
    signal = source.signal
    low = math.ceil(first - signal.coverage_offset)
    high = math.floor(stop - signal.coverage_offset)
    if low < 0 or high <= low:
        return math.nan
    total, count = 0.0, 0
    if isinstance(source, RememberedSource):
        pieces = source.power(low, high)
    else:
        pieces = (power_units(block, signal.kind) for block in source.read(low, high))
    for values in pieces:
        total += float(values.sum())
        count += len(values)
    if count < high - low:
        return math.nan
    return total * signal.joule_per_unit * signal.rate_hz / count


def edges_shifted(pilots: Sequence[TimedRun], trials: Sequence[TimedRun]) -> Iterator[Finding]:
    """Whether windows hold inferences alone, by their lengths with few and with many inferences.

    A window lasts ``n T + c``, with ``T`` the time of an inference and ``c`` the rest of it. The first trial,
    which has the input of the pilots, and a pilot of fewer inferences give both. Edges that are
    late or early in every window alike make ``c`` differ from zero, except where both are off by the same
    time: then the window ends, or begins, with idle power (``idle_inside``).

    Args:
        pilots: Runs of fewer inferences, made as the trials are.
        trials: The trials, in order.
    """
    if not trials:
        return
    trial = trials[0]
    extras = [
        (extra_s, limit_s, pilot)
        for pilot in pilots
        if 2 * pilot.iterations <= trial.iterations
        for extra_s, limit_s in [_extra(pilot, trial)]
    ]
    if not extras:
        return
    extra_s, limit_s, pilot = min(extras, key=lambda each: each[1])
    if abs(extra_s) <= max(limit_s, _EFFECT * trial.duration_s):
        return
    more = "longer" if extra_s > 0 else "shorter"
    evidence = (
        f"{pilot.iterations} inferences last {pilot.duration_s:.6g} s, {trial.iterations} last "
        f"{trial.duration_s:.6g} s: each window is {abs(extra_s) * 1e3:.1f} ms {more} than its inferences; "
        f"{limit_s * 1e3:.1f} ms is the most that firmware and pin explain"
    )
    yield Finding("window.edges-shifted", evidence)


def _extra(pilot: TimedRun, trial: TimedRun) -> tuple[float, float]:
    """The part of both windows that is no inference, and its limit, in seconds."""
    few, many = pilot.iterations, trial.iterations
    apart = many - few
    extra_s = (many * pilot.duration_s - few * trial.duration_s) / apart
    bound_s = (many * pilot.bound_s + few * trial.bound_s) / apart
    return extra_s, SHIFT_S + bound_s + _RATE_CHANGE * pilot.duration_s


def lengths_apart(trials: Sequence[TimedRun]) -> Iterator[Finding]:
    """Trials whose inferences seem to last longer or shorter than those of the other trials.

    If the DUT's lines of that trial are as far apart as those of the others, its inferences lasted as long,
    and an edge is wrong. If the lines show the same difference, the DUT was slower: that is no finding.

    Args:
        trials: The trials.
    """
    if len(trials) < 3:
        return
    usual_s = statistics.median(run.duration_s / run.iterations for run in trials)
    lines = [run.lines_s / run.iterations for run in trials if run.lines_s is not None]
    for run in trials:
        apart_s = run.duration_s - usual_s * run.iterations
        if abs(apart_s) <= SHIFT_S + 2 * run.bound_s + _TRIALS_APART * run.duration_s:
            continue
        if run.lines_s is not None:
            lines_apart_s = run.lines_s - statistics.median(lines) * run.iterations
            if abs(lines_apart_s - apart_s) < abs(apart_s) / 2:
                continue
        evidence = (
            f"its {run.iterations} inferences last {run.duration_s:.6g} s, {apart_s * 1e3:+.1f} ms from "
            "those of the other trials"
        )
        yield Finding("window.edges-shifted", evidence, run.number)


def lengths_known(pilots: Sequence[TimedRun], trials: Sequence[TimedRun]) -> bool:
    """Whether ``edges_shifted`` can judge: then it outweighs the host's stamps, which may be late."""
    return bool(trials) and any(2 * pilot.iterations <= trials[0].iterations for pilot in pilots)


def lines_apart(runs: Sequence[TimedRun]) -> Iterator[Finding]:
    """Whether windows are as long as the time between the DUT's lines, by the host's clock.

    A line can be late, but not every line by the same time, and none is early: so the median over the windows
    counts. Where the lengths of the windows themselves are evidence (``lengths_known``), these count instead.

    Args:
        runs: The windows.
    """
    apart = [run.duration_s - run.lines_s for run in runs if run.lines_s is not None]
    if len(apart) < 3:
        return
    middle_s = statistics.median(apart)
    longest = max(runs, key=lambda run: run.duration_s)
    limit_s = LINES_S + longest.bound_s + 1e-3 * longest.duration_s
    if abs(middle_s) > limit_s:
        evidence = (
            f"in the median of {len(apart)} windows the edges are {middle_s * 1e3:+.0f} ms further apart "
            f"than the DUT's lines about the inferences; {limit_s * 1e3:.0f} ms is usual at most"
        )
        yield Finding("window.unlike-lines", evidence)


def throughput_apart(energy_ips: float | None, performance_ips: float | None) -> Iterator[Finding]:
    """Whether the DUT is as fast in energy mode as in performance mode (mlperf-tiny.md 3).

    Args:
        energy_ips: Inferences per second in energy mode; None where they are not known.
        performance_ips: The same in performance mode.
    """
    if not energy_ips or not performance_ips:
        return
    apart = energy_ips / performance_ips - 1
    evidence = (
        f"{energy_ips:.6g} inf/s in energy mode, {performance_ips:.6g} inf/s in performance mode "
        f"({apart * 100:+.2f} %)"
    )
    if abs(apart) > THROUGHPUT_ERROR:
        yield Finding("throughput.differs", evidence)
    elif abs(apart) > THROUGHPUT_WARNING:
        yield Finding("throughput.apart", evidence)


def check_samples(
    source: SampleSource,
    figures: Sequence[WindowFigures],
    voltage_v: float,
    offset_a: float = 0.0,
    breaks: Sequence[int] = (),
) -> list[Finding]:
    """All checks of samples and their windows: energy, idle ends, constant values, zeros.

    Args:
        source: The samples.
        figures: The windows.
        voltage_v: Supply voltage.
        offset_a: Largest error of a current of zero by the monitor's specification.
        breaks: Positions at which an unknown number of samples is missing.
    """
    nothing = list(no_energy(figures, voltage_v, offset_a))
    without = {finding.window for finding in nothing}
    others = [row for row in figures if row.window.number not in without]
    return [
        *nothing,
        *frozen_samples(source, others),
        *dropped_to_zero(source, others),
        *idle_inside(RememberedSource(source), others, breaks),
    ]


def check_lengths(pilots: Sequence[TimedRun], trials: Sequence[TimedRun]) -> list[Finding]:
    """All checks of lengths, the evidence weighed: the windows' own lengths before the host's stamps."""
    single = list(lengths_apart(trials))
    if lengths_known(pilots, trials):
        return single + list(edges_shifted(pilots, trials))
    return single + list(lines_apart(trials))


def _span(window: Window) -> tuple[float, float]:
    return window.start_s, window.stop_s
