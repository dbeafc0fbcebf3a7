"""Compares the monitor's sample clock with every other clock of the bench.

Energy and throughput are in the monitor's seconds, so they are wrong by as much as its clock is. Three clocks
serve: the host's (samples as they come, ``energy.window.sampleclock``), the IO manager's (the same edges
as the monitor's, and its messages by the host's clock), and the host's once more by the DUT's lines where
there is no stream. The comparisons stand in the session's record; beyond the tolerance they are an error.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from energy.bench.assemble import EnergyBench
from energy.errors import BenchError, TimingError
from energy.evidence.documents import ClockRecord, Verdict
from energy.findings import Finding
from energy.session.edgewatch import EdgeWatch
from energy.session.ioedges import IoEdges
from energy.session.losses import SamplesLostError
from energy.window.clockfit import HOST_TOLERANCE
from energy.window.sampleclock import (
    CAREFUL,
    Caution,
    Rate,
    rate_of_marks,
    rate_of_reported_windows,
    rate_of_stream,
    rate_of_windows,
)

_BOLD = Caution(shortest_s=1.0, drift_s=0.01, fewest=3)
"""After a failure weaker evidence may name the cause: no sound result is at stake."""
_FEW_LAPS = 6
"""Edges are few and come when they come: a part of the run without any is no stall."""
_STRAIGHT = 0.05
"""A line through places where samples may be missing must fit to this part of what the clock has lost or
gained: a loss is a step, a clock that is wrong is steady."""

Take = Callable[[list[ClockRecord], list[Finding]], None]
"""Takes the comparisons, and the findings about them."""


@dataclass(frozen=True, slots=True)
class _Pair:
    clock: Literal["monitor", "io"]
    by: Literal["host", "io"]
    how: str
    rate: Rate
    tolerance: float

    def record(self) -> ClockRecord:
        rate = self.rate
        verdict: Verdict = "undecided"
        if rate.beyond(self.tolerance):
            verdict = "beyond"
        elif abs(rate.factor - 1) + rate.uncertainty <= self.tolerance:
            verdict = "within"
        return ClockRecord(
            clock=self.clock,
            by=self.by,
            how=self.how,
            factor=rate.factor,
            uncertainty=rate.uncertainty,
            marks=rate.marks,
            span_s=rate.span_s,
            scatter_s=rate.scatter_s,
            tolerance=self.tolerance,
            verdict=verdict,
        )


@dataclass(slots=True)
class _Judgement:
    """The clocks that are wrong.

    Attributes:
        host: A finding if it is the host's clock.
        wrong_rate: If it is the monitor's.
        io_rate: If it is the IO manager's.
    """

    host: Finding | None = None
    wrong_rate: Finding | None = None
    io_rate: Finding | None = None

    @property
    def findings(self) -> list[Finding]:
        """All of them."""
        found = (self.host, self.wrong_rate, self.io_rate)
        return [finding for finding in found if finding is not None]


class ClockCheck:
    """Compares a bench's clocks once a session or recording is over.

    Args:
        take: Takes the result, however the session ended.
    """

    def __init__(self, take: Take) -> None:
        self._take = take
        self._bench: EnergyBench | None = None
        self._watch: EdgeWatch | None = None
        self._name = "monitor"

    def watch(self, bench: EnergyBench, watch: EdgeWatch, name: str) -> None:
        """Sets what is compared.

        Args:
            bench: The instruments.
            watch: The source of edges, with the stream.
            name: The monitor's model, for evidence.
        """
        self._bench, self._watch, self._name = bench, watch, name

    @contextmanager
    def compare_on_exit(self) -> Generator[None]:
        """Compares after what is done within.

        Raises:
            BenchError: ``clock.rate``, or ``clock.io-rate`` where the edges come by that clock, in place of a
                ``TimingError``, which is then in its ``also``. To any other error of the bench it is added.
        """
        try:
            yield
        except BenchError as error:
            judged = self._compare(failed=True)
            cause = judged.wrong_rate or (judged.io_rate if isinstance(self._watch, IoEdges) else None)
            if cause is None or isinstance(error, SamplesLostError):
                raise
            losses = self._watch.recorder.losses() if self._watch is not None else ""
            evidence = f"{cause.evidence}; samples were lost: {losses}" if losses else cause.evidence
            wrong = BenchError(cause.code, evidence, cause.remedy)
            if not isinstance(error, TimingError):
                error.also.append(wrong)
                raise
            wrong.also = [error, *error.also]
            raise wrong from error
        except KeyboardInterrupt:
            self._compare(failed=False)
            raise
        self._compare(failed=False)

    def so_far(self) -> list[ClockRecord]:
        """The comparisons while the session runs, by the marks up to now; nothing is judged."""
        bench, watch = self._bench, self._watch
        if bench is None or watch is None or not bench.monitor.limits.live:
            return []
        return [pair.record() for pair in _pairs(bench, watch, CAREFUL)]

    def _compare(self, *, failed: bool) -> _Judgement:
        bench, watch = self._bench, self._watch
        if bench is None or watch is None or not bench.monitor.limits.live:
            return _Judgement()
        pairs = _pairs(bench, watch, _BOLD if failed else CAREFUL)
        judgement = _judge(pairs, self._name)
        self._take([pair.record() for pair in pairs], judgement.findings)
        return judgement


def judged_again(records: Sequence[ClockRecord], name: str) -> list[Finding]:
    """The verdict on comparisons that a session noted before it was interrupted.

    Args:
        records: The comparisons.
        name: The monitor's model, for evidence.
    """
    pairs = [
        _Pair(
            record.clock,
            record.by,
            record.how,
            Rate(record.factor, record.uncertainty, record.marks, record.span_s, record.scatter_s),
            record.tolerance,
        )
        for record in records
    ]
    return _judge(pairs, name).findings


def _pairs(bench: EnergyBench, watch: EdgeWatch, caution: Caution) -> list[_Pair]:
    """Every two clocks that can be compared; those of the monitor by the host's, the best first."""
    limits, timing = bench.monitor.limits, bench.io_manager.timing if bench.io_manager else None
    tolerance = limits.clock_tolerance + HOST_TOLERANCE
    pairs: list[_Pair] = []
    if not limits.gated and (stream := _by_stream(watch, caution)) is not None:
        pairs.append(_Pair("monitor", "host", "samples as they came", stream, tolerance))
    rate_hz = watch.recorder.signal.rate_hz
    windows = watch.witness.windows
    if timing is not None:
        laps, few = watch.witness.laps, replace(caution, fewest=min(caution.fewest, _FEW_LAPS))
        io = rate_of_marks([lap.own_s for lap in laps], [lap.host_s for lap in laps], few)
        if io is not None:
            tolerated = timing.rate_tolerance + HOST_TOLERANCE
            pairs.append(_Pair("io", "host", "messages as they came", io, tolerated))
        timed = [(seen.samples / rate_hz, seen.io_s) for seen in windows if seen.io_s is not None]
        bound_s = 2 / rate_hz + 2 * (timing.tick_s + timing.late_s)
        both = rate_of_windows([own for own, _ in timed], [io_s for _, io_s in timed], bound_s)
        if both is not None:
            tolerated = limits.clock_tolerance + timing.rate_tolerance
            pairs.append(_Pair("monitor", "io", "windows", both, tolerated))
            if io is not None:
                through = both.by(io)
                how = "windows by the IO manager's clock, that one by its messages"
                pairs.append(_Pair("monitor", "host", how, through, tolerance))
    reported = [(seen.samples / rate_hz, seen.reported_s) for seen in windows if seen.reported_s is not None]
    by_lines = rate_of_reported_windows([own for own, _ in reported], [span_s for _, span_s in reported])
    if by_lines is not None:
        pairs.append(_Pair("monitor", "host", "windows by the DUT's lines", by_lines, tolerance))
    return pairs


