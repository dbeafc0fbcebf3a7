"""Edges: found in packed levels and in plain ones, mapped into the sample clock, and conditioned."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.signal import DigitalBlock, DigitalInput, Edge, EdgeKind
from energy.window.edges import (
    TIMESTAMP_HOLD_S,
    EdgeConditioner,
    edges_of_input,
    find_edges,
    find_edges_packed,
)
from tests.window.support import QUICK

runs = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 40)), min_size=1, max_size=30)
"""Levels as (level, how often), so that bytes of nothing but 0 and of nothing but 1 come up."""
levels = runs.map(lambda runs: [level for level, times in runs for _ in range(times)])
garbage = st.lists(st.integers(0, 1), min_size=7, max_size=7)


def naive(values: list[int], before: int | None) -> list[int]:
    found = []
    for k, value in enumerate(values):
        if before is not None and value != before:
            found.append(k)
        before = value
    return found


def packed(values: list[int], rest: list[int]) -> np.ndarray:
    """Levels in bytes, the last one filled up with ``rest``."""
    padded = values + rest[: -len(values) % 8]
    return np.packbits(np.array(padded, np.uint8), bitorder="little")


@QUICK
@given(values=levels, high=st.integers(1, 255))
def test_edges_are_found_where_levels_differ(values, high):
    found = find_edges(np.array(values, np.uint8) * np.uint8(high))
    assert found.tolist() == naive(values, None)
    assert found.dtype == np.int64


@QUICK
@given(values=levels, rest=garbage, more=st.binary(max_size=3), before=st.sampled_from([None, 0, 1]))
def test_packed_edges_are_the_naive_ones_whatever_the_padding_holds(values, rest, more, before):
    bits = np.concatenate([packed(values, rest), np.frombuffer(more, np.uint8)])
    found = find_edges_packed(bits, len(values), before)
    assert found.tolist() == naive(values, before)
    assert found.dtype == np.int64


words = st.sampled_from([bytes(8), b"\xff" * 8, b"\x55" * 8, b"\xff" * 7 + b"\x7f", b"\x01" + bytes(7)])


@QUICK
@given(
    runs=st.lists(st.tuples(words, st.integers(1, 4)), max_size=6),
    rest=st.binary(max_size=7),
    short=st.integers(0, 7),
    before=st.sampled_from([None, 0, 1]),
)
def test_words_that_repeat_hide_no_edge(runs, rest, short, before):
    """Equal words of 64 levels in a row are looked at once, unless both levels are in them."""
    bits = np.frombuffer(b"".join(word * times for word, times in runs) + rest, np.uint8)
    count = max(8 * len(bits) - short, 0)
    values = np.unpackbits(bits, bitorder="little")[:count].tolist()
    assert find_edges_packed(bits, count, before).tolist() == naive(values, before)


@pytest.mark.parametrize("before", [None, 0, 1])
def test_no_levels_have_no_edges(before):
    assert find_edges_packed(np.empty(0, np.uint8), 0, before).tolist() == []
    assert find_edges_packed(np.array([0b10101010], np.uint8), 0, before).tolist() == []
    assert find_edges(np.empty(0, np.uint8)).tolist() == []


@pytest.mark.parametrize("first", [0x00, 0x01, 0x55, 0x7F, 0x80, 0xAA, 0xFE, 0xFF])
@pytest.mark.parametrize("before", [None, 0, 1])
def test_every_byte_after_a_quiet_or_busy_one_has_its_edges(first, before):
    """The shortcut over bytes without an edge hides none."""
    for second in range(256):
        pair = np.array([first, second], np.uint8)
        values = np.unpackbits(pair, bitorder="little").tolist()
        assert find_edges_packed(pair, 16, before).tolist() == naive(values, before)


def test_a_million_levels_with_one_pulse_have_two_edges():
    values = np.ones(1_000_003, np.uint8)
    values[777_777] = 0
    bits = np.packbits(values, bitorder="little")
    assert find_edges_packed(bits, len(values)).tolist() == find_edges(values).tolist() == [777_777, 777_778]


@QUICK
@given(
    values=levels,
    cuts=st.lists(st.integers(0, 1200), max_size=8),
    rest=garbage,
    first=st.sampled_from([0, 3, 1000]),
    rates=st.sampled_from([(1000.0, 1000.0), (2e6, 1e6), (1000.0, 4000.0), (4882.8125, 1e5)]),
    offset=st.sampled_from([0.0, 0.5, -2.25]),
)
def test_edges_of_an_input_are_those_of_its_levels_in_blocks_of_any_size(
    values, cuts, rest, first, rates, offset
):
    sample_rate, rate = rates
    source = DigitalInput("d7", rate, offset)
    ends = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    blocks = [
        DigitalBlock(first + low, high - low, packed(values[low:high], rest))
        for low, high in itertools.pairwise(ends)
    ]
    blocks.insert(len(blocks) // 2, DigitalBlock(first, 0, np.empty(0, np.uint8)))
    edges = list(edges_of_input(source, blocks, sample_rate))
    expected = naive(values, None)
    ratio = sample_rate / rate
    assert [edge.position for edge in edges] == pytest.approx(
        [offset + (first + k - 0.5) * ratio for k in expected], rel=1e-12
    )
    assert [edge.bound for edge in edges] == pytest.approx([ratio / 2] * len(expected))
    assert [edge.kind for edge in edges] == [EdgeKind.RISE if values[k] else EdgeKind.FALL for k in expected]
    assert {edge.source for edge in edges} <= {"d7"}


@QUICK
@given(before=levels, after=levels, lost=st.integers(1, 100_000), rest=garbage)
def test_an_edge_across_lost_levels_lies_anywhere_between_the_levels_around_them(before, after, lost, rest):
    first = len(before) + lost
    blocks = [
        DigitalBlock(0, len(before), packed(before, rest)),
        DigitalBlock(first, len(after), packed(after, rest)),
    ]
    edges = list(edges_of_input(DigitalInput("gpi0", 1000.0), blocks, 1000.0))
    inside = naive(before, None)
    across = before[-1] != after[0]
    assert len(edges) == len(inside) + across + len(naive(after, None))
    if across:
        edge = edges[len(inside)]
        assert edge.position - edge.bound == len(before) - 1  # the last level that was seen before
        assert edge.position + edge.bound == first  # the first one after
        assert edge.kind is (EdgeKind.RISE if after[0] else EdgeKind.FALL)
    ordinary = edges[: len(inside)] + edges[len(inside) + across :]
    assert all(edge.bound == 0.5 for edge in ordinary)
    assert [edge.position for edge in ordinary[len(inside) :]] == [
        first + k - 0.5 for k in naive(after, None)
    ]


def test_levels_that_begin_late_have_no_edge_at_their_beginning():
    block = DigitalBlock(5000, 16, np.array([0xFF, 0x0F], np.uint8))
    edges = list(edges_of_input(DigitalInput("d7", 1000.0), [block], 1000.0))
    assert edges == [Edge(5011.5, 0.5, EdgeKind.FALL, "d7")]


# Conditioning

RATE = 1e6
HOLD = TIMESTAMP_HOLD_S * RATE


def accepted(positions, **options):
    conditioner = EdgeConditioner(RATE, **options)
    kept = [at for at in positions if conditioner.accept(Edge(float(at)))]
    return kept, conditioner.bounced


def test_the_hold_is_fifty_microseconds_unless_said_otherwise():
    assert pytest.approx(50e-6) == TIMESTAMP_HOLD_S
    assert accepted([0, 49]) == ([0], 1)
    assert accepted([0, 51]) == ([0, 51], 0)
    assert accepted([0, 51], hold_s=60e-6) == ([0], 1)


def test_an_edge_at_the_end_of_the_hold_counts():
    assert accepted([0, 64], hold_s=64 / RATE) == ([0, 64], 0)


def test_without_a_hold_even_two_edges_at_the_same_place_count():
    assert accepted([10, 10, 11], hold_s=0.0) == ([10, 10, 11], 0)


def test_a_burst_is_one_edge_however_long():
    burst = list(range(0, 1000, 40))
    assert accepted([*burst, 1100]) == ([0, 1100], len(burst) - 1)


@QUICK
@given(gaps=st.lists(st.sampled_from([0, 1, 30, 49, 51, 80, 1000]), max_size=30))
def test_an_edge_counts_exactly_if_the_one_before_is_a_hold_away(gaps):
    positions = np.cumsum([5, *gaps]).tolist()
    expected = [5] + [at for at, gap in zip(positions[1:], gaps, strict=True) if gap >= HOLD]
    assert accepted(positions) == (expected, len(positions) - len(expected))


@pytest.mark.parametrize("polarity", list(EdgeKind))
def test_only_edges_of_the_polarity_count_and_the_others_hold_nothing(polarity):
    other = EdgeKind.RISE if polarity is EdgeKind.FALL else EdgeKind.FALL
    conditioner = EdgeConditioner(RATE, kinds=frozenset((polarity,)))
    pulses = [(0, polarity), (10, other), (1000, other), (1010, polarity), (1020, polarity)]
    kept = [at for at, kind in pulses if conditioner.accept(Edge(float(at), kind=kind))]
    assert kept == [0, 1010]
    assert conditioner.bounced == 1


def test_the_first_edge_counts_wherever_it_is():
    for at in (-1e15, 0.0, 1e15):
        assert EdgeConditioner(RATE).accept(Edge(at))
    assert math.isinf(EdgeConditioner(RATE)._last)
