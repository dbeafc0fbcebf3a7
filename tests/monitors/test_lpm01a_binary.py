"""The binary decoder against bytes made by hand after protocols.md 3.4, without the twin."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.lpm01a import packets
from drivers.lpm01a.ascii import Text, TextKind, Watermark
from drivers.lpm01a.binary import BinaryDecoder
from energy.signal import Block, Gap

ACK = b"\r\n\0PowerShield > ack start\r\n\r\n"
FIRST = bytes.fromhex("F0 F3 00 00 00 00 00 FF FF")
END = bytes.fromhex("F0 F4 FF FF")
SUMMARY = b"\xf0\xf2summary beg\r\nmin 1000-07\r\nmax 2000-07\r\nsummary end\r\n"
DONE = b"\r\n\0PowerShield > Acquisition completed\r\n\r\n"


def mark(milliseconds: int, fill: int = 7) -> bytes:
    return b"\xf0\xf3" + struct.pack(">IB", milliseconds, fill) + b"\xff\xff"


def word(number: int) -> bytes:
    """Some sample, another one for every number: n from 3 to 6, m from 0x100 on."""
    return struct.pack(">H", (3 + number % 4) << 12 | (0x100 + number * 13 % 0xF00))


def value(raw: bytes) -> float:
    (number,) = struct.unpack(">H", raw)
    return (number & 0xFFF) * 16.0 ** -(number >> 12)


def pieces(intervals: int, period_ms: int = 10) -> list[bytes]:
    """The first mark, then words and marks of a sound stream."""
    result = [FIRST]
    for k in range(intervals):
        result += [word(number) for number in range(k * 1000, (k + 1) * 1000)]
        result.append(mark((k + 1) * period_ms))
    return result


def truth(count: int) -> list[float]:
    return [value(word(number)) for number in range(count)]


def decode(data: bytes, rate_hz: float = 100e3, cuts=(), largest: float = 1.0, elapsed_s: float = 60.0):
    decoder = BinaryDecoder(rate_hz, largest=largest, elapsed_s=lambda: elapsed_s)
    items = []
    for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
        items += decoder.feed(data[start:stop])
    return items + decoder.finish(), decoder


def test_every_sample_word_has_its_value():
    words = np.arange(0xF000, dtype=np.uint16)
    expected = [value(struct.pack(">H", number)) for number in range(0xF000)]
    assert packets.values_of(words.copy()).tolist() == expected
    assert packets.VALUES[words.byteswap()].tolist() == expected


@pytest.mark.parametrize("number", [0xF000, 0xF123, 0xFF0F])
def test_a_word_that_is_no_sample_is_a_gap_of_one_sample(number):
    """Such a word is small when it is taken for a number, so only its n shows that it is none."""
    sent = pieces(20)
    sent[1 + 7 * 1001 + 500] = struct.pack(">H", number)
    items, decoder = decode(b"".join(sent))
    assert [(gap.first, gap.count) for gap in of(items, Gap)] == [(7500, 1)]
    assert decoder.irregularities["damaged-word"] == 1


def of(items, kind):
    return [item for item in items if isinstance(item, kind)]


def gaps(items):
    return [(gap.first, gap.count) for gap in of(items, Gap)]


def texts(items, *kinds):
    return [item.text for item in of(items, Text) if not kinds or item.kind in kinds]


def flat(items) -> np.ndarray:
    """All samples by position, NaN where none came; every sample comes once, in order, or is in a gap."""
    position, result = 0, []
    for item in items:
        if isinstance(item, Block):
            assert item.first == position
            assert item.columns[0].dtype == np.float32
            result.append(item.columns[0])
            position = item.stop
        elif isinstance(item, Gap):
            assert item.first == position
            result.append(np.full(item.count or 0, np.nan, np.float32))
            position += item.count or 0
    return np.concatenate(result) if result else np.empty(0, np.float32)


def same(values, expected) -> bool:
    return np.array_equal(values, np.array(expected, np.float64), equal_nan=True)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("52 A0", 672 / 16**5),
        ("31 45", 325 / 16**3),
        ("00 00", 0.0),
        ("E1 00", 256 / 16**14),
        ("0F FF", 4095),
    ],
)
def test_a_sample_word_is_m_times_16_to_the_minus_n(raw, expected):
    items, _ = decode(FIRST + bytes.fromhex(raw), largest=1e9)
    assert flat(items).tolist() == [expected]


def test_the_quoted_samples_are_the_quoted_currents():
    items, _ = decode(FIRST + bytes.fromhex("52 A0 31 45"))
    assert flat(items) == pytest.approx([640.9e-6, 79.35e-3], rel=1e-4)


def test_every_word_is_exact_in_float32():
    raw = np.arange(0xF000, dtype=">u2")
    items, _ = decode(FIRST + raw.tobytes(), largest=1e9)
    number = raw.astype(np.int64)
    assert same(flat(items), np.ldexp((number & 0xFFF).astype(float), -4 * (number >> 12)))


def test_a_sound_stream_gives_its_samples_and_watermarks():
    items, decoder = decode(ACK + b"".join(pieces(3)))
    assert same(flat(items), truth(3000))
    assert not gaps(items)
    assert of(items, Watermark)[-1].position == 3000
    assert texts(items) == ["PowerShield > ack start"]
    assert not decoder.irregularities
    assert decoder.fullest == 7


def test_samples_are_only_handed_out_once_they_are_counted():
    decoder = BinaryDecoder(100e3)
    data = b"".join(pieces(1))
    assert not of(decoder.feed(data[:-1]), Block)
    assert of(decoder.feed(data[-1:]), Block)


def test_the_end_hands_over_the_rest_and_what_follows_is_text():
    data = b"".join(pieces(1)) + word(1000) + word(1001) + END + SUMMARY + DONE
    items, decoder = decode(data)
    assert same(flat(items), truth(1002))
    assert texts(items) == [
        "end",
        "summary beg",
        "min 1000-07",
        "max 2000-07",
        "summary end",
        "PowerShield > Acquisition completed",
    ]
    assert decoder.ended


PACKETS = [
    ("F0 F7 0C DC FF FF", TextKind.PACKET, "packet F7: volt get 3292"),
    ("F0 F7 FF FF FF FF", TextKind.PACKET, "packet F7: volt get 65535"),
    ("F0 F8 00 1C FF FF", TextKind.PACKET, "packet F8: temp 28"),
    ("F0 F8 FF FF FF FF", TextKind.PACKET, "packet F8: temp -1"),
    ("F0 F9 01 FF FF", TextKind.PACKET, "packet F9: pwr on"),
    ("F0 F9 00 FF FF", TextKind.PACKET, "packet F9: pwr off"),
    ("F0 F6 FF FF", TextKind.PACKET, "packet F6: targrst"),
    ("F0 F5 FF FF", TextKind.ERROR, "error: Overcurrent (packet F5)"),
    ("F0 F1 6E 6F 0D 0A FF FF", TextKind.ERROR, "no"),
    ("F0 F2 68 69 0D 0A FF FF", TextKind.TEXT, "hi"),
    ("F0 FE 01 02 FF FF", TextKind.PACKET, "unknown packet F0 FE 01 02 FF FF"),
    ("F0 FA FF FF", TextKind.PACKET, "unknown packet F0 FA FF FF"),
]


@pytest.mark.parametrize("place", [1, 500, 1000])
@pytest.mark.parametrize(("raw", "kind", "said"), PACKETS)
def test_a_packet_between_samples_costs_none(raw, kind, said, place):
    stream = pieces(3)
    stream.insert(place, bytes.fromhex(raw))
    items, decoder = decode(b"".join(stream))
    assert texts(items, kind) == [said]
    assert same(flat(items), truth(3000))
    assert not gaps(items)
    assert decoder.unknown == ([raw] if "unknown" in said else [])


def test_a_packet_after_a_sample_that_ends_with_f0_is_found():
    items, _ = decode(FIRST + b"\x51\xf0" + bytes.fromhex("F0 F8 00 1C FF FF") + b"\x51\xf0")
    assert texts(items) == ["packet F8: temp 28"]
    assert same(flat(items), [0x1F0 / 16**5] * 2)


def test_an_unknown_packet_is_told_at_once_and_not_with_the_next_mark():
    decoder = BinaryDecoder(1.0)
    decoder.feed(FIRST + word(0))
    assert texts(decoder.feed(bytes.fromhex("F0 FE 07 FF FF"))) == ["unknown packet F0 FE 07 FF FF"]


def test_a_time_mark_of_65535_ms_has_ff_ff_in_its_middle():
    decoder = BinaryDecoder(15259.0)  # whose marks come every 66 ms: 65535 is 992.95 of them
    decoder._time.period_ms = 65535
    items = decoder.feed(b"".join([FIRST, *(word(k) for k in range(1000)), mark(65535)]))
    items += decoder.feed(b"".join([*(word(k) for k in range(1000, 2000)), mark(131070)]))
    assert same(flat(items), truth(2000))
    assert not gaps(items)


def test_a_stream_passes_65536_ms_and_wraps_at_31_bits():
    decoder = BinaryDecoder(1000.0)
    decoder.feed(FIRST)
    decoder._time.bases_ms = [2**31 - 2000]
    data = b"".join(
        [
            *(word(k) for k in range(1000)),
            mark(2**31 - 1000),
            *(word(k) for k in range(1000, 2000)),
            mark(0),
            *(word(k) for k in range(2000, 3000)),
            mark(1000),
        ]
    )
    items = decoder.feed(data)
    assert same(flat(items), truth(3000))
    assert not gaps(items)


@pytest.mark.parametrize("rate_hz", [100e3, 20e3, 5e3, 500.0, 1.0])
def test_time_marks_follow_the_rate(rate_hz):
    items, _ = decode(b"".join(pieces(2, round(1e6 / rate_hz))), rate_hz)
    assert same(flat(items), truth(2000))
    assert not gaps(items)


@pytest.mark.parametrize(("first", "count"), [(1500, 3), (1000, 1), (1999, 1), (1001, 900)])
def test_dropped_samples_are_counted_exactly_and_cost_their_interval(first, count):
    stream = pieces(4)
    place = first + 2  # the first mark, and that after 1000 samples
    items, decoder = decode(b"".join(stream[:place] + stream[place + count :]))
    assert gaps(items) == [(1000, 1000)]
    assert f"{1000 - count} of 1000 samples came" in of(items, Gap)[0].reason
    assert decoder.irregularities["lost-sample"] == count
    expected = truth(4000)
    expected[1000:2000] = [np.nan] * 1000
    assert same(flat(items), expected)


def test_a_stretch_lost_with_its_time_marks_is_counted():
    stream = pieces(6)
    items, _ = decode(b"".join(stream[:1502] + stream[3704:]))
    assert gaps(items) == [(1000, 3000)]
    assert same(flat(items)[4000:], truth(6000)[4000:])


@pytest.mark.parametrize("place", [1, 700, 2000, 2008])
def test_one_lost_byte_costs_its_interval_and_no_other(place):
    """The words after it are cut in the wrong place, until the next time mark."""
    data = b"".join(pieces(4))
    at = len(FIRST) + 2009 + place
    items, decoder = decode(data[:at] + data[at + 1 :])
    expected = truth(4000)
    damaged = 2000 if place >= 2000 else 1000  # a damaged time mark joins two intervals
    expected[1000 : 1000 + damaged] = [np.nan] * damaged
    assert same(flat(items), expected)
    assert decoder.irregularities["lost-framing"] == 1


def test_a_word_that_is_no_sample_is_a_gap_of_one_at_its_place():
    stream = pieces(2)
    stream[401] = b"\xf0\x05"
    stream[402] = b"\xfa\x05"
    stream[700] = bytes.fromhex("0F FF")  # 4095 A
    items, decoder = decode(b"".join(stream))
    assert gaps(items) == [(400, 2), (699, 1)]
    assert decoder.irregularities["damaged-word"] == 3
    expected = truth(2000)
    expected[400] = expected[401] = expected[699] = np.nan
    assert same(flat(items), expected)


def test_a_lost_time_mark_loses_no_sample():
    stream = pieces(3)
    del stream[1001]
    items, _ = decode(b"".join(stream))
    assert same(flat(items), truth(3000))
    assert not gaps(items)


def test_a_time_mark_with_another_time_is_found_and_the_stream_goes_on():
    stream = pieces(4)
    stream[2002] = mark(4711)
    items, decoder = decode(b"".join(stream))
    assert gaps(items) == [(1000, 1000), (2000, None)]
    assert same(flat(items)[2000:], truth(4000)[2000:])
    assert decoder.irregularities["odd-time"] == 1


def test_an_overflow_flag_makes_its_interval_a_gap():
    stream = pieces(3)
    stream[2002] = mark(20 | 1 << 31)
    items, decoder = decode(b"".join(stream))
    assert gaps(items) == [(1000, 1000)]
    assert "overflow" in of(items, Gap)[0].reason
    assert decoder.irregularities["overflow"] == 1
    assert same(flat(items)[2000:], truth(3000)[2000:])


def test_a_reply_in_text_between_samples_costs_none():
    stream = pieces(3)
    stream.insert(1500, b"\r\n\0PowerShield > ack volt get 3292-03\r\n\r\n")
    items, _ = decode(b"".join(stream))
    assert texts(items) == ["PowerShield > ack volt get 3292-03"]
    assert same(flat(items), truth(3000))
    assert not gaps(items)


def test_a_stream_whose_first_mark_is_lost_is_found_at_the_second_mark_with_a_gap_before():
    items, _ = decode(ACK + b"".join(pieces(4)[1:]))
    assert gaps(items) == [(0, 2000)]
    assert same(flat(items)[2000:], truth(4000)[2000:])


def test_a_stream_without_time_marks_is_given_up_once():
    data = FIRST + b"\x52\xa0" * 300_000
    items, _ = decode(data, cuts=range(50_000, len(data), 50_000))
    assert len(texts(items, TextKind.ERROR)) == 1
    assert gaps(items) == [(0, None)]


def test_what_waits_for_a_time_mark_stays_small():
    decoder = BinaryDecoder(100e3)
    decoder.feed(FIRST)
    for _ in range(200):
        decoder.feed(b"\x52\xa0" * 5000)
        assert len(decoder._carry) < 200_000
        assert sum(map(len, decoder._interval.values)) < 200_000


_EXTRA = [bytes.fromhex(raw) for raw, _, _ in PACKETS]
_STREAM = pieces(5)
for _at, _packet in zip(range(4700, 0, -400), _EXTRA, strict=False):
    _STREAM.insert(_at, _packet)
_SOUND = ACK + b"".join(_STREAM) + word(5000) + END + SUMMARY + DONE


def _summary(items):
    rest = [item for item in items if isinstance(item, (Gap, Text))]
    return flat(items).tobytes(), rest, of(items, Watermark)[-1]


_WHOLE = _summary(decode(_SOUND)[0])


def test_the_sound_stream_of_the_following_tests_is_sound():
    items, _ = decode(_SOUND)
    assert same(flat(items), truth(5001))
    assert not gaps(items)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, len(_SOUND)), max_size=30).map(sorted))
def test_where_the_bytes_are_cut_does_not_matter(cuts):
    assert _summary(decode(_SOUND, cuts=cuts)[0]) == _WHOLE


@pytest.mark.parametrize("step", [1, 2, 7, 2009])
def test_chunks_of_any_length_give_the_same(step):
    assert _summary(decode(_SOUND, cuts=range(step, len(_SOUND), step))[0]) == _WHOLE


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.binary(max_size=300) | st.sampled_from([*_EXTRA, FIRST, END, ACK, mark(10)])), st.booleans()
)
def test_garbage_never_crashes_and_never_comes_out_of_order(parts, begun):
    data = (FIRST if begun else b"") + b"".join(parts)
    items, _ = decode(data)
    flat(items)
    marks = [item.position for item in of(items, Watermark)]
    assert marks == sorted(marks)


_PLAIN = b"".join(pieces(5))
_TRUTH = np.array(truth(5000))


def _accounted(items) -> None:
    """What came agrees with the truth at its place, unless a gap of unknown length is before it."""
    values = flat(items)
    sure = next((gap.first for gap in of(items, Gap) if gap.count is None), len(values))
    mine, true = values[: min(sure, len(_TRUTH))], _TRUTH[:sure]  # the extra bytes may be a time mark
    assert np.array_equal(mine[~np.isnan(mine)], true[: len(mine)][~np.isnan(mine)])


@settings(deadline=None, max_examples=150)
@given(st.integers(len(FIRST), len(_PLAIN) - 2010), st.integers(1, 5000))
def test_lost_bytes_never_shift_a_sample(place, count):
    stop = min(place + count, len(_PLAIN) - 2009 - 9)  # after the last mark nothing is counted
    items, _ = decode(_PLAIN[:place] + _PLAIN[max(stop, place) :])
    _accounted(items)
    if stop > place and not of(items, Gap):
        assert stop - place == 9  # a whole time mark and nothing else
    assert len(flat(items)) == 5000 or any(gap.count is None for gap in of(items, Gap))


@pytest.mark.parametrize("byte", range(4))
@pytest.mark.parametrize("broken", [False, True])
def test_a_time_mark_that_says_more_than_the_time_that_has_gone_by_is_damaged(byte, broken):
    """However it is changed: the samples lost before it are not counted, and those after it are kept."""
    for mask in range(1, 256):
        data = pieces(5)
        damaged = bytearray(data[3003])
        damaged[2 + byte] ^= mask
        data[3003] = bytes(damaged)
        if broken:
            del data[2500]
            data[2600] = data[2600][:1]
        items, _ = decode(b"".join(data), elapsed_s=0.05)
        counted = [gap.count for gap in of(items, Gap) if gap.count is not None]
        assert max(counted, default=0) <= 1.1 * 100e3, (
            mask
        )  # the second that a mark may be early, and its own
        assert of(items, Block)[-1].columns[0][-1] == np.float32(truth(5000)[-1])


@settings(deadline=None, max_examples=150)
@given(st.integers(len(FIRST), len(_PLAIN) - 1), st.integers(1, 255))
@example(len(FIRST) + 2009 - 9 + 2, 0x40)
def test_a_changed_byte_moves_no_other_sample(place, mask):
    data = bytearray(_PLAIN)
    data[place] ^= mask
    items, _ = decode(bytes(data), elapsed_s=0.05)
    values = flat(items)
    present = ~np.isnan(values)
    wrong = np.count_nonzero(values[present] != _TRUTH[: len(values)][present])
    assert wrong <= 1  # the sample whose byte was changed: a wire without checksum hides it
    assert len(values) == 5000 or any(gap.count is None for gap in of(items, Gap))


@settings(deadline=None, max_examples=150)
@given(st.integers(len(FIRST), len(_PLAIN) - 2010), st.binary(min_size=1, max_size=12))
def test_bytes_from_nowhere_are_found(place, extra):
    items, _ = decode(_PLAIN[:place] + extra + _PLAIN[place:])
    assert of(items, Gap) or of(items, Text)
    _accounted(items)
