"""Energy of current times voltage: the prefix sums beside a plain read of both arrays and a Python loop."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.results import Row, Section, Target, rows_beside
from benchmarks.samples import RATE_HZ, Float32, current_and_voltage
from benchmarks.timing import Contender, alternate
from energy.recording.trace import ArrayTrace
from energy.signal import Edge, SampleKind, Signal
from energy.window.prefix import CHUNK, EnergyPrefix
from energy.window.rules import EnergyRule, WindowRules

_READ = "plain read: np.sum(i) + np.sum(v), float32"
_ALL = "prefix sums and one window, all cores"
_ONE = "prefix sums and one window, one thread"
_BLOCK = 50_000


def integrate(count: int, loop_count: int, repeats: int) -> Section:
    """Times the energy of one window over everything.

    Args:
        count: Samples.
        loop_count: Samples that the Python loops are timed with; their times are scaled to ``count``.
        repeats: Timed runs of each.
    """
    current, voltage = current_and_voltage(count)
    trace = ArrayTrace(Signal(SampleKind.CURRENT_VOLTAGE, RATE_HZ), (current, voltage))
    energies_j: list[float] = []
    timings = alternate(
        [
            Contender(_READ, lambda: np.sum(current) + np.sum(voltage)),
            Contender(_ALL, lambda: energies_j.append(_window_j(trace, lambda p: p.advance_all(trace)))),
            Contender(_ONE, lambda: energies_j.append(_window_j(trace, lambda p: p.advance(trace.stop)))),
        ],
        repeats,
    )
    rows = rows_beside(timings, _READ, count)
    median_s = {row.name: row.median_s for row in rows}

    few = (current[:loop_count], voltage[:loop_count])
    by_array = "Python loop, number by number from the arrays"
    by_list = f"Python loop over .tolist() of {_BLOCK} samples at a time"
    loops = alternate(
        [Contender(by_array, lambda: _loop(*few)), Contender(by_list, lambda: _loop_over_lists(*few))],
        repeats,
    )
    for name, runs in loops.items():
        median_s[name] = statistics.median(runs) * count / loop_count
        seconds = tuple(run * count / loop_count for run in runs)
        rows.append(Row(name, seconds, count, "S", median_s[name] / median_s[_READ]))

    true_j = math.fsum(_exact_products(current, voltage)) / RATE_HZ
    worst = max(abs(energy - true_j) / true_j for energy in energies_j)
    times = {name: seconds / median_s[_ALL] for name, seconds in median_s.items()}
    return Section(
        f"Integrate: {count:,} samples of current and voltage, float32, in memory",
        rows,
        [
            Target("integrating takes, times a plain read", 1 / times[_READ], 3.0, "at most"),
            Target("relative error of its energy against exact summation", worst, 1e-12, "at most"),
            Target("it is faster than the Python loop, times", times[by_array], 100.0, "at least"),
        ],
        [
            f"The Python loops were timed with {loop_count:,} samples and scaled to {count:,}.",
            f"Against the quickest loop, over lists, it is {times[by_list]:.0f} times faster.",
            f"All {len(energies_j)} runs, threaded or not, gave "
            + (
                "the same bits." if len(set(energies_j)) == 1 else f"{len(set(energies_j))} different values!"
            ),
        ],
    )


def _window_j(trace: ArrayTrace, advance: Callable[[EnergyPrefix], None]) -> float:
    prefix = EnergyPrefix(trace)
    advance(prefix)
    window = WindowRules(trace.signal, prefix).energies(Edge(0.0), Edge(float(trace.stop)))
    return window[EnergyRule.EXACT].energy_j


def _loop(current: Float32, voltage: Float32) -> float:
    total = 0.0
    for i, v in zip(current, voltage, strict=True):
        total += float(i) * float(v)
    return total


def _loop_over_lists(current: Float32, voltage: Float32) -> float:
    total = 0.0
    for k in range(0, len(current), _BLOCK):
        for i, v in zip(current[k : k + _BLOCK].tolist(), voltage[k : k + _BLOCK].tolist(), strict=True):
            total += i * v
    return total


def _exact_products(current: Float32, voltage: Float32) -> Iterator[float]:
    """Products that float64 holds exactly, as two float32 have 24 bits each."""
    for k in range(0, len(current), CHUNK):
        product = np.multiply(current[k : k + CHUNK], voltage[k : k + CHUNK], dtype=np.float64)
        yield from product.tolist()
