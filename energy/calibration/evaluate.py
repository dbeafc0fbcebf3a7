"""Corrections of a monitor's current from its readings of known loads, with their uncertainties.

The model is that of a certificate, true value = reading x (1 + gain) + offset, so the difference of reference
and reading is a straight line in the reading. It is fitted by least squares, weighted by what the loads do
not share; GTC propagates all uncertainties through the fit (JCGM 100, 5.1 and 5.2), including the voltage,
whose error all loads share. With fewer than three currents only the gain is fitted, and the offset is 0
within the specification's limit.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# (GTC has no types)

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from energy.bench.benchfile import WiringPart
from energy.calibration.loads import Load
from energy.calibration.readings import Reading, VoltageAccuracy, current_line, limit_a
from energy.errors import BenchError
from energy.evidence.calibration import CalibrationLine
from energy.instruments import Accuracy

Within = Literal["within", "outside", "undecided"]
"""Whether a deviation is within the specification, if its uncertainty decides that."""

_RECTANGULAR = 1 / math.sqrt(3)
_STEP = 1 / math.sqrt(12)
_CURRENTS = 3
"""Different currents that an offset needs."""
_APART = 1.2
"""Two currents are different if one is larger by this factor."""
_MARGIN = 0.1
"""By this part of the extreme readings a line holds beyond them."""
_MOST_FREEDOM = 1000.0
"""Degrees of freedom that count as infinite: k differs by less than 0.1 %."""


@dataclass(frozen=True)
class Point:
    """A load as the monitor read it, beside the current that it truly drew.

    Attributes:
        reading: The reading.
        reference_a: The current through the load by its value and the voltage, in A.
        deviation_a: Reading minus reference, in A.
        expanded_a: Expanded uncertainty of the deviation (95 %), in A.
        limit_a: Limit of error in the monitor's specification, in A; None where there is none.
        left_a: Deviation that is left after the correction, in A.
    """

    reading: Reading
    reference_a: float
    deviation_a: float
    expanded_a: float
    limit_a: float | None
    left_a: float

    @property
    def of_specification(self) -> float | None:
        """The deviation as a multiple of the specification's limit."""
        return self.deviation_a / self.limit_a if self.limit_a else None

    @property
    def verdict(self) -> Within | None:
        """Whether the monitor is within its specification, as far as the uncertainty decides it."""
        if self.limit_a is None:
            return None
        if abs(self.deviation_a) + self.expanded_a <= self.limit_a:
            return "within"
        return "outside" if abs(self.deviation_a) - self.expanded_a > self.limit_a else "undecided"


