"""Time as instruments know it: the host's monotonic clock."""

from __future__ import annotations

import time

from energy.instruments import Traffic

_NAP_S = 0.002
"""How long a waiter looks away at most: short beside the 9.4 ms that ``m-ready`` takes at 9600 baud."""


class RealClock:
    """The host's monotonic clock, as an ``energy.instruments.Clock``."""

    def now(self) -> float:
        """Seconds since some beginning."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Lets this much time pass."""
        time.sleep(max(seconds, 0.0))

    def wait(self, seconds: float) -> None:
        """Lets a moment pass, at most ``seconds``."""
        time.sleep(min(max(seconds, 0.0), _NAP_S))

    def attach(self, url: str, traffic: Traffic) -> None:
        """Nothing to do: real time moves by itself, whatever is on its way."""
