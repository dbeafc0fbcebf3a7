"""A sink that keeps everything, and setups within usual limits."""

from __future__ import annotations

from drivers.testkit import Keeper
from energy.instruments import Setup

__all__ = ["Keeper", "setup"]


def setup(rate_hz: float, voltage_v: float = 3.3, edges: str = "monitor", highest_a: float = 0.05) -> Setup:
    """A setup within usual limits."""
    return Setup(rate_hz, voltage_v, max(voltage_v, 3.3), highest_a, edges)
