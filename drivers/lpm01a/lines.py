"""Lines of the LPM01A's ASCII stream, many at once: samples as numbers, and the few other lines.

A sample is a line of seven characters, ``6409-07``: four digits, a sign, an exponent of two digits. Its value
is the float64 nearest to the decimal: up to 10^22 float64 stores powers of ten exactly, so one product or
quotient with them is correctly rounded; beyond, Python's ``float`` converts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

WIDTH = 7
LARGEST_EXACT = 22
"""The largest exponent whose power of ten is a float64."""
_COLUMNS = np.arange(WIDTH)
_DIGITS = np.array([0, 1, 2, 3, 5, 6])

Bytes = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64]
POWERS: Values = 10.0 ** np.arange(LARGEST_EXACT + 1, dtype=np.float64)
Parse = Callable[[Bytes, Values, float, Values, npt.NDArray[np.int32]], tuple[int, int, int, int]]
"""As ``parse_lines`` in ``lpm01a/kernels``."""


@dataclass(frozen=True, slots=True)
class Other:
    """A line that is not a sample.

    Attributes:
        start: Its first byte.
        stop: Its end, without CR and LF.
        after: Number of samples before it.
    """

    start: int
    stop: int
    after: int


@dataclass(frozen=True, slots=True)
class Lines:
    """What whole lines hold.

    Attributes:
        values: The samples that can be, float64, shape (n,).
        seen: The same, and those above the largest that can be.
        bare_lf: Number of the samples' lines that end without CR.
        others: The other lines, also those of samples above the largest that can be.
    """

    values: Values
    seen: Values
    bare_lf: int
    others: list[Other]


def lines_of(data: bytes, largest: float, kernel: Parse | None = None) -> Lines:
    """Divides bytes into lines, and converts those of samples.

    Args:
        data: Whole lines: the last byte is a line feed.
        largest: The largest sample that can be.
        kernel: The compiled loop that does it in one pass; None: NumPy does it.
    """
    raw = np.frombuffer(data, np.uint8)
    if kernel is not None and (found := _compiled(raw, data.count(b"\n"), largest, kernel)):
        return found
    stops = np.flatnonzero(raw == ord("\n"))
    starts = np.concatenate(([0], stops[:-1] + 1))
    with_cr = (stops > starts) & (raw[stops - 1] == ord("\r"))
    stops = stops - with_cr
    is_sample = stops - starts == WIDTH
    seen, sound = _decode(raw, starts[is_sample])
    seen = seen[sound]
    is_sample[is_sample] = sound
    within = seen <= largest
    values = seen if within.all() else seen[within]
    is_sample[is_sample] = within
    bare_lf = 0 if with_cr.all() else int(np.count_nonzero(is_sample & ~with_cr))
    numbers = np.flatnonzero(~is_sample).tolist()
    others = [Other(int(starts[k]), int(stops[k]), k - count) for count, k in enumerate(numbers)]
    return Lines(values, seen, bare_lf, others)


def _compiled(raw: Bytes, count: int, largest: float, kernel: Parse) -> Lines | None:
    """The lines by compiled code; None where a number needs Python's ``float``."""
    seen, places = np.empty(count), np.empty(3 * count, np.int32)
    taken, shown, bare_lf, found = kernel(raw, POWERS, largest, seen, places)
    if taken < 0:
        return None
    seen = seen[:shown]
    triples = places[: 3 * found].tolist()
    others = [Other(*triples[k : k + 3]) for k in range(0, len(triples), 3)]
    return Lines(seen if shown == taken else seen[seen <= largest], seen, bare_lf, others)


def _decode(raw: Bytes, starts: npt.NDArray[np.signedinteger[Any]]) -> tuple[Values, npt.NDArray[np.bool_]]:
    """Values of the seven-character lines that begin at ``starts``, and which of them are numbers.

    Returns:
        float64 and bool, each of shape (len(starts),). If a line is not a number, its value has no meaning.
    """
    characters = raw[starts[:, None] + _COLUMNS]
    digits = characters - np.uint8(ord("0"))
    sign = characters[:, 4]
    negative = sign == ord("-")
    sound = (digits[:, _DIGITS] <= 9).all(axis=1) & (negative | (sign == ord("+")))
    d = digits.astype(np.int32).T
    mantissa = (d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3]).astype(np.float64)
    exponent = d[5] * 10 + d[6]
    scale = POWERS[np.minimum(exponent, LARGEST_EXACT)]
    values = np.empty(len(starts))
    np.divide(mantissa, scale, out=values, where=negative)
    np.multiply(mantissa, scale, out=values, where=~negative)
    for index in np.flatnonzero(sound & (exponent > LARGEST_EXACT)).tolist():
        power = -int(exponent[index]) if negative[index] else int(exponent[index])
        values[index] = float(f"{int(mantissa[index])}e{power}")
    return values, sound
