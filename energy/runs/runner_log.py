"""Log files of both runners: every message with its source and time, and the inferences.

Formats: mlperf-tiny.md 2 and protocols.md 2.1, read off the published rounds v0.5, v1.2 and v1.3. Every line
is looked at once (``log_reader``); events are kept as columns, so that a log of a million lines stays small,
and are made into ``LogEvent`` only when asked for. Bytes that no rule knows become events of the kind
``text``: no log is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from energy.findings import Finding
from energy.runs.inferences import LoggedInference
from energy.runs.log_event import LogEvent
from energy.runs.log_lines import KINDS, SOURCES, EventKind
from energy.runs.log_reader import Columns, ReadLines, read_lines
from energy.runs.log_stretches import IN_STRETCHES
from energy.runs.plain_text import PlainText, plain, read_plain

_EEMBC = re.compile(r"\n[0-9]{5,7}\.[0-9]{3} [A-Za-z][\w-]{0,15}:", re.ASCII)
_MLCOMMONS = re.compile(
    r"\n(?:[0-9]{4}\.[0-9]{6} ulp-|Logging initialized\.|Running inference with |SerialDevice "
    r"|Device model retrieved: |Initializing SerialDevice|Playing \S+\.wav)",
    re.ASCII,
)
_PERSONAL = re.compile(r"""(?:[A-Za-z]:\\+Users\\+|/home/|/Users/)[^\s\\/"']{1,80}""")
_PERSONAL_PARTS = ("/home/", "/Users/", "Users\\")
"""A path has one of these; to look for them is quicker than to look for a path."""
_RUN_YEAR = re.compile(r"sessions[\\/]+([0-9]{4})([0-9]{4})_([0-9]{6})")
_HEAD = 1 << 16
_DONE, _RESULTS = KINDS.index("infer-done"), KINDS.index("results")


@dataclass
class RunnerLog:
    """A runner's log.

    Attributes:
        runner: Whose log it is.
        shown: Its name in findings.
        lines: How many lines it has.
        findings: Oddities met, each with its count.
        year: Year of the session (MLCommons), or None.
        text: The log, made plain.
        columns: Its events.
    """

    runner: Literal["eembc", "mlcommons", "unknown"]
    shown: str
    lines: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    year: int | None = None
    text: str = field(default="", repr=False)

    @cached_property
    def read(self) -> ReadLines:
        """Its lines, regular stretches taken at once."""
        return self._lines(stretches=True)

    @cached_property
    def columns(self) -> Columns:
        """All of its events."""
        return self.read.columns if self.read.whole else self._lines(stretches=False).columns

    def _lines(self, *, stretches: bool) -> ReadLines:
        year = max(self.year or 2000, 1)
        return read_lines(self.text, mlcommons=self.runner == "mlcommons", year=year, stretches=stretches)

    def __bool__(self) -> bool:
        return bool(self.read.columns.kinds) or not self.read.whole

    def __len__(self) -> int:
        return len(self.columns.kinds)

    def __iter__(self) -> Iterator[LogEvent]:
        return (_event(self.text, self.columns, index) for index in range(len(self.columns.kinds)))

    def of(self, *kinds: EventKind) -> Iterator[LogEvent]:
        """The events of these kinds, in order."""
        columns = self.read.columns if IN_STRETCHES.isdisjoint(kinds) else self.columns
        found = _any_of(kinds).finditer(columns.kinds.tobytes())
        return (_event(self.text, columns, match.start()) for match in found)

    def first(self, kind: EventKind) -> LogEvent | None:
        """The first event of a kind, or None."""
        return next(self.of(kind), None)

    def texts(self, kind: EventKind) -> list[str]:
        """The texts of all events of a kind."""
        return [event.text for event in self.of(kind)]

    @property
    def inferences(self) -> Sequence[LoggedInference]:
        """Every ``infer`` with its answer, in order."""
        return self.read.grouping.inferences

    @property
    def model(self) -> str | None:
        """The model that the DUT states, or None."""
        event = self.first("model")
        return event.text if event else None

    @property
    def monitor(self) -> str | None:
        """The monitor's name (EEMBC only: the MLCommons runner does not log it)."""
        event = self.first("monitor")
        return event.text if event else None

    @property
    def version(self) -> str | None:
        """The runner's version (EEMBC from 3.0.6 on)."""
        event = self.first("version")
        return event.text if event else None

    @property
    def voltage_mv(self) -> list[int]:
        """Supply voltages that the monitor reported, in order (EEMBC only)."""
        return [int(text) for text in self.texts("voltage")]

    @property
    def session_stop_s(self) -> float | None:
        """When the session ended, on the host's clock (EEMBC: ``m-session-stop``)."""
        events = list(self.of("session-stop"))
        return events[-1].time_s if events else None

    @property
    def last_s(self) -> float | None:
        """Time of the last event that has one, on the host's clock."""
        if not math.isnan(self.read.last_s):
            return self.read.last_s
        return next((time_s for time_s in reversed(self.columns.times) if not math.isnan(time_s)), None)


