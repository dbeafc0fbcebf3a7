"""A day at a million samples a second: blocks, levels, edges, windows and figures, beside a closed form."""

from __future__ import annotations

import math
import statistics
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from energy.signal import DigitalInput
from energy.window.edges import InputEdges
from energy.window.figures import WindowFigures, spread
from energy.window.integrator import Window, WindowIntegrator
from energy.window.pairing import SequencePairing
from energy.window.rules import EnergyRule
from tests.soak.memory import can_measure, resident_bytes
from tests.soak.world import BLOCK, RATE_HZ, STRETCH, World, edge_at, first_low, sampled_j, true_j

DAY_S = 86_400
MINUTE, HOUR = 60 * RATE_HZ, 3600 * RATE_HZ
TOTAL_RELATIVE = Fraction(1, 10**9)
SUM_RELATIVE = Fraction(1, 10**12)
"""What is allowed between a window's energy and the exact energy of its samples: rounding alone."""
MOST_GROWTH = 5_000_000


@dataclass
class Day:
    """What a run has shown. Each window is checked as it closes, and only its figures are kept.

    Attributes:
        samples: How many samples it had.
        windows: How many windows it should have closed.
        joules: Energy of an inference in each window that closed.
        total_j: Energy of all samples.
        worst_share: The largest error of a window, as a part of the bound that the window states.
        worst_sum: The largest relative difference of a window from the exact energy of its samples.
        took_s: Time that it took.
        after_minute: Bytes of memory after the first minute of samples; 0 where they cannot be measured.
        most: The most bytes of memory after that.
        wrong: What must not be, of windows.
    """

    samples: int
    windows: int
    joules: array[float] = field(default_factory=lambda: array("d"))
    total_j: float = 0.0
    worst_share: float = 0.0
    worst_sum: float = 0.0
    took_s: float = 0.0
    after_minute: int = 0
    most: int = 0
    wrong: list[str] = field(default_factory=list[str])

    @property
    def total_error(self) -> float:
        """Relative error of the energy of all samples."""
        truth = true_j(self.samples)
        return float(abs(Fraction(self.total_j) - truth) / truth)

    @property
    def growth(self) -> int:
        """By how many bytes the memory has grown after the first minute."""
        return self.most - self.after_minute

    def closed(self, window: Window) -> None:
        """Takes a window, and compares it with the truth."""
        figures = WindowFigures(window, ITERATIONS)
        self.joules.append(figures.joule_per_inference() or math.nan)
        share, off = _share(window), _sum_error(window)
        self.worst_share, self.worst_sum = max(self.worst_share, share), max(self.worst_sum, off)
        if window.number != len(self.joules):
            self.wrong.append(f"window {window.number} came as number {len(self.joules)}")
        if window.findings:
            self.wrong.append(f"window {window.number}: {', '.join(f.code for f in window.findings)}")
        if not share <= 1:
            self.wrong.append(f"window {window.number} is off by {share:.4g} times its bound")
        if not off <= SUM_RELATIVE:
            self.wrong.append(f"window {window.number}: its sum is off by {off:.3g}")

    def problems(self) -> list[str]:
        """What must not be; empty where all is well."""
        found = list(self.wrong)
        if len(self.joules) != self.windows:
            found.append(f"{len(self.joules)} windows instead of {self.windows}")
        if not self.total_error <= TOTAL_RELATIVE:
            found.append(f"the total is off by {self.total_error:.3g}")
        if self.joules and not (off := self._median_error()) <= SUM_RELATIVE:
            found.append(f"the median is off by {off:.3g}")
        if self.growth >= MOST_GROWTH:
            found.append(f"memory has grown by {self.growth} bytes")
        return found

    def _median_error(self) -> float:
        """Relative error of the session's median energy of an inference."""
        stated = spread(self.joules)
        energies = [_between(sampled_j, number, seen=True) for number in range(1, self.windows + 1)]
        truth = statistics.median(energies) / ITERATIONS
        return float(abs(Fraction(stated.median) / truth - 1)) if stated else math.inf


ITERATIONS = 1000


def run_day(seconds: int = DAY_S, progress: Callable[[Day], None] = lambda _: None) -> Day:
    """Streams so many seconds of samples, a multiple of 20.

    Args:
        seconds: The time.
        progress: Called after each hour of samples.
    """
    world = World()
    day = Day(seconds * RATE_HZ, seconds * RATE_HZ // STRETCH // 2)
    integrator = WindowIntegrator(world, SequencePairing())
    found = InputEdges(DigitalInput("gpi0", float(RATE_HZ)), float(RATE_HZ))
    begun = time.monotonic()
    for number in range(seconds * RATE_HZ // BLOCK):
        block = world.block(number)
        integrator.samples(block)
        for edge in found.add(world.levels(number)):
            _take(day, integrator.edge(edge))
        _take(day, integrator.samples_complete(block.stop))
        if block.stop % STRETCH == 0:
            _look(day, block.stop)
        if block.stop % HOUR == 0:
            day.took_s = time.monotonic() - begun
            progress(day)
    _take(day, integrator.finish(day.samples))
    day.total_j = integrator.prefix.sum(0, day.samples).value / RATE_HZ
    _look(day, day.samples)
    day.took_s = time.monotonic() - begun
    return day


def _take(day: Day, windows: list[Window]) -> None:
    for window in windows:
        day.closed(window)


def _look(day: Day, stop: int) -> None:
    """Takes the memory down."""
    if not can_measure():
        return
    now = resident_bytes()
    if stop <= MINUTE:
        day.after_minute = now
    day.most = max(day.most if stop > MINUTE else 0, now)


def _edges_of(number: int) -> tuple[int, int]:
    """The numbers of a window's two edges."""
    return 2 * number - 2, 2 * number - 1


def _between(energy: Callable[[Fraction], Fraction], number: int, *, seen: bool) -> Fraction:
    """Energy between a window's edges: the true ones, or those that the levels show."""
    opening, closing = (
        first_low(edge) - Fraction(1, 2) if seen else edge_at(edge) for edge in _edges_of(number)
    )
    return energy(closing) - energy(opening)


def _share(window: Window) -> float:
    truth = _between(true_j, window.number, seen=False)
    bound = Fraction(window.bounds.step_j) + Fraction(window.bounds.position_j)
    return float(abs(Fraction(window.energies[EnergyRule.EXACT].energy_j) - truth) / bound)


def _sum_error(window: Window) -> float:
    truth = _between(sampled_j, window.number, seen=True)
    return float(abs(Fraction(window.energies[EnergyRule.EXACT].energy_j) - truth) / truth)
