"""The virtual bench in a process of its own.

Start it with ``python -m drivers.virtual.server --bench '{"board": "GAP9"}'``.

It prints one line of JSON, ``{"control": "127.0.0.1:port", "ports": {"dut": url}, ...}``, and then serves
requests for `World.handle` from any number of connections, one JSON object on each line. The first connection
that sends ``advance`` or ``attach`` owns the clock. When that connection is lost, its host was killed or has
ended: the world then continues in real time, as a real bench would, so that a guardian on a new link gets
answers. The process ends on request (``quit``), or after a while without a connection.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from drivers.virtual.bench import VirtualBench
from drivers.virtual.world import NS
from energy.errors import BenchError, JoulebenchError

TICK_S = 0.001
"""Step of a world that follows real time."""

LINGER_S = 30.0


class _Connection:
    def __init__(self, peer: socket.socket) -> None:
        self.socket = peer
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pending = bytearray()

    def requests(self) -> list[bytes] | None:
        """The complete requests that have arrived; None when the other side has closed the connection."""
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            return None
        self._pending += data
        *lines, rest = self._pending.split(b"\n")
        self._pending = bytearray(rest)
        return [bytes(line) for line in lines]


class Server:
    """A server of a bench.

    Args:
        bench: The bench.
        pace: Virtual seconds per real second from the beginning; None for a world that a host moves.
        linger_s: How long it stays without a connection.
    """

    def __init__(self, bench: VirtualBench, pace: float | None = None, linger_s: float = LINGER_S) -> None:
        self._bench, self._world = bench, bench.world
        self._pace, self._linger_s = pace, linger_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._connections: set[_Connection] = set()
        self._holder: _Connection | None = None
        self._last = self._alone_since = time.monotonic()

    def announcement(self) -> dict[str, Any]:
        """Ports and addresses for a host."""
        port = self._listener.getsockname()[1]
        control, firmware = f"127.0.0.1:{port}", self._bench.dut.firmware
        return {"control": control, "ports": self._bench.urls, "firmware": firmware, "virtual": True}

    def run(self) -> None:
        """Serves until a request ends it or there was no connection for too long."""
        while not self._world.quit:
            for key, _ in self._selector.select(0.5 if self._pace is None else TICK_S):
                if key.data is None:
                    self._accept()
                else:
                    self._serve(key.data)
            if self._pace is not None:
                self._tick(self._pace)
            if not self._connections and time.monotonic() - self._alone_since > self._linger_s:
                return

    def close(self) -> None:
        """Closes sockets and transports."""
        for connection in self._connections:
            connection.socket.close()
        self._selector.close()
        self._listener.close()
        self._bench.close()

    def _accept(self) -> None:
        connection = _Connection(self._listener.accept()[0])
        self._connections.add(connection)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def _serve(self, connection: _Connection) -> None:
        requests = connection.requests()
        if requests is None:
            self._lost(connection)
            return
        for line in requests:
            try:
                connection.socket.sendall(self._answer(connection, line))
            except OSError:
                self._lost(connection)
                return

    def _lost(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._connections.discard(connection)
        self._alone_since = time.monotonic()
        if connection is self._holder and self._pace is None:
            self._pace, self._last = 1.0, time.monotonic()

    def _answer(self, connection: _Connection, line: bytes) -> bytes:
        number: object = None
        try:
            request: dict[str, Any] = json.loads(line)
            number = request.get("number")
            if request.get("op") in ("advance", "attach"):
                self._hold(connection)
            reply = self._world.handle(request)
        except JoulebenchError as error:
            reply = {"error": [error.code, error.message, error.hint]}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reply = {
                "error": ["virtual.request", f"{line[:200]!r} is not a request: {error}", "see World.handle"]
            }
        return json.dumps({**reply, "number": number}).encode() + b"\n"

    def _hold(self, connection: _Connection) -> None:
        if self._pace is not None:
            raise BenchError(
                "virtual.paced",
                "this virtual bench follows real time; a host cannot move it",
                "use a real clock with it, or start it without --pace",
            )
        self._holder = self._holder or connection

    def _tick(self, pace: float) -> None:
        now = time.monotonic()
        for port in self._world.ports.values():
            port.flush()
        self._world.pump()
        self._world.run(round((now - self._last) * pace * NS))
        self._last = now


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a server until it ends."""
    parser = argparse.ArgumentParser(prog="python -m drivers.virtual.server", description=__doc__)
    parser.add_argument("--bench", type=json.loads, default={}, help="arguments of VirtualBench, as JSON")
    parser.add_argument("--pace", type=float, help="virtual seconds per real second, from the beginning")
    parser.add_argument(
        "--linger", type=float, default=LINGER_S, help="seconds without a connection until it ends"
    )
    options = parser.parse_args(arguments)
    server = Server(VirtualBench(**options.bench), options.pace, options.linger)
    try:
        sys.stdout.write(json.dumps(server.announcement()) + "\n")
        sys.stdout.flush()
        server.run()
    except KeyboardInterrupt:
        return 4
    finally:
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
