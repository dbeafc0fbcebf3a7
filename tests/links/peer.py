"""The far end of a serial line for tests: a real pty and a script of answers. It knows nothing of drivers."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

import pytest
import serial

from energy.instruments import Line


class Peer:
    """Answers commands that end in ``end``.

    Args:
        answer: From a command without its end to what is sent back, nothing for no answer.
        end: Last byte of a command.
    """

    def __init__(self, answer: Callable[[bytes], bytes] | None = None, end: bytes = b"%"):
        if not hasattr(os, "openpty"):
            pytest.skip("no ptys here")
        self._master, self._slave = os.openpty()
        self.url = os.ttyname(self._slave)
        serial.Serial(self.url).close()  # no echo, no line discipline: as any serial program leaves it
        self.commands: list[bytes] = []
        self._answer = answer or (lambda command: b"")
        self._end = end
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, data: bytes):
        view = memoryview(data)
        while view:
            view = view[os.write(self._master, view) :]

    def unplug(self):
        self.close()

    def close(self):
        if not self._closing.is_set():
            self._closing.set()
            self._thread.join()
            os.close(self._slave)
            os.close(self._master)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _run(self):
        buffer = b""
        while not self._closing.is_set():
            if not select.select([self._master], [], [], 0.005)[0]:
                continue
            buffer += os.read(self._master, 65536)
            while self._end in buffer:
                command, _, buffer = buffer.partition(self._end)
                self.commands.append(command)
                self.say(self._answer(command))


class Log(list[Line]):
    """A transcript that can be asked."""

    def __call__(self, line: Line):
        self.append(line)

    def texts(self, *, sent: bool = False) -> list[str]:
        return [line.text for line in self if line.sent is sent]


def script(answers: dict[str, str], *, ready: str = "m-ready\r\n") -> Callable[[bytes], bytes]:
    """Answers by command, each followed by ``ready``; anything else is an unknown command."""

    def answer(command: bytes) -> bytes:
        text = command.decode()
        lines = answers.get(text)
        if lines is None:
            lines = f"e-[Unknown command: {text.split(' ')[0]}]\r\n"
        return (lines + ready).encode("latin-1")

    return answer
