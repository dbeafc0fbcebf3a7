"""The loops that decode the LPM01A's streams in one pass, for numba to compile (``energy.kernels``)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from drivers.lpm01a import packets
from drivers.lpm01a.intervals import SAMPLE_BYTES, STRIDE, Convert, sound_intervals
from drivers.lpm01a.lines import LARGEST_EXACT, WIDTH, Bytes, Parse, Values, lines_of
from drivers.lpm01a.marks import SAMPLES_PER_MARK
from energy.kernels import Kernel

_PAYS_AFTER = math.inf
"""NumPy takes some 2 ns a sample in binary, of which there are at most 100 000 in a second, and some 50 ns in
ASCII, of which there are 5000."""
_MARK = packets.MARK
_ZERO, _MINUS, _PLUS, _CR, _LF = (ord(character) for character in "0-+\r\n")


def convert_intervals(
    data: Bytes,
    position: int,
    due_ms: npt.NDArray[np.int64],
    largest: np.float32,
    values: npt.NDArray[np.float32],
) -> tuple[int, int]:
    """Converts whole intervals of the binary stream, up to the first that is not sound.

    Args:
        data: The bytes.
        position: Where the first interval begins.
        due_ms: Times of the marks, one for each interval to look at.
        largest: The largest sample that can be.
        values: The result, shape (1000 * len(due_ms),); after the last sound interval it has no meaning.

    Returns:
        Number of sound intervals, and the highest fill in their marks.
    """
    bits = values.view(np.uint32)
    fullest = np.int64(0)
    for interval in range(len(due_ms)):
        at = position + interval * STRIDE
        sent = data[at : at + SAMPLE_BYTES]
        mark = data[at + SAMPLE_BYTES : at + STRIDE]
        time_ms = (
            np.int64(mark[2]) << 24 | np.int64(mark[3]) << 16 | np.int64(mark[4]) << 8 | np.int64(mark[5])
        )
        framed = mark[0] == 0xF0 and mark[1] == _MARK and mark[7] == 0xFF and mark[8] == 0xFF
        if not framed or time_ms != due_ms[interval]:
            return interval, int(fullest)
        first = interval * SAMPLES_PER_MARK
        value, power = values[first : first + SAMPLES_PER_MARK], bits[first : first + SAMPLES_PER_MARK]
        for k in range(SAMPLES_PER_MARK):  # 16 ** -n, as in packets.values_of
            word = np.uint32(sent[2 * k]) << np.uint32(8) | np.uint32(sent[2 * k + 1])
            power[k] = (np.uint32(127) - (word >> np.uint32(10) & np.uint32(0x3C))) << np.uint32(23)
        largest_word = np.uint32(0)
        for k in range(SAMPLES_PER_MARK):
            word = np.uint32(sent[2 * k]) << np.uint32(8) | np.uint32(sent[2 * k + 1])
            value[k] *= np.float32(np.int32(word & np.uint32(0xFFF)))
            largest_word = max(largest_word, word)
        over = np.uint32(0)
        for k in range(SAMPLES_PER_MARK):
            over |= np.uint32(value[k] > largest)
        if over or largest_word >= packets.NO_SAMPLE:
            return interval, int(fullest)
        fullest = max(fullest, np.int64(mark[6]))
    return len(due_ms), int(fullest)


def _converts(compiled: Convert) -> bool:
    """Whether compiled code takes the intervals that NumPy takes, and gives the same bits."""
    count, at, largest = 5, 3, np.float32(1e6)
    due_ms = np.arange(250, 250 + count, dtype=np.int64) << 8
    rows = np.zeros((count, STRIDE), np.uint8)
    rows[:, :SAMPLE_BYTES] = np.random.default_rng(1).integers(0, 256, (count, SAMPLE_BYTES))
    rows[:, 0:SAMPLE_BYTES:2] %= packets.NO_SAMPLE >> 8
    rows[:, SAMPLE_BYTES:] = np.frombuffer(bytes((0xF0, _MARK, 0, 0, 0, 0, 7, 0xFF, 0xFF)), np.uint8)
    rows[:, SAMPLE_BYTES + 2 : SAMPLE_BYTES + 6] = due_ms.astype(">u4").view(np.uint8).reshape(count, 4)
    rows[1, SAMPLE_BYTES + 6] = 200
    for row, column, byte in (
        (4, 0, 0),  # is sound
        (2, 500, 0xF0),  # a word that is not a sample
        *((3, SAMPLE_BYTES + k, 0x55) for k in range(9)),
    ):
        damaged = rows.copy()
        damaged[row, column] = byte
        data = b"\xf0" * at + damaged.tobytes()
        for most in (largest, np.float32(4095.0), np.float32(0.01)):
            ours = sound_intervals(data, at, due_ms, most, compiled)
            theirs = sound_intervals(data, at, due_ms, most)
            if (ours.count, ours.fullest) != (theirs.count, theirs.fullest):
                return False
            if ours.values.tobytes() != theirs.values.tobytes():
                return False
    return True


CONVERT = Kernel(
    convert_intervals,
    (("uint8[]", "int64", "int64[]", "float32", "float32[]="),),
    _converts,
    _PAYS_AFTER,
)


def parse_lines(
    data: Bytes, powers: Values, largest: float, seen: Values, places: npt.NDArray[np.int32]
) -> tuple[int, int, int, int]:
    """Divides bytes of the ASCII stream into lines, and converts those of samples.

    Args:
        data: Whole lines: the last byte is a line feed.
        powers: The powers of ten that float64 stores exactly.
        largest: The largest sample that can be.
        seen: All samples, also those above the largest that can be, shape (number of line feeds,).
        places: For each line that is not a sample that can be: its first byte, its end without CR and LF, and
            the number of samples before it, one after another; shape (3 * number of line feeds,).

    Returns:
        Number of samples that can be, or -1 if only Python's ``float`` converts a number among them: then
        nothing that was written has a meaning. Number of all samples; of samples that can be whose line ends
        without CR; of other lines.
    """
    taken, shown, bare_lf, found, at = 0, 0, 0, 0, 0
    while at < len(data):
        start, stop = at, -1
        if start + WIDTH < len(data):
            after = start + WIDTH
            cr = 1 if data[after] == _CR and after + 1 < len(data) else 0
            m3, m2 = np.int64(data[start]) - _ZERO, np.int64(data[start + 1]) - _ZERO
            m1, m0 = np.int64(data[start + 2]) - _ZERO, np.int64(data[start + 3]) - _ZERO
            sign = data[start + 4]
            e1, e0 = np.int64(data[start + 5]) - _ZERO, np.int64(data[start + 6]) - _ZERO
            digits = 0 <= m3 <= 9 and 0 <= m2 <= 9 and 0 <= m1 <= 9 and 0 <= m0 <= 9
            digits = digits and 0 <= e1 <= 9 and 0 <= e0 <= 9
            if digits and sign in (_MINUS, _PLUS) and data[after + cr] == _LF:
                mantissa, exponent = m3 * 1000 + m2 * 100 + m1 * 10 + m0, e1 * 10 + e0
                if mantissa == 0:
                    exponent = 0
                if exponent > LARGEST_EXACT:
                    return -1, 0, 0, 0
                scale = powers[exponent]
                value = mantissa / scale if sign == _MINUS else mantissa * scale
                seen[shown] = value
                shown += 1
                stop, at = after, after + cr + 1
                if value <= largest:
                    taken += 1
                    bare_lf += 1 - cr
                    continue
        if stop < 0:
            stop = start
            while data[stop] != _LF:
                stop += 1
            at = stop + 1
            if stop > start and data[stop - 1] == _CR:
                stop -= 1
        places[3 * found], places[3 * found + 1], places[3 * found + 2] = start, stop, taken
        found += 1
    return taken, shown, bare_lf, found


def _parses(compiled: Parse) -> bool:
    """Whether compiled code divides lines as NumPy does, and gives the same bits."""
    exponents = [f"{sign}{k:02d}" for sign in "+-" for k in range(LARGEST_EXACT + 1)]
    lines = [f"{7919 * k % 10000:04d}{exponent}\r\n" for k, exponent in enumerate(exponents * 5)]
    strange = (
        "1234-07\n",
        "\n",
        "\r\n",
        "\r\r\n",
        "1234-07\r\r\n",
        "234-07\r\n",
        "12:4-07\r\n",
        "1234 07\r\n",
    )
    lines[20:20] = [
        *strange,
        "1234-/7\r\n",
        "\r1234-7\n",
        "0000-99\r\n",
        "TimeStamp: 001s 000ms, buff 07%\r\n",
    ]
    for text in ("".join(lines), "1234-07\n", "\n", "1234-07\r\n", *strange):
        data = text.encode("ascii")
        for largest in (math.inf, 1.0):
            ours, theirs = lines_of(data, largest, compiled), lines_of(data, largest)
            if (ours.bare_lf, ours.others) != (theirs.bare_lf, theirs.others):
                return False
            if (
                ours.values.tobytes() != theirs.values.tobytes()
                or ours.seen.tobytes() != theirs.seen.tobytes()
            ):
                return False
    return True


PARSE = Kernel(
    parse_lines,
    (("uint8[]", "float64[]", "float64", "float64[]=", "int32[]="),),
    _parses,
    _PAYS_AFTER,
)
