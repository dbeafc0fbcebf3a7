"""The EEMBC IO manager on an Arduino Uno (firmware 1.0.3; protocols.md 2.1).

It relays lines between host and DUT and times falling edges on its pin D3. Two different ends matter:
``m-ready`` means that the Uno has accepted a command, ``[dut]: m-ready`` that the DUT has finished one.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace
from typing import Any

from drivers.dut import SerialDut
from drivers.links.channel import READY, RELAYED_DB_BYTES, no_answer, read_until, terminated
from drivers.links.serial_link import Received, SerialLink
from energy.errors import BenchError
from energy.instruments import Clock, Deadline, Identity, Lap, LapTiming, Transcript

UNO_BAUD = 115200
_DUT = "[dut]: "
_LAP = re.compile(r"m-lap-us-(\d+)")
_WRAP_US = 1 << 32
_TIMEOUT_S = 2.0
_QUIET_S = 0.1
_DRAIN_S = 3.0
_TRIES = 3
"""The first ``name`` after opening the port fails in most published logs (protocols.md 2.2)."""


class UnoIoManager:
    """The Uno, and the way to the DUT behind it.

    Args:
        link: Its port, at 115200 baud.
        dut_baud: The rate between Uno and DUT, for hints: 9600 in this firmware.
        reset_s: How long it is away after its port was opened, which resets it through DTR. 2 s is general
            Uno behaviour, unverified with this firmware [U].
        command_timeout_s: How long a command of the DUT other than ``infer`` may take.

    Raises (all methods):
        BenchError: ``io.silent``, ``io.garbled``, ``io.incomplete``, ``io.error-answer``, ``io.unexpected``;
            ``link.*``.
    """

    timing = LapTiming(tick_s=4e-6, late_s=20e-6, message_s=(0.0, 0.02), rate_tolerance=0.005)
    """``micros()`` has steps of 4 us (protocols.md 2.1). Unverified [U]: 0.5 % of a ceramic resonator; how
    late an interrupt is served; how long a message waits in the Uno and on USB behind what it relays."""

    def __init__(
        self, link: SerialLink, *, dut_baud: int = 9600, reset_s: float = 2.0, command_timeout_s: float = 2.0
    ) -> None:
        self._link = link
        self._away = Deadline(link.clock, reset_s)
        self._settled = False
        self._own: deque[Received] = deque()
        self._relayed: deque[Received] = deque()
        self._laps: list[Lap] = []
        self._epoch_us = 0
        self._last_us = 0
        self._dut = SerialDut(
            PassthroughChannel(self, f"{link.url}: Uno to DUT, TX to RX and RX to TX; {dut_baud} baud 8N1"),
            command_timeout_s=command_timeout_s,
        )

    def identify(self) -> Identity:
        """Asks ``name`` and ``version``, whose answers' forms are not documented [U]: they are kept whole."""
        name: list[str] = []
        for attempt in range(_TRIES):
            try:
                name = self.command("name")
                break
            except BenchError as error:
                if attempt == _TRIES - 1 or not error.code.startswith("io."):
                    raise
                self.drain()
        try:
            version = self.command("version")
        except BenchError as error:
            if error.code != "io.error-answer":
                raise
            version = []
        return Identity(
            "Arduino Uno IO manager",
            firmware=" ".join(version),
            url=self._link.url,
            details={"name": " ".join(name)},
        )

    def prepare(self) -> None:
        """``tm 0`` (falling edges), then ``enable-timer``: ``tm`` disables the timer (protocols.md 2.1)."""
        self._expect("tm 0", "m-timestmp-mode-FALLING")
        self._expect("enable-timer", "m-timer-enabled")
        self.laps()  # edges before now are nobody's

    def dut(self) -> SerialDut:
        """The DUT behind it."""
        return self._dut

    def laps(self) -> list[Lap]:
        """The edges since the last call, in the Uno's time, in steps of 4 us.

        Its counter wraps every 71.6 minutes; a time below the one before is taken for one wrap, so two edges
        that are further apart come out too close by whole wraps.
        """
        self._sort()
        laps, self._laps = self._laps, []
        return laps

    def release(self) -> None:
        """Timer off."""
        self._expect("disable-timer", "m-timer-disabled")

    def close(self) -> None:
        """Closes the port."""
        self._link.close()

    @property
    def link(self) -> SerialLink:
        """The port."""
        return self._link

    def command(self, command: str) -> list[str]:
        """Sends a command to the Uno itself; returns the lines before its ``m-ready``."""
        self._settle()
        self._sort()
        self._own.clear()
        deadline = Deadline(self._link.clock, _TIMEOUT_S)
        self._link.write(terminated(command))
        lines, ready = read_until(self._read_own, READY, deadline)
        if not ready:
            wire = f"{self._link.url}, USB of the IO manager, {self._link.baud} baud"
            raise no_answer(
                "io", f"{READY} after `{command[:30]}`", wire, lines, self._link.pending, _TIMEOUT_S
            )
        for line in lines:
            if "e-[" in line.text:
                raise BenchError(
                    "io.error-answer",
                    f"the IO manager answered `{command[:30]}` by {line.text!r} ({self._link.url})",
                    "Is the EEMBC IO manager firmware (1.0.3) on it? Bytes sent while it relays get lost.",
                )
        return [line.text for line in lines]

    def read_relayed(self, deadline: Deadline) -> Received | None:
        """The DUT's next line; None if none came in time."""
        return self._next(self._relayed, deadline)

    def take_relayed(self) -> list[Received]:
        """The DUT's lines that are here already."""
        self._settle()
        self._sort()
        lines = list(self._relayed)
        self._relayed.clear()
        return lines

    def drain(self) -> None:
        """Lets the line become quiet and forgets what comes, except the times of edges."""
        for line in self._link.drain(_QUIET_S, _DRAIN_S):
            self._classify(line)
        self._own.clear()
        self._relayed.clear()

    def _expect(self, command: str, answer: str) -> None:
        lines = self.command(command)
        if answer not in lines:
            raise BenchError(
                "io.unexpected",
                f"{answer!r} was expected after `{command}`; {lines!r} came ({self._link.url})",
                "Is the EEMBC IO manager firmware (1.0.3) on it?",
            )

    def _settle(self) -> None:
        """Lets the reset pass that opening the port has caused."""
        if not self._settled:
            self._link.clock.sleep(self._away.remaining())
            self._settled = True

    def _read_own(self, deadline: Deadline) -> Received | None:
        return self._next(self._own, deadline)

    def _next(self, kind: deque[Received], deadline: Deadline) -> Received | None:
        self._sort()
        while not kind:
            line = self._link.read_line(deadline)
            if line is None:
                return None
            self._classify(line)
        return kind.popleft()

    def _sort(self) -> None:
        for line in self._link.take_lines():
            self._classify(line)

    def _classify(self, line: Received) -> None:
        if line.text.startswith(_DUT):
            self._relayed.append(replace(line, text=line.text.removeprefix(_DUT)))
        elif lap := _LAP.fullmatch(line.text):
            raw = int(lap.group(1))
            if raw < self._last_us:
                self._epoch_us += _WRAP_US
            self._last_us = raw
            self._laps.append(Lap((self._epoch_us + raw) * 1e-6, line.time_s))
        else:
            self._own.append(line)


