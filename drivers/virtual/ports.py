"""What every transport between the virtual bench and a host has in common: a port of a twin.

Bytes are counted on both sides (`energy.instruments.Traffic` on the host's), because neither a pty nor a
socket delivers at once: virtual time must not move while something is on its way.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from energy.errors import BenchError

STUCK_S = 5.0
"""Real seconds after which bytes that must be on their way are given up."""

BACKLOG_LIMIT = 64 * 1024 * 1024
"""Bytes that a port keeps for a host that does not read; an instrument would have lost them long before."""

Mangle = Callable[[bytes], bytes]
"""What a fault does to bytes on a wire."""


class Port(ABC):
    """The twin's end of a link.

    Attributes:
        url: What a host opens with ``serial.serial_for_url``.
        written: Bytes that the twin has sent to a host that listened.
        received: Bytes that came from hosts.
        opened: Whether a host has it open, as far as the last look (`pump`) told.
        on_bytes: Called with what came.
        on_open: Called when a host has opened it.
        on_write: Called after something was sent.
        mangles: Faults on what is sent, applied in order.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.written = 0
        self.received = 0
        self.opened = False
        self.unplugged = False
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_open: Callable[[], None] = lambda: None
        self.on_write: Callable[[], None] = lambda: None
        self.mangles: list[Mangle] = []
        self._backlog = bytearray()

    @abstractmethod
    def _read(self) -> bytes | None:
        """What has come, empty if nothing has, None if no host has it open. Does not block."""

    @abstractmethod
    def _send(self, data: bytes | bytearray) -> int:
        """Sends what fits without blocking; returns how many bytes that were."""

    @abstractmethod
    def _shut(self) -> None:
        """Takes the transport away from under the host."""

    @property
    def baud(self) -> int | None:
        """Baud rate that the host has set, or None where the transport carries none."""
        return None

    def pump(self) -> None:
        """Takes in what has come and notices hosts that come and go."""
        if self.unplugged:
            return
        while True:
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
        """Takes in until this many bytes have come in all.

        Raises:
            BenchError: ``virtual.stuck`` if they do not come within a few real seconds.
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
                    f"the virtual bench waits on {self.url} for {received} bytes that the host counts as "
                    f"sent; {self.received} came in {STUCK_S:g} s",
                    "Traffic.sent must be counted after the bytes were written to the port, not before",
                )

    def reopen(self) -> None:
        """Looks for a host that has just opened the port; the one before may not have been seen to go."""
        self.opened = False
        self._backlog.clear()
        self.pump()

    def write(self, data: bytes) -> None:
        """Sends to the host, if one listens; otherwise the bytes are gone, as on a wire."""
        for mangle in self.mangles:
            data = mangle(data)
        if self.unplugged or not data:
            return
        if not self.opened:
            self.pump()
            if not self.opened:
                return
        self.written += len(data)
        if self._backlog:
            self._backlog += data
        else:
            sent = self._send(data)
            if sent < len(data):
                self._backlog += data[sent:]
        if len(self._backlog) > BACKLOG_LIMIT:
            self._backlog.clear()
        self.on_write()

    def flush(self) -> None:
        """Sends what did not fit before."""
        if self._backlog and not self.unplugged:
            del self._backlog[: self._send(self._backlog)]

    def unplug(self) -> None:
        """Pulls the plug: the host's next access fails."""
        if not self.unplugged:
            self.unplugged, self.opened = True, False
            self._backlog.clear()
            self._shut()
            self.on_write()  # for the host, that is something to read

    def close(self) -> None:
        """Gives the transport back. Harmless if done twice."""
        self.unplug()
