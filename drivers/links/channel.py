"""Channels to a DUT: commands one at a time, lines back. ``io_managers`` has those through relays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from drivers.links.serial_link import Received, SerialLink
from energy.errors import BenchError
from energy.instruments import (
    Clock,
    Deadline,
    DutIncompleteError,
    DutSilentError,
    IoManagerError,
    IoManagerSilentError,
    SilentError,
)

DIRECT_DB_BYTES = 31
RELAYED_DB_BYTES = 26
"""Bytes of data in a ``db`` command, directly and through an IO manager (protocols.md 1.6)."""

READY = "m-ready"


@dataclass(frozen=True, slots=True)
class _Partner:
    """Who should have answered: its name, what to check, and the types of its errors."""

    name: str
    check: str
    silent: type[BenchError] = SilentError
    incomplete: type[BenchError] = BenchError


_PARTNERS = {
    "dut": _Partner(
        "the DUT", "Check TX and RX (crossed?), ground and the baud rate", DutSilentError, DutIncompleteError
    ),
    "io": _Partner(
        "the IO manager",
        "Is this its port, and is its firmware on it",
        IoManagerSilentError,
        IoManagerError,
    ),
    "lpm01a": _Partner(
        "the LPM01A", "Is this its port (every ST demo has the same USB ids), is it in its menu"
    ),
}
"""By the beginning of the error's code."""
_RESYNC_S = 3.0
_BABBLE_S = 5.0


class CommandChannel(Protocol):
    """A channel for the DUT protocol, whatever carries its bytes to the DUT.

    Attributes:
        wire: Names of the wires, for hints.
        db_bytes: Bytes of data in a ``db`` command.
    """

    wire: str
    db_bytes: int

    @property
    def clock(self) -> Clock:
        """The clock of its timeouts."""
        ...

    def send(self, command: str) -> None:
        """Sends a command, without its ``%``; returns when it is on its way to the DUT."""
        ...

    def read_line(self, deadline: Deadline) -> Received | None:
        """The DUT's next line; None if none arrives in time."""
        ...

    def take_lines(self) -> list[Received]:
        """The DUT's lines that have arrived."""
        ...

    def pending(self) -> str:
        """The received part of a line that has not ended."""
        ...

    def drain(self) -> None:
        """Waits until no more bytes arrive, and discards them."""
        ...

    def note(self, text: str) -> None:
        """Writes a remark into the transcript."""
        ...

    def close(self) -> None:
        """Releases the link."""
        ...


class DirectChannel:
    """A serial link directly to the DUT (protocols.md 1.1).

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
        """Sends a command, never an empty one: that crashes the official firmware (protocols.md 1.10)."""
        self._link.write(terminated(command))

    def read_line(self, deadline: Deadline) -> Received | None:
        """The DUT's next line; None if none arrives in time."""
        return self._link.read_line(deadline)

    def take_lines(self) -> list[Received]:
        """The DUT's lines that have arrived."""
        return self._link.take_lines()

    def pending(self) -> str:
        """The received part of a line that has not ended."""
        return self._link.pending

    def drain(self) -> None:
        """Waits until no more bytes arrive, and discards them."""
        self._link.drain(0.1, _RESYNC_S)

    def note(self, text: str) -> None:
        """Writes a remark into the transcript."""
        self._link.note(text, sent=False)

    def close(self) -> None:
        """Closes the port."""
        self._link.close()


def terminated(command: str) -> bytes:
    """The bytes of a command on the wire: printable ASCII, ended by ``%``, no line end (protocols.md 1.1).

    Raises:
        ValueError: For an empty command, or one that would not arrive as a single command.
    """
    if not command or not command.isascii() or not command.isprintable() or "%" in command:
        raise ValueError(f"not a command for one line: {command!r}")
    return command.encode("ascii") + b"%"


def no_answer(
    who: str, expected: str, wire: str, lines: list[Received], pending: str, seconds: float
) -> BenchError:
    """The error for a missing reply: silent, garbled, or incomplete.

    Args:
        who: Beginning of the code (``"dut"``) of ``<who>.silent``, ``<who>.garbled`` or ``<who>.incomplete``.
        expected: The reply that was expected.
        wire: Names of the wires.
        lines: The lines that arrived.
        pending: The text that arrived after the last line end.
        seconds: How long the host waited.
    """
    partner = _PARTNERS[who]
    name, look = partner.name, partner.check
    if not lines and not pending:
        return partner.silent(
            f"{who}.silent",
            f"{expected} was expected within {seconds:g} s, but nothing arrived ({wire})",
            f"Is {name} powered and running? {look}: {wire}.",
        )
    arrived = " | ".join([*(line.text for line in lines[-4:]), *([pending] if pending else [])])[-240:]
    if any(not line.clean for line in lines) or "\\x" in pending:
        return partner.incomplete(
            f"{who}.garbled",
            f"{expected} was expected, but unreadable text arrived: {arrived} ({wire})",
            f"Most likely {name} has another baud rate. Otherwise: {look}: {wire}.",
        )
    return partner.incomplete(
        f"{who}.incomplete",
        f"{expected} was expected within {seconds:g} s; only this arrived: {arrived} ({wire})",
        f"Bytes were lost or {name} hangs: reset it; use its port from one program only: {wire}.",
    )


def read_until(
    read_line: Callable[[Deadline], Received | None], last: str, deadline: Deadline
) -> tuple[list[Received], bool]:
    """Reads lines up to a line that is exactly ``last``.

    Returns:
        The lines before it, and whether it arrived in time.
    """
    lines: list[Received] = []
    while (line := read_line(deadline)) is not None:
        if line.text == last:
            return lines, True
        lines.append(line)
        if babbles(deadline):
            break
    return lines, False


def babbles(deadline: Deadline) -> bool:
    """Whether lines still come long after a deadline.

    A line that is there is read after the deadline, too: on a busy host it had come before. Without a limit,
    a partner that never stops would never be given up.
    """
    late_s = deadline.overdue_s - _BABBLE_S
    return late_s > 0 and late_s > deadline.clock.lag_s
