"""The DUT's timestamp pin and the wire from it: idle high, a falling edge is a mark (protocols.md 1.5)."""

from __future__ import annotations

from collections.abc import Callable, MutableSequence
from dataclasses import dataclass
from typing import Literal

from drivers.virtual.world import World

Cause = Literal["boot", "timestamp", "start", "stop"]
"""Reason for a mark; ``start`` and ``stop`` enclose the measured inferences."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of the firmware.

    Attributes:
        index: Its number since the world began, from 0.
        cause: Its reason.
        infer: Number of the ``infer`` command that it belongs to, from 0, or None.
    """

    index: int
    cause: Cause
    infer: int | None


Pulse = tuple[int, int]
"""Delay after the mark and width, in ns, of a low pulse that arrives at the instruments."""

Watcher = Callable[[int], None]
"""Called at the falling edge with the pulse's width in ns."""


FOREVER_NS = 1 << 62
"""A time later than any time of a world."""


def add_low(lows: MutableSequence[tuple[int, int]], pin: Pin, now_ns: int, width_ns: int) -> None:
    """Notes when the pin is low, for an input that samples levels; called as a watcher of the pin.

    Args:
        lows: Begin and end of the times when the pin is low; at other times it is high.
        pin: The pin.
        now_ns: Present time.
        width_ns: Width of the pulse, as the watcher got it.
    """
    if not pin.inverted:
        lows.append((now_ns, now_ns + width_ns))
        return
    for k, (begin, end) in enumerate(lows):
        if end == FOREVER_NS:
            lows[k] = (begin, now_ns - width_ns)
    if not pin.rising:
        lows.append((now_ns, FOREVER_NS))


class Pin:
    """The pin, and its watchers.

    Attributes:
        watchers: Inputs of instruments on the wire.
        disturb: Faults of the wire: functions of a mark and its pulses that return the pulses that arrive.
        listeners: Called with every mark, whether or not the wire is faulty.
        inverted: Fault: it idles low and a mark is a high pulse, so that it falls at the pulse's end. The
            watchers are then called at that end, with the time that it was high.
        rising: Whether it rises at this moment: told to inputs that sample its level (``samples_levels``).
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._count = 0
        self.watchers: list[Watcher] = []
        self.disturb: list[Callable[[Mark, list[Pulse]], list[Pulse]]] = []
        self.listeners: list[Callable[[Mark], None]] = []
        self.inverted = False
        self.rising = False

    def pulse(self, cause: Cause, width_ns: int, infer: int | None = None) -> None:
        """Makes a mark now."""
        mark = Mark(self._count, cause, infer)
        self._count += 1
        self._world.falling_ns.append(self._world.now_ns)
        pulses: list[Pulse] = [(0, width_ns)]
        for disturb in self.disturb:
            pulses = disturb(mark, pulses)
        for delay, width in pulses:
            delay += width if self.inverted else 0
            if delay:
                self._world.after(delay, lambda width=width: self._fall(width))
            else:
                self._fall(width)
        self.announce(mark)

    def rest_low(self) -> None:
        """From now on the pin is low between works, and `hold` holds it high."""
        self.inverted = True
        self._call_samplers()

    def hold(self, duration_ns: int, infer: int | None) -> None:
        """Holds the pin at its active level from now on, for a work of this duration."""
        first, self._count = self._count, self._count + 2
        world = self._world
        world.falling_ns.append(world.now_ns)
        if self.inverted:
            self.rising = True
            self._call_samplers()
            self.rising = False
        else:
            self._fall(duration_ns)
        self.announce(Mark(first, "start", infer))

        def release() -> None:
            world.falling_ns.append(world.now_ns)
            if self.inverted:
                self._fall(duration_ns)
            self.announce(Mark(first + 1, "stop", infer))

        world.after(duration_ns, release)

    def _call_samplers(self) -> None:
        for watcher in self.watchers:
            if getattr(getattr(watcher, "__self__", None), "samples_levels", False):
                watcher(0)

    def announce(self, mark: Mark) -> None:
        """Calls the listeners."""
        for listener in self.listeners:
            listener(mark)

    def performance_mark(self, cause: Cause, infer: int | None = None) -> None:
        """Makes a mark of a firmware in performance mode: the pin stays high, only listeners are called."""
        self.announce(Mark(-1, cause, infer))

    def stray(self, width_ns: int) -> None:
        """Fault: a pulse on the wire that the firmware did not make."""
        self._fall(width_ns)

    def _fall(self, width_ns: int) -> None:
        for watcher in self.watchers:
            watcher(width_ns)