class PassthroughChannel:
    """The way to the DUT through the Uno: ``dut <command>%`` (protocols.md 2.1).

    Args:
        manager: The Uno.
        wire: The wires behind it, for hints.
    """

    def __init__(self, manager: UnoIoManager, wire: str) -> None:
        self._manager = manager
        self.wire = wire
        self.db_bytes = RELAYED_DB_BYTES

    @property
    def clock(self) -> Clock:
        """The clock of the Uno's link."""
        return self._manager.link.clock

    def send(self, command: str) -> None:
        """Has the Uno send a command; returns when it has said that it did."""
        lines = self._manager.command(f"dut {command}")
        expected = f"m-dut-passthrough({command})"
        if expected not in lines:
            raise BenchError(
                "io.unexpected",
                f"{expected!r} was expected; {lines!r} came ({self._manager.link.url})",
                "Bytes were lost between host and IO manager: nothing else may talk to its port.",
            )

    def read_line(self, deadline: Deadline) -> Received | None:
        """The DUT's next line."""
        return self._manager.read_relayed(deadline)

    def take_lines(self) -> list[Received]:
        """The DUT's lines that are here already."""
        return self._manager.take_relayed()

    def pending(self) -> str:
        """What has come of a line that has not ended yet."""
        return self._manager.link.pending

    def drain(self) -> None:
        """Lets the line become quiet."""
        self._manager.drain()

    def note(self, text: str) -> None:
        """Writes a remark into the transcript."""
        self._manager.link.note(text, sent=False)

    def close(self) -> None:
        """Nothing: the port belongs to the IO manager."""


def open_uno(url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript) -> UnoIoManager:
    """Opens an Uno: the bench's IO manager ``uno``.

    Args:
        url: Its port.
        settings: ``baud``, ``dut_baud``, ``reset_s``, ``command_timeout_s``.
        clock: The bench's clock.
        transcript: Takes every line.
    """
    link = SerialLink(
        url, baud=int(settings.get("baud", UNO_BAUD)), clock=clock, transcript=transcript, source="io"
    )
    return UnoIoManager(
        link,
        dut_baud=int(settings.get("dut_baud", 9600)),
        reset_s=float(settings.get("reset_s", 2.0)),
        command_timeout_s=float(settings.get("command_timeout_s", 2.0)),
    )
