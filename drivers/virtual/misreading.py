"""Errors of a twin's measurement: those of a real instrument, which the host cannot see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from energy.errors import UsageError

_Values = TypeVar("_Values", float, npt.NDArray[np.float64])


@dataclass
class Misreading:
    """Systematic errors of a monitor, in the sense of JCGM 200, 2.17; all 0 is an ideal instrument.

    Its clock's error is the twin's ``ppm``: what it integrates over its own second is wrong by as much.

    Attributes:
        gain: Relative error of current: 0.01 shows 1 % too much.
        offset_a: What is added to each current, in A, after the gain.
        voltage_gain: Relative error of the voltage that it states: of one that it measures, the reading is
            1 + voltage_gain times the true one; of one that it supplies, the setting is.

    Raises:
        UsageError: ``virtual.settings`` for an error of -100 % or less, or one that is no finite number.
    """

    gain: float = 0.0
    offset_a: float = 0.0
    voltage_gain: float = 0.0

    def __post_init__(self) -> None:
        errors: tuple[object, ...] = (self.gain, self.offset_a, self.voltage_gain)
        sound = all(type(error) in (int, float) and np.isfinite(error) for error in errors)
        if not (sound and self.gain > -1 and self.voltage_gain > -1):
            raise UsageError(
                "virtual.settings",
                f"a twin cannot misread by gain {self.gain!r}, offset_a {self.offset_a!r}, "
                f"voltage_gain {self.voltage_gain!r}",
                "They are finite numbers; gain and voltage_gain are relative errors above -1: 0.01 is 1 %.",
            )

    def current(self, true_a: _Values) -> _Values:
        """The reading of a current, in A, same shape."""
        return true_a * (1.0 + self.gain) + self.offset_a

    def voltage(self, true_v: float) -> float:
        """The reading of a voltage, or the setting of an output that has this voltage, in V."""
        return true_v * (1.0 + self.voltage_gain)

    def output_v(self, setting_v: float) -> float:
        """The true voltage of an output with this setting, in V."""
        return setting_v / (1.0 + self.voltage_gain)
