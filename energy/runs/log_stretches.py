"""Regular stretches of a runner's log: whole inferences, and lines that repeat, each recognized at once.

Most of a long log is the same lines again for each input. A pattern here matches such an inference from its
load to its answer, or nothing: every line of a match is one that the rules of ``log_lines`` read in the same
way and without an oddity, so that only the numbers in it are left to take. Whatever differs, if only by a
byte, is read line by line.

Formats: mlperf-tiny.md 2; the order of the lines is that of the published logs.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from energy.runs.inferences import Grouping, LoggedInference, asked_in, number_in, or_zero
from energy.runs.log_lines import EventKind
from energy.runs.plain_text import stamp_seconds

IN_STRETCHES: frozenset[EventKind] = frozenset(
    (
        "load",
        "segment",
        "infer",
        "warmup-start",
        "warmup-done",
        "infer-start",
        "lap",
        "infer-done",
        "window",
        "iterations",
        "runtime",
        "throughput",
        "results",
        "ready",
        "printed",
        "text",
    )
)
"""Kinds of the events in stretches; events of all other kinds are found line by line."""


def _pattern(lines: str, stamp: str, skipped: str = "") -> str:
    """Lines in which ``<t>`` stands for a stamp, and ``<skip>`` for a line without an event."""
    return lines.replace("<skip>", skipped).replace("<t>", stamp)


_EEMBC = re.compile(
    _pattern(
        r'<t> parser: Command "bload dut "(?:[^"\n]{0,400}[\\/])?(?P<file>[^"\\/\n]{0,200})""\n'
        r"<skip>{0,40}<t> parser: Starting at byte offset (?P<offset>[0-9]{1,15})\n"
        r'<skip>{0,40}(?P<asked_at><t>) parser: Command "(?P<asked>dut infer [0-9]{1,12} [0-9]{1,12})"\n'
        r"(?P<began><t>) parser: m-ready-finished[^\n]{0,1000}+\n"
        r"(?:(?P<warmup_at><t>) dut: m-warmup-start-(?P<warmups>[0-9]{1,12})\n"
        r"<t> dut: m-warmup-done\n"
        r"(?P<start_at><t>) dut: m-infer-start-(?P<iterations>[1-9][0-9]{0,11})\n"
        r"<t> dut: m-lap-us-(?P<start_us>[0-9]{1,20})\n"
        r"<t> dut: m-lap-us-(?P<stop_us>[0-9]{1,20})\n"
        r"(?P<done_at><t>) dut: m-infer-done\n"
        r"<t> dut: m-results-\[(?P<answer>[0-9., -]{1,4000})\]\n"
        r"(?:<t> dut: (?:Softmax|Activations): [][0-9, -]{1,1000}+\n){0,9}"
        r"(?P<ready_at><t>) dut: m-ready\n"
        r"(?:(?P<last_at><t>) sequencer: [^\n]{0,1000}+\n)?)?",
        "[0-9]{5}[.][0-9]{3}",
        "(?:<t> (?:parser: (?:File size is|Sending |m-mute|m-unmute|Binary load|m-bload|m-ready-finished)"
        r"|sequencer: )[^\n]{0,1000}+\n)",
    ),
    re.ASCII,
)
"""The answer of the DUT may be another one: then it is read line by line."""
_MLCOMMONS_LINES = _pattern(
    r"<t> ulp-mlperf: Loading file (?P<file>[!-.0-\[\]-~]{1,200}) segment (?P<offset>[0-9]{1,9})\n"
    r"(?P<asked_at><t>) ulp-mlperf: Load complete[.]\n"
    r"Running inference with (?P<asked>[0-9]{1,12}/[0-9]{1,12}) \(warmup/measured\) iterations [.]{3}\n"
    r"done\n"
    r"<t> ulp-mlperf: Performance results for window [0-9]{1,9}:\n"
    r"<t> ulp-mlperf:   # Inferences : {0,30}[0-9]{1,12}\n"
    r"<t> ulp-mlperf:   Runtime      : {0,30}(?P<runtime_s>[0-9.]{1,20}) sec[.]\n"
    r"<t> ulp-mlperf:   Throughput   : {0,30}(?P<throughput>[0-9.]{1,20}) inf[.]/sec[.]\n"
    r"(?P<last_at><t>) ulp-mlperf:   m-results    : \[(?P<answer>[0-9., e+-]{1,4000})\]\n",
    "[0-9]{4}[.][0-9]{6}",
)
_MANY = 4096
_MLCOMMONS, _MANY_MLCOMMONS = (
    re.compile(f"(?:{_MLCOMMONS_LINES}){{1,{most}}}", re.ASCII) for most in (1, _MANY)
)
_LINES_MLCOMMONS, _ASKED_MLCOMMONS = 9, 2
BEGINS = ('Command "bload dut ', "Loading file ")
"""How the message of the first line of a whole inference begins."""
_REPEATED = re.compile(r"((?:(?![0-9])[^\n]{1,200}\n){1,4}?)\1{15}")
"""Lines without a stamp, up to four together, that come sixteen times in a row at least."""
_STEP = 64


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of whole inferences.

    Attributes:
        stop: Where the text goes on after it.
        lines: How many lines it has.
        source: Whose line the last one is.
        stamp: The last stamp.
        event_stamp: The stamp of the last event.
    """

    stop: int
    lines: int
    source: str
    stamp: str
    event_stamp: str


