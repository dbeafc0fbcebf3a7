"""Decoding the PPK2's samples from memory on one core, beside reading the words and the formula itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.results import Section, Target, against_floor, by_name, rows_beside
from benchmarks.timing import Contender, alternate
from drivers.ppk2.metadata import Calibration
from drivers.ppk2.stream import RATE_HZ, SAMPLE_BYTES, SampleDecoder
from energy.signal import Block, DigitalBlock, Gap

_READ = "plain read: np.sum of the words"
_FORMULA = "the formula in NumPy, 20,000 bytes at a time"
_SMALL = "decoder, 4,096 bytes at a time"
_LARGE = "decoder, 64 KiB at a time"
_REQUIRED_PER_S = 10e6
_SUPPLY_V = 3.3
_VOLT_PER_COUNT = 1.8 / 163840


def ppk2(count: int, repeats: int) -> Section:
    """Times ``count`` samples with counter, levels and a change of range every 5000 samples."""
    words = _words(count)
    data = words.tobytes()
    calibration = Calibration()
    table = calibration.table(_SUPPLY_V)
    sums: dict[str, list[float]] = {_FORMULA: [], _SMALL: [], _LARGE: []}
    wrong = 0

    def formula() -> None:
        sums[_FORMULA].append(
            sum(float(_by_formula(words[k : k + 5000], calibration).sum()) for k in range(0, count, 5000))
        )

    def decode(name: str, chunk: int) -> None:
        nonlocal wrong
        decoder = SampleDecoder(table)
        total, levels, gaps = 0.0, 0, 0
        for k in range(0, len(data), chunk):
            for item in decoder.feed(data[k : k + chunk]):
                if isinstance(item, Block):
                    total += float(item.columns[0].sum(dtype=np.float64))
                elif isinstance(item, DigitalBlock):
                    levels += item.count
                elif isinstance(item, Gap):
                    gaps += 1
        for item in decoder.finish():
            if isinstance(item, Block):
                total += float(item.columns[0].sum(dtype=np.float64))
        sums[name].append(total)
        wrong += decoder.position != count or gaps > 0 or levels < count - 2 * SAMPLE_BYTES

    timings = alternate(
        [
            Contender(_READ, lambda: np.sum(np.frombuffer(data, "<u4"), dtype=np.uint64)),
            Contender(_FORMULA, formula),
            Contender(_SMALL, lambda: decode(_SMALL, 4096)),
            Contender(_LARGE, lambda: decode(_LARGE, 65_536)),
        ],
        repeats,
    )
    rows = rows_beside(timings, _READ, count)
    slowest_s = max(row.median_s for row in rows if row.name in (_SMALL, _LARGE))
    true = sums[_FORMULA][0]
    worst = max(abs(total - true) / true for name in (_SMALL, _LARGE) for total in sums[name])
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
        [against_floor("PPK2", by_name(rows)[_LARGE], rows[0], 3.0, by_name(rows)[_FORMULA])],
    )


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
