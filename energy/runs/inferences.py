"""The inferences of a runner's log: what was asked, what the DUT answered, and the result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from energy.runs.log_event import LogEvent
from energy.runs.log_lines import EventKind

KINDS_OF_INFERENCES: tuple[EventKind, ...] = (
    "load",
    "segment",
    "infer",
    "warmup-start",
    "warmup-done",
    "infer-start",
    "infer-done",
    "lap",
    "results",
    "runtime",
    "throughput",
    "captured",
    "command",
    "power",
)
_MOST_LAPS = 16
_BEGINS: tuple[EventKind, ...] = ("infer", "warmup-start", "infer-start")
_FOLLOWS: tuple[EventKind, ...] = ("lap", "infer-done", "results", "runtime", "throughput", "captured")
"""Events of an inference only: after a load they show one whose command was garbled in the log."""


@dataclass(slots=True)
class LoggedInference:
    """One ``infer`` of a log. Times are seconds of the host's clock, None where the log has no message.

    Attributes:
        number: From 1.
        line: Line of the command.
        file: Name of the input's file, or None.
        offset: Byte offset into it (EEMBC) or number of the segment (MLCommons), or None.
        asked: Inferences that the host asked for, or None where there is no command.
        asked_warmups: Warm-ups asked for.
        iterations: Inferences that the DUT announces (EEMBC: ``m-infer-start-N``).
        warmups: Warm-ups that it announces.
        command_s: When it was asked; with the MLCommons runner, by its last stamp (whole seconds).
        warmup_start_s: When the DUT sent ``m-warmup-start``.
        start_s: When it sent ``m-infer-start``.
        done_s: When it sent ``m-infer-done``.
        laps_us: ``m-lap-us`` of DUT or IO manager: the edges of the window, where they were seen.
        results_seen: Whether results came.
        results: Them, or None if they are lost or no numbers.
        runtime_s: Printed beside it (MLCommons).
        throughput: Printed beside it (MLCommons).
        captured: Number of samples and of timestamps captured (MLCommons energy runs).
    """

    number: int
    line: int
    file: str | None = None
    offset: int | None = None
    asked: int | None = None
    asked_warmups: int | None = None
    iterations: int | None = None
    warmups: int | None = None
    command_s: float | None = None
    warmup_start_s: float | None = None
    start_s: float | None = None
    done_s: float | None = None
    laps_us: tuple[int, ...] = ()
    results_seen: bool = False
    results: tuple[float, ...] | None = None
    runtime_s: float | None = None
    throughput: float | None = None
    captured: tuple[int, int] | None = None


def group_inferences(events: Iterable[LogEvent]) -> Iterator[LoggedInference]:
    """The inferences of a log, in order, from its events of ``KINDS_OF_INFERENCES``.

    An inference begins with the host's command; where a log has none, with the DUT's ``m-warmup-start`` or
    ``m-infer-start``; where these lines are damaged, with the first event that only an inference has after
    its input was loaded.
    """
    current: LoggedInference | None = None
    file: str | None = None
    offset: int | None = None
    number = 0
    loaded = False
    for event in events:
        kind = event.kind
        if kind == "load":
            file, offset, loaded = event.text, None, True
        elif kind == "segment":
            offset = int(event.text)
        if kind in ("load", "segment", "command", "power"):
            if current and (current.done_s is not None or kind == "load"):
                yield current
                current = None
            continue
        if current is None or _begins(current, event):
            if kind not in _BEGINS and not (loaded and kind in _FOLLOWS):
                continue
            if current:
                yield current
            number, loaded = number + 1, False
            current = LoggedInference(number, event.line, file, offset)
        _take(current, event)
    if current:
        yield current


def _begins(current: LoggedInference, event: LogEvent) -> bool:
    if event.kind == "infer":
        return True
    if event.kind == "warmup-start":
        return current.warmup_start_s is not None
    return event.kind == "infer-start" and current.start_s is not None


def _take(inference: LoggedInference, event: LogEvent) -> None:
    text, time_s = event.text, None if math.isnan(event.time_s) else event.time_s
    match event.kind:
        case "infer":
            inference.asked, inference.asked_warmups = _asked(text)
            inference.command_s = time_s
        case "warmup-start":
            inference.warmups, inference.warmup_start_s = int(text), _or_zero(time_s)
        case "infer-start":
            inference.iterations, inference.start_s = int(text), _or_zero(time_s)
        case "infer-done":
            inference.done_s = _or_zero(time_s)
        case "lap":
            if len(inference.laps_us) < _MOST_LAPS:
                inference.laps_us += (int(text),)
        case "results":
            inference.results_seen, inference.results = True, event.numbers
        case "runtime":
            inference.runtime_s = _number(text)
        case "throughput":
            inference.throughput = _number(text)
        case "captured":
            samples, _, edges = text.partition(" timestamps:")
            inference.captured = int(samples), int(edges)
        case _:
            pass


def _asked(text: str) -> tuple[int, int | None]:
    """``"10 1"`` of ``infer 10 1`` is 10 after 1 warm-up; so is ``"1/10"`` of the MLCommons runner's line."""
    if "/" in text:
        warmups, _, asked = text.partition("/")
        return int(asked), int(warmups)
    asked, _, warmups = text.partition(" ")
    return int(asked), int(warmups) if warmups else None


def _or_zero(time_s: float | None) -> float:
    """The time of a message; 0 for a message before the first stamp: it came, so its time is not None."""
    return 0.0 if time_s is None else time_s


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
