r"""A serial line: bytes out, lines in, and nothing dropped silently.

A thread of the link's own takes whatever arrives, at once. So no byte waits in a buffer of the operating
system (a Linux tty keeps 4095 and drops the rest), and a line's time in the transcript is the time at which
it came, not the time at which somebody asked for it.

Framing (protocols.md 1.1, 2.1, 3.1): lines end with CR LF; a bare LF ends a line as well and is counted as an
irregularity. Bytes that are not printable ASCII are kept as ``\xNN``.
"""

from __future__ import annotations

import contextlib
import io
import select
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import serial

from drivers.links.ports import lost_port, open_port, stalled_port
from energy.errors import BenchError
from energy.instruments import Clock, Deadline, Line, Traffic, Transcript, log_line

_READ = 65536
_FULL = 2048
"""A read of this much or more is followed by another one at once: a pty hands out 4 KiB at a time at most."""
_WRITE_TIMEOUT_S = 2.0
_POLL_S = 0.001
_LOOK_S = 0.05
"""How long a reader of lines waits on the clock at a time."""
_PRINTABLE = [chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in range(256)]


def printable(raw: bytes) -> str:
    r"""Bytes as text: printable ASCII as it is, everything else as ``\xNN``."""
    if raw.isascii():
        text = raw.decode("ascii")
        if text.isprintable():
            return text
    return "".join(_PRINTABLE[byte] for byte in raw)


@dataclass(frozen=True, slots=True)
class Received:
    """A line that came.

    Attributes:
        time_s: When its end came, on the link's clock.
        text: Without its terminator; bytes that are not printable ASCII as escapes.
        clean: Whether it was nothing but printable ASCII.
    """

    time_s: float
    text: str
    clean: bool


class ByteSink(Protocol):
    """Takes a link's bytes in place of its lines. Called from the link's thread."""

    def feed(self, chunk: bytes) -> None:
        """Bytes, in order."""
        ...

    def failed(self, error: BenchError) -> None:
        """The port is gone; nothing will come any more."""
        ...


