"""The session's side of the view in the terminal: a second process draws it, fed through a socket.

The session keeps the main thread, where signals and the watching of the bench belong (decision 0039). The
view has the keyboard, so its Ctrl-C comes here as a message, and becomes the interrupt that it would have
been. A view that hangs or dies is given up: the terminal is restored, and the session goes on.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from energy.bench.prompt import Prompt
from energy.errors import UsageError
from energy.live.feed import Feed
from energy.live.scene import Known, Scene, span_of
from energy.printable import printable

_TERMINAL = Path("/dev/tty")
_EACH_S = 0.2
_STUCK_S = 3
"""A view that takes nothing for so long is given up."""
_BUFFER = 1 << 15
"""Bytes that wait for the view at most: one that hangs is noticed soon."""
_START_S = 60.0
"""For so long the view may take to start, on a busy machine."""
_FAREWELL_S = 3.0
_RESET = b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[?1004l\x1b[<u\x1b[?25h\x1b[?1049l\r\n"
"""Ends reports of mouse and focus, shows the cursor, leaves the second screen (xterm's control sequences)."""


class _Held(io.StringIO):
    """Standard error while a view fills the terminal: what is written waits for its end."""

    def __init__(self, real: TextIO) -> None:
        super().__init__()
        self._real, self._turn, self._holds = real, threading.Lock(), True

    def write(self, text: str) -> int:
        """Keeps a text, or writes it once the view has gone."""
        with self._turn:
            return super().write(text) if self._holds else self._real.write(text)

    def flush(self) -> None:
        """Has nothing to do while it holds."""
        if not self._holds:
            self._real.flush()

    def isatty(self) -> bool:
        """Whether a person can read it at present."""
        return not self._holds and self._real.isatty()

    def release(self) -> None:
        """Writes what has waited; from now on nothing waits."""
        with self._turn:
            if self._holds:
                self._holds = False
                self._real.write(self.getvalue())
                self._real.flush()


class TerminalView:
    """A view in the terminal.

    Args:
        feed: What the sessions hand over.
        plain: Asks the person at the terminal when there is no view any more.

    Attributes:
        held: Takes the place of standard error while there is a view.

    Raises:
        UsageError: ``usage.live-terminal``.
    """

    def __init__(self, feed: Feed, plain: Prompt) -> None:
        self._feed, self._plain = feed, plain
        self.held = _Held(sys.stderr)
        self._scene, self._known = Scene(feed), Known()
        self._span_s, self._columns = 10.0, 160
        self._question: tuple[int, str] | None = None
        self._questions = 0
        self._answer: str | None = None
        self._turn = threading.Condition()
        self._interrupts = True
        self._terminal = _open_terminal()
        try:
            self._before = termios.tcgetattr(self._terminal)
            self._process, self._socket = _start(self._terminal)
        except BaseException:
            os.close(self._terminal)
            raise
        self._gone, self._asked_for, self._restored = (threading.Event() for _ in range(3))
        self._threads = [
            threading.Thread(target=run, name=f"live-{name}", daemon=True)
            for name, run in (("frames", self._send), ("keys", self._receive))
        ]
        for thread in self._threads:
            thread.start()

    def fills_terminal(self) -> bool:
        """Whether nothing else may be written to the terminal."""
        return not self._restored.is_set()

    def ask(self, question: str) -> str:
        """Asks the person in the view; without it, on the terminal."""
        with self._turn:
            self._questions += 1
            self._question, self._answer = (self._questions, printable(question)), None
        while not self._restored.is_set():
            with self._turn:
                self._turn.wait(0.1)
                if self._answer is not None:
                    return self._answer
        return self._plain(question)

    def end(self) -> None:
        """Shows the last frame, ends the view and restores the terminal."""
        self._interrupts = False
        try:
            if not self._asked_for.is_set():  # it has not drawn anything yet
                self._process.terminate()
            self._threads[0].join(_FAREWELL_S)
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
            self._wait_for_its_end()
        finally:
            if self._gone.is_set():  # the other thread may just be giving it up
                self._restored.wait(_FAREWELL_S)
            self._gone.set()
            self._restore()
            self._socket.close()
            os.close(self._terminal)

    def _wait_for_its_end(self) -> None:
        for end in (self._process.terminate, self._process.kill, lambda: None):
            try:
                self._process.wait(_FAREWELL_S)
                return
            except subprocess.TimeoutExpired:
                end()

    def _send(self) -> None:
        """Sends frames until the view has gone or everything is over."""
        try:
            if not self._asked_for.wait(_START_S):
                raise TimeoutError
            while not self._gone.wait(_EACH_S):
                frame = self._scene.frame(self._span_s, self._columns, self._known)
                with self._turn:
                    frame["question"] = self._question
                line = json.dumps(frame, separators=(",", ":"), allow_nan=False) + "\n"
                self._socket.sendall(line.encode())
                if frame["over"]:
                    return
        except OSError:  # it has gone, or it hangs
            self._give_up()
        except Exception as error:  # noqa: BLE001 - a defect of the view; reported at the end, the session goes on
            self._feed.broke(error)
            self._give_up()

    def _receive(self) -> None:
        """Takes what the view sends: keys that concern the session, and what it wants to be shown."""
        with self._socket.makefile("r", encoding="utf-8", errors="replace") as lines:
            try:
                for line in lines:
                    self._take(json.loads(line))
            except (OSError, ValueError):  # it has gone in the middle of a line, or hangs
                pass
        if not self._feed.over:
            self._give_up()

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("interrupt"):
            if self._interrupts:
                # To the main thread itself, so that it also ends a call of the system that waits there.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        elif "answer" in message:
            with self._turn:
                self._question, self._answer = None, str(message["answer"])
                self._turn.notify_all()
        else:
            self._span_s = span_of(str(message.get("span", 10)))
            self._columns = max(int(message.get("columns", 160)), 2)
            self._asked_for.set()

    def _give_up(self) -> None:
        """After the view has gone: the terminal is as it was, and Ctrl-C works there again."""
        with self._turn:
            if self._gone.is_set():
                return
            self._gone.set()
            self._asked_for.set()
        self._process.kill()
        self._process.wait()
        self._restore()
        text = "the live view has ended, the session goes on; Ctrl-C ends it\r\n"
        with contextlib.suppress(OSError):
            os.write(self._terminal, text.encode())
        self.held.release()
        self._restored.set()

    def _restore(self) -> None:
        with contextlib.suppress(OSError, termios.error):
            if self._process.returncode:
                os.write(self._terminal, _RESET)
            termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)


