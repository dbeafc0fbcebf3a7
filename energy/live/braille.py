"""Waveforms as braille: two columns and four rows of dots in each character of a terminal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from energy.live.buckets import Floats

DOTS = 4
"""Rows of dots in a character."""
_EMPTY = 0x2800
"""Unicode's braille pattern without a dot; its bits are the dots (The Unicode Standard, 21.1)."""
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint16)


def braille(low: Floats, high: Floats, least: float, greatest: float, rows: int) -> list[str]:
    """A band from ``low`` to ``high`` as lines of characters, the top first.

    Args:
        low: Lower end of the band in each column of dots, shape (n,), n even; NaN where there is none.
        high: Its upper end.
        least: Value at the lower end of the picture.
        greatest: Value at its upper end.
        rows: Lines.

    Returns:
        ``rows`` lines of ``n / 2`` characters.
    """
    count = rows * DOTS
    scale = (count - 1) / (greatest - least) if greatest > least else 0.0
    fine = np.isfinite(low) & np.isfinite(high)
    bottom = np.where(fine, np.rint((np.nan_to_num(low) - least) * scale), count).astype(np.int64)
    top = np.where(fine, np.rint((np.nan_to_num(high) - least) * scale), -1).astype(np.int64)
    bottom, top = _connected(bottom, top, fine)
    heights = np.arange(count - 1, -1, -1)[:, None]
    dots = (heights >= bottom) & (heights <= top)
    cells = dots.reshape(rows, DOTS, -1, 2).astype(np.uint16)
    codes = (cells * _BITS[None, :, None, :]).sum(axis=(1, 3)) + _EMPTY
    return ["".join(map(chr, row)) for row in codes]


def _connected(
    bottom: npt.NDArray[np.int64], top: npt.NDArray[np.int64], fine: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The band without holes between neighbouring columns: a step is a vertical line."""
    both = fine[1:] & fine[:-1]
    lower, upper = bottom.copy(), top.copy()
    lower[1:] = np.where(both & (top[:-1] < bottom[1:]), top[:-1] + 1, bottom[1:])
    upper[1:] = np.where(both & (bottom[:-1] > top[1:]), bottom[:-1] - 1, top[1:])
    return lower, upper
