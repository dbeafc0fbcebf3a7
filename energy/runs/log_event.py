"""An event of a runner's log, and the numbers in it."""

from __future__ import annotations

from dataclasses import dataclass

from energy.runs.log_lines import EventKind, Speaker


@dataclass(frozen=True, slots=True)
class LogEvent:
    """An event of a log.

    Attributes:
        kind: What it is.
        source: Whose message it is.
        time_s: Seconds of the host's clock by the last stamp at or before it; NaN before the first stamp.
        line: Its line's number, from 1.
        text: What matters of it: ``"100"`` of ``m-infer-start-100``, else the whole message.
    """

    kind: EventKind
    source: Speaker
    time_s: float
    line: int
    text: str

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The numbers of a list such as ``0.1,0.9``, or None if it is none."""
        return numbers_of(self.text)


def numbers_of(text: str) -> tuple[float, ...] | None:
    """The numbers of a list such as ``0.1,0.9``, ``[0.1, 0.9]`` or ``0.1,``; None if it is none."""
    try:
        return tuple(map(float, text.strip("[] ").rstrip(", ").split(",")))
    except ValueError:
        return None
