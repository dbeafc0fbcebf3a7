"""Signals while the program ends."""

from __future__ import annotations

import signal


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
