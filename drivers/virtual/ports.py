"""A twin's port: the common part of every transport between the virtual bench and a host.

Both sides count bytes (the host's are in `energy.instruments.Traffic`), because neither a pty nor a socket
delivers at once: virtual time must not move while bytes are on their way.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from energy.errors import BenchError

STUCK_S = 5.0
"""Real seconds until bytes that must be on their way count as lost."""

BACKLOG_LIMIT = 64 * 1024 * 1024
"""Number of bytes that a port keeps for a host that does not read; an instrument keeps fewer."""

Mangle = Callable[[bytes], bytes]
"""A fault that changes bytes on a wire."""


class Port(ABC):
    """The twin's end of a link.

    Attributes:
        url: Port for a host, opened with ``serial.serial_for_url``.
        written: Number of bytes that the twin has sent to a host.
        received: Number of bytes from hosts.
        opened: Whether a host has it open, at the last look (`pump`).
        on_bytes: Called with received bytes.
        on_open: Called when a host has opened it.
        on_write: Called after bytes were sent, with the time that the host may leave them unread.
        mangles: Faults that change sent bytes, applied in order.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.written = 0
        self.received = 0
        self.opened = False
        self.unplugged = False
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_open: Callable[[], None] = lambda: None
        self.on_write: Callable[[float], None] = lambda grace_s: None
        self.mangles: list[Mangle] = []
        self._backlog = bytearray()

    @abstractmethod
    def _read(self) -> bytes | None:
        """Received bytes; empty if there are none, None if no host has the port open. Does not block."""

    @abstractmethod
    def _send(self, data: bytes | bytearray) -> int:
        """Sends the bytes that fit without blocking; returns their number."""

    @abstractmethod
    def _shut(self) -> None:
        """Closes the transport while the host has it open."""

    @property
    def baud(self) -> int | None:
        """Baud rate that the host has set; None for a transport without baud rates."""
        return None

    def pump(self) -> None:
        """Reads received bytes, and notices hosts that open or close the port."""
        while not self.unplugged:
            data = self._read()
            if data is None:
                self.opened = False
                self._backlog.clear()
                return
            if not self.opened:
                self.opened = True
                self.on_open()
            if not data:
                return
            self.received += len(data)
            self.on_bytes(data)

    def pump_until(self, received: int) -> None:
        """Reads until this many bytes have arrived in total.

        Raises:
            BenchError: ``virtual.stuck`` if they do not arrive within a few real seconds.
        """
        self.pump()
        if self.received >= received or self.unplugged:
            return
        deadline = time.monotonic() + STUCK_S
        while self.received < received and self.opened:
            time.sleep(10e-6)
            self.pump()
            if time.monotonic() > deadline:
                raise BenchError(
                    "virtual.stuck",
                    f"the virtual bench waits on {self.url} for {received} bytes that the host counted as "
                    f"sent, but {self.received} arrived within {STUCK_S:g} s",
                    "Traffic.sent must be counted after the bytes were written to the port, not before",
                )

    def reopen(self) -> None:
        """Checks for a host that has just opened the port; the closing by an earlier host may be unseen."""
        self.opened = False
        self._backlog.clear()
        self.pump()

    def write(self, data: bytes, grace_s: float = 0.0) -> None:
        """Sends to the host if it has the port open; otherwise the bytes are lost, as on a wire.

        Args:
            data: The bytes.
            grace_s: How long virtual time may pass before the host has read them: a stream of small pieces
                need not stop the world at each of them. They are sent with the next ones, or by ``flush``.
        """
        for mangle in self.mangles:
            data = mangle(data)
        if self.unplugged or not data:
            return
        if not self.opened:
            self.pump()
            if not self.opened:
                return
        self.written += len(data)
        if self._backlog or grace_s > 0:  # `flush` sends them
            self._backlog += data
        else:
            sent = self._send(data)
            if sent < len(data):
                self._backlog += data[sent:]
        if len(self._backlog) > BACKLOG_LIMIT:
            self._backlog.clear()
        self.on_write(grace_s)

    def flush(self) -> None:
        """Sends bytes that did not fit before."""
        if self._backlog and not self.unplugged:
            del self._backlog[: self._send(self._backlog)]

    def unplug(self) -> None:
        """Pulls the plug: the host's next access fails."""
        if not self.unplugged:
            self.unplugged, self.opened = True, False
            self._backlog.clear()
            self._shut()
            self.on_write(0.0)  # for the host this is news

    def close(self) -> None:
        """Closes the transport. May be called again."""
        self.unplug()
