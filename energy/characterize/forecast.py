"""How long a sweep takes: the steps of a session, then what finished points have shown.

Before the first point the time of a session follows from its steps (docs/how-to/measure.md): boot, the
inputs over the UART, pilots, windows of at least 10 s. The time of an inference is estimated from the clock
and the workload's multiply-accumulates. Each finished point then corrects the estimates for its workload.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from energy.bench.benchfile import BenchFile
from energy.benchmark.limits import FEWEST_ITERATIONS, SHORTEST_WINDOW_S, WINDOWS
from energy.benchmark.validation_set import FULL_SET
from energy.benchmark.workloads import WORKLOADS, Workload
from energy.characterize.plan import Point, Sweep
from energy.session.floors import FLOORS
from energy.session.trials import MARGIN, PILOT_ITERATIONS, PILOT_S, WARMUPS

_CYCLES_PER_MAC, _MEMORY_S_PER_MAC = 1.3, 4e-9
"""Of an int8 network on a Cortex-M4: NUCLEO-L4R5ZI at 120 MHz, round v1.2, takes 1.4 to 2.4 cycles in all, of
which those that wait for the flash take the same time at any clock."""
_CLOCK_HZ = 120e6
"""Clock of a DUT whose bench file states none."""
_DB_BYTES = 31
_DB_CHARACTERS = 75
"""Of a ``db`` command with 31 bytes, and of its answer ``m-ready`` (protocols.md 1.3)."""
_ANSWER_S = 0.0135
"""From a command of the host to the first character of the answer, beyond the characters: the relay's own."""
_BEHIND_IO_BAUD = 9600
_ANOMALY_WINDOWS = 196
"""Inputs in a file of anomaly detection (protocols.md 1.8)."""
_EACH_S = 0.4
"""Between trials: until the samples have passed the answer."""
_BEFORE_S = {"energy": 6.0, "performance": 0.7, "accuracy": 0.7}
"""Before the pilots: instruments opened, the DUT silent while it is off, booted, an edge verified."""
_STARTS_S = {
    "lpm01a": 4.5,
    "keysight-n6705": 3.0,
    "keithley-2450": 9.5,
    "keithley-2461": -4.0,
    "uno": 2.0,
}
"""More than that, by driver: the twins' times, which follow the instruments' manuals."""


def session_s(bench: BenchFile, workload: Workload, mode: str, sweep: Sweep, point: Point) -> float:
    """Estimated time of a session on the bench's clock, before anything was measured.

    Args:
        bench: The bench at the point.
        workload: The workload.
        mode: The session's mode.
        sweep: The sweep, for its numbers of inferences and files.
        point: The point.
    """
    each_s = workload.macs * (_CYCLES_PER_MAC / (bench.dut.clock_hz or _CLOCK_HZ) + _MEMORY_S_PER_MAC)
    energy = mode == "energy"
    relayed = energy and bench.io_manager is not None
    baud = _BEHIND_IO_BAUD if relayed else bench.dut.baud
    commands = 1 + math.ceil(workload.input_bytes / _DB_BYTES)
    load_s = commands * (_DB_CHARACTERS * 10 / baud + _ANSWER_S * relayed)
    if bench.virtual is not None and not bench.virtual.settings.get("baud_model", True):
        load_s = 0.0  # its UART takes no time
    before_s = _BEFORE_S[mode]
    if mode == "accuracy":
        files = min(FULL_SET[workload.id], sweep.plan.limit or FULL_SET[workload.id])
        inputs = files * (_ANOMALY_WINDOWS if workload.metric == "AUC" else 1)
        return before_s + inputs * (load_s + each_s + 0.002)
    if energy:
        parts = (part for part in (bench.monitor, bench.io_manager) if part is not None)
        before_s += math.fsum(_STARTS_S.get(part.driver, 0.0) for part in parts)
    floors_s = bench.dut.idle_s if energy else 0.0
    if energy and sweep.plan.floors:
        floors_s += math.fsum(floor.expected_s + 2 * _EACH_S for floor in FLOORS)
    window = _window_s(each_s, point) + WARMUPS * each_s + load_s + _EACH_S * energy
    return before_s + load_s + _pilots_s(each_s, energy) + WINDOWS * window + floors_s


def _window_s(each_s: float, point: Point) -> float:
    """Length of a window: whole inferences."""
    needed = max(math.ceil(SHORTEST_WINDOW_S * MARGIN / each_s), FEWEST_ITERATIONS)
    if "window_s" in point.values:
        needed = math.ceil(needed * float(point.values["window_s"]) / SHORTEST_WINDOW_S)
    return each_s * max(needed, int(float(point.values.get("iterations", 0))))


def _pilots_s(each_s: float, energy: bool) -> float:
    """Time of the pilots (``energy.session.trials.find_iterations``)."""
    count = PILOT_ITERATIONS
    total_s = (count + WARMUPS) * each_s
    if count * each_s < PILOT_S:
        count = math.ceil(2 * PILOT_S / each_s)
        total_s += (count + WARMUPS) * each_s
    needed = max(math.ceil(SHORTEST_WINDOW_S * MARGIN / each_s), FEWEST_ITERATIONS)
    if energy and 2 * count > needed:
        total_s += (max(needed // 4, 1) + WARMUPS) * each_s
    return total_s


@dataclass
class Forecast:
    """The time of the points of a sweep; it learns from those that are finished.

    Attributes:
        sweep: The sweep.
    """

    sweep: Sweep
    _ratios: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def point_s(self, point: Point) -> float:
        """Expected time of a point with its waits, on the bench's clock."""
        estimate_s = self._estimate_s(point)
        ratios = self._ratios.get(point.workload) or [r for found in self._ratios.values() for r in found]
        return estimate_s * (statistics.median(ratios) if ratios else 1.0) + self._waits_s()

    def total_s(self, points: Iterable[Point]) -> float:
        """Expected time of points."""
        return math.fsum(self.point_s(point) for point in points) + self._settling_s(list(points))

    def learn(self, point: Point, sessions_s: float) -> None:
        """Takes the time that the sessions of a point have taken."""
        estimate_s = self._estimate_s(point)
        if sessions_s > 0 and estimate_s > 0:
            self._ratios.setdefault(point.workload, []).append(sessions_s / estimate_s)

    def _estimate_s(self, point: Point) -> float:
        bench, workload = self.sweep.bench_at(point), WORKLOADS[point.workload]
        return math.fsum(
            session_s(bench, workload, mode, self.sweep, point) for mode in self.sweep.plan.modes
        )

    def _waits_s(self) -> float:
        return self.sweep.plan.settle_s + self.sweep.plan.cool_down_s

    def _settling_s(self, points: list[Point]) -> float:
        """Time that the axes settle between these points."""
        total_s, before = 0.0, None
        for point in points:
            for name, part in self.sweep.plan.axes.items():
                if before is None or before.values[name] != point.values[name]:
                    soak_s = (
                        self.sweep.plan.chamber.soak_s if part.chamber and self.sweep.plan.chamber else 0.0
                    )
                    total_s += part.settle_s + soak_s
            before = point
        return total_s
