from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.lpm01a.ascii import AsciiDecoder, Text, TextKind, Watermark
from energy.signal import Block, Edge, Gap


def mark(seconds: int, millis: int = 0, fill: int = 7) -> bytes:
    return b"TimeStamp: %03ds %03dms, buff %02d%%\r\n\0" % (seconds, millis, fill)


def samples(count: int, first: int = 0) -> list[bytes]:
    return [b"%04d-%02d\r\n" % (1000 + (first + k) * 7 % 9000, 7 + k % 2) for k in range(count)]


def value(line: bytes) -> float:
    text = line.decode().strip()
    return float(f"{text[:4]}e{text[4:]}")


def stream(intervals: int = 3, events: dict[int, int] | None = None, first_mark: bool = True) -> list[bytes]:
    """Lines of a sound stream; events by the number of samples before them."""
    lines = [mark(0)] if first_mark else []
    for k in range(intervals * 1000):
        if events and k in events:
            lines.append(b"event %02d ris\r\n" % events[k])
        lines += samples(1, k)
        if k % 1000 == 999:
            lines.append(mark((k + 1) // 1000))
    return lines


def decode(data: bytes, rate_hz: float = 1000.0, step: int | None = None, largest: float = float("inf")):
    decoder = AsciiDecoder(rate_hz, largest=largest)
    items = []
    for k in range(0, len(data), step or max(len(data), 1)):
        items += decoder.feed(data[k : k + (step or len(data))])
    return items + decoder.finish()


def of(items, kind):
    return [item for item in items if isinstance(item, kind)]


def flat(items) -> np.ndarray:
    """All samples by position; NaN where none came."""
    blocks = of(items, Block)
    result = np.full(max((block.stop for block in blocks), default=0), np.nan)
    for block in blocks:
        assert np.isnan(result[block.first : block.stop]).all()
        result[block.first : block.stop] = block.columns[0]
    return result


@settings(deadline=None)
@given(st.integers(0, 9999), st.sampled_from("+-"), st.integers(0, 99))
def test_a_sample_is_the_float_nearest_to_its_decimal(mantissa, sign, exponent):
    line = f"{mantissa:04d}{sign}{exponent:02d}"
    (block,) = of(decode(f"{line}\r\n".encode()), Block)
    assert block.columns[0].dtype == np.float64
    assert block.columns[0].tolist() == [float(f"{mantissa}e{sign}{exponent}")]


def test_a_sound_stream_gives_its_samples_edges_and_watermarks():
    lines = stream(2, {0: 98, 500: 99, 1700: 0}, first_mark=False)
    items = decode(b"".join(lines))
    expected = [value(line) for line in lines if line[4:5] in b"+-" and line[:1].isdigit()]
    assert flat(items).tolist() == expected
    assert [(edge.position, edge.bound, edge.source) for edge in of(items, Edge)] == [
        (0, 1, "d7"),
        (500, 1, "d7"),
        (1700, 1, "d7"),
    ]
    assert [item.position for item in of(items, Watermark)] == [1000, 2000, 2000]
    assert not of(items, Gap)


@settings(deadline=None)
@given(st.integers(3, 400), st.booleans())
def test_where_the_bytes_are_cut_does_not_matter(step, first_mark):
    data = b"".join(stream(2, {10: 5, 1200: 6}, first_mark))[8000:12000]
    whole, parts = decode(data), decode(data, step=step)
    assert np.array_equal(flat(whole), flat(parts), equal_nan=True)
    assert [repr(item) for item in whole if not isinstance(item, Block)] == [
        repr(item) for item in parts if not isinstance(item, Block)
    ]


def test_a_damaged_sample_is_a_gap_of_one_at_its_place():
    lines = stream(2, {700: 3}, first_mark=False)
    lines[400] = b"64z9-07\r\n"
    items = decode(b"".join(lines))
    assert [(gap.first, gap.count) for gap in of(items, Gap)] == [(400, 1)]
    values = flat(items)
    assert np.flatnonzero(np.isnan(values)).tolist() == [400]
    assert values[401] == value(lines[401])
    assert of(items, Edge)[0].position == 700


@pytest.mark.parametrize("stray", [b"33930-08\r\n", b"3393-8\r\n", b"+393-08\r\n"])
def test_lines_of_another_length_or_alphabet_are_not_parsed(stray):
    lines = stream(1, first_mark=False)
    lines[10] = stray
    items = decode(b"".join(lines))
    assert [(gap.first, gap.count) for gap in of(items, Gap)] == [(10, 1)]
    assert [text.text for text in of(items, Text) if text.kind is TextKind.DAMAGED] == [
        stray.decode().strip()
    ]


def test_a_stray_line_that_was_no_sample_breaks_the_time_base_there():
    lines = stream(1, first_mark=False)
    lines.insert(10, b"33930-08\r\n")
    items = decode(b"".join(lines))
    assert [(gap.first, gap.count) for gap in of(items, Gap)] == [(10, None)]
    assert len(flat(items)) == 1000


def test_lost_samples_without_a_trace_cost_the_interval_and_nothing_else():
    lines = stream(3, {1100: 7, 2500: 8}, first_mark=False)
    del lines[1501:1504]
    items = decode(b"".join(lines))
    (gap,) = of(items, Gap)
    assert (gap.first, gap.count) == (1000, 1000)
    assert "997 of 1000" in gap.reason
    assert np.flatnonzero(np.isnan(flat(items))).tolist() == list(range(1000, 2000))
    first, second = of(items, Edge)
    assert abs(first.position - 1100) <= first.bound == 2.5
    assert (second.position, second.bound) == (2500, 1)


def test_two_lines_glued_together_are_a_gap_of_two():
    lines = stream(1, first_mark=False)
    lines[20:22] = [lines[20].strip() + b"\r" + lines[21]]
    items = decode(b"".join(lines))
    assert [(gap.first, gap.count) for gap in of(items, Gap)] == [(20, 2)]


def test_a_lost_time_mark_loses_no_sample():
    lines = stream(3, first_mark=False)
    del lines[1000]
    items = decode(b"".join(lines))
    assert not of(items, Gap)
    assert len(flat(items)) == 3000


def test_a_time_mark_with_another_time_is_found_and_the_stream_goes_on():
    lines = stream(5, first_mark=False)
    lines[3002] = mark(7)
    items = decode(b"".join(lines))
    assert {gap.reason for gap in of(items, Gap)} == {"time mark: 7000 ms after 2000 ms and 1000 samples"}
    assert [(gap.first, gap.count) for gap in of(items, Gap)] == [(2000, 1000), (3000, None)]
    assert flat(items)[3000:].tolist() == [value(line) for line in lines[3003:] if b"T" not in line]


def test_a_stretch_lost_with_its_time_marks_is_found():
    lines = stream(6, first_mark=False)
    del lines[1500:3500]
    items = decode(b"".join(lines))
    assert any(gap.first <= 1500 for gap in of(items, Gap))
    assert flat(items)[:1000].tolist() == [value(line) for line in lines[:1000]]


def test_a_jump_of_the_event_counter_is_found_between_the_two_events():
    items = decode(b"".join(stream(1, {100: 4, 300: 6}, first_mark=False)))
    (gap,) = of(items, Gap)
    assert (gap.first, gap.count) == (100, None)
    assert gap.reason == "event counter: 06 after 04"


@pytest.mark.parametrize("seconds", [1000, 0])
def test_seconds_may_wrap_at_three_digits_or_go_on(seconds):
    decoder = AsciiDecoder(1.0)  # a time mark every 1000 s
    items = decoder.feed(b"".join(samples(1000)) + mark(seconds))
    assert len(flat(items)) == 1000
    assert not of(items, Gap)


@pytest.mark.parametrize(("rate", "seconds", "millis"), [(5000.0, 0, 200), (2000.0, 0, 500), (100.0, 10, 0)])
def test_time_marks_follow_the_rate(rate, seconds, millis):
    items = decode(b"".join(samples(1000)) + mark(seconds, millis), rate)
    assert len(flat(items)) == 1000
    assert not of(items, Gap)


def test_a_sample_larger_than_can_be_is_damaged():
    lines = stream(1, first_mark=False)
    lines[5] = b"6409-01\r\n"
    items = decode(b"".join(lines), largest=0.001)
    assert [(gap.first, gap.count) for gap in of(items, Gap)] == [(5, 1)]


def test_the_end_hands_over_the_rest_and_the_summary_is_text():
    data = b"".join(samples(5)) + b"end\r\nsummary beg\r\n1000-07\r\n2000-07\r\nsummary end\r\n"
    items = decode(data)
    assert len(flat(items)) == 5
    assert [text.text for text in of(items, Text)] == [
        "end",
        "summary beg",
        "1000-07",
        "2000-07",
        "summary end",
    ]


def test_samples_are_only_handed_out_once_they_are_counted():
    decoder = AsciiDecoder(1000.0)
    assert not of(decoder.feed(b"".join(samples(999))), Block)
    assert not of(decoder.feed(samples(1)[0]), Block)
    assert of(decoder.feed(mark(1)), Block)


_SOUND = b"".join(stream(3, {700: 41, 1400: 42, 2200: 43}, first_mark=False))
_CLEAN = decode(_SOUND)


def _same(items) -> bool:
    mine, clean = flat(items), flat(_CLEAN)
    return np.array_equal(mine, clean) and of(items, Edge) == of(_CLEAN, Edge)


def _in_alphabet(old: int, new: int) -> bool:
    """Another digit for a digit, another sign for a sign: what a wire without checksum hides."""
    return (chr(old).isdigit() and chr(new).isdigit()) or {old, new} == set(b"+-")


@settings(deadline=None)
@given(st.integers(0, len(_SOUND) - 1), st.integers(0, 255))
def test_a_changed_byte_is_found_or_harmless_or_a_digit(place, byte):
    data = bytearray(_SOUND)
    old, data[place] = data[place], byte
    items = decode(bytes(data))
    assert of(items, Gap) or _same(items) or _in_alphabet(old, byte)


@settings(deadline=None)
@given(st.integers(0, len(_SOUND) - 2), st.integers(1, 60))
def test_lost_bytes_are_found_or_harmless(place, count):
    items = decode(_SOUND[:place] + _SOUND[place + count :])
    lost_events = b"event" in _SOUND[max(place - 15, 0) : place + count + 15]
    at_the_end = place + count > len(_SOUND) - 45
    assert of(items, Gap) or _same(items) or lost_events or at_the_end


@settings(deadline=None)
@given(st.integers(0, len(_SOUND)), st.binary(min_size=1, max_size=12))
def test_bytes_from_nowhere_are_found_or_harmless(place, extra):
    items = decode(_SOUND[:place] + extra + _SOUND[place:])
    assert of(items, Gap) or _same(items) or place > len(_SOUND) - 45


@pytest.mark.parametrize(
    ("line", "power_w"), [(b"3299-08\r\n", 0.033), (b"1000-09\r\n", 1e-3), (b"1000-11\r\n", 1e-5)]
)
def test_a_flipped_digit_moves_a_window_by_no_more_than_one_largest_sample(line, power_w):
    """The bound of the decision page on flipped digits, for 10 s at 1 kHz and 3.3 V."""
    largest = 0.1 * 3.3 / 1000
    lines = []
    for second in range(1, 11):
        lines += [line] * 1000 + [mark(second)]
    clean = flat(decode(b"".join(lines), largest=largest)).sum()
    worst = 0.0
    for column in (0, 1, 2, 3, 5, 6):
        for digit in b"0123456789":
            flipped = bytearray(line)
            flipped[column] = digit
            lines[4321] = bytes(flipped)
            items = decode(b"".join(lines), largest=largest)
            if of(items, Gap):
                continue  # found
            worst = max(worst, abs(flat(items).sum() / clean - 1))
    assert 0 < worst <= largest / (power_w * 10) * 1.001


def test_a_stream_whose_time_marks_are_lost_does_not_fill_the_memory():
    lines = samples(20_000)
    items = decode(b"".join(lines), step=5000)
    gaps = of(items, Gap)
    assert gaps
    assert all("no time mark" in gap.reason for gap in gaps if gap.count is None and gap.first < 16_000)


def test_a_time_mark_that_says_more_than_the_time_that_has_gone_by_tells_no_count():
    """One digit of `TimeStamp` is changed, and one sample is lost, which a count would make a whole gap."""
    lines = [*samples(999), mark(900_001), *samples(1000), mark(2)]
    decoder = AsciiDecoder(1000.0, elapsed_s=lambda: 2.0)
    items = decoder.feed(b"".join(lines)) + decoder.finish()
    assert [gap.count for gap in of(items, Gap) if (gap.count or 0) > 3000] == []
    assert any(gap.count is None for gap in of(items, Gap))
    assert sum(len(block) for block in of(items, Block)) == 1000


def test_samples_are_shown_before_they_are_counted_those_that_cannot_be_among_them():
    decoder, seen = AsciiDecoder(1000.0, largest=1e-4), []
    decoder.peek = seen.append
    assert not of(decoder.feed(b"".join(samples(3)) + b"9000-04\r\n"), Block)
    assert np.concatenate(seen).tolist() == [*(value(line) for line in samples(3)), 0.9]
