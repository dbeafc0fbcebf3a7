"""Signals of a Joulescope twin: samples of the true power, levels of the pin, ranges, statistics.

Everything is a function of the instrument's own time, in ticks of its 2 MHz counter, for whole arrays.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from drivers.unverified import Unverified
from drivers.virtual.misreading import Misreading
from drivers.virtual.pin import Pin, add_low
from drivers.virtual.sampler import Sampler
from drivers.virtual.world import NS, World

TICKS_HZ = 2_000_000
_TIME64 = 1 << 30
"""One second in pyjoulescope_driver's time64."""


UNVERIFIED = (Unverified("", "A fixed range saturates exactly at its end."),)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Signals:
    """Signals on the wires of an instrument.

    Args:
        world: Source of its power, and its supply.
        origin_ns: World time of tick 0.
        ppm: By how much the instrument's clock runs fast.
        factor: Ticks per sample of current and voltage.
        ranges_a: Upper ends of its current ranges, from the largest down.
        misreads: Its systematic errors.
    """

    def __init__(
        self,
        world: World,
        origin_ns: int,
        ppm: float,
        factor: int,
        ranges_a: tuple[float, ...],
        misreads: Misreading,
    ) -> None:
        self._world, self.factor, self._ranges_a, self._misreads = world, factor, ranges_a, misreads
        self.ticks = Sampler(world.timeline, origin_ns, TICKS_HZ, ppm)
        self._sampler = Sampler(world.timeline, origin_ns, TICKS_HZ / factor, ppm)
        self._period = Fraction(self.ticks.period_ns)
        self._ppm = ppm
        self.dead_input = False
        self.fixed_range: int | None = None
        self._low: deque[tuple[int, int]] = deque()
        self._off_since: int | None = None
        self._volts: deque[tuple[int, float]] = deque([(origin_ns, self._supply_v())])
        self._all_volts = list(self._volts)
        self._range = len(ranges_a) - 1
        self._changes: deque[tuple[int, int]] = deque([(0, self._range)])
        self.switched()

    # Events on the wires

    def pulse(self, width_ns: int, pin: Pin) -> None:
        """Records that the DUT's pin is low for this time; if the pin is inverted, high."""
        add_low(self._low, pin, self._world.now_ns, width_ns)

    def switched(self) -> None:
        """Records the supply's state, which may have changed: without supply the pin is low."""
        now = self._world.now_ns
        if self._volts[-1][1] != self._supply_v():
            self._volts.append((now, self._supply_v()))
            self._all_volts.append(self._volts[-1])
        if not self._world.supply.on and self._off_since is None:
            self._off_since = now
        elif self._world.supply.on and self._off_since is not None:
            self._low.append((self._off_since, now))
            self._off_since = None

    def carry(self, before: Signals) -> None:
        """Copies the events from before the counter was reset."""
        self.dead_input = before.dead_input
        self._low.extend(before._low)

    # Measurements of the instrument; elements are counted from tick 0

    def current(self, first: int, stop: int) -> npt.NDArray[np.float32]:
        """Mean power of each sample divided by the voltage as float32, shape (stop - first,)."""
        powers = self._sampler.powers_w(first, stop)
        volts = float(np.float32(self._world.supply.output_v))
        powers *= (1.0 + self._misreads.gain) / volts  # in place: two million a second
        if self._misreads.offset_a:
            powers += self._misreads.offset_a
        current = powers.astype(np.float32)
        if self.fixed_range is not None:  # it saturates at its end
            np.minimum(current, np.float32(self._ranges_a[self.fixed_range]), out=current)
        self._choose_range(first, current)
        return current

    def voltage(self, first: int, stop: int) -> npt.NDArray[np.float32]:
        """Voltage at the supply, shape (stop - first,)."""
        self.switched()
        period = self._sampler.period_ns
        low_ns = self._sampler.origin_ns + first * period
        while len(self._volts) > 1 and self._volts[1][0] <= low_ns:
            self._volts.popleft()
        data = np.full(stop - first, self._misreads.voltage(self._volts[0][1]), dtype=np.float32)
        for at_ns, volts in list(self._volts)[1:]:
            k = -int(-(at_ns - self._sampler.origin_ns) // period)
            data[max(k - first, 0) :] = self._misreads.voltage(volts)
        return data

    def levels(self, first: int, stop: int, factor: int = 1) -> npt.NDArray[np.uint8]:
        """Levels at the times of these elements, packed; bits beyond the last are 0."""
        count = stop - first
        size = (count + 7) // 8
        if self.dead_input:
            return np.zeros(size, dtype=np.uint8)
        bits = np.full(size, 0xFF, dtype=np.uint8)
        period = self.ticks.period_ns * factor
        origin = self.ticks.origin_ns
        off = [] if self._off_since is None else [(self._off_since, self._world.now_ns + 3600 * NS)]
        for begin_ns, end_ns in [*self._low, *off]:
            low = max(-int(-(begin_ns - origin) // period) - first, 0)
            high = min(-int(-(end_ns - origin) // period) - first, count)
            _clear(bits, low, high)
        while self._low and self._low[0][1] < origin + (first - TICKS_HZ) * period:
            self._low.popleft()
        _clear(bits, count, 8 * size)
        return bits

    def ranges(self, first: int, stop: int) -> npt.NDArray[np.uint8]:
        """Number of the current range at these ticks, one byte each."""
        while len(self._changes) > 1 and self._changes[1][0] <= first:
            self._changes.popleft()
        data = np.full(stop - first, self._changes[0][1], dtype=np.uint8)
        for tick, number in list(self._changes)[1:]:
            data[max(tick - first, 0) :] = number
        return data

    def energy_j(self, first: int, stop: int) -> float:
        """Energy between two ticks as the instrument counts it: its current and voltage, in its seconds."""
        start, end = (self.ticks.origin_ns + tick * self._period for tick in (first, stop))
        misreads = self._misreads
        energy_j = float(self._world.timeline.energy_j(start, end)) * (1 + misreads.gain)
        if misreads.offset_a:
            energy_j += misreads.offset_a * self._volt_seconds(float(start), float(end))
        return misreads.voltage(energy_j) * (1 + self._ppm * 1e-6)

    def _volt_seconds(self, start_ns: float, stop_ns: float) -> float:
        """Integral of the voltage at the supply over a time."""
        ends = [*(at_ns for at_ns, _ in self._all_volts[1:]), stop_ns]
        return sum(
            volts * max(min(end, stop_ns) - max(at_ns, start_ns), 0.0) * 1e-9
            for (at_ns, volts), end in zip(self._all_volts, ends, strict=True)
        )

    def statistics(
        self, first: int, stop: int, sample_ids: tuple[int, int, int], energy_j: float
    ) -> dict[str, Any]:
        """A message of statistics over these ticks, with all keys of the driver's (joulescope.md 1.3).

        Args:
            first: The first tick.
            stop: The tick after the last one.
            sample_ids: First, stop, and the start of the accumulators.
            energy_j: Value of the energy accumulator at the end.
        """
        seconds = (stop - first) / TICKS_HZ
        watts = self.energy_j(first, stop) / seconds
        volts = self._misreads.voltage(self._supply_v())
        amperes = watts / volts if volts else 0.0
        begin, end, since = sample_ids
        charge = energy_j / self._misreads.voltage(self._world.supply.output_v)
        return {
            "time": {
                "samples": {"value": [begin, end], "units": "samples"},
                "utc": {"value": [self.utc(first), self.utc(stop)], "units": "time64"},
                "sample_freq": {"value": TICKS_HZ, "units": "Hz"},
                "range": {"value": [begin / TICKS_HZ, end / TICKS_HZ], "units": "s"},
                "delta": {"value": seconds, "units": "s"},
                "decimate_factor": {"value": self.factor, "units": "samples"},
                "decimate_sample_count": {"value": (stop - first) // self.factor, "units": "samples"},
                "accum_samples": {"value": [since, end], "units": "samples"},
                "time_map": self.time_map(since),
            },
            "signals": {
                name: {
                    **{key: {"value": value, "units": unit} for key in ("avg", "min", "max")},
                    "std": {"value": 0.0, "units": unit},
                    "p2p": {"value": 0.0, "units": unit},
                    **({"integral": {"value": value * seconds, "units": total}} if total else {}),
                }
                for name, value, unit, total in (
                    ("current", amperes, "A", "C"),
                    ("voltage", volts, "V", ""),
                    ("power", watts, "W", "J"),
                )
            },
            "accumulators": {
                "charge": {
                    "value": charge,
                    "int_value": round(charge * 2**31),
                    "int_scale": 2**-31,
                    "units": "C",
                },
                "energy": {
                    "value": energy_j,
                    "int_value": round(energy_j * 2**27),
                    "int_scale": 2**-27,
                    "units": "J",
                },
            },
            "source": "sensor",
        }

    def utc(self, tick: int) -> int:
        """A tick's time as time64; the world began at the epoch of time64."""
        return int((self.ticks.origin_ns + tick * self.ticks.period_ns) * _TIME64 / NS)

    def time_map(self, sample_id: int) -> dict[str, Any]:
        """The relation of ``sample_id`` and time."""
        return {
            "offset_time": self.utc(0),
            "offset_counter": sample_id,
            "counter_rate": TICKS_HZ * (1 + self._ppm * 1e-6),
        }

    def _choose_range(self, first: int, current: npt.NDArray[np.float32]) -> None:
        """Selects a range, by an invented rule: up at once, down at the next message if it was not needed."""
        if self.fixed_range is not None:
            wanted, at = self.fixed_range, 0
        else:
            peak = float(current.max())
            wanted = max((k for k, limit in enumerate(self._ranges_a) if limit >= peak), default=0)
            at = 0 if wanted >= self._range else int(np.argmax(current > self._ranges_a[self._range]))
        if wanted != self._range:
            self._range = wanted
            self._changes.append(((first + at) * self.factor, wanted))

    def _supply_v(self) -> float:
        return self._world.supply.terminal_v


def _clear(bits: npt.NDArray[np.uint8], low: int, high: int) -> None:
    """Clears the packed bits ``[low, high)``."""
    if high <= low:
        return
    first, last = low // 8, (high - 1) // 8
    head = (0xFF << low % 8) & 0xFF
    tail = (1 << (high - 1) % 8 + 1) - 1
    if first == last:
        bits[first] &= ~(head & tail) & 0xFF
        return
    bits[first] &= ~head & 0xFF
    bits[first + 1 : last] = 0
    bits[last] &= ~tail & 0xFF
