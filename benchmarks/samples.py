"""Samples to measure with: a duty-cycled device's current and the voltage of its supply."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE_HZ = 2e6
Float32 = npt.NDArray[np.float32]


def current_and_voltage(count: int) -> tuple[Float32, Float32]:
    """Current in ampere (2 mA, 20 mA in every tenth millisecond, noise) and voltage in volt (3.3 V, sagging).

    Args:
        count: How many samples of each.

    Returns:
        Two arrays, float32, shape (count,); the same in every run.
    """
    noise = np.random.default_rng(20261120)
    busy = (np.arange(count) // 2000) % 10 == 0
    current = np.where(busy, np.float32(20e-3), np.float32(2e-3))
    voltage = np.where(busy, np.float32(3.28), np.float32(3.3))
    current += np.float32(1e-4) * noise.standard_normal(count, dtype=np.float32)
    voltage += np.float32(1e-3) * noise.standard_normal(count, dtype=np.float32)
    return current, voltage
