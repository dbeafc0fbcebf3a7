"""Interrupts that wait: what is taken from a stream is recorded whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from types import FrameType, TracebackType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class _Whole:
    """A context, entered from any depth: a signal that comes within is handled once it has been left.

    Only within ``interrupts_wait``, and only in the main thread: no other is interrupted. Where an error
    leaves the context, it stands, and no interrupt takes its place.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.waiting: Callable[[], object] | None = None

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self.depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self.depth -= 1
        if self.depth == 0 and self.waiting is not None:
            handle, self.waiting = self.waiting, None
            with suppress(KeyboardInterrupt) if error is not None else nullcontext():
                handle()


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
        WHOLE.waiting = partial(handler, number, frame)
    else:
        handler(number, frame)


@contextmanager
def interrupts_as_such() -> Generator[None]:
    """Raises an interrupt as what it is, where a library has made an exception of its own of it.

    Pydantic does: Ctrl-C while it calls a serializer of ours is its ``PydanticSerializationError``.

    Raises:
        KeyboardInterrupt: In place of an exception that has one as its cause.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
