"""The view in the terminal: a full-screen program of its own, which draws the frames that a session sends.

``python -m energy.live.terminal FD`` is started by the session (``energy.live.attach``), with a socket as
descriptor FD: frames come as lines of JSON, and keys that concern the session go back.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any, ClassVar

import numpy as np
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Input, Static

from energy.live.lines import Lines, meters, plot, sessions, title, windows
from energy.live.lines import findings as finding_lines

SPANS = ("0.1", "1", "10", "60", "600", "all")
_LEAST_ROWS, _SHARE = 6, 0.42
"""Lines of the waveform: at least these, else this part of the screen."""
_GRACE_S = 2.0
_STYLES = {
    "power": "#56b4e9",
    "window": "#56b4e9 on #38361c",
    "error": "bold #ff8a80",
    "warning": "#ffc266",
    "good": "bold #7ddc9b",
    "quiet": "#a8b0ba",
    "strong": "bold",
    "virtual": "bold white on #b3261e",
    "state": "bold #7cbcff",
    "plain": "",
}


def content(lines: Lines) -> Content:
    """Lines of styled pieces as the library draws them; no piece is markup."""
    rows = [Content.assemble(*((text, _STYLES[style]) for text, style in line)) for line in lines]
    return Content("\n").join(rows)


class LiveApp(App[None]):
    """The full-screen view.

    Args:
        channel: The socket to the session.
        on_end: Called when the session sends no more frames, in another thread.
    """

    CSS = """
    Screen { background: #14171a; color: #e8eaed; }
    Static { height: auto; }
    #plot { margin-top: 1; }
    #below { margin-top: 1; height: 1fr; scrollbar-size-vertical: 1; }
    #windows { margin-bottom: 1; }
    #question { color: #ffc266; }
    Input { height: 3; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "end session", priority=True),
        Binding("q", "leave", "close view"),
        Binding("ctrl+q", "leave", "close view", show=False, priority=True),
        Binding("ctrl+z", "nothing", show=False, priority=True),
        Binding("s", "span(-1)", "shorter"),
        Binding("l", "span(1)", "longer"),
    ]

    def __init__(self, channel: socket.socket, on_end: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._channel, self._on_end = channel, on_end
        self._span = SPANS.index("10")
        self._frame: dict[str, Any] | None = None
        self._rows: list[list[str]] = []
        self._asked = 0
        self._ending = False

    def compose(self) -> ComposeResult:
        """The parts of the screen, top to bottom."""
        yield Static("waiting for the session", id="title")
        yield Static(id="meters")
        yield Static(id="plot")
        yield Static(id="question")
        with VerticalScroll(id="below"):
            yield Static(id="windows")
            yield Static(id="findings")
        yield Footer()

    def on_mount(self) -> None:
        """Asks for frames, and begins to read them."""
        self.query_one("#question").display = False
        self._ask_for_frames()
        threading.Thread(target=self._read, daemon=True).start()

    def on_resize(self, event: events.Resize) -> None:
        """Draws for the new size."""
        self._ask_for_frames()
        self._draw()

    # Keys

    def action_interrupt(self) -> None:
        """Ends the session, as Ctrl-C does without a view."""
        self._ending = True
        self._send({"interrupt": True})
        self._draw()

    def action_leave(self) -> None:
        """Closes the view; the session goes on."""
        self.exit()

    def action_nothing(self) -> None:
        """A key that has no meaning here."""

    def action_span(self, step: int) -> None:
        """A longer or shorter waveform."""
        self._span = min(max(self._span + step, 0), len(SPANS) - 1)
        self._ask_for_frames()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Sends the answer to the session's question."""
        self._send({"answer": event.value})
        self.query_one("#question").display = False
        event.input.remove()

    # The session

    def _plot_columns(self) -> int:
        return max(self.size.width - 11, 10)

    def _ask_for_frames(self) -> None:
        self._send({"span": SPANS[self._span], "columns": 2 * self._plot_columns()})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._channel.sendall((json.dumps(message) + "\n").encode())
        except OSError:  # the session has gone; the end of its frames is noticed as well
            self._ending = True

    def _read(self) -> None:
        """Takes frames until the session ends (in a thread of its own)."""
        try:
            with self._channel.makefile("r", encoding="utf-8") as lines:
                for line in lines:
                    self.call_from_thread(self.take, json.loads(line))
        except (OSError, ValueError, RuntimeError, CancelledError):
            pass  # the session was killed in the middle of a frame, or this program is ending
        self._on_end()
        with contextlib.suppress(RuntimeError, CancelledError):  # it is ending already
            if self.is_running:
                self.call_from_thread(self.exit)

    def take(self, frame: dict[str, Any]) -> None:
        """Takes a frame and draws it."""
        rows = frame.get("windows")
        if rows is not None:
            if rows["replace"]:
                self._rows = []
            self._rows = [*self._rows, *rows["rows"]][-500:]
        self._frame = frame
        self._ask_person(frame.get("question"))
        self._draw()

    def _ask_person(self, asked: tuple[int, str] | None) -> None:
        if asked is None or asked[0] == self._asked:
            return
        self._asked, question = asked
        place = self.query_one("#question", Static)
        place.update(content([[(f"The session asks: {question}", "warning")]]))
        place.display = True
        field = Input(placeholder="answer, then Enter")
        self.mount(field, after=place)
        field.focus()
        self.bell()

    def _draw(self) -> None:
        frame = self._frame
        if frame is None or frame["session"] is None:
            return
        width = self.size.width
        session = frame["session"]
        doing = "ending: the supply goes off first" if self._ending else session["doing"]
        self._show("title", title(frame, doing, width))
        self._show("meters", meters(session, width))
        if frame["wave"] is not None:
            rows = max(_LEAST_ROWS, round(self.size.height * _SHARE) - 4)
            self._show("plot", plot(unpacked(frame["wave"]), rows))
        self._show("windows", windows(frame["windows"], self._rows, width - 2))
        self._show("findings", [*finding_lines(session, width - 2), *sessions(frame["sessions"], width - 2)])

    def _show(self, name: str, lines: Lines) -> None:
        self.query_one(f"#{name}", Static).update(content(lines))


def unpacked(wave: dict[str, Any]) -> dict[str, Any]:
    """A frame's waveform with its arrays, float32, shape (quantities, 3, columns)."""
    values = np.frombuffer(base64.b64decode(wave["data"]), "<f4")
    return {**wave, "values": values.reshape(len(wave["quantities"]), 3, wave["columns"])}


def _leave_soon() -> None:
    """Whatever state this program is in, it does not stay on the terminal without its session."""
    timer = threading.Timer(_GRACE_S, os._exit, [1])
    timer.daemon = True
    timer.start()


def main(words: list[str]) -> int:
    """Draws what comes through the descriptor that is named."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the session's, which ends this view
    with socket.socket(fileno=int(words[0])) as channel:
        LiveApp(channel, _leave_soon).run(mouse=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
