"""Signals that end a program, once it ends anyway."""

from __future__ import annotations

import signal


def ignore_signals() -> None:
    """From now on one more Ctrl-C takes the place of neither what is said nor the exit status."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
