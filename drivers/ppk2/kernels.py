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
_PIECE = 512
_PAYS_AFTER = math.inf
"""NumPy takes some 10 ns a sample, of which there are 100 000 in a second."""


def convert(
    words: Words,
    before: int,
    table: npt.NDArray[np.float32],
    logic: int,
    currents: npt.NDArray[np.float32],
    bits: npt.NDArray[np.uint8],
    changes: Words,
) -> int:
    """Converts samples whose counter runs.

    Args:
        words: The samples, shape (n,), n > 0. The counters of all of them are checked.
        before: Counter of the sample before them.
        table: Current by the lower 17 bits of a sample.
        logic: Number of the bit of a word that holds the logic input.
        currents: The result, shape (m,) for the first m samples, m <= n.
        bits: The levels, packed, lowest bit first, shape (ceil(m / 8),).
        changes: Indices of samples in another range than the one before, shape (m,); the first element is
            their number.

    Returns:
        Number of samples at the upper end of the ADC; -1 if the counter does not run: then nothing that was
        written has a meaning.
    """
    count, found, saturated = len(currents), 0, np.uint32(0)
    irregular = words[0] ^ np.uint32(before + 1) << np.uint32(18)
    for k in range(max(count, 1), len(words)):
        irregular |= words[k] ^ (words[k - 1] + np.uint32(1 << 18))
    shift = np.uint32(logic)
    for first in range(0, count, _PIECE):  # so that a piece is still in the cache when it is converted
        stop = min(first + _PIECE, count)
        piece, current = words[first:stop], currents[first:stop]
        moved = np.uint32(0)
        if first:
            irregular |= piece[0] ^ (words[first - 1] + np.uint32(1 << 18))
            moved = piece[0] ^ words[first - 1]
        for k in range(1, len(piece)):
            irregular |= piece[k] ^ (piece[k - 1] + np.uint32(1 << 18))
            moved |= piece[k] ^ piece[k - 1]
        if irregular & np.uint32(0x3F << 18):
            return -1
        for k in range(len(piece)):
            saturated += np.uint32((piece[k] & np.uint32(0x3FFF)) == np.uint32(0x3FFF))
        if moved & np.uint32(0x1C000):
            for k in range(max(first, 1), stop):
                span = (words[k] >> np.uint32(14)) & np.uint32(7)
                last = (words[k - 1] >> np.uint32(14)) & np.uint32(7)
                if span != last and (span < 4 or last < 4):
                    found += 1
                    changes[found] = k
        for at in range(len(piece) // 8):
            byte = np.uint32(0)
            for bit in range(8):
                word = piece[8 * at + bit]
                current[8 * at + bit] = table[word & np.uint32(0x1FFFF)]
                byte |= (word >> shift & np.uint32(1)) << np.uint32(bit)
            bits[first // 8 + at] = byte
        if len(piece) % 8:  # the last piece only
            byte = np.uint32(0)
            for k in range(len(piece) // 8 * 8, len(piece)):
                current[k] = table[piece[k] & np.uint32(0x1FFFF)]
                byte |= (piece[k] >> shift & np.uint32(1)) << np.uint32(k % 8)
            bits[stop // 8] = byte
    changes[0] = found
    return -1 if irregular & np.uint32(0x3F << 18) else int(saturated)


def _agrees(compiled: Convert) -> bool:
    """Whether compiled code converts as the formulas of the words say, here in NumPy."""
    count, converted = 2 * _PIECE + 103, 2 * _PIECE + 97
    index = np.arange(count, dtype=np.uint32)
    words = np.random.default_rng(1).integers(0, 1 << 32, count, dtype=np.uint32)
    words[::50] |= np.uint32(0x3FFF)
    words = (words & np.uint32(0xFF03FFFF)) | ((index + np.uint32(8)) & np.uint32(0x3F)) << np.uint32(18)
    words[100:300] &= np.uint32(0xFFFE3FFF)
    table = np.random.default_rng(2).random(1 << 17).astype(np.float32)
    currents, changes = np.empty(converted, np.float32), np.empty(converted, np.uint32)
    bits = np.empty((converted + 7) // 8, np.uint8)

    def convert_all(words: Words) -> int:
        return compiled(words, 7, table, 26, currents, bits, changes)

    def jumps_at(place: int) -> Words:
        return np.concatenate((words[:place], words[place:] ^ np.uint32(1 << 22)))

    if any(
        convert_all(jumps_at(place)) != -1 for place in (0, 1, _PIECE, converted - 1, converted, count - 1)
    ):
        return False
    saturated = convert_all(words)
    taken = words[:converted]
    spans = np.minimum(taken >> 14 & 7, 4)
    return (
        saturated == np.count_nonzero(taken & 0x3FFF == 0x3FFF)
        and currents.tobytes() == table[taken & 0x1FFFF].tobytes()
        and bits.tobytes() == np.packbits((taken >> 26 & 1).astype(np.uint8), bitorder="little").tobytes()
        and changes[1 : changes[0] + 1].tolist() == (np.flatnonzero(np.diff(spans)) + 1).tolist()
    )


CONVERT = Kernel(
    convert,
    (("uint32[]", "int64", "float32[]", "int64", "float32[]=", "uint8[]=", "uint32[]="),),
    _agrees,
    _PAYS_AFTER,
)
