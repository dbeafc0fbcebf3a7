"""The lines of a runner's log as events: kind, source, and the part of the line that matters.

Formats: mlperf-tiny.md 2 ("Log lines that trip parsers"), protocols.md 2.1 and 2.2, published logs. What a
DUT sends may be glued to other bytes (``infer 100000 1%m-warmup-start-1``,
``m-infer-donee SI[0.000,0.999]``), so its messages are looked for anywhere in its lines. A DUT's free text
is never an error, whatever its words; ``e-[..]`` is, but for the banner that some firmware sends that way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, get_args

EventKind = Literal[
    "session-start",
    "session-stop",
    "run-name",
    "version",
    "setting",
    "command",
    "load",
    "segment",
    "infer",
    "boot",
    "init-done",
    "ready",
    "profile",
    "model",
    "name",
    "warmup-start",
    "warmup-done",
    "infer-start",
    "infer-done",
    "results",
    "lap",
    "voltage",
    "monitor",
    "power",
    "timer",
    "trace",
    "passthrough",
    "error",
    "banner",
    "warning",
    "captured",
    "window",
    "iterations",
    "runtime",
    "throughput",
    "streaming",
    "printed",
    "reply",
    "text",
]
Speaker = Literal["session", "parser", "sequencer", "emon", "io", "dut", "runner", "unknown"]
KINDS: tuple[EventKind, ...] = get_args(EventKind)
SOURCES: tuple[Speaker, ...] = get_args(Speaker)

Part = tuple[int, int, int, int]
"""Index of the kind, index of the source, and where its text begins and ends in the file."""


@dataclass
class Oddities:
    """The oddities of a log.

    Attributes:
        total: How many were met.
        found: How often each was met and in which line first, by the code of its finding.
    """

    total: int = 0
    found: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def add(self, code: str, line: int, times: int = 1) -> None:
        """Notes an oddity."""
        before, first = self.found.get(code, (0, line))
        self.found[code] = (before + times, first)
        self.total += times


Classify = Callable[[str, str, int, bool, int, Oddities], list[Part]]
"""``classify_eembc`` or ``classify_mlcommons``."""

_K: dict[str, int] = {kind: index for index, kind in enumerate(KINDS)}
_S: dict[str, int] = {source: index for index, source in enumerate(SOURCES)}
_UNKNOWN = _S["unknown"]
_LONGEST_TALK = 1000
_BANNER = "ULPMark for tinyML Firmware"

# One group each, in the order of _DUT_KINDS. No [ inside [..]: a scan ends where the next one begins.
_DUT_MESSAGE = re.compile(
    r"m-(?:warmup-start-([0-9]{1,12})|(warmup-done)|infer-start-([1-9][0-9]{0,11})(?!\w)|(infer-done)"
    r"|results-\[([^\[\]\n]{0,100000})\]|lap-us-([0-9]{1,20})|profile-\[([^\[\]\n]{0,400})\]"
    r"|model-\[([^\[\]\n]{0,400})\]|name(?:-dut)?-\[([^\[\]\n]{0,400})\]|timestamp-mode-([a-z]+)|(init-done)|(ready)"
    r"|dut-passthrough\(([^()\n]{0,400})\))|(?<![A-Za-z0-9_-])e-\[([^\[\]\n]{0,1000})\]",
    re.ASCII,
)
_DUT_KINDS = (
    "warmup-start",
    "warmup-done",
    "infer-start",
    "infer-done",
    "results",
    "lap",
    "profile",
    "model",
    "name",
    "boot",
    "init-done",
    "ready",
    "passthrough",
    "error",
)
_DUT_INDEX = (0, *(_K[kind] for kind in _DUT_KINDS))
_ALARMING = re.compile(r"error|fail", re.IGNORECASE)

_COMMAND = re.compile(r'Command "(.*)"\s*$')
_LOAD = re.compile(r'bloadp? (?:\w+ )?"(?:[^"]*[\\/])?([^"\\/]*)"[ 0-9]*$')
_INFER = re.compile(r"(?:io )?(?:dut )?(infer [0-9]{1,12}(?: [0-9]{1,12})?)$", re.ASCII)
# Messages of the host's side: how each begins, its kind, and where the part is that matters.
_HOST_EEMBC: tuple[tuple[str, EventKind, str], ...] = (
    ("m-bm-cfg-", "setting", r"m-bm-cfg-name\[[^\]]*\]-(key\[.*)$"),
    ("m-version[", "version", r"m-version\[([^\]]*)\]"),
    ("m-bmark-run-name[", "run-name", r"m-bmark-run-name\[(.*)\]$"),
    ("m-session-start-id[", "session-start", r"m-session-start-id\[([^\]]*)\]"),
    ("m-session-stop-id[", "session-stop", r"m-session-stop-id\[([^\]]*)\]"),
    ("Starting at byte offset", "segment", r"Starting at byte offset ([0-9]{1,15})$"),
    ("e-[", "error", r"e-\[(.*)\]$"),
    ("m-voltage-mv[", "voltage", r"m-voltage-mv\[([0-9]{1,6})\]"),
    ("m-regfile-fn[", "monitor", r"m-regfile-fn\[[^\]\n]{0,400}\]-type\[emon\]-name\[([\w.-]{1,40})\]"),
    ("m-power[", "power", r"m-power\[(\w+)\]"),
    ("m-timer[", "timer", r"m-timer\[(\w+)\]"),
    ("m-trace[", "trace", r"m-trace\[(\w+)\]"),
    ("m-ready", "ready", r"m-(ready)$"),
)
_HOST_MLCOMMONS: tuple[tuple[str, EventKind, str], ...] = (
    ("Loading file ", "load", r"Loading file (.*?)(?: segment [0-9]+)?$"),
    ("Running inference with ", "infer", r"Running inference with ([0-9]{1,12}/[0-9]{1,12}) "),
    ("done", "infer-done", r"(done)$"),
    ("Performance results for window ", "window", r"Performance results for window ([0-9]{1,9})"),
    ("# Inferences", "iterations", r"# Inferences\s*:\s*([0-9]{1,12})$"),
    ("Runtime  ", "runtime", r"Runtime\s*:\s*(\S+) sec\.$"),
    ("Throughput  ", "throughput", r"Throughput\s*:\s*(\S+) inf\./sec\.$"),
    ("m-results", "results", r"m-results\s*:\s*\[([^\]]{0,100000})\]$"),
    ("Captured samples:", "captured", r"Captured samples:(\d{1,12} timestamps:\d{1,9})"),
    ("samples:", "captured", r"samples:(\d{1,12} timestamps:\d{1,9})"),
    ("Device name retrieved: ", "name", r"Device name retrieved: (.*)$"),
    ("Device profile retrieved: ", "profile", r"Device profile retrieved: (.*)$"),
    ("Device model retrieved: ", "model", r"Device model retrieved: (.*)$"),
    ("Logging initialized.", "session-start", r"Logging initialized\..*[\\/]([0-9_]+)[\\/]"),
    ("Session logged in file", "session-stop", r"Session logged in file .*[\\/]([0-9_]+)[\\/]"),
    ("WARNING: ", "warning", r"WARNING: (.*)$"),
    ("ERROR", "error", r"ERROR:? ?(.*)$"),
    ("Playing ", "streaming", r"(.*)$"),
    ("Duty cycle = ", "streaming", r"(.*)$"),
)
_SEGMENT = re.compile(r" segment ([0-9]{1,9})$", re.ASCII)
_Rule = tuple[str, int, re.Pattern[str]]


def _rules(table: tuple[tuple[str, EventKind, str], ...]) -> tuple[_Rule, ...]:
    return tuple((start, _K[kind], re.compile(rule, re.ASCII)) for start, kind, rule in table)


_EEMBC_RULES = _rules(_HOST_EEMBC)
_BY_LETTER: dict[str, tuple[_Rule, ...]] = {
    letter: tuple(rule for rule in _rules(_HOST_MLCOMMONS) if rule[0][0] == letter)
    for letter in {start[0] for start, _, _ in _HOST_MLCOMMONS}
}
_BOOKKEEPING = (
    "m-ready-finished",
    "m-mute",
    "m-unmute",
    "File size is",
    "Sending ",
    "Binary load",
    "m-bload",
)


def classify_eembc(
    source: str, message: str, at: int, stamped: bool, line: int, oddities: Oddities
) -> list[Part]:
    """The events of a line of an EEMBC log.

    Args:
        source: Whose line it is by its prefix; for a line without a prefix, by the last line that has one.
        message: The line without its prefix.
        at: Where it begins in the file.
        stamped: Whether it has a prefix.
        line: Its number.
        oddities: Where oddities are counted.

    Returns:
        Parts in the order of the line; none for the runner's own bookkeeping.
    """
    if source == "sequencer":
        return []
    if not stamped:
        oddities.add("log.continuation", line)
        return _dut(_S.get(source, _UNKNOWN), message, at, line, oddities)
    if source == "dut":
        return _dut(_S["dut"], message, at, line, oddities)
    if source == "io":
        return _io(message, at, line, oddities)
    who = _S.get(source, _UNKNOWN)
    if message.startswith(_BOOKKEEPING):
        return []
    if source == "parser" and (found := _COMMAND.match(message)):
        return [_command(found[1], at + found.start(1), who)]
    for start, kind, rule in _EEMBC_RULES:
        if message.startswith(start) and (found := rule.match(message)):
            return [(kind, who, at + found.start(1), at + found.end(1))]
    if source.startswith("ulp-"):
        return [(_K["printed"], _S["runner"], at, at + len(message))]
    return [(_K["text"], who, at, at + len(message))]


def classify_mlcommons(
    source: str, message: str, at: int, stamped: bool, line: int, oddities: Oddities
) -> list[Part]:
    """The events of a line of an MLCommons log; arguments and result as for ``classify_eembc``."""
    who = _S["runner"]
    inner = message.lstrip()
    at += len(message) - len(inner)
    if inner.startswith("RX:"):
        return _io(inner[3:], at + 3, line, oddities)
    for start, kind, rule in _BY_LETTER.get(inner[:1], ()):
        if inner.startswith(start) and (found := rule.match(inner)):
            if KINDS[kind] == "warning" and "undecodeable" in inner:
                oddities.add("log.undecodable", line)
            parts = [(kind, who, at + found.start(1), at + found.end(1))]
            if KINDS[kind] == "load" and (segment := _SEGMENT.search(inner)):
                parts.append((_K["segment"], who, at + segment.start(1), at + segment.end(1)))
            return parts
    if inner.endswith("%"):
        return [(_K["command"], who, at, at + len(inner) - 1)]
    kind = _K["printed"] if stamped or ":" in inner or " = " in inner or inner.startswith("[") else _K["text"]
    return [(kind, who, at, at + len(inner))]


def _command(command: str, at: int, who: int) -> Part:
    if found := _LOAD.match(command):
        return _K["load"], who, at + found.start(1), at + found.end(1)
    if found := _INFER.match(command):
        return _K["infer"], who, at + found.start(1) + len("infer "), at + found.end(1)
    return _K["command"], who, at, at + len(command)


def _io(message: str, at: int, line: int, oddities: Oddities) -> list[Part]:
    if message.startswith("[dut]:"):
        inner = message[6:].lstrip(" ")
        return _dut(_S["dut"], inner, at + len(message) - len(inner), line, oddities)
    return _dut(_S["io"], message, at, line, oddities)


@lru_cache(maxsize=256)
def _alarms(message: str) -> bool:
    """Whether a DUT's free text sounds like an error; some firmware repeats a line thousands of times."""
    return _ALARMING.search(message) is not None


