"""The far end of a wire for tests: it plays one written dialogue and knows nothing of drivers.

A dialogue is a text with a line per message: ``> `` is what the driver sends, ``< `` what the instrument
answers. Escapes of Python (``\\x0c``) stand for bytes that are not text. The first command that differs from
the dialogue ends it: the peer hangs up, and the test fails with the dialogue and that command marked.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import serial

from energy.errors import JoulebenchError


@dataclass(frozen=True)
class Framing:
    """How a wire frames its messages.

    Attributes:
        command_end: After each command.
        before: In front of an answer's first line.
        line_end: After each line of an answer.
        after: Behind an answer's last line.
    """

    command_end: bytes
    before: bytes = b""
    line_end: bytes = b"\r\n"
    after: bytes = b""


PERCENT = Framing(b"%")
SCPI = Framing(b"\n", line_end=b"\n")
LPM01A = Framing(b"\n", before=b"\r\nPowerShield > ", after=b"\r\n")
PPK2 = Framing(b"", line_end=b"\n")


@dataclass
class Exchange:
    """A command and the lines that answer it.

    Attributes:
        command: As the dialogue has it.
        answers: Likewise.
        line: Number of the command's line in the dialogue, from 1.
    """

    command: str
    answers: list[str]
    line: int


def exchanges(text: str) -> list[Exchange]:
    """A dialogue's exchanges, in order.

    Raises:
        ValueError: For a line that begins with neither ``>`` nor ``<``, and for an answer to nothing.
    """
    found: list[Exchange] = []
    for number, line in enumerate(text.strip().splitlines(), 1):
        mark, message = line[:1], line[2:]
        if mark == ">":
            found.append(Exchange(message, [], number))
        elif mark == "<" and found:
            found[-1].answers.append(message)
        else:
            raise ValueError(
                f"line {number} of a dialogue is neither '> command' nor an answer to one: {line!r}"
            )
    return found


def raw(text: str) -> bytes:
    """The bytes of a message: Latin-1, with Python's escapes."""
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


@dataclass
class Play:
    """A dialogue that is being played, by bytes; the transport is somebody else's.

    Attributes:
        text: The dialogue.
        framing: Its wire's.
        problem: The first thing that differed; empty while all is well.
    """

    text: str
    framing: Framing
    problem: str = ""
    _left: list[Exchange] = field(default_factory=list)
    _buffer: bytes = b""

    def __post_init__(self) -> None:
        self._left = exchanges(self.text)

    def received(self, data: bytes) -> bytes:
        """Takes what the driver sent; returns what the instrument answers."""
        self._buffer += data
        answer = b""
        while self._buffer and not self.problem:
            if not self._left:
                self.problem = f"after its end the driver sent {self._shown(self._buffer)}"
                break
            expected = raw(self._left[0].command) + self.framing.command_end
            if self._buffer.startswith(expected):
                self._buffer = self._buffer[len(expected) :]
                answer += self._answer(self._left.pop(0))
            elif expected.startswith(self._buffer):
                break  # the rest of the command is still on its way
            else:
                # Without an end of commands, later ones may be behind it already on a busy machine.
                self._differs(self._shown(self._buffer[: len(expected)]))
        return answer

    def finish(self) -> None:
        """After the driver is done: fails if it sent less than the dialogue has."""
        if not self.problem and self._left:
            self._differs(f"no more than {self._shown(self._buffer)}" if self._buffer else "nothing more")

    def _differs(self, came: str) -> None:
        due = self._left[0]
        self.problem = f"in line {due.line} '{due.command}' was expected; the driver sent {came}"

    def _answer(self, exchange: Exchange) -> bytes:
        if not exchange.answers:
            return b""
        lines = b"".join(raw(line) + self.framing.line_end for line in exchange.answers)
        return self.framing.before + lines + self.framing.after

    def _shown(self, data: bytes) -> str:
        end = self.framing.command_end
        return repr((data.partition(end)[0] if end else data).decode("latin-1"))


def _serve(play: Play, end: int | socket.socket, closing: threading.Event) -> None:
    """Plays over an open descriptor until the test is done; hangs up at the first difference."""
    read, write = (
        (lambda: end.recv(65536), end.sendall)
        if isinstance(end, socket.socket)
        else (lambda: os.read(end, 65536), lambda data: os.write(end, data))
    )
    while not closing.is_set() and not play.problem:
        if select.select([end], [], [], 0.005)[0]:
            data = read()
            if not data:
                return
            write(play.received(data))


