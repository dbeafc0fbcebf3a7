"""Whole intervals of the LPM01A's binary stream, many at once: 1000 samples and a time mark each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivers.lpm01a import packets
from drivers.lpm01a.marks import SAMPLES_PER_MARK

SAMPLE_BYTES = 2 * SAMPLES_PER_MARK
STRIDE = SAMPLE_BYTES + packets.LENGTHS[packets.MARK]
"""Number of bytes in an interval."""
_FRAME = np.array([0, 1, 7, 8])
_FRAME_BYTES = np.array([0xF0, packets.MARK, 0xFF, 0xFF], np.uint8)
"""The bytes of a time mark that are always the same."""
_TIME, _FILL = 2, 6

Convert = Callable[
    [npt.NDArray[np.uint8], int, npt.NDArray[np.int64], np.float32, npt.NDArray[np.float32]], tuple[int, int]
]
"""As ``convert_intervals`` in ``lpm01a/kernels``."""


@dataclass(frozen=True, slots=True)
class SoundIntervals:
    """Intervals in which every part is sound.

    Attributes:
        count: How many there are.
        values: Their samples, float32, shape (1000 * count,).
        fullest: Highest fill of the monitor's own buffer, in percent.
    """

    count: int
    values: npt.NDArray[np.float32]
    fullest: int


def sound_intervals(
    data: bytes,
    position: int,
    due_ms: npt.NDArray[np.int64],
    largest: np.float32,
    kernel: Convert | None = None,
) -> SoundIntervals:
    """Converts intervals up to the first that is not sound.

    Sound is an interval of samples that the instrument can measure, with a mark at the time that is due.

    Args:
        data: The bytes.
        position: Where the first interval begins.
        due_ms: Times of the marks, one for each interval to look at.
        largest: The largest sample that can be.
        kernel: The compiled loop that does it in one pass; None: NumPy does it.
    """
    count = len(due_ms)
    if kernel is not None:
        converted = np.empty(count * SAMPLES_PER_MARK, np.float32)
        taken, fullest = kernel(np.frombuffer(data, np.uint8), position, due_ms, largest, converted)
        return SoundIntervals(taken, converted[: taken * SAMPLES_PER_MARK], fullest)
    # Copied as bytes first: numbers at odd addresses are copied three times as slowly.
    sent = np.ndarray((count, SAMPLE_BYTES), np.uint8, data, position, (STRIDE, 1)).copy()
    words = sent.view(">u2").astype(np.uint16)
    marks = np.ndarray((count, STRIDE - SAMPLE_BYTES), np.uint8, data, position + SAMPLE_BYTES, (STRIDE, 1))
    times = np.ndarray((count,), ">u4", data, position + SAMPLE_BYTES + _TIME, (STRIDE,))
    framed, timed = marks[:, _FRAME] == _FRAME_BYTES, times == due_ms
    largest_word = words.max()
    values = packets.values_of(words)
    bits, most = values.view(np.uint32), largest.view(np.uint32)  # in the same order: no value is negative
    taken = count
    if largest_word >= packets.NO_SAMPLE or bits.max() > most or not framed.all() or not timed.all():
        samples = (sent[:, ::2] < packets.NO_SAMPLE >> 8).all(axis=1)
        sound = samples & (bits.max(axis=1) <= most) & framed.all(axis=1) & timed
        taken = count if sound.all() else int(np.argmin(sound))
    fullest = int(marks[:taken, _FILL].max(initial=0))
    return SoundIntervals(taken, values[:taken].reshape(-1), fullest)