def _open_terminal() -> int:
    """The terminal of this process.

    Raises:
        UsageError: ``usage.live-terminal``.
    """
    if importlib.util.find_spec("textual") is None:
        raise UsageError(
            "usage.live-terminal",
            "the view in the terminal needs the package textual, which is not installed",
            "pip install 'joulebench[live]', or use --live, which shows a page in a browser.",
        )
    try:
        return os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(
            "usage.live-terminal",
            f"there is no terminal to draw in: {_TERMINAL}: {error.strerror}",
            "Run it in a terminal, or use --live, which shows a page in a browser.",
        ) from error


def _start(terminal: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Starts the process that draws; returns it and our end of the socket."""
    ours, theirs = socket.socketpair()
    # For sending alone: a view that has nothing to tell is not stuck.
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _STUCK_S, 0))
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "energy.live.terminal", str(theirs.fileno())],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=variables,
            pass_fds=(theirs.fileno(),),
        )
    return process, ours


@contextmanager
def drawn_in_terminal(feed: Feed, plain: Prompt) -> Generator[TerminalView]:
    """A view in the terminal while sessions run.

    What is written to standard error meanwhile is shown after it.

    Args:
        feed: What the sessions hand over.
        plain: Asks the person at the terminal when there is no view any more.

    Raises:
        UsageError: ``usage.live-terminal``.
    """
    view = TerminalView(feed, plain)
    try:
        with contextlib.redirect_stderr(view.held):
            yield view
    finally:
        feed.end()
        began_s = time.monotonic()
        while True:
            try:
                view.end()
                break
            except KeyboardInterrupt:  # an impatient one must not leave the terminal as it is
                if time.monotonic() - began_s > 4 * _FAREWELL_S:
                    raise
        view.held.release()
