"""Notices a stream that has stopped coming, on the bench's clock.

It looks at a count several times a second and gives the alarm after so many looks without news. Looks and not
the time that has passed are counted: on a host that stood still for seconds the reader gets its turn first.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from energy.instruments import Clock

LOOK_S = 0.1
SILENT_S = 0.8
"""So long at least; noticed one look later at most."""


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
        self._news, self._alarm = news, alarm
        self._looks = math.ceil((SILENT_S + between_s) / LOOK_S)
        self._last: int | None = None
        self._quiet = 0
        self._end = clock.every(LOOK_S, self._look)

    def end(self) -> None:
        """Looks no more. Harmless if done twice."""
        self._end()

    def _look(self) -> None:
        news = self._news()
        if news is None or news != self._last:
            self._last, self._quiet = news, 0
            return
        self._quiet += 1
        if self._quiet == self._looks:
            self._alarm(self._looks * LOOK_S)
