"""Headers of batches: those that are only compared give what parsing gives, damaged ones too."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from energy.recording.arrowmessage import EndOfStreamError, HeaderReader
from energy.recording.batches import BatchWriter
from energy.recording.batchindex import widths_of
from energy.recording.mapped import BatchReader

SCHEMA = pa.schema([("current_a", pa.float32()), ("voltage_v", pa.float32())])
WIDTHS = widths_of(SCHEMA)
NEVER_S = 1e9


@pytest.fixture
def written(tmp_path):
    """A file of batches: many alike, some with notes, of other lengths, after a gap, with a longer number."""
    path = tmp_path / "rows.arrow"
    writer = BatchWriter(path, SCHEMA, flush_interval_s=NEVER_S)
    at = 0
    for number in range(60):
        rows = 17 if number % 20 == 7 else 1000
        if number % 20 == 11:
            writer.note("gaps", [at, None, "a test"])
        if number == 40:
            at += 123_456_789
        writer.append(at, (np.full(rows, number, np.float32), np.ones(rows, np.float32)))
        writer.flush()
        at += rows
    writer.close()
    return path


def offsets_of(path) -> list[int]:
    reader = BatchReader(path)
    return list(reader._index._offsets)


def outcome(reader: HeaderReader, file, offset: int, size: int) -> object:
    try:
        return reader.read(file, offset, size)
    except (ValueError, EndOfStreamError) as error:
        return type(error), str(error)


def counted(reader: HeaderReader) -> list[int]:
    """Sizes of the headers that this reader parses from now on."""
    parsed: list[int] = []
    real = reader._parsed

    def parse(data, offset, size):
        parsed.append(len(data))
        return real(data, offset, size)

    reader._parsed = parse
    return parsed


def test_headers_that_are_compared_are_those_that_parsing_gives(written):
    size = written.stat().st_size
    reader = HeaderReader(WIDTHS)
    parsed = counted(reader)
    offsets = offsets_of(written)
    with written.open("rb") as file:
        for offset in offsets:
            fresh = HeaderReader(WIDTHS).read(file, offset, size)
            assert reader.read(file, offset, size) == fresh
            data = np.frombuffer(written.read_bytes()[offset : fresh.end], np.uint8)
            assert reader.parse(data, offset, size) == fresh
    assert len(offsets) == 60
    assert 0 < len(parsed) < 60  # of 120: without this, parsing would be compared with parsing


def test_any_damaged_byte_of_a_header_has_the_outcome_of_parsing(written):
    """Truth is a reader that has seen no other header."""
    size = written.stat().st_size
    reader = HeaderReader(WIDTHS)
    offsets = offsets_of(written)
    data = bytearray(written.read_bytes())
    damaged = written.with_name("damaged.arrow")
    with written.open("rb") as file:
        for offset in offsets[2:6]:
            header = reader.read(file, offset, size)
    assert reader._pattern is not None
    length = 8 + int.from_bytes(data[offset + 4 : offset + 8], "little")
    different = 0
    for at in range(offset, offset + length):
        for value in (data[at] ^ 1, data[at] ^ 0x80, 0xFF):
            kept, data[at] = data[at], value
            damaged.write_bytes(data[: offset + length + 64])
            data[at] = kept
            pattern, before = reader._pattern, reader._before
            with damaged.open("rb") as file:
                expected = outcome(HeaderReader(WIDTHS), file, offset, size)
                assert outcome(reader, file, offset, size) == expected, (at - offset, value)
            reader._pattern, reader._before = pattern, before
            different += expected != header
    assert different > length / 2


def test_a_header_whose_rows_end_beyond_the_file_is_not_taken_because_it_looks_like_the_others(written):
    size = written.stat().st_size
    reader = HeaderReader(WIDTHS)
    offsets = offsets_of(written)
    with written.open("rb") as file:
        for offset in offsets[2:6]:
            header = reader.read(file, offset, size)
        assert reader._pattern is not None
        with pytest.raises(ValueError, match="its rows are incomplete"):
            reader.read(file, offset, header.end - 1)
