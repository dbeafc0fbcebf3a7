"""The loop that converts a PPK2's samples in one pass, for numba to compile (``energy.kernels``)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from energy.kernels import Kernel

Words = npt.NDArray[np.uint32]
Convert = Callable[
    [Words, int, npt.NDArray[np.float32], int, npt.NDArray[np.float32], npt.NDArray[np.uint8], Words], int
]
_PIECE = 256
_PAYS_AFTER = math.inf
"""NumPy takes some 10 ns a sample, of which there are 100 000 in a second."""


def convert(
    words: Words,
    before: int,
    table: npt.NDArray[np.float32],
    mask: int,
    currents: npt.NDArray[np.float32],
    bits: npt.NDArray[np.uint8],
    changes: Words,
) -> int:
    """Converts samples whose counter runs.

    Args:
        words: The samples, shape (n,), n > 0. The counters of all of them are checked.
        before: Counter of the sample before them.
        table: Current by the lower 17 bits of a sample.
        mask: The bit of a word that holds the logic input.
        currents: The result, shape (m,) for the first m samples, m <= n.
        bits: The levels, packed, lowest bit first, shape (ceil(m / 8),).
        changes: Indices of samples in another range than the one before, shape (m,); the first element is
            their number.

    Returns:
        Number of samples at the upper end of the ADC; -1 if the counter does not run: then nothing that was
        written has a meaning.
    """
    irregular = np.uint32(0)
    for k in range(len(words)):
        irregular |= ((words[k] >> np.uint32(18)) - np.uint32(before + 1 + k)) & np.uint32(0x3F)
    if irregular:
        return -1
    count = len(currents)
    for k in range(count):
        currents[k] = table[words[k] & np.uint32(0x1FFFF)]
    saturated = np.uint32(0)
    for k in range(count):
        saturated += np.uint32((words[k] & np.uint32(0x3FFF)) == np.uint32(0x3FFF))
    for at in range(0, count // 8):
        byte = np.uint32(0)
        for bit in range(8):
            byte |= np.uint32((words[8 * at + bit] & np.uint32(mask)) != 0) << np.uint32(bit)
        bits[at] = byte
    if count % 8:
        byte = np.uint32(0)
        for bit in range(count % 8):
            byte |= np.uint32((words[count - count % 8 + bit] & np.uint32(mask)) != 0) << np.uint32(bit)
        bits[count // 8] = byte
    found = 0
    for first in range(1, count, _PIECE):
        stop = min(first + _PIECE, count)
        moved = np.uint32(0)
        for k in range(first, stop):
            moved |= (words[k] ^ words[k - 1]) & np.uint32(0x1C000)
        if moved:
            for k in range(first, stop):
                span = (words[k] >> np.uint32(14)) & np.uint32(7)
                last = (words[k - 1] >> np.uint32(14)) & np.uint32(7)
                if span != last and (span < 4 or last < 4):
                    found += 1
                    changes[found] = k
    changes[0] = found
    return int(saturated)


def _agrees(compiled: Convert) -> bool:
    """Whether compiled code converts as the formulas of the words say, here in NumPy."""
    count, converted = 1003, 997
    index = np.arange(count, dtype=np.uint32)
    words = np.random.default_rng(1).integers(0, 1 << 32, count, dtype=np.uint32)
    words[::50] |= np.uint32(0x3FFF)
    words = (words & np.uint32(0xFF03FFFF)) | ((index + np.uint32(8)) & np.uint32(0x3F)) << np.uint32(18)
    words[100:300] &= np.uint32(0xFFFE3FFF)
    table = np.random.default_rng(2).random(1 << 17).astype(np.float32)
    currents, changes = np.empty(converted, np.float32), np.empty(converted, np.uint32)
    bits = np.empty((converted + 7) // 8, np.uint8)
    saturated = compiled(words, 7, table, 1 << 26, currents, bits, changes)
    taken = words[:converted]
    spans = np.minimum(taken >> 14 & 7, 4)
    return (
        saturated == np.count_nonzero(taken & 0x3FFF == 0x3FFF)
        and currents.tobytes() == table[taken & 0x1FFFF].tobytes()
        and bits.tobytes() == np.packbits((taken >> 26 & 1).astype(np.uint8), bitorder="little").tobytes()
        and (changes[1 : changes[0] + 1] == np.flatnonzero(np.diff(spans)) + 1).all()
        and compiled(words[1:].copy(), 7, table, 1 << 26, currents, bits, changes) == -1
    )


CONVERT = Kernel(
    convert,
    (("uint32[]", "int64", "float32[]", "int64", "float32[]=", "uint8[]=", "uint32[]="),),
    _agrees,
    _PAYS_AFTER,
)
