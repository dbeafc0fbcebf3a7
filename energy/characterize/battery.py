"""Battery life of a DUT that works now and then: from its energies and powers, with their uncertainties.

A DUT works in bursts of some inferences, and rests in between: idle, or asleep with a wake-up before each
burst. Its mean power is the energy of a period over the period. A battery gives its charge at a voltage that
falls with the share that is drawn; it loses charge by itself, and a regulator takes its share. The life is
the time until its voltage is at the cut-off:

    life = integral over the drawn charge q of dq / (P / (efficiency V(q)) + I_regulator + rate (Q - q))

where P is the mean power, Q the capacity, and rate that of an exponential self-discharge. Uncertainties are
propagated by GTC (JCGM 100:2008, 5.1 and 5.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from energy.errors import UsageError
from energy.uncertainty.coverage import t_factor
from energy.uncertainty.libraries import gtc

HOUR_S = 3600.0
YEAR_S = 365.25 * 24 * HOUR_S
"""A Julian year."""

Rest = Literal["idle", "sleep"]
"""How a DUT rests between its bursts."""

_NODES = 16
"""Gauss-Legendre nodes for each piece of a discharge curve: the integrand is smooth inside one."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its uncertainty.

    Attributes:
        value: Its value, in the unit that its name states.
        standard: Standard uncertainty, in the same unit: the part that it has alone.
        freedom: Degrees of freedom of that.
    """

    value: float
    standard: float = 0.0
    freedom: float = math.inf

    @property
    def expanded(self) -> float:
        """Expanded uncertainty for 95 %."""
        return self.standard * t_factor(self.freedom)


@dataclass(frozen=True, slots=True)
class Duty:
    """What a DUT needs: figures as a characterization with floors measures them.

    Attributes:
        inference_j: Energy per inference; ``inference_s`` its time.
        idle_w: Power while it waits.
        sleep_w: Power asleep; None if it cannot sleep: ``wake_j`` and ``wake_s`` are not used then.
        wake_j: Energy of a wake-up; ``wake_s`` its time.
        inferences: Inferences of a burst.
        extra_j: Energy of a burst beside its inferences (input, scores, radio); ``extra_s`` its time.
        gain: Relative standard uncertainty that all energies and powers have in common: of the monitor's
            gain. Those of several duties in `race` are the same monitor's.
    """

    inference_j: Figure
    inference_s: Figure
    idle_w: Figure
    sleep_w: Figure | None = None
    wake_j: Figure = Figure(0.0)
    wake_s: Figure = Figure(0.0)
    inferences: int = 1
    extra_j: Figure = Figure(0.0)
    extra_s: Figure = Figure(0.0)
    gain: float = 0.0

    def __post_init__(self) -> None:
        numbers = [self.inference_j, self.inference_s, self.idle_w, self.wake_j, self.wake_s, self.extra_j]
        numbers += [self.extra_s, *([self.sleep_w] if self.sleep_w else [])]
        values = [number for figure in numbers for number in (figure.value, figure.standard)]
        if not all(0 <= value < math.inf for value in (*values, self.gain)) or self.inferences < 1:
            raise UsageError(
                "battery.figure",
                f"the figures of a duty are finite and not negative, with at least one inference: {self}",
                "Measure idle, sleep and wake-up again: a floor below zero is the monitor's offset.",
            )
        if self.inference_j.value == 0 or self.inference_s.value == 0:
            raise UsageError(
                "battery.figure",
                f"an inference needs energy and time: {self.inference_j.value} J, {self.inference_s.value} s",
                "Give the energy in joule and the time in seconds of one inference.",
            )


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery with the regulator behind it.

    Attributes:
        capacity_ah: Charge of the whole discharge curve.
        curve: Pairs of share of the capacity that is drawn, from 0 to 1, and voltage; between two of them
            it is interpolated.
        cut_off_v: Voltage at which it no longer supplies the DUT.
        self_discharge: Share of its charge that it loses by itself in a year.
        efficiency: Energy that reaches the DUT over energy that leaves the battery.
        regulator_a: Current that the regulator draws for itself.
    """

    capacity_ah: Figure
    curve: tuple[tuple[float, float], ...]
    cut_off_v: float
    self_discharge: Figure = Figure(0.0)
    efficiency: Figure = Figure(1.0)
    regulator_a: Figure = Figure(0.0)

    def __post_init__(self) -> None:
        shares, volts = [share for share, _ in self.curve], [volt for _, volt in self.curve]
        falls = all(a > b > 0 for a, b in pairwise(volts))
        if (
            len(shares) < 2
            or (shares[0], shares[-1]) != (0.0, 1.0)
            or sorted(set(shares)) != shares
            or not falls
        ):
            raise UsageError(
                "battery.curve",
                f"the discharge curve {self.curve} does not fall from share 0 to share 1",
                "Give pairs of share drawn and voltage, such as ((0, 3.0), (0.9, 2.7), (1, 2.0)).",
            )
        if not volts[-1] <= self.cut_off_v < volts[0]:
            raise UsageError(
                "battery.cut-off",
                f"the cut-off of {self.cut_off_v} V is not within the curve, {volts[0]} to {volts[-1]} V",
                "The cut-off is the lowest voltage at which the regulator still supplies the DUT.",
            )
        within = 0 < self.efficiency.value <= 1 and 0 <= self.self_discharge.value < 1
        if not within or not 0 < self.capacity_ah.value < math.inf or not self.regulator_a.value >= 0:
            raise UsageError(
                "battery.figure",
                f"efficiency and self-discharge are shares, the capacity is positive: {self}",
                "A self-discharge of 1 % a year is 0.01; a coin cell CR2032 has about 0.22 Ah.",
            )

    def pieces(self) -> list[tuple[float, float, float, float]]:
        """Pieces of the curve down to the cut-off: share and voltage at the beginning and the end of each."""
        found: list[tuple[float, float, float, float]] = []
        for (share, volt), (end, low) in pairwise(self.curve):
            if volt <= self.cut_off_v:
                break
            if low < self.cut_off_v:
                end = share + (end - share) * (volt - self.cut_off_v) / (volt - low)
                low = self.cut_off_v
            found.append((share, volt, end, low))
        return found


