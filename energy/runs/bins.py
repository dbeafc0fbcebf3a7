"""A trial's energy in bins of 1 ms, as ``results.json`` of the MLCommons runner holds it.

The grid of a trial is anchored at its opening edge, so that the window begins with a bin; its last bin ends
at the closing edge and is the only one that may be shorter than 1 ms. A bin is the recording's energy between
its two ends by the rule ``exact`` (a sample counts by the part of it inside), so the bins of a window add up
to the energy that the session states. Before the opening edge and after the closing edge lie whole bins. No
bin reaches over a gap of unknown length: a gated monitor measures nothing beyond its gate, and the bin there
is unknown.

The runner's own grid is that of the LPM01A's samples, whose phase is as good as any other. A recording at
1 kHz whose edges lie between two samples is written as it came.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.recording.trace import Trace
from energy.signal import Signal

BIN_HZ = 1000.0
AFTER = 50
"""Bins after the closing edge, at most."""
_SLAB = 500
"""Bins that are read together: a million samples at 2 MS/s."""
_ROUNDING = 1e-9
"""Part of a bin below which a length is rounding error."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrialBins:
    """A trial's bins.

    Attributes:
        energies_j: Energy of each bin in joule, shape (n,); NaN where samples are missing or no numbers.
        opening: Index of the window's first bin.
        closing: Index after its last.
        stop: Sample position where the last bin ends.
    """

    energies_j: Floats
    opening: int
    closing: int
    stop: float


def can_hold(signal: Signal) -> bool:
    """Whether a bin holds at least one sample: a slower monitor does not resolve a millisecond."""
    return signal.rate_hz >= BIN_HZ


def trial_bins(trace: Trace, opening: float, closing: float, after: float | None = None) -> TrialBins:
    """The bins of a trial.

    Args:
        trace: The recording.
        opening: Position of the opening edge, in samples.
        closing: That of the closing edge.
        after: Where the trial before it ended (``TrialBins.stop``); None for the first trial.
    """
    offset, per_bin = trace.signal.coverage_offset, trace.signal.rate_hz / BIN_HZ
    start, end = opening - offset, closing - offset
    breaks = [float(gap.first) for gap in trace.gaps if gap.count is None]
    low = max([float(trace.first), *(at for at in breaks if at <= start)])
    low = low if after is None else max(low, after)
    high = min([float(trace.stop), *(at for at in breaks if at >= end)])
    before = max(math.floor((start - low) / per_bin + _ROUNDING), 0)
    within = max(math.ceil((end - start) / per_bin - _ROUNDING), 0)
    behind = min(max(math.floor((high - end) / per_bin + _ROUNDING), 0), AFTER)
    ends: Floats = np.concatenate(
        [
            start + np.arange(-before, within, dtype=np.float64) * per_bin,
            end + np.arange(behind + 1, dtype=np.float64) * per_bin,
        ],
        dtype=np.float64,
    )
    outside = slice(0, before), slice(before + within + 1, len(ends))
    for part in outside:  # rounding must not reach for a sample that is not there
        ends[part] = np.clip(ends[part], low, high)
    energies = _energies(trace, ends)
    # Nothing of the millisecond beside a gate was measured: unknown, and never left out, or the edges of two
    # trials would be at one place.
    around = (0 if before else 1, 0 if behind else 1)
    energies = np.pad(energies, around, constant_values=np.nan)
    opening_bin = max(before, 1)
    return TrialBins(energies, opening_bin, opening_bin + within, float(ends[-1]))


def bin_energy(power: dict[str, Any]) -> tuple[float, float]:
    """Energy in joule and length in seconds of a trial's window, by the runner's rule from its own bins.

    Args:
        power: ``power`` of an entry of results.json; a bin that is None makes the energy NaN.
    """
    opening, closing = (int(index) for _, index in power["timestamps"][-2:])
    bins = [math.nan if value is None else float(value) for value in power["samples"][opening:closing]]
    return float(np.sum(np.array(bins))), (closing - opening) / BIN_HZ


def _energies(trace: Trace, ends: Floats) -> Floats:
    """Energy between each two ends, in joule."""
    parts = [_slab(trace, ends[at : at + _SLAB + 1]) for at in range(0, len(ends) - 1, _SLAB)]
    return np.concatenate(parts) if parts else np.empty(0)


def _slab(trace: Trace, ends: Floats) -> Floats:
    first = math.floor(ends[0])
    values = _values(trace, first, math.ceil(ends[-1]))
    left, right = ends[:-1] - first, ends[1:] - first
    low, high = np.ceil(left).astype(np.int64), np.floor(right).astype(np.int64)
    pairs = np.stack([low, np.maximum(high, low)], axis=1).ravel()
    whole = np.where(high > low, np.add.reduceat(values, pairs)[::2], 0.0)
    head = np.minimum(low.astype(np.float64), right) - left  # both ends may be in one sample
    tail = np.maximum(right - np.maximum(low, high), 0.0)
    energies = whole + _weighted(head, values[low - 1]) + _weighted(tail, values[high])
    return energies * trace.signal.joule_per_unit


def _weighted(weight: Floats, values: Floats) -> Floats:
    """A part of a sample's energy; a sample of which nothing counts need not be there."""
    return np.where(weight > 0, weight * values, 0.0)


def _values(trace: Trace, first: int, stop: int) -> Floats:
    """The samples ``[first, stop)``, NaN where there is none or no number, and one more behind them."""
    values = np.full(stop - first + 1, np.nan)
    with np.errstate(all="ignore"):
        for block in trace.read(first, stop):
            part = values[block.first - first : block.stop - first]
            part[:] = block.columns[0]
            for column in block.columns[1:]:
                part *= column
        values[~np.isfinite(values)] = np.nan
    return values
