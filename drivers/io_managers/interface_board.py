"""MLCommons' interface board, an STM32H573I-DK, as IO manager (protocols.md 2.2).

It relays lines between host and DUT and does not time edges in benchmarks of single inferences: the monitor
must do so. Two properties need care. It accepts no command before the DUT has sent ``m-ready``, and waits for
that without limit. And it reads the DUT only during a ``dut`` command: boot messages wait in its buffer and
arrive with the answer to the next command. Their ``m-ready`` ends that command, so every later answer would
be late by one command (protocols.md 1.10; IFB: Test/DeviceUnderTest.cpp, IO/Uart.cpp).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from drivers.dut.driver import SerialDut
from drivers.io_managers.relay import RELAYED, PassthroughChannel, Relay
from drivers.links.channel import READY, babbles
from drivers.links.serial_link import Received, SerialLink
from drivers.links.settings import HIGHEST_BAUD, LONGEST_S, Choices
from drivers.unverified import Unverified
from energy.errors import BenchError
from energy.instruments import (
    Clock,
    Deadline,
    Identity,
    IoManagerError,
    IoManagerSilentError,
    Lap,
    LapTiming,
    LinkError,
    Transcript,
)

BOARD_BAUD = 115200
DUT_BAUD = 9600
NAME = "tinyML Enhanced Interface Board"
_FIRMWARE = "the firmware of MLCommons' interface board"
_CARD = "A micro-SD card (FAT32) must be in the board, even if no sound is played (protocols.md 2.2)."
_BAUD = re.compile(r"(?:baud is: |checkbaud\()(\d+)")
"""Answer to ``checkbaud``; the second form is that of an older firmware (IFB: CLI/InterfaceMenu.cpp)."""
_SET = re.compile(r"(?:set baud to: |setbaud\()(\d+)")
_BOOT = re.compile(r"m-timestamp-mode-|m-init-done")
_RESET_S = 2.0
"""Waiting time in seconds after ``setbaud``, which resets its MCU."""
_BACK_S = 10.0
_LOOK_S = 0.2
_ANSWER_S = 3.0
_HELP_S = 2.0
"""Time in seconds for the DUT's ``help``: about 600 characters at 9600 baud."""


