"""A static acquisition of the LPM01A twin: one mean current (protocols.md 3.5)."""

from __future__ import annotations

import numpy as np

from drivers.lpm01a.twin.stream import sample_lines
from drivers.unverified import Unverified
from drivers.virtual.misreading import Misreading
from drivers.virtual.world import World

NOT_CONSTANT = "error: static acquisition: current not constant"
"""The words were observed; the text in front of them is not known (protocols.md 3.1)."""
FIRST_OFFSET_A = 8e-3
"""Observed error of a session's first value, in ampere: it is too high."""

_LARGEST_A = 0.2
_VARIATION = 0.1
"""Static mode is specified for a current that varies by less than this fraction."""
_LOOKS = 500


UNVERIFIED = (Unverified("NOT_CONSTANT", "The text in front of the observed words."),)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


def static_lines(world: World, misreads: Misreading, since_ns: int, *, first: bool) -> bytes:
    """The lines that report a static acquisition.

    Args:
        world: The source of its power.
        misreads: Its systematic errors.
        since_ns: When the acquisition began; it ends now.
        first: Whether it is the session's first.
    """
    offsets = np.linspace(0.0, world.now_ns - since_ns, _LOOKS + 1)
    energies = world.timeline.energies_j(since_ns, offsets)
    currents = energies / (np.diff(offsets) * 1e-9 * world.supply.output_v)
    mean = float(currents.mean())
    if float(currents.max() - currents.min()) > _VARIATION * mean or mean > _LARGEST_A:
        return f"{NOT_CONSTANT}\r\n".encode()
    shown_a = max(misreads.current(mean), 0.0) + (FIRST_OFFSET_A if first else 0.0)
    value = sample_lines(np.array([shown_a]))
    return value + b"end\r\nsummary beg\r\nmin " + value + b"max " + value + b"summary end\r\n"
