"""The watched clock: while the session waits on it, it calls the session's watchers.

A session spends nearly all its time waiting for the DUT. Meanwhile the monitor's stream, the supply and the
guardian must be watched. The watchers are called during these waits, in the session's own thread, so no lock
is needed, and a fault is raised at the point where the session waits. The drivers of monitors and supplies
wait on the inner clock, without watchers: a watcher may ask an instrument something, and must not do so in
the middle of another exchange with the same instrument.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from energy.instruments import Clock, Traffic

LOOK_S = 0.05
"""Shortest time between two calls of the watchers."""


class WatchedClock:
    """A clock that calls its watchers while a thread waits on it; an ``energy.instruments.Clock``.

    Only in the thread that made it are the watchers called; other threads just wait.

    Args:
        inner: The bench's own clock.
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
        """Lets this much time pass, and calls the watchers meanwhile."""
        if not (self._watchers and threading.get_ident() == self._owner):
            self._inner.sleep(seconds)
            return
        end_s = self._inner.now() + seconds
        while (left_s := end_s - self._inner.now()) > 0:
            self._inner.sleep(min(left_s, LOOK_S))
            self._look()

    def wait(self, seconds: float) -> None:
        """Waits as the inner clock does, then calls the watchers if it is time."""
        self._inner.wait(min(seconds, LOOK_S) if self._watchers else seconds)
        self._look()

    def attach(self, url: str, traffic: Traffic) -> None:
        """Makes a link known to the inner clock."""
        self._inner.attach(url, traffic)

    def every(self, period_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Repeats an action on the inner clock."""
        return self._inner.every(period_s, action)

    def watch(self, look: Callable[[], None]) -> Callable[[], None]:
        """Adds a watcher, which is called at most every ``LOOK_S`` while the session waits.

        A watcher that raises is removed first, so that it does not also interrupt the end of the session.

        Returns:
            A function that removes it. It may be called twice.
        """
        self._watchers.append(look)

        def end() -> None:
            if look in self._watchers:
                self._watchers.remove(look)

        return end

    def unwatch(self) -> None:
        """Removes all watchers: from now on the session only waits."""
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
