"""Signals while the program ends."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_AGAIN_S = 0.02
_before = sys.unraisablehook


def ignore_signals() -> None:
    """Ignores further signals: they must replace neither the last messages nor the exit status.

    An earlier one must not either: CPython remembers that an interrupt came while it executed a text (as
    ``dataclasses`` does at imports), wherever it was caught since; started with ``-m``, it would end itself
    with SIGINT in place of its status. The next text makes it forget.
    """
    exec("")
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def keep_interrupts() -> None:
    """Lets an interrupt come once more that a finalizer has swallowed.

    CPython cannot pass on what is raised in a finalizer or in the callback of a weak reference, and these may
    run at any time: it prints it and goes on, as if nobody had pressed Ctrl-C.
    """
    global _before
    if sys.unraisablehook is not _again:
        _before, sys.unraisablehook = sys.unraisablehook, _again


def _again(lost: UnraisableHookArgs) -> None:
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        _before(lost)
        return
    timer = threading.Timer(_AGAIN_S, _interrupt_again)  # here it would be lost like the first
    timer.daemon = True
    timer.start()


def _interrupt_again() -> None:
    caught = [number for number in (signal.SIGINT, signal.SIGTERM) if callable(signal.getsignal(number))]
    main = threading.main_thread().ident
    if caught and main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, caught[0])  # it also ends a wait
    else:
        _thread.interrupt_main()
