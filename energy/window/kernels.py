"""The loop that sums whole chunks of samples, for numba to compile (``energy.kernels``).

It adds in the order in which NumPy does ("pairwise summation": ``pairwise_sum`` in NumPy's
``loops_utils.h.src``). NumPy divides an array in halves down to leaves of 128 numbers. In a leaf, eight sums
take every eighth number each, and are then added two by two. A product of two float32 is exact in float64, so
it does not matter whether the processor multiplies and adds in one instruction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.kernels import Kernel

CHUNK = 1 << 16
"""Number of samples in a chunk: a power of two, so that all of NumPy's leaves are whole."""
_LEAF = 128
_LANES = 8
_PAYS_AFTER = 1e9
"""Number of samples. NumPy takes some 0.5 ns a sample longer; importing numba and its cache, 0.5 s."""

Column = npt.NDArray[np.floating[Any]]
"""float32 or float64."""
Sums = npt.NDArray[np.float64]
SumChunks = Callable[[Column, Column | None, Sums], None]


def sum_chunks(left: Column, right: Column | None, sums: Sums) -> None:
    """Sums left, or left times right, in float64, over each chunk.

    Args:
        left: Shape (len(sums) * CHUNK,).
        right: Likewise, of the same type; or None.
        sums: The result.
    """
    lanes = np.empty(_LANES)
    leaves = np.empty(CHUNK // _LEAF)
    for chunk in range(len(sums)):
        for leaf in range(len(leaves)):
            at = chunk * CHUNK + leaf * _LEAF
            lanes[:] = -0.0  # which changes nothing that it is added to
            for k in range(at, at + _LEAF, _LANES):
                for lane in range(_LANES):
                    value = np.float64(left[k + lane])
                    if right is not None:
                        value *= np.float64(right[k + lane])
                    lanes[lane] += value
            pairs = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
            leaves[leaf] = pairs + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
        width = len(leaves)
        while width > 1:
            width //= 2
            for k in range(width):
                leaves[k] = leaves[2 * k] + leaves[2 * k + 1]
        sums[chunk] = leaves[0]


def sum_chunks_by_numpy(left: Column, right: Column | None, sums: Sums) -> None:
    """The twin of ``sum_chunks``."""
    for chunk in range(len(sums)):
        piece = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        values = left[piece].astype(np.float64)
        sums[chunk] = np.add.reduce(values if right is None else values * right[piece])


def _agrees(compiled: SumChunks) -> bool:
    """Whether compiled code adds as this NumPy does, which promises no order of additions."""
    noise = np.random.default_rng(1)
    both = [noise.lognormal(0.0, 4.0, 2 * CHUNK) * noise.choice([-1.0, 1.0], 2 * CHUNK) for _ in range(2)]
    for dtype in (np.float32, np.float64):
        left, right = (column.astype(dtype) for column in both)
        for other in (right, None):
            ours, theirs = np.empty(2), np.empty(2)
            compiled(left, other, ours)
            sum_chunks_by_numpy(left, other, theirs)
            if ours.tobytes() != theirs.tobytes():
                return False
    return True


CHUNK_SUMS = Kernel(
    sum_chunks,
    tuple(
        (f"{dtype}[]", right, "float64[]=")
        for dtype in ("float32", "float64")
        for right in (f"{dtype}[]", "none")
    ),
    _agrees,
    _PAYS_AFTER,
)
