"""Switches a PPK2 off through its port alone."""

from __future__ import annotations

import time
from typing import Any

from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink
from drivers.ppk2.commands import METADATA, POWER_OFF, STOP
from drivers.ppk2.metadata import END
from drivers.ppk2.port import METADATA_S, LastBytes
from energy.errors import BenchError

BAUD = 115200
"""The instrument ignores the baud rate (protocols.md 6)."""


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Switches a PPK2's output off through its port alone, in any state of the instrument: for the guardian.

    The process that used the port may be ending just now, so a busy port is tried again until the time is
    over. The command is not acknowledged; a reply to a later request for metadata shows that it was read.

    Args:
        url: Its first port.
        settings: Not needed.
        timeout_s: How long to try.

    Returns:
        Whether the PPK2 answered the later request.

    Raises:
        BenchError: ``link.*`` if the port cannot be opened in this time.
    """
    end = time.monotonic() + timeout_s
    while True:
        try:
            link = SerialLink(url, baud=BAUD, clock=RealClock(), source="monitor")
            break
        except BenchError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.02)
    try:
        link.divert(LastBytes())
        link.write(POWER_OFF)
        while time.monotonic() < end:
            link.write(STOP + POWER_OFF * 2)
            buffer = LastBytes()
            link.divert(buffer)
            link.write(METADATA)
            until = min(time.monotonic() + METADATA_S, end)
            while END not in buffer.received and time.monotonic() < until:
                time.sleep(0.005)
            if END in buffer.received:
                return True
        return False
    finally:
        link.close()