def _by_stream(watch: EdgeWatch, caution: Caution) -> Rate | None:
    recorder = watch.recorder
    rate_hz = recorder.signal.rate_hz
    breaks = [gap.first for gap in recorder.gaps if gap.count is None]
    rate = rate_of_stream(recorder.arrivals, rate_hz, breaks, caution)
    if len(breaks) == len(recorder.restarts) or (rate is not None and caution is CAREFUL):
        return rate
    across = rate_of_stream(recorder.arrivals, rate_hz, recorder.restarts, caution)
    if across is None or (rate is not None and rate.uncertainty <= across.uncertainty):
        return rate
    straight = across.scatter_s <= _STRAIGHT * abs(across.factor - 1) * across.span_s
    return across if straight else rate


def _judge(pairs: list[_Pair], name: str) -> _Judgement:
    """Finds the clock that is wrong: where two of three agree, the third."""
    by_host = [pair for pair in pairs if (pair.clock, pair.by) == ("monitor", "host")]
    monitor = min(by_host, key=lambda pair: pair.rate.uncertainty, default=None)
    io = next((pair for pair in pairs if pair.clock == "io"), None)
    both = next((pair for pair in pairs if pair.by == "io"), None)
    wrong = monitor is not None and monitor.rate.beyond(monitor.tolerance)
    io_wrong = io is not None and io.rate.beyond(io.tolerance)
    judgement = _Judgement()
    if monitor is not None and wrong:
        if io is not None and io_wrong and _agree(monitor, io, both):
            evidence = (
                f"{_words(monitor, name)}; {_words(io, name)}; these two agree with each other, so it is the "
                "host's clock that is wrong"
            )
            return _Judgement(host=Finding("clock.host", evidence))
        judgement.wrong_rate = Finding("clock.rate", f"{_words(monitor, name)}; {_third(io, io_wrong)}")
    elif monitor is None and both is not None and both.rate.beyond(both.tolerance):
        evidence = f"{_words(both, name)}; the host's clock gives no rate for either"
        judgement.wrong_rate = Finding("clock.rate", evidence)
    if io is not None and io_wrong:
        judgement.io_rate = Finding("clock.io-rate", _words(io, name))
    return judgement


