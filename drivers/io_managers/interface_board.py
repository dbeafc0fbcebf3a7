"""MLCommons' interface board, an STM32H573I-DK, as IO manager (protocols.md 2.2).

It relays lines between host and DUT and times nothing in benchmarks with single inferences: edges must come
from the monitor. Two things about it want care. It takes no command before the DUT has said ``m-ready``, and
waits for that without limit. And it reads the DUT only while a ``dut`` command is under way: boot messages
wait in its buffer, come with the answer to the next command, and their ``m-ready`` ends that command, so that
every answer would be one command late (protocols.md 1.10; IFB: Test/DeviceUnderTest.cpp, IO/Uart.cpp).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from drivers.dut.driver import SerialDut
from drivers.io_managers.relay import RELAYED, PassthroughChannel, Relay
from drivers.links.channel import READY
from drivers.links.serial_link import Received, SerialLink
from energy.errors import BenchError
from energy.instruments import Clock, Deadline, Identity, Lap, LapTiming, Transcript

BOARD_BAUD = 115200
DUT_BAUD = 9600
NAME = "tinyML Enhanced Interface Board"
_FIRMWARE = "the firmware of MLCommons' interface board"
_CARD = "A micro-SD card (FAT32) must be in the board, even where nothing is played (protocols.md 2.2)."
_BAUD = re.compile(r"(?:baud is: |checkbaud\()(\d+)")
"""The answer to ``checkbaud``; the second form is that of an older firmware (IFB: CLI/InterfaceMenu.cpp)."""
_SET = re.compile(r"(?:set baud to: |setbaud\()(\d+)")
_BOOT = re.compile(r"m-timestamp-mode-|m-init-done")
_RESET_S = 2.0
"""How long is waited after ``setbaud`` resets its MCU. How long it is away is not known [U]."""
_BACK_S = 10.0
_LOOK_S = 0.2
_ANSWER_S = 3.0
_HELP_S = 2.0
"""How long the DUT may print its ``help``: some 600 characters at 9600 baud."""
_SETTINGS = ("baud", "dut_baud", "command_timeout_s", "virtual")


class InterfaceBoard(Relay):
    """The board, and the way to the DUT behind it.

    The first thing that is asked of it is preceded by ``name`` (which may fail twice) and ``checkbaud``. Its
    rate towards the DUT lies in flash: it is set only if it is another one.

    Args:
        link: Its port, at 115200 baud.
        reopen: Opens the port again, where the board's reset has taken it away.
        dut_baud: The rate between board and DUT.
        command_timeout_s: How long a command of the DUT other than ``infer`` may take.
        virtual: Whether it is a twin.

    Raises (all methods):
        BenchError: ``io.board-hangs`` if it waits for a DUT that does not answer, ``io.out-of-step`` if its
            answers are those of earlier commands and stay so, ``io.baud``; ``io.silent``, ``io.garbled``,
            ``io.incomplete``, ``io.error-answer``, ``io.unexpected``; ``link.*``.
    """

    timing: LapTiming | None = None
    """It times no edges."""

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
        """Asks ``name`` and ``checkbaud``."""
        self._settle()
        name = self._ask_name()
        return Identity(
            "STM32H573I-DK interface board",
            url=self._link.url,
            virtual=self._virtual,
            details={"name": " ".join(name), "dut_baud": self.check_baud()},
        )

    def prepare(self) -> None:
        """Sees that the board answers and has the DUT's baud rate."""
        self._settle()

    def pulse_s(self, mark: Callable[[], object]) -> float | None:
        """None: it times no edges."""
        return None

    def dut(self) -> SerialDut:
        """The DUT behind it."""
        return self._dut

    def laps(self) -> list[Lap]:
        """None: it times no edges."""
        return []

    def release(self) -> None:
        """Nothing is on that could be switched off."""

    def check_baud(self) -> int:
        """``checkbaud``: its rate towards the DUT."""
        lines = self.command("checkbaud")
        found = next((match for line in lines if (match := _BAUD.search(line))), None)
        if found is None:
            raise self._unexpected("baud is: N", "checkbaud", lines)
        return int(found.group(1))

    def set_baud(self, baud: int) -> None:
        """``setbaud``: writes the rate into its flash, which resets it; returns when it is back with it."""
        lines = self.command(f"setbaud {baud}")
        found = next((match for line in lines if (match := _SET.search(line))), None)
        if found is None or int(found.group(1)) != baud:
            raise self._unexpected(f"set baud to: {baud}", f"setbaud {baud}", lines)
        self._come_back()
        came = self.check_baud()
        if came != baud:
            raise BenchError(
                "io.baud",
                f"the interface board ({self._link.url}) was set to {baud} baud; `checkbaud` says {came}",
                "Power it anew; else set it with another program, and the same dut_baud in the bench file.",
            )

    def files(self) -> list[str]:
        """``ls``: names of the files on its card."""
        return self.command("ls")

    def command(self, command: str) -> list[str]:
        """Sends a command to the board; returns the lines before its ``m-ready``.

        Unknown commands are answered by ``m-ready`` alone: what is expected must be looked for.
        """
        self._settle()
        self._sort()
        if self.relaying:
            raise self.hangs([], 0.0)
        self.relaying = command.startswith("dut ")  # before its lines can come
        try:
            return super().command(command)
        except BenchError:
            self.relaying = False
            raise

    def put_back(self, lines: list[Received]) -> None:
        """Has lines of the DUT read once more."""
        self._relayed.extendleft(reversed(lines))

    def hangs(self, lines: list[Received], seconds: float) -> BenchError:
        """The error for a board that waits for the DUT, and takes no command."""
        came = " | ".join(line.text for line in lines[-4:])[-240:]
        return BenchError(
            "io.board-hangs",
            f"the DUT behind the interface board ({self._link.url}) was expected to say {READY}"
            + (f" within {seconds:g} s; {came or 'nothing'} came" if seconds else " and has not")
            + ", and the board waits for it without limit",
            "Power the board anew. Then look at the DUT: is it powered, are its TX and RX crossed, does it "
            f"run at {self._dut_baud} baud (dut_baud)?",
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
        except BenchError as error:
            self._settled = False
            if error.code == "io.silent":
                raise BenchError(error.code, error.message, f"{error.hint} {_CARD}") from error
            raise

    def _come_back(self) -> None:
        """Waits until the board answers after its reset; its port may have been away meanwhile."""
        clock = self._link.clock
        clock.sleep(_RESET_S)
        deadline = Deadline(clock, _BACK_S)
        while True:
            try:
                self.drain()
                self.command("name")
            except BenchError as error:
                if deadline.expired():
                    raise
                if error.code.startswith("link."):
                    self._link.close()
                    clock.sleep(_LOOK_S)
                    self._try_to_open()
                elif not error.code.startswith("io."):
                    raise
            else:
                self.relaying = self.doubtful = False
                return

    def _try_to_open(self) -> None:
        try:
            self._link = self._reopen()
        except BenchError as error:
            self._link.note(f"(not back yet: {error.message})", sent=False)

    def _other(self, line: Received) -> bool:
        if line.text == READY or not line.text.endswith(READY):
            return False
        # Its last m-ready can be glued to a line before it (protocols.md 2.2).
        self._own.append(replace(line, text=line.text.removesuffix(READY)))
        self._own.append(replace(line, text=READY))
        return True

    def _classify(self, line: Received) -> None:
        super()._classify(line)
        if line.text == RELAYED + READY:
            self.relaying = False
        elif line.text.startswith(RELAYED) and _BOOT.search(line.text):
            self.doubtful = True

    def _unexpected(self, expected: str, command: str, lines: list[str]) -> BenchError:
        return BenchError(
            "io.unexpected",
            f"{expected!r} was expected after `{command}`; {lines!r} came ({self._link.url})",
            f"Is {_FIRMWARE} on it? It answers commands that it does not know by {READY} alone.",
        )


class BoardChannel(PassthroughChannel):
    """The way to the DUT through the board, kept in step: an answer is that of the command before it.

    Args:
        manager: The board.
        wire: The wires behind it, for hints.
    """

    def __init__(self, manager: InterfaceBoard, wire: str) -> None:
        super().__init__(manager, wire)
        self._board = manager
        self._heard: list[Received] = []

    def send(self, command: str) -> None:
        """Has the board send a command, after the one before has ended."""
        if self._board.relaying:
            self._lines_up_to_ready(Deadline(self.clock, _ANSWER_S))
        if self._board.doubtful:
            self._get_in_step()
        self._heard = []
        super().send(command)

    def take_lines(self) -> list[Received]:
        """The DUT's lines that are here already; where it has booted, the board is in step afterwards."""
        lines = super().take_lines()
        if self._board.doubtful:
            if self._board.relaying:
                lines += self._lines_up_to_ready(Deadline(self.clock, _ANSWER_S))
            self._get_in_step()
            if any(_BOOT.search(line.text) for line in self._heard):
                return []  # the rest of boot messages that have been told already
        return lines

    def read_line(self, deadline: Deadline) -> Received | None:
        """The DUT's next line.

        What the DUT says unasked, at boot, the board tells only with the answer to a command. So where none
        is under way, ``name`` goes first: a DUT that still boots drops it, and its ``m-ready`` ends it.
        """
        lines = super().take_lines()
        if lines:
            self._board.put_back(lines)
        elif not self._board.relaying:
            self._listen(deadline)
        line = super().read_line(deadline)
        if line is not None:
            self._heard = [*self._heard[-3:], line]
        elif self._board.relaying:
            raise self._board.hangs(self._heard, deadline.seconds)
        return line

    def _listen(self, deadline: Deadline) -> None:
        self.note("(asking the DUT's name, for what it may have said unasked)")
        super().send("name")
        lines = self._lines_up_to_ready(deadline)
        if self._board.doubtful or not _has(lines, "m-name-dut-["):
            self._get_in_step()
        self._board.put_back(lines)

    def _get_in_step(self) -> None:
        """Makes sure that an answer is that of its own command.

        Where it is not, one answer too many waits in the board's buffer of 100 bytes (IFB: IO/Uart.cpp). That
        of ``help`` is longer: while the board does not read, its end with ``m-ready`` is lost, and what is
        left goes before the next answer.
        """
        self._board.doubtful = False
        if self._in_step():
            return
        self.note("(the DUT's answers are late by one command: getting into step by `help`)")
        self._ask("help")
        self.clock.sleep(_HELP_S)
        self._ask("name")
        if not self._in_step():
            self._board.doubtful = True
            raise BenchError(
                "io.out-of-step",
                f"behind the interface board ({self._board.link.url}) answers of the DUT are those of "
                "commands before, and stay so",
                "Power the board anew while the DUT is on, so that its buffer is empty.",
            )

    def _in_step(self) -> bool:
        profile, name = self._ask("profile"), self._ask("name")
        return _has(profile, "m-profile-[") and _has(name, "m-name-dut-[")

    def _ask(self, command: str) -> list[Received]:
        super().send(command)
        return self._lines_up_to_ready(Deadline(self.clock, _ANSWER_S))

    def _lines_up_to_ready(self, deadline: Deadline) -> list[Received]:
        """The lines of an answer, its ``m-ready`` included.

        Raises:
            BenchError: ``io.board-hangs`` if it does not come in time.
        """
        lines: list[Received] = []
        while (line := super().read_line(deadline)) is not None:
            lines.append(line)
            if line.text == READY:
                return lines
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
        transcript: Takes every line.

    Raises:
        BenchError: ``io.setting``; ``link.*``.
    """
    unknown = sorted(set(settings) - set(_SETTINGS))
    numbers = {"baud": BOARD_BAUD, "dut_baud": DUT_BAUD, "command_timeout_s": 2.0} | settings
    wrong = [
        name
        for name in ("baud", "dut_baud", "command_timeout_s")
        if not isinstance(numbers[name], (int, float))
        or isinstance(numbers[name], bool)
        or numbers[name] <= 0
    ]
    if unknown or wrong:
        raise BenchError(
            "io.setting",
            f"the interface board has no setting {', '.join(unknown)}"
            if unknown
            else f"{wrong[0]} of the interface board is a positive number, not {settings[wrong[0]]!r}",
            f"It has: {', '.join(_SETTINGS[:-1])}.",
        )

    def link() -> SerialLink:
        return SerialLink(url, baud=int(numbers["baud"]), clock=clock, transcript=transcript, source="io")

    return InterfaceBoard(
        link(),
        link,
        dut_baud=int(numbers["dut_baud"]),
        command_timeout_s=float(numbers["command_timeout_s"]),
        virtual=bool(settings.get("virtual", False)),
    )
