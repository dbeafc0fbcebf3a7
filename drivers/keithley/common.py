"""Common parts of the Keithley SMUs: language, identity, settings, protection, switching off."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from drivers.links.visa_link import VisaLink
from drivers.unverified import LOG, Check, Unverified
from energy.errors import BenchError
from energy.instruments import (
    Clock,
    Identity,
    MonitorLimits,
    Setup,
    Transcript,
    output_off,
    over_current,
)

_T = TypeVar("_T", bool, int, float, str)

PROTECTIONS_V = (2, 5, 10, 20, 40, 60, 80, 100)
"""Steps of the source's voltage protection (``PROTECT_2V`` in TSP, ``PROT2`` in SCPI)."""
ANSWER_S = 1.5
"""Longest time of an answer while the DUT is powered."""
AGAIN_S = 0.05
"""Time between two looks that must both find the limit: charging capacitors reach it for a moment."""


PROTECTION = Check(
    "whether the instrument's own protection has the value in the bench file; it is read back",
    "with a resistor as load set a limit below its current and check output and error queue",
)
WINDOWS = Check(
    "windows: they do not open or close, which is a time-out, but no wrong figure",
    "measure one window with a function generator and read `log.txt`",
)
SETTING = Check("a setting that is refused or takes longer: an error, but no wrong figure", LOG)
UNVERIFIED = (
    Unverified(
        "PROTECTIONS_V",
        "Steps of the source's voltage protection (`PROTECT_2V` in TSP, `PROT2` in SCPI).",
        *PROTECTION,
    ),
    Unverified("check_language", "A change of the command set takes effect after a restart.", *SETTING),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


def ask_identity(link: VisaLink, who: str, expected: str, virtual: bool) -> Identity:
    """Reads ``*IDN?``: ``KEITHLEY INSTRUMENTS,MODEL 2461,serial,firmware`` (protocols.md 4.2).

    Raises:
        BenchError: ``k2450.model``, ``k2461.model`` for another instrument; errors of the link.
    """
    answer = link.query("*IDN?").strip()
    maker, model, serial, firmware = (part.strip() for part in f"{answer},,,".split(",")[:4])
    if "KEITHLEY" not in maker.upper() or expected not in model:
        raise BenchError(
            f"{who}.model",
            f"a Keithley {expected} was expected at {link.resource}, but *IDN? answers {answer!r}",
            "Check the address in the bench file, or choose the driver of that instrument.",
        )
    return Identity(
        model.removeprefix("MODEL").strip(), serial, firmware, link.resource, virtual, {"*IDN?": answer}
    )


def check_language(link: VisaLink, who: str, language: str) -> None:
    """Checks the command set that the instrument uses, by ``*LANG?`` (protocols.md 4.2).

    A change of the command set takes effect after a restart.

    Raises:
        BenchError: ``k2450.language``, ``k2461.language``; errors of the link.
    """
    answer = link.query("*LANG?").strip()
    if answer.upper() != language:
        raise BenchError(
            f"{who}.language",
            f"the instrument at {link.resource} uses the command set {answer!r}, but this driver needs "
            f"{language}",
            f"Send `*LANG {language}` (or use its menu: System, Settings, Command Set), then switch the "
            "instrument off and on: the change takes effect when it starts.",
        )


def check_setup(who: str, setup: Setup, limits: MonitorLimits) -> int:
    """Checks that voltage and limits of a set-up are within the instrument's.

    Returns:
        The lowest step of voltage protection that is not below the bench's limit.

    Raises:
        BenchError: ``voltage`` or ``current`` after ``k2450.`` or ``k2461.``.
    """
    check_voltage(who, setup.voltage_v, limits, setup.highest_v)
    if not 0 < setup.highest_a <= limits.highest_a:
        raise BenchError(
            f"{who}.current",
            f"a current limit of {setup.highest_a:g} A is not between 0 and {limits.highest_a:g} A",
            "Change the limit in the bench file.",
        )
    return next(volts for volts in PROTECTIONS_V if volts >= min(setup.highest_v, limits.highest_v))


def check_voltage(who: str, voltage_v: float, limits: MonitorLimits, highest_v: float) -> None:
    """Checks that a voltage is within the limits of the instrument and the bench (0 before they are set).

    Raises:
        BenchError: ``k2450.voltage``, ``k2461.voltage``.
    """
    most = min(highest_v, limits.highest_v)
    if not limits.lowest_v <= voltage_v <= most:
        raise BenchError(
            f"{who}.voltage",
            f"{voltage_v:g} V is not between {limits.lowest_v:g} V and {most:g} V",
            "Change the voltage or the limit in the bench file. (Limits are set by `configure`.)",
        )


def check_source(
    who: str, link: VisaLink, limit_a: float, is_on: Callable[[], bool], is_limited: Callable[[], bool]
) -> None:
    """Raises an error if an output that should be on is off or limited.

    Args:
        who: Beginning of the error's code.
        link: The link to the instrument.
        limit_a: The source's limit of current.
        is_on: Reads the output's state.
        is_limited: Reads whether the source limits the current now.

    Raises:
        BenchError: ``k2450.output-off``, ``k2461.output-off``, ``bench.current``; errors of the link.
    """
    if not is_on() and not is_on():  # asked again: a damaged answer says nothing of the output
        raise output_off(who, f"{link.resource} reports that its output is off")
    if is_limited():
        link.clock.sleep(AGAIN_S)
        if is_limited():
            raise over_current(f"the source of {link.resource} limits the current", limit_a)


def open_link(url: str, clock: Clock, transcript: Transcript | None, backend: str) -> VisaLink:
    """Opens the link to a monitor."""
    return VisaLink(url, clock=clock, transcript=transcript, source="monitor", backend=backend)