def _agree(monitor: _Pair, io: _Pair, both: _Pair | None) -> bool:
    """Whether monitor and IO manager run alike."""
    if both is not None:
        return not both.rate.beyond(both.tolerance)
    apart = abs(monitor.rate.factor / io.rate.factor - 1)
    return apart <= monitor.tolerance + io.tolerance + monitor.rate.uncertainty + io.rate.uncertainty


def _third(io: _Pair | None, io_wrong: bool) -> str:
    if io is None:
        return "there is no third clock to find which of the two is wrong"
    if io_wrong:
        return "the IO manager's clock agrees with neither of them"
    rate = io.rate
    return (
        f"the IO manager's clock, at {rate.factor:.5f} ± {rate.uncertainty:.5f} of the host's, agrees with "
        f"the host's within its ±{io.tolerance:.2%}"
    )


def _words(pair: _Pair, name: str) -> str:
    """A pair in one sentence: clock, factor, tolerance, and what that rests on."""
    whose = f"the sample clock of the {name}" if pair.clock == "monitor" else "the IO manager's clock"
    by = "the host's clock" if pair.by == "host" else "the IO manager's clock"
    rate = pair.rate
    way = "fast" if rate.factor > 1 else "slow"
    return (
        f"{whose} runs {abs(rate.factor - 1):.2%} {way} by {by}: a factor of {rate.factor:.5f} ± "
        f"{rate.uncertainty:.5f} ({pair.how}: {rate.marks} over {rate.span_s:.1f} s), ±{pair.tolerance:.2%} "
        "is tolerated"
    )