UNVERIFIED = (
    Unverified(
        "_RESET_S",
        "How long the reset after `setbaud` takes is not documented; the driver waits for 2 s.",
        "the first command is sent too early and is repeated or times out",
        "open the port and read in `log.txt` when the first answer arrives",
    ),
)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class InterfaceBoard(Relay):
    """The board, and the DUT behind it.

    Before the first command the driver sends ``name`` (which may fail twice) and ``checkbaud``. The board's
    baud rate towards the DUT is in its flash: the driver writes it only if it differs.

    Args:
        link: Its port, at 115200 baud.
        reopen: Opens the port again, if the board's reset has closed it.
        dut_baud: Baud rate between board and DUT.
        command_timeout_s: Longest time of a command of the DUT other than ``infer``.
        virtual: Whether it is a twin.

    Raises (all methods):
        IoManagerError: ``io.board-hangs`` if it waits for a DUT that does not answer, ``io.out-of-step`` if
            its answers keep belonging to earlier commands, ``io.baud``; ``io.silent``, ``io.garbled``,
            ``io.incomplete``, ``io.error-answer``, ``io.unexpected``; ``link.*``.
    """

    timing: LapTiming | None = None
    """None: it does not time edges."""

    def __init__(
        self,
        link: SerialLink,
        reopen: Callable[[], SerialLink],
        *,
        dut_baud: int = DUT_BAUD,
        command_timeout_s: float = 2.0,
        virtual: bool = False,
    ) -> None:
        super().__init__(link, firmware=_FIRMWARE)
        self._reopen = reopen
        self._dut_baud = dut_baud
        self._virtual = virtual
        self.relaying = False
        self.doubtful = False
        self._dut = SerialDut(
            BoardChannel(self, f"{link.url}: board to DUT, TX to RX and RX to TX; {dut_baud} baud 8N1"),
            command_timeout_s=command_timeout_s,
        )

    def identify(self) -> Identity:
        """Sends ``name`` and ``checkbaud``."""
        self._settle()
        name = self._ask_name()
        return Identity(
            "STM32H573I-DK interface board",
            url=self._link.url,
            virtual=self._virtual,
            details={"name": " ".join(name), "dut_baud": self.check_baud()},
        )

    def prepare(self) -> None:
        """Checks that the board answers and has the DUT's baud rate."""
        self._settle()

    def pulse_s(self, mark: Callable[[], object]) -> float | None:
        """None: it times no edges."""
        return None

    def dut(self) -> SerialDut:
        """The DUT behind the board."""
        return self._dut

    def laps(self) -> list[Lap]:
        """Empty: it does not time edges."""
        return []

    def release(self) -> None:
        """Does nothing: there is nothing to switch off."""

    def check_baud(self) -> int:
        """Baud rate towards the DUT, from ``checkbaud``."""
        lines = self.command("checkbaud")
        found = next((match for line in lines if (match := _BAUD.search(line))), None)
        if found is None:
            raise self._unexpected("baud is: N", "checkbaud", lines)
        return int(found.group(1))

    def set_baud(self, baud: int) -> None:
        """Writes the baud rate into its flash (``setbaud``), which resets it; returns when it is back."""
        lines = self.command(f"setbaud {baud}")
        found = next((match for line in lines if (match := _SET.search(line))), None)
        if found is None or int(found.group(1)) != baud:
            raise self._unexpected(f"set baud to: {baud}", f"setbaud {baud}", lines)
        self._wait_for_reset()
        reported = self.check_baud()
        if reported != baud:
            raise IoManagerError(
                "io.baud",
                f"the interface board ({self._link.url}) was set to {baud} baud; it reports {reported}",
                "Switch its power off and on; or set its rate with another program, and dut_baud to match.",
            )

    def files(self) -> list[str]:
        """Names of the files on its card, from ``ls``."""
        return self.command("ls")

    def command(self, command: str) -> list[str]:
        """Sends a command to the board; returns the lines before its ``m-ready``.

        An unknown command has ``m-ready`` as its only answer, so the caller must check for the expected
        lines.
        """
        self._settle()
        self._sort()
        if self.relaying:
            raise self.hangs([], 0.0)
        self.relaying = command.startswith("dut ")  # before its lines can arrive
        try:
            return super().command(command)
        except BenchError:
            self.relaying = False
            raise

    def put_back(self, lines: list[Received]) -> None:
        """Returns lines of the DUT to the queue, so that they are read again."""
        self._relayed.extendleft(reversed(lines))

    def hangs(self, lines: list[Received], seconds: float) -> IoManagerError:
        """The error for a board that waits for the DUT and accepts no command."""
        arrived = " | ".join(line.text for line in lines[-4:])[-240:]
        return IoManagerError(
            "io.board-hangs",
            f"the DUT behind the interface board ({self._link.url}) was expected to send {READY}"
            + (f" within {seconds:g} s; {arrived or 'nothing'} arrived" if seconds else " and has not")
            + ", and the board waits for it without limit",
            "Switch the board's power off and on. Then check the DUT: is it powered, are TX and RX crossed, "
            f"does it run at {self._dut_baud} baud (dut_baud)? The board takes only a whole line {READY} for "
            "an end: a console that echoes, shows a prompt or ends lines with LF alone makes it wait.",
        )

    def _settle(self) -> None:
        if self._settled:
            return
        self._settled = True
        try:
            name = self._ask_name()
            if NAME not in name:
                raise self._unexpected(NAME, "name", name)
            if self.check_baud() != self._dut_baud:
                self.set_baud(self._dut_baud)
        except IoManagerSilentError as error:
            self._settled = False
            raise IoManagerSilentError(error.code, error.message, f"{error.hint} {_CARD}") from error
        except BenchError:
            self._settled = False
            raise

    def _wait_for_reset(self) -> None:
        """Waits until the board answers after its reset, which may also have closed its port."""
        clock = self._link.clock
        clock.sleep(_RESET_S)
        deadline = Deadline(clock, _BACK_S)
        while True:
            try:
                self.drain()
                self.command("name")
            except IoManagerError:
                if deadline.expired():
                    raise
            except LinkError:
                if deadline.expired():
                    raise
                self._link.close()
                clock.sleep(_LOOK_S)
                self._try_to_open()
            else:
                self.relaying = self.doubtful = False
                return

    def _try_to_open(self) -> None:
        try:
            self._link = self._reopen()
        except LinkError as error:
            self._link.note(f"(not back yet: {error.message})", sent=False)

    def _other(self, line: Received) -> bool:
        if line.text == READY or not line.text.endswith(READY):
            return False
        # Its last m-ready can be joined to the line before it (protocols.md 2.2).
        self._own.append(replace(line, text=line.text.removesuffix(READY)))
        self._own.append(replace(line, text=READY))
        return True

    def _classify(self, line: Received) -> None:
        super()._classify(line)
        if line.text == RELAYED + READY:
            self.relaying = False
        elif line.text.startswith(RELAYED) and _BOOT.search(line.text):
            self.doubtful = True

    def _unexpected(self, expected: str, command: str, lines: list[str]) -> IoManagerError:
        return IoManagerError(
            "io.unexpected",
            f"{expected!r} was expected after `{command}`, but {lines!r} arrived ({self._link.url})",
            f"Is {_FIRMWARE} on it? It answers unknown commands only with {READY}.",
        )


