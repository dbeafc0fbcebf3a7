"""Which samples a recording keeps, and how many bytes it may take on the disk."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from energy.errors import RecordingError, UsageError
from energy.signal import Signal

MARGIN_S = 1.25
"""Kept around a window, before and after it: the checks look at a second after it, and an edge of another
clock may still be moved by 0.1 s."""
LEVEL_HZ = 100.0
"""Rows of ``levels.arrow`` a second."""
FILE_BYTES = 256 << 20
"""Of a file of samples that wait until it is known which of them are kept."""
_RESERVE = 16 << 20
"""Of a budget: for the documents, and what comes while the supply is switched off."""


class Keep(StrEnum):
    """Which samples a recording keeps."""

    FULL = "full"
    """All of them."""
    WINDOWS = "windows"
    """Those in the windows and around them; of all others, levels."""
    LEVELS = "levels"
    """None; of all of them, levels."""


@dataclass(frozen=True)
class Storage:
    """How a recording is stored.

    Attributes:
        keep: Which samples are kept.
        budget: Bytes that its files may take together; None: as many as the disk has.
        rolling: Whether samples are given up while it is recorded; else once it is finished.
        seconds: How long the session lasts at least; None if nobody knows.
        file_bytes: Bytes of a file of samples that wait for that.
    """

    keep: Keep = Keep.FULL
    budget: int | None = None
    rolling: bool = False
    seconds: float | None = None
    file_bytes: int = FILE_BYTES

    @property
    def limit(self) -> int | None:
        """Bytes of all files at which the recording ends."""
        return None if self.budget is None else self.budget - min(_RESERVE, self.budget // 10)

    @property
    def rotates(self) -> bool:
        """Whether samples wait in files until it is known which of them are kept."""
        return self.rolling and self.keep is not Keep.FULL

    @property
    def waiting_bytes(self) -> int:
        """Bytes of a file of waiting samples: a budget holds several."""
        return (
            self.file_bytes if self.budget is None else max(min(self.file_bytes, self.budget // 8), 1 << 16)
        )


EVERYTHING = Storage()


def margin(signal: Signal, at_least: int) -> int:
    """Samples that are kept before a window and after it.

    Args:
        signal: What the samples mean.
        at_least: Samples that sums of energy need beside an edge.
    """
    return max(round(MARGIN_S * signal.rate_hz), at_least)


def bytes_per_second(signal: Signal) -> float:
    """Bytes that all samples of a second take."""
    width = 8 if signal.dtype == "float64" else 4
    return signal.rate_hz * width * len(signal.columns)


def refuse_budget(storage: Storage, signal: Signal) -> None:
    """Refuses a session that cannot stay within its budget.

    Args:
        storage: How it is stored.
        signal: What the samples mean.

    Raises:
        UsageError: ``disk.budget``.
    """
    seconds = storage.seconds
    if storage.limit is None or seconds is None or storage.rotates:
        return
    needed = bytes_per_second(signal) * seconds
    if needed <= storage.limit:
        return
    raise UsageError(
        "disk.budget",
        f"{seconds:g} s at {signal.rate_hz:g} samples/s take {in_gb(needed)}, the disk budget is "
        f"{in_gb(storage.budget or 0)}",
        "Record for a shorter time or at a lower rate, keep less (--keep windows or levels, with a monitor "
        "that sees the edges itself), or give a larger --disk-budget.",
    )


def over_budget(storage: Storage, size: int) -> RecordingError:
    """The error that ends a recording that has reached its budget."""
    return RecordingError(
        "disk.budget-reached",
        f"the recording's files take {in_gb(size)} of the disk budget of {in_gb(storage.budget or 0)}",
        "What was recorded is in the folder and can be read. Give a larger --disk-budget, or keep less.",
    )


def in_gb(size: float) -> str:
    """A number of bytes for a person."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size / 1e3:.3g} kB"


class Ranges:
    """Ranges of positions, joined where they touch."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._stops: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._firsts, self._stops, strict=True)))

    def add(self, first: int, stop: int) -> None:
        """Adds ``[first, stop)``."""
        if stop <= first:
            return
        low = bisect_left(self._stops, first)
        high = low
        while high < len(self._firsts) and self._firsts[high] <= stop:
            first, stop = min(first, self._firsts[high]), max(stop, self._stops[high])
            high += 1
        self._firsts[low:high] = [first]
        self._stops[low:high] = [stop]

    def within(self, first: int, stop: int) -> list[tuple[int, int]]:
        """The parts of ``[first, stop)`` that they cover, in order."""
        at = bisect_left(self._stops, first + 1)
        parts: list[tuple[int, int]] = []
        while at < len(self._firsts) and self._firsts[at] < stop:
            parts.append((max(first, self._firsts[at]), min(stop, self._stops[at])))
            at += 1
        return parts

    def forget(self, before: int) -> None:
        """Leaves out the ranges that end at or before a position."""
        at = bisect_left(self._stops, before + 1)
        del self._firsts[:at], self._stops[:at]
