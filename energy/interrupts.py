"""Interrupts that wait: what is taken from a stream is recorded whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from types import FrameType, TracebackType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class _Whole:
    """A context, entered from any depth: an interrupt that comes within is raised once it has been left.

    Only within ``interrupts_wait``, and only in the main thread: no other is interrupted. Where an error
    leaves the context, the interrupt is not raised: the error ends what was to be interrupted.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.waiting = False

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self.depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self.depth -= 1
        if self.depth == 0 and self.waiting:
            self.waiting = False
            if error is None:
                raise KeyboardInterrupt


WHOLE = _Whole()
"""What is done within is done whole."""


@contextmanager
def interrupts_wait() -> Generator[None]:
    """Within the context, a signal that interrupts waits until ``WHOLE`` is left."""
    before: dict[int, Callable[[int, FrameType | None], object]] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
                handler = signal.getsignal(number)
                if callable(handler):  # else it is ignored, ends the process, or is none of Python's
                    before[number] = handler
                    signal.signal(number, partial(_wait, handler))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(handler: Callable[[int, FrameType | None], object], number: int, frame: FrameType | None) -> None:
    if WHOLE.depth:
        WHOLE.waiting = True
    else:
        handler(number, frame)
