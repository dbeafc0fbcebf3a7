"""Pairing by sample_id, levels of uncertain number, losses: message by message, written by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.joulescope.device import JS110, JS220
from drivers.joulescope.pairing import Pairing
from drivers.joulescope.stream import Stream
from energy.signal import Block, DigitalInput, Gap
from tests.monitors.sink import Keeper

BASE = 4_000_000_000


def values(first, stop, column):
    """Samples that say where they belong."""
    return (np.arange(first, stop) * (2 * column + 1) % 65521).astype(np.float32)


def float_message(first, stop, column, *, factor=2):
    return {
        "sample_id": BASE + first * factor,
        "sample_rate": 2_000_000,
        "decimate_factor": factor,
        "data": values(first, stop, column),
    }


def bit_message(first, bits, *, pad=0):
    """Levels as the binding gives them: packed, the last byte filled up with anything."""
    fill = [pad] * (-len(bits) % 8)
    data = np.packbits(np.array([*bits, *fill], dtype=np.uint8), bitorder="little")
    return {"sample_id": BASE + first, "sample_rate": 2_000_000, "decimate_factor": 1, "data": data}


@st.composite
def cut_streams(draw):
    """Messages of current and voltage over up to 400 samples, each with losses of its own."""
    streams = []
    for column in (0, 1):
        first = draw(st.integers(0, 30))
        cuts = sorted(draw(st.sets(st.integers(first + 1, 399), max_size=12)))
        bounds = [first, *cuts, 400]
        pieces = list(pairwise(bounds))
        lost = draw(st.sets(st.integers(0, len(pieces) - 1), max_size=3))
        streams.append([(column, *piece) for k, piece in enumerate(pieces) if k not in lost])
    order = draw(st.permutations([0] * len(streams[0]) + [1] * len(streams[1])))
    queues = [iter(stream) for stream in streams]
    return [next(queues[which]) for which in order]


@given(cut_streams(), st.sampled_from([1, 2]), st.sampled_from([1, 7, 64]))
def test_every_common_sample_comes_once_at_its_place_and_the_rest_is_gaps(messages, factor, least):
    pairing = Pairing(factor, 10**9)
    items = []
    for column, first, stop in messages:
        pairing.add(column, BASE + first * factor, values(first, stop, column))
        items += pairing.take(least)
    items += pairing.take(1)
    there = [np.zeros(400, dtype=bool) for _ in (0, 1)]
    for column, first, stop in messages:
        there[column][first:stop] = True
    common = np.flatnonzero(there[0] & there[1])
    if not len(common):
        assert items == []
        return
    origin = (pairing.origin - BASE) // factor
    assert origin == common[0]
    got, at = [], 0
    for item in items:
        assert item.first == at
        if isinstance(item, Gap):
            assert item.count > 0
            at += item.count
        else:
            at = item.stop
            got.append(np.arange(item.first, item.stop) + origin)
            for column in (0, 1):
                assert np.array_equal(
                    item.columns[column], values(*(origin + np.array([item.first, item.stop])), column)
                )
    assert np.array_equal(np.concatenate(got), common)
    assert isinstance(items[-1], Block)


def test_samples_that_are_sent_twice_count_once():
    pairing = Pairing(2, 10**9)
    for column in (0, 1):
        pairing.add(column, BASE, values(0, 100, column))
        pairing.add(column, BASE + 2 * 60, values(60, 150, column))
    (block,) = pairing.take(1)
    assert (block.first, block.stop) == (0, 150)
    assert np.array_equal(block.columns[0], values(0, 150, 0))


@pytest.mark.parametrize("sample_id", [BASE, BASE + 201])
def test_a_counter_that_runs_back_or_between_samples_is_no_stream(sample_id):
    pairing = Pairing(2, 10**9)
    pairing.add(0, BASE + 2 * 1000, values(1000, 1100, 0))
    with pytest.raises(ValueError, match="sample_id"):
        pairing.add(0, sample_id, values(0, 100, 0))


def test_what_waits_is_bounded_and_what_is_dropped_is_a_gap():
    sink = Keeper()
    stream = Stream(JS220, sink, None, 4 * 30_000)
    stream.current(float_message(0, 10_000, 0))
    stream.voltage(float_message(0, 10_000, 1))
    for k in range(1, 10):
        stream.current(float_message(10_000 * k, 10_000 * (k + 1), 0))
        assert stream.pairing.waiting_bytes <= 4 * 30_000
    stream.voltage(float_message(10_000, 100_000, 1))
    stream.finish()
    (gap,) = sink.gaps
    assert (gap.first, gap.count) == (10_000, 60_000)
    assert "too late" in gap.reason
    assert [(block.first, block.stop) for block in sink.blocks] == [(0, 10_000), (70_000, 100_000)]


def levels_of(sink, name="gpi0"):
    """All levels that came, by index."""
    return {
        block.first + k: level
        for block in sink.levels.get(name, [])
        for k, level in enumerate(np.unpackbits(block.bits, count=block.count, bitorder="little").tolist())
    }


@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=12),
    st.sets(st.integers(0, 10), max_size=2),
    st.sampled_from([0, 1]),
    st.randoms(use_true_random=False),
)
def test_pad_bits_are_never_levels(sizes, lost, pad, random):
    """Messages of any number of levels: what is passed on was there, and at most a byte is given up."""
    sink = Keeper()
    stream = Stream(JS220, sink, 0, 10**9)
    for column, take in ((0, stream.current), (1, stream.voltage)):
        take(float_message(0, 20_000, column))
    truth, sure, first = {}, set(), 0
    for k, size in enumerate(sizes):
        bits = [random.randint(0, 1) for _ in range(size)]
        if k in lost:
            first += 8  # a whole byte is lost at least: of fewer levels than that no message could tell
        else:
            stream.digital(bit_message(first, bits, pad=pad))
            truth |= {first + n: bit for n, bit in enumerate(bits)}
            followed = k + 1 < len(sizes) and k + 1 not in lost
            sure |= set(range(first, first + (size if followed else max(8 * (-(-size // 8)) - 7, 0))))
        first += size
    stream.finish()
    if not truth:
        assert levels_of(sink) == {}
        return
    source = sink.inputs["gpi0"]
    shift = round(source.offset * 2)
    got = {index + shift: level for index, level in levels_of(sink).items()}
    assert set(got) == sure
    assert all(truth[index] == level for index, level in got.items())


def test_an_input_lies_in_the_samples_by_sample_id_and_not_by_its_index():
    sink = Keeper()
    stream = Stream(JS220, sink, 2, 10**9)
    stream.digital(bit_message(37, [1] * 64))  # before anything else; its origin is not that of the samples
    stream.digital(bit_message(101, [1] * 4 + [0] * 60))
    stream.current(float_message(0, 20_000, 0))
    stream.voltage(float_message(11, 20_000, 1))
    stream.digital(bit_message(165, [0] * 8))
    assert sink.inputs["gpi2"] == DigitalInput("gpi2", 2e6, (37 - 22) / 2)
    assert stream.pairing.origin == BASE + 22
    # The pin falls at tick 105: between the levels 104 and 105, so at sample (104.5 - 22) / 2.
    falls = [index for index, level in levels_of(sink, "gpi2").items() if level == 0]
    assert sink.inputs["gpi2"].offset + (min(falls) - 0.5) / 2 == (104.5 - 22) / 2
    # Of the message that waits nothing is promised: an edge may still lie right after the last level.
    assert sink.complete == (164.5 - 22) / 2


def test_levels_before_the_first_sample_are_left_out_by_whole_bytes():
    sink = Keeper()
    stream = Stream(JS220, sink, 0, 10**9)
    stream.digital(bit_message(0, [1] * 160))
    stream.current(float_message(50, 20_000, 0))
    stream.voltage(float_message(50, 20_000, 1))
    stream.digital(bit_message(160, [1] * 8))
    (block,) = sink.levels["gpi0"]
    assert (block.first, block.count) == (0, 160 - 96)
    assert sink.inputs["gpi0"].offset == (96 - 100) / 2
    assert stream.notes.dropped_levels == 96


def test_the_last_of_an_odd_number_of_ranges_means_nothing():
    sink = Keeper()
    stream = Stream(JS220, sink, None, 10**9)
    stream.current(float_message(0, 20_000, 0))
    stream.voltage(float_message(0, 20_000, 1))
    for first, data in ((0, [2, 2, 2, 1, 1, 13]), (6, [1, 1, 13]), (9, [1, 2]), (11, [2])):
        stream.ranges(
            {
                "sample_id": BASE + first,
                "sample_rate": 2_000_000,
                "decimate_factor": 1,
                "data": np.array(data, dtype=np.uint8),
            }
        )
    assert [(change.position, change.name) for change in sink.ranges] == [
        (0, "18 mA"),
        (1, "180 mA"),
        (2, "range 13"),  # an even number: the 13 was sent
        (3, "180 mA"),
        (5, "18 mA"),
    ]


def js110():
    sink = Keeper()
    stream = Stream(JS110, sink, 0, 10**9)
    return sink, stream


def send(stream, k, *, size=10_000):
    for column, take in ((0, stream.current), (1, stream.voltage)):
        take(float_message(k * size, (k + 1) * size, column, factor=1))
    stream.digital(bit_message(k * size, [1] * size))


def test_the_first_skip_of_a_js110_only_says_where_its_counter_was():
    sink, stream = js110()
    stream.log("pkt_index skip: expected 0, received 41")
    send(stream, 0)
    send(stream, 1)
    stream.finish()
    assert sink.gaps == []
    assert sink.stop == 20_000


@pytest.mark.parametrize(
    ("expected", "received", "count"), [(500, 510, 1260), (65_530, 4, 1260), (7, 8, 126)]
)
def test_lost_packets_are_counted_from_the_log_line_across_the_counters_wrap(expected, received, count):
    sink, stream = js110()
    for k in range(3):
        send(stream, k)
    stream.log(f"pkt_index skip: expected {expected}, received {received}")
    for k in range(3, 6):
        send(stream, k)
    stream.finish()
    # The message that is held back, the third, may be the one; the time base goes on after the gap.
    assert [(gap.first, gap.count) for gap in sink.gaps] == [
        (20_000, count),
        (30_000 + count, None),
        (40_000 + count, None),
    ]
    assert sink.stop == 60_000 + count
    jump = [block.first for block in sink.levels["gpi0"]]
    assert jump == [0, 10_000, 20_000 + count, 30_000 + count, 40_000 + count, 50_000 + count]
    assert stream.notes.warnings == [f"pkt_index skip: expected {expected}, received {received}"]


def test_a_log_line_that_counts_frames_itself_shifts_nothing():
    """[U] Such a driver fills in NaN, so the time base is whole; windows there are spoilt all the same."""
    sink, stream = js110()
    for k in range(3):
        send(stream, k)
    stream.log("pkt_index skip: expected 500, received 510 (10 frames)")
    for k in range(3, 6):
        send(stream, k)
    stream.finish()
    assert [gap.count for gap in sink.gaps] == [None, None, None]
    assert sink.stop == 60_000


def test_nan_is_kept_and_counted_on_a_js110():
    sink, stream = js110()
    send(stream, 0)
    for column, take in ((0, stream.current), (1, stream.voltage)):
        message = float_message(10_000, 20_000, column, factor=1)
        message["data"][100:108] = np.nan
        take(message)
    stream.finish()
    assert stream.notes.not_finite == 8
    assert int(np.isnan(np.concatenate([block.columns[0] for block in sink.blocks])).sum()) == 8