def inferences_at(
    text: str, at: int, line: int, most_lines: int, year: int | None, grouping: Grouping
) -> Stretch | None:
    """Takes whole inferences that follow each other into a grouping.

    Args:
        text: The log.
        at: Where a line begins.
        line: Its number.
        most_lines: How many lines may be taken.
        year: Year of an MLCommons log; None for an EEMBC log.
        grouping: What they are taken into.

    Returns:
        The stretch; None if there is no whole inference at that place.
    """
    if year is not None:
        return _mlcommons_at(text, at, line, most_lines, year, grouping)
    found, stop, taken = None, at, 0
    while match := _EEMBC.match(text, stop):
        lines = text.count("\n", stop, match.end())
        if taken + lines > most_lines:
            break
        asked = line + taken + text.count("\n", stop, match.start("asked"))
        make = partial(_eembc, match.groups(), asked)
        grouping.whole(1, make, match["file"], int(match["offset"]))
        found, stop, taken = match, match.end(), taken + lines
    if found is None:
        return None
    if found["ready_at"] is None:
        return Stretch(stop, taken, "parser", found["began"], found["asked_at"])
    source = "sequencer" if found["last_at"] else "dut"
    return Stretch(stop, taken, source, found["last_at"] or found["ready_at"], found["ready_at"])


def _mlcommons_at(
    text: str, at: int, line: int, most_lines: int, year: int, grouping: Grouping
) -> Stretch | None:
    if most_lines < _LINES_MLCOMMONS:
        return None
    pattern = _MANY_MLCOMMONS if most_lines >= _MANY * _LINES_MLCOMMONS else _MLCOMMONS
    found = pattern.match(text, at)
    if found is None:
        return None
    lines = text.count("\n", at, found.end())
    make = partial(_mlcommons, text, at, found.end(), line, year)
    grouping.whole(lines // _LINES_MLCOMMONS, make, found["file"], int(found["offset"]))
    return Stretch(found.end(), lines, "ulp-mlperf", found["last_at"], found["last_at"])


def _eembc(groups: tuple[str | Any, ...], line: int, number: int) -> list[LoggedInference]:
    file, offset, asked_at, asked, _, warmup_at, warmups, start_at, iterations, *rest = groups
    start_us, stop_us, done_at, answer, *_ = rest
    count, warm = asked_in(asked.removeprefix("dut infer "))
    inference = LoggedInference(number, line, file, int(offset), count, warm, command_s=float(asked_at))
    if done_at is not None:
        inference.iterations, inference.warmups = int(iterations), int(warmups)
        inference.warmup_start_s, inference.start_s = float(warmup_at), float(start_at)
        inference.done_s, inference.laps_us = float(done_at), (int(start_us), int(stop_us))
        inference.answer = answer
    return [inference]


def _mlcommons(text: str, at: int, stop: int, line: int, year: int, first: int) -> list[LoggedInference]:
    made: list[LoggedInference] = []
    for number, found in enumerate(_MLCOMMONS.finditer(text, at, stop)):
        file, offset, asked_at, asked, runtime, throughput, _, answer = found.groups()
        count, warm = asked_in(asked)
        time_s = stamp_seconds(asked_at, year)
        known = None if math.isnan(time_s) else time_s
        inference = LoggedInference(
            first + number,
            line + number * _LINES_MLCOMMONS + _ASKED_MLCOMMONS,
            file,
            int(offset),
            count,
            warm,
            command_s=known,
            done_s=or_zero(known),
            answer=answer,
            runtime_s=number_in(runtime),
            throughput=number_in(throughput),
        )
        made.append(inference)
    return made


def repeated_at(text: str, at: int) -> list[str] | None:
    """Lines without a stamp that come at least sixteen times in a row; None if there are none at a place."""
    found = _REPEATED.match(text, at)
    return None if found is None else found[1][:-1].split("\n")


def times_at(text: str, at: int, lines: list[str]) -> int:
    """How often lines come in a row from a place on."""
    unit = "\n".join([*lines, ""])
    stop = at
    for step in (unit * _STEP, unit):
        while text.startswith(step, stop):
            stop += len(step)
    return (stop - at) // len(unit)
