"""Settings of the LPM01A twin: its commands and their values (protocols.md 3.2).

Where UM2269 Rev 6 and the help text of newer firmware differ, the twin follows the newer firmware.
"""

from __future__ import annotations

import re
from collections.abc import Callable

RATES_HZ = {
    text: int(text[:-1]) * 1000 if text.endswith("k") else int(text)
    for text in (  # the order of UM2269
        *("100k", "50k", "20k", "10k", "5k", "2k", "1k"),
        *("500", "200", "100", "50", "20", "10", "5", "2", "1"),
    )
}

ASCII_MAX_HZ = 10_000
"""Highest rate of ``ascii_dec``; without a limit in time it is 5 kHz (protocols.md 3.2)."""

_UNITS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3}

LCD_CHARS = 16


def number(text: str) -> float | None:
    """A number as the instrument reads it: digits, perhaps with u, m or k, or with -NN or +NN; or None."""
    match = re.fullmatch(r"(\d+)(?:([numk])|([+-]\d\d))?", text)
    if match is None:
        return None
    return int(match[1]) * (10.0 ** int(match[3]) if match[3] else _UNITS[match[2] or ""])


class RefusedError(Exception):
    """A command that the instrument answers with ``error``; the text is its ``Error detail``."""


def _one_of(*values: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in values:
            raise RefusedError(f"Argument not among: {', '.join(values)}")
        return text

    return check


def _within(low: float, high: float, *words: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        value = number(text)
        if text not in words and (value is None or not low * (1 - 1e-12) <= value <= high * (1 + 1e-12)):
            raise RefusedError(f"Argument out of range [{low:g}; {high:g}]")
        return text

    return check


def _event_source(text: str) -> str:
    if text != "none" and text not in ("d7 fal", "d7 ris"):
        raise RefusedError("Argument not among: d7 fal, d7 ris, none")
    return text


def shown_text(argument: str) -> str:
    """The argument of ``lcd``: a line's number and a text in double quotes."""
    line, _, shown = argument.partition(" ")
    shown = shown.strip()
    if line not in ("1", "2") or not (shown.startswith('"') and shown.endswith('"') and len(shown) > 1):
        raise RefusedError("Argument not among: 1, 2, followed by a string in double quotes")
    if len(shown) - 2 > LCD_CHARS:
        raise RefusedError(f"String longer than {LCD_CHARS} characters")
    return argument


def tested(argument: str) -> str:
    """The answer to ``autotest``."""
    checked = _one_of("start", "status", "stat_all", "stat_min")(argument)
    return f"autotest {checked}" + ("" if checked == "start" else " ok")


CHECKS: dict[str, Callable[[str], str]] = {
    "volt": _within(1.8, 3.3),
    "freq": _one_of(*RATES_HZ),
    "acqtime": _within(100e-6, 100, "0", "inf"),
    "acqmode": _one_of("dyn", "stat"),
    "funcmode": _one_of("optim", "high"),
    "output": _one_of("current", "energy"),
    "format": _one_of("ascii_dec", "bin_hexa"),
    "trigsrc": _one_of("sw", "d7"),
    "trigdelay": _within(0, 30),
    "currthres": _within(100e-9, 50e-3, "0"),
    "pwrend": _one_of("on", "off"),
    "eventsrc": _event_source,
    "targrst": _within(10e-3, 1, "0"),
}

DEFAULTS = {
    "volt": "3300m",
    "freq": "100",
    "acqtime": "10",
    "acqmode": "dyn",
    "funcmode": "optim",
    "output": "current",
    "format": "ascii_dec",
    "trigsrc": "sw",
    "trigdelay": "1m",
    "currthres": "1m",
    "pwrend": "on",
    "eventsrc": "none",
    "targrst": "0",
}


class Settings:
    """The settings in force.

    Args:
        max_energy_hz: Highest rate of energy output: 100 in UM2269 Rev 6, 10000 in newer firmware.
    """

    def __init__(self, max_energy_hz: int) -> None:
        self._max_energy_hz = max_energy_hz
        self.values = dict(DEFAULTS)

    def take(self, name: str, argument: str) -> None:
        """Changes a setting.

        Raises:
            RefusedError: The value is out of range, or conflicts with other settings.
        """
        value = CHECKS[name](argument)
        proposed = {**self.values, name: value}
        rate = RATES_HZ[proposed["freq"]]
        if proposed["output"] == "energy" and rate > self._max_energy_hz:
            raise RefusedError(f"Sampling frequency limited to {self._max_energy_hz} Hz with output energy")
        if proposed["format"] == "ascii_dec" and rate > ASCII_MAX_HZ:
            raise RefusedError(f"Sampling frequency limited to {ASCII_MAX_HZ} Hz with format ascii_dec")
        self.values = proposed

    def seconds(self, name: str) -> float:
        """A setting as a number; ``inf`` is 0, as in the instrument."""
        return number(self.values[name]) or 0.0

    @property
    def rate_hz(self) -> int:
        """Samples per second of its own clock."""
        return RATES_HZ[self.values["freq"]]
