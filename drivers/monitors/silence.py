"""Notices a stream that has stopped coming, on the bench's clock.

It looks at a count several times a second and gives the alarm after so many looks without news. Looks and
not the time that has passed are counted: on a host that stood still for seconds the reader gets its turn
first. On a busy host, whose looks come late themselves, it waits longer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from energy.instruments import Clock

LOOK_S = 0.1
SILENT_S = 0.8
"""So long at least; noticed one look later at most."""
_PER_LATE = 1000.0
"""So much longer for each second that a look has come late lately, up to `_MOST_S`: on a host with five times
more to do than it can, nothing came from a twin's process for 1.9 s."""
_MOST_S = 8.0
_ROUNDING = 1e-6
_FORGET = 0.98
"""How much of it still counts at the next look: half after some three seconds."""


class Silence:
    """Watches one stream.

    Args:
        clock: The bench's clock.
        news: A number that changes with everything that comes; None while nothing is due yet.
        alarm: Called once, with the seconds of silence.
        between_s: Longest time between two pieces of a healthy stream, which is added to 0.8 s.
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
        self._quiet = 0
        self._late_s, self._looked_s = 0.0, clock.now()
        self._told = False
        self._end = clock.every(LOOK_S, self._look)

    def end(self) -> None:
        """Looks no more. Harmless if done twice."""
        self._end()

    def _look(self) -> None:
        now_s, before_s = self._clock.now(), self._looked_s
        self._looked_s = now_s
        self._late_s = max(now_s - before_s - LOOK_S, _FORGET * self._late_s)
        news = self._news()
        if news is None or news != self._last:
            self._last, self._quiet = news, 0
            return
        self._quiet += 1
        longer_s = min(_PER_LATE * self._late_s, _MOST_S)
        if not self._told and self._quiet >= math.ceil((self._silent_s + longer_s) / LOOK_S - _ROUNDING):
            self._told = True
            self._alarm(self._quiet * LOOK_S)
