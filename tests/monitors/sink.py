"""A sink that keeps everything, and checks that it comes in order."""

from __future__ import annotations

import numpy as np

from energy.instruments import Setup
from energy.signal import Block, DigitalBlock, Edge, Gap, RangeChange


def setup(rate_hz: float, voltage_v: float = 3.3, edges: str = "monitor", highest_a: float = 0.05) -> Setup:
    """A setup within usual limits."""
    return Setup(rate_hz, voltage_v, max(voltage_v, 3.3), highest_a, edges)


class Keeper:
    def __init__(self):
        self.blocks: list[Block] = []
        self.edges: list[Edge] = []
        self.gaps: list[Gap] = []
        self.ranges: list[RangeChange] = []
        self.levels: dict[str, list[DigitalBlock]] = {}
        self.inputs = {}
        self.faults = []
        self.complete = 0.0
        self.stop = 0

    def block(self, block):
        assert block.first == self.stop
        self.stop = block.stop
        self.blocks.append(block)

    def edge(self, edge):
        assert edge.position + edge.bound >= self.complete
        self.edges.append(edge)

    def gap(self, gap):
        if gap.count is not None:
            assert gap.first == self.stop
            self.stop += gap.count
        self.gaps.append(gap)

    def range_change(self, change):
        self.ranges.append(change)

    def digital(self, source, block):
        assert self.inputs.setdefault(source.name, source) == source
        blocks = self.levels.setdefault(source.name, [])
        assert not blocks or block.first >= blocks[-1].stop
        blocks.append(block)

    def edges_complete(self, position):
        assert position >= self.complete
        self.complete = position

    def fault(self, error):
        self.faults.append(error)

    def values(self) -> np.ndarray:
        return np.concatenate([block.columns[0] for block in self.blocks])
