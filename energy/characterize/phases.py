"""Energy, time and energy-delay product of the phases of inferences, from samples and marks.

A window is divided at the edges of the phase pin (``phase_marks``): the mark, pre-processing, the network,
post-processing. Marks are waits of known length. What lies between the opening edge and the first of them
(the timestamp's own pulse) belongs to the marks, too. The parts cover the window without gaps, so their sum
is the window's energy by the ``exact`` rule.

The energy-delay product of a phase is its energy per inference times its time per inference (Gonzalez and
Horowitz, IEEE Journal of Solid-State Circuits 31, 1996).

An edge may lie anywhere within its bound, so a border may move energy from a part to its neighbour: its bound
times the power around it. And the power steps inside the sample that it cuts: a quarter of the step times the
sample's period at most (``energy.window.rules``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.characterize.phase_marks import MarkedInference, marked
from energy.findings import Finding, has_errors
from energy.recording.jsonvalues import for_json
from energy.recording.store import Recording
from energy.signal import Edge, SampleSource
from energy.window.edges import edges_of_input
from energy.window.figures import WindowFigures
from energy.window.rules import EnergyRule

Floats = npt.NDArray[np.float64]

_ROUNDED = 1e-9
"""Relative difference of two sums of the same samples in another order."""
PARTS = ("mark", "pre-processing", "network", "post-processing")
"""The parts of a window, in the order of an inference."""


@dataclass(frozen=True, slots=True)
class Part:
    """A phase, summed over the inferences of a window.

    Attributes:
        name: One of ``PARTS``.
        energy_j: Its energy.
        time_s: Its time.
        bound_j: Largest error of the energy because of its borders.
        bound_s: Largest error of the time likewise.
    """

    name: str
    energy_j: float
    time_s: float
    bound_j: float
    bound_s: float

    def edp_js(self, iterations: int) -> float:
        """Energy-delay product of an inference's part, in J s."""
        return self.energy_j / iterations * (self.time_s / iterations)


