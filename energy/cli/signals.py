"""Signals while the program ends."""

from __future__ import annotations

import signal


def ignore_signals() -> None:
    """Ignores further signals: they must replace neither the last messages nor the exit status."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