def _dut(who: int, message: str, at: int, line: int, oddities: Oddities) -> list[Part]:
    """Messages of DUT or IO manager, wherever they are in a line."""
    if "m-" not in message and "e-[" not in message:
        if _alarms(message[:_LONGEST_TALK]):
            oddities.add("log.alarming-words", line)
        return [(_K["text"], who, at, at + len(message))]
    parts: list[Part] = []
    reached = 0
    for found in _DUT_MESSAGE.finditer(message):
        group = found.lastindex or 1
        if found.start() > reached:
            before = message[reached : found.start()]
            oddities.add("log.echo-glued" if before.endswith("%") else "log.glued", line)
            if not parts:
                parts.append((_K["text"], who, at + reached, at + found.start()))
        kind = _DUT_INDEX[group]
        if kind == _K["error"]:
            banner = found[group].startswith(_BANNER)
            kind = _K["banner"] if banner else kind
            oddities.add("log.banner" if banner else "log.dut-error", line)
        parts.append((kind, who, at + found.start(group), at + found.end(group)))
        reached = found.end()
    if not parts:
        if message.startswith("e-["):
            oddities.add("log.dut-error", line)
            return [(_K["error"], who, at + len("e-["), at + len(message))]
        return [(_K["reply" if message.startswith("m-") else "text"], who, at, at + len(message))]
    if message[reached:].strip():
        oddities.add("log.glued", line)
    return parts
