"""A DUT that hangs: what the monitor streams meanwhile goes to the disk, not into memory."""

from __future__ import annotations

import threading

import psutil
import pytest

from energy.errors import BenchError
from tests.session.dangers import planted
from tests.session.support import watcher

__all__ = ["watcher"]

GROWTH = 30 << 20
"""Bytes that a session may take beyond what it had when its DUT hung."""


@pytest.mark.parametrize(
    ("name", "infer", "hangs_s"),
    [("lpm01a", 0, 1200.0), ("keysight-n6705", 0, 1200.0), ("joulescope-js220", 3, 19.0)],
)
def test_memory_stays_flat_while_a_dut_hangs(watcher, name, infer, hangs_s):
    """The pilot's answer is awaited for 20 minutes, a trial's for half a minute (2 million samples/s)."""
    process, ended = psutil.Process(), threading.Event()
    sizes: list[int] = []

    def sample() -> None:
        while not ended.wait(0.05):
            sizes.append(process.memory_info().rss)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        with pytest.raises(BenchError, match=r"dut\.incomplete"):
            watcher.run(planted(name, ("silent-dut", {"infer": infer, "delay_s": 0.01})))
    finally:
        ended.set()
        thread.join()
    begun_ns = watcher.worlds[-1].world.falling_ns[-1]
    assert watcher.worlds[-1].world.now_ns - begun_ns > hangs_s * 1e9
    assert max(sizes) - sizes[len(sizes) // 4] < GROWTH
