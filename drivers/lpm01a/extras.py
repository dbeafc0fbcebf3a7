"""What an LPM01A can do beside streaming: static mode, calibration, target reset (protocols.md 3.2, 3.5).

No source quotes what static mode and ``autotest`` send, or how long these things take [U]: the first number
on a line of its own is taken for the static current, and times are generous.
"""

from __future__ import annotations

import re
from typing import Any

from drivers.lpm01a.console import Console, fault_in, is_refusal, without_prompt
from drivers.lpm01a.stream import COMPLETED
from energy.errors import BenchError
from energy.instruments import Deadline

STATIC_COMMANDS = ("trigsrc sw", "freq 100", "output current", "format ascii_dec", "acqmode stat")
"""``freq 100`` goes with every output and format."""

_CALIB_S = 10.0
_STATIC_S = 10.0
_AUTOTEST_S = 30.0
_DRIFT_C = 5.0
"""A temperature that has moved by more asks for ``calib`` (protocols.md 3.2)."""
_VALUE = re.compile(r"\d{4}[+-]\d\d")
_SHORTEST_RESET_S, _LONGEST_RESET_S = 0.01, 1.0
"""What UM2269 (1 ms to 1 s) and the newer help (10 ms to 1 s) have in common."""


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
        """For the session's record."""
        return {
            "calibrated_at_c": self._calibrated_c,
            "calib_for_temperature_c": list(self._calibrations),
            **({"temp": "refused"} if self._no_thermometer else {}),
            **({} if self._discarded is None else {"discarded_first_static_a": self._discarded}),
        }

    def voltage_v(self) -> tuple[float, str]:
        """``volt get``, as a number and as it came: text such as ``3292-03``, or F7 in a binary stream."""
        said = self._console.command("volt get", packet="F7")
        if packet := re.fullmatch(r"volt get (\d+)", said):
            return int(packet[1]) / 1000, said
        return (_number(said) if _VALUE.fullmatch(said) else -1.0), said

    def temperature_c(self) -> float:
        """``temp degc``, in text or as F8."""
        said = self._console.command("temp degc", packet="F8")
        found = re.search(r"-?\d+(?:\.\d+)?$", said)
        if found is None:
            raise self._unreadable("temp degc", "a temperature", said)
        return float(found[0])

    def calibrate(self) -> None:
        """``calib``; the temperature is kept to see when it is due again."""
        self._console.command("calib", _CALIB_S)
        self.calibrated()

    def calibrated(self) -> None:
        """It has just calibrated itself, as it does after ``volt``: at which temperature?"""
        self._calibrated_c = self._temperature_or_none()

    def calibrate_if_due(self) -> None:
        """``calib`` if the temperature has moved by more than 5 degrees since the last one."""
        now_c = self._temperature_or_none()
        if (
            now_c is not None
            and self._calibrated_c is not None
            and abs(now_c - self._calibrated_c) > _DRIFT_C
        ):
            self.calibrate()
            self._calibrations.append(now_c)

    def reset_target(self, seconds: float) -> None:
        """``targrst``: the target's supply is down for so long; acknowledged in text or by F6."""
        milliseconds = round(seconds * 1000)
        if not _SHORTEST_RESET_S <= seconds <= _LONGEST_RESET_S or abs(seconds * 1000 - milliseconds) > 1e-6:
            raise BenchError(
                "lpm01a.reset",
                f"the LPM01A takes the target's supply away for 10 ms to 1 s in whole ms, not {seconds:g} s",
                "Choose such a time.",
            )
        self._console.command(f"targrst {milliseconds}m", packet="F6")

    def autotest(self) -> str:
        """``autotest start``, then ``autotest status``: what it says."""
        self._console.command("autotest start", _AUTOTEST_S)
        return self._console.command("autotest status", _AUTOTEST_S)

    def static_currents(self, samples: int) -> list[float]:
        """So many static acquisitions, in ampere; the session's very first is discarded.

        One laboratory saw that one read 8 mA too high (protocols.md 3.5).
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
        self._console.end_what_runs()
        raise BenchError(
            "lpm01a.static",
            f"a static current and `{COMPLETED}` were expected from the LPM01A ({url}) in {_STATIC_S:g} s; "
            f"{', '.join(repr(text) for text in seen[-5:]) or 'nothing'} came",
            "Is the output on and the DUT in a state that lasts? Else look at its display.",
        )

    def _temperature_or_none(self) -> float | None:
        """None where the firmware has no thermometer: that is noted, and calibration left to it."""
        if self._no_thermometer:
            return None
        try:
            return self.temperature_c()
        except BenchError as error:
            if error.code != "lpm01a.refused":
                raise
            self._no_thermometer = True
            return None

    def _unreadable(self, command: str, what: str, said: str) -> BenchError:
        return BenchError(
            "lpm01a.answer",
            f"{what} was expected from the LPM01A ({self._console.link.url}) to `{command}`; {said!r} came",
            "Its firmware answers in another form: please report this with its version.",
        )


def busy(what: str) -> BenchError:
    """The error for what cannot be done while a stream runs."""
    return BenchError(
        "lpm01a.busy", f"{what} was asked for while the LPM01A's stream runs", "Stop the stream before."
    )


def is_refused_stop(text: str) -> bool:
    """Whether the instrument says that there is nothing to stop."""
    said = without_prompt(text)
    return is_refusal(said) and said.startswith("error stop")


def _number(text: str) -> float:
    """A number of the instrument, such as ``3292-03`` for 3.292."""
    return float(f"{text[:4]}e{text[4:]}")
