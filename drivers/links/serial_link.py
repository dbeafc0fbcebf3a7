r"""A serial line: bytes out, lines in, and nothing dropped silently.

A thread of the link takes the bytes when they arrive. So no byte waits in a buffer of the operating system
(a Linux tty keeps 4095 and drops the rest), and a line's time in the transcript is the time when it arrived,
not the time when a caller read it.

Framing (protocols.md 1.1, 2.1, 3.1): lines end with CR LF; a bare LF also ends a line and is counted as an
irregularity. Bytes that are not printable ASCII are stored as ``\xNN``.
"""

from __future__ import annotations

import contextlib
import io
import re
import select
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import serial

from drivers.links.ports import lost_port, open_port, reader_of, stalled_port
from energy.instruments import Clock, Deadline, Line, LinkError, Traffic, Transcript, log_line

_WRITE_TIMEOUT_S = 2.0
_POLL_S = 0.001
_LOOK_S = 0.05
"""How long a reader of lines waits between two looks."""
_CR = re.compile(rb"\r\n?")
_PRINTABLE = [chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in range(256)]


def printable(raw: bytes) -> str:
    r"""Bytes as text: printable ASCII unchanged, every other byte as ``\xNN``."""
    if raw.isascii():
        text = raw.decode("ascii")
        if text.isprintable():
            return text
    return "".join(_PRINTABLE[byte] for byte in raw)


@dataclass(frozen=True, slots=True)
class Received:
    """A received line.

    Attributes:
        time_s: Time of its end, on the link's clock.
        text: The line without its terminator; bytes that are not printable ASCII are escaped.
        clean: Whether all of its bytes are printable ASCII.
    """

    time_s: float
    text: str
    clean: bool


class ByteSink(Protocol):
    """A receiver of a link's bytes, in place of its lines. The link's thread calls it."""

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        ...

    def failed(self, error: LinkError) -> None:
        """Reports that the port is gone; no more bytes will come."""
        ...


