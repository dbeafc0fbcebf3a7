"""Serves the live page on the loopback: the page, and its frames as server-sent events.

The address holds a token that only this run knows, and a request must name this host (a page of another site
whose name leads to the loopback cannot read it). A viewer that does not read is dropped; the session never
waits for any of this, because all of it happens in other threads.

Server-sent events: HTML Standard, 9.2.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from energy.errors import UsageError
from energy.live.feed import Feed
from energy.live.scene import Known, Scene, span_of

HOST = "127.0.0.1"
MOST_VIEWERS = 8
_MOST_CONNECTIONS = 32
_EACH_S = 0.1
"""Time between two frames of a viewer."""
_TAKE_S = 0.5
"""Time between two looks at the feed without any viewer."""
_STUCK_S = 5.0
"""A viewer that takes nothing for so long is dropped."""
_FAREWELL_S = 2.0
"""For so long viewers may take the last frame."""
_PAGE = Path(__file__).parent / "page"
_FILES = {
    "": ("live.html", "text/html; charset=utf-8"),
    "live.css": ("live.css", "text/css; charset=utf-8"),
    "live.js": ("live.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class LiveServer(ThreadingHTTPServer):
    """The server of one run.

    Args:
        feed: What its sessions hand over.
        port: The port; 0: any that is free.

    Attributes:
        feed: What the sessions hand over.
        scene: What is shown.
        token: The secret part of the address.
        viewers: Number of pages that get frames.
        ending: Set when the last frame is to be sent.

    Raises:
        UsageError: ``usage.live-port``.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 2 * _MOST_CONNECTIONS

    def __init__(self, feed: Feed, port: int = 0) -> None:
        self.feed, self.scene = feed, Scene(feed)
        self.token = secrets.token_urlsafe(16)
        self.viewers = 0
        self.ending = threading.Event()
        self._connections = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._lock = threading.Lock()
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(
                "usage.live-port",
                f"port {port} of {HOST} cannot be used: {error}",
                "Name another port with --live-port, or leave it out: then any that is free is taken.",
            ) from error

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, str]:
        """The names that a request may have for this host."""
        return f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves a connection in a thread of its own; one too many is closed."""
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is the end of a viewer, and of nothing else; a defect is reported."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self.feed.broke(error)

    def admit(self) -> bool:
        """Takes one more viewer, unless there are too many."""
        with self._lock:
            if self.viewers >= MOST_VIEWERS:
                return False
            self.viewers += 1
            return True

    def dismiss(self) -> None:
        """A viewer has gone."""
        with self._lock:
            self.viewers -= 1


class _Handler(BaseHTTPRequestHandler):
    """Serves one connection."""

    server: LiveServer  # pyright: ignore[reportIncompatibleVariableOverride] - it serves no other
    server_version, sys_version = "joulebench", ""
    timeout = _STUCK_S

    def do_GET(self) -> None:
        """Answers a request."""
        try:
            place = urlsplit(self.path)
            _, token, *rest = place.path.split("/", 2)
        except ValueError:  # it does not begin with a slash, or names a host that is none
            self._answer(HTTPStatus.BAD_REQUEST, b"This is no address of a page.\n")
            return
        host = self.headers.get("Host", "")
        if host not in self.server.hosts or not secrets.compare_digest(
            token.encode("utf-8", "replace"), self.server.token.encode()
        ):
            self._answer(HTTPStatus.FORBIDDEN, b"This is not the address that joulebench printed.\n")
        elif not rest:  # without the slash at the end
            self._answer(HTTPStatus.PERMANENT_REDIRECT, b"", location=f"/{self.server.token}/")
        elif rest[0] == "events":
            self._events(parse_qs(place.query))
        elif rest[0] in _FILES:
            name, kind = _FILES[rest[0]]
            self._answer(HTTPStatus.OK, (_PAGE / name).read_bytes(), kind)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"There is nothing here.\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Requests are not logged: the terminal belongs to the session."""

    def _answer(
        self,
        status: HTTPStatus,
        body: bytes,
        kind: str = "text/plain; charset=utf-8",
        location: str | None = None,
    ) -> None:
        self._head(status, kind)
        self.send_header("Content-Length", str(len(body)))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in _HEADERS.items():
            self.send_header(name, value)

    def _events(self, query: dict[str, list[str]]) -> None:
        """Sends frames until the session is over or the viewer has gone."""
        if not self.server.admit():
            busy = f"There are {MOST_VIEWERS} viewers already: close one of the pages.\n"
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, busy.encode())
            return
        try:
            # A small buffer of the kernel: a viewer that does not read is noticed soon.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
            self._head(HTTPStatus.OK, "text/event-stream")
            self.end_headers()
            span_s = span_of(query.get("span", ["10"])[0])
            columns = query.get("columns", ["800"])[0]
            self._send_frames(span_s, int(columns) if columns.isdecimal() and len(columns) < 6 else 800)
        finally:
            self.server.dismiss()
            self.close_connection = True

    def _send_frames(self, span_s: float, columns: int) -> None:
        known = Known()
        while True:
            last = self.server.ending.wait(_EACH_S)
            frame = self.server.scene.frame(span_s, columns, known)
            data = json.dumps(frame, separators=(",", ":"), allow_nan=False)
            self.wfile.write(f"data: {data}\n\n".encode())
            if frame["over"] or last:
                return


@contextmanager
def served(feed: Feed, port: int = 0) -> Generator[LiveServer]:
    """A server while sessions run; at their end its viewers get the last frame.

    Args:
        feed: What the sessions hand over.
        port: The port; 0: any that is free.

    Raises:
        UsageError: ``usage.live-port``.
    """
    server = LiveServer(feed, port)
    threads = [
        threading.Thread(target=server.serve_forever, args=(0.1,), name="live-server", daemon=True),
        threading.Thread(target=_keep_taking, args=(server,), name="live-feed", daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        feed.end()
        server.ending.set()
        until_s = time.monotonic() + _FAREWELL_S
        while server.viewers and time.monotonic() < until_s:
            time.sleep(0.02)
        server.shutdown()
        with contextlib.suppress(OSError):
            server.server_close()


def _keep_taking(server: LiveServer) -> None:
    """Takes what the feed has brought, whether or not anybody looks: a page shows all of the session."""
    try:
        while not server.ending.wait(_TAKE_S):
            server.scene.keep_up()
    except Exception as error:  # noqa: BLE001 - a defect of the view; reported at the end, the session goes on
        server.feed.broke(error)
