"""Common parts of IO managers: their own answers and the DUT's lines share a port and are separated here.

Two different ends matter (protocols.md 2.1, 2.2): ``m-ready`` means that the IO manager has accepted a
command, ``[dut]: m-ready`` that the DUT has completed a command.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from drivers.links.channel import READY, RELAYED_DB_BYTES, babbles, no_answer, read_until, terminated
from drivers.links.serial_link import Received, SerialLink
from energy.instruments import Clock, Deadline, IoManagerError, IoManagerRefusalError

RELAYED = "[dut]: "
"""Beginning of a line of the DUT."""
_QUIET_S = 0.1
_DRAIN_S = 3.0
_TRIES = 3
"""Attempts at ``name``: the first after opening the port fails in most published logs (protocols.md 2.2)."""


class Relay:
    """An IO manager: its commands, and the lines of the DUT behind it.

    Args:
        link: Its port.
        firmware: Name of its firmware, for hints.
        reset_s: Duration of the reset that opening its port causes.

    Raises (all methods):
        IoManagerError: ``io.silent``, ``io.garbled``, ``io.incomplete``, ``io.error-answer``,
            ``io.unexpected``.
        LinkError: ``link.*``.
    """

    def __init__(self, link: SerialLink, *, firmware: str, reset_s: float = 0.0) -> None:
        self._link = link
        self._firmware = firmware
        self._away = Deadline(link.clock, reset_s)
        self._settled = False
        self._own: deque[Received] = deque()
        self._relayed: deque[Received] = deque()

    @property
    def link(self) -> SerialLink:
        """The port."""
        return self._link

    def close(self) -> None:
        """Closes the port."""
        self._link.close()

    def command(self, command: str) -> list[str]:
        """Sends a command to the IO manager itself; returns the lines before its ``m-ready``."""
        self._settle()
        self._sort()
        self._own.clear()
        timeout_s = self._patience_s()
        deadline = Deadline(self._link.clock, timeout_s)
        self._link.write(terminated(command))
        lines, ready = read_until(self._read_own, READY, deadline)
        if not ready:
            wire = f"{self._link.url}, USB of the IO manager, {self._link.baud} baud"
            raise no_answer(
                "io", f"{READY} after `{command[:30]}`", wire, lines, self._link.pending, timeout_s
            )
        for line in lines:
            if "e-[" in line.text:
                raise IoManagerRefusalError(
                    "io.error-answer",
                    f"the IO manager answered `{command[:30]}` with {line.text!r} ({self._link.url})",
                    f"Is {self._firmware} on it? It loses bytes that arrive while it relays.",
                )
        return [line.text for line in lines]

    def read_relayed(self, deadline: Deadline) -> Received | None:
        """The DUT's next line; None if none arrives in time."""
        return self._next(self._relayed, deadline)

    def take_relayed(self) -> list[Received]:
        """The DUT's lines that have arrived."""
        self._settle()
        self._sort()
        lines = list(self._relayed)
        self._relayed.clear()
        return lines

    def drain(self) -> None:
        """Waits until no more bytes arrive and discards them, except lines that ``_other`` accepts."""
        for line in self._link.drain(_QUIET_S, _DRAIN_S):
            self._classify(line)
        self._own.clear()
        self._relayed.clear()

    def _patience_s(self) -> float:
        """Longest time until its own ``m-ready``."""
        return 2.0

    def _other(self, line: Received) -> bool:
        """Takes a line that is neither an answer nor the DUT's; returns whether it was such a line."""
        return False

    def _ask_name(self) -> list[str]:
        """Sends ``name``, up to three times."""
        for _ in range(_TRIES - 1):
            try:
                return self.command("name")
            except IoManagerError:
                self.drain()
        return self.command("name")

    def _expect(self, command: str, answer: str) -> None:
        lines = self.command(command)
        if answer not in lines:
            raise IoManagerError(
                "io.unexpected",
                f"{answer!r} was expected after `{command}`, but {lines!r} arrived ({self._link.url})",
                f"Is {self._firmware} on it?",
            )

    def _settle(self) -> None:
        """Waits for the end of the reset that opening the port has caused."""
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
            if babbles(deadline) and not kind:
                return None
        return kind.popleft()

    def _sort(self) -> None:
        for line in self._link.take_lines():
            self._classify(line)

    def _classify(self, line: Received) -> None:
        if line.text.startswith(RELAYED):
            self._relayed.append(replace(line, text=line.text.removeprefix(RELAYED)))
        elif not self._other(line):
            self._own.append(line)


class PassthroughChannel:
    """The channel to the DUT through an IO manager: ``dut <command>%`` (protocols.md 2.1, 2.2).

    Args:
        manager: The IO manager.
        wire: Names of the wires behind it, for hints.
    """

    def __init__(self, manager: Relay, wire: str) -> None:
        self._manager = manager
        self.wire = wire
        self.db_bytes = RELAYED_DB_BYTES

    @property
    def clock(self) -> Clock:
        """The clock of the IO manager's link."""
        return self._manager.link.clock

    def send(self, command: str) -> None:
        """Sends a command through the IO manager; returns when it reports that this was done."""
        lines = self._manager.command(f"dut {command}")
        expected = f"m-dut-passthrough({command})"
        if expected not in lines:
            raise IoManagerError(
                "io.unexpected",
                f"{expected!r} was expected, but {lines!r} arrived ({self._manager.link.url})",
                "Bytes were lost between host and IO manager: no other program may use its port.",
            )

    def read_line(self, deadline: Deadline) -> Received | None:
        """The DUT's next line; None if none arrives in time."""
        return self._manager.read_relayed(deadline)

    def take_lines(self) -> list[Received]:
        """The DUT's lines that have arrived."""
        return self._manager.take_relayed()

    def pending(self) -> str:
        """The received part of a line that has not ended."""
        return self._manager.link.pending

    def drain(self) -> None:
        """Waits until no more bytes arrive, and discards them."""
        self._manager.drain()

    def note(self, text: str) -> None:
        """Writes a remark into the transcript."""
        self._manager.link.note(text, sent=False)

    def close(self) -> None:
        """Does nothing: the port belongs to the IO manager."""