class SerialLink:
    """One serial port.

    Args:
        url: What pyserial's ``serial_for_url`` takes: a device path, a pty, ``COM3``, ``socket://host:port``.
        baud: Line rate; 8N1 without flow control.
        clock: Clock of time stamps and timeouts.
        transcript: Takes every line, both ways.
        source: Name of the wire in the transcript.
        strip_nul: Drop NUL bytes, which an LPM01A sends around its prompts (protocols.md 3.1).
        max_line: A line longer than this is cut, and counted as an irregularity.

    Raises:
        BenchError: ``link.missing``, ``link.permission``, ``link.busy``, ``link.refused``, ``link.baud``,
            ``link.open-failed``.

    Attributes:
        traffic: Bytes sent and dealt with.
        irregularities: How often there was a ``"bare-lf"``, a ``"non-ascii"`` line, an ``"overlong"`` line.
    """

    def __init__(
        self,
        url: str,
        *,
        baud: int,
        clock: Clock,
        transcript: Transcript | None = None,
        source: str,
        strip_nul: bool = False,
        max_line: int = 4096,
    ) -> None:
        self.url = url
        self.baud = baud
        self.clock = clock
        self.source = source
        self.traffic = Traffic()
        self.irregularities: Counter[str] = Counter()
        self._transcript = transcript
        self._strip_nul = strip_nul
        self._max_line = max_line
        self._lines: deque[Received] = deque()
        self._partial = b""
        self._sink: ByteSink | None = None
        self._failure: BenchError | None = None
        self._closing = False
        self._lock = threading.RLock()
        self._port = open_port(url, baud, _WRITE_TIMEOUT_S)
        try:
            clock.attach(url, self.traffic)
        except BaseException:
            self._port.close()
            raise
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._read_loop, name=f"link {url}", daemon=True)
        self._thread.start()

    # Sending and receiving, from the thread of whoever uses the link:

    def write(self, data: bytes) -> None:
        """Sends bytes, and notes them in the transcript as one line.

        Raises:
            BenchError: ``link.unplugged``, ``link.stalled``, ``link.closed``.
        """
        self._check()
        self.note(printable(data.rstrip(b"\r\n")), sent=True)  # before its answer can come
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise stalled_port(self.url, self.source, _WRITE_TIMEOUT_S) from error
        except (serial.SerialException, OSError) as error:
            raise self._fail(error) from error
        self.traffic.sent += len(data)

    def read_line(self, deadline: Deadline) -> Received | None:
        """The next line; None if the deadline passes without one.

        Raises:
            BenchError: ``link.unplugged``, ``link.closed``.
        """
        while True:
            if self._lines:
                return self._lines.popleft()
            self._check()
            remaining = deadline.remaining()
            if remaining <= 0:
                return None
            self.clock.wait(min(remaining, _LOOK_S))

    def take_lines(self) -> list[Received]:
        """The lines that are here already."""
        lines: list[Received] = []
        while self._lines:
            lines.append(self._lines.popleft())
        return lines

    @property
    def pending(self) -> str:
        """What has come of a line that has not ended yet."""
        return printable(self._partial)

    def drain(self, quiet_s: float, limit_s: float) -> list[Received]:
        """Resynchronises: takes what comes until the line is quiet, and drops the beginning of a line.

        Args:
            quiet_s: Nothing must come for so long.
            limit_s: Whatever comes, not longer than this.

        Returns:
            The lines that came. What is left of an unfinished one goes into the transcript only.
        """
        limit, quiet = Deadline(self.clock, limit_s), Deadline(self.clock, quiet_s)
        seen = self.traffic.received
        while not (quiet.expired() or limit.expired()):
            self._check()
            self.clock.wait(min(quiet.remaining(), limit.remaining(), _LOOK_S))
            if self.traffic.received != seen:
                seen, quiet = self.traffic.received, Deadline(self.clock, quiet_s)
        with self._lock:
            self._drop_partial()
        return self.take_lines()

    def divert(self, sink: ByteSink | None) -> None:
        """From now on bytes go to ``sink``; with None, they are split into lines again.

        What has come of an unfinished line goes to the new sink, so that no byte is lost in between.
        """
        with self._lock:
            self._sink = sink
            if sink is not None and self._partial:
                partial, self._partial = self._partial, b""
                sink.feed(partial)

    def deliver(self, text: str) -> None:
        """Takes back a line that a byte sink found among other things: ``read_line`` will return it."""
        line = Received(self.clock.now(), text, clean=True)
        self.note(text, sent=False, at_s=line.time_s)
        self._lines.append(line)

    def check(self) -> None:
        """Fails if the port is gone, also where nothing is to be sent.

        Raises:
            BenchError: ``link.unplugged``, ``link.closed``.
        """
        self._check()

    def between_bytes(self, action: Callable[[], None]) -> None:
        """Does something while the byte sink is given nothing."""
        with self._lock:
            action()

    def note(self, text: str, *, sent: bool, at_s: float | None = None) -> None:
        """Writes a line into the transcript."""
        line = Line(self.clock.now() if at_s is None else at_s, self.source, sent, text)
        log_line(line)
        if self._transcript is not None:
            self._transcript(line)

    def close(self) -> None:
        """Closes the port. Harmless if done twice."""
        if self._closing:
            return
        self._closing = True
        self._waker.send(b"x")
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=2.0)
        with contextlib.suppress(OSError, serial.SerialException):
            self._port.close()
        self._waker.close()
        self._woken.close()
        self._drop_partial()

    # The link's own thread:

    def _read_loop(self) -> None:
        try:
            while not self._closing:
                if not self._readable():
                    continue
                chunk = self._port.read(_READ)
                while _FULL <= len(chunk) < _READ and (more := self._port.read(_READ)):
                    chunk += more
                if chunk:
                    self._take(chunk)
        except (serial.SerialException, OSError, TypeError, ValueError) as error:
            # TypeError and ValueError: what pyserial's descriptors become while somebody closes the port
            if not self._closing:
                self._fail(error)

    def _readable(self) -> bool:
        """Waits until there may be something to read. Serial ports of Windows can only be asked."""
        try:
            descriptor = self._port.fileno()
        except (AttributeError, io.UnsupportedOperation):
            if not self._port.in_waiting:
                time.sleep(_POLL_S)
            return not self._closing
        ready, _, _ = select.select([descriptor, self._woken], [], [])
        return descriptor in ready

    def _take(self, chunk: bytes) -> None:
        with self._lock:
            if self._sink is not None:
                self._sink.feed(chunk)
            else:
                self._split(chunk)
        # Only now: a virtual clock may go on as soon as this is counted (energy.instruments.Traffic).
        self.traffic.received += len(chunk)

    def _split(self, chunk: bytes) -> None:
        if self._strip_nul:
            chunk = chunk.replace(b"\0", b"")
        *ended, self._partial = (self._partial + chunk).split(b"\n")
        lines: list[Received] = []
        for raw in ended:
            if not raw.endswith(b"\r"):
                self.irregularities["bare-lf"] += 1
            lines.append(self._noted(raw.removesuffix(b"\r")))
        if len(self._partial) > self._max_line:
            self.irregularities["overlong"] += 1
            raw, self._partial = self._partial, b""
            lines.append(self._noted(raw))
        self._lines.extend(lines)  # all are in the transcript before anybody can answer the first

    def _noted(self, raw: bytes) -> Received:
        text = printable(raw)
        clean = len(text) == len(raw)
        if not clean:
            self.irregularities["non-ascii"] += 1
        line = Received(self.clock.now(), text, clean)
        self.note(text, sent=False, at_s=line.time_s)
        return line

    def _drop_partial(self) -> None:
        """Puts the beginning of a line that never ended into the transcript, and forgets it."""
        if self._partial:
            self.note(printable(self._partial), sent=False)
            self._partial = b""

    def _fail(self, cause: Exception) -> BenchError:
        error = lost_port(self.url, self.source, cause)
        with self._lock:
            if self._failure is None:
                self._failure = error
                if self._sink is not None:
                    self._sink.failed(error)
        self.traffic.lost = True
        return error

    def _check(self) -> None:
        if self._failure is not None:
            raise BenchError(self._failure.code, self._failure.message, self._failure.hint)
        if self._closing:
            raise BenchError(
                "link.closed", f"the port {self.url} ({self.source}) has been closed", "Open the bench anew."
            )
        if not self._thread.is_alive():
            raise BenchError(
                "link.reader", f"the reader of {self.url} ({self.source}) has died", "Please report this."
            )
