"""Edges of a digital input: bytes and packed bits beside the usual NumPy one-liners."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.results import Section, Target, against_floor, by_name, rows_beside
from benchmarks.samples import current_and_voltage
from benchmarks.timing import Contender, alternate
from energy.window.edges import find_edges, find_edges_packed

_READ = "plain read of as many currents and voltages, float32"
_DIFF = "np.diff of bytes"
_UNPACK = "np.unpackbits and !="
_BYTES = "find_edges: a byte per level"
_PACKED = "find_edges_packed: eight levels a byte"


def edges(count: int, edge_count: int, repeats: int) -> Section:
    """Times the search for all edges among ``count`` levels."""
    true = np.sort(np.random.default_rng(1).choice(np.arange(1, count), edge_count, replace=False))
    steps = np.zeros(count, np.uint8)
    steps[true] = 1
    levels = np.bitwise_xor.accumulate(steps)
    bits = np.packbits(levels, bitorder="little")
    current, voltage = current_and_voltage(count)
    found: dict[str, npt.NDArray[np.int64]] = {}

    def by_diff() -> None:
        found[_DIFF] = np.flatnonzero(np.diff(levels)) + 1

    def by_unpacking() -> None:
        unpacked = np.unpackbits(bits, count=count, bitorder="little")
        found[_UNPACK] = np.flatnonzero(unpacked[1:] != unpacked[:-1]) + 1

    def by_bytes() -> None:
        found[_BYTES] = find_edges(levels)

    def by_packed() -> None:
        found[_PACKED] = find_edges_packed(bits, count)

    timings = alternate(
        [
            Contender(_READ, lambda: np.sum(current) + np.sum(voltage)),
            Contender(_DIFF, by_diff),
            Contender(_UNPACK, by_unpacking),
            Contender(_BYTES, by_bytes),
            Contender(_PACKED, by_packed),
        ],
        repeats,
    )
    rows = rows_beside(timings, _READ, count)
    named = by_name(rows)
    wrong = sum(not np.array_equal(indices, true) for indices in found.values())
    return Section(
        f"Edges: {edge_count:,} among {count:,} levels",
        rows,
        [Target("searches that found other edges than there are", wrong, 0, "at most")],
        lines=[against_floor("edges in packed bits", named[_PACKED], named[_READ], 0.1, named[_UNPACK])],
    )