@dataclass(frozen=True)
class PhasedWindow:
    """A window and its parts.

    Attributes:
        figures: The window.
        iterations: Inferences that are marked in it.
        parts: In the order of ``PARTS``; empty where an error was found.
        findings: What is wrong with the marks.
    """

    figures: WindowFigures
    iterations: int
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]

    @property
    def sum_j(self) -> float:
        """Energy of all parts."""
        return math.fsum(part.energy_j for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """The figures in SI units; those of a part are for one inference."""
        n = self.iterations
        return for_json(
            {
                "window": self.figures.window.number,
                "iterations": n,
                "window_j": self.figures.energy_j(),
                "window_s": self.figures.window.duration_s,
                "parts": [
                    {
                        "part": part.name,
                        "energy_j": part.energy_j / n,
                        "bound_j": part.bound_j / n,
                        "time_s": part.time_s / n,
                        "bound_s": part.bound_s / n,
                        "power_w": part.energy_j / part.time_s if part.time_s else math.nan,
                        "edp_js": part.edp_js(n),
                        "share": part.energy_j / self.sum_j if self.sum_j else math.nan,
                    }
                    for part in self.parts
                ],
                "findings": [finding.to_json() for finding in self.findings],
            }
        )


def phase_edges(recording: Recording, line: str) -> list[Edge]:
    """The edges of a recorded digital input, in the recording's samples.

    Args:
        recording: The recording.
        line: Name of the input that the phase pin is wired to (``"d1"``).

    Raises:
        RecordingError: ``recording.missing`` if there is no such input.
    """
    source, blocks = recording.digital(line)
    return list(edges_of_input(source, blocks, recording.signal.rate_hz))


def phases_of(
    figures: WindowFigures, source: SampleSource, edges: Sequence[Edge], pulse_s: float
) -> PhasedWindow:
    """The parts of a window.

    Args:
        figures: The window, and its number of inferences where it is known.
        source: The samples.
        edges: Edges of the phase pin, in order of time.
        pulse_s: Length of a mark, as the DUT states it.
    """
    window = figures.window
    found = marked(edges, window, pulse_s, figures.iterations)
    count = len(found.inferences)
    broken = has_errors([*found.findings, *window.findings])
    parts = () if broken or not count else _parts(figures, source, found.inferences)
    result = PhasedWindow(figures, count, parts, tuple(found.findings))
    apart_j, window_j = result.sum_j - figures.energy_j(EnergyRule.EXACT), abs(figures.energy_j())
    if parts and not abs(apart_j) <= window.bounds.step_j + window.bounds.position_j + _ROUNDED * window_j:
        evidence = f"the parts have {result.sum_j:.9g} J together, the window {window_j:.9g} J"
        return replace(
            result, findings=(*result.findings, Finding("phase.sum-differs", evidence, window.number))
        )
    return result


def _parts(
    figures: WindowFigures, source: SampleSource, inferences: Sequence[MarkedInference]
) -> tuple[Part, ...]:
    window = figures.window
    borders = [edge for each in inferences for edge in (each.mark, each.pre, each.network, each.post)]
    edges = [window.opening, *borders, window.closing]
    # What is before the first mark belongs to the marks; then mark, pre-processing, network, post-processing.
    kinds = np.array([0, *([0, 1, 2, 3] * len(inferences))])
    positions = np.array([edge.position for edge in edges])
    bounds = np.array([edge.bound for edge in edges])
    energies, errors = _energies(source, positions, bounds)
    stretches, lengths = np.diff(energies), np.diff(positions) / window.rate_hz
    border = kinds[1:] != kinds[:-1]  # not between the first mark and what is before it
    both_j = _of_both_ends(errors, border)
    both_s = _of_both_ends(bounds, border) / window.rate_hz
    sums = [np.bincount(kinds, values, len(PARTS)) for values in (stretches, lengths, both_j, both_s)]
    return tuple(Part(name, *(float(values[k]) for values in sums)) for k, name in enumerate(PARTS))


def _of_both_ends(errors: Floats, border: npt.NDArray[np.bool_]) -> Floats:
    """Errors of n stretches from those of the n + 1 edges; ``border``, (n - 1,): which edges divide parts."""
    inner = errors[1:-1] * border
    return np.append(errors[:1], inner) + np.append(inner, errors[-1:])


def _energies(source: SampleSource, positions: Floats, bounds: Floats) -> tuple[Floats, Floats]:
    """Energy from the first position up to each, and the largest error that each border makes; in joule.

    Args:
        source: The samples; missing ones count as nothing, and their window has an error.
        positions: Borders, in samples, shape (n,).
        bounds: How far from there they may lie, shape (n,).
    """
    signal = source.signal
    order = np.argsort(
        positions, kind="stable"
    )  # borders of a phase shorter than their bounds may be swapped
    at, bounds = positions[order] - signal.coverage_offset, bounds[order]
    whole = np.floor(at).astype(np.int64)
    energies, high, low = (np.zeros(len(at)) for _ in range(3))
    low += np.inf
    high -= np.inf
    total = 0.0
    reach = np.ceil(bounds).astype(np.int64) + 1
    for block in source.read(int(whole[0]), int(whole[-1]) + 1):
        values = block.columns[0].astype(np.float64)
        for column in block.columns[1:]:
            values = values * column
        values = np.nan_to_num(values)
        sums = np.concatenate([[0.0], np.cumsum(values)])
        first, stop = np.searchsorted(whole, [block.first, block.stop])
        inside = slice(first, stop)
        k = whole[inside] - block.first
        energies[inside] = total + sums[k] + (at[inside] - whole[inside]) * values[k]
        _note_extremes(values, block.first, whole, reach, high, low)
        total += float(sums[-1])
    step = np.where(np.isfinite(high - low), high - low, 0.0)
    highest = np.where(np.isfinite(high), high, 0.0)
    errors = 0.25 * step + bounds * highest
    back = np.argsort(order)
    scale = signal.joule_per_unit
    return (energies - energies[0])[back] * scale, errors[back] * scale


def _note_extremes(
    values: Floats,
    block_first: int,
    whole: npt.NDArray[np.int64],
    reach: npt.NDArray[np.int64],
    high: Floats,
    low: Floats,
) -> None:
    """The highest and lowest sample around each border, as far as a block holds them."""
    count = len(values)
    first = int(np.searchsorted(whole + reach, block_first))
    stop = int(np.searchsorted(whole - reach, block_first + count))
    near = np.arange(first, stop)
    for offset in range(-int(reach.max()), int(reach.max()) + 1):
        k = whole[near] + offset - block_first
        there = (np.abs(offset) <= reach[near]) & (k >= 0) & (k < count)
        chosen, seen = near[there], values[k[there]]
        np.maximum.at(high, chosen, seen)
        np.minimum.at(low, chosen, seen)
