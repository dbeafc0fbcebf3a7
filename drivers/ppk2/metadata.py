"""Metadata of a PPK2, and the calibration in them, which converts samples to current (protocols.md 6)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from drivers.unverified import LOG, Unverified
from energy.errors import BenchError

RANGES = 5
ADC_BITS = 14
END = b"END"
"""End of the metadata. Whether a line end follows is not documented."""
_VOLT_PER_COUNT = 1.8 / 163840
_LINE = re.compile(r"([A-Za-z]+)([0-4]?)[ \t]*:[ \t]*(\S.*?)[ \t]*\r?$", re.MULTILINE)
_FIVE_ZEROS = (0.0,) * RANGES
_FIVE_ONES = (1.0,) * RANGES
_COEFFICIENTS = {"R": "r", "GS": "gs", "GI": "gi", "O": "o", "S": "s", "I": "i", "UG": "ug"}

TOPS_A = (50e-6, 500e-6, 5e-3, 60e-3, 1.0)
"""Upper end of each range in ampere, as Nordic states the ranges of a PPK2."""
HIGHEST_V = 5.0
_FACTOR = 1.6

Five = tuple[float, ...]


UNVERIFIED = (
    Unverified(
        "END",
        "Whether a line end follows `END`.",
        "its calibration is not read: a time-out, but no wrong figure",
        LOG,
    ),
    Unverified(
        "implausible",
        "How far a unit's coefficients may be from the defaults; a calibrated unit sends all 35 of them.",
        "a sound unit is refused, or a damaged coefficient that two readings agree on is used",
        "read the metadata of several units",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients by range, five of each; the defaults are those of protocols.md 6.

    Attributes:
        r: Shunts in ohm.
        gs: Gain, quadratic part.
        gi: Gain, linear part.
        o: Offset in counts of the ADC times 4.
        s: Offset in A per V of the supply.
        i: Offset in A.
        ug: The user's gain.
        calibrated: Value of ``Calibrated``; None if the metadata have none.
        given: Names for which the metadata have a usable number (``"R0"``).
        details: The other lines of the metadata, such as ``HW`` and ``IA``.
    """

    r: Five = (1031.64, 101.65, 10.15, 0.94, 0.043)
    gs: Five = _FIVE_ONES
    gi: Five = _FIVE_ONES
    o: Five = _FIVE_ZEROS
    s: Five = _FIVE_ZEROS
    i: Five = _FIVE_ZEROS
    ug: Five = _FIVE_ONES
    calibrated: bool | None = None
    given: frozenset[str] = frozenset()
    details: dict[str, str] = field(default_factory=dict[str, str])

    def table(self, supply_v: float) -> npt.NDArray[np.float32]:
        """The current of every sample word, so that one lookup converts a sample.

        ``a = 4 ADC; r = (a - O) (1.8 / 163840) / R; I = UG (r (GS r + GI) + S Vdd + I0)`` (protocols.md 6).
        Computed in float64 and stored in float32, whose rounding of 6e-8 is a thousandth of the ADC's step.

        Args:
            supply_v: The supply voltage, also needed in ampere mode.

        Returns:
            Current in A by the lower 17 bits of a sample (ADC, range; ranges above 4 are 4), shape (131072,).
        """
        counts = 4.0 * np.arange(1 << ADC_BITS)
        rows = np.empty((8, 1 << ADC_BITS), np.float32)
        for index in range(8):
            k = min(index, RANGES - 1)
            r = (counts - self.o[k]) * _VOLT_PER_COUNT / self.r[k]
            rows[index] = self.ug[k] * (
                r * (self.gs[k] * r + self.gi[k]) + (self.s[k] * supply_v + self.i[k])
            )
        return rows.reshape(-1)

    def to_json(self) -> dict[str, Any]:
        """The coefficients, for the session's record."""
        record = {name: list(getattr(self, attribute)) for name, attribute in _COEFFICIENTS.items()}
        return {
            **record,
            "calibrated": self.calibrated,
            "defaults": sorted(set(names()) - self.given),
        }


def names() -> list[str]:
    """Names of all coefficients, as in the metadata."""
    return [f"{name}{k}" for name in _COEFFICIENTS for k in range(RANGES)]


