"""The lines of the LPM01A's ASCII stream (protocols.md 3.3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLES_PER_TIMESTAMP = 1000

_SAMPLE_CHARS = 9
"""Length of a sample's line: ``dddd-dd`` and a line end."""

_ZERO_EXPONENT = -10
"""A sample of no current is ``0000-10``."""


def decimal_digits(
    values: npt.NDArray[np.float64], truncate: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Mantissas of four digits and exponents of ten, rounded half to even or truncated.

    Args:
        values: Non-negative, shape (n,).
        truncate: Cut the digits off instead of rounding.

    Returns:
        Mantissas (1000..9999, or 0) and exponents, both int64 of shape (n,).
    """
    positive = values > 0
    safe = np.where(positive, values, 1.0)
    exponents = np.floor(np.log10(safe)).astype(np.int64) - 3
    scaled = safe / 10.0**exponents
    exponents += np.where(scaled >= 10_000, 1, np.where(scaled < 1000, -1, 0))  # log10 near a power of ten
    scaled = safe / 10.0**exponents
    mantissas = (np.floor(scaled) if truncate else np.rint(scaled)).astype(np.int64)
    over = mantissas >= 10_000
    mantissas[over] = 1000
    exponents[over] += 1
    # One sample is at most some joules and at least 0.1 pA over 10 us: exponents fit two digits.
    return np.where(positive, mantissas, 0), np.where(positive, exponents, _ZERO_EXPONENT)


def sample_lines(values: npt.NDArray[np.float64], truncate: bool = False) -> bytes:
    """Samples as the instrument writes them, one on each line.

    Args:
        values: Ampere, or joule per sample, shape (n,).
        truncate: Cut the digits off instead of rounding.
    """
    mantissas, exponents = decimal_digits(values, truncate)
    lines = np.empty((len(values), _SAMPLE_CHARS), dtype=np.uint8)
    for column, divisor in enumerate((1000, 100, 10, 1)):
        lines[:, column] = mantissas // divisor % 10 + ord("0")
    lines[:, 4] = np.where(exponents < 0, ord("-"), ord("+"))
    magnitude = np.abs(exponents)
    lines[:, 5] = magnitude // 10 % 10 + ord("0")
    lines[:, 6] = magnitude % 10 + ord("0")
    lines[:, 7:] = (ord("\r"), ord("\n"))
    return lines.tobytes()


def timestamp_line(samples: int, rate_hz: int, fill_percent: int = 7) -> bytes:
    """The time mark after this number of samples, with the NUL byte that follows it (protocols.md 3.1)."""
    milliseconds = samples * 1000 // rate_hz
    text = f"TimeStamp: {milliseconds // 1000:03d}s {milliseconds % 1000:03d}ms, buff {fill_percent:02d}%\r\n"
    return text.encode("ascii") + b"\0"
