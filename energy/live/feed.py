"""Hands what a session measures over to its view, and never lets the session wait.

``Feed`` is the session's observer: in the session's thread it makes buckets of the samples, twenty times
a second at most, and puts them where the view's thread finds them. A view that does not come for half a
minute loses the oldest buckets, which are counted; the recording is not concerned.
"""

from __future__ import annotations

import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec

from energy.findings import Finding
from energy.live.buckets import Buckets, reduced
from energy.session.observer import Beginning, Observer
from energy.signal import Block, Edge, Gap, Signal
from energy.window.figures import WindowFigures

_EACH_S = 0.05
"""Shortest real time between two reductions."""
_MOST_SAMPLES = 1 << 21
"""As many samples are reduced at once at most, so that the blocks that wait take little memory."""
_KEPT = 600
"""Reductions that wait for the view at most: half a minute."""
_KEPT_MARKS = 20_000
_LOG = logging.getLogger("joulebench.live")


@dataclass(frozen=True, slots=True)
class Reduction:
    """What came since the last reduction.

    Attributes:
        number: Its number, from 0: where numbers are missing, the view was too slow.
        buckets: The samples.
        stop: Position after the last sample.
        energy_j: Energy of the session so far.
        samples: Samples of the session so far.
        missing: Samples of the session so far that are no numbers.
    """

    number: int
    buckets: Buckets
    stop: int
    energy_j: float
    samples: int
    missing: int


@dataclass(slots=True)
class Watched:
    """A session as its view gets it. The session's thread fills it, the view's thread takes from it.

    Every attribute is replaced or appended to in one step, so neither thread waits for the other.

    Attributes:
        beginning: The session.
        signal: What its samples mean; None before the monitor is set up.
        state: Its state.
        doing: What it does at present.
        findings: Its findings so far.
        windows: Its windows so far.
        settled: Whether the windows are the final ones.
        notes: Remarks.
        error: Code, message and hint of the error that ended it.
        gaps: Where samples were lost.
        edges: Positions of edges that the view has not taken.
        reductions: Samples that the view has not taken.
    """

    beginning: Beginning
    signal: Signal | None = None
    state: str = "started"
    doing: str = ""
    findings: tuple[Finding, ...] = ()
    windows: list[WindowFigures] = field(default_factory=list[WindowFigures])
    settled: bool = False
    notes: list[str] = field(default_factory=list[str])
    error: tuple[str, str, str] | None = None
    gaps: deque[Gap] = field(default_factory=lambda: deque[Gap](maxlen=_KEPT_MARKS))
    edges: deque[float] = field(default_factory=lambda: deque[float](maxlen=_KEPT_MARKS))
    reductions: deque[Reduction] = field(default_factory=lambda: deque[Reduction](maxlen=_KEPT))


P = ParamSpec("P")


def _guarded(method: Callable[P, None]) -> Callable[P, None]:
    """A defect of the view ends the view, with a record of why, and not the session."""

    @functools.wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        feed = args[0]
        assert isinstance(feed, Feed)
        if feed.defect is not None:
            return
        try:
            method(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the recording goes on; it is reported at the end
            feed.broke(error)

    return guarded


class Feed(Observer):
    """The observer that a view reads from.

    Attributes:
        sessions: The sessions so far, the running one last. The view may read it at any time.
        progress: The part of the whole that is done, 0 to 1.
        over: Whether no session will follow.
        defect: The exception that ended the view, if there was one.
    """

    def __init__(self) -> None:
        self.sessions: list[Watched] = []
        self.progress = 0.0
        self.over = False
        self.defect: Exception | None = None
        self._waiting: list[Block] = []
        self._count = self._number = 0
        self._next_s = 0.0
        self._energy_j, self._samples, self._missing = 0.0, 0, 0

    def broke(self, error: Exception) -> None:
        """Notes the defect that ends the view; its traceback goes into the log."""
        _LOG.info("the live view has ended by a defect", exc_info=error)
        self.defect = error

    @_guarded
    def begun(self, beginning: Beginning) -> None:
        """A session has begun."""
        self._flush()
        self._energy_j, self._samples, self._missing, self._number = 0.0, 0, 0, 0
        self.sessions.append(Watched(beginning))

    @_guarded
    def state(self, state: str, findings: Sequence[Finding]) -> None:
        """The session has reached a state."""
        self._flush()
        self.sessions[-1].findings = tuple(findings)
        self.sessions[-1].state = state

    @_guarded
    def doing(self, part: float, doing: str) -> None:
        """What is being done, and the part of the whole that is done."""
        self.progress = part
        if self.sessions:
            self.sessions[-1].doing = doing

    @_guarded
    def stream(self, signal: Signal) -> None:
        """The monitor is set up."""
        self.sessions[-1].signal = signal

    @_guarded
    def block(self, block: Block) -> None:
        """Keeps samples until the next reduction."""
        if not len(block):
            return
        if self._waiting and self._waiting[-1].stop != block.first:
            self._flush()
        self._waiting.append(block)
        self._count += len(block)
        now_s = time.monotonic()
        if now_s >= self._next_s or self._count >= _MOST_SAMPLES:
            self._next_s = now_s + _EACH_S
            self._flush()

    @_guarded
    def gap(self, gap: Gap) -> None:
        """Samples were lost."""
        self._flush()
        self.sessions[-1].gaps.append(gap)

    @_guarded
    def edge(self, edge: Edge) -> None:
        """An edge was recorded."""
        self.sessions[-1].edges.append(edge.position)

    @_guarded
    def window(self, figures: WindowFigures) -> None:
        """A window has closed."""
        self._flush()
        self.sessions[-1].windows.append(figures)

    @_guarded
    def settled(self, windows: Sequence[WindowFigures]) -> None:
        """The final windows."""
        self._flush()
        self.sessions[-1].windows = list(windows)
        self.sessions[-1].settled = True

    @_guarded
    def note(self, text: str) -> None:
        """A remark."""
        self.sessions[-1].notes.append(text)

    @_guarded
    def error(self, code: str, message: str, hint: str) -> None:
        """The error that ended the session."""
        self.sessions[-1].error = (code, message, hint)

    @_guarded
    def end(self) -> None:
        """No session will follow."""
        self._flush()
        self.progress, self.over = 1.0, True

    def _flush(self) -> None:
        """Makes buckets of the blocks that wait."""
        blocks, self._waiting, self._count = self._waiting, [], 0
        if not blocks:
            return
        session = self.sessions[-1]
        assert session.signal is not None
        buckets, energy_j, missing = reduced(session.signal, blocks)
        self._energy_j += energy_j
        self._samples += sum(map(len, blocks))
        self._missing += missing
        session.reductions.append(
            Reduction(self._number, buckets, blocks[-1].stop, self._energy_j, self._samples, self._missing)
        )
        self._number += 1
