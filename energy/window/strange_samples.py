"""Samples that no current can have: a value that repeats, zeros between others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from energy.findings import Finding
from energy.signal import Block, SampleKind, SampleSource
from energy.window.figures import WindowFigures
from energy.window.integrator import Window
from energy.window.rules import EnergyRule

Floats = npt.NDArray[np.float64]

_FROZEN_S = 0.5
_SHORTEST_RUN = 4
_FEWEST_DROPS = 10
_DROPS = 1e-3
_PIECE = 1 << 20


def frozen_samples(source: SampleSource, figures: Sequence[WindowFigures]) -> Iterator[Finding]:
    """Windows in which a value repeats for half a second and longer than any inference, zeros included.

    Args:
        source: The samples.
        figures: The windows.
    """
    rate_hz = source.signal.rate_hz
    for row in figures:
        window = row.window
        inference_s = window.duration_s / row.iterations if row.iterations else 0.0
        wanted = max(math.ceil(max(_FROZEN_S, 1.5 * inference_s) * rate_hz), 100)
        whole = math.floor(window.closing.position) - math.ceil(window.opening.position)
        first, length, value = _longest_run(source, window)
        if length >= min(wanted, whole) and length >= _SHORTEST_RUN:
            start_s = first / rate_hz
            evidence = f"{length} samples of the same value ({value:.4g}) from {start_s:.3f} s on"
            time_s = (start_s, start_s + length / rate_hz)
            yield Finding("samples.frozen", evidence, window.number, time_s=time_s)


def _longest_run(source: SampleSource, window: Window) -> tuple[int, int, float]:
    """Position, length and value of the longest run of equal samples inside a window."""
    best = (0, 0, math.nan)
    begun, value, expected = 0, math.nan, -1
    for first, values in _inside(source, window):
        if first != expected or values[0] != value:
            begun = first
        changes = np.flatnonzero(values[1:] != values[:-1]) + 1
        starts = np.concatenate([[begun - first], changes])
        lengths = np.diff(np.append(starts, len(values)))
        at = int(lengths.argmax())
        if lengths[at] > best[1]:
            best = (first + int(starts[at]), int(lengths[at]), float(values[max(int(starts[at]), 0)]))
        begun, value, expected = first + int(starts[-1]), float(values[-1]), first + len(values)
    return best


def dropped_to_zero(source: SampleSource, figures: Sequence[WindowFigures]) -> Iterator[Finding]:
    """Windows in which samples are exactly zero right after samples that are not.

    The capacitors of a board keep its current from stopping between two samples: zeros between others were
    put in by a converter, a driver or a file.

    Args:
        source: The samples.
        figures: The windows.
    """
    for row in figures:
        window = row.window
        count = drops = zeros = 0
        before = math.nan
        power_w = window.energies[EnergyRule.EXACT].power_w
        usual = power_w / (source.signal.joule_per_unit * source.signal.rate_hz)
        for _, values in _inside(source, window):
            earlier = np.concatenate([[before], values[:-1]])
            with np.errstate(invalid="ignore"):
                drops += int(((values == 0) & (earlier > 0.1 * usual)).sum())
            zeros += int((values == 0).sum())
            count += len(values)
            before = float(values[-1])
        if usual > 0 and drops >= max(_FEWEST_DROPS, _DROPS * count):
            evidence = f"{zeros} of {count} samples are exactly 0, in {drops} places between others"
            yield Finding("samples.zeros", evidence, window.number, time_s=(window.start_s, window.stop_s))


def _inside(source: SampleSource, window: Window) -> Iterator[tuple[int, Floats]]:
    """The samples that lie whole inside a window, in pieces: position of the first, and values."""
    signal = source.signal
    first = max(math.ceil(window.opening.position - signal.coverage_offset), 0)
    stop = math.floor(window.closing.position - signal.coverage_offset)
    for at in range(first, stop, _PIECE):
        for block in source.read(at, min(at + _PIECE, stop)):
            if len(block):
                yield block.first, power_units(block, signal.kind)


def power_units(block: Block, kind: SampleKind) -> Floats:
    """A block's samples (current times voltage where both are sampled), shape (n,)."""
    values = block.columns[0].astype(np.float64)
    return values * block.columns[1] if kind is SampleKind.CURRENT_VOLTAGE else values
