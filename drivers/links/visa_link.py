"""An instrument reached through VISA: queries and binary blocks, by PyVISA (pyvisa-py unless told otherwise).

PyVISA blocks while it reads. Everything it does here runs in a thread of the link's own, while the caller
waits on the injected clock: so a virtual world moves on and a timeout is one of that clock's.

Traps of PyVISA on a raw socket (protocols.md 4.6): without a termination character a read never ends, so text
is read up to a line feed and a block by its length; an indefinite block (``#0``) has no end on a socket; after
a timeout the next answer is the old one, so the link is cleared and marked before it is used again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from energy.errors import BenchError
from energy.instruments import Clock, Deadline, Line, Traffic, Transcript

_T = TypeVar("_T")
_LOOK_S = 0.05
_GRACE_S = 2.0
"""Real seconds that PyVISA gets beyond the clock's deadline before a read is given up."""
_SHOWN = 200
"""So much of a line goes into the transcript."""


class VisaLink:
    """One instrument.

    Args:
        resource: VISA resource string: ``TCPIP::192.168.1.5::inst0::INSTR``, ``USB0::...::INSTR``,
            ``TCPIP::127.0.0.1::5025::SOCKET``.
        clock: Clock of time stamps and timeouts.
        transcript: Takes every line, both ways; of blocks only their length.
        source: Name of the wire in the transcript.
        timeout_s: How long an answer may take.
        backend: PyVISA's backend: ``"@py"`` is pyvisa-py, ``""`` the vendor's library.

    Raises:
        BenchError: ``visa.missing`` without PyVISA, ``visa.open`` if it cannot be opened.
    """

    def __init__(
        self,
        resource: str,
        *,
        clock: Clock,
        transcript: Transcript | None = None,
        source: str = "monitor",
        timeout_s: float = 5.0,
        backend: str = "@py",
    ) -> None:
        self.resource = resource
        self.clock = clock
        self.traffic = Traffic()
        self._source, self._transcript, self._timeout_s = source, transcript, timeout_s
        self._stale = False
        self._closed = False
        self._thread = ThreadPoolExecutor(1, f"visa {resource}")
        try:
            self._instrument = self._thread.submit(_open, resource, backend, timeout_s + _GRACE_S).result()
            clock.attach(resource, self.traffic)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise

    def write(self, command: str) -> None:
        """Sends a command."""
        self._prepare()
        self._note(command, sent=True)
        data = command.encode("ascii") + b"\n"
        self._do(lambda: self._send(data), f"sending {command[:60]!r}", self._timeout_s)

    def query(self, command: str, timeout_s: float | None = None) -> str:
        """Sends a query; returns its answer, without the line end.

        Raises:
            BenchError: ``visa.silent``, ``visa.lost``.
        """
        self.write(command)
        text = self._do(self._read_text, f"the answer to {command[:60]!r}", timeout_s or self._timeout_s)
        self._note(text, sent=False)
        return text

    def query_block(self, command: str, timeout_s: float | None = None) -> bytes:
        """Sends a query that is answered by a definite-length block (IEEE 488.2, 8.7.9); returns its bytes.

        Raises:
            BenchError: ``visa.silent``, ``visa.lost``, ``visa.block`` for an answer that is none.
        """
        self.write(command)
        what = f"the block after {command[:60]!r}"
        data = self._do(self._read_block, what, timeout_s or self._timeout_s)
        self._note(f"#block of {len(data)} bytes", sent=False)
        return data

    def query_reals(
        self, command: str, count: int, dtype: str = ">f4", timeout_s: float | None = None
    ) -> npt.NDArray[Any]:
        """Sends a query that is answered by an indefinite block (``#0``) of a known number of reals.

        Args:
            command: The query.
            count: How many reals come.
            dtype: NumPy's name of their format.
            timeout_s: How long the answer may take.

        Returns:
            Shape (count,), of ``dtype``.

        Raises:
            BenchError: ``visa.silent``, ``visa.lost``, ``visa.block``.
        """
        self.write(command)
        size = np.dtype(dtype).itemsize * count
        what = f"{count} readings after {command[:60]!r}"
        data = self._do(lambda: self._read_exactly(size + 3), what, timeout_s or self._timeout_s)
        if data[:2] != b"#0" or data[-1:] != b"\n":
            self._stale = True
            raise self._no_block(data)
        self._note(f"#0 block of {size} bytes", sent=False)
        return np.frombuffer(data, dtype=dtype, offset=2, count=count)

    def note(self, text: str) -> None:
        """Writes a remark into the transcript."""
        self._note(text, sent=False)

    def close(self) -> None:
        """Lets go of the instrument. Harmless if done twice."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(Exception):  # noqa-free: PyVISA's own close may fail on a lost instrument
            self._thread.submit(self._instrument.close).result(timeout=_GRACE_S)
        self._thread.shutdown(wait=False)

    # In the link's thread:

    def _send(self, data: bytes) -> None:
        self._instrument.write_raw(data)
        self.traffic.sent += len(data)

    def _read_text(self) -> str:
        raw: bytes = self._instrument.read_raw()
        self.traffic.received += len(raw)
        return raw.decode("latin-1").rstrip("\r\n")

    def _read_exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            piece: bytes = self._instrument.read_bytes(min(count - len(data), 65536), break_on_termchar=False)
            self.traffic.received += len(piece)
            data += piece
        return bytes(data)

    def _read_block(self) -> bytes:
        head = self._read_exactly(2)
        if head[:1] != b"#" or not head[1:].isdigit() or head[1:] == b"0":
            self._stale = True
            raise self._no_block(head)
        digits = self._read_exactly(int(head[1:]))
        if not digits.isdigit():
            self._stale = True
            raise self._no_block(head + digits)
        data = self._read_exactly(int(digits))
        self._read_exactly(1)  # the line feed after it
        return data

    # In the caller's thread:

    def _do(self, action: Callable[[], _T], what: str, timeout_s: float) -> _T:
        """Has something done in the link's thread while the clock goes on."""
        future: Future[_T] = self._thread.submit(action)
        deadline = Deadline(self.clock, timeout_s)
        while not future.done() and not deadline.expired():
            self.clock.wait(min(deadline.remaining(), _LOOK_S))
        if not future.done():
            self._stale = True
            raise BenchError(
                "visa.silent",
                f"{what} was expected from {self.resource} within {timeout_s:g} s",
                "Is it switched on, in remote control, and is no other program using it?",
            )
        error = future.exception()
        if error is None:
            return future.result()
        self._stale = True
        if isinstance(error, BenchError):
            raise error
        self.traffic.lost = True
        raise BenchError(
            "visa.lost",
            f"{what}: the connection to {self.resource} failed: {error}",
            "Check its cable and its display; no other program may use it.",
        ) from error

    def _prepare(self) -> None:
        """After a fault: whatever was on its way is thrown away before anything new is asked."""
        if self._closed:
            raise BenchError("visa.closed", f"{self.resource} has been closed", "Open the bench anew.")
        if self._stale:
            self._stale = False
            self._do(self._clear, "clearing the connection", self._timeout_s)

    def _clear(self) -> None:
        self._instrument.clear()

    def _no_block(self, data: bytes) -> BenchError:
        return BenchError(
            "visa.block",
            f"a binary block was expected from {self.resource}; it began with {data[:24]!r}",
            "Did the command before it fail? Its error queue says; see the session's log.",
        )

    def _note(self, text: str, *, sent: bool) -> None:
        if self._transcript is not None:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
            self._transcript(Line(self.clock.now(), self._source, sent, shown))


def _open(resource: str, backend: str, timeout_s: float) -> Any:
    try:
        import pyvisa  # slow, and only needed with such an instrument
    except ImportError as error:
        raise BenchError(
            "visa.missing", f"PyVISA is not installed: {error}", "pip install 'joulebench[visa]'"
        ) from error
    try:
        instrument: Any = pyvisa.ResourceManager(backend).open_resource(resource)
        instrument.timeout = timeout_s * 1000
        instrument.read_termination = instrument.write_termination = None
        with contextlib.suppress(AttributeError):
            instrument.read_termination = "\n"
    except (pyvisa.Error, OSError, ValueError) as error:
        raise BenchError(
            "visa.open",
            f"{resource} cannot be opened: {error}",
            "Check the resource string (`joulebench list` shows what is plugged in), cable and address.",
        ) from error
    return instrument
