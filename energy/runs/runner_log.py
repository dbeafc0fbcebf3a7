"""Log files of both runners: every message with its source and time, and the inferences.

Formats: mlperf-tiny.md 2 and protocols.md 2.1, read off the published rounds v0.5, v1.2 and v1.3. Every line
is looked at once; events are kept as columns, so that a log of a million lines stays small, and are made into
``LogEvent`` only when asked for. Bytes that no rule knows become events of the kind ``text``: no log is
refused.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from energy.findings import Finding
from energy.recording.limits import LONGEST_LINE, MOST_LINES
from energy.runs.inferences import KINDS_OF_INFERENCES, LoggedInference, group_inferences
from energy.runs.log_event import LogEvent
from energy.runs.log_lines import (
    KINDS,
    SOURCES,
    EventKind,
    Oddities,
    Part,
    classify_eembc,
    classify_mlcommons,
)
from energy.runs.plain_text import PlainText, plain, read_plain, stamp_seconds

_MOST_KNOWN, _LONGEST_KNOWN = 4096, 200
"""Number of different lines whose events are remembered at most, and their longest, in characters."""
_LINE = re.compile(r"^(?:([0-9]{4,7}\.[0-9]{3,6}) ([A-Za-z][\w-]{0,15}): ?)?(.*)$", re.MULTILINE | re.ASCII)
_EEMBC = re.compile(r"^[0-9]{5,7}\.[0-9]{3} [A-Za-z][\w-]{0,15}:", re.MULTILINE | re.ASCII)
_MLCOMMONS = re.compile(
    r"^(?:[0-9]{4}\.[0-9]{6} ulp-|Logging initialized\.|Running inference with |SerialDevice "
    r"|Device model retrieved: |Initializing SerialDevice|Playing \S+\.wav)",
    re.MULTILINE | re.ASCII,
)
_PERSONAL = re.compile(r"""(?:[A-Za-z]:\\+Users\\+|/home/|/Users/)[^\s\\/"']{1,80}""")
_RUN_YEAR = re.compile(r"sessions[\\/]+([0-9]{4})([0-9]{4})_([0-9]{6})")
_HEAD = 1 << 16
_DONE, _RESULTS = KINDS.index("infer-done"), KINDS.index("results")


@dataclass
class Columns:
    """Events as columns of the same length: see ``LogEvent``; spans are pairs of positions in the text."""

    kinds: array[int] = field(default_factory=lambda: array("b"))
    sources: array[int] = field(default_factory=lambda: array("b"))
    times: array[float] = field(default_factory=lambda: array("d"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    spans: array[int] = field(default_factory=lambda: array("q"))


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
    columns: Columns = field(default_factory=Columns, repr=False)
    _inferences: list[LoggedInference] | None = None

    def __len__(self) -> int:
        return len(self.columns.kinds)

    def __iter__(self) -> Iterator[LogEvent]:
        return map(self._event, range(len(self.columns.kinds)))

    def of(self, *kinds: EventKind) -> Iterator[LogEvent]:
        """The events of these kinds, in order."""
        wanted = {KINDS.index(kind) for kind in kinds}
        return (self._event(index) for index, kind in enumerate(self.columns.kinds) if kind in wanted)

    def first(self, kind: EventKind) -> LogEvent | None:
        """The first event of a kind, or None."""
        return next(self.of(kind), None)

    def texts(self, kind: EventKind) -> list[str]:
        """The texts of all events of a kind."""
        return [event.text for event in self.of(kind)]

    @property
    def inferences(self) -> list[LoggedInference]:
        """Every ``infer`` with its answer, in order."""
        if self._inferences is None:
            self._inferences = list(group_inferences(self.of(*KINDS_OF_INFERENCES)))
        return self._inferences

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

    def _event(self, index: int) -> LogEvent:
        rows = self.columns
        text = self.text[rows.spans[2 * index] : rows.spans[2 * index + 1]]
        kind, source = KINDS[rows.kinds[index]], SOURCES[rows.sources[index]]
        return LogEvent(kind, source, rows.times[index], rows.lines[index], text)


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
    head = text[:_HEAD]
    if _EEMBC.search(head):
        return "eembc"
    return "mlcommons" if _MLCOMMONS.search(head) else "unknown"


def _timeline(content: PlainText) -> RunnerLog:
    text = content.text
    log = RunnerLog(runner_of_log(text), content.shown, findings=list(content.findings), text=text)
    started = _RUN_YEAR.search(text[:_HEAD])
    log.year = int(started[1]) if started else None
    year = max(log.year or 2000, 1)
    classify = classify_mlcommons if log.runner == "mlcommons" else classify_eembc
    oddities: Oddities = {}
    known: dict[tuple[str, str, bool], list[Part]] = {}  # most lines repeat another
    columns = log.columns
    kinds, sources, times = columns.kinds.append, columns.sources.append, columns.times.append
    lines, spans = columns.lines.append, columns.spans.extend
    stamps: dict[str, float] = {}
    time_s, source, line = float("nan"), "", 0
    for line, found in enumerate(_LINE.finditer(text), start=1):
        stamp, said_by, message = found.groups()
        if stamp is not None:
            source = said_by
            if stamp not in stamps:
                stamps = {stamp: stamp_seconds(stamp, year)}  # one time for a run of lines
            time_s = stamps[stamp]
        if not message:
            if line >= MOST_LINES:
                break
            continue
        if len(message) > LONGEST_LINE:
            evidence = f"of line {line}, the first {LONGEST_LINE} characters are read"
            log.findings.append(Finding("log.too-long", evidence, path=content.shown))
            message = message[:LONGEST_LINE]
        at = found.start(3)
        key = (source, message, stamp is None)
        parts = known.get(key)
        if parts is None:
            odd = sum(times for times, _ in oddities.values())
            parts = classify(source, message, 0, stamp is not None, line, oddities)
            sound = odd == sum(times for times, _ in oddities.values())
            if sound and len(message) <= _LONGEST_KNOWN:  # an oddity is counted each time
                if len(known) == _MOST_KNOWN:
                    known.clear()
                known[key] = parts
        for kind, who, start, stop in parts:
            kinds(kind)
            sources(who)
            times(time_s)
            lines(line)
            spans((at + start, at + stop))
        if line >= MOST_LINES:
            break
    if line >= MOST_LINES:
        evidence = f"it is read up to line {MOST_LINES}"
        log.findings.append(Finding("log.too-long", evidence, path=content.shown))
    log.lines = line - 1 if text.endswith("\n") or not text else line
    _report(log, oddities)
    return log


def _report(log: RunnerLog, oddities: Oddities) -> None:
    def found(code: str, evidence: str) -> None:
        log.findings.append(Finding(code, evidence, path=log.shown))

    if personal := _PERSONAL.search(log.text):
        line = log.text.count("\n", 0, personal.start()) + 1
        found("log.personal-path", f"{personal[0]!r} in line {line}")
    for code, (count, first) in sorted(oddities.items()):
        found(code, f"{count} times, first in line {first}")
    kinds = log.columns.kinds
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
