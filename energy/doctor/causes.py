"""The causes that the doctor can find on a bench, by code, each with its remedy.

Errors of the drivers (``link.missing``, ``dut.silent``, ``lpm01a.refused``) keep their own codes; those
here can only be seen with several instruments together. docs/how-to/doctor.md lists them; a test compares
both.
"""

from __future__ import annotations

from energy.errors import BenchError
from energy.findings import Rule, Severity
from energy.session.powercheck import BACK_POWERED, NO_CURRENT


def _cause(severity: str, meaning: str, why: str, remedy: str) -> Rule:
    return Rule(Severity(severity), meaning, why, remedy)


CAUSES: dict[str, Rule] = {
    "power.back-powered": BACK_POWERED,
    "power.off-current": _cause(
        "warning",
        "Current flows although the supply is off.",
        "Something other than the DUT is connected to the supply, or the monitor has an offset.",
        "Disconnect the DUT. If the current remains, it is the monitor's offset: calibrate it. If not, "
        "something else feeds the DUT's supply pin.",
    ),
    "power.open-supply": _cause(
        "error",
        "The DUT draws no current and sends nothing: it is not powered.",
        "The supply's wire, its return or a jumper on the board is open.",
        "Measure the voltage at the DUT's supply pin. Check both wires from the supply (LPM01A: CN14 pin 3 "
        "VOUT and pin 1 GND) and the board's IDD jumper.",
    ),
    "power.short-circuit": _cause(
        "error",
        "The current went over the limit at power-on.",
        "A short circuit, a wrong polarity or voltage, or capacitors too large for the supply.",
        "Disconnect the DUT and measure the resistance of its supply pins; compare polarity and voltage with "
        "the board's manual. Raise limits.highest_a only if it may draw that.",
    ),
    "power.at-limit": _cause(
        "error",
        "The current sits at the end of the range or at the limit.",
        "It is clipped there: the true current is higher, the voltage lower, and the energy wrong.",
        "Look for a short circuit or a second load; else take a larger range or another monitor.",
    ),
    "power.no-current": NO_CURRENT,
    "power.voltage": _cause(
        "error",
        "The voltage that the monitor sees is not that of the bench file.",
        "Energy grows with the square of the voltage, and the supply may sag at its limit.",
        "Check the supply's setting, its sense wires and the drop on long wires.",
    ),
    "uart.silent": _cause(
        "error",
        "The DUT draws current, so it is powered, but sends nothing on its UART.",
        "TX and RX are swapped or open, the firmware prints on another UART, or the baud rate between an IO "
        "manager and the DUT differs.",
        "Swap RX and TX; check the level shifter's both supplies and the common ground; behind an IO manager "
        "the firmware must run at 9600 baud (Uno).",
    ),
    "uart.garbled": _cause(
        "error",
        "The DUT sends text, but it is damaged.",
        "The ground between DUT and host is missing, levels differ (5 V against 1.8 V), or a wire is loose.",
        "Connect the grounds, check the level shifter, shorten the wires. Behind an IO manager, also check "
        "the baud rate (Uno: 9600).",
    ),
    "uart.baud": _cause(
        "error",
        "The DUT sends at another baud rate than the bench file states.",
        "A session cannot read it.",
        "Write the baud rate that works into the bench file: [dut] baud.",
    ),
    "timestamp.missing": _cause(
        "error",
        "The `timestamp` command gave no edge at any instrument.",
        "Without edges there are no windows.",
        "Check the wire from the DUT's timestamp pin to the edge input (LPM01A: D7, Joulescope: IN0, PPK2: "
        "D0, N6705 by way of the Uno: D3) and that the firmware drives the pin that is wired. If it holds "
        "the pin during the work instead of pulsing it, set dut.marker.",
    ),
    "timestamp.not-at-monitor": _cause(
        "error",
        "The IO manager saw the edge, the monitor did not, and the pulse is long enough for it.",
        "The DUT's pin works; the wire from there to the monitor's input does not.",
        "Check the wire to the monitor's edge input (LPM01A: D7, Joulescope: IN0, PPK2: D0), its ground and, "
        "for a Joulescope, Vref.",
    ),
    "timestamp.short-pulse": _cause(
        "error",
        "The pulse on the timestamp pin is too short for the monitor's sampling.",
        "Some edges are then missed.",
        "Lengthen the pulse in the firmware (th_timestamp), or sample faster.",
    ),
    "timestamp.inverted": _cause(
        "error",
        "The timestamp pin idles low and rises for a mark.",
        "It must idle high and fall: here windows begin and end at the wrong side of the pulse.",
        "Invert the level in the firmware, or remove an inverting level shifter.",
    ),
    "timestamp.too-many": _cause(
        "error",
        "One `timestamp` gave more than one edge.",
        "Each extra edge turns pauses into windows.",
        "Look at the pin with an oscilloscope: bouncing contacts, a missing ground, a floating input. A "
        "longer timestamp_hold_us removes a short bounce.",
    ),
    "monitor.time-base": _cause(
        "error",
        "By the host's clock, the monitor's samples do not arrive at the rate that it states.",
        "Every time and every energy is wrong by that factor.",
        "Read the rate back at the instrument. On an N6705, look for a second channel that is logged. If "
        "samples are lost on the way to the host, lower the rate, use another USB port, close other "
        "programs.",
    ),
    "window.no-energy": _cause(
        "error",
        "The energy of a window with inferences in it is not above zero.",
        "The direction of the current is wrong, or another supply powers the DUT.",
        "Swap the monitor's input and output; look for a second supply.",
    ),
    "disk.slow": _cause(
        "warning",
        "The disk writes hardly faster than the monitor measures, or slower.",
        "Samples are lost when the queue is full.",
        "Choose another disk with --out, or a lower rate.",
    ),
    "disk.full": _cause(
        "warning",
        "The disk has little space for a session.",
        "A session ends when the disk is full.",
        "Free some space, or choose another disk with --out.",
    ),
}


def cause(code: str, evidence: str) -> BenchError:
    """The error for a cause after which no further step makes sense."""
    return BenchError(code, f"{CAUSES[code].meaning} {evidence}".strip(), CAUSES[code].remedy)
