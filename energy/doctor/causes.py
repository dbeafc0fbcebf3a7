"""What the doctor may find wrong with a bench: every cause by its code, with what to do about it.

Errors of the drivers (``link.missing``, ``dut.silent``, ``lpm01a.refused``) keep their own codes; these here
are what only several instruments together can tell. docs/how-to/doctor.md lists them, and a test holds the
two together.
"""

from __future__ import annotations

from energy.errors import BenchError
from energy.findings import Rule, Severity


def _cause(severity: str, meaning: str, why: str, remedy: str) -> Rule:
    return Rule(Severity(severity), meaning, why, remedy)


CAUSES: dict[str, Rule] = {
    "power.back-powered": _cause(
        "error",
        "The DUT answers, or feeds current back, although its supply is off.",
        "It lives on its signal wires, so the monitor sees only a part of its energy.",
        "Look for a way around the supply: UART TX (idles high), GPIOs, a debugger, the board's own USB. Put "
        "level shifters or series resistors in, or pull the jumpers of the debugger.",
    ),
    "power.off-current": _cause(
        "warning",
        "Current flows although the supply is off.",
        "Something beside the DUT hangs on the supply, or the monitor's zero is off.",
        "Disconnect the DUT: current that stays is the monitor's offset (calibrate it), else something holds "
        "the DUT's supply pin.",
    ),
    "power.open-supply": _cause(
        "error",
        "The DUT draws no current and says nothing: it is not powered.",
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
    "power.no-current": _cause(
        "error",
        "The DUT runs, but the monitor sees no current.",
        "The DUT gets its energy past the monitor, or the sense wires are wrong way round.",
        "Look for a second supply (the board's USB, a debugger) and for the direction of the current input.",
    ),
    "power.voltage": _cause(
        "error",
        "The voltage that the monitor sees is not that of the bench file.",
        "Energy grows with the square of the voltage, and the supply may sag at its limit.",
        "Check the supply's setting, its sense wires and the drop on long wires.",
    ),
    "uart.silent": _cause(
        "error",
        "The DUT draws current, so it is powered, but says nothing on its UART.",
        "TX and RX are crossed the wrong way or cut, the firmware prints on another UART, or the baud rate "
        "between an IO manager and the DUT is another one.",
        "Swap RX and TX; check the level shifter's both supplies and the common ground; behind an IO manager "
        "the firmware must run at 9600 baud (Uno).",
    ),
    "uart.garbled": _cause(
        "error",
        "The DUT speaks, but its text is damaged.",
        "The ground between DUT and host is missing, levels differ (5 V against 1.8 V), or a wire is loose.",
        "Connect the grounds, check the level shifter, shorten the wires; behind an IO manager the baud rate "
        "may be another one, too (Uno: 9600).",
    ),
    "uart.baud": _cause(
        "error",
        "The DUT speaks at another baud rate than the bench file says.",
        "No session can understand it so.",
        "Write the baud rate that works into the bench file: [dut] baud.",
    ),
    "timestamp.missing": _cause(
        "error",
        "The `timestamp` command gave no edge that anybody saw.",
        "Without edges there are no windows.",
        "Check the wire from the DUT's timestamp pin to the edge input (LPM01A: D7, Joulescope: IN0, PPK2: "
        "D0, N6705 by way of the Uno: D3) and that the firmware drives the pin that is wired.",
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
        "The pulse on the timestamp pin is shorter than the monitor's sampling can see for certain.",
        "Edges then get lost at random.",
        "Lengthen the pulse in the firmware (th_timestamp), or sample faster.",
    ),
    "timestamp.inverted": _cause(
        "error",
        "The timestamp pin idles low and rises for a mark.",
        "The rules want it to idle high and fall: here windows begin and end at the wrong side of the pulse.",
        "Turn the level round in the firmware, or take an inverting level shifter out.",
    ),
    "timestamp.too-many": _cause(
        "error",
        "One `timestamp` gave more than one edge.",
        "Each edge too many turns pauses into windows.",
        "Look at the pin with a scope: bouncing contacts, a missing ground, a floating input. A longer "
        "timestamp_hold_us hides a bounce that is short.",
    ),
    "monitor.time-base": _cause(
        "error",
        "The monitor's samples do not come at the rate that it states, by the host's clock.",
        "Every time and every energy is wrong by that factor.",
        "Read the rate back at the instrument; on an N6705 look for a second channel that is logged.",
    ),
    "window.no-energy": _cause(
        "error",
        "The energy of a window with inferences in it is not above zero.",
        "The direction of the current is wrong, or the DUT lives on another supply.",
        "Swap the monitor's input and output; look for a second supply.",
    ),
    "disk.slow": _cause(
        "warning",
        "The disk takes data hardly faster than the monitor makes them, or slower.",
        "Samples are lost when the queue is full.",
        "Choose another disk with --out, or a lower rate.",
    ),
    "disk.full": _cause(
        "warning",
        "The disk has little room for a session.",
        "A session ends when the disk is full.",
        "Free some space, or choose another disk with --out.",
    ),
}


def cause(code: str, evidence: str) -> BenchError:
    """The error for a cause that lets nothing go on."""
    return BenchError(code, f"{CAUSES[code].meaning} {evidence}".strip(), CAUSES[code].remedy)
