"""Limits of everything that is read from a file of unknown origin, in one place.

A larger file is refused with ``file.too-large`` (an archive with ``archive.too-large``) before its memory is
spent; where only a part of it is taken, a finding reports it. The outer bounds: whatever has up to
``LARGEST_OFFICIAL`` bytes is read, or refused, within 2 GB of memory and 60 s on one core. So each limit is
chosen by what a reader spends on it, and the time of a reader is bounded by the number of its items: each
comment states the cost that was measured, and the largest that the published rounds hold.
"""

from __future__ import annotations

from energy.errors import RecordingError, TooLargeError

# Files by their bytes.
LARGEST_OFFICIAL = 500 << 20
"""Of any file of a submission: the official checker refuses more (mlperf-tiny.md 2)."""
LARGEST_RESULTS_JSON = LARGEST_OFFICIAL
"""Of a results.json, with or without samples; published: 17 MiB. ``JSON_MEMORY`` limits what it holds."""
LARGEST_DOCUMENT = 128 << 20
"""Of ``session.json`` or ``result.json``: without findings, 50 000 windows of a recording take half of it."""
LARGEST_LOG = 64 << 20
"""Of a runner's log: as text it takes up to four times as much; published: 2 MiB."""
LARGEST_RESULTS_TEXT = 4 << 20
"""Of a results.txt; published: 2 KiB."""
LARGEST_SCRIPT = 64 << 20
"""Of a script.async: a line for each input; that of an accuracy run of anomaly detection has 3.7 MiB."""
LARGEST_TIMESTAMPS = 1 << 20
"""Of the timestamps beside a trace: half a million numbers at most."""
LARGEST_EDGES = 64 << 20
"""Of an ``edges.jsonl``: some half a million edges."""
LARGEST_ANSWERS = 128 << 20
"""Of an ``answers.jsonl``: 48 000 windows of anomaly detection have 6 MiB."""
LARGEST_MANIFEST = 16 << 20
"""Of a ``manifest.json``; ``MOST_FILES`` limits its entries."""
LARGEST_SYSTEM = 1 << 20
"""Of a system's description; published: 4 KiB."""
LARGEST_FORM = 1 << 20
"""Of a TOML file that a person writes: a bench file, a form."""
LARGEST_CATALOGUE = 16 << 20
"""Of a catalogue of published results; the shipped one has 0.1 MiB for 365 rows."""
LARGEST_INPUT = 16 << 20
"""Of an input of a benchmark, or of a list of inputs."""
LARGEST_WINDOWS = 256 << 20
"""Bytes of all windows that an input is cut into; an input of anomaly detection has 0.5 MiB of them."""
LARGEST_FIRMWARE = 256 << 20
"""Of a firmware's image."""

# Items in them.
MOST_EDGES = 400_000
"""Edges of a recording: 200 000 windows take 20 s. Where both kinds count, 50 000 windows have 200 000."""
MOST_WINDOWS = 50_000
"""Windows of a recording: each takes 1.1 kB of its session.json."""
MOST_ANSWERS = 200_000
"""Answers of an accuracy session: 4 s; published sets give 48 000."""
MOST_TRIALS = 200_000
"""Entries of a results.json; published: 48 000."""
MOST_BATCHES = 4_000_000
"""Batches of a recording: 11 days of four batches a second."""
LARGEST_NOTES = 64 << 20
"""Bytes of all notes (gaps, range changes) of a recording: a million gaps, two million changes of range."""
RECORDED_NOTES, RECORDED_BATCHES = LARGEST_NOTES * 3 // 4, MOST_BATCHES - 10_000
"""Of a recording that is being written: then it ends, with room for what comes until the supply is off."""
MOST_SAMPLES = 100_000_000
"""Samples of another program's file that is read into memory; 17 min at 100 kHz, 0.4 GB a column."""
MOST_FILES = 20_000
"""Files that a manifest names; each is read once."""
LARGEST_HOLES = 4 << 30
"""Bytes that are read to compare files with a manifest, beyond four times what they take on the disk."""
MOST_LINES = 2_000_000
"""Lines of a log: 5 s; published: 40 000."""
LONGEST_LINE = 1 << 20
"""Bytes or characters of a line of text; published: 24 000."""

LONGEST_PIECE = 1 << 20
"""Samples or rows that are read from a file at once: a recording of any length takes little memory."""

# JSON of any origin.
JSON_MEMORY = 768 << 20
"""Bytes that a parsed document may take, by ``json_memory``; the largest published one takes 90 MiB."""

# Folders and archives.
MOST_ENTRIES = 200_000
"""Files and folders of a tree; all rounds together have fewer than 20 000."""
DEEPEST = 24
"""Levels of folders."""
MOST_OF_A_KIND = 1000
"""Findings of the same code in a tree."""
LARGEST_UNPACKED = 2 << 30
"""Bytes of all files of an archive, holes of sparse files included."""
MOST_UNPACKED = 60_000
"""Files and folders of an archive."""
LARGEST_HEADER = 1 << 20
"""Bytes of an extended header of a tar."""
LARGEST_EXTENSIONS = 32 << 20
"""Bytes of all of them; a tar of 60 000 names with attributes has 20 MiB."""
LARGEST_GLOBALS = 16 << 10
"""Bytes of those that apply to every member that follows; git writes 52."""
MOST_STREAMS = 100_000
"""Compressed streams in a row (gzip members); bgzip makes one for each 64 KiB."""

_TEXT_WIDTH = 4
"""Bytes of a character of a text in which any character is beyond U+FFFF."""
_COSTS = {"{": 96, ":": 128, "[": 112, ",": 48, '"': 32}
"""Bytes that CPython 3.11 spends for each of these characters: an object (80) or list (72, and 32 for its
first entries), an entry of an object (key, value and table: 120), an entry of a list with its number (9 and
32), and half of a string's head (49 and up to 15 to round up)."""


def json_memory(data: bytes | str) -> int:
    """Bytes that parsing a JSON document may take, at most; found by counting, so that nothing is spent yet.

    Args:
        data: The document.
    """
    width = 1 if data.isascii() else _TEXT_WIDTH
    if isinstance(data, bytes):
        counts = {character: data.count(character.encode()) for character in _COSTS}
    else:
        counts = {character: data.count(character) for character in _COSTS}
    return sum(counts[character] * cost for character, cost in _COSTS.items()) + 2 * width * len(data)


def limit_reached(what: str, most: int, unit: str) -> RecordingError:
    """The error that ends a recording before it has more items than can be read again.

    Args:
        what: The file, for the message.
        most: The limit.
        unit: The items, in the plural.
    """
    return RecordingError(
        "recording.limit-reached",
        f"{what} has {most} {unit}, and could not be read again with more",
        "What was recorded until then is in the folder and can be read. Record for a shorter time; look at "
        "the figures of the monitor if so many changes of range, gaps or edges should not be there.",
    )


def refuse_larger(what: str, found: int, most: int, unit: str, hint: str) -> None:
    """Refuses more items than a limit.

    Args:
        what: The file, for the message.
        found: Number of its items.
        most: The limit.
        unit: The items, in the plural.
        hint: The error's hint.

    Raises:
        RecordingError: ``file.too-large``.
    """
    if found > most:
        raise TooLargeError(f"{what} holds {found} {unit}; the limit is {most}", hint)
