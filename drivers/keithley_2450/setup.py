"""The 2450's settings in a bench file, and their check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drivers.links.settings import Choices
from energy.errors import BenchError

WHO = "k2450"
FULL_RATE_HZ = 50.0
LINE_HZ = (50.0, 60.0)
_NPLC = (0.01, 10.0)


@dataclass(frozen=True, slots=True)
class Options:
    """The settings.

    Attributes:
        nplc: Cycles of the mains that a reading integrates; 0: by the rate.
        line_hz: The mains; 0: as the instrument measures it.
        four_wire: Whether the sense leads are connected.
        longest_s: Longest session, which its buffer must hold.
        tolerance: Largest difference of a reading's time from the grid, in samples.
        backend: PyVISA's.
        virtual: Whether it is a twin.
    """

    nplc: float
    line_hz: float
    four_wire: bool
    longest_s: float
    tolerance: float
    backend: str
    virtual: bool


def check_settings(port: str | None, settings: dict[str, Any], rate_hz: float | None) -> Options:
    """Reads and checks the settings and the rate; nothing is opened.

    Only the instrument knows the mains: a rate that is possible at 50 or at 60 Hz passes here.

    Raises:
        BenchError: ``k2450.setting``, ``k2450.rate``.
    """
    choices = Choices(WHO, settings)
    options = Options(
        nplc=choices.pop("nplc", 0.0, 0.0, _NPLC[1]),
        line_hz=choices.pop("line_hz", 0.0, 0.0, LINE_HZ[1]),
        four_wire=choices.pop("four_wire", True),
        longest_s=choices.pop("longest_s", 3600.0, 1.0, 86_400.0),
        tolerance=choices.pop("tolerance", 2.0, 0.5, 100.0),
        backend=choices.pop("backend", "@py"),
        virtual=choices.virtual,
    )
    choices.finish()
    if options.line_hz not in (0.0, *LINE_HZ):
        what = f"the setting line_hz is 50 or 60, or 0 where it is not known, not {options.line_hz:g}"
        raise BenchError(f"{WHO}.setting", what, "See the bench file.")
    if rate_hz is not None or options.nplc:
        rate_hz = rate_hz or FULL_RATE_HZ
        most_hz, least_hz = max(LINE_HZ) / _NPLC[0], min(LINE_HZ) / _NPLC[1]
        nearest = max(LINE_HZ) if rate_hz > (most_hz * least_hz) ** 0.5 else min(LINE_HZ)
        cycles(options.nplc, rate_hz, options.line_hz or nearest)
    return options


def cycles(nplc: float, rate_hz: float, line_hz: float) -> float:
    """The cycles of the mains that a reading integrates: those that are set, or those of the rate.

    Raises:
        BenchError: ``k2450.rate``.
    """
    found = nplc or line_hz / rate_hz
    low, high = _NPLC
    if not low <= found <= high:
        raise BenchError(
            f"{WHO}.rate",
            f"{rate_hz:g} readings/s is an integration of {found:g} cycles of {line_hz:g} Hz; "
            f"the 2450 allows {low:g} to {high:g}",
            "Choose a rate of about 50 a second, or set `nplc`.",
        )
    return found
