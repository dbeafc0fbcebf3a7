"""The inferences of a runner's log: what was asked, what the DUT answered, and the result."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

from energy.runs.log_event import numbers_of
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
_BETWEEN: tuple[EventKind, ...] = ("segment", "command", "power")
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
        answer: The results as they are in the log, or None if they are lost.
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
    answer: str | None = None
    runtime_s: float | None = None
    throughput: float | None = None
    captured: tuple[int, int] | None = None

    @property
    def results_seen(self) -> bool:
        """Whether results came."""
        return self.answer is not None

    @property
    def results(self) -> tuple[float, ...] | None:
        """The results, or None if they are lost or no numbers."""
        return None if self.answer is None else numbers_of(self.answer)


class Later:
    """Inferences that follow each other, made when one of them is asked for.

    Args:
        first: Number of the first of them, less one.
        make: Makes all of them, with their numbers from the given one on.
    """

    def __init__(self, first: int, make: Callable[[int], list[LoggedInference]]) -> None:
        self._first, self._make = first, make

    def make(self, entries: list[LoggedInference | Later]) -> None:
        """Puts them into their places among all inferences."""
        made = self._make(self._first + 1)
        entries[self._first : self._first + len(made)] = made


class Inferences(Sequence[LoggedInference]):
    """The inferences of a log, in order; those of regular stretches are made when they are asked for.

    Args:
        entries: Inferences, or for each that is not made yet what makes it.
    """

    def __init__(self, entries: list[LoggedInference | Later]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> LoggedInference: ...
    @overload
    def __getitem__(self, index: slice) -> list[LoggedInference]: ...
    def __getitem__(self, index: int | slice) -> LoggedInference | list[LoggedInference]:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        entry = self._entries[index]
        while isinstance(entry, Later):
            entry.make(self._entries)
            entry = self._entries[index]
        return entry


class Grouping:
    """Groups the events of a log into inferences, as they come.

    An inference begins with the host's command; where a log has none, with the DUT's ``m-warmup-start`` or
    ``m-infer-start``; where these lines are damaged, with the first event that only an inference has after
    its input was loaded.
    """

    def __init__(self) -> None:
        self._entries: list[LoggedInference | Later] = []
        self._open = False
        self._file: str | None = None
        self._offset: int | None = None
        self._loaded = False

    @property
    def inferences(self) -> Inferences:
        """All inferences so far."""
        return Inferences(self._entries)

    def take(self, kind: EventKind, line: int, time_s: float, text: str) -> None:
        """Takes in the next event of a kind in ``KINDS_OF_INFERENCES``: see ``LogEvent``."""
        if kind == "load":
            self._file, self._offset, self._loaded, self._open = text, None, True, False
            return
        if kind == "segment":
            self._offset = int(text)
        current = self.inferences[-1] if self._open else None
        if kind in _BETWEEN:
            self._open = current is not None and current.done_s is None
            return
        if current is None or _begins(current, kind):
            if kind not in _BEGINS and not (self._loaded and kind in _FOLLOWS):
                return
            self._loaded, self._open = False, True
            current = LoggedInference(len(self._entries) + 1, line, self._file, self._offset)
            self._entries.append(current)
        _take(current, kind, text, None if math.isnan(time_s) else time_s)

    def whole(self, count: int, make: Callable[[int], list[LoggedInference]], file: str, offset: int) -> None:
        """Takes in whole inferences that follow each other, each from its load to its answer.

        Args:
            count: How many they are.
            make: Makes them, once they are asked for, with their numbers from the given one on.
            file: File of the last of them.
            offset: Its offset.
        """
        self._file, self._offset, self._loaded, self._open = file, offset, False, True
        self._entries += [Later(len(self._entries), make)] * count


def _begins(current: LoggedInference, kind: EventKind) -> bool:
    if kind == "infer":
        return True
    if kind == "warmup-start":
        return current.warmup_start_s is not None
    return kind == "infer-start" and current.start_s is not None


def _take(inference: LoggedInference, kind: EventKind, text: str, time_s: float | None) -> None:
    match kind:
        case "infer":
            inference.asked, inference.asked_warmups = asked_in(text)
            inference.command_s = time_s
        case "warmup-start":
            inference.warmups, inference.warmup_start_s = int(text), or_zero(time_s)
        case "infer-start":
            inference.iterations, inference.start_s = int(text), or_zero(time_s)
        case "infer-done":
            inference.done_s = or_zero(time_s)
        case "lap":
            if len(inference.laps_us) < _MOST_LAPS:
                inference.laps_us += (int(text),)
        case "results":
            inference.answer = text
        case "runtime":
            inference.runtime_s = number_in(text)
        case "throughput":
            inference.throughput = number_in(text)
        case "captured":
            samples, _, edges = text.partition(" timestamps:")
            inference.captured = int(samples), int(edges)
        case _:
            pass


def asked_in(text: str) -> tuple[int, int | None]:
    """``"10 1"`` of ``infer 10 1`` is 10 after 1 warm-up; so is ``"1/10"`` of the MLCommons runner's line."""
    if "/" in text:
        warmups, _, asked = text.partition("/")
        return int(asked), int(warmups)
    asked, _, warmups = text.partition(" ")
    return int(asked), int(warmups) if warmups else None


def or_zero(time_s: float | None) -> float:
    """The time of a message; 0 for a message before the first stamp: it came, so its time is not None."""
    return 0.0 if time_s is None else time_s


def number_in(text: str) -> float | None:
    """The number that a text is, or None."""
    try:
        return float(text)
    except ValueError:
        return None
