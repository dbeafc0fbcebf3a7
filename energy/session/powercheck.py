"""Checks before the trials that the DUT takes all its power through the monitor.

A DUT that is powered from elsewhere (its own USB cable, a debug probe, its signal wires) answers with its
supply off, or runs without any current: what the monitor sees is then not its energy.
"""

from __future__ import annotations

from typing import NoReturn

from energy.bench.assemble import Bench, EnergyBench
from energy.errors import BenchError
from energy.findings import Finding, Rule
from energy.findings.rule import rule
from energy.instruments import DutEchoError, DutError, DutSilentError, Monitor
from energy.session.recorder import Recorder
from energy.window.plausibility import NOTHING_A

BACK_POWERED = rule(
    "error",
    "The DUT answers, or feeds current back, although its supply is off.",
    "Its signal wires power it, so the monitor sees only a part of its energy.",
    "Look for a way around the supply: UART TX (idles high), GPIOs, a debugger, the board's own USB. "
    "Insert level shifters or series resistors, or remove the debugger's jumpers.",
)
NO_CURRENT = rule(
    "error",
    "The DUT runs, but the monitor sees no current.",
    "The DUT gets its energy past the monitor, or the current input is connected in reverse.",
    "Look for a second supply (the board's USB, a debugger) and for the direction of the current input.",
)
CAPACITORS_S = 3.0
"""For so long a DUT may live on its capacitors after its supply was switched off."""
_ENOUGH_S = 0.1
_SEEN_S = 0.5
"""Time in seconds in which the monitor sees the current of a DUT whose supply should be off."""
_POWERS_A = 1e-4
"""A DUT that answers with more current than this is powered by it; its signal wires feed back less."""


def power_error(code: str, cause: Rule, evidence: str) -> BenchError:
    """The error for power that does not come through the monitor."""
    return BenchError(code, f"{cause.meaning} {evidence}", cause.remedy)


def answer_unpowered(bench: Bench) -> str | None:
    """The DUT's answer to ``name`` with its supply off, as a sentence; None if it is silent, as it must be.

    The IO manager must be one that ends the wait for an answer (``can_ask_unpowered``).

    Raises:
        BenchError: Those of the link.
    """
    try:
        return f"It answered {bench.dut.name()!r} to `name`."
    except (DutSilentError, DutEchoError):
        return None  # a command that comes back alone comes from the wire, not from a DUT
    except DutError as error:
        return f"It was not silent: {error.message}."


def can_ask_unpowered(bench: Bench) -> bool:
    """Whether a silent DUT can be asked: an IO manager without a timer waits for its answer forever."""
    relay = bench.io_manager if isinstance(bench, EnergyBench) else None
    return relay is None or relay.timing is not None


def unpowered_answer(bench: EnergyBench) -> str | None:
    """Switches the supply off; the DUT's answer if it then still answers, else None.

    Where only a person can switch the supply, or where it cannot confirm that it is off, nothing is asked: an
    answer would not show what powers the DUT.

    Raises:
        BenchError: Those of supply and link.
    """
    supply = bench.supply
    if supply is None or bench.switch is None or not supply.off_confirmed or not can_ask_unpowered(bench):
        return None
    supply.off()
    if answer_unpowered(bench) is None:
        return None
    bench.clock.sleep(CAPACITORS_S)
    return answer_unpowered(bench)


def refuse_back_power(answer: str) -> NoReturn:
    """Raises ``power.back-powered`` for the answer of a DUT without supply."""
    raise power_error("power.back-powered", BACK_POWERED, answer)


def compare_current_off(bench: EnergyBench, recorder: Recorder, answer: str) -> Finding:
    """Finds out by the monitor's stream what powers a DUT that answers although its supply is off.

    If the DUT's current comes through the monitor, the supply is not off, whatever it answers: the energies
    are the DUT's, and the finding is a warning.

    Raises:
        BenchError: ``power.back-powered`` if the current does not come through the monitor.
    """
    bench.clock.sleep(_SEEN_S)
    recorder.catch_up()
    count = recorder.stop
    if not count or recorder.missing(0, count):
        refuse_back_power(answer)
    duration_s = count / recorder.signal.rate_hz
    current_a = recorder.energy_j(0, count) / duration_s / bench.file.dut.voltage_v
    if current_a <= _POWERS_A:
        refuse_back_power(answer)
    return Finding("supply.not-off", f"{answer} It drew {current_a:.3g} A in {duration_s:.2g} s.")


def zero_offset_a(monitor: Monitor) -> float:
    """Largest error of a current of zero on the monitor's smallest range; 0 without a specification."""
    lines = [line for line in monitor.accuracy() if line.quantity == "current"]
    return min(lines, key=lambda line: line.full_scale).offset if lines else 0.0


def refuse_no_current(bench: EnergyBench, recorder: Recorder) -> None:
    """Makes sure that the DUT has drawn a current since it was switched on, its boot included.

    A stream that began later may have seen a DUT that sleeps only; then the first pilot shows it.

    Raises:
        BenchError: ``power.no-current``.
    """
    count = recorder.stop
    if count < _ENOUGH_S * recorder.signal.rate_hz or recorder.missing(0, count):
        return
    power_w = recorder.energy_j(0, count) / count * recorder.signal.rate_hz
    refuse_no_power(
        bench, power_w, f"in the {count / recorder.signal.rate_hz:.2g} s since it was switched on"
    )


def refuse_no_power(bench: EnergyBench, power_w: float, when: str) -> None:
    """Raises if a DUT that runs draws no more than the monitor's offset.

    Raises:
        BenchError: ``power.no-current``.
    """
    voltage_v = bench.file.dut.voltage_v
    floor_a = max(NOTHING_A, zero_offset_a(bench.monitor))
    if power_w <= floor_a * voltage_v:
        evidence = (
            f"It drew {power_w / voltage_v:.3g} A on average {when}; at least {floor_a:.3g} A was expected."
        )
        raise power_error("power.no-current", NO_CURRENT, evidence)
