"""Samples as buckets: least, greatest and mean value of every quantity over a short run of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.signal import Block, SampleKind, Signal

BUCKETS_HZ = 2000
"""Most buckets of a second of samples: more than a view of one second has columns."""

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[Any]
"""Samples, float32 or float64."""
QUANTITIES = {
    SampleKind.ENERGY: ("power",),
    SampleKind.CURRENT: ("power", "current"),
    SampleKind.CURRENT_VOLTAGE: ("power", "current", "voltage"),
}
"""What can be shown of samples of each kind."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Consecutive buckets, in order of time.

    Attributes:
        at: Position of the first sample of each, int64, shape (n,).
        low: Least values, float32, shape (quantities, n): power in watt, current in ampere, voltage in volt.
        high: Greatest values, likewise.
        mean: Means, likewise.
        count: Number of samples of each, int64, shape (n,).
    """

    at: npt.NDArray[np.int64]
    low: Floats
    high: Floats
    mean: Floats
    count: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    def part(self, first: int, stop: int | None = None) -> Buckets:
        """The buckets with these indices, as views."""
        cut = slice(first, stop)
        return Buckets(self.at[cut], self.low[:, cut], self.high[:, cut], self.mean[:, cut], self.count[cut])


def no_buckets(quantities: int) -> Buckets:
    """No bucket."""
    empty = np.empty((quantities, 0), np.float32)
    return Buckets(np.empty(0, np.int64), empty, empty, empty, np.empty(0, np.int64))


def joined(parts: list[Buckets]) -> Buckets:
    """All buckets of the parts, at least one, in their order."""
    return Buckets(
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.low for part in parts], axis=1),
        np.concatenate([part.high for part in parts], axis=1),
        np.concatenate([part.mean for part in parts], axis=1),
        np.concatenate([part.count for part in parts]),
    )


def merged(buckets: Buckets, keys: npt.NDArray[np.int64]) -> Buckets:
    """Neighbouring buckets with the same key as one.

    Args:
        buckets: At least one bucket.
        keys: Key of each, shape (n,); equal keys stand together.
    """
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    counts = np.add.reduceat(buckets.count, starts)
    sums = np.add.reduceat(buckets.mean * buckets.count, starts, axis=1)
    return Buckets(
        buckets.at[starts],
        np.minimum.reduceat(buckets.low, starts, axis=1),
        np.maximum.reduceat(buckets.high, starts, axis=1),
        (sums / counts).astype(np.float32),
        counts,
    )


def bucket_size(rate_hz: float) -> int:
    """Samples of a bucket."""
    return max(-int(-rate_hz // BUCKETS_HZ), 1)


def quantities_of(signal: Signal, columns: Sequence[Values]) -> list[Values]:
    """The samples as the quantities of ``QUANTITIES``, in SI units, each of shape (n,)."""
    first = columns[0]
    if signal.kind is SampleKind.ENERGY:
        return [first * (signal.joule_per_unit * signal.rate_hz)]
    if signal.kind is SampleKind.CURRENT:
        return [first * (signal.voltage_v or 0.0), first]
    return [first * columns[1], first, columns[1]]


def reduced(signal: Signal, blocks: list[Block]) -> tuple[Buckets, float, int]:
    """Consecutive blocks as buckets; samples that are no numbers are left out.

    Args:
        signal: What the samples mean.
        blocks: Blocks of which each begins where the one before ends; together at least one sample.

    Returns:
        The buckets, the energy of the samples in joule, and how many samples are no numbers.
    """
    columns: list[Values] = [
        np.concatenate([block.columns[k] for block in blocks]) if len(blocks) > 1 else blocks[0].columns[k]
        for k in range(len(signal.columns))
    ]
    values = quantities_of(signal, columns)
    first, count, size = blocks[0].first, len(columns[0]), bucket_size(signal.rate_hz)
    whole = count // size * size
    parts = [_rows([value[:whole].reshape(-1, size) for value in values], first)] if whole else []
    if whole < count:
        parts.append(_rows([value[whole:].reshape(1, -1) for value in values], first + whole))
    buckets = joined(parts)
    if np.isfinite(buckets.mean).all():
        return buckets, float(buckets.mean[0].astype(np.float64) @ buckets.count) / signal.rate_hz, 0
    return _finite_only(signal, values, first, size)


def _rows(values: list[Values], first: int) -> Buckets:
    """A bucket for each row of the values, which have the shape (buckets, samples)."""
    with np.errstate(all="ignore"):  # NaN and infinity are dealt with by the caller
        low = np.stack([value.min(axis=1) for value in values])
        high = np.stack([value.max(axis=1) for value in values])
        mean = np.stack([value.mean(axis=1) for value in values])
    number, size = len(values[0]), int(values[0].shape[1])
    at = first + size * np.arange(number, dtype=np.int64)
    low, high, mean = (array.astype(np.float32, copy=False) for array in (low, high, mean))
    return Buckets(at, low, high, mean, np.full(number, size, np.int64))


def _finite_only(signal: Signal, values: list[Values], first: int, size: int) -> tuple[Buckets, float, int]:
    """As ``reduced``, the slower way past samples that are no numbers."""
    stacked = np.stack(values)
    fine = np.logical_and.reduce(np.isfinite(stacked), axis=0)
    kept = stacked[:, fine].astype(np.float32)
    missing = len(fine) - kept.shape[1]
    if not kept.shape[1]:
        return no_buckets(len(values)), 0.0, missing
    at = first + np.flatnonzero(fine).astype(np.int64)
    energy_j = float(stacked[0, fine].sum(dtype=np.float64)) / signal.rate_hz
    return merged(Buckets(at, kept, kept, kept, np.ones_like(at)), (at - first) // size), energy_j, missing
