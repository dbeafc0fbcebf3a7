"""The phases of a session, and how a fault falls in one: a part of the break-in matrix.

A phase begins with what the host sends, or with what the DUT does: a fault is planted with a trigger of
``drivers/virtual/triggers.py``. What is planted: ``tests/faults/phase_rows.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.faults.catalogue import BENCHES, FULL_SPEED, Kind

PHASES: tuple[Kind, ...] = (
    "identify",
    "configure",
    "supply-on",
    "boot",
    "loading",
    "warm-up",
    "in-window",
    "closing-edge",
    "stop",
    "supply-off",
    "writing-results",
)
MORE_BENCHES = ("lpm01a-interface-board", "joulescope-js220-interface-board")
PHASE_BENCHES = (*BENCHES, *MORE_BENCHES)
AT_FULL_SPEED = (*FULL_SPEED, MORE_BENCHES[1])
LAST = 5
"""Number of the last ``infer`` command of a session: a pilot, then five trials."""
RULES = (
    "A message is damaged only in a phase in which the instrument sends one; a command, where it begins one.",
    "A Joulescope's driver package is its wire: its messages cannot be damaged, only end.",
    "Samples are lost, and protection acts, only while the monitor samples; a Joulescope has no protection.",
    "The DUT is reset, and draws too much, only while it has a supply.",
    "A mark is missing or bounces where the firmware makes one: in boot, at the opening edge, which ends the "
    "warm-up, and at the closing edge. A further edge comes in any phase from supply on to stop.",
    "A clock drifts where the twin's can: LPM01A, PPK2, N6705, Uno.",
    "While results are written nothing is asked of an instrument, but of the LPM01A to give up control. "
    "Disks fail in cells with real processes.",
    "Each row is run on every second bench that it makes sense on, and on every sixth of those that sample "
    "at full speed; the fetching of readings, on all.",
)
"""Why cells are left out."""


@dataclass(frozen=True)
class Talk:
    """What the host sends to an instrument when a phase begins; empty where that is nothing."""

    identify: str = ""
    configure: str = ""
    on: str = ""
    stop: str = ""
    off: str = ""


TALKS = {
    "lpm01a": Talk("powershield", "acqtime", "pwr on", "stop", "pwr off"),
    "keysight-n6705": Talk("*IDN?", "EMUL", "OUTP ON", "ABOR:ELOG", "OUTP OFF"),
    "keithley-2461": Talk(
        *("*IDN?", "smu.source.func =", "smu.source.output = smu.ON", "smu.measure.func"),
        "smu.source.output = smu.OFF",
    ),
    "keithley-2450": Talk("*IDN?", ":SOUR:FUNC", "OUTP ON", ":ABOR", "OUTP OFF"),
    "ppk2": Talk("\x19", "\x0d", "\x0c\x01", "\x07", "\x0c\x00"),
    "joulescope": Talk(configure="s/v/range/select", stop="s/gpi/0/ctrl = 0"),
    "scpi": Talk(configure="CURR 0", on="OUTP ON", off="OUTP OFF"),
    "uno": Talk("name%", "dut name%"),
    "interface-board": Talk("name%"),
}
POLLED = frozenset(("identify", "configure", "supply-on", "loading", "in-window", "stop", "supply-off"))
"""Instruments that speak when they are asked are not asked in boot and in the moments at both edges."""
RUNNING = ("boot", "loading", "warm-up", "in-window", "closing-edge")
SPEAKS: dict[str, frozenset[str]] = {
    "lpm01a": frozenset(PHASES),
    "keysight-n6705": POLLED,
    "keithley-2461": POLLED,
    "keithley-2450": POLLED,
    "ppk2": frozenset(("identify", *RUNNING)),
    "joulescope": frozenset(),
    "scpi": frozenset(("configure", "supply-on", "loading", "in-window", "supply-off")),
    "uno": frozenset(("identify", "configure", *RUNNING)),
    "interface-board": frozenset(("identify", *RUNNING)),
    "dut": frozenset(RUNNING),
}
"""Phases in which an instrument sends something."""
SAMPLES_FROM = {
    **dict.fromkeys(PHASE_BENCHES, "boot"),
    **dict.fromkeys(("lpm01a-binary", "keysight-n6705", "keithley-2450", "ppk2-ampere"), "loading"),
    "keithley-2461": "in-window",
}
"""The first phase in which the monitor samples at the phase's moment: three are started by the first mark,
one by each, and a PPK2 beside a supply begins later than the boot's moment."""
ON_A_NETWORK = ("keysight-n6705", "keithley-2461", "keithley-2450")
"""Their plug is not their power."""


def monitor_of(bench: str) -> str:
    """The driver of a bench's monitor."""
    return next(name for name in TALKS if bench.startswith(name))


def supply_of(bench: str) -> str | None:
    """The driver of the supply beside it, if there is one."""
    return "scpi" if bench.startswith(("joulescope", "ppk2-ampere")) else None


def io_of(bench: str) -> str:
    """The driver of its IO manager."""
    return "interface-board" if bench.endswith("interface-board") else "uno"


def driver_of(bench: str, port: str) -> str | None:
    """The driver at a port; the DUT's own wire has none, and is named so."""
    drivers = {"monitor": monitor_of(bench), "supply": supply_of(bench), "io": io_of(bench), "dut": "dut"}
    return drivers[port]


def moment(bench: str, phase: str, port: str) -> dict[str, Any]:
    """The trigger of a phase, for a fault of a port: of the instrument there, or of those that act then."""
    source = "supply" if supply_of(bench) else "monitor"
    talks = {name: TALKS.get(driver_of(bench, name) or "", Talk()) for name in ("monitor", "supply", "io")}

    def heard(verb: str, *wires: str, **after: Any) -> dict[str, Any]:
        wire = next(wire for wire in wires if getattr(talks.get(wire, Talk()), verb))
        return {"heard": getattr(talks[wire], verb), "hears": wire, **after}

    match phase:
        case "identify":
            return heard("identify", port, "monitor", "io")
        case "configure":
            return heard("configure", port, "monitor")
        case "supply-on":
            return heard("on", source)
        case "stop":
            return heard("stop", "monitor", closed=LAST)
        case "supply-off":
            return heard("off", source, boot=True)
        case _:
            return dict(_WHILE_ON[phase])


_WHILE_ON: dict[str, dict[str, Any]] = {
    "boot": {"boot": True, "delay_s": 0.25},
    "loading": {"loaded": 3, "delay_s": 0.01},
    "warm-up": {"asked": 3},
    "in-window": {"infer": 2},
    "closing-edge": {"closed": 2},
    "writing-results": {"off": True, "heard": "hrc"},
}
