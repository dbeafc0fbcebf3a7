"""How a virtual board's power and speed depend on supply voltage, clock and temperature, in closed form.

Awake, a board's power has three parts: a dynamic one, C V^2 f; leakage, V I0 exp((V - V0) / rise)
2^((T - 25) / doubling); and V times a constant current of its regulator and oscillators. Asleep, it has the
last two. V0 is the voltage and f0 the clock of the published result, at which the sum is the published power:
C follows from it. An inference spends a share of its time waiting for memory whose clock does not change. All
parameters are invented.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from drivers.virtual.world import REFERENCE_C

Outcome = Literal["runs", "wrong", "hangs"]
"""What a processor does at a voltage and a clock; ``wrong``: it runs, and its scores are wrong."""


@dataclass(frozen=True, slots=True)
class Law:
    """Power at a voltage and a temperature: ``slope * power + offset_w`` of that at the published ones."""

    slope: float = 1.0
    offset_w: float = 0.0

    def power_w(self, reference_w: float) -> float:
        """Power here, from that at the published voltage, 25 degC and the same clock; never below 0."""
        return max(self.slope * reference_w + self.offset_w, 0.0)


@dataclass(frozen=True, slots=True)
class Silicon:
    """Parameters of a board's processor; all of them invented.

    Attributes:
        leakage_a: Leakage at the published voltage and 25 degC, awake.
        leakage_rise_v: Rise of the voltage that multiplies the leakage by e.
        leakage_doubling_k: Rise of the temperature that doubles it.
        constant_a: Current of regulator and oscillators, at any voltage, clock and temperature, awake.
        sleep_leakage: Share of the power asleep that is leakage; the rest is a constant current.
        memory_wait: Share of an inference's time at the published clock that does not change with the clock.
        lowest_v: Pairs of clock in Hz and lowest supply voltage at which the processor runs at it, ascending;
            between two of them it is interpolated. Empty: it runs at any voltage, and its clock is fixed.
        wrong_v: Within so much below the lowest voltage it computes wrong scores; further below it hangs.
    """

    leakage_a: float
    leakage_rise_v: float
    leakage_doubling_k: float
    constant_a: float
    sleep_leakage: float
    memory_wait: float = 0.0
    lowest_v: tuple[tuple[float, float], ...] = ()
    wrong_v: float = 0.0

    def static_w(self, voltage_v: float) -> float:
        """Power awake without the dynamic part, at a published voltage and 25 degC."""
        return voltage_v * (self.leakage_a + self.constant_a)

    def leaks(self, published_v: float, voltage_v: float, temperature_c: float) -> float:
        """Leakage current relative to that at the published voltage and 25 degC."""
        rise = (voltage_v - published_v) / self.leakage_rise_v
        return math.exp(rise) * 2.0 ** ((temperature_c - REFERENCE_C) / self.leakage_doubling_k)

    def awake(self, published_v: float, voltage_v: float, temperature_c: float) -> Law:
        """The law of every power awake."""
        square = (voltage_v / published_v) ** 2
        leakage_a = self.leakage_a * self.leaks(published_v, voltage_v, temperature_c)
        static_w = voltage_v * (leakage_a + self.constant_a)
        return Law(square, static_w - self.static_w(published_v) * square)

    def asleep(self, published_v: float, voltage_v: float, temperature_c: float) -> Law:
        """The law of the power asleep."""
        leaks = self.leaks(published_v, voltage_v, temperature_c)
        return Law(voltage_v / published_v * (self.sleep_leakage * leaks + (1.0 - self.sleep_leakage)))

    def slowed(self, published_hz: float, clock_hz: float) -> float:
        """Time that computing takes, relative to that at the published clock."""
        return 1.0 + (1.0 - self.memory_wait) * (published_hz / clock_hz - 1.0)

    @property
    def clocks_hz(self) -> tuple[float, float]:
        """Lowest and highest clock. Both 0 where the clock is fixed."""
        return (self.lowest_v[0][0], self.lowest_v[-1][0]) if self.lowest_v else (0.0, 0.0)

    def needs_v(self, clock_hz: float) -> float:
        """The lowest supply voltage at which the processor runs at a clock within `clocks_hz`."""
        for (low_hz, low_v), (high_hz, high_v) in pairwise(self.lowest_v):
            if low_hz <= clock_hz <= high_hz:
                return low_v + (high_v - low_v) * (clock_hz - low_hz) / (high_hz - low_hz)
        return 0.0

    def outcome(self, voltage_v: float, clock_hz: float) -> Outcome:
        """Whether the processor runs at a voltage and a clock."""
        missing_v = self.needs_v(clock_hz) - voltage_v
        if missing_v <= 0:
            return "runs"
        return "wrong" if missing_v <= self.wrong_v else "hangs"
