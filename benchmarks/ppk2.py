"""Decoding the PPK2's samples from memory on one core, beside reading the words and the formula itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.kernels import kernels
from benchmarks.results import Section, Target, against_floor, by_name, rows_beside
from benchmarks.timing import Contender, alternate
from drivers.ppk2.metadata import Calibration
from drivers.ppk2.stream import RATE_HZ, Item, SampleDecoder
from energy.kernels import installed
from energy.signal import Block, DigitalBlock, Gap

_READ = "plain read: np.sum of the words"
_FORMULA = "the formula in NumPy, 20,000 bytes at a time"
_SMALL = "decoder, 4,096 bytes at a time"
_LARGE = "decoder, 64 KiB at a time"
_NUMBA = "decoder, 64 KiB at a time, numba"
_REQUIRED_PER_S = 10e6
_SUPPLY_V = 3.3
_VOLT_PER_COUNT = 1.8 / 163840


def ppk2(count: int, repeats: int) -> Section:
    """Times ``count`` samples with counter, levels and a change of range every 5000 samples."""
    words = _words(count)
    data = words.tobytes()
    calibration = Calibration()
    table = calibration.table(_SUPPLY_V)
    true = _formula(words, calibration)
    ways = {(_SMALL, 4096, "off"), (_LARGE, 65_536, "off")}
    if installed():
        ways.add((_NUMBA, 65_536, "on"))
    wrong = 0

    def decode(chunk: int, use: str) -> None:
        nonlocal wrong
        with kernels(use):
            decoder = SampleDecoder(table)
            levels = gaps = 0
            for item in _items(decoder, data, chunk):
                levels += item.count if isinstance(item, DigitalBlock) else 0
                gaps += isinstance(item, Gap)
            wrong += decoder.position != count or gaps > 0 or levels != count

    def relative_error(chunk: int, use: str) -> float:
        with kernels(use):
            items = _items(SampleDecoder(table), data, chunk)
            total = sum(
                float(np.sum(item.columns[0], dtype=float)) for item in items if isinstance(item, Block)
            )
        return abs(total - true) / true

    worst = max(relative_error(chunk, use) for _, chunk, use in ways)
    timings = alternate(
        [
            Contender(_READ, lambda: np.sum(np.frombuffer(data, "<u4"), dtype=np.uint64)),
            Contender(_FORMULA, lambda: _formula(words, calibration)),
            *(Contender(name, partial(decode, chunk, use)) for name, chunk, use in sorted(ways)),
        ],
        repeats,
    )
    rows = rows_beside(timings, _READ, count)
    slowest_s = max(row.median_s for row in rows if row.name in (_SMALL, _LARGE))
    named = by_name(rows)
    return Section(
        f"PPK2: {count:,} samples, {len(data) / 1e6:.0f} MB, in memory, one core",
        rows,
        [
            Target("samples decoded per second", count / slowest_s, _REQUIRED_PER_S, "at least"),
            Target("relative error of their sum against the formula's", worst, 1e-7, "at most"),
            Target("runs with another number of samples or levels, or a gap", wrong, 0, "at most"),
        ],
        [
            f"The instrument sends {RATE_HZ:,.0f} samples/s. The decoder also checks the counter, packs "
            "levels and finds changes of range."
        ],
        [against_floor("PPK2", named.get(_NUMBA, named[_LARGE]), named[_READ], 3.0, named[_FORMULA])],
    )


def _items(decoder: SampleDecoder, data: bytes, chunk: int) -> Iterator[Item]:
    """What the decoder makes of the bytes."""
    for k in range(0, len(data), chunk):
        yield from decoder.feed(data[k : k + chunk])
    yield from decoder.finish()


def _formula(words: npt.NDArray[np.uint32], calibration: Calibration) -> float:
    """Sum of the currents by the formula, 20,000 bytes at a time."""
    return sum(float(_by_formula(words[k : k + 5000], calibration).sum()) for k in range(0, len(words), 5000))


def _words(count: int) -> npt.NDArray[np.uint32]:
    index = np.arange(count, dtype=np.uint32)
    adc = np.random.default_rng(1).integers(0, 1 << 14, count, dtype=np.uint32)
    words = adc | index // 5000 % 5 << 14 | index % 64 << 18 | (index // 1000 % 2) << 24
    return words.astype("<u4")


def _by_formula(words: npt.NDArray[np.uint32], calibration: Calibration) -> npt.NDArray[np.float64]:
    """The conversion of protocols.md 6 with the coefficients of each sample's range."""
    ranges = np.minimum(words >> 14 & 7, 4)
    r, gs, gi, o, s, i, ug = (
        np.array(values)[ranges]
        for values in (
            calibration.r,
            calibration.gs,
            calibration.gi,
            calibration.o,
            calibration.s,
            calibration.i,
            calibration.ug,
        )
    )
    result = (4.0 * (words & 0x3FFF) - o) * _VOLT_PER_COUNT / r
    return ug * (result * (gs * result + gi) + (s * _SUPPLY_V + i))
