"""Detection of a stream that has stopped, on the bench's clock.

A counter of received items is read several times a second; after a number of looks without a change the
alarm is called. Looks are counted, not the time that has passed, so that on a host that stood still for
seconds the reader can work first. On a busy host, where looks come late, the alarm waits longer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from energy.instruments import Clock

LOOK_S = 0.1
SILENT_S = 0.8
"""Time without news until the alarm, in seconds; one look more at most."""
_PER_LATE = 1000.0
"""Extra time for each second that a look was late recently, up to `_MOST_S`: on a host with five times more
work than it can do, nothing arrived from a twin's process for 1.9 s."""
_MOST_S = 8.0
_ROUNDING = 1e-6
_FORGET = 0.98
"""Part of the lateness that remains at the next look: half after about three seconds."""


class Silence:
    """A watch on a stream.

    Args:
        clock: The bench's clock.
        news: A number that changes with every arrival; None while nothing is due.
        alarm: Called once, with the seconds of silence.
        between_s: Longest time between two pieces of a sound stream, which is added to 0.8 s.
    """

    def __init__(
        self,
        clock: Clock,
        news: Callable[[], int | None],
        alarm: Callable[[float], None],
        between_s: float = 0.0,
    ) -> None:
        self._clock, self._news, self._alarm = clock, news, alarm
        self._silent_s = SILENT_S + between_s + clock.lag_s
        self._last: int | None = None
        self._unchanged = 0
        self._late_s, self._last_look_s = 0.0, clock.now()
        self._alarmed = False
        self._end = clock.every(LOOK_S, self._look)

    def end(self) -> None:
        """Stops watching. May be called again."""
        self._end()

    def _look(self) -> None:
        now_s, before_s = self._clock.now(), self._last_look_s
        self._last_look_s = now_s
        self._late_s = max(now_s - before_s - LOOK_S, _FORGET * self._late_s)
        news = self._news()
        if news is None or news != self._last:
            self._last, self._unchanged = news, 0
            return
        self._unchanged += 1
        longer_s = min(_PER_LATE * self._late_s, _MOST_S)
        if not self._alarmed and self._unchanged >= math.ceil(
            (self._silent_s + longer_s) / LOOK_S - _ROUNDING
        ):
            self._alarmed = True
            self._alarm(self._unchanged * LOOK_S)
