"""The bytes of the LPM01A's binary stream, as the instrument sends them (protocols.md 3.4)."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

_TERMINATOR = b"\xff\xff"
_LARGEST_N = 14
_SMALLEST_MANTISSA_BITS = 9
"""A mantissa is normalised to 0x100 or more, which has 9 bits."""


def sample_words(values: npt.NDArray[np.float64], truncate: bool = False) -> bytes:
    """Samples, each two bytes: the mantissa m of 12 bits and n of its value m · 16^-n.

    Args:
        values: Ampere, or joule per sample, not negative and below 4096, shape (n,).
        truncate: Cut the rest of the mantissa off instead of rounding.
    """
    _, exponents = np.frexp(values)  # a value is below 2^exponent, and at least half of that
    n = np.clip(-((exponents - _SMALLEST_MANTISSA_BITS) // 4), 0, _LARGEST_N)
    scaled = np.ldexp(values, 4 * n)
    mantissas = (np.floor(scaled) if truncate else np.rint(scaled)).astype(np.int64)
    over = mantissas == 0x1000
    mantissas[over] = 0x100
    n[over] -= 1
    return ((n << 12) | mantissas).astype(">u2").tobytes()


def packet(code: int, payload: bytes = b"") -> bytes:
    """A metadata packet of this type."""
    return bytes((0xF0, code)) + payload + _TERMINATOR


def timestamp_packet(milliseconds: int, fill_percent: int = 7, overflow: bool = False) -> bytes:
    """F3: the time mark, 31 bits of milliseconds and the overflow flag."""
    word = milliseconds % 0x8000_0000 | (0x8000_0000 if overflow else 0)
    return packet(0xF3, struct.pack(">IB", word, fill_percent))


def error_packet(text: str) -> bytes:
    """F1."""
    return packet(0xF1, f"{text}\r\n".encode("latin-1"))


def info_packet(text: str) -> bytes:
    """F2."""
    return packet(0xF2, f"{text}\r\n".encode("latin-1"))


END = packet(0xF4)
OVERCURRENT = packet(0xF5)
TARGET_DOWN = packet(0xF6)


def voltage_packet(millivolts: int) -> bytes:
    """F7: the answer to ``volt get``."""
    return packet(0xF7, struct.pack(">H", millivolts))


def temperature_packet(celsius: float) -> bytes:
    """F8: the answer to ``temp``, in whole degrees."""
    return packet(0xF8, struct.pack(">h", round(celsius)))


def power_packet(on: bool) -> bytes:
    """F9."""
    return packet(0xF9, bytes((int(on),)))
