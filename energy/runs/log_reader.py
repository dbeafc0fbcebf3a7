"""Reads the lines of a runner's log once: events, inferences and oddities.

Where a regular stretch begins (``log_stretches``) it is taken at once; every other line goes through the
rules of ``log_lines``. With and without stretches, inferences and oddities are the same; events of stretches
are kept only by a reading without them.
"""

from __future__ import annotations

import math
import re
from array import array
from dataclasses import dataclass, field

from energy.recording.limits import LONGEST_LINE, MOST_LINES
from energy.runs.inferences import KINDS_OF_INFERENCES, Grouping
from energy.runs.log_lines import KINDS, Classify, Oddities, Part, classify_eembc, classify_mlcommons
from energy.runs.log_stretches import BEGINS, inferences_at, repeated_at, times_at
from energy.runs.plain_text import stamp_seconds

_MOST_KNOWN, _LONGEST_KNOWN = 4096, 200
"""Number of different lines whose events are remembered at most, and their longest, in characters."""
_KNOWN: tuple[dict[tuple[str, str, bool], list[Part]], ...] = ({}, {})
"""Events of lines of any EEMBC log, and of any MLCommons log: most lines repeat another somewhere."""
_LINE = re.compile(r"^(?:([0-9]{4,7}\.[0-9]{3,6}) ([A-Za-z][\w-]{0,15}): ?)?(.*)$", re.MULTILINE | re.ASCII)
_GROUPED = frozenset(KINDS.index(kind) for kind in KINDS_OF_INFERENCES)
_TALK = frozenset((KINDS.index("text"), KINDS.index("printed")))


@dataclass
class Columns:
    """Events as columns of the same length: see ``LogEvent``; spans are pairs of positions in the text."""

    kinds: array[int] = field(default_factory=lambda: array("b"))
    sources: array[int] = field(default_factory=lambda: array("b"))
    times: array[float] = field(default_factory=lambda: array("d"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    spans: array[int] = field(default_factory=lambda: array("q"))


@dataclass
class ReadLines:
    """The lines of a log.

    Attributes:
        columns: Events; without those of stretches.
        whole: Whether these are all events.
        grouping: Inferences.
        oddities: What was odd.
        too_long: What was not read, because lines are too long or too many.
        lines: How many lines were read, with an empty one after the last line feed.
        last_s: Time of the last event, by the last stamp at or before it; NaN without one.
        elsewhere: Where its text is, but for the inferences in which no file has a path (MLCommons).
    """

    columns: Columns = field(default_factory=Columns)
    whole: bool = True
    grouping: Grouping = field(default_factory=Grouping)
    oddities: Oddities = field(default_factory=Oddities)
    too_long: list[str] = field(default_factory=list[str])
    lines: int = 0
    last_s: float = math.nan
    elsewhere: list[slice] = field(default_factory=list[slice])


def read_lines(text: str, *, mlcommons: bool, year: int, stretches: bool = True) -> ReadLines:
    """Reads a log.

    Args:
        text: The log, made plain.
        mlcommons: Whether it is the MLCommons runner's.
        year: Year of its stamps.
        stretches: Whether regular stretches are taken at once.
    """
    answer = ReadLines()
    classify = classify_mlcommons if mlcommons else classify_eembc
    known = _KNOWN[mlcommons]
    columns, oddities, group = answer.columns, answer.oddities, answer.grouping.take
    kinds, sources, times = columns.kinds.append, columns.sources.append, columns.times.append
    lines, spans = columns.lines.append, columns.spans.extend
    stamp, time_s, source, line = "", math.nan, "", 0
    at, more, seen = 0, True, 0
    while more:
        more = False
        for found in _LINE.finditer(text, at):
            line += 1
            stamped, said_by, message = found.groups()
            if stamped is not None:
                source = said_by
                if stamped != stamp:
                    stamp, time_s = stamped, stamp_seconds(stamped, year)
            if not message or (source == "sequencer" and not mlcommons and len(message) <= LONGEST_LINE):
                if line >= MOST_LINES:
                    break
                continue
            if stretches and stamped is None:
                if talk := _talk(text, found.start(), line, source, classify, oddities):
                    at, more, line, answer.whole = talk[0], True, line + talk[1] - 1, False
                    answer.last_s = time_s
                    break
            elif stretches and message.startswith(BEGINS):
                stretch = inferences_at(
                    text, found.start(), line, MOST_LINES - line, year if mlcommons else None, answer.grouping
                )
                if stretch:
                    if mlcommons:
                        answer.elsewhere.append(slice(seen, found.start()))
                        seen = stretch.stop
                    at, more, line, answer.whole = stretch.stop, True, line + stretch.lines - 1, False
                    source, stamp = stretch.source, stretch.stamp
                    time_s = stamp_seconds(stamp, year)
                    answer.last_s = stamp_seconds(stretch.event_stamp, year)
                    break
            if len(message) > LONGEST_LINE:
                answer.too_long.append(f"of line {line}, the first {LONGEST_LINE} characters are read")
                message = message[:LONGEST_LINE]
            key = (source, message, stamped is None)
            parts = known.get(key)
            if parts is None:
                odd = oddities.total
                parts = classify(source, message, 0, stamped is not None, line, oddities)
                if odd == oddities.total and len(message) <= _LONGEST_KNOWN:  # an oddity is counted each time
                    if len(known) == _MOST_KNOWN:
                        known.clear()
                    known[key] = parts
            if parts:
                answer.last_s = time_s
                start = found.start(3)
                for kind, who, first, stop in parts:
                    kinds(kind)
                    sources(who)
                    times(time_s)
                    lines(line)
                    spans((start + first, start + stop))
                    if kind in _GROUPED:
                        group(KINDS[kind], line, time_s, message[first:stop])
            if line >= MOST_LINES:
                break
    if line >= MOST_LINES:
        answer.too_long.append(f"it is read up to line {MOST_LINES}")
    answer.lines = line
    answer.elsewhere.append(slice(seen, len(text)))
    return answer


def _talk(
    text: str, at: int, line: int, source: str, classify: Classify, oddities: Oddities
) -> tuple[int, int] | None:
    """Where repeated lines without any message end, and how many they are; None if there are none."""
    unit = repeated_at(text, at)
    if unit is None:
        return None
    odd = Oddities()
    for number, message in enumerate(unit):
        parts = classify(source, message, 0, False, line + number, odd)
        if not parts or any(part[0] not in _TALK for part in parts):
            return None
    times = min(times_at(text, at, unit), (MOST_LINES - line) // len(unit))
    if not times:
        return None
    for code, (count, first) in odd.found.items():
        oddities.add(code, first, count * times)
    return at + times * sum(len(message) + 1 for message in unit), times * len(unit)