def read_metadata(text: str, url: str) -> Calibration:
    """Reads the calibration from a PPK2's metadata, and checks it: a damaged byte must not become a current.

    A calibrated unit has all coefficients. A unit that was never calibrated has none, or resistances of 0: it
    gets the defaults. Each coefficient must be near the default of its range (``implausible``).

    Args:
        text: Lines ``Key: value``; text before the first of them is ignored.
        url: The port, for the error.

    Raises:
        BenchError: ``ppk2.metadata`` if there are no coefficients, or if one is missing, given twice with
            different values, no number, or implausible.
    """
    given: dict[str, float] = {}
    details: dict[str, str] = {}
    for name, index, value in _LINE.findall(text):
        if name not in _COEFFICIENTS or not index:
            details[name + index] = value
            continue
        key = f"{name}{index}"
        number = _number(key, value, url)
        if given.setdefault(key, number) != number:
            raise _damaged(url, f"reports {key} twice: {given[key]:g} and {number:g}")
    flag = details.pop("Calibrated", None)
    if not given and flag is None:
        raise BenchError(
            "ppk2.metadata",
            f"`Key: value` lines were expected from the PPK2 ({url}), but {text[:120]!r} arrived",
            "Is it the PPK2's first port (its location ends in 1)? Unplug it and plug it in again.",
        )
    calibrated = None if flag is None else flag not in ("0", "False", "false")
    _check_complete(given, calibrated, url)
    usable = {key: number for key, number in given.items() if number != 0 or not key.startswith("R")}
    default = Calibration()
    columns: dict[str, Five] = {}
    for name, attribute in _COEFFICIENTS.items():
        known: Five = getattr(default, attribute)
        columns[attribute] = tuple(usable.get(f"{name}{k}", known[k]) for k in range(RANGES))
    calibration = Calibration(**columns, calibrated=calibrated, given=frozenset(usable), details=details)
    if strange := implausible(calibration):
        raise _damaged(url, f"reports {strange}")
    return calibration


def implausible(calibration: Calibration) -> str:
    """The first coefficient that no PPK2 can have, and its bounds; empty if all are plausible.

    The bounds are wide: they allow a resistance or a linear gain a factor of 1.6 from its default, an offset
    of 1000 counts, a quadratic term of 0.3 of the linear one at the range's end (or 1.6; its default is 1),
    and offsets of 5 % of the range.
    """
    for k, top_a in enumerate(TOPS_A):
        ohm, quadratic = Calibration().r[k], max(_FACTOR, 0.3 / top_a)
        bounds = {
            "R": (ohm / _FACTOR, ohm * _FACTOR),
            "GI": (1 / _FACTOR, _FACTOR),
            "UG": (1 / _FACTOR, _FACTOR),
            "GS": (-quadratic, quadratic),
            "O": (-1000.0, 1000.0),
            "S": (-0.05 * top_a / HIGHEST_V, 0.05 * top_a / HIGHEST_V),
            "I": (-0.05 * top_a, 0.05 * top_a),
        }
        for name, (low, high) in bounds.items():
            value = getattr(calibration, _COEFFICIENTS[name])[k]
            if not low <= value <= high:
                return f"{name}{k}: {value:g}, which is not between {low:.3g} and {high:.3g}"
    return ""


def differences(one: Calibration, other: Calibration) -> str:
    """Coefficients in which two readings differ, for an error's message; empty if they agree."""
    found = [
        f"{name}{k} {a:g} and {b:g}"
        for name, attribute in _COEFFICIENTS.items()
        for k, (a, b) in enumerate(zip(getattr(one, attribute), getattr(other, attribute), strict=True))
        if a != b
    ]
    if one.given != other.given or one.calibrated != other.calibrated:
        found.append("lines")
    return ", ".join(found)


def _check_complete(given: Mapping[str, float], calibrated: bool | None, url: str) -> None:
    """Checks that a calibrated unit has all coefficients, and any unit all five of each kind that it has."""
    kinds = {key[:-1] for key in given}
    if calibrated or any(given[key] != 0 for key in given if not key.startswith("R")):
        kinds = set(_COEFFICIENTS)
    missing = [key for key in names() if key[:-1] in kinds and key not in given]
    if missing:
        raise _damaged(url, f"does not report {', '.join(missing[:6])}{', ...' if len(missing) > 6 else ''}")
    zeros = [key for key in given if key.startswith("R") and given[key] == 0]
    if zeros and (calibrated or len(zeros) < RANGES):
        raise _damaged(url, f"reports a resistance of 0 as {zeros[0]}")


def _number(key: str, value: str, url: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _damaged(url, f"reports {key}: {value!r}, not a finite number")
    return number


def _damaged(url: str, what: str) -> BenchError:
    return BenchError(
        "ppk2.metadata",
        f"the calibration of the PPK2 ({url}) cannot be used: it {what}",
        "Bytes were lost on USB, or its calibration is damaged: plug it in again, without a hub; if that "
        "fails, calibrate it with nRF Connect's Power Profiler.",
    )


assert set(_COEFFICIENTS.values()) <= {part.name for part in fields(Calibration)}
