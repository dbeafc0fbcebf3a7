"""Ranges of the Keithley 2461 twin, and the constants that its TSP knows (protocols.md 4.2)."""

from __future__ import annotations

RANGES_A = (1e-6, 10e-6, 100e-6, 1e-3, 10e-3, 100e-3, 1.0, 4.0, 7.0)
RANGES_V = (0.2, 2.0, 10.0, 20.0, 100.0)
PROTECTIONS = tuple(f"smu.PROTECT_{volts}V" for volts in (2, 5, 10, 20, 40, 60, 80, 100))
SWITCH = ("smu.ON", "smu.OFF")
SOURCES = ("smu.FUNC_DC_VOLTAGE", "smu.FUNC_DC_CURRENT")
FILLS = ("buffer.FILL_ONCE", "buffer.FILL_CONTINUOUS")
REAL32 = "format.REAL32"
LITTLE = "format.LITTLEENDIAN"
CONSTANTS = (
    *PROTECTIONS,
    *SWITCH,
    *FILLS,
    *SOURCES,
    "smu.FUNC_DIGITIZE_CURRENT",
    "smu.SENSE_2WIRE",
    "smu.SENSE_4WIRE",
    "smu.APERTURE_AUTO",
    "format.ASCII",
    REAL32,
    "format.BIGENDIAN",
    LITTLE,
    "digio.MODE_DIGITAL_IN",
    "digio.MODE_TRIGGER_IN",
    "trigger.EDGE_FALLING",
    "trigger.EDGE_RISING",
    "eventlog.SEV_ERROR",
)
