"""A day's samples whose energy is known in whole numbers: a ramp of current and two steps of voltage.

Time is counted in samples. In each period of 1000 samples the current rises in a straight line, ``A + 2 S t``
units after ``t`` samples, and the voltage is 3.3 V for half of it, then 1.8 V. A sample is the mean over its
period, a whole number of units below 2^24, so that it is exact in float32. Products have up to 48 bits, so
that sums are rounded as those of any signal. ``A`` is constant in a block of 50 periods. Each stretch of 10 s
(200 blocks) has a level of its own in 199 blocks and another in one, a pair of levels that no other stretch
has: two windows that change places have other energies.

The energy up to any time, between samples as well, is a sum of integers and a quadratic polynomial. Nothing
here uses the code under test, but for the types of its items.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import numpy as np

from energy.signal import Block, DigitalBlock, SampleKind, Signal

RATE_HZ: Final = 1_000_000
PERIOD: Final = 1000
BLOCK: Final = 50 * PERIOD
STRETCH: Final = 200 * BLOCK
"""Samples from edge to edge: 10 s."""
UNIT_A: Final = Fraction(1, 1 << 27)
VOLTS: Final = (Fraction(13_841_203, 1 << 22), Fraction(7_549_747, 1 << 22))
_LEVELS: Final = 93
"""Levels of ``A``: 93 times 93 pairs, one for each of a day's 8640 stretches."""
_LOWEST, _STEP, _SLOPE = 2_000_000, 140_001, 700
_ODD: Final = 37
"""The block of a stretch that has the other level."""
_PULSE: Final = 2000
"""Samples for which the pin is low."""
_SCATTER: Final = 10_007
"""A prime: the edges fall at as many places of a period."""


def level(block: int) -> int:
    """``A`` of a block, in units."""
    stretch, within = divmod(block, STRETCH // BLOCK)
    return _LOWEST + _STEP * (stretch % _LEVELS if within == _ODD else stretch // _LEVELS)


def edge_at(number: int) -> Fraction:
    """The true time of an edge, in samples: in the middle of a stretch, and anywhere in a period."""
    return number * STRETCH + STRETCH // 2 + Fraction(number * 7919 % _SCATTER * 3 * PERIOD, _SCATTER)


def first_low(number: int) -> int:
    """The first level that is low after an edge: levels are taken at the instants 0, 1, 2, ..."""
    return math.ceil(edge_at(number))


def true_j(time: Fraction | int) -> Fraction:
    """Energy of the true current and voltage from 0 to a time, in joule."""
    block, within = divmod(Fraction(time), BLOCK)
    periods, rest = divmod(within, PERIOD)
    a = level(int(block))
    return _whole_blocks(int(block)) + int(periods) * _in_period(a, Fraction(PERIOD)) + _in_period(a, rest)


def sampled_j(time: Fraction) -> Fraction:
    """Energy of the samples from 0 to a time, in joule: a sample counts by the part of it that has passed."""
    whole = math.floor(time)
    return true_j(whole) + (time - whole) * (true_j(whole + 1) - true_j(whole))


def _whole_blocks(count: int) -> Fraction:
    """Energy of the first ``count`` blocks."""
    stretches, blocks = divmod(count, STRETCH // BLOCK)
    units = 0  # the sum of their levels
    full, rest = divmod(stretches, _LEVELS)
    usual = STRETCH // BLOCK - 1
    units += usual * _LEVELS * (full * _LOWEST + _STEP * full * (full - 1) // 2)
    units += usual * rest * (_LOWEST + _STEP * full)
    units += full * (_LEVELS * _LOWEST + _STEP * _LEVELS * (_LEVELS - 1) // 2)
    units += rest * _LOWEST + _STEP * rest * (rest - 1) // 2
    units += sum(level(stretches * (STRETCH // BLOCK) + k) for k in range(blocks))
    # The energy of a block is linear in its level.
    base, each = _block_j(0), _block_j(1) - _block_j(0)
    return count * base + units * each


def _block_j(a: int) -> Fraction:
    return BLOCK // PERIOD * _in_period(a, Fraction(PERIOD))


def _in_period(a: int, t: Fraction) -> Fraction:
    """The integral of current times voltage over the first ``t`` samples of a period, in joule."""
    half = Fraction(PERIOD, 2)
    early = min(t, half)
    late = max(t, half)
    charge = VOLTS[0] * (a * early + _SLOPE * early**2) + VOLTS[1] * (
        a * (late - half) + _SLOPE * (late**2 - half**2)
    )
    return charge * UNIT_A / RATE_HZ


class World:
    """Its samples and levels, made once and given again and again."""

    signal = Signal(SampleKind.CURRENT_VOLTAGE, float(RATE_HZ))

    def __init__(self) -> None:
        j = np.arange(BLOCK) % PERIOD
        self._voltage = np.where(j < PERIOD // 2, float(VOLTS[0]), float(VOLTS[1])).astype(np.float32)
        self._currents = [
            ((_LOWEST + _STEP * k + _SLOPE * (2 * j + 1)) * float(UNIT_A)).astype(np.float32)
            for k in range(_LEVELS)
        ]
        self._high = np.full(BLOCK // 8, 255, np.uint8)

    def block(self, number: int) -> Block:
        """A block of samples, which nobody may change."""
        current = self._currents[(level(number) - _LOWEST) // _STEP]
        return Block(number * BLOCK, (current, self._voltage))

    def levels(self, number: int) -> DigitalBlock:
        """The levels of the pin at the instants of a block's samples."""
        first = number * BLOCK
        bits, edge = self._high, first // STRETCH
        low = first_low(edge) - first
        if -_PULSE < low < BLOCK:
            levels = np.ones(BLOCK, np.uint8)
            levels[max(low, 0) : max(low + _PULSE, 0)] = 0
            bits = np.packbits(levels, bitorder="little")
        return DigitalBlock(first, BLOCK, bits)

    def read(self, first: int, stop: int) -> Iterator[Block]:
        """Samples again, as from a store."""
        for number in range(max(first, 0) // BLOCK, -(-stop // BLOCK)):
            yield self.block(number).clip(first, stop)