@dataclass(frozen=True, slots=True)
class Life:
    """The life of a battery at a rate.

    Attributes:
        per_hour: Inferences per hour.
        rest: How the DUT rests.
        power_w: Its mean power.
        life_s: Time until the battery is at the cut-off.
        shares: Share of the mean power by part: ``inference``, ``extra``, ``wake-up``, and the rest's name.
            All are 0 for a DUT that draws nothing.
    """

    per_hour: float
    rest: Rest
    power_w: Figure
    life_s: Figure
    shares: dict[str, float] = field(default_factory=dict[str, float])


def break_even(duty: Duty) -> Figure:
    """The pause between two bursts, in s, from which on sleeping needs less than idling.

    idle_w t = wake_j + sleep_w (t - wake_s); it is not shorter than the wake-up, which the pause must hold.
    Infinite for a DUT that needs no less asleep than idle.

    Raises:
        UsageError: ``battery.no-sleep`` if the duty states no sleep.
    """
    numbers = _Numbers()
    sleep_w, idle_w = numbers.gained(duty, _asleep(duty)), numbers.gained(duty, duty.idle_w)
    if _asleep(duty).value >= duty.idle_w.value:
        return Figure(math.inf)
    wake_j, wake_s = numbers.gained(duty, duty.wake_j), numbers.number(duty.wake_s)
    pause_s = (wake_j - sleep_w * wake_s) / (idle_w - sleep_w)
    return _figure(pause_s) if _figure(pause_s).value > duty.wake_s.value else duty.wake_s


def mean_power(duty: Duty, per_hour: float, rest: Rest) -> Figure:
    """Mean power in W at a rate of inferences per hour.

    Raises:
        UsageError: ``battery.rate`` if the DUT is not fast enough, ``battery.no-sleep``.
    """
    return _figure(_total(_parts(_Numbers(), duty, per_hour, rest)))


def highest_rate(duty: Duty, rest: Rest) -> float:
    """The highest rate in inferences per hour that the DUT can keep, with its wake-ups if it sleeps."""
    burst_s = duty.inferences * duty.inference_s.value + duty.extra_s.value
    return HOUR_S * duty.inferences / (burst_s + (duty.wake_s.value if rest == "sleep" else 0.0))


def life(duty: Duty, battery: Battery, per_hour: float, rest: Rest | None = None) -> Life:
    """The life of a battery at a rate of inferences per hour.

    Args:
        duty: The DUT.
        battery: The battery.
        per_hour: Inferences per hour, at least 0.
        rest: How the DUT rests; None: in the way that needs less at this rate.

    Raises:
        UsageError: ``battery.rate`` if the DUT is not fast enough, ``battery.no-sleep``.
    """
    if rest is None:
        ways = _ways(duty, per_hour) or ["idle"]
        rest = min(ways, key=lambda way: mean_power(duty, per_hour, way).value)
    numbers = _Numbers()
    parts = _parts(numbers, duty, per_hour, rest)
    power_w = _total(parts)
    whole_w = _figure(power_w).value
    shares = {name: _figure(part).value / whole_w if whole_w else 0.0 for name, part in parts.items()}
    return Life(per_hour, rest, _figure(power_w), _figure(_life_s(numbers, power_w, battery)), shares)


def lives(duty: Duty, battery: Battery, rates: Sequence[float], rest: Rest | None = None) -> list[Life]:
    """The life over rates of inferences per hour, as `life`."""
    return [life(duty, battery, per_hour, rest) for per_hour in rates]


@dataclass(frozen=True, slots=True)
class Runner:
    """One of several ways to do the same work, in a `race`.

    Attributes:
        name: Its name.
        rest: How it rests; it takes the way that needs less.
        power_w: Its mean power at the rate; None if it is not fast enough.
        saves_w: By how much that is below the mean power of the first; what is common to both cancels.
    """

    name: str
    rest: Rest
    power_w: Figure | None
    saves_w: Figure | None