@dataclass(frozen=True)
class Evaluation:
    """Corrections that follow from some readings.

    Attributes:
        lines: A line for each range.
        points: Each load, in the order of the readings.
        remarks: What limits the result, in sentences.
    """

    lines: tuple[CalibrationLine, ...]
    points: tuple[Point, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Compared:
    """A reading beside its reference, as uncertain numbers of GTC.

    Attributes:
        reading: The reading.
        reference: Current through the load.
        difference: Reference minus reading.
        own_a: Standard uncertainty of the difference without the voltage's.
    """

    reading: Reading
    reference: Any
    difference: Any
    own_a: float


def evaluate(
    readings: Sequence[Reading],
    voltage: VoltageAccuracy,
    accuracy: Iterable[Accuracy] = (),
    wiring: WiringPart | None = None,
) -> Evaluation:
    """Corrections from readings of known loads.

    Args:
        readings: The readings.
        voltage: How well the voltage across the loads is known.
        accuracy: The monitor's specification.
        wiring: Resistances in series with the loads, for a voltage that was not measured at the load.

    Raises:
        BenchError: ``calcheck.too-far`` for a correction that no certificate can hold.
    """
    from GTC import ureal

    shared = ureal(0.0, 1.0)  # the voltage's error in its standard uncertainty, for all loads
    parts: dict[Load, Any] = {}
    for reading in readings:
        load = reading.load
        parts.setdefault(load, ureal(1.0, load.tolerance * _RECTANGULAR))
    series_ohm = _series_ohm(wiring, voltage)
    compared: list[_Compared] = []
    for reading in readings:
        reference = _reference(reading, voltage, parts[reading.load], shared, series_ohm)
        compared.append(_compared(reading, reference))
    specification = list(accuracy)
    lines: list[CalibrationLine] = []
    corrections: dict[str | None, tuple[float, float]] = {}
    remarks: list[str] = []
    for name in dict.fromkeys(reading.range for reading in readings):
        group = [one for one in compared if one.reading.range == name]
        gain, offset, about = _fitted(group, specification)
        corrections[name] = (gain.x, offset.x)
        lines.append(_line(name, group, gain, offset))
        remarks += [f"{name}: {remark}" if name else remark for remark in about]
    points = tuple(_point(one, specification, *corrections[one.reading.range]) for one in compared)
    return Evaluation(tuple(lines), points, tuple(remarks))


def _series_ohm(wiring: WiringPart | None, voltage: VoltageAccuracy) -> Any:
    """Resistance between the voltage and the load, an uncertain number."""
    from GTC import ureal

    if wiring is None or voltage.at_load:
        return 0.0
    pairs = ((wiring.lead_ohm, wiring.lead_tolerance), (wiring.burden_ohm, wiring.burden_tolerance))
    known = ((ohm, tolerance) for ohm, tolerance in pairs if ohm is not None and tolerance is not None)
    return sum((ureal(ohm, ohm * tolerance * _RECTANGULAR) for ohm, tolerance in known), 0.0)


def _reference(reading: Reading, voltage: VoltageAccuracy, part: Any, shared: Any, series_ohm: Any) -> Any:
    if not reading.load.resistor:
        return reading.load.value * part
    volts = reading.voltage_v + voltage.standard_v(reading.voltage_v) * shared
    return volts / (reading.load.value * part + series_ohm)


def _compared(reading: Reading, reference: Any) -> _Compared:
    from GTC import ureal

    read = ureal(reading.mean_a, reading.scatter_a, reading.freedom) if reading.scatter_a else reading.mean_a
    if reading.resolution_a:
        read = read + ureal(0.0, reading.resolution_a * _STEP)
    tolerance_a = reading.load.tolerance * _RECTANGULAR * reference.x
    own_a = math.hypot(tolerance_a, reading.scatter_a, reading.resolution_a * _STEP)
    return _Compared(reading, reference, reference - read, own_a)


def _fitted(group: Sequence[_Compared], accuracy: Sequence[Accuracy]) -> tuple[Any, Any, list[str]]:
    """Gain and offset of the correction, uncertain numbers, and remarks."""
    currents = _different(abs(one.reading.mean_a) for one in group)
    if currents < _CURRENTS:
        return _gain_only(group, accuracy, currents)
    weights = [1 / one.own_a**2 for one in group]
    xs = [one.reading.mean_a for one in group]
    sw = sum(weights)
    middle = sum(w * x for w, x in zip(weights, xs, strict=True)) / sw
    spread = sum(w * (x - middle) ** 2 for w, x in zip(weights, xs, strict=True))
    gain = (
        sum(w * (x - middle) * one.difference for w, x, one in zip(weights, xs, group, strict=True)) / spread
    )
    offset = sum(w * one.difference for w, one in zip(weights, group, strict=True)) / sw - gain * middle
    return _widened(group, gain, offset, 0.0, len(group) - 2)


def _gain_only(
    group: Sequence[_Compared], accuracy: Sequence[Accuracy], currents: int
) -> tuple[Any, Any, list[str]]:
    """The gain, with an offset of 0 within the limit of the specification."""
    from GTC import ureal

    line = current_line(accuracy, group[0].reading)
    offset_a = line.offset * _RECTANGULAR if line is not None else 0.0
    offset = ureal(0.0, offset_a)
    weights = [1 / one.own_a**2 for one in group]
    xs = [one.reading.mean_a for one in group]
    total = sum(w * x * x for w, x in zip(weights, xs, strict=True))
    gain = (
        sum(w * x * (one.difference - offset) for w, x, one in zip(weights, xs, group, strict=True)) / total
    )
    gain, offset, remarks = _widened(group, gain, offset, offset_a, len(group) - 1)
    few = f"{currents} of the {_CURRENTS} currents that an offset needs: gain only"
    if not offset_a:
        few += ", and the specification at hand limits no offset, which is taken for 0"
    return gain, offset, [few, *remarks]


def _widened(
    group: Sequence[_Compared], gain: Any, offset: Any, offset_a: float, freedom: int
) -> tuple[Any, Any, list[str]]:
    """The same, with more uncertainty where the differences are no straight line within their own.

    The factor is Birge's ratio. It widens everything, the voltage's part included: the model is wrong then.
    """
    from scipy.stats import chi2

    if freedom < 1:
        return gain, offset, []
    residuals = [
        (one.difference.x - gain.x * one.reading.mean_a - offset.x) / math.hypot(one.own_a, offset_a)
        for one in group
    ]
    total = sum(residual**2 for residual in residuals)
    if total <= float(chi2.ppf(0.95, freedom)):
        return gain, offset, []
    ratio = math.sqrt(total / freedom)
    text = f"the readings are no straight line within their uncertainty, which was widened by {ratio:.2g}"
    return gain.x + (gain - gain.x) * ratio, offset.x + (offset - offset.x) * ratio, [text]


def _different(currents: Iterable[float]) -> int:
    """The number of currents that differ by more than ``_APART``."""
    count, last = 0, 0.0
    for current in sorted(currents):
        if count == 0 or current > last * _APART:
            count, last = count + 1, current
    return count


def _line(name: str | None, group: Sequence[_Compared], gain: Any, offset: Any) -> CalibrationLine:
    from GTC import get_correlation
    from GTC.reporting import k_factor

    xs = [one.reading.mean_a for one in group]
    freedom = math.floor(min(gain.df, offset.df if offset.u else math.inf, _MOST_FREEDOM))
    k = float(k_factor(freedom if freedom < _MOST_FREEDOM else math.inf))
    if abs(gain.x) >= 0.5:
        raise BenchError(
            "calcheck.too-far",
            f"the monitor's readings would have to be corrected by {gain.x * 100:+.0f} %",
            "Check the loads, their values, and the voltage: no sound instrument is so far off.",
        )
    correlation = float(cast(Any, get_correlation(gain, offset))) if offset.u and gain.u else 0.0
    return CalibrationLine(
        quantity="current",
        range=name,
        gain_correction=_digits(gain.x, gain.u),
        gain_uncertainty=_rounded_up(k * gain.u),
        offset_correction=_digits(offset.x, offset.u),
        offset_uncertainty=_rounded_up(k * offset.u),
        correlation=max(min(round(correlation, 3), 1.0), -1.0),
        k=round(k, 3),
        degrees_of_freedom=freedom if freedom < _MOST_FREEDOM else None,
        lowest=_digits(min(xs) * (1 - _MARGIN), min(xs) * 1e-3),
        highest=_digits(max(xs) * (1 + _MARGIN), max(xs) * 1e-3),
    )


def _point(one: _Compared, accuracy: Sequence[Accuracy], gain: float, offset: float) -> Point:
    from GTC.reporting import k_factor

    difference, reading = one.difference, one.reading
    line = current_line(accuracy, reading)
    k = float(k_factor(math.floor(difference.df) if difference.df < _MOST_FREEDOM else math.inf))
    return Point(
        reading,
        float(one.reference.x),
        -float(difference.x),
        k * float(difference.u),
        None if line is None else limit_a(line, reading.mean_a),
        reading.mean_a * (1 + gain) + offset - float(one.reference.x),
    )


def _digits(value: float, unit: float) -> float:
    """A value with four digits below its uncertainty: more than anybody needs, and readable."""
    if not unit or not value:
        return float(value)
    return round(float(value), max(3 - math.floor(math.log10(abs(unit))), 0))


def _rounded_up(value: float) -> float:
    """A value with three digits, rounded up."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.ceil(value / step - 1e-9) * step:.3g}")
