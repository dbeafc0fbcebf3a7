"""Functions of an LPM01A beside the stream: static mode, calibration, target reset (protocols.md 3.2, 3.5).

No source quotes the output of static mode and ``autotest``, or how long these functions take: the first
number on a line of its own is taken as the static current, and the timeouts are long.
"""

from __future__ import annotations

import re
from typing import Any

from drivers.lpm01a.console import Console, fault_in, is_refusal, without_prompt
from drivers.lpm01a.stream import COMPLETED
from drivers.unverified import Unverified
from energy.errors import BenchError
from energy.instruments import Deadline

STATIC_COMMANDS = ("trigsrc sw", "freq 100", "output current", "format ascii_dec", "acqmode stat")
"""A rate that every output and format accepts (``freq 100``)."""

_CALIB_S = 10.0
_STATIC_S = 10.0
_AUTOTEST_S = 30.0
_DRIFT_C = 5.0
"""Change of temperature in degrees after which ``calib`` is due (protocols.md 3.2)."""
_VALUE = re.compile(r"\d{4}[+-]\d\d")
_SHORTEST_RESET_S, _LONGEST_RESET_S = 0.01, 1.0
"""Range of the time that both UM2269 (1 ms to 1 s) and the newer help (10 ms to 1 s) allow."""


UNVERIFIED = (
    Unverified(
        "Extras",
        "The output of static mode and `autotest`: the first number on a line of its own is the static "
        "current; and how long these functions take.",
        "floor currents and the self-test: a time-out or a refused answer, but no wrong figure",
        "measure a floor current with a known resistor as load",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class Extras:
    """Commands beside the stream; the caller has host control and knows whether a stream runs.

    Args:
        console: Its command line.

    Raises (all methods):
        BenchError: Those of ``Console``; ``lpm01a.answer`` for an answer that cannot be read.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._warm = False
        self._calibrated_c: float | None = None
        self._calibrations: list[float] = []
        self._discarded: float | None = None
        self._no_thermometer = False

    def settings(self) -> dict[str, Any]:
        """Temperatures and calibrations, for the session's record."""
        return {
            "calibrated_at_c": self._calibrated_c,
            "calib_for_temperature_c": list(self._calibrations),
            **({"temp": "refused"} if self._no_thermometer else {}),
            **({} if self._discarded is None else {"discarded_first_static_a": self._discarded}),
        }

    def voltage_v(self) -> tuple[float, str]:
        """``volt get``, as a number and as text: ``3292-03``, or F7 in a binary stream."""
        reply = self._console.command("volt get", packet="F7")
        if packet := re.fullmatch(r"volt get (\d+)", reply):
            return int(packet[1]) / 1000, reply
        return (_number(reply) if _VALUE.fullmatch(reply) else -1.0), reply

    def temperature_c(self) -> float:
        """Temperature from ``temp degc``, in text or as F8."""
        reply = self._console.command("temp degc", packet="F8")
        found = re.search(r"-?\d+(?:\.\d+)?$", reply)
        if found is None:
            raise self._unreadable("temp degc", "a temperature", reply)
        return float(found[0])

    def calibrate(self) -> None:
        """Sends ``calib``; the temperature is noted, to know when it is due again."""
        self._console.command("calib", _CALIB_S)
        self.calibrated()

    def calibrated(self) -> None:
        """Notes the temperature after a calibration, which ``volt`` causes, too."""
        self._calibrated_c = self._temperature_or_none()

    def calibrate_if_due(self) -> None:
        """Sends ``calib`` if the temperature has moved by more than 5 degrees since the last calibration."""
        now_c = self._temperature_or_none()
        if (
            now_c is not None
            and self._calibrated_c is not None
            and abs(now_c - self._calibrated_c) > _DRIFT_C
        ):
            self.calibrate()
            self._calibrations.append(now_c)

    def reset_target(self, seconds: float) -> None:
        """Sends ``targrst``: the target's supply is off for this time; acknowledged in text or by F6."""
        milliseconds = round(seconds * 1000)
        if not _SHORTEST_RESET_S <= seconds <= _LONGEST_RESET_S or abs(seconds * 1000 - milliseconds) > 1e-6:
            raise BenchError(
                "lpm01a.reset",
                f"the LPM01A's target reset lasts 10 ms to 1 s in whole ms, not {seconds:g} s",
                "Choose a time in this range.",
            )
        self._console.command(f"targrst {milliseconds}m", packet="F6")

    def autotest(self) -> str:
        """Sends ``autotest start``, then ``autotest status``; returns the answer."""
        self._console.command("autotest start", _AUTOTEST_S)
        return self._console.command("autotest status", _AUTOTEST_S)

    def static_currents(self, samples: int) -> list[float]:
        """Currents in ampere of this number of static acquisitions; the session's very first is discarded.

        One laboratory saw the first one read 8 mA too high (protocols.md 3.5).
        """
        if not self._warm:
            self._discarded = self._static_current()
            self._warm = True
        return [self._static_current() for _ in range(samples)]

    def _static_current(self) -> float:
        console = self._console
        url = console.link.url
        console.command("start")
        deadline = Deadline(console.link.clock, _STATIC_S)
        value: float | None = None
        seen: list[str] = []
        while (line := console.link.read_line(deadline)) is not None:
            text = without_prompt(line.text)
            seen.append(text)
            if fault := fault_in(text, url):
                raise fault
            if value is None and _VALUE.fullmatch(text):
                value = _number(text)
            if COMPLETED in text:
                if value is None:
                    break
                return value
        self._console.stop()
        raise BenchError(
            "lpm01a.static",
            f"a static current and `{COMPLETED}` were expected from the LPM01A ({url}) within "
            f"{_STATIC_S:g} s; {', '.join(repr(text) for text in seen[-5:]) or 'nothing'} arrived",
            "Is the output on, and the DUT's current steady? If so, read its display.",
        )

    def _temperature_or_none(self) -> float | None:
        """The temperature; None, which is noted, if the firmware has no thermometer: it calibrates itself."""
        if self._no_thermometer:
            return None
        try:
            return self.temperature_c()
        except BenchError as error:
            if error.code != "lpm01a.refused":
                raise
            self._no_thermometer = True
            return None

    def _unreadable(self, command: str, what: str, reply: str) -> BenchError:
        return BenchError(
            "lpm01a.answer",
            f"{what} was expected from the LPM01A ({self._console.link.url}) for `{command}`; "
            f"{reply!r} arrived",
            "Its firmware answers in an unknown form: please report this with its version.",
        )


def busy(what: str) -> BenchError:
    """The error for a function that is not possible while a stream runs."""
    return BenchError(
        "lpm01a.busy", f"{what} is not possible while the LPM01A's stream runs", "Stop the stream first."
    )


def is_refused_stop(text: str) -> bool:
    """Whether the instrument answers that there is nothing to stop."""
    reply = without_prompt(text)
    return is_refusal(reply) and reply.startswith("error stop")


def _number(text: str) -> float:
    """A number in the instrument's form, such as ``3292-03`` for 3.292."""
    return float(f"{text[:4]}e{text[4:]}")
