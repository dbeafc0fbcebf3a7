"""Time of instruments: the host's monotonic clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from energy.instruments import Traffic

_NAP_S = 0.002
"""Longest pause between two looks: short compared with the 9.4 ms that ``m-ready`` takes at 9600 baud."""


class RealClock:
    """The host's monotonic clock, as an ``energy.instruments.Clock``.

    Args:
        lag_s: For twins that run in real time on this host: how long they may have to wait for a processor.
    """

    def __init__(self, lag_s: float = 0.0) -> None:
        self._lag_s = lag_s

    @property
    def lag_s(self) -> float:
        """How late everything may come because it shares the host's processors."""
        return self._lag_s

    def now(self) -> float:
        """Seconds since an arbitrary beginning."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits for this time."""
        time.sleep(max(seconds, 0.0))

    def wait(self, seconds: float) -> None:
        """Waits for a moment, at most ``seconds``."""
        time.sleep(min(max(seconds, 0.0), _NAP_S))

    def attach(self, url: str, traffic: Traffic) -> None:
        """Does nothing: real time does not depend on what is on its way."""

    def every(self, period_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Calls an action again and again, in a thread of its own; returns a function that ends this."""
        ended = threading.Event()

        def repeat() -> None:
            while not ended.wait(period_s):
                action()

        thread = threading.Thread(target=repeat, name="every", daemon=True)
        thread.start()

        def end() -> None:
            ended.set()
            if thread is not threading.current_thread():
                thread.join()

        return end
