"""Commands of a PPK2, as bytes (protocols.md 6)."""

from __future__ import annotations

START = b"\x06"
STOP = b"\x07"
POWER_OFF = b"\x0c\x00"
POWER_ON = b"\x0c\x01"
REGULATOR = b"\x0d"
"""Sets the regulator; two bytes follow, the millivolts, big-endian."""
AMPERE_MODE = b"\x11\x01"
SOURCE_MODE = b"\x11\x02"
SPIKE_FILTER_OFF = b"\x16"
METADATA = b"\x19"
