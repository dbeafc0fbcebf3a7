"""A temperature chamber: sets a temperature and waits until it is reached and has lasted.

Drivers are entry points of ``joulebench.chambers``; ``scpi`` takes the commands as settings.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from energy.bench.entrypoints import load
from energy.characterize.sweep_file import ChamberPart
from energy.errors import BenchError
from energy.instruments import Clock, Transcript

CHAMBERS = "joulebench.chambers"
_LOOK_S = 1.0


class ChamberDriver(Protocol):
    """A driver of a chamber."""

    def set_temperature(self, celsius: float) -> None:
        """Sets the temperature that it goes to."""
        ...

    def temperature_c(self) -> float:
        """The temperature that it has."""
        ...

    def close(self) -> None:
        """Closes the link. It may be called twice."""
        ...


class Chamber:
    """A chamber that is waited for.

    Args:
        driver: Its driver.
        part: Its part of the plan.
        clock: The clock that is waited on.
    """

    def __init__(self, driver: ChamberDriver, part: ChamberPart, clock: Clock) -> None:
        self._driver, self._part, self._clock = driver, part, clock

    def to(self, celsius: float) -> float:
        """Goes to a temperature; returns the last reading, once it was near for the soak time.

        Raises:
            BenchError: ``sweep.chamber`` if it is not reached in time; errors of the link.
        """
        part, clock = self._part, self._clock
        self._driver.set_temperature(celsius)
        begun_s = clock.now()
        within_s: float | None = None
        while True:
            found_c = self._driver.temperature_c()
            now_s = clock.now()
            if abs(found_c - celsius) > part.tolerance_c:
                within_s = None
            elif within_s is None:
                within_s = now_s
            if within_s is not None and now_s - within_s >= part.soak_s:
                return found_c
            if now_s - begun_s > part.timeout_s + part.soak_s:
                raise BenchError(
                    "sweep.chamber",
                    f"the chamber reads {found_c:.4g} °C after {now_s - begun_s:.0f} s; {celsius:g} °C was "
                    f"awaited, within {part.tolerance_c:g} °C for {part.soak_s:g} s",
                    "Look at the chamber; a larger chamber.timeout_s or tolerance_c allows more.",
                )
            clock.sleep(min(_LOOK_S, max(part.soak_s, 0.05)))


@contextmanager
def opened_chamber(part: ChamberPart | None, transcript: Transcript) -> Generator[Chamber | None]:
    """Opens the chamber of a plan, if it has one.

    Raises:
        UsageError: ``bench.no-driver``.
        BenchError: If it is not there.
    """
    if part is None:
        yield None
        return
    clock: Clock = load("joulebench.clocks", "real")()
    driver: ChamberDriver = load(CHAMBERS, part.driver)(
        part.port, settings=dict(part.settings), clock=clock, transcript=transcript
    )
    try:
        yield Chamber(driver, part, clock)
    finally:
        driver.close()
