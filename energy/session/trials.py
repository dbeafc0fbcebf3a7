"""Runs a trial: loads an input, runs inferences in a window; finds the number of inferences."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from energy.bench.assemble import Bench
from energy.benchmark.inputs import Input
from energy.benchmark.limits import FEWEST_ITERATIONS, SHORTEST_WINDOW_S
from energy.benchmark.workloads import Workload
from energy.errors import BenchError, TimingError
from energy.findings import Finding, Severity
from energy.instruments import Inference
from energy.session.edgewatch import EdgeWatch
from energy.window.integrator import Window

WARMUPS = 1
PILOT_ITERATIONS = 10
PILOT_S = 0.25
"""A pilot shorter than this gives a poor time of an inference; a longer pilot follows."""
MARGIN = 1.02
"""Planned length of a window, as a multiple of the shortest that the rules allow."""
REPEATS = 3
"""Largest number of repeats of an invalid trial."""
_FASTER = 1.5
"""By how much a DUT may have become faster since the pilot, at most."""
_SLOWEST_INFERENCE_S = 60.0
_BEFORE_S = 10.0


@dataclass
class Trial:
    """An attempt at a trial.

    Attributes:
        number: Number of the trial, from 1.
        attempt: Which attempt it was, from 1.
        input_name: The input.
        iterations: Inferences asked for.
        window: The window, in energy mode.
        duration_s: Time of the inferences: from edge to edge, or by the DUT's own clock; NaN where the edges
            make no window, which is an error.
        start_us: The DUT's own time before the inferences, in performance mode.
        results: The DUT's scores.
        times_s: When loading began, when it was done, and when the answer had come, on the bench's clock.
        lines_s: Time between the DUT's lines about its inferences on the host's clock; None if not known.
        findings: The reasons why it is not valid, and other findings.
    """

    number: int
    attempt: int
    input_name: str
    iterations: int
    window: Window | None = None
    duration_s: float = math.nan
    start_us: int | None = None
    results: tuple[float, ...] = ()
    times_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    lines_s: float | None = None
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def valid(self) -> bool:
        """Whether none of its findings is an error."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


@dataclass
class Pace:
    """The number of inferences of a window.

    Attributes:
        iterations: Inferences.
        expected_s: Their time, warm-ups included.
        pilots: The pilots, in order.
    """

    iterations: int
    expected_s: float
    pilots: list[Trial] = field(default_factory=list[Trial])

    def lengthen(self, window_s: float | None, iterations: int | None) -> None:
        """Makes the windows longer than the rules need.

        Args:
            window_s: Shortest length of a window; None: as the rules need.
            iterations: Inferences of a window; None: as many as are needed.

        Raises:
            TimingError: ``session.window-too-short`` if so many inferences take less than the rules need.
        """
        needed = self.iterations
        if window_s is not None:
            self.iterations = max(math.ceil(needed * window_s / SHORTEST_WINDOW_S), needed)
        if iterations is not None:
            if iterations < needed:
                taken_s = self.expected_s / (needed + WARMUPS) * iterations
                raise TimingError(
                    "session.window-too-short",
                    f"{iterations} inferences take {taken_s:.3g} s; a window takes {needed} with a margin",
                    f"Ask for {needed} or more.",
                )
            self.iterations = iterations
        self.expected_s *= (self.iterations + WARMUPS) / (needed + WARMUPS)

    def learn(self, trial: Trial) -> None:
        """Raises the number after a window that was too short: the DUT is faster than in the pilot.

        A window that is much too short, or not sound otherwise, has the wrong edges, and is ignored.
        """
        sound = [finding.code for finding in trial.findings] == ["window.too-short"]
        if sound and trial.duration_s * _FASTER > SHORTEST_WINDOW_S:
            needed = max(iterations_for(trial.duration_s, trial.iterations, 0.0), self.iterations)
            self.expected_s *= needed / self.iterations
            self.iterations = needed


def iterations_for(duration_s: float, iterations: int, resolution_s: float) -> int:
    """Inferences that make a window of at least 10 s and 10 inferences, with a margin, from a pilot.

    Args:
        duration_s: Duration of the pilot.
        iterations: Its inferences.
        resolution_s: Largest error of the duration; the duration is taken as that much shorter.
    """
    each_s = max(duration_s - resolution_s, duration_s * 0.1) / iterations
    return max(math.ceil(SHORTEST_WINDOW_S * MARGIN / each_s), FEWEST_ITERATIONS)


def timed(
    bench: Bench,
    watch: EdgeWatch | None,
    iterations: int,
    expected_s: float,
    number: int,
    command: Callable[[float], Inference] | None = None,
) -> Trial:
    """Runs ``infer`` once and times it: by the edges on the monitor's clock, or by the DUT's own clock.

    Args:
        bench: The instruments.
        watch: The source of edges; None in performance mode.
        iterations: Inferences to run.
        expected_s: Expected time; the answer is awaited well beyond it.
        number: The trial's number, for findings.
        command: Another command than ``infer`` with a mark before and after its work; called with its longest
            time in seconds.
    """
    timeout_s = expected_s * 2 + _BEFORE_S
    strays = watch.ready() if watch is not None else []
    if watch is not None:
        watch.witness.begin()
    answer = command(timeout_s) if command else bench.dut.infer(iterations, WARMUPS, timeout_s)
    trial = Trial(number, 1, "", iterations, results=answer.results)
    if answer.reported_s is not None:
        trial.lines_s = answer.reported_s[1] - answer.reported_s[0]
    if strays and watch is not None:
        at = ", ".join(f"{edge.position / watch.recorder.signal.rate_hz:.6f} s" for edge in strays)
        trial.findings.append(
            Finding("edge.stray", f"{len(strays)} before the inferences began, at {at}", number)
        )
    if watch is None:
        _time_by_dut(trial, answer)
    else:
        _time_by_edges(trial, watch, answer)
    return trial


