"""The inferences of a runner's log: what was asked, what the DUT said, what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from energy.runs.log_event import Event
from energy.runs.log_lines import Kind

KINDS_OF_INFERENCES: tuple[Kind, ...] = (
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


@dataclass(slots=True)
class Inference:
    """One ``infer`` of a log. Times are seconds of the host's clock, None where nothing was said.

    Attributes:
        number: From 1.
        line: Line of the command.
        file: Name of the input's file, or None.
        offset: Byte offset into it (EEMBC) or number of the segment (MLCommons), or None.
        asked: Inferences that the host asked for, or None where there is no command.
        asked_warmups: Warm-ups asked for.
        iterations: Inferences that the DUT says it makes (EEMBC: ``m-infer-start-N``).
        warmups: Warm-ups that it says it makes.
        command_s: When it was asked; with the MLCommons runner, by its last stamp (whole seconds).
        warmup_start_s: When the DUT said that it warms up.
        start_s: When it said ``m-infer-start``.
        done_s: When it said ``m-infer-done``.
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


def group_inferences(events: Iterable[Event]) -> Iterator[Inference]:
    """The inferences of a log, in order, from its events of ``KINDS_OF_INFERENCES``.

    An inference begins with the host's command; where a log has none, with the DUT's ``m-warmup-start`` or
    ``m-infer-start``.
    """
    current: Inference | None = None
    file: str | None = None
    offset: int | None = None
    number = 0
    for event in events:
        kind = event.kind
        if kind == "load":
            file, offset = event.text, None
        elif kind == "segment":
            offset = int(event.text)
        if kind in ("load", "segment", "command", "power"):
            if current and (current.done_s is not None or kind == "load"):
                yield current
                current = None
            continue
        if current is None or _begins(current, event):
            if kind not in ("infer", "warmup-start", "infer-start"):
                continue
            if current:
                yield current
            number += 1
            current = Inference(number, event.line, file, offset)
        _take(current, event)
    if current:
        yield current


def _begins(current: Inference, event: Event) -> bool:
    if event.kind == "infer":
        return True
    if event.kind == "warmup-start":
        return current.warmup_start_s is not None
    return event.kind == "infer-start" and current.start_s is not None


def _take(one: Inference, event: Event) -> None:
    text, time_s = event.text, None if math.isnan(event.time_s) else event.time_s
    match event.kind:
        case "infer":
            one.asked, one.asked_warmups = _asked(text)
            one.command_s = time_s
        case "warmup-start":
            one.warmups, one.warmup_start_s = int(text), _or_zero(time_s)
        case "infer-start":
            one.iterations, one.start_s = int(text), _or_zero(time_s)
        case "infer-done":
            one.done_s = _or_zero(time_s)
        case "lap":
            if len(one.laps_us) < _MOST_LAPS:
                one.laps_us += (int(text),)
        case "results":
            one.results_seen, one.results = True, event.numbers
        case "runtime":
            one.runtime_s = _number(text)
        case "throughput":
            one.throughput = _number(text)
        case "captured":
            samples, _, edges = text.partition(" timestamps:")
            one.captured = int(samples), int(edges)
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
    """A time for something that was said before the first stamp: it was said, so it is not None."""
    return 0.0 if time_s is None else time_s


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
