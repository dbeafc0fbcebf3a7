"""Decoding the LPM01A's binary stream from memory, beside summing the same bytes and a Python loop."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from benchmarks.kernels import kernels
from benchmarks.results import Row, Section, Target, against_floor, by_name, rows_beside
from benchmarks.timing import Contender, alternate
from drivers.lpm01a.binary import BinaryDecoder
from drivers.lpm01a.marks import SAMPLES_PER_MARK
from energy.kernels import installed
from energy.signal import Block, Gap

_COPY = "plain read: np.sum of the words"
_LOOP = "Python loop, struct.unpack word by word"
_MAIN = "LPM01A binary, decoded, 64 KiB at a time"
_CHUNKS = {"64 KiB": 65536, "1 MB": 1_000_000, "4 KiB": 4096}
_REQUIRED_PER_S = 20e6
_RATE_HZ = 100e3
_LOOP_SAMPLES = 100_000


def lpm01a_binary(count: int, repeats: int) -> Section:
    """Times a stream of ``count`` samples with its time marks, in chunks of different lengths."""
    data, total = _make_stream(count)
    wrong: list[str] = []

    def decode(name: str, step: int, use: str) -> Contender:
        def run() -> None:
            with kernels(use):
                if sum(map(len, _blocks(data, step))) != count:
                    wrong.append(name)

        return Contender(name, run)

    ways = {f"LPM01A binary, decoded, {size} at a time": (step, "off") for size, step in _CHUNKS.items()}
    if installed():
        ways |= {f"{name}, numba": (step, "on") for name, (step, _) in ways.items()}
    for name, (step, use) in ways.items():
        with kernels(use):
            summed = sum(float(np.sum(block.columns[0], dtype=np.float64)) for block in _blocks(data, step))
        if abs(summed - total) > 1e-9 * total:
            wrong.append(f"sum, {name}")
    timings = alternate(
        [
            Contender(_COPY, lambda: np.frombuffer(data, "<u2", len(data) // 2).sum()),
            *(decode(name, *way) for name, way in ways.items()),
        ],
        repeats,
    )
    rows = rows_beside(timings, _COPY, count)
    loop = alternate([Contender(_LOOP, lambda: _loop(data, _LOOP_SAMPLES))], 3)[_LOOP]
    rows.append(Row(_LOOP, tuple(run * count / _LOOP_SAMPLES for run in loop), count))
    named = by_name(rows)
    slowest = max(row.median_s for row in rows if row.name in ways)
    return Section(
        f"LPM01A binary from memory, one thread: {count:,} samples, {len(data) / 1e6:.0f} MB",
        rows,
        [
            Target(
                "samples decoded per second, in the slowest chunks",
                count / slowest,
                _REQUIRED_PER_S,
                "at least",
            ),
            Target("runs that gave other samples than were sent", len(wrong), 0, "at most"),
        ],
        [
            f"The Python loop was timed with {_LOOP_SAMPLES:,} samples and scaled, and checks nothing.",
            "The instrument sends at most 100 000 samples/s.",
        ],
        [against_floor("LPM01A binary", named.get(f"{_MAIN}, numba", named[_MAIN]), rows[0], 3.0, rows[-1])],
    )


def _blocks(data: bytes, step: int) -> Iterator[Block]:
    """The samples that the decoder makes of the bytes; a gap, which there must not be, is an error."""
    decoder = BinaryDecoder(_RATE_HZ, largest=0.1)
    for k in range(0, len(data), step):
        for item in decoder.feed(data[k : k + step]):
            if isinstance(item, Gap):
                raise RuntimeError(f"the decoder found a gap: {item}")
            if isinstance(item, Block):
                yield item


def _make_stream(count: int) -> tuple[bytes, float]:
    """A stream of ``count`` samples, a multiple of 1000, and the sum of its samples."""
    rng = np.random.default_rng(1)
    mantissas, exponents = rng.integers(0x100, 0x1000, count), rng.integers(4, 7, count)
    marks = count // SAMPLES_PER_MARK
    words = ((exponents << 12) | mantissas).astype(">u2").view(np.uint8).reshape(marks, -1)
    stream = np.empty((marks, words.shape[1] + 9), np.uint8)
    stream[:, :-9] = words
    milliseconds = np.arange(1, marks + 1) * round(1e6 / _RATE_HZ)
    stream[:, -9:] = np.frombuffer(bytes.fromhex("F0 F3 00 00 00 00 07 FF FF"), np.uint8)
    stream[:, -7:-3] = milliseconds.astype(">u4").view(np.uint8).reshape(marks, 4)
    first = bytes.fromhex("F0 F3 00 00 00 00 00 FF FF")
    return first + stream.tobytes(), float(np.ldexp(mantissas, -4 * exponents).sum())


def _loop(data: bytes, samples: int) -> float:
    total = 0.0
    position = 0
    while samples:
        if data[position] == 0xF0:
            position += 9
            continue
        (word,) = struct.unpack_from(">H", data, position)
        total += (word & 0xFFF) * 16.0 ** -(word >> 12)
        position += 2
        samples -= 1
    return total