def find_iterations(
    bench: Bench, watch: EdgeWatch | None, attempt: Callable[[Callable[[], Trial]], Trial]
) -> Pace:
    """Runs pilots; returns the number of inferences of a window and their time.

    In energy mode one of the pilots has at most half as many inferences as a window: their lengths together
    show whether the edges enclose inferences alone (``energy.window.plausibility``).

    Args:
        bench: The instruments, an input loaded.
        watch: The source of edges; None in performance mode.
        attempt: Runs a trial, again until it is valid.
    """
    resolution_s = 2 / watch.recorder.signal.rate_hz if watch else 2e-6
    pilots: list[Trial] = []

    def run_pilot(iterations: int, expected_s: float) -> Trial:
        pilots.append(attempt(lambda: timed(bench, watch, iterations, expected_s, 0)))
        return pilots[-1]

    iterations, expected_s = PILOT_ITERATIONS, PILOT_ITERATIONS * _SLOWEST_INFERENCE_S
    while True:
        pilot = run_pilot(iterations, expected_s)
        needed = iterations_for(pilot.duration_s, iterations, resolution_s)
        if pilot.duration_s >= PILOT_S or needed <= iterations:
            break
        expected_s = max(pilot.duration_s, resolution_s)
        iterations = math.ceil(iterations * 2 * PILOT_S / expected_s)
        expected_s = 2 * PILOT_S
    each_s = pilot.duration_s / iterations
    if watch is not None and 2 * iterations > needed:
        few = max(needed // 4, 1)
        run_pilot(few, (few + WARMUPS) * each_s)
    return Pace(needed, each_s * (needed + WARMUPS), pilots)


def run_trial(
    bench: Bench, watch: EdgeWatch | None, workload: Workload, source: Input, number: int, pace: Pace
) -> Trial:
    """Loads an input and runs a trial; the pace learns from it."""
    loading_s = bench.clock.now()
    bench.dut.load(source.data)
    loaded_s = bench.clock.now()
    trial = timed(bench, watch, pace.iterations, pace.expected_s, number)
    trial.times_s = (loading_s, loaded_s, bench.clock.now())
    trial.input_name = source.name
    if trial.duration_s < SHORTEST_WINDOW_S:
        trial.findings.append(Finding("window.too-short", f"{trial.duration_s:.6g} s", number))
        pace.learn(trial)
    if len(trial.results) != workload.outputs:
        evidence = f"{len(trial.results)} scores in the answer, {workload.outputs} were expected"
        trial.findings.append(Finding("dut.score-count", evidence, number))
    if useless := sum(not math.isfinite(score) for score in trial.results):
        evidence = f"{useless} of {len(trial.results)} scores are NaN or infinite"
        trial.findings.append(Finding("dut.not-a-number", evidence, number))
    return trial


def _time_by_dut(trial: Trial, answer: Inference) -> None:
    if answer.start_us is None or answer.stop_us is None:
        raise BenchError(
            "dut.no-lap",
            "the DUT printed no m-lap-us lines around its inferences",
            "The firmware was built for energy mode: flash the one built for performance mode.",
        )
    lap_us = (answer.stop_us - answer.start_us) % 2**32
    if lap_us == 0:
        trial.findings.append(Finding("window.empty", "both m-lap-us are the same", trial.number))
    trial.start_us, trial.duration_s = answer.start_us, lap_us * 1e-6


def _time_by_edges(trial: Trial, watch: EdgeWatch, answer: Inference) -> None:
    edges = watch.collect()
    watch.witness.window(edges, answer)
    recorder = watch.recorder
    rate = recorder.signal.rate_hz
    if len(edges) != 2:
        at = ", ".join(f"{edge.position / rate:.6f} s" for edge in edges) or "none"
        trial.findings.append(
            Finding(
                "edge.count",
                f"{len(edges)} edges instead of 2 (at {at}); the monitor samples every {1e3 / rate:g} ms, "
                "so a pulse much shorter than that can be missed",
                trial.number,
            )
        )
        return
    opening, closing = edges
    if (opening.kind, closing.kind) != (recorder.marker.opens, recorder.marker.closes):
        evidence = f"the first edge is a {opening.kind.value}, the second a {closing.kind.value}; "
        marker = f"dut.marker = {recorder.marker.value!r} has them the other way round"
        trial.findings.append(Finding("edge.count", evidence + marker, trial.number))
        return
    window = recorder.window(trial.number, opening, closing)
    trial.window, trial.duration_s = window, window.duration_s
    trial.findings += window.findings