class SerialLink:
    """A serial port.

    Args:
        url: URL or device for pyserial's ``serial_for_url``: a path, a pty, ``COM3``, ``socket://host:port``.
        baud: Baud rate; 8N1 without flow control.
        clock: Clock of time stamps and timeouts.
        transcript: Receives every line in both directions.
        source: Name of the wire in the transcript.
        strip_nul: Whether to drop NUL bytes, which an LPM01A sends around its prompts (protocols.md 3.1).
        max_line: Longest line; a longer one is divided, and counted as an irregularity.
        bare_cr: Whether a CR alone ends a line, too, as some consoles send it.

    Raises:
        LinkError: ``link.missing``, ``link.permission``, ``link.busy``, ``link.refused``, ``link.baud``,
            ``link.open-failed``.

    Attributes:
        traffic: Number of bytes that were sent, and that were received and processed.
        irregularities: Number of ``"bare-lf"``, ``"non-ascii"`` and ``"overlong"`` lines.
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
        bare_cr: bool = False,
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
        self._bare_cr = bare_cr
        self._after_cr = False
        self._lines: deque[Received] = deque()
        self._partial = b""
        self._sink: ByteSink | None = None
        self._failure: LinkError | None = None
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

    # Sending and receiving, from the caller's thread:

    def write(self, data: bytes) -> None:
        """Sends bytes, and writes them into the transcript as a line.

        Raises:
            LinkError: ``link.unplugged``, ``link.stalled``, ``link.closed``.
        """
        self._check()
        self.note(printable(data.rstrip(b"\r\n")), sent=True)  # before its answer can arrive
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
            LinkError: ``link.unplugged``, ``link.closed``.
        """
        while True:
            if self._lines:
                return self._lines.popleft()
            self._check()
            if deadline.overdue_s >= self.clock.lag_s:
                return None
            deadline.wait(_LOOK_S)

    def take_lines(self) -> list[Received]:
        """The lines that have arrived."""
        lines: list[Received] = []
        while self._lines:
            lines.append(self._lines.popleft())
        return lines

    @property
    def pending(self) -> str:
        """The received part of a line that has not ended."""
        return printable(self._partial)

    def drain(self, quiet_s: float, limit_s: float) -> list[Received]:
        """Synchronises the link: takes lines until no more bytes arrive, and drops an unfinished line.

        Args:
            quiet_s: How long no byte may arrive.
            limit_s: Longest time to wait.

        Returns:
            The lines that arrived. The rest of an unfinished line is only written into the transcript.
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
        """Sends the bytes to ``sink`` from now on; with None, they are split into lines again.

        The received part of an unfinished line goes to the new sink, so that no byte is lost.
        """
        with self._lock:
            self._sink = sink
            if sink is not None and self._partial:
                partial, self._partial = self._partial, b""
                sink.feed(partial)

    def deliver(self, text: str) -> None:
        """Takes back a line that a byte sink found between other bytes: ``read_line`` will return it."""
        line = Received(self.clock.now(), text, clean=True)
        self.note(text, sent=False, at_s=line.time_s)
        self._lines.append(line)

    def check(self) -> None:
        """Raises an error if the port is gone, also when nothing is to be sent.

        Raises:
            LinkError: ``link.unplugged``, ``link.closed``.
        """
        self._check()

    def between_bytes(self, action: Callable[[], None]) -> None:
        """Runs an action at a moment when the byte sink gets no bytes."""
        with self._lock:
            action()

    def note(self, text: str, *, sent: bool, at_s: float | None = None) -> None:
        """Writes a line into the transcript."""
        line = Line(self.clock.now() if at_s is None else at_s, self.source, sent, text)
        log_line(line)
        if self._transcript is not None:
            self._transcript(line)

    def close(self) -> None:
        """Closes the port. May be called again."""
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

    # In the link's own thread:

    def _read_loop(self) -> None:
        read = reader_of(self._port)
        try:
            while not self._closing:
                if not self._readable():
                    continue
                if chunk := read():
                    self._take(chunk)
        except (serial.SerialException, OSError, TypeError, ValueError) as error:
            # TypeError and ValueError: from pyserial's descriptors while another thread closes the port.
            if not self._closing:
                self._fail(error)

    def _readable(self) -> bool:
        """Waits until bytes may have arrived. Serial ports of Windows can only be polled."""
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
        # Only now: a virtual clock may continue when this is counted (energy.instruments.Traffic).
        self.traffic.received += len(chunk)

    def _split(self, chunk: bytes) -> None:
        if self._strip_nul:
            chunk = chunk.replace(b"\0", b"")
        if self._bare_cr:
            chunk = self._with_lf(chunk)
        *ended, self._partial = (self._partial + chunk).split(b"\n")
        lines: list[Received] = []
        for raw in ended:
            if not raw.endswith(b"\r"):
                self.irregularities["bare-lf"] += 1
            lines += self._within_limit(raw.removesuffix(b"\r"))
        if len(self._partial) > self._max_line:
            raw, self._partial = self._partial, b""
            lines += self._within_limit(raw)
        self._lines.extend(lines)  # all are in the transcript before a caller can answer the first

    def _within_limit(self, raw: bytes) -> list[Received]:
        """A line, divided if it is too long."""
        if len(raw) <= self._max_line:
            return [self._noted(raw)]
        self.irregularities["overlong"] += 1
        return [self._noted(raw[at : at + self._max_line]) for at in range(0, len(raw), self._max_line)]

    def _with_lf(self, chunk: bytes) -> bytes:
        """The bytes with CR LF in place of a CR alone; a LF after it may be in the next chunk."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # its line has ended at the CR
        self._after_cr = chunk.endswith(b"\r") if chunk else False
        return _CR.sub(b"\r\n", chunk)

    def _noted(self, raw: bytes) -> Received:
        text = printable(raw)
        clean = len(text) == len(raw)
        if not clean:
            self.irregularities["non-ascii"] += 1
        line = Received(self.clock.now(), text, clean)
        self.note(text, sent=False, at_s=line.time_s)
        return line

    def _drop_partial(self) -> None:
        """Writes the beginning of a line that never ended into the transcript, and discards it."""
        if self._partial:
            self.note(printable(self._partial), sent=False)
            self._partial = b""

    def _fail(self, cause: Exception) -> LinkError:
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
            raise LinkError(self._failure.code, self._failure.message, self._failure.hint)
        if self._closing:
            raise LinkError(
                "link.closed", f"the port {self.url} ({self.source}) has been closed", "Open the bench again."
            )
        if not self._thread.is_alive():
            raise LinkError(
                "link.reader", f"the reader of {self.url} ({self.source}) has stopped", "Please report this."
            )
