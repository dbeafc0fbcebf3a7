"""Time, traffic and lines: what every link to an instrument has in common."""

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
        received: By the host, and dealt with.
        lost: Whether the host has found out, and told whom it concerns, that the port is gone.
    """

    sent: int = 0
    received: int = 0
    lost: bool = False


class Clock(Protocol):
    """Time for whoever waits. Only differences of ``now`` mean anything."""

    def now(self) -> float:
        """Seconds since some beginning; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Lets this much time pass."""
        ...

    def wait(self, seconds: float) -> None:
        """Lets at most this much time pass, and less as soon as something may have arrived on a link."""
        ...

    def attach(self, url: str, traffic: Traffic) -> None:
        """Makes a link known. A virtual clock does not move before what is on its way has arrived."""
        ...

    def every(self, period_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Has something done again and again, for instruments that must be asked for what they have.

        In real time a thread does it; in virtual time whoever waits. So an action never waits for a lock
        that somebody may hold while he waits on this clock: it tries, and leaves it for the next time.

        Args:
            period_s: How long after the end of one time the next begins.
            action: Deals with its own errors.

        Returns:
            Ends it; when that returns, the action does not run any more.
        """
        ...


@dataclass(slots=True)
class Deadline:
    """A point in time on a clock."""

    clock: Clock
    seconds: float
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.clock.now() + self.seconds

    def remaining(self) -> float:
        """Seconds left, at least 0."""
        return max(self._end - self.clock.now(), 0.0)

    def expired(self) -> bool:
        """Whether no time is left."""
        return self.clock.now() >= self._end


@dataclass(frozen=True, slots=True)
class Line:
    r"""One line on one wire, as a session's log keeps it.

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
"""Takes every line as it passes; must be quick and may be called from any thread."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answered.

    Attributes:
        model: ``"X-NUCLEO-LPM01A"``.
        serial_number: As the instrument states it, or empty.
        firmware: As the instrument states it, or empty.
        url: Where it is connected.
        virtual: Whether it is a twin.
        details: Anything else it said.
    """

    model: str
    serial_number: str = ""
    firmware: str = ""
    url: str = ""
    virtual: bool = False
    details: dict[str, Any] = field(default_factory=dict[str, Any])
