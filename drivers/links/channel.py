"""A way to a DUT: commands one at a time, lines back. Directly here, through a relay in ``io_managers``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from drivers.links.serial_link import Received, SerialLink
from energy.errors import BenchError
from energy.instruments import Clock, Deadline

DIRECT_DB_BYTES = 31
RELAYED_DB_BYTES = 26
"""Bytes in one ``db`` command, directly and through an IO manager (protocols.md 1.6)."""

READY = "m-ready"
_WHO = {
    "dut": ("the DUT", "Check TX and RX (crossed?), ground and the baud rate"),
    "io": ("the IO manager", "Is this its port, and is its firmware on it"),
    "lpm01a": ("the LPM01A", "Is this its port (every ST demo has the same USB ids), is it in its menu"),
}
"""Who may fail to answer by the beginning of the error's code: its name, and what to look at."""
_RESYNC_S = 3.0


class CommandChannel(Protocol):
    """What the DUT protocol needs of whatever leads to the DUT.

    Attributes:
        wire: What to look at when nothing comes: the wires' names, for hints.
        db_bytes: How many bytes go into one ``db`` command.
    """

    wire: str
    db_bytes: int

    @property
    def clock(self) -> Clock:
        """The clock of its timeouts."""
        ...

    def send(self, command: str) -> None:
        """Sends a command, without its ``%``; returns once it is on its way to the DUT."""
        ...

    def read_line(self, deadline: Deadline) -> Received | None:
        """The DUT's next line; None if none came in time."""
        ...

    def take_lines(self) -> list[Received]:
        """The DUT's lines that are here already."""
        ...

    def pending(self) -> str:
        """What has come of a line that has not ended yet."""
        ...

    def drain(self) -> None:
        """Lets the line become quiet, and forgets what comes."""
        ...

    def note(self, text: str) -> None:
        """Writes a remark into the transcript."""
        ...

    def close(self) -> None:
        """Lets go of the link."""
        ...


class DirectChannel:
    """A serial link straight to the DUT (protocols.md 1.1).

    Args:
        link: The port, at the DUT's baud rate.
    """

    def __init__(self, link: SerialLink) -> None:
        self._link = link
        self.wire = f"{link.url}: host TX to DUT RX, host RX to DUT TX, ground; {link.baud} baud 8N1"
        self.db_bytes = DIRECT_DB_BYTES

    @property
    def clock(self) -> Clock:
        """The link's clock."""
        return self._link.clock

    def send(self, command: str) -> None:
        """Sends a command. Never an empty one: it crashes the official firmware (protocols.md 1.10)."""
        self._link.write(terminated(command))

    def read_line(self, deadline: Deadline) -> Received | None:
        """The DUT's next line."""
        return self._link.read_line(deadline)

    def take_lines(self) -> list[Received]:
        """The DUT's lines that are here already."""
        return self._link.take_lines()

    def pending(self) -> str:
        """What has come of a line that has not ended yet."""
        return self._link.pending

    def drain(self) -> None:
        """Lets the line become quiet."""
        self._link.drain(0.1, _RESYNC_S)

    def note(self, text: str) -> None:
        """Writes a remark into the transcript."""
        self._link.note(text, sent=False)

    def close(self) -> None:
        """Closes the port."""
        self._link.close()


def terminated(command: str) -> bytes:
    """A command as it goes over the wire: printable ASCII, ended by ``%``, no line end (protocols.md 1.1).

    Raises:
        ValueError: For an empty command, or one that would not arrive as one command.
    """
    if not command or not command.isascii() or not command.isprintable() or "%" in command:
        raise ValueError(f"not a command for one line: {command!r}")
    return command.encode("ascii") + b"%"


def no_answer(
    who: str, expected: str, wire: str, lines: list[Received], pending: str, seconds: float
) -> BenchError:
    """The error for a reply that did not come to its end: silent, garbled, or cut short.

    Args:
        who: Beginning of the code (``"dut"``) of ``<who>.silent``, ``<who>.garbled`` or ``<who>.incomplete``.
        expected: What should have come.
        wire: Where.
        lines: What came.
        pending: What came after the last line end.
        seconds: How long was waited.
    """
    name, look = _WHO[who]
    if not lines and not pending:
        return BenchError(
            f"{who}.silent",
            f"{expected} was expected within {seconds:g} s and nothing came ({wire})",
            f"Is {name} powered and running? {look}: {wire}.",
        )
    came = " | ".join([*(line.text for line in lines[-4:]), *([pending] if pending else [])])[-240:]
    if any(not line.clean for line in lines) or "\\x" in pending:
        return BenchError(
            f"{who}.garbled",
            f"{expected} was expected and garbage came: {came} ({wire})",
            f"Most likely the baud rate of {name} is another one; else: {look}: {wire}.",
        )
    return BenchError(
        f"{who}.incomplete",
        f"{expected} was expected within {seconds:g} s; only this came: {came} ({wire})",
        f"Bytes were lost or {name} hangs: reset it; talk to it with one program only: {wire}.",
    )


def read_until(
    read_line: Callable[[Deadline], Received | None], last: str, deadline: Deadline
) -> tuple[list[Received], bool]:
    """Lines up to one that is exactly ``last``.

    Returns:
        The lines before it, and whether it came in time.
    """
    lines: list[Received] = []
    while (line := read_line(deadline)) is not None:
        if line.text == last:
            return lines, True
        lines.append(line)
    return lines, False
