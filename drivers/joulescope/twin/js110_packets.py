"""USB packets of a JS110 as its firmware sends them: 126 samples in 512 bytes (joulescope.md 1.4, Seam B).

The twin does not send them (its driver's messages are already unpacked). Tests feed them, made from the
world's power, to Jetperch's own unpacking and calibration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SAMPLES_PER_PACKET = 126
PACKET_BYTES = 512
_HEADER_BYTES = 8
_FULL = 0x3FFF
"""Largest value of the 14-bit converters."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Coefficients from the converters' numbers to ampere and volt: (number + offset) times gain, per range.

    Attributes:
        current_offset: Shape (7,), from the range of 10 A to that of 18 uA.
        current_gain: Likewise, in ampere.
        voltage_offset: Shape (2,), the ranges of 15 V and 5 V.
        voltage_gain: Likewise, in volt.
    """

    current_offset: Floats
    current_gain: Floats
    voltage_offset: Floats
    voltage_gain: Floats

    def ranges(self, current_a: Floats) -> npt.NDArray[np.uint8]:
        """The most sensitive range that contains each current; same shape."""
        limits = (_FULL - 1 + self.current_offset) * self.current_gain  # descending
        return (np.searchsorted(-limits, -current_a, side="right") - 1).clip(0, 6).astype(np.uint8)

    def words(
        self, current_a: Floats, voltage_v: Floats, gpi0: npt.NDArray[np.bool_], *, voltage_range: int = 0
    ) -> npt.NDArray[np.uint32]:
        """Samples in the instrument's format, GPI 0 in the least significant bit of the current.

        Args:
            current_a: Shape (n,).
            voltage_v: Shape (n,).
            gpi0: Levels, shape (n,).
            voltage_range: 0 for 15 V, 1 for 5 V.

        Returns:
            uint32, shape (n,).

        Raises:
            ValueError: A value does not fit in 14 bits on its range.
        """
        number = self.ranges(current_a)
        current = np.rint(current_a / self.current_gain[number] - self.current_offset[number])
        voltage = np.rint(voltage_v / self.voltage_gain[voltage_range] - self.voltage_offset[voltage_range])
        for name, values in (("current", current), ("voltage", voltage)):
            if len(values) and not (values.min() >= 0 and values.max() <= _FULL):
                raise ValueError(f"the {name} does not fit in 14 bits")
        i14 = (current.astype(np.uint32) & 0x3FFE) | gpi0
        toggle = np.arange(len(number), dtype=np.uint32) & 1
        high = number.astype(np.uint32) >> 2 & 1
        low = number.astype(np.uint32) & 3
        return voltage.astype(np.uint32) << 18 | toggle << 17 | high << 16 | i14 << 2 | low


def packets(
    words: npt.NDArray[np.uint32], first_index: int = 0, *, voltage_range: int = 0
) -> npt.NDArray[np.uint8]:
    """Whole packets of samples.

    Args:
        words: Shape (126 n,).
        first_index: Number of the first packet.
        voltage_range: As in ``Calibration.words``.

    Returns:
        uint8, shape (n, 512).
    """
    payload = words.astype("<u4").reshape(-1, SAMPLES_PER_PACKET)
    count = len(payload)
    made = np.zeros((count, PACKET_BYTES), dtype=np.uint8)
    index = (first_index + np.arange(count)) & 0xFFFF
    made[:, 0] = 1
    made[:, 2] = PACKET_BYTES & 0xFF
    made[:, 3] = PACKET_BYTES >> 8 | voltage_range << 7
    made[:, 4] = index & 0xFF
    made[:, 5] = index >> 8
    made[:, _HEADER_BYTES:] = payload.view(np.uint8)
    return made
