"""A twin's port on a loopback TCP socket, for pyserial's ``socket://`` on systems without pseudo-terminals.

It carries no baud rate and no DTR (protocols.md 4.6), so a wrong baud rate of the host has no effect on it.
"""

from __future__ import annotations

import socket

from drivers.virtual.ports import Port

_READ = 65536


class SocketPort(Port):
    """A listening socket that serves one host after another; its url is ``socket://127.0.0.1:<port>``."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listener.setblocking(False)
        self._peer: socket.socket | None = None
        super().__init__(f"socket://127.0.0.1:{self._listener.getsockname()[1]}")

    def _read(self) -> bytes | None:
        peer = self._peer or self._accept()
        if peer is None:
            return None
        try:
            data = peer.recv(_READ)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if data:
            return data
        peer.close()
        self._peer = None
        return None

    def _accept(self) -> socket.socket | None:
        try:
            peer, _ = self._listener.accept()
        except BlockingIOError:
            return None
        peer.setblocking(False)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peer = peer
        return peer

    def _send(self, data: bytes | bytearray) -> int:
        if self._peer is None:
            return len(data)
        try:
            return self._peer.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)

    def _shut(self) -> None:
        self._listener.close()
        if self._peer is not None:
            self._peer.close()
            self._peer = None
