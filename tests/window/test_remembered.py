"""A source that remembers pieces gives the samples of the source itself, and reads each piece once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from energy.recording.trace import ArrayTrace
from energy.signal import Block
from energy.window.remembered import _MOST, _PIECE, RememberedSource
from tests.window.support import JOULE_EACH, SLOW, PiecesTrace

LENGTH = 7 * _PIECE


class Counting(ArrayTrace):
    reads = 0

    def read(self, first, stop):
        type(self).reads += 1
        return super().read(first, stop)


def samples(source, first, stop) -> list[tuple[int, float]]:
    return [
        (block.first + k, value)
        for block in source.read(first, stop)
        for k, value in enumerate(block.columns[0].tolist())
    ]


@SLOW
@given(
    gap=st.tuples(st.integers(0, LENGTH), st.integers(0, 2 * _PIECE)),
    places=st.lists(st.tuples(st.integers(-9, LENGTH + 9), st.integers(0, 5 * _PIECE)), max_size=6),
)
def test_it_gives_the_samples_of_its_source(gap, places):
    values = np.arange(LENGTH, dtype=np.float64)
    low, high = gap[0], min(sum(gap), LENGTH)
    blocks = [Block(0, (values[:low],)), Block(high, (values[high:],))]
    source = PiecesTrace(JOULE_EACH, [block for block in blocks if len(block)])
    remembered = RememberedSource(source)
    for first, length in places:
        assert samples(remembered, first, first + length) == samples(source, first, first + length)


def test_a_place_that_is_read_again_is_not_read_from_the_source_again():
    source = Counting(JOULE_EACH, (np.arange(4.0 * _PIECE),))
    remembered = RememberedSource(source)
    Counting.reads = 0
    for _ in range(100):
        assert samples(remembered, _PIECE - 2, _PIECE + 2) == [
            (k, float(k)) for k in range(_PIECE - 2, _PIECE + 2)
        ]
    assert Counting.reads == 2


def test_it_forgets_the_oldest_pieces():
    source = Counting(JOULE_EACH, (np.zeros((_MOST + 9) * _PIECE),))
    remembered = RememberedSource(source)
    for number in range(_MOST + 9):
        list(remembered.read(number * _PIECE, number * _PIECE + 1))
    Counting.reads = 0
    list(remembered.read((_MOST + 8) * _PIECE, (_MOST + 8) * _PIECE + 1))
    assert Counting.reads == 0
    list(remembered.read(0, 1))
    assert Counting.reads == 1


@SLOW
@given(
    gap=st.tuples(st.integers(0, LENGTH), st.integers(0, 2 * _PIECE)),
    places=st.lists(st.tuples(st.integers(-9, LENGTH + 9), st.integers(0, 5 * _PIECE)), max_size=6),
)
def test_its_power_is_that_of_its_samples_to_the_bit(gap, places):
    values = np.random.default_rng(gap[0]).normal(size=LENGTH).astype(np.float32)
    low, high = gap[0], min(sum(gap), LENGTH)
    blocks = [Block(0, (values[:low],)), Block(high, (values[high:],))]
    remembered = RememberedSource(PiecesTrace(JOULE_EACH, [block for block in blocks if len(block)]))
    for first, length in places:
        converted = [part.tolist() for part in remembered.power(first, first + length)]
        assert converted == [
            block.columns[0].astype(np.float64).tolist() for block in remembered.read(first, first + length)
        ]
