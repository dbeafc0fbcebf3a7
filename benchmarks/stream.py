"""A running measurement without its disk: blocks, packed levels, edges, windows, and the energy of it all."""

from __future__ import annotations

import numpy as np

from benchmarks.kernels import kernels
from benchmarks.results import Line, Section, Target, by_name, rows_beside
from benchmarks.samples import current_and_voltage
from benchmarks.timing import Contender, alternate
from energy.kernels import installed
from energy.recording.trace import ArrayTrace
from energy.signal import Block, DigitalBlock, DigitalInput, SampleKind, Signal
from energy.window.edges import InputEdges
from energy.window.integrator import Window, WindowIntegrator
from energy.window.pairing import SequencePairing
from energy.window.rules import EnergyRule

_READ = "plain read: np.sum(i) + np.sum(v), float32"
_NUMBA = "blocks, levels, edges, windows: numba"
_NUMPY = "blocks, levels, edges, windows: NumPy"
_BLOCK = 50_000
_RATE_HZ = 2e6
_REQUIRED_PER_S = 500e6
_PULSES = 7
"""Low pulses of the input: a window lies between two of them, in pairs."""


def stream(count: int, repeats: int) -> Section:
    """Times ``count`` samples of current and voltage with a digital input of the same rate."""
    columns = current_and_voltage(count)
    levels = np.ones(count, np.uint8)
    for pulse in range(1, _PULSES):
        at = count * pulse // _PULSES
        levels[at : at + 2000] = 0
    bits = np.packbits(levels, bitorder="little")
    results: list[tuple[list[Window], float]] = []

    def run(use: str) -> None:
        with kernels(use):
            results.append(_stream(columns, bits))

    contenders = [
        Contender(_READ, lambda: np.sum(columns[0]) + np.sum(columns[1])),
        Contender(_NUMPY, lambda: run("off")),
    ]
    if installed():
        contenders.append(Contender(_NUMBA, lambda: run("on")))
    rows = rows_beside(alternate(contenders, repeats), _READ, count)
    named = by_name(rows)
    ours = named.get(_NUMBA, named[_NUMPY])
    per_s = count / ours.median_s
    return Section(
        f"Stream: {count:,} samples in blocks of {_BLOCK:,}, with a digital input, one thread",
        rows,
        [Target("windows whose energy is off by more than 1e-12", _wrong(results, columns), 0, "at most")],
        lines=[
            Line(
                "stream with windows, samples/s",
                ours,
                Target("samples streamed per second", per_s, _REQUIRED_PER_S, "at least"),
                named[_READ],
            )
        ],
    )


def _stream(columns: tuple[np.ndarray, ...], bits: np.ndarray) -> tuple[list[Window], float]:
    """The windows, and the energy of all samples in joule."""
    count = len(columns[0])
    signal = Signal(SampleKind.CURRENT_VOLTAGE, _RATE_HZ)
    integrator = WindowIntegrator(ArrayTrace(signal, columns), SequencePairing())
    found = InputEdges(DigitalInput("gpi0", _RATE_HZ), _RATE_HZ)
    windows: list[Window] = []
    for first in range(0, count, _BLOCK):
        stop = min(first + _BLOCK, count)
        integrator.samples(Block(first, tuple(column[first:stop] for column in columns)))
        piece = bits[first // 8 : (stop + 7) // 8]
        for edge in found.add(DigitalBlock(first, stop - first, piece)):
            windows += integrator.edge(edge)
        windows += integrator.samples_complete(stop)
    windows += integrator.finish(count)
    return windows, integrator.prefix.sum(0, count).value / _RATE_HZ


def _wrong(results: list[tuple[list[Window], float]], columns: tuple[np.ndarray, ...]) -> int:
    """How many windows are missing, and how many energies differ from NumPy's own sums."""
    current, voltage = columns
    power_w = current.astype(np.float64) * voltage
    whole_j = float(power_w.sum()) / _RATE_HZ
    wrong = 0
    for windows, total_j in results:
        wrong += max((_PULSES - 1) // 2 - len(windows), 0) + (abs(total_j / whole_j - 1) > 1e-12)
        for window in windows:  # an edge lies half a sample before its level: it cuts a sample in two halves
            low, high = int(window.opening.position), int(window.closing.position)
            inside_j = (power_w[low:high].sum() + (power_w[high] - power_w[low]) / 2) / _RATE_HZ
            wrong += abs(window.energies[EnergyRule.EXACT].energy_j / inside_j - 1) > 1e-12
    return int(wrong)
