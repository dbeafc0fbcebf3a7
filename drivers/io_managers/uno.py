"""The IO manager on an Arduino Uno: EEMBC's firmware 1.0.3 (protocols.md 2.1), or ours (firmware/io_manager).

It relays lines between host and DUT (``relay``) and times falling edges on its pin D3. Our firmware states
its name in the answer to ``version``, and its extra functions in the answer to ``caps``; EEMBC's firmware is
never asked for ``caps``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from drivers.dut.driver import SerialDut
from drivers.io_managers.relay import PassthroughChannel, Relay
from drivers.links.serial_link import Received, SerialLink
from drivers.links.settings import HIGHEST_BAUD, LONGEST_S, Choices
from drivers.unverified import LOG, Unverified
from energy.instruments import (
    Accuracy,
    Clock,
    Identity,
    IoManagerError,
    IoManagerRefusalError,
    Lap,
    LapTiming,
    Transcript,
)

UNO_BAUD = 115200
DUT_BAUD = 9600
_LAP = re.compile(r"m-lap-(us|tk)-(\d{1,20})")
_OURS = re.compile(r"m-version-\[joulebench [^\]]*\]")
_CAPS = re.compile(r"m-caps-\[([^\]]*)\]")
_LOST = {
    "Edges lost": "The timestamp pin bounces, or has more edges than 115200 baud can report.",
    "DUT line cut": "The DUT sends without a pause, a line is too long, or its UART has another baud rate.",
    "Reset by watchdog": "The IO manager's firmware hung: please report this, with the session's log.",
}
"""Losses that our firmware reports by itself, and a hint for each."""
_NOISE = "DUT bytes lost"
"""A report of lost bytes outside of lines, as when a DUT is powered: the lines themselves are complete."""
_TICK_S = 0.5e-6
"""Seconds in a tick of ``m-lap-tk-``, whose counter has 64 bits (firmware/io_manager/README.md)."""
_WRAP_US = 1 << 32
_TIMEOUT_S = 2.0
CLOCK_ACCURACY = Accuracy(
    *("time", "16 MHz", 0.0, 0.005, 0.0),
    source="assumed: a ceramic resonator (protocols.md 2.1); a Uno that was measured ran 0.25 % slow "
    "(forum.arduino.cc, topic 60457)",
    status="assumed",
    conditions="until the host has fitted the rate",
)
"""Its clock as a line of a specification."""


UNVERIFIED = (
    Unverified(
        "UnoIoManager",
        "Opening the port resets EEMBC's firmware for 2 s, as is general Uno behaviour.",
        "the first command is sent too early and is repeated or times out",
        "open the port and read in `log.txt` when the first answer arrives",
    ),
    Unverified(
        "UnoIoManager.timing",
        "A ceramic resonator is right to 0.5 %; an interrupt is served within 20 us; a message waits for "
        "20 ms at most.",
        "the bound of edges that its clock times, until the rate is fitted",
        "time an edge every minute for an hour against the host's clock",
    ),
    Unverified(
        "UnoIoManager.ticks_timing",
        "Our firmware's time stamps are within 1 us of the edge on a board, as in simavr.",
        "the bound of edges that its clock times",
        "time an edge every minute for an hour against the host's clock",
    ),
    Unverified(
        "UnoIoManager.identify",
        "Forms of the answers to `name` and `version`.",
        "the recorded identity of the IO manager, but no figure",
        LOG,
    ),
    Unverified(
        "UnoIoManager.pulse_s",
        "The answer to `tm 1` is not documented, so it is not checked.",
        "the doctor's verdict on a pulse that is too short, but no figure",
        "send `tm 1` and a `timestamp` to the DUT, and read `log.txt`",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class UnoIoManager(Relay):
    """The Uno, and the DUT behind it.

    Args:
        link: Its port, at 115200 baud.
        dut_baud: Baud rate between Uno and DUT: 9600 with EEMBC's firmware, also 19200 or 38400 with ours.
        reset_s: Duration of the reset that opening the port causes through DTR. 2 s is general Uno behaviour.
        command_timeout_s: Longest time of a command of the DUT other than ``infer``.

    Raises (all methods):
        IoManagerError: ``io.silent``, ``io.garbled``, ``io.incomplete``, ``io.error-answer``,
            ``io.unexpected``, ``io.lost``, ``io.baud``; ``link.*``.
    """

    timing = LapTiming(tick_s=4e-6, late_s=20e-6, message_s=(0.0, 0.02), rate_tolerance=CLOCK_ACCURACY.gain)
    """``micros()`` has steps of 4 us (protocols.md 2.1). The rest: 0.5 % of a ceramic resonator; how
    late an interrupt is served; how long a message waits in the Uno and on USB behind what it relays."""

    ticks_timing = replace(timing, tick_s=1e-6, late_s=1e-6)
    """Our firmware's time stamps are within 1 us of the edge, its steps of 0.5 us and traffic included:
    observed in simavr (tests/firmware)."""

    def __init__(
        self,
        link: SerialLink,
        *,
        dut_baud: int = DUT_BAUD,
        reset_s: float = 2.0,
        command_timeout_s: float = 2.0,
    ) -> None:
        super().__init__(link, firmware="the EEMBC IO manager firmware (1.0.3)", reset_s=reset_s)
        self._laps: list[Lap] = []
        self._epoch_us = 0
        self._last_us = 0
        self._caps: frozenset[str] = frozenset()
        self._dut_baud = dut_baud
        self._losses: list[str] = []
        self._dut = SerialDut(
            PassthroughChannel(self, f"{link.url}: Uno to DUT, TX to RX and RX to TX; {dut_baud} baud 8N1"),
            command_timeout_s=command_timeout_s,
        )

    def identify(self) -> Identity:
        """Sends ``name`` and ``version``. Their answers' forms are not documented, so all is kept."""
        name = self._ask_name()
        try:
            version = self.command("version")
        except IoManagerRefusalError:
            version = []
        details = {"name": " ".join(name)}
        if any(_OURS.fullmatch(line) for line in version):
            found = [caps[1] for line in self.command("caps") if (caps := _CAPS.fullmatch(line))]
            self._caps = frozenset(",".join(found).split(","))
            details["capabilities"] = ",".join(found)
        if "lap-tk" in self._caps:
            self.timing = self.ticks_timing
        self._set_baud()
        return Identity(
            "Arduino Uno IO manager", firmware=" ".join(version), url=self._link.url, details=details
        )

    def command(self, command: str) -> list[str]:
        """Sends a command as in `Relay.command`; a loss that the Uno has reported becomes an error."""
        self._settle()
        self._sort()
        losses, self._losses = self._losses, []
        if losses:
            hint = next(hint for word, hint in _LOST.items() if f"e-[{word}" in losses[0])
            raise IoManagerError(
                "io.lost", f"the IO manager reports {'; '.join(losses[:3])} ({self._link.url})", hint
            )
        return super().command(command)

    def prepare(self) -> None:
        """Sends ``tm 0`` (falling edges), then ``enable-timer``, as ``tm`` disables it (protocols.md 2.1)."""
        self._expect("tm 0", "m-timestmp-mode-FALLING")
        if "lap-tk" in self._caps:
            self._expect("lap tk", "m-lap-tk")
        self._expect("enable-timer", "m-timer-enabled")
        self.laps()  # edges before now belong to no measurement

    def pulse_s(self, mark: Callable[[], object]) -> float | None:
        """Duration of a mark, from both its edges (``tm 1``, protocols.md 2.1).

        Afterwards the Uno is in the state after ``prepare``. The answer to ``tm 1`` is not documented, so
        it is not checked.

        Args:
            mark: Makes the DUT mark its pin, and returns when it has.

        Returns:
            Seconds; 0 for a pulse that is too short to separate its edges; None if no edge came.
        """
        self.command("tm 1")
        self._expect("enable-timer", "m-timer-enabled")
        self.laps()
        mark()
        laps = self.laps()
        self.prepare()
        return laps[-1].own_s - laps[0].own_s if laps else None

    def dut(self) -> SerialDut:
        """The DUT behind the Uno."""
        return self._dut

    def laps(self) -> list[Lap]:
        """The edges since the last call, in the Uno's time, in steps of 4 us, or 0.5 us with our firmware.

        EEMBC's counter wraps every 71.6 minutes; a time that is lower than the one before counts as one wrap,
        so edges that are further apart appear too close by whole wraps. Our firmware's counter does not wrap.
        """
        self._sort()
        laps, self._laps = self._laps, []
        return laps

    def release(self) -> None:
        """Switches the timer off."""
        self._expect("disable-timer", "m-timer-disabled")

    def _set_baud(self) -> None:
        """Sets its baud rate towards the DUT to that of the bench."""
        if "baud" in self._caps:
            self._expect(f"baud {self._dut_baud}", f"m-baud-{self._dut_baud}")
        elif self._dut_baud != DUT_BAUD:
            raise IoManagerError(
                "io.baud",
                f"dut_baud is {self._dut_baud}, but this IO manager's firmware has only {DUT_BAUD}",
                "Leave the setting out, or flash firmware/io_manager.",
            )

    def _patience_s(self) -> float:
        return _TIMEOUT_S

    def _other(self, line: Received) -> bool:
        if any(line.text.startswith(f"e-[{word}") for word in _LOST):
            self._losses.append(line.text)
            return True
        if line.text.startswith(f"e-[{_NOISE}"):
            return True  # it is in the transcript
        lap = _LAP.fullmatch(line.text)
        if lap is None:
            return False
        raw = int(lap.group(2))
        if lap.group(1) == "tk":
            self._laps.append(Lap(raw * _TICK_S, line.time_s))
            return True
        if raw < self._last_us:
            self._epoch_us += _WRAP_US
        self._last_us = raw
        self._laps.append(Lap((self._epoch_us + raw) * 1e-6, line.time_s))
        return True


def open_uno(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> UnoIoManager:
    """Opens an Uno: the bench's IO manager ``uno``.

    Args:
        url: Its port.
        settings: ``baud``, ``dut_baud``, ``reset_s``, ``command_timeout_s``.
        clock: The bench's clock.
        transcript: Receives every line.

    Raises:
        BenchError: ``io.setting``; errors of the link.
    """
    choices = Choices("io", settings)
    baud = choices.pop("baud", UNO_BAUD, 1, HIGHEST_BAUD)
    dut_baud = choices.pop("dut_baud", DUT_BAUD, 1, HIGHEST_BAUD)
    reset_s = choices.pop("reset_s", 2.0, 0.0, LONGEST_S)
    timeout_s = choices.pop("command_timeout_s", 2.0, 0.01, LONGEST_S)
    choices.finish()
    link = SerialLink(url, baud=baud, clock=clock, transcript=transcript, source="io")
    return UnoIoManager(link, dut_baud=dut_baud, reset_s=reset_s, command_timeout_s=timeout_s)