def race(duties: Mapping[str, Duty], per_hour: float) -> list[Runner]:
    """The same work at several operating points: race to idle against slow and steady.

    Args:
        duties: A duty for each operating point, by name: fast ones rest longer, slow ones need less while
            they work. The others are compared with the first.
        per_hour: Inferences per hour.

    Returns:
        The points, the one that needs least first, those that are not fast enough last.
    """
    numbers = _Numbers()
    powers: dict[str, tuple[Rest, Any]] = {}
    found: list[Runner] = []
    for name, duty in duties.items():
        rated: list[tuple[Rest, Any]] = [
            (way, _total(_parts(numbers, duty, per_hour, way))) for way in _ways(duty, per_hour)
        ]
        if rated:
            powers[name] = min(rated, key=lambda entry: _figure(entry[1]).value)
        else:
            found.append(Runner(name, "idle", None, None))
    first = powers.get(next(iter(duties)))
    for name, (rest, power_w) in powers.items():
        saves = None if first is None else _figure(first[1] - power_w)
        found.append(Runner(name, rest, _figure(power_w), saves))
    return sorted(found, key=lambda runner: math.inf if runner.power_w is None else runner.power_w.value)


class _Numbers:
    """Uncertain numbers: each figure is one number wherever it occurs, and a monitor's gain one for all."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Figure, Any]] = {}
        self._gain: Any = gtc().ureal(0.0, 1.0, label="gain")

    def number(self, figure: Figure) -> Any:
        known = self._made.get(id(figure))  # by identity: equal figures need not be the same quantity
        if known is None:
            freedom = figure.freedom if figure.freedom < 1e6 else math.inf  # GTC's own limit of infinity
            known = self._made[id(figure)] = (figure, gtc().ureal(figure.value, figure.standard, freedom))
        return known[1]

    def gained(self, duty: Duty, figure: Figure) -> Any:
        """An energy or a power, with the gain of the duty's monitor."""
        return self.number(figure) * (1.0 + duty.gain * self._gain)


def _ways(duty: Duty, per_hour: float) -> list[Rest]:
    """The ways to rest at a rate."""
    ways: list[Rest] = ["idle"] if duty.sleep_w is None else ["idle", "sleep"]
    return [way for way in ways if per_hour <= highest_rate(duty, way)]


def _parts(numbers: _Numbers, duty: Duty, per_hour: float, rest: Rest) -> dict[str, Any]:
    """Mean power by part."""
    if not 0 <= per_hour <= highest_rate(duty, rest):  # not for NaN either
        raise UsageError(
            "battery.rate",
            f"{per_hour:g} inferences per hour: this DUT can do 0 to {highest_rate(duty, rest):.6g}",
            "Ask for a lower rate, or give the figures of a faster operating point.",
        )
    bursts = per_hour / duty.inferences / HOUR_S  # a second
    resting_s = 1.0 - bursts * (
        duty.inferences * numbers.number(duty.inference_s) + numbers.number(duty.extra_s)
    )
    parts = {
        "inference": bursts * duty.inferences * numbers.gained(duty, duty.inference_j),
        "extra": bursts * numbers.gained(duty, duty.extra_j),
    }
    if rest == "sleep":
        asleep = numbers.gained(duty, _asleep(duty))
        parts["wake-up"] = bursts * numbers.gained(duty, duty.wake_j)
        return {**parts, "sleep": (resting_s - bursts * numbers.number(duty.wake_s)) * asleep}
    return {**parts, "idle": resting_s * numbers.gained(duty, duty.idle_w)}


def _total(parts: Mapping[str, Any]) -> Any:
    return sum(parts.values())


def _asleep(duty: Duty) -> Figure:
    if duty.sleep_w is None:
        raise UsageError(
            "battery.no-sleep",
            "this DUT's power asleep is not known",
            "Measure the floors with the DUT's `sleep` command, or compare idling only.",
        )
    return duty.sleep_w


def _life_s(numbers: _Numbers, power_w: Any, battery: Battery) -> Any:
    """Time until the cut-off, in s: the integral of the module's description."""
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    charge = numbers.number(battery.capacity_ah) * HOUR_S
    at_battery_w = power_w / numbers.number(battery.efficiency)
    lost = -gtc().log(1.0 - numbers.number(battery.self_discharge)) / YEAR_S
    own_a = numbers.number(battery.regulator_a)
    if not (_figure(power_w).value or battery.regulator_a.value or battery.self_discharge.value):
        return math.inf
    total: Any = 0.0
    for share, volt, end, low in battery.pieces():
        half = (end - share) / 2
        for point, weight in zip(points.tolist(), weights.tolist(), strict=True):
            drawn, at_v = share + half * (1 + point), volt + (low - volt) * (1 + point) / 2
            current = at_battery_w / at_v + own_a + lost * charge * (1.0 - drawn)
            total = total + weight * half * charge / current
    return total


def _figure(number: Any) -> Figure:
    """The figure of an uncertain number, or of a plain one."""
    g = gtc()
    freedom = g.dof(number)
    return Figure(
        float(g.value(number)), float(g.uncertainty(number)), freedom if freedom < 1e6 else math.inf
    )
