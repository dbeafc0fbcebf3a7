"""Switching a PPK2 off by its port alone."""

from __future__ import annotations

import time
from typing import Any

from drivers.links.clock import RealClock
from drivers.links.serial_link import SerialLink
from drivers.ppk2.commands import METADATA, POWER_OFF, STOP
from drivers.ppk2.metadata import END
from drivers.ppk2.port import METADATA_S, Ear
from energy.errors import BenchError

BAUD = 115200
"""Ignored by the instrument (protocols.md 6)."""


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Switches a PPK2's output off by its port alone, whatever it is doing: for the guardian.

    Whoever had the port may be dying at this moment, so a busy port is tried again until the time is over.
    Switching off is not acknowledged; metadata that is asked for behind it shows that it was read.

    Args:
        url: Its first port.
        settings: Not needed.
        timeout_s: How long is tried.

    Returns:
        Whether it has answered what came after.

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
        link.divert(Ear())
        link.write(POWER_OFF)
        while time.monotonic() < end:
            link.write(STOP + POWER_OFF * 2)
            ear = Ear()
            link.divert(ear)
            link.write(METADATA)
            until = min(time.monotonic() + METADATA_S, end)
            while END not in ear.heard and time.monotonic() < until:
                time.sleep(0.005)
            if END in ear.heard:
                return True
        return False
    finally:
        link.close()