@contextmanager
def played(text: str, framing: Framing, *, visa: bool = False) -> Generator[str]:
    """A real peer that plays a dialogue: a pty, or a raw TCP socket for VISA.

    Args:
        text: The dialogue.
        framing: Its wire's.
        visa: Whether the peer is a socket.

    Yields:
        The port's url, or the VISA resource string.

    Raises:
        AssertionError: With the dialogue, if the driver did not keep to it, also where the driver has failed.
    """
    play, closing = Play(text, framing), threading.Event()
    with ExitStack() as stack:
        url = (_socket if visa else _pty)(play, closing, stack)
        failure: Exception | None = None
        try:
            yield url
        except (AssertionError, JoulebenchError) as error:
            failure = error
        finally:
            closing.set()
            stack.close()
    play.finish()
    if play.problem:
        raise AssertionError(
            f"the dialogue was left: {play.problem}\n\n{marked(text, play.problem)}"
        ) from failure
    if failure is not None:
        raise failure


def marked(text: str, problem: str) -> str:
    """What is wrong, and the dialogue with line numbers."""
    lines = [f"{number:4} {line}" for number, line in enumerate(text.strip().splitlines(), 1)]
    return "\n".join([f"the dialogue was left: {problem}", "", *lines])


def _pty(play: Play, closing: threading.Event, stack: ExitStack) -> str:
    if not hasattr(os, "openpty"):
        pytest.skip("no ptys here")
    master, slave = os.openpty()
    url = os.ttyname(slave)
    serial.Serial(url).close()  # no echo, no line discipline: as any serial program leaves it
    os.close(slave)
    keep = os.open(url, os.O_RDWR | os.O_NOCTTY)  # the line stays up until somebody opens it

    def serve() -> None:
        with contextlib.suppress(OSError):
            _serve(play, master, closing)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    stack.callback(os.close, keep)
    stack.callback(os.close, master)
    stack.callback(thread.join)
    return url


def _socket(play: Play, closing: threading.Event, stack: ExitStack) -> str:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    listener.settimeout(0.05)

    def serve() -> None:
        while not closing.is_set():
            with contextlib.suppress(OSError):
                peer, _ = listener.accept()
                with peer:
                    _serve(play, peer, closing)
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    stack.callback(thread.join)
    return f"TCPIP::127.0.0.1::{listener.getsockname()[1]}::SOCKET"


class PlayedTopics:
    """A Joulescope's driver package that plays a dialogue: topics in place of a wire (joulescope.md 1.3).

    ``> topic = value`` is a value that is published, ``> topic?`` one that is asked for; subscriptions are
    silent. What differs is raised as what the package raises, and kept: ``finish`` fails with it.
    """

    log_level: Any = -1

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path
        self.problem = ""
        self._left = exchanges(text)

    def device_paths(self, timeout: float | None = None) -> list[str]:
        return [self.path]

    def open(self, device_prefix: str, mode: Any = None, timeout: float | None = None) -> None:
        self._next(f"open {device_prefix} {mode}")

    def close(self, device_prefix: str, timeout: float | None = None) -> None:
        self._next(f"close {device_prefix}")

    def publish(self, topic: str, value: Any, timeout: float | None = None) -> None:
        self._next(f"{topic.removeprefix(self.path)[1:]} = {value}")

    def query(self, topic: str, timeout: float | None = None) -> Any:
        answers = self._next(f"{topic.removeprefix(self.path)[1:]}?")
        return int(answers[0])

    def subscribe(self, topic: str, flags: Any, fn: Any, timeout: float | None = None) -> None:
        pass

    def unsubscribe(self, topic: str, fn: Any, timeout: float | None = None) -> None:
        pass

    def finalize(self, timeout: float | None = None) -> None:
        pass

    def finish(self) -> None:
        if not self.problem and self._left:
            self.problem = f"in line {self._left[0].line} '{self._left[0].command}' was expected; none came"
        assert not self.problem, marked(self.text, self.problem)

    def _next(self, came: str) -> list[str]:
        if self._left and self._left[0].command == came:
            return self._left.pop(0).answers
        if not self.problem:
            due = f"in line {self._left[0].line} '{self._left[0].command}'" if self._left else "the end"
            self.problem = f"{due} was expected; the driver sent '{came}'"
        raise RuntimeError(self.problem)
