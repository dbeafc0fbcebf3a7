"""Switches an N6705's output off: by its driver, and by its address alone."""

from __future__ import annotations

from typing import Any

from drivers.keysight_n6705.setup import Options
from drivers.links.scpi import is_off
from drivers.links.switch_off import LONGEST_OFF_S, switch_off_at
from drivers.links.visa_link import VisaLink


def switch_off(url: str, *, settings: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bool:
    """Switches the output off through its port alone, in any state of the instrument: for the guardian.

    Args:
        url: Its VISA resource string.
        settings: The monitor's settings: ``channel``, ``backend``.
        timeout_s: How long to try.

    Returns:
        Whether the instrument has acknowledged.

    Raises:
        BenchError: ``visa.*`` if it does not answer in this time.
    """
    options = Options.of(settings or {})
    return switch_off_at(url, options.backend, timeout_s, lambda link: attempt_off(link, options.channel))


def attempt_off(link: VisaLink, channel: int) -> bool:
    """Switches a channel off once; returns whether ``OUTP?`` confirms it."""
    link.push(f"OUTP OFF,(@{channel})")
    return is_off(link.query(f"OUTP? (@{channel})", LONGEST_OFF_S))