@lru_cache
def _any_of(kinds: tuple[EventKind, ...]) -> re.Pattern[bytes]:
    """Matches any of these kinds in a column of kinds."""
    return re.compile(b"[" + b"".join(b"\\x%02x" % KINDS.index(kind) for kind in kinds) + b"]")


def _event(text: str, columns: Columns, index: int) -> LogEvent:
    start, stop = columns.spans[2 * index : 2 * index + 2]
    kind, source = KINDS[columns.kinds[index]], SOURCES[columns.sources[index]]
    return LogEvent(kind, source, columns.times[index], columns.lines[index], text[start:stop])


def read_log(path: Path, shown: str | None = None) -> RunnerLog:
    """Reads a log.

    Raises:
        RecordingError: ``file.too-large``, ``file.unreadable``.
    """
    return _timeline(read_plain(path, shown))


def parse_log(data: str | bytes, shown: str = "log.txt") -> RunnerLog:
    """Parses a log; any bytes give a log."""
    return _timeline(plain(data, shown))


def runner_of_log(text: str) -> Literal["eembc", "mlcommons", "unknown"]:
    """Whose log a text is, by its beginning."""
    head = "\n" + text[:_HEAD]
    if _EEMBC.search(head):
        return "eembc"
    return "mlcommons" if _MLCOMMONS.search(head) else "unknown"


def _timeline(content: PlainText) -> RunnerLog:
    text = content.text
    runner = runner_of_log(text)
    started = _RUN_YEAR.search(text[:_HEAD])
    year = int(started[1]) if started else None
    log = RunnerLog(runner, content.shown, findings=list(content.findings), year=year, text=text)
    read = log.read
    for evidence in read.too_long:
        log.findings.append(Finding("log.too-long", evidence, path=content.shown))
    log.lines = read.lines - 1 if text.endswith("\n") or not text else read.lines
    _report(log)
    return log


def _report(log: RunnerLog) -> None:
    def found(code: str, evidence: str) -> None:
        log.findings.append(Finding(code, evidence, path=log.shown))

    for place in log.read.elsewhere:
        text = log.text[place]
        if any(part in text for part in _PERSONAL_PARTS) and (personal := _PERSONAL.search(text)):
            line = log.text.count("\n", 0, place.start + personal.start()) + 1
            found("log.personal-path", f"{personal[0]!r} in line {line}")
            break
    for code, (count, first) in sorted(log.read.oddities.found.items()):
        found(code, f"{count} times, first in line {first}")
    kinds = log.read.columns.kinds  # a stretch has as many of the one as of the other
    if log.runner == "eembc" and kinds.count(_DONE) > kinds.count(_RESULTS):
        lost = [
            inference
            for inference in log.inferences
            if inference.done_s is not None and not inference.results_seen
        ]
        if lost:
            found(
                "log.results-lost",
                f"{len(lost)} of {len(log.inferences)}, first after line {lost[0].line}",
            )
