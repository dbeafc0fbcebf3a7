"""Energy of current times voltage: the prefix sums beside a plain read of both arrays and a Python loop."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.kernels import kernels
from benchmarks.results import Line, Row, Section, Target, against_floor, by_name, rows_beside
from benchmarks.samples import RATE_HZ, Float32, current_and_voltage
from benchmarks.timing import Contender, alternate
from energy.kernels import installed
from energy.recording.trace import ArrayTrace
from energy.signal import Edge, SampleKind, Signal
from energy.window.prefix import CHUNK, EnergyPrefix
from energy.window.rules import EnergyRule, WindowRules

_READ = "plain read: np.sum(i) + np.sum(v), float32"
_ALL = "prefix sums and one window, numba, all cores"
_ONE = "prefix sums and one window, numba, one thread"
_NUMPY = "prefix sums and one window, NumPy, all cores"
_NUMPY_ONE = "prefix sums and one window, NumPy, one thread"
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

    def way(use: str, *, every_core: bool) -> Callable[[], None]:
        def run() -> None:
            with kernels(use):
                energies_j.append(_window_j(trace, every_core=every_core))

        return run

    ways = {_NUMPY: way("off", every_core=True), _NUMPY_ONE: way("off", every_core=False)}
    if installed():
        ways |= {_ALL: way("on", every_core=True), _ONE: way("on", every_core=False)}
    timings = alternate(
        [
            Contender(_READ, lambda: np.sum(current) + np.sum(voltage)),
            *(Contender(name, run) for name, run in ways.items()),
        ],
        repeats,
    )
    rows = rows_beside(timings, _READ, count)
    median_s = {row.name: row.median_s for row in rows}

    few = (current[:loop_count], voltage[:loop_count])
    levels = _levels(loop_count)
    by_runner = "Python loop over NumPy scalars: levels, edges, sum"
    by_array = "Python loop over NumPy scalars, only the sum"
    by_list = f"Python loop over .tolist() of {_BLOCK:,} at a time"
    loops = alternate(
        [
            Contender(by_runner, lambda: _by_sample(*few, levels)),
            Contender(by_array, lambda: _loop(*few)),
            Contender(by_list, lambda: _loop_over_lists(*few)),
        ],
        repeats,
    )
    for name, runs in loops.items():
        median_s[name] = statistics.median(runs) * count / loop_count
        seconds = tuple(run * count / loop_count for run in runs)
        rows.append(Row(name, seconds, count, "S", median_s[name] / median_s[_READ]))

    true_j = math.fsum(_exact_products(current, voltage)) / RATE_HZ
    worst = max(abs(energy - true_j) / true_j for energy in energies_j)
    named = by_name(rows)
    fastest = named.get(_ALL, named[_NUMPY])
    times, barest = (named[name].median_s / fastest.median_s for name in (by_runner, by_array))
    lines = (
        [
            against_floor("integrate, numba", named[_ALL], named[_READ], 1.2, named[by_list]),
        ]
        if _ALL in named
        else []
    )
    lines += [
        against_floor("integrate, NumPy", named[_NUMPY], named[_READ], 2.0, named[by_list]),
        Line(
            "integrate, times a scalar loop",
            fastest,
            Target("faster than the runner's loop over NumPy scalars, times", times, 1000.0, "at least"),
            None,
            named[by_runner],
        ),
    ]
    return Section(
        f"Integrate: {count:,} samples of current and voltage, float32, in memory",
        rows,
        [Target("relative error of its energy against exact summation", worst, 1e-12, "at most")],
        [
            f"The Python loops were timed with {loop_count:,} samples and scaled to {count:,}.",
            "The loop with levels goes through samples as the MLCommons runner does with a Joulescope's, "
            "without the rows and the queue that the runner also makes, which take longer still.",
            f"The barest loop, products of both arrays added up, takes {barest:.0f} times our time.",
            f"All {len(energies_j)} runs, threaded or not, with numba or NumPy, gave "
            + (
                "the same bits." if len(set(energies_j)) == 1 else f"{len(set(energies_j))} different values!"
            ),
        ],
        lines,
    )


def _window_j(trace: ArrayTrace, *, every_core: bool) -> float:
    prefix = EnergyPrefix(trace)
    if every_core:
        prefix.advance_all(trace)
    else:
        prefix.advance(trace.stop)
    window = WindowRules(trace.signal, prefix).energies(Edge(0.0), Edge(float(trace.stop)))
    return window[EnergyRule.EXACT].energy_j


def _levels(count: int) -> npt.NDArray[np.uint8]:
    """Levels of a digital input with two falling edges: one in the first samples, one in the last."""
    levels = np.ones(count, np.uint8)
    levels[count // 100 : count // 50] = 0
    levels[-(count // 100) :] = 0
    return levels


def _by_sample(current: Float32, voltage: Float32, levels: npt.NDArray[np.uint8]) -> float:
    """The energy between the last two falling edges, one sample after the other.

    So the MLCommons runner goes through a Joulescope's samples (RUN power_manager_js220.py; the key is
    explained in protocols.md 8): it takes current, voltage and level of each from arrays of NumPy, and
    compares the level with the one before. It also makes a row of each sample, puts it through a queue from
    thread to thread and keeps it until the window is over. That is left out: the product is added at once.
    """
    energy, before, falls = 0.0, 0, 0
    for k in range(len(current)):
        i, v = current[k], voltage[k]
        level = int(levels[k] > 0)
        if level != before:
            falls += before
            before = level
        if falls == 1:
            energy += float(i) * float(v)
    return energy


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
