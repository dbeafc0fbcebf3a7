"""The thread in which PyVISA blocks: opening, sending, and reading lines and blocks.

Traps of PyVISA on a raw socket (protocols.md 4.6), and how they are avoided:

- Without a termination character a read never ends: lines are read with it, blocks by their length without
    it.
- An indefinite block (``#0``) has no end on a socket: it is read by its known length.
- pyvisa-py reports the end of the connection as a timeout (executed, pyvisa-py 0.8), reports a refused
  connection as open, and discards the bytes that it has read when a read times out. So reads are short and
  return what has arrived, and the worker checks whether the other side has closed the socket.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar, cast

from energy.errors import BenchError

_T = TypeVar("_T")
_SLICE_S = 0.1
"""Longest duration of one read of a raw socket, in real time."""
_PIECE = 65536
_LONGEST_LINE = 1 << 20
LARGEST_BLOCK = 256 << 20
"""Bytes of a block; the largest buffer that is read at once has less than 1 MiB."""
_JOIN_S = 1.0


class GaveUpError(Exception):
    """A read was cancelled: the caller does not wait for the answer any more."""


class BlockError(Exception):
    """The answer is not a binary block; the text says what it was."""


class _Job:
    """A job for the thread; as a context, it passes every error to the caller that waits for it."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self.action = action
        self.future: Future[Any] = Future()
        self.given_up = False

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self.future.set_exception(error)
        return True


