"""The loop that sums samples by chunks, for numba to compile (``energy.kernels``).

It adds in the order in which NumPy does ("pairwise summation": ``pairwise_sum`` in NumPy's
``loops_utils.h.src``). NumPy divides an array in halves down to leaves of 128 numbers. In a leaf, eight sums
take every eighth number each, and are then added two by two. So between two calls only these eight sums and
the leaves before have to be kept: the samples may come in pieces of any length, and are not copied. A
product of two float32 is exact in float64, so it does not matter whether the processor multiplies and adds in
one instruction.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.kernels import Kernel

CHUNK = 1 << 16
"""Number of samples in a chunk: a power of two, so that all of NumPy's leaves are whole."""
_LEAF = 128
_LANES = 8
_LEAVES = CHUNK // _LEAF
BEGUN = _LEAVES + _LANES
"""Numbers that are kept of a chunk that has begun: its leaves, and eight sums of the leaf that has begun."""
_PAYS_AFTER = 1e9
"""Number of samples. NumPy takes some 0.5 ns a sample longer; importing numba and its cache, 0.5 s."""

Column = npt.NDArray[np.floating[Any]]
"""float32 or float64."""
Sums = npt.NDArray[np.float64]
SumChunks = Callable[[Column, Column | None, int, Sums, Sums], int]


def sum_chunks(left: Column, right: Column | None, filled: int, begun: Sums, sums: Sums) -> int:
    """Sums left, or left times right, in float64, over each chunk.

    Products are made leaf by leaf in a small array, because numba's compiler vectorizes that loop, and not
    one that multiplies and adds to eight sums.

    Args:
        left: Shape (n,): samples that follow those of the call before.
        right: Likewise, of the same type; or None.
        filled: Number of samples that the first chunk has already, 0 to CHUNK - 1.
        begun: Shape (BEGUN,): what is kept of the chunk that has begun, from call to call.
        sums: The result, shape (k,), k at least the number of chunks that end.

    Returns:
        Number of chunks that end.
    """
    products = np.empty(_LEAF)
    lanes = begun[_LEAVES:]
    at, done = 0, 0
    while at < len(left):
        leaf, within = filled // _LEAF, filled % _LEAF
        count = min(_LEAF - within, len(left) - at)
        if count == _LEAF:
            ours = left[at : at + _LEAF]
            if right is None:
                for k in range(_LEAF):
                    products[k] = np.float64(ours[k])
            else:
                theirs = right[at : at + _LEAF]
                for k in range(_LEAF):
                    products[k] = np.float64(ours[k]) * np.float64(theirs[k])
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = -0.0  # which changes nothing that it is added to
            for k in range(0, _LEAF, _LANES):
                s0 += products[k]
                s1 += products[k + 1]
                s2 += products[k + 2]
                s3 += products[k + 3]
                s4 += products[k + 4]
                s5 += products[k + 5]
                s6 += products[k + 6]
                s7 += products[k + 7]
            begun[leaf] = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
        else:
            if within == 0:
                lanes[:] = -0.0
            for k in range(count):
                value = np.float64(left[at + k])
                if right is not None:
                    value *= np.float64(right[at + k])
                lanes[(within + k) % _LANES] += value
            if within + count == _LEAF:
                pairs = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
                begun[leaf] = pairs + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
        at += count
        filled += count
        if filled == CHUNK:
            width = _LEAVES
            while width > 1:
                width //= 2
                for k in range(width):
                    begun[k] = begun[2 * k] + begun[2 * k + 1]
            sums[done] = begun[0]
            done += 1
            filled = 0
    return done


def sum_chunks_by_numpy(left: Column, right: Column | None, sums: Sums) -> None:
    """The twin of ``sum_chunks``, for whole chunks.

    Args:
        left: Shape (len(sums) * CHUNK,).
        right: Likewise, of the same type; or None.
        sums: The result.
    """
    for chunk in range(len(sums)):
        piece = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        values = left[piece].astype(np.float64)
        sums[chunk] = np.add.reduce(values if right is None else values * right[piece])


def _agrees(compiled: SumChunks) -> bool:
    """Whether compiled code adds as this NumPy does, which promises no order of additions."""
    noise = np.random.default_rng(1)
    both = [noise.lognormal(0.0, 4.0, 2 * CHUNK) * noise.choice([-1.0, 1.0], 2 * CHUNK) for _ in range(2)]
    cuts = [0, 1, CHUNK // 2 + 77, CHUNK // 2 + 80, 2 * CHUNK]
    for dtype in (np.float32, np.float64):
        left, right = (column.astype(dtype) for column in both)
        for other in (right, None):
            theirs, ours, begun, done = np.empty(2), np.empty(2), np.empty(BEGUN), 0
            sum_chunks_by_numpy(left, other, theirs)
            for low, high in pairwise(cuts):
                piece = None if other is None else other[low:high]
                done += compiled(left[low:high], piece, low % CHUNK, begun, ours[done:])
            if done != 2 or ours.tobytes() != theirs.tobytes():
                return False
    return True


CHUNK_SUMS = Kernel(
    sum_chunks,
    tuple(
        (f"{dtype}[]", right, "int64", "float64[]=", "float64[]=")
        for dtype in ("float32", "float64")
        for right in (f"{dtype}[]", "none")
    ),
    _agrees,
    _PAYS_AFTER,
)
