"""Metadata of a PPK2, and the calibration in them, which converts samples to current (protocols.md 6)."""

from __future__ import annotations

import math
import re
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

Five = tuple[float, ...]


UNVERIFIED = (
    Unverified(
        "END",
        "Whether a line end follows `END`.",
        "its calibration is not read: a time-out, but no wrong figure",
        LOG,
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
    """Reads the calibration from a PPK2's metadata.

    A missing coefficient gets its default; a resistance of 0, which uncalibrated units send, is ignored.

    Args:
        text: Lines ``Key: value``; text before the first of them is ignored.
        url: The port, for the error.

    Raises:
        BenchError: ``ppk2.metadata`` if a coefficient is not a number, or if there are no coefficients.
    """
    default = Calibration()
    numbers = {name: list(getattr(default, attribute)) for name, attribute in _COEFFICIENTS.items()}
    given: set[str] = set()
    details: dict[str, str] = {}
    for name, index, value in _LINE.findall(text):
        if name not in _COEFFICIENTS or not index:
            details[name + index] = value
            continue
        number = _number(f"{name}{index}", value, url)
        if name == "R" and number == 0:
            continue
        numbers[name][int(index)] = number
        given.add(f"{name}{index}")
    calibrated = details.pop("Calibrated", None)
    if not given and calibrated is None:
        raise BenchError(
            "ppk2.metadata",
            f"`Key: value` lines were expected from the PPK2 ({url}), but {text[:120]!r} arrived",
            "Is it the PPK2's first port (its location ends in 1)? Unplug it and plug it in again.",
        )
    return Calibration(
        **{attribute: tuple(numbers[name]) for name, attribute in _COEFFICIENTS.items()},
        calibrated=None if calibrated is None else calibrated not in ("0", "False", "false"),
        given=frozenset(given),
        details=details,
    )


def _number(name: str, value: str, url: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (name.startswith("R") and number < 0):
        raise BenchError(
            "ppk2.metadata",
            f"the PPK2 ({url}) reports {name}: {value!r}, not a finite number",
            "Bytes were lost on USB, or its calibration is damaged: plug it in again; if that fails, "
            "calibrate it.",
        )
    return number


assert set(_COEFFICIENTS.values()) <= {part.name for part in fields(Calibration)}
