"""The external data log of the N6705 twin: averages in a FIFO that overwrites itself (protocols.md 4.1)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from drivers.unverified import Unverified
from drivers.virtual.sampler import Sampler
from drivers.virtual.world import NS, World

FIFO_S = 20.0
"""Length of the FIFO: about 20 s (protocols.md 4.1)."""


UNVERIFIED = (
    Unverified("Pin", "The digital port of the N6705 is as that of the N6900."),
    Unverified("on_grid", "The sampling grid runs freely."),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class ExternalLog:
    """A running log.

    A record's voltage is the supply's at its beginning, or at its end if the supply was off before. Its
    current is the true energy divided by that voltage, so that their product keeps every joule.

    Args:
        world: Source of the power.
        origin_ns: Start of record 0.
        period_s: Period on the instrument's clock.
        ppm: By how much that clock runs fast.
        drop: Ranges of records that are taken but not delivered.
    """

    def __init__(
        self, world: World, origin_ns: int, period_s: float, ppm: float, drop: list[tuple[int, int]]
    ) -> None:
        self._world, self._ppm, self._drop = world, ppm, drop
        self.fifo_s = FIFO_S
        self._period_s = period_s
        self._parts = [(0, Sampler(world.timeline, origin_ns, 1 / period_s, ppm))]
        self._read = 0
        self._times = [origin_ns]
        self._volts = [_voltage(world)]

    def supply_changed(self) -> None:
        """Notes that the supply was switched or set."""
        self._times.append(self._world.now_ns)
        self._volts.append(_voltage(self._world))

    def stretch(self, period_s: float) -> None:
        """Changes the period, from the next record on."""
        first = max(self.complete(), 0)
        base, sampler = self._parts[-1]
        origin_ns = sampler.boundary_ns(first - base)
        self._parts.append((first, Sampler(self._world.timeline, origin_ns, 1 / period_s, self._ppm)))
        self._period_s = period_s

    def hasten(self, ppm: float) -> None:
        """Its clock becomes faster by so many millionths, from the next record on."""
        self._ppm += ppm
        self.stretch(self._period_s)

    def complete(self) -> int:
        """Number of records that are complete."""
        first, sampler = self._parts[-1]
        return first + sampler.complete(self._world.now_ns)

    def fetch(self, most: int) -> npt.NDArray[np.float64]:
        """The oldest records that were not fetched or overwritten: current and voltage, shape (n, 2)."""
        complete = max(self.complete(), 0)
        first = max(self._read, complete - int(self.fifo_s / self._period_s))
        self._read = stop = min(first + most, complete)
        pieces = [np.empty((0, 2))]
        for index, (begin, sampler) in enumerate(self._parts):
            end = self._parts[index + 1][0] if index + 1 < len(self._parts) else stop
            low, high = max(first, begin), min(stop, end)
            if low < high:
                pieces.append(self._values(sampler, low - begin, high - begin))
        records = np.concatenate(pieces)
        keep = np.ones(len(records), np.bool_)
        for low, high in self._drop:
            keep[max(low - first, 0) : max(high - first, 0)] = False
        return records[keep]

    def _values(self, sampler: Sampler, first: int, stop: int) -> npt.NDArray[np.float64]:
        begins = sampler.origin_ns + np.arange(first, stop + 1) * sampler.period_ns
        index = np.searchsorted(self._times, begins, side="right") - 1
        volts = np.array(self._volts)[np.maximum(index, 0)]
        volts = np.where(volts[:-1] > 0, volts[:-1], volts[1:])
        powers = sampler.powers_w(first, stop)
        currents = np.divide(powers, volts, out=np.zeros_like(powers), where=volts > 0)
        return np.column_stack((currents, volts))


class Pin:
    """A digital pin as a trigger input, as stated for the N6900 (protocols.md 4.1).

    Args:
        latency_s: Time from edge to trigger.
        min_pulse_ns: Shortest low pulse that it detects.
    """

    def __init__(self, latency_s: float, min_pulse_ns: int) -> None:
        self.latency_ns = round(latency_s * NS)
        self.min_pulse_ns = min_pulse_ns
        self.function = "DIO"
        self.polarity = "POS"

    def triggers(self, width_ns: int) -> bool:
        """Whether a low pulse of this width is a trigger."""
        return self.function == "TINP" and self.polarity == "NEG" and width_ns >= self.min_pulse_ns


def on_grid(time_ns: int, grid_s: float, ppm: float) -> int:
    """The next tick of the sampling grid, which runs freely."""
    tick_ns = grid_s * NS / (1 + ppm * 1e-6)
    return math.ceil(math.ceil(time_ns / tick_ns) * tick_ns)


def _voltage(world: World) -> float:
    return world.supply.output_v if world.supply.on else 0.0