class BoardChannel(PassthroughChannel):
    """The channel to the DUT through the board, kept synchronised: each answer belongs to its own command.

    Args:
        manager: The board.
        wire: Names of the wires behind it, for hints.
    """

    def __init__(self, manager: InterfaceBoard, wire: str) -> None:
        super().__init__(manager, wire)
        self._board = manager
        self._last_lines: list[Received] = []

    def send(self, command: str) -> None:
        """Sends a command through the board, after the earlier command has ended."""
        if self._board.relaying:
            self._lines_up_to_ready(Deadline(self.clock, _ANSWER_S))
        if self._board.doubtful:
            self._synchronise()
        self._last_lines = []
        super().send(command)

    def take_lines(self) -> list[Received]:
        """The DUT's lines that have arrived; if the DUT has booted, the board is synchronised afterwards."""
        lines = super().take_lines()
        if self._board.doubtful:
            if self._board.relaying:
                lines += self._lines_up_to_ready(Deadline(self.clock, _ANSWER_S))
            self._synchronise()
            if any(_BOOT.search(line.text) for line in self._last_lines):
                return []  # the rest of boot messages that were returned earlier
        return lines

    def read_line(self, deadline: Deadline) -> Received | None:
        """The DUT's next line; None if none arrives in time.

        The board passes on boot messages only with the answer to a command. So if no command runs, ``name``
        is sent first: a DUT that is still booting ignores it, and the ``m-ready`` of the boot ends it.
        """
        lines = super().take_lines()
        if lines:
            self._board.put_back(lines)
        elif not self._board.relaying:
            self._listen(deadline)
        line = super().read_line(deadline)
        if line is not None:
            self._last_lines = [*self._last_lines[-3:], line]
        elif self._board.relaying:
            raise self._board.hangs(self._last_lines, deadline.seconds)
        return line

    def _listen(self, deadline: Deadline) -> None:
        self.note("(sending `name`, to receive the DUT's boot messages)")
        super().send("name")
        lines = self._lines_up_to_ready(deadline)
        if self._board.doubtful or not _has(lines, "m-name-dut-["):
            self._synchronise()
        self._board.put_back(lines)

    def _synchronise(self) -> None:
        """Makes sure that each answer belongs to its own command.

        If not, a surplus answer waits in the board's buffer of 100 bytes (IFB: IO/Uart.cpp). The answer to
        ``help`` is longer: while the board does not read, its end with ``m-ready`` is lost, and the rest
        comes before the next answer.
        """
        self._board.doubtful = False
        if self._synchronised():
            return
        self.note("(the DUT's answers are late by one command: synchronising with `help`)")
        self._ask("help")
        self.clock.sleep(_HELP_S)
        self._ask("name")
        if not self._synchronised():
            self._board.doubtful = True
            raise IoManagerError(
                "io.out-of-step",
                f"the DUT behind the interface board ({self._board.link.url}) keeps answering commands "
                "that were sent before the last one",
                "Switch the board's power off and on while the DUT is on, so that its buffer is empty.",
            )

    def _synchronised(self) -> bool:
        profile, name = self._ask("profile"), self._ask("name")
        return _has(profile, "m-profile-[") and _has(name, "m-name-dut-[")

    def _ask(self, command: str) -> list[Received]:
        super().send(command)
        return self._lines_up_to_ready(Deadline(self.clock, _ANSWER_S))

    def _lines_up_to_ready(self, deadline: Deadline) -> list[Received]:
        """The lines of an answer, with its ``m-ready``.

        Raises:
            IoManagerError: ``io.board-hangs`` if it does not arrive in time.
        """
        lines: list[Received] = []
        while (line := super().read_line(deadline)) is not None:
            lines.append(line)
            if line.text == READY:
                return lines
            if babbles(deadline):
                break
        if not self._board.relaying:
            return lines
        raise self._board.hangs(lines, deadline.seconds)


def _has(lines: list[Received], text: str) -> bool:
    return any(text in line.text for line in lines)


def open_interface_board(
    url: str, *, settings: dict[str, Any], clock: Clock, transcript: Transcript
) -> InterfaceBoard:
    """Opens an interface board: the bench's IO manager ``interface-board``.

    Args:
        url: Its port.
        settings: ``baud`` (115200), ``dut_baud`` (9600), ``command_timeout_s`` (2), ``virtual``.
        clock: The bench's clock.
        transcript: Receives every line.

    Raises:
        BenchError: ``io.setting``; ``link.*``.
    """
    choices = Choices("io", settings)
    baud = choices.pop("baud", BOARD_BAUD, 1, HIGHEST_BAUD)
    dut_baud = choices.pop("dut_baud", DUT_BAUD, 1, HIGHEST_BAUD)
    timeout_s = choices.pop("command_timeout_s", 2.0, 0.01, LONGEST_S)
    choices.finish()

    def link() -> SerialLink:
        return SerialLink(url, baud=baud, clock=clock, transcript=transcript, source="io")

    return InterfaceBoard(
        link(), link, dut_baud=dut_baud, command_timeout_s=timeout_s, virtual=choices.virtual
    )
