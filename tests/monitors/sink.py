"""A sink that keeps everything, and checks that it comes in order."""

from __future__ import annotations

import numpy as np

from energy.signal import Block, Edge, Gap


class Keeper:
    def __init__(self):
        self.blocks: list[Block] = []
        self.edges: list[Edge] = []
        self.gaps: list[Gap] = []
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
        raise AssertionError(change)

    def edges_complete(self, position):
        assert position >= self.complete
        self.complete = position

    def fault(self, error):
        self.faults.append(error)

    def values(self) -> np.ndarray:
        return np.concatenate([block.columns[0] for block in self.blocks])
