"""Time, traffic and lines: the common parts of all links to instruments."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(slots=True)
class Traffic:
    """Bytes that have gone over a link.

    Attributes:
        sent: By the host.
        received: By the host, and processed.
        lost: Whether the host has noticed that the port is gone, and has raised or reported it.
    """

    sent: int = 0
    received: int = 0
    lost: bool = False


class Clock(Protocol):
    """A clock to wait on. Only differences of ``now`` have a meaning."""

    @property
    def lag_s(self) -> float:
        """How late everything may come because it shares the host's processors: 0 with real instruments."""
        ...

    def now(self) -> float:
        """Seconds since some beginning; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Lets this much time pass."""
        ...

    def wait(self, seconds: float) -> None:
        """Lets at most this much time pass; returns earlier if something may have arrived on a link."""
        ...

    def attach(self, url: str, traffic: Traffic) -> None:
        """Makes a link known. A virtual clock does not move while bytes are on their way."""
        ...

    def every(self, period_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Repeats an action, for instruments whose data must be requested.

        In real time a thread runs it; in virtual time the thread that waits. So an action must never wait for
        a lock that a caller may hold while it waits on this clock: it tries to take the lock, and if it
        cannot, it leaves the work for the next time.

        Args:
            period_s: Time from the end of a run to the beginning of the next.
            action: Handles its own errors.

        Returns:
            A function that ends the repetition; after it has returned, the action does not run any more.
        """
        ...


STALL_S = 0.25
"""A wait that ends so much later than it should: the host has stood still meanwhile."""


@dataclass(slots=True)
class Deadline:
    """A point in time on a clock."""

    clock: Clock
    seconds: float
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.clock.now() + self.seconds

    def wait(self, most_s: float) -> None:
        """Waits on the clock until something may have arrived: at most this long, and not past the end.

        Time in which the host stood still does not count: an answer that came meanwhile has not been read.
        """
        seconds = min(self.remaining() or most_s, most_s)
        begun_s = self.clock.now()
        self.clock.wait(seconds)
        late_s = self.clock.now() - begun_s - seconds
        if late_s > STALL_S:
            self._end += late_s

    def remaining(self) -> float:
        """Seconds left, at least 0."""
        return max(self._end - self.clock.now(), 0.0)

    def expired(self) -> bool:
        """Whether no time is left."""
        return self.clock.now() >= self._end

    @property
    def overdue_s(self) -> float:
        """Seconds since the end; negative before it."""
        return self.clock.now() - self._end


@dataclass(frozen=True, slots=True)
class Line:
    r"""A line on a wire, as a session's log keeps it.

    Attributes:
        time_s: On the session's clock.
        source: The wire: ``"dut"``, ``"io"``, ``"monitor"``.
        sent: True for host to instrument.
        text: The line without its terminator; bytes that are not printable ASCII as ``\\xNN``.
    """

    time_s: float
    source: str
    sent: bool
    text: str


_WIRES = logging.getLogger("joulebench.wire")


def log_line(line: Line) -> None:
    """Logs a line of a wire at DEBUG: ``io > name%``. Each link calls it for each line."""
    if _WIRES.isEnabledFor(logging.DEBUG):
        _WIRES.debug("%s %s %s", line.source, ">" if line.sent else "<", line.text)


Transcript = Callable[[Line], None]
"""A function that takes every line as it passes; it must be quick and may be called from any thread."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of an instrument, as it states it.

    Attributes:
        model: ``"X-NUCLEO-LPM01A"``.
        serial_number: As the instrument states it, or empty.
        firmware: As the instrument states it, or empty.
        url: Where it is connected.
        virtual: Whether it is a twin.
        details: Other facts that it states.
    """

    model: str
    serial_number: str = ""
    firmware: str = ""
    url: str = ""
    virtual: bool = False
    details: dict[str, Any] = field(default_factory=dict[str, Any])
