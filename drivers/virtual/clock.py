"""Virtual time for the host: the world moves only while the host waits and no bytes are on their way.

Links count their bytes (`energy.instruments.Traffic`). Before the world moves, it must have read all bytes
from the host, and the host must have processed all bytes from the world. A link that the host does not read
for a while in real time (a DUT's boot messages while the session uses the monitor) is ignored until the host
reads it again: its bytes wait in the kernel, as on a real bench.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from energy.errors import BenchError
from energy.instruments import Traffic

Handle = Callable[[dict[str, Any]], dict[str, Any]]
"""`World.handle`, or a remote world's `RemoteWorld.request`."""

PATIENCE_S = 10.0
"""Real time until a link without a reader is ignored. A reading thread needs microseconds, but on a busy
machine it waits for the processor; bytes that are read late are not lost, but late in virtual time."""

_QUICK_LOOKS = 20
"""Number of looks that only let other threads run: most bytes arrive within some microseconds."""

_PAUSE_S = 20e-6
"""The first pause after that. Each is twice as long as the one before, up to ``_LONGEST_PAUSE_S``: on a busy
machine whoever looks all the time takes the turn of the thread that it waits for."""

_LONGEST_PAUSE_S = 500e-6

_LOOK_S = 5e-3
"""Real time after which a wait returns at the latest, so that whoever waits can look around."""


@dataclass(slots=True)
class _Link:
    traffic: Traffic
    sent_base: int
    written_base: int
    written: int = 0
    idle_at: int = -1
    """Number of bytes that the host had received when its reader was found idle; -1 while it is not."""
    unplugged: bool = False

    def behind(self) -> bool:
        received = self.traffic.received
        if self.unplugged:  # the loss of the port is news on its way, too
            return not self.traffic.lost and received != self.idle_at
        return received < self.written and received != self.idle_at


@dataclass(slots=True)
class _Periodic:
    period_s: float
    action: Callable[[], None]
    next_s: float


