"""The IO manager on an Arduino Uno: EEMBC's firmware 1.0.3 (protocols.md 2.1), or ours (firmware/io_manager).

It relays lines between host and DUT (``relay``) and times falling edges on its pin D3. Ours says in its
``version`` who it is, and then in ``caps`` what it can do besides; EEMBC's is never asked for that.
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
from energy.errors import BenchError
from energy.instruments import Clock, Identity, Lap, LapTiming, Transcript

UNO_BAUD = 115200
DUT_BAUD = 9600
_LAP = re.compile(r"m-lap-(us|tk)-(\d+)")
_OURS = re.compile(r"m-version-\[joulebench [^\]]*\]")
_CAPS = re.compile(r"m-caps-\[([^\]]*)\]")
_LOST = {
    "Edges lost": "The timestamp pin bounces, or makes more edges than 115200 baud can tell.",
    "DUT line cut": "The DUT babbles, a line is too long, or its UART runs at another rate.",
    "Reset by watchdog": "The IO manager's firmware hung: please report this, with the session's log.",
}
"""What our firmware says unasked of something that matters, and what helps."""
_NOISE = "DUT bytes lost"
"""Likewise of bytes outside any line, as when a DUT gets its power: the lines themselves are whole."""
_TICK_S = 0.5e-6
"""What ``m-lap-tk-`` counts, in 64 bits (firmware/io_manager/README.md)."""
_WRAP_US = 1 << 32
_TIMEOUT_S = 2.0


class UnoIoManager(Relay):
    """The Uno, and the way to the DUT behind it.

    Args:
        link: Its port, at 115200 baud.
        dut_baud: The rate between Uno and DUT: 9600 with EEMBC's firmware, also 19200 or 38400 with ours.
        reset_s: How long it is away after its port was opened, which resets it through DTR. 2 s is general
            Uno behaviour, unverified with this firmware [U].
        command_timeout_s: How long a command of the DUT other than ``infer`` may take.

    Raises (all methods):
        BenchError: ``io.silent``, ``io.garbled``, ``io.incomplete``, ``io.error-answer``, ``io.unexpected``,
            ``io.lost``, ``io.baud``; ``link.*``.
    """

    timing = LapTiming(tick_s=4e-6, late_s=20e-6, message_s=(0.0, 0.02), rate_tolerance=0.005)
    """``micros()`` has steps of 4 us (protocols.md 2.1). Unverified [U]: 0.5 % of a ceramic resonator; how
    late an interrupt is served; how long a message waits in the Uno and on USB behind what it relays."""

    ticks_timing = replace(timing, tick_s=1e-6, late_s=1e-6)
    """Our firmware's stamps lie within 1 us of the edge on either side, steps of 0.5 us and traffic included:
    seen in simavr (tests/firmware), on a board unverified [U]."""

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
        """Asks ``name`` and ``version``, whose answers' forms are not documented [U]: they are kept whole."""
        name = self._ask_name()
        try:
            version = self.command("version")
        except BenchError as error:
            if error.code != "io.error-answer":
                raise
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
        """As `Relay.command`; what it has reported as lost is never passed over."""
        self._settle()
        self._sort()
        losses, self._losses = self._losses, []
        if losses:
            hint = next(hint for word, hint in _LOST.items() if f"e-[{word}" in losses[0])
            raise BenchError(
                "io.lost", f"the IO manager reports {'; '.join(losses[:3])} ({self._link.url})", hint
            )
        return super().command(command)

    def prepare(self) -> None:
        """``tm 0`` (falling edges), then ``enable-timer``: ``tm`` disables the timer (protocols.md 2.1)."""
        self._expect("tm 0", "m-timestmp-mode-FALLING")
        if "lap-tk" in self._caps:
            self._expect("lap tk", "m-lap-tk")
        self._expect("enable-timer", "m-timer-enabled")
        self.laps()  # edges before now are nobody's

    def pulse_s(self, mark: Callable[[], object]) -> float | None:
        """How long a mark holds the pin, by both its edges (``tm 1``, protocols.md 2.1); then as ``prepare``.

        What ``tm 1`` answers is not documented [U], so it is not looked at.

        Args:
            mark: Has the DUT make a mark, and returns when it has.

        Returns:
            Seconds, 0 for a pulse too short for two edges to be told apart; None if no edge came.
        """
        self.command("tm 1")
        self._expect("enable-timer", "m-timer-enabled")
        self.laps()
        mark()
        laps = self.laps()
        self.prepare()
        return laps[-1].own_s - laps[0].own_s if laps else None

    def dut(self) -> SerialDut:
        """The DUT behind it."""
        return self._dut

    def laps(self) -> list[Lap]:
        """The edges since the last call, in the Uno's time, in steps of 4 us, or of 0.5 us with our firmware.

        EEMBC's counter wraps every 71.6 minutes; a time below the one before is taken for one wrap, so two
        edges that are further apart come out too close by whole wraps. Ours does not wrap.
        """
        self._sort()
        laps, self._laps = self._laps, []
        return laps

    def release(self) -> None:
        """Timer off."""
        self._expect("disable-timer", "m-timer-disabled")

    def _set_baud(self) -> None:
        """Has it talk to the DUT at the bench's rate."""
        if "baud" in self._caps:
            self._expect(f"baud {self._dut_baud}", f"m-baud-{self._dut_baud}")
        elif self._dut_baud != DUT_BAUD:
            raise BenchError(
                "io.baud",
                f"dut_baud is {self._dut_baud}, and this IO manager's firmware knows {DUT_BAUD} only",
                "Leave the setting out, or flash firmware/io_manager.",
            )

    def _patience_s(self) -> float:
        return _TIMEOUT_S

    def _other(self, line: Received) -> bool:
        if any(line.text.startswith(f"e-[{word}") for word in _LOST):
            self._losses.append(line.text)
            return True
        if line.text.startswith(f"e-[{_NOISE}"):
            return True  # it stands in the transcript
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
        transcript: Takes every line.

    Raises:
        BenchError: ``io.setting``; those of the link.
    """
    choices = Choices("io", settings)
    baud = choices.take("baud", UNO_BAUD, 1, HIGHEST_BAUD)
    dut_baud = choices.take("dut_baud", DUT_BAUD, 1, HIGHEST_BAUD)
    reset_s = choices.take("reset_s", 2.0, 0.0, LONGEST_S)
    timeout_s = choices.take("command_timeout_s", 2.0, 0.01, LONGEST_S)
    choices.finish()
    link = SerialLink(url, baud=baud, clock=clock, transcript=transcript, source="io")
    return UnoIoManager(link, dut_baud=dut_baud, reset_s=reset_s, command_timeout_s=timeout_s)