class VisaWorker:
    """PyVISA in a thread of its own.

    Args:
        resource: VISA resource string.
        backend: PyVISA's backend.
        timeout_s: Longest time for opening, and for a read that cannot be divided into short ones.
        on_loss: Called in the thread when a raw socket is found closed while no query is open.
        on_unasked: Called there with the number of bytes that arrived without a query and were discarded.

    Attributes:
        raw: Whether it is a raw socket, where messages have no end.
        taken: Number of bytes read so far. Only valid while no read runs.
        settled: The part of ``taken`` that a waiting caller may count: the caller updates it before a read,
            and the read updates it when it has to wait for more bytes.
        patience_s: Longest time of a read that cannot be divided into short ones.
    """

    def __init__(
        self,
        resource: str,
        backend: str,
        timeout_s: float,
        on_loss: Callable[[], None],
        on_unasked: Callable[[int], None],
    ) -> None:
        self.resource, self._backend = resource, backend
        self._on_loss, self._on_unasked = on_loss, on_unasked
        self.raw = resource.upper().endswith("::SOCKET")
        self.patience_s = self._timeout_s = timeout_s
        self.taken = self.settled = 0
        self._instrument: Any = None
        self._socket: socket.socket | None = None
        self._current: _Job | None = None
        self._latest: _Job | None = None
        self._jobs: deque[_Job] = deque()
        self._closing = self._expecting = False
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name=f"visa {resource}", daemon=True)
        self._thread.start()

    # From the caller's thread:

    def submit(self, action: Callable[[], _T]) -> Future[_T]:
        """Queues an action for the thread, after the earlier ones."""
        job = self._latest = _Job(action)
        self._jobs.append(job)
        self._waker.send(b"x")
        return cast("Future[_T]", job.future)

    def open(self) -> Future[None]:
        """Opens the instrument; if it is open, closes it first."""
        return self.submit(self._open)

    def clear(self) -> Future[None]:
        """Clears the instrument (device clear), where messages have an end."""
        return self.submit(lambda: self._instrument.clear())

    def send(self, data: bytes) -> Future[Any]:
        """Sends bytes."""
        return self.submit(lambda: self._instrument.write_raw(data))

    def expect(self, answer: bool) -> None:
        """Sets whether an answer is on its way; while none is, a raw socket is watched.

        Sending a query and reading its answer are two jobs: bytes that arrive between them belong to the
            answer.
        """
        self._expecting = answer
        if not answer:
            self._waker.send(b"x")

    def give_up(self) -> None:
        """Cancels the last job: a read of a raw socket stops at once."""
        if self._latest is not None:
            self._latest.given_up = True

    def close(self) -> None:
        """Closes the instrument and ends the thread; a thread that PyVISA holds for longer is left behind."""
        self.give_up()
        self._closing = True
        with contextlib.suppress(OSError):
            self._waker.send(b"x")
        self._thread.join(_JOIN_S)

    # In the thread:

    def read_text(self) -> bytes:
        """A line, with its end."""
        if not self.raw:
            return self._message()
        line = bytearray()
        while not line.endswith(b"\n"):
            line += self._some(_PIECE, line=True)
            if len(line) > _LONGEST_LINE:
                raise BlockError(f"{len(line)} bytes arrived without a line end")
        return bytes(line)

    def read_block(self) -> bytes:
        """The bytes of a definite-length block.

        Raises:
            BlockError: The answer is not one.
        """
        if not self.raw:
            return definite_block(self._message())
        head = self._exactly(2)
        if head[:1] != b"#" or head[1:] not in b"123456789":
            raise BlockError(f"it began with {head!r}")
        digits = self._exactly(int(head[1:]))
        if not digits.isdigit():
            raise BlockError(f"it began with {head + digits!r}")
        if int(digits) > LARGEST_BLOCK:
            raise BlockError(f"it states {int(digits)} bytes; the limit is {LARGEST_BLOCK}")
        data = self._exactly(int(digits))
        self._line_end()
        return data

    def read_indefinite(self, size: int) -> bytes:
        """The bytes of an indefinite block of a known size.

        Raises:
            BlockError: The answer is not one, or has another size.
        """
        data = self._exactly(2) if self.raw else self._message()
        if data[:2] != b"#0":
            raise BlockError(f"it began with {data[:24]!r}")
        if self.raw:
            data = self._exactly(size)
            self._line_end()
            return data
        data = data[2:].removesuffix(b"\n") if len(data) != size + 2 else data[2:]
        if len(data) != size:
            raise BlockError(f"it has {len(data)} bytes instead of {size}")
        return data

    def _run(self) -> None:
        while (job := self._next()) is not None:
            self._current = job
            with job:
                job.future.set_result(job.action())
        with contextlib.suppress(Exception):
            self._shut()
        self._waker.close()
        self._woken.close()

    def _next(self) -> _Job | None:
        """The next job; while there is none, a raw socket is watched."""
        lost = False
        while True:
            if self._jobs:
                return self._jobs.popleft()
            if self._closing:
                return None
            watched = [self._woken]
            if self._socket is not None and not (lost or self._expecting):
                watched.append(self._socket)
            ready, _, _ = select.select(watched, [], [])
            if self._woken in ready:
                self._woken.recv(4096)
            elif count := self._throw_away():
                self._on_unasked(count)
            else:
                lost = True
                self._on_loss()

    def _throw_away(self) -> int:
        """Discards bytes that PyVISA has not read (it holds none itself); returns their number."""
        assert self._socket is not None
        try:
            return len(self._socket.recv(_PIECE))
        except OSError:
            return 0

    def _open(self) -> None:
        self._shut()
        try:
            import pyvisa  # slow to import, and only needed with such an instrument
            from pyvisa.constants import ResourceAttribute
        except ImportError as error:
            raise BenchError(
                "visa.missing", f"PyVISA is not installed: {error}", "pip install 'joulebench[visa]'"
            ) from error
        manager = pyvisa.ResourceManager(self._backend)
        instrument: Any = manager.open_resource(self.resource, open_timeout=round(self._timeout_s * 1000))
        self._instrument = instrument
        instrument.read_termination = instrument.write_termination = None
        instrument.timeout = (_SLICE_S if self.raw else self._timeout_s) * 1000
        if self.raw:
            instrument.set_visa_attribute(ResourceAttribute.suppress_end_enabled, False)
            self._socket = _socket_of(instrument)
            if self._socket is not None:
                number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if number:
                    self._shut()
                    raise OSError(number, "the connection was refused")
                # Without this, a query after a command waits 40 ms for the other side's delayed
                # acknowledgement.
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _shut(self) -> None:
        instrument, self._instrument, self._socket = self._instrument, None, None
        if instrument is not None:
            instrument.close()

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            data += self._some(min(count - len(data), _PIECE), line=False)
        return bytes(data)

    def _line_end(self) -> None:
        """Reads the end of a block's line: after a byte too many or too few, that is not it."""
        end = self._exactly(1)
        if end == b"\r":
            end = self._exactly(1)
        if end != b"\n":
            raise BlockError(f"{end!r} followed it in place of a line feed")

    def _some(self, count: int, *, line: bool) -> bytes:
        """At least one byte and at most ``count``; of text, at most up to a line feed."""
        from pyvisa import VisaIOError
        from pyvisa.constants import StatusCode

        assert self._current is not None
        instrument = self._instrument
        wanted = "\n" if line else None
        if instrument.read_termination != wanted:
            instrument.read_termination = wanted
        while True:
            if self._current.given_up or self._closing:
                if self._ended():
                    raise ConnectionResetError("the other side has closed it")
                raise GaveUpError
            try:
                with instrument.ignore_warning(StatusCode.success_max_count_read):
                    piece, _ = instrument.visalib.read(instrument.session, count)
            except VisaIOError as error:
                if error.error_code != StatusCode.error_timeout:
                    raise
                piece = b""
            self.taken += len(piece)
            if len(piece) < count and not (line and piece.endswith(b"\n")):
                self.settled = self.taken  # the read has waited, and may wait for long
                if not piece and self._ended():
                    raise ConnectionResetError("the other side has closed it")
            if piece:
                return bytes(piece)

    def _message(self) -> bytes:
        """A whole message, on links where messages have an end."""
        self._instrument.timeout = self.patience_s * 1000
        data = bytes(self._instrument.read_raw())
        self.taken += len(data)
        return data

    def _ended(self) -> bool:
        """Whether the other side has closed the socket."""
        if self._socket is None:
            return False
        ready, _, _ = select.select([self._socket], [], [], 0)
        if not ready:
            return False
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True


def definite_block(message: bytes) -> bytes:
    """The bytes of a message that is a definite-length block (IEEE 488.2, 8.7.9).

    Raises:
        BlockError: It is none.
    """
    digits = int(message[1:2]) if message[:1] == b"#" and message[1:2].isdigit() else 0
    length = message[2 : 2 + digits]
    if not digits or not length.isdigit():
        raise BlockError(f"it began with {message[:24]!r}")
    data = message[2 + digits : 2 + digits + int(length)]
    if len(data) < int(length):
        raise BlockError(f"it ended after {len(data)} of {int(length)} bytes")
    return data


def _socket_of(instrument: Any) -> socket.socket | None:
    """pyvisa-py's socket of a raw socket resource; None with another VISA, which reports its own errors."""
    sessions: Any = getattr(instrument.visalib, "sessions", None)
    found: Any = getattr(sessions[instrument.session], "interface", None) if sessions else None
    return found if isinstance(found, socket.socket) else None