class VirtualClock:
    """An `energy.instruments.Clock` of a world.

    Args:
        handle: Sends requests to the world.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._links: dict[str, _Link] = {}
        self._lock = threading.RLock()
        self._now = float(handle({"op": "state"})["now"])
        self._waiting = False  # whether something was on its way at the last look
        self._progress, self._since = 0, 0.0
        self._arrived = 0
        self._periodic: list[_Periodic] = []
        self._acting = False

    @property
    def lag_s(self) -> float:
        """None: the world moves only when the host has taken everything in."""
        return 0.0

    def now(self) -> float:
        """Virtual seconds."""
        with self._lock:  # not during an advance: other threads use it for time stamps
            return self._now

    def attach(self, url: str, traffic: Traffic) -> None:
        """Registers an open link by its url; a new link at the same url replaces the older one."""
        with self._lock:
            reply = self._handle({"op": "attach", "url": url})
            link = _Link(traffic, reply["received"] - traffic.sent, reply["written"] - traffic.received)
            link.written = traffic.received
            self._links[url] = link

    def wait(self, seconds: float) -> None:
        """Moves the world by at most this time; not at all while bytes are on their way to the host."""
        with self._lock:
            arrived = self._received()
            if arrived != self._arrived:  # between the caller's last look and now: let it look again first
                self._arrived = arrived
                return
            drained = self._drained()
            if drained:
                self._advance(seconds)
        if not drained:
            self._let_arrive()
        self._act()

    def sleep(self, seconds: float) -> None:
        """Moves the world by this time; readers in other threads get its bytes meanwhile."""
        end = self._now + seconds
        while True:
            with self._lock:
                drained = self._drained()
                if drained:
                    self._advance(end - self._now)
                    if self._now >= end - 0.5e-9:
                        break
            if not drained:
                self._let_arrive()
            self._act()
        self._act()

    def every(self, period_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Calls an action again and again, in the thread that waits; returns a function that ends this."""
        periodic = _Periodic(period_s, action, self._now + period_s)
        self._periodic.append(periodic)

        def end() -> None:
            if periodic in self._periodic:
                self._periodic.remove(periodic)

        return end

    def _act(self) -> None:
        """Runs the actions that are due; not inside an action that itself waits."""
        if self._acting:
            return
        for periodic in list(self._periodic):
            if self._now >= periodic.next_s - 0.5e-9:
                self._acting = True
                try:
                    periodic.action()
                finally:
                    self._acting = False
                    periodic.next_s = self._now + periodic.period_s

    def _received(self) -> int:
        return sum(link.traffic.received for link in self._links.values())

    def _drained(self) -> bool:
        """Whether nothing is on its way to a host that reads."""
        behind = [link for link in self._links.values() if link.behind()]
        if not behind:
            self._waiting = False
            return True
        progress = self._received()
        now = time.monotonic()
        if not self._waiting or self._progress != progress:
            self._waiting, self._progress, self._since = True, progress, now
        elif now - self._since > PATIENCE_S:
            for link in behind:
                link.idle_at = link.traffic.received
            self._waiting = False
            return True
        return False

    def _let_arrive(self) -> None:
        """Lets other threads run until something has arrived, or for a moment of real time.

        Without the lock: a reader stamps its lines with the time.
        """
        with self._lock:
            links = [link for link in self._links.values() if link.behind()]
            before = [link.traffic.received for link in links]
            self._handle({"op": "flush"})  # what did not fit into the kernel before
        end_s, pause_s, looks = time.monotonic() + _LOOK_S, _PAUSE_S, 0
        while [link.traffic.received for link in links] == before and time.monotonic() < end_s:
            if any(link.unplugged and link.traffic.lost for link in links):
                return
            looks += 1
            if looks <= _QUICK_LOOKS:
                time.sleep(0)
            else:
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _advance(self, seconds: float) -> None:
        if self._periodic and not self._acting:  # not beyond the time at which an action is due
            due_s = min(periodic.next_s for periodic in self._periodic) - self._now
            seconds = min(seconds, max(due_s, 1e-9))
        sent = {url: link.sent_base + link.traffic.sent for url, link in self._links.items()}
        request = {"op": "advance", "seconds": max(seconds, 0.0), "sent": sent, "until_output": True}
        reply = self._handle(request)
        self._now = reply["now"]
        for url, written in reply["written"].items():
            link = self._links[url]
            link.written = written - link.written_base
        for url in reply["unplugged"]:
            self._links[url].unplugged = True


class RemoteWorld:
    """A world in another process (`drivers.virtual.server`), through a loopback socket.

    Args:
        address: ``host:port``, as the server printed it.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        try:
            self._socket = socket.create_connection((host, int(port)), timeout=30.0)
        except OSError as error:
            raise BenchError(
                "virtual.unreachable",
                f"no virtual bench answers at {address}: {error}",
                "start `python -m drivers.virtual.server`; it ends by itself when no host is connected",
            ) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")
        self._number = 0  # of the latest request; its reply has the same
        self._lock = threading.Lock()

    def request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Sends a request, as for `World.handle`.

        Raises:
            BenchError: The world's error, or ``virtual.unreachable`` if the connection is lost.
        """
        with self._lock:
            self._number += 1
            try:
                self._socket.sendall(json.dumps({**request, "number": self._number}).encode() + b"\n")
                reply = self._reply()
            except OSError:
                reply = None
        if reply is None:
            raise BenchError(
                "virtual.unreachable", "the virtual bench's process has ended", "see its output on stderr"
            )
        if "error" in reply:
            raise BenchError(*reply["error"])
        return reply

    def _reply(self) -> dict[str, Any] | None:
        """The reply to the latest request; None if the connection has ended.

        A Ctrl-C may have come between an earlier request and its reply: then that reply comes first, or what
        is left of it.
        """
        while line := self._reader.readline():
            try:
                reply: dict[str, Any] = json.loads(line)
            except ValueError:
                continue
            if reply.get("number") in (self._number, None):
                return reply
        return None

    def close(self) -> None:
        """Closes the connection; the world then runs in real time and ends later. May be called again."""
        self._reader.close()
        self._socket.close()
