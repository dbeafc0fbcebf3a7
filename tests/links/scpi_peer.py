"""The far end of a raw socket for tests: a real TCP server and a script of answers. It knows no driver."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class ScpiPeer:
    """Serves one program after the other.

    Args:
        answer: From a line without its end to what is sent back, nothing for no answer.
    """

    def __init__(self, answer: Callable[[str], bytes]):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.resource = f"TCPIP::127.0.0.1::{self.port}::SOCKET"
        self.lines: list[str] = []
        self.connections = 0
        self._answer = answer
        self._peer: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, data: bytes):
        """Sends what nobody asked for."""
        assert self._peer is not None
        self._peer.sendall(data)

    def hang_up(self):
        """Closes the connection under the host."""
        assert self._peer is not None
        self._peer.shutdown(socket.SHUT_RDWR)

    def close(self):
        for end in (self._listener, self._peer):
            with contextlib.suppress(OSError, AttributeError):
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join(2.0)
        self._listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _run(self):
        while True:
            try:
                self._peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                self._serve(self._peer)
            except OSError:
                pass
            finally:
                self._peer.close()

    def _serve(self, peer: socket.socket):
        buffer = b""
        while data := peer.recv(65536):
            buffer += data
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                self.lines.append(line.decode())
                peer.sendall(self._answer(line.decode()))
