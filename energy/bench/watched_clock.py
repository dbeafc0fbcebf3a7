"""The bench's clock as the session and the DUT's drivers know it: whoever waits on it also looks around.

A session spends nearly all its time waiting for the DUT. What must be watched meanwhile (the monitor's
stream, the supply, the guardian) is looked at from within these waits, in the session's own thread, so that
no lock is needed and a fault is raised where the session stands. The drivers of monitors and supplies wait
on the clock below, unwatched: a look may ask them something, and must not come into the middle of another
exchange with the same instrument.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from energy.instruments import Clock, Traffic

LOOK_S = 0.05
"""So often a waiting session looks around, at most."""


class WatchedClock:
    """A clock that calls its watchers while a thread waits on it; an ``energy.instruments.Clock``.

    Only the thread that made it looks around; other threads just wait.

    Args:
        inner: The clock that moves.
    """

    def __init__(self, inner: Clock) -> None:
        self._inner = inner
        self._owner = threading.get_ident()
        self._watchers: list[Callable[[], None]] = []
        self._looking = False
        self._next_s = inner.now()

    @property
    def lag_s(self) -> float:
        """As the clock that moves has it."""
        return self._inner.lag_s

    def now(self) -> float:
        """Seconds since some beginning."""
        return self._inner.now()

    def sleep(self, seconds: float) -> None:
        """Lets this much time pass, looking around on the way."""
        if not (self._watchers and threading.get_ident() == self._owner):
            self._inner.sleep(seconds)
            return
        end_s = self._inner.now() + seconds
        while (left_s := end_s - self._inner.now()) > 0:
            self._inner.sleep(min(left_s, LOOK_S))
            self._look()

    def wait(self, seconds: float) -> None:
        """Lets a moment pass, and looks around."""
        self._inner.wait(min(seconds, LOOK_S) if self._watchers else seconds)
        self._look()

    def attach(self, url: str, traffic: Traffic) -> None:
        """Makes a link known to the clock that moves."""
        self._inner.attach(url, traffic)

    def every(self, period_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Repeats an action on the clock that moves."""
        return self._inner.every(period_s, action)

    def watch(self, look: Callable[[], None]) -> Callable[[], None]:
        """Adds a watcher, which is called at most every ``LOOK_S`` while the session waits.

        A watcher that raises is removed first, so that what ends the session does not end the way out, too.

        Returns:
            Removes it. Harmless if done twice.
        """
        self._watchers.append(look)

        def end() -> None:
            if look in self._watchers:
                self._watchers.remove(look)

        return end

    def unwatch(self) -> None:
        """Removes all watchers: from here on the session only waits."""
        self._watchers.clear()

    def _look(self) -> None:
        if self._looking or not self._watchers or threading.get_ident() != self._owner:
            return
        now_s = self._inner.now()
        if now_s < self._next_s:
            return
        self._next_s = now_s + LOOK_S
        self._looking = True
        try:
            for look in list(self._watchers):
                try:
                    look()
                except BaseException:
                    if look in self._watchers:
                        self._watchers.remove(look)
                    raise
        finally:
            self._looking = False
