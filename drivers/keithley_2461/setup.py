"""The 2461's settings in a bench file, and their check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drivers.links.settings import Choices
from energy.errors import BenchError

WHO = "k2461"
FULL_RATE_HZ = 50_000.0
MOST_READINGS = 2**22
"""A window must have fewer readings than this, at any rate. Relative times are float32. Two times that are
one period apart are different, and a missing reading is detected, if half a period is larger than the spacing
of float32 at the window's end. That spacing is at most 2^-23 of the window."""

_RATES_HZ = (1000.0, 1e6)


@dataclass(frozen=True, slots=True)
class Options:
    """The settings.

    Attributes:
        four_wire: Whether the sense leads are connected.
        window_s: Longest window, which must fit in its buffer.
        backend: PyVISA's.
        virtual: Whether it is a twin.
    """

    four_wire: bool
    window_s: float
    backend: str
    virtual: bool


def check_settings(port: str | None, settings: dict[str, Any], rate_hz: float | None) -> Options:
    """Checks the settings and the rate, and whether the longest window fits; nothing is opened.

    Raises:
        BenchError: ``k2461.setting``, ``k2461.rate``.
    """
    options = options_of(settings)
    capacity_for(rate_hz or FULL_RATE_HZ, options.window_s)
    return options


def options_of(settings: dict[str, Any]) -> Options:
    """Reads and checks the settings.

    Raises:
        BenchError: ``k2461.setting``.
    """
    choices = Choices(WHO, settings)
    four_wire = choices.pop("four_wire", True)
    window_s = choices.pop("window_s", 40.0, 0.01, 3600.0)
    backend = choices.pop("backend", "@py")
    choices.finish()
    return Options(four_wire, window_s, backend, choices.virtual)


def capacity_for(rate_hz: float, window_s: float) -> int:
    """The number of readings in the longest window.

    Raises:
        BenchError: ``k2461.rate`` if there are too many, or if it has no such rate.
    """
    capacity = round(rate_hz * window_s)
    low, high = _RATES_HZ
    if not (low <= rate_hz <= high and capacity < MOST_READINGS):
        raise BenchError(
            f"{WHO}.rate",
            f"{rate_hz:g} readings/s over {window_s:g} s: the 2461 digitizes {low:g} to {high:g} a second, "
            f"and a window must have fewer than {MOST_READINGS} readings",
            "Choose a lower rate (50000 is enough for 10 s windows), or a shorter `window_s`.",
        )
    return capacity
