"""The streams of a Joulescope twin: times of their messages, and losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Spans = list[tuple[int, int]]
"""Pairs of first and stop, of runs of ticks or elements."""

_ODD = (-3, 5, -1, 7, 2)


@dataclass
class Channel:
    """A stream of messages.

    Attributes:
        control: Topic that switches it.
        topic: Topic of its messages.
        field_id: Number of the field in the driver.
        index: Number of the input, where there are several.
        factor: Ticks per element.
        chunk: Elements per message.
        begin: The first element is a multiple of this.
        late_ns: Delay of a message after its last element.
        render: Makes the data of elements.
        drops: Ranges of ticks that are lost.
        next: First element that has not been sent.
        life: A number that changes when it is switched.
    """

    control: str
    topic: str
    field_id: int
    index: int
    factor: int
    chunk: int
    begin: int
    late_ns: int
    render: Callable[[int, int], npt.NDArray[Any]]
    drops: Spans
    odd: bool = False
    on: bool = False
    next: int = 0
    count: int = 0
    life: int = 0

    def size(self) -> int:
        """Number of elements in the next message."""
        return self.chunk + (_ODD[self.count % len(_ODD)] if self.odd else 0)

    def kept(self, first: int, stop: int, lost: Spans) -> Spans:
        """The part of the elements ``[first, stop)`` that remains when these ticks are lost."""
        bounds = [first]
        for low, high in lost:
            bounds += [min(max(-(-tick // self.factor), first), stop) for tick in (low, high)]
        bounds.append(stop)
        return [(low, high) for low, high in list(pairwise(bounds))[::2] if high > low]

    def lost(self, first: int, stop: int, lost: Spans) -> int:
        """Number of the elements ``[first, stop)`` that are lost."""
        return stop - first - sum(high - low for low, high in self.kept(first, stop, lost))


def merged(spans: Spans) -> Spans:
    """The same ticks, sorted and without overlap."""
    result: Spans = []
    for low, high in sorted(spans):
        if result and low <= result[-1][1]:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return result


def joined(pieces: list[npt.NDArray[Any]], spans: Spans, *, packed: bool) -> npt.NDArray[Any]:
    """Data of a message, joined from the remaining parts."""
    if len(pieces) == 1:
        return pieces[0]
    if packed:
        pieces = [
            np.unpackbits(bits, count=high - low, bitorder="little")
            for bits, (low, high) in zip(pieces, spans, strict=True)
        ]
        return np.packbits(np.concatenate(pieces), bitorder="little")
    return np.concatenate(pieces)
