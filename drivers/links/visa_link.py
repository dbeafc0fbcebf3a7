"""A link to an instrument through VISA: queries and binary blocks, by PyVISA.

PyVISA blocks while it reads, so it runs in a thread of the link (`visa_worker`) while the caller waits on
the injected clock: a virtual world continues, and timeouts are times of that clock. Sending takes little
time and is waited for in real time: virtual time stands still until a command is on its way.

After a timeout the next answer would be the old one (protocols.md 4.6). So before the next command, a raw
socket is closed and opened again, and other links are cleared; then ``*IDN?`` is sent, and everything
before its answer is discarded.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from drivers.links.visa_worker import BlockError, VisaWorker
from energy.errors import BenchError
from energy.instruments import Clock, Deadline, Line, Traffic, Transcript, log_line

_T = TypeVar("_T")
_LOOK_S = 0.05
_GRACE_S = 5.0
"""Real seconds that opening, sending and clearing may take beyond the timeout."""
_END_S = 2.0
"""Real seconds until a cancelled read of a raw socket ends."""
_MARKER = "*IDN?"
_MARKER_COMMAS = 2
"""The answer to ``*IDN?`` has four fields, and few other answers do; three are enough."""
_STALE_ANSWERS = 100
_SHOWN = 200
"""Longest part of a line in the transcript."""


class VisaLink:
    """An instrument. Several threads may call its methods, but not at the same time.

    Args:
        resource: VISA resource string: ``TCPIP::192.168.1.5::inst0::INSTR``, ``USB0::...::INSTR``,
            ``TCPIP::127.0.0.1::5025::SOCKET``.
        clock: Clock of time stamps and timeouts.
        transcript: Receives every line in both directions; of blocks only their length.
        source: Name of the wire in the transcript.
        timeout_s: Longest time until an answer.
        backend: PyVISA's backend: ``"@py"`` is pyvisa-py, ``""`` the vendor's library.

    Raises:
        BenchError: ``visa.missing`` without PyVISA, ``visa.open`` if it cannot be opened.

    Attributes:
        traffic: Number of bytes that were sent, and that were received and processed.
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
        self._base = 0  # bytes that the worker discarded
        self._worker = VisaWorker(resource, backend, timeout_s, self._gone, self._unasked)
        try:
            self._opened(self._worker.open())
            clock.attach(resource, self.traffic)
        except BaseException:
            self._worker.close()
            raise

    def write(self, command: str) -> None:
        """Sends a command.

        Raises:
            BenchError: ``visa.lost``, ``visa.stalled``, ``visa.closed``; ``visa.silent`` and others if the
                earlier exchange failed and the link cannot be synchronised again.
        """
        self._prepare()
        self._write(command, answered=False)

    def push(self, command: str) -> None:
        """Sends a command, even to an instrument that has stopped answering: for switching off.

        Raises:
            BenchError: ``visa.lost``, ``visa.stalled``, ``visa.closed``.
        """
        stale = self._stale
        if self._closed or not stale:
            self.write(command)
            return
        self._renew()
        self._write(command, answered=False)
        self._stale = True  # whether it answers is still not known

    def query(self, command: str, timeout_s: float | None = None) -> str:
        """Sends a query; returns its answer without the line end.

        Raises:
            BenchError: ``visa.silent``, and the errors of ``write``.
        """
        self._ask(command, timeout_s)
        return self._answer(command, timeout_s)

    def query_block(self, command: str, timeout_s: float | None = None) -> bytes:
        """Sends a query; returns the bytes of its answer, a definite-length block (IEEE 488.2, 8.7.9).

        Raises:
            BenchError: ``visa.silent``, ``visa.block`` for an answer that is not a block, and the errors of
                ``write``.
        """
        self._ask(command, timeout_s)
        data = self._do(self._worker.read_block, f"the block after {command[:60]!r}", timeout_s)
        self._note(f"(a block of {len(data)} bytes)", sent=False)
        return data

    def query_reals(
        self, command: str, count: int, dtype: str = ">f4", timeout_s: float | None = None
    ) -> npt.NDArray[Any]:
        """Sends a query whose answer is an indefinite block (``#0``) with a known number of reals.

        Args:
            command: The query.
            count: Number of reals.
            dtype: NumPy's name of their format.
            timeout_s: Longest time until the answer is complete.

        Returns:
            Shape (count,), of ``dtype``.

        Raises:
            BenchError: ``visa.silent``, ``visa.block``, and the errors of ``write``.
        """
        self._ask(command, timeout_s)
        size = np.dtype(dtype).itemsize * count
        what = f"{count} readings after {command[:60]!r}"
        data = self._do(lambda: self._worker.read_indefinite(size), what, timeout_s)
        self._note(f"(an indefinite block of {size} bytes)", sent=False)
        return np.frombuffer(data, dtype=dtype, count=count)

    @contextmanager
    def within(self, seconds: float) -> Generator[None]:
        """Limits the time for answers in its context: silence is dangerous while the DUT is powered."""
        usual_s, self._timeout_s = self._timeout_s, min(seconds, self._timeout_s)
        try:
            yield
        finally:
            self._timeout_s = usual_s

    def note(self, text: str) -> None:
        """Writes a remark into the transcript."""
        self._note(text, sent=False)

    def close(self) -> None:
        """Releases the instrument. May be called again."""
        if not self._closed:
            self._closed = True
            self._worker.close()

    def _ask(self, command: str, timeout_s: float | None) -> None:
        self._prepare(timeout_s)
        self._write(command, answered=True)

    def _write(self, command: str, *, answered: bool) -> None:
        self._note(command, sent=True)
        self._worker.expect(answered)
        data = command.encode("ascii") + b"\n"
        what = f"sending {command[:60]!r} to {self.resource}"
        self._at_once(self._worker.send(data), what)
        self.traffic.sent += len(data)

    def _answer(self, command: str, timeout_s: float | None = None) -> str:
        raw = self._do(self._worker.read_text, f"the answer to {command[:60]!r}", timeout_s)
        text = raw.decode("latin-1").rstrip("\r\n")
        self._note(text, sent=False)
        return text

    def _do(self, action: Callable[[], _T], what: str, timeout_s: float | None) -> _T:
        """Runs a read in the link's thread while the clock continues."""
        seconds = timeout_s or self._timeout_s
        self._stale = True  # until the answer is complete: the caller may be interrupted
        self._worker.patience_s = seconds
        self._worker.settled = self._worker.taken
        future = self._worker.submit(action)
        deadline = Deadline(self.clock, seconds)
        try:
            while not (future.done() or self.traffic.lost or deadline.expired()):
                self.traffic.received = self._base + self._worker.settled
                deadline.wait(_LOOK_S)
            in_time = future.done()
        finally:
            if not future.done():
                self._worker.give_up()
                wait([future], timeout=_END_S if self._worker.raw else 0.0)
            # Counted here and not in the thread: a virtual clock continues when this is counted.
            self.traffic.received = self._base + self._worker.taken
            self._worker.expect(answer=False)
        closed = future.done() and isinstance(future.exception(), ConnectionError)  # why it has not come
        if not in_time and not closed:
            raise BenchError(
                "visa.silent",
                f"{what} was expected from {self.resource} within {seconds:g} s, but did not arrive",
                "Check that it is switched on, in remote control, and not used by another program. A query "
                "that it "
                "does not know gets no answer, either.",
            )
        return self._result(future, what)

    def _at_once(self, future: Future[_T], what: str) -> _T:
        """Waits in real time for something that does not depend on the instrument's time."""
        self._stale = True
        # A cancelled read may still hold the thread for its own timeout, if it is not on a raw socket.
        patience_s = max(self._timeout_s, self._worker.patience_s) + _GRACE_S
        try:
            future.exception(timeout=patience_s)
        except FutureTimeoutError as error:
            raise BenchError(
                "visa.stalled",
                f"{what}: not complete after {patience_s:g} s",
                "The instrument accepts no bytes: switch it off and on, check its cable.",
            ) from error
        return self._result(future, what)

    def _result(self, future: Future[_T], what: str) -> _T:
        error = future.exception()
        if error is None:
            self._stale = False
            return future.result()
        if isinstance(error, BenchError):
            raise error
        if isinstance(error, BlockError):
            raise BenchError(
                "visa.block",
                f"{what} was expected from {self.resource}; {error}",
                "Did the command before it fail? See its error queue and the session's log.",
            ) from error
        self._gone()
        raise BenchError(
            "visa.lost",
            f"{what}: the connection to {self.resource} is gone: {error}",
            "Check its cable and its display; it may have lost power. No other program may use it.",
        ) from error

    def _opened(self, future: Future[None]) -> None:
        try:
            self._at_once(future, f"opening {self.resource}")
        except BenchError as error:
            if error.code not in ("visa.lost", "visa.stalled"):
                raise
            raise BenchError(
                "visa.open",
                f"{self.resource} cannot be opened: {future.exception() if future.done() else error.message}",
                "Check the resource string (`joulebench list` shows what is plugged in), cable and address; "
                "some instruments serve only one program at a time.",
            ) from error

    def _prepare(self, timeout_s: float | None = None) -> None:
        """After a fault, discards everything that was on its way, before anything new is sent."""
        if self._closed:
            raise BenchError("visa.closed", f"{self.resource} has been closed", "Open the bench again.")
        if not self._stale:
            return
        self._renew()
        self._write(_MARKER, answered=True)
        for _ in range(_STALE_ANSWERS):
            if self._answer(_MARKER, timeout_s).count(",") >= _MARKER_COMMAS:
                return
        self._stale = True
        raise BenchError(
            "visa.out-of-step",
            f"{self.resource} has not answered {_MARKER!r} with its identity in {_STALE_ANSWERS} lines",
            "Switch it off and on; no other program may use it.",
        )

    def _renew(self) -> None:
        """Closes a raw socket and opens it again; clears any other link."""
        self.note("(the earlier exchange failed: the link is synchronised again)")
        if self._worker.raw:
            self._at_once(self._worker.open(), f"opening {self.resource} again")
            self.traffic.lost = False
            self.traffic.received = self._base + self._worker.taken
            self.clock.attach(self.resource, self.traffic)
        else:
            self._at_once(self._worker.clear(), f"clearing {self.resource}")
            self.traffic.lost = False

    def _gone(self) -> None:
        """Marks the connection as lost. The link's thread may call it."""
        self._stale = True
        self.traffic.lost = True

    def _unasked(self, count: int) -> None:
        """Notes bytes without a query, in the link's thread: a late answer, or a banner."""
        self._stale = True
        self._note(f"({count} bytes that answered no query were discarded)", sent=False)
        self._base += count
        self.traffic.received += count

    def _note(self, text: str, *, sent: bool) -> None:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
        line = Line(self.clock.now(), self._source, sent, shown)
        log_line(line)
        if self._transcript is not None:
            self._transcript(line)
