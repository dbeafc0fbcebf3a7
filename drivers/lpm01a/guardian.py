"""Opens an LPM01A's port, and switches its output off through the port alone (protocols.md 3.1, 3.2)."""

from __future__ import annotations

import time
from typing import Any

from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink
from drivers.lpm01a.console import FALLBACK_BAUD, LPM01A_BAUD, Console
from energy.errors import BenchError
from energy.instruments import BaudRateError, Clock, Transcript

_OFF_S = 0.5


def open_link(url: str, baud: int, clock: Clock, transcript: Transcript | None) -> SerialLink:
    """Opens the port at the nominal rate, or at a common rate if the system does not know the nominal one."""
    try:
        return SerialLink(
            url, baud=baud, clock=clock, transcript=transcript, source="monitor", strip_nul=True
        )
    except BaudRateError:
        if baud == FALLBACK_BAUD:
            raise
        return open_link(url, FALLBACK_BAUD, clock, transcript)


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Switches an LPM01A's output off through its port alone, in any state: for the guardian.

    The process that used the port may be ending just now, so a busy port is tried again until the time is
    over.

    Args:
        url: Its port.
        settings: As for ``open_lpm01a``.
        timeout_s: How long to try.

    Returns:
        Whether the instrument acknowledged.

    Raises:
        BenchError: ``link.*`` if the port cannot be opened in this time.
    """
    baud = int((settings or {}).get("baud") or LPM01A_BAUD)
    end = time.monotonic() + timeout_s
    while True:
        try:
            link = open_link(url, baud, RealClock(), None)
            break
        except BenchError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.02)
    console = Console(link)
    try:
        while time.monotonic() < end:
            # The first line feed ends a command that the port's earlier user may have left unfinished.
            link.write(b"\nstop\nhtc\n")
            link.write(b"pwr off\n")
            if console.wait_for("ack pwr off", _OFF_S):
                return True
        return False
    finally:
        link.close()
