"""The DUT's phase pin and the wire from it: low when idle; its pulses mark the phases of inferences.

Only firmware that marks phases moves it (firmware/dut/README.md, "Layers and phases").
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from drivers.virtual.world import World

Change = tuple[int, bool]
"""Time in ns, and the level from then on."""


class PhasePin:
    """The pin.

    Attributes:
        disturb: Faults of the wire: functions of a change, with its number from 0, that return the changes
            which arrive.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._level = False
        self._count = 0
        self._changes: list[Change] = []
        self.disturb: list[Callable[[int, Change], list[Change]]] = []

    def set(self, high: bool) -> None:
        """Sets its level now."""
        if high == self._level:
            return
        self._level = high
        number, self._count = self._count, self._count + 1
        changes: list[Change] = [(self._world.now_ns, high)]
        for disturb in self.disturb:
            changes = [arriving for change in changes for arriving in disturb(number, change)]
        for change in changes:
            insort(self._changes, change)

    def levels(self, times_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Levels at past times, ascending, shape (n,). What was before the first of them is forgotten."""
        if not len(times_ns):
            return np.zeros(0, np.bool_)
        first = max(bisect_right(self._changes, (int(times_ns[0]), True)) - 1, 0)
        del self._changes[:first]
        stop = bisect_left(self._changes, (int(times_ns[-1]) + 1, False))
        changes = np.array([time_ns for time_ns, _ in self._changes[:stop]], np.int64)
        known = np.array([False, *(level for _, level in self._changes[:stop])])
        return known[np.searchsorted(changes, times_ns, side="right")]
