"""One direction of a UART: bytes take their time, and a piece arrives at once.

There is no event for a single byte: a piece (a command up to its ``%``, a printed line) is delivered when its
last byte has arrived, with the start time of its first byte.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.virtual.world import NS, World

BITS_PER_BYTE = 10
"""8N1: start bit, eight bits, stop bit (protocols.md 1.1)."""

Deliver = Callable[[bytes, int], None]
"""Takes a piece and the time in ns at which its first byte began."""


def byte_ns(baud: int | None) -> int:
    """Duration of a byte at 8N1; 0 for a wire without a model of time."""
    return 0 if baud is None else round(BITS_PER_BYTE * NS / baud)


class Wire:
    """One direction of a UART.

    Args:
        world: The world.
        baud: Bits per second, or None for a wire that takes no time.
        deliver: Receives every piece when its last byte has arrived.
        split: Bytes that end a piece; if empty, every `send` is a piece.
        on_start: Called when the first byte of a piece begins.
    """

    def __init__(
        self,
        world: World,
        baud: int | None,
        deliver: Deliver,
        *,
        split: bytes = b"",
        on_start: Callable[[], None] | None = None,
    ) -> None:
        self._world = world
        self.byte_ns = byte_ns(baud)
        self.deliver = deliver
        self._split = split
        self._on_start = on_start
        self._free_ns = 0
        self._life = 0

    def send(self, data: bytes) -> int:
        """Sends bytes after those on the wire; returns the time in ns when the last of them has arrived."""
        if not self.byte_ns:
            for piece in self._pieces(data):
                self.begin()
                self.deliver(piece, self._world.now_ns)
            return self._world.now_ns
        for piece in self._pieces(data):
            start = max(self._world.now_ns, self._free_ns)
            self._free_ns = start + len(piece) * self.byte_ns
            self._plan(piece, start)
        return self._free_ns

    @property
    def free_ns(self) -> int:
        """When the last byte that was sent has arrived; the present, if none is on the wire."""
        return max(self._free_ns, self._world.now_ns)

    def begin(self) -> None:
        """Begins the first byte of a piece, on a wire whose time another object models."""
        if self._on_start is not None:
            self._on_start()

    def cut(self) -> None:
        """Discards the bytes on the wire: the sender has lost its power."""
        self._life += 1
        self._free_ns = self._world.now_ns

    def _plan(self, piece: bytes, start: int) -> None:
        life = self._life

        def arrive() -> None:
            if life == self._life:
                self.deliver(piece, start)

        if self._on_start is not None:
            if start <= self._world.now_ns:
                self._on_start()
            else:
                self._world.at(start, self._on_start)
        self._world.at(start + len(piece) * self.byte_ns, arrive)

    def _pieces(self, data: bytes) -> list[bytes]:
        if not self._split:
            return [data]
        parts = data.split(self._split)
        pieces = [part + self._split for part in parts[:-1]]
        return [*pieces, parts[-1]] if parts[-1] else pieces
