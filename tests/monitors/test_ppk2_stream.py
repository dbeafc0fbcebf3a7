"""The PPK2's stream on words made by hand, and its number of samples against a clock."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from drivers.ppk2.kernels import CONVERT
from drivers.ppk2.pace import Pace
from drivers.ppk2.port import SampleStream
from drivers.ppk2.stream import LOOK, MARGIN, PhaseLevels, SampleDecoder
from energy.signal import Block, DigitalBlock, DigitalInput, Gap, RangeChange
from energy.window.edges import edges_of_input
from tests.kernels import kernels, need_numba
from tests.monitors.sink import Keeper

TABLE = np.arange(1 << 17, dtype=np.float32)
"""A current that tells its word."""


def words(count, seed=1, first=0):
    """Random samples: ADC, range, logic; the counter runs."""
    rng = np.random.default_rng(seed)
    adc, logic = rng.integers(0, 1 << 14, count), rng.integers(0, 256, count)
    ranges = np.repeat(rng.integers(0, 8, count // 50 + 1), 50)[:count]
    counter = (first + np.arange(count)) % 64
    return (adc | ranges << 14 | counter << 18 | logic << 24).astype("<u4")


def decode(data, chunk=None, logic=0):
    decoder = SampleDecoder(TABLE, logic)
    step = chunk or max(len(data), 1)
    items = []
    for k in range(0, len(data), step):
        items += decoder.feed(data[k : k + step])
    return decoder, items + decoder.finish()


def samples(items):
    """Current by position."""
    return {
        item.first + k: int(value)
        for item in items
        if isinstance(item, Block)
        for k, value in enumerate(item.columns[0].tolist())
    }


def truth(all_words):
    return {k: int(word) & 0x1FFFF for k, word in enumerate(all_words.tolist())}


def gaps(items):
    return [(item.first, item.count) for item in items if isinstance(item, Gap)]


@pytest.mark.parametrize("chunk", [1, 3, 31, 32, 33, 4096, None])
def test_however_the_bytes_are_cut_the_samples_are_the_same(chunk):
    data = words(3000)
    decoder, items = decode(data.tobytes(), chunk)
    assert samples(items) == truth(data)
    assert decoder.position == 3000
    assert decoder.irregularities == {}
    assert not gaps(items)


@settings(deadline=None, max_examples=60)
@given(
    damage=st.lists(
        st.tuples(st.integers(0, 11_999), st.sampled_from(["lost", "added", "changed"])), max_size=4
    ),
    cuts=st.lists(st.integers(0, 12_000), max_size=6),
    logic=st.integers(0, 7),
    full=st.lists(st.integers(0, 2999), max_size=3),
)
def test_compiled_code_decodes_every_stream_as_numpy_does(damage, cuts, logic, full):
    need_numba()
    sent = words(3000)
    sent[full] |= 0x3FFF
    data = bytearray(sent.tobytes())
    for at, what in damage:
        if what == "lost":
            del data[at : at + 3]
        elif what == "added":
            data[at:at] = b"\x5a"
        else:
            data[at % len(data)] ^= 0xA5
    results = []
    for how in ("on", "off"):
        with kernels(how):
            decoder, items = SampleDecoder(TABLE, logic, phases=3), []
            for start, stop in itertools.pairwise([0, *sorted(cuts), len(data)]):
                items += decoder.feed(bytes(data[start:stop]))
            items += decoder.finish()
        results.append((plain(items), decoder.irregularities, decoder.position))
    assert results[0] == results[1]


def plain(items):
    """The items as values that can be compared."""
    return [
        (item.first, item.columns[0].tobytes())
        if isinstance(item, Block)
        else (item.first, item.count, item.bits.tobytes())
        if isinstance(item, DigitalBlock)
        else (item.block.first, item.block.count, item.block.bits.tobytes())
        if isinstance(item, PhaseLevels)
        else item
        for item in items
    ]


def test_a_sound_stream_goes_through_the_compiled_code(monkeypatch):
    """Without this, the test above would compare NumPy with itself."""
    need_numba()
    with kernels("on"):
        compiled, counts = CONVERT.get(), []
        monkeypatch.setattr(
            CONVERT, "_compiled", lambda *args: counts.append(len(args[4])) or compiled(*args)
        )
        _, items = decode(words(3000).tobytes(), 4000)
    assert sum(counts) == 3000
    assert samples(items) == truth(words(3000))


def test_levels_are_packed_and_are_those_of_their_input():
    data = words(1000)
    for logic in (0, 7):
        _, items = decode(data.tobytes(), 333, logic)
        levels = {}
        for item in items:
            if isinstance(item, DigitalBlock):
                bits = [item.bits[k // 8] >> (k % 8) & 1 for k in range(item.count)]
                levels.update({item.first + k: bit for k, bit in enumerate(bits)})
        assert levels == {k: int(word) >> (24 + logic) & 1 for k, word in enumerate(data.tolist())}


def test_ranges_change_where_the_words_say_so_and_those_above_4_are_4():
    data = words(1000)
    _, items = decode(data.tobytes(), 400)
    expected, before = [], None
    for k, word in enumerate(data.tolist()):
        name = f"R{min(word >> 14 & 7, 4)}"
        if name != before:
            expected.append((k, name))
        before = name
    assert [(item.position, item.name) for item in items if isinstance(item, RangeChange)] == expected


def test_samples_at_the_adcs_end_are_counted():
    data = words(100)
    data[10:13] |= 0x3FFF
    decoder, _ = decode(data.tobytes())
    assert decoder.irregularities == {"saturated": 3}


@pytest.mark.parametrize("chunk", [7, 100, None])
def test_lost_samples_are_gaps_where_the_counter_jumps(chunk):
    data = words(2000)
    keep = np.ones(2000, bool)
    lost = [(100, 1), (300, 63), (400, 17), (1500, 30)]
    for first, count in lost:
        keep[first : first + count] = False
    _, items = decode(data[keep].tobytes(), chunk)
    assert gaps(items) == lost
    expected = truth(data)
    assert samples(items) == {k: expected[k] for k in np.flatnonzero(keep).tolist()}


def test_the_first_sample_may_have_any_counter_and_may_begin_in_mid_word():
    data = words(500, first=37)
    decoder, items = decode(data.tobytes()[3:])
    assert samples(items) == {k - 1 - MARGIN: value for k, value in truth(data).items() if k > MARGIN}
    assert decoder.irregularities["skipped-bytes"] == 1 + 4 * MARGIN
    assert not gaps(items)


@settings(max_examples=100, deadline=None)
@given(
    at=st.integers(4 * LOOK, 4 * 900),
    lost=st.integers(0, 100),
    added=st.binary(max_size=9),
    chunk=st.sampled_from([64, 1000, 100_000]),
    seed=st.integers(0, 1000),
)
def test_lost_or_added_bytes_never_make_a_sample_that_was_not_sent(at, lost, added, chunk, seed):
    # Replaced bytes look like samples, and so does one that is made of two.
    assume((lost - len(added)) % 4 or (not added and at % 4 == 0))
    data = words(1200, seed)
    raw = data.tobytes()
    decoder, items = decode(raw[:at] + added + raw[at + lost :], chunk)
    got, expected = samples(items), truth(data)
    assert got.items() <= expected.items()
    missing = 1200 - len(got)
    assert missing <= (lost + len(added)) // 4 + 2 * MARGIN + 3
    assert sum(count for _, count in gaps(items)) == missing
    assert decoder.position == 1200


@settings(max_examples=100, deadline=None)
@given(at=st.integers(100, 2000), mask=st.integers(1, 255), chunk=st.sampled_from([64, 100_000]))
def test_a_damaged_counter_costs_its_own_sample_and_some_before(at, mask, chunk):
    data = words(600)
    raw = bytearray(data.tobytes())
    raw[at] ^= mask
    _, items = decode(bytes(raw), chunk)
    got, expected = samples(items), truth(data)
    wrong = {k for k, value in got.items() if expected[k] != value}
    if at % 4 == 2 and mask >= 4:  # of the counter
        assert not wrong
        assert set(expected) - set(got) <= set(range(at // 4 - MARGIN, at // 4 + MARGIN + 1))
    else:  # of the rest: nothing tells
        assert wrong <= {at // 4}
        assert set(got) == set(expected)


def test_long_garbage_is_skipped_and_what_follows_is_numbered_by_the_bytes():
    rng = np.random.default_rng(3)
    data = words(5000)
    noise = rng.integers(0, 256, 4 * 1000, dtype=np.uint8).tobytes()
    raw = data.tobytes()
    _, items = decode(raw[: 4 * 1000] + noise + raw[4 * 2000 :], 4096)
    got, expected = samples(items), truth(data)
    assert got.items() <= expected.items()
    assert set(range(2000 + MARGIN, 5000)) <= set(got)
    assert gaps(items) == [(1000 - MARGIN, 1000 + 2 * MARGIN)]


class Clock:
    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time


def test_a_second_of_garbage_is_a_fault_and_memory_does_not_grow():
    link = SimpleNamespace(url="port", clock=Clock())
    sink = Keeper()
    stream = SampleStream(link, TABLE, 0, sink)
    stream.feed(words(1000).tobytes())
    for _ in range(30):
        link.clock.time += 0.05
        stream.feed(bytes(20_000))
        assert len(stream.decoder._buffer) < 64
    assert [fault.code for fault in sink.faults] == ["ppk2.garbled"]
    assert stream.decoder.irregularities["skipped-bytes"] > 400_000
    stream.finish()
    assert sink.stop <= 1000


def test_edges_of_levels_lie_between_the_two_samples():
    data = words(200) & np.uint32(0xFFFFFF)
    data[100:] |= np.uint32(1 << 24)
    _, items = decode(data.tobytes(), 64)
    source = DigitalInput("d0", 100_000.0, 0.5)
    blocks = [item for item in items if isinstance(item, DigitalBlock)]
    (edge,) = edges_of_input(source, blocks, 100_000.0)
    assert (edge.position, edge.bound) == (100.0, 0.5)


# The number of samples against the host's clock.

RATE = 100_000.0


def deliveries(seconds, ppm=0.0, late=lambda k: 0.0, lost=None, every=0.005):
    """Gaps that are found among deliveries; ``lost`` is when how many samples are lost."""
    pace, found = Pace(RATE, 64), []
    for k in range(1, int(seconds / every)):
        taken = k * every
        samples = int(taken * RATE * (1 + ppm * 1e-6))
        if lost and taken >= lost[0]:
            samples = max(samples - lost[1], int(lost[0] * RATE * (1 + ppm * 1e-6)))
        found += pace.add(1000.0 + taken + late(k), samples)
    return pace, found


@pytest.mark.parametrize("ppm", [0.0, 140.0, -140.0, 5000.0])
def test_clocks_that_drift_lose_nothing(ppm):
    _, found = deliveries(200.0, ppm)
    assert not found


def test_deliveries_that_are_late_now_and_then_lose_nothing():
    rng = np.random.default_rng(5)
    jitter = rng.exponential(0.002, 100_000)
    pace, found = deliveries(400.0, 50.0, lambda k: float(jitter[k]))
    assert not found
    assert pace.latest_s > 0.01


def test_a_host_that_was_away_for_a_second_lost_nothing():
    _, found = deliveries(20.0, late=lambda k: max(11.0 - k * 0.005, 0.0) if k >= 2000 else 0.0)
    assert not found


@pytest.mark.parametrize("turns", [1, 3, 16])
@pytest.mark.parametrize("ppm", [-100.0, 100.0])
def test_lost_turns_are_found_and_counted_among_late_deliveries(turns, ppm):
    rng = np.random.default_rng(7)
    jitter = rng.exponential(0.0002, 100_000)
    pace, found = deliveries(30.0, ppm, lambda k: float(jitter[k]), lost=(10.0, 64 * turns))
    before, after = found
    assert before.count is after.count is None
    assert before.first <= 10.0 * RATE * (1 + ppm * 1e-6) <= after.first
    assert after.first - before.first < 0.1 * RATE
    assert f"({turns} turns" in before.reason
    assert pace.verified > 29 * RATE


def test_each_loss_is_told_once():
    pace, found = Pace(RATE, 64), []
    for k in range(1, 4000):
        found += pace.add(k * 0.005, k * 500 - 64 * (k // 1000))
    assert len(found) == 2 * 3


def test_seconds_without_a_delivery_show_no_rate():
    """A host whose disk is slow reads once in a while; what stays late for long is a loss in any case."""
    pace, found = Pace(RATE, 64), []
    for k in range(1, 300):
        found += pace.add(k * 0.01, k * 1000)
    for k in range(2, 12):
        found += pace.add(k * 1.5, round((k * 1.5 - 0.5) * RATE))
    assert [gap.count for gap in found] == [None, None]
    assert found[0].first == 299_000
