"""The doctor's steps around power-on: supply off, supply on, and the reasons why a DUT may be silent.

Each function takes the context and its step, and adds evidence and remarks to them. It raises an error if no
further step makes sense.
"""

from __future__ import annotations

from energy.bench.assemble import Bench
from energy.doctor.causes import cause
from energy.doctor.context import NEAR, DoctorContext
from energy.doctor.report import Step, si
from energy.instruments import (
    BaudRateError,
    DutAnswerError,
    DutEchoError,
    DutError,
    DutIncompleteError,
    DutSilentError,
    Mode,
    OverCurrentError,
)
from energy.session.powercheck import answer_unpowered, can_ask_unpowered
from energy.session.supervision import OFF_A
from energy.window.plausibility import NOTHING_A

BAUDS = (9600, 19200, 38400, 57600, 115200, 921600)
"""Baud rates to try if the DUT does not answer at that of the bench file."""
_OFF_S = 0.5
_LISTEN_S = 0.5


def check_unpowered(context: DoctorContext, step: Step) -> None:
    """Checks with the supply off that no current flows and that the DUT does not answer.

    Raises:
        BenchError: ``power.back-powered``.
    """
    bench = context.bench
    if bench.supply is not None:
        bench.supply.off()
    if context.stream is not None and context.stream.early:
        context.stream.start(context.lease)
        bench.clock.sleep(_OFF_S)
    if bench.supply is None:
        step.skip("not checked: only a person can switch the supply")
        return
    answers = None
    if can_ask_unpowered(bench):
        answers = answer_unpowered(bench)
        if answers is None:
            step.observe("the DUT is silent")
    else:
        step.observe("the DUT was not asked: this IO manager waits for its answer for ever")
    seen = context.seen(0)
    if seen is None:
        step.observe("current: not known, this monitor measures only between edges")
    else:
        step.observe(f"current: {si(seen.mean_a, 'A')} (at most {si(seen.most_a, 'A')})")
        if seen.mean_a < -OFF_A:
            raise cause("power.back-powered", f"{si(seen.mean_a, 'A')} with the supply off.")
    if answers:
        raise cause("power.back-powered", answers)
    if seen is not None and seen.mean_a > OFF_A:
        step.add_cause("power.off-current", f"{si(seen.mean_a, 'A')} on average.")


def power_on(context: DoctorContext, step: Step) -> Mode:
    """Switches the supply on, reads the boot messages, and finds the cause if there are none.

    Returns:
        The mode that the firmware was built for.

    Raises:
        BenchError: ``power.short-circuit``, ``power.at-limit``, ``power.open-supply``, ``uart.silent``,
            ``uart.garbled``; or the driver's error.
    """
    bench, stream = context.bench, context.stream
    context.powered_at = stream.recorder.stop if stream is not None else 0
    context.powered = bench.supply is not None
    try:
        context.lease.power_on()
        mode = bench.dut.wait_ready(bench.file.dut.boot_timeout_s)
    except OverCurrentError as error:
        raise cause("power.short-circuit", f"{error.message}.") from error
    except DutError as error:
        powered = _blame_power(context, step)
        mode = _find_baud(context, step, error, powered)
    else:
        where = "through the IO manager" if bench.dut_at is None else f"at {bench.file.dut.baud} baud"
        step.observe(f"`m-ready` {where}, firmware of {mode} mode")
    if stream is not None and not stream.early:
        step.observe("current: not known yet, this monitor measures only between edges")
    elif seen := context.seen(context.powered_at):
        step.observe(
            f"current since power-on: {si(seen.mean_a, 'A')} on average, {si(seen.most_a, 'A')} at most"
        )
        if seen.most_a < NOTHING_A:
            step.add_cause("power.no-current", f"At most {si(seen.most_a, 'A')} since power-on.")
    return mode


def _blame_power(context: DoctorContext, step: Step) -> bool:
    """Checks whether the DUT's power is the reason why it does not answer.

    Returns:
        Whether the DUT is known to draw current.

    Raises:
        BenchError: ``power.short-circuit``, ``power.at-limit``, ``power.open-supply``.
    """
    try:
        seen = context.seen(context.powered_at)
    except OverCurrentError as error:
        raise cause("power.short-circuit", f"{error.message}.") from error
    if seen is None:
        return False
    step.observe(f"current since power-on: {si(seen.mean_a, 'A')} on average, {si(seen.most_a, 'A')} at most")
    if seen.mean_a >= NEAR * context.most_a:
        raise cause("power.at-limit", f"{si(seen.mean_a, 'A')} of {si(context.most_a, 'A')}.")
    if abs(seen.mean_a) < NOTHING_A:
        raise cause("power.open-supply", f"It drew {si(seen.mean_a, 'A')} since power-on.")
    if context.stream is not None and context.stream.recorder.edge_stream.seen:
        step.observe("the timestamp pin moved since power-on: the firmware runs")
    return True


def _find_baud(context: DoctorContext, step: Step, error: DutError, powered: bool) -> Mode:
    """Tries other baud rates. The supply stays on, so no boot messages come: the DUT is sent a command.

    Args:
        context: The bench.
        step: The step.
        error: The failure at the baud rate of the bench file.
        powered: Whether the DUT is known to draw current.

    Raises:
        BenchError: ``uart.silent`` or ``uart.garbled`` if none works; ``dut.silent`` if it is not known
            whether the DUT is powered.
    """
    if isinstance(error, DutEchoError):
        raise error
    bench = context.bench
    garbled = not isinstance(error, DutSilentError)
    tried = [bench.file.dut.baud]
    if bench.dut_at is not None:
        for baud in (rate for rate in BAUDS if rate not in tried):
            tried.append(baud)
            bench.dut.close()
            try:
                bench.dut = bench.dut_at(baud)
                mode = _mode_by_asking(bench)
            except BaudRateError:
                continue  # this adapter does not have it
            except DutError as other:
                garbled = garbled or isinstance(other, DutIncompleteError)
                continue
            step.add_cause("uart.baud", f"It states {bench.file.dut.baud}; `m-ready` came at {baud}.")
            return mode
        tried.sort()
    rates = f"at {', '.join(map(str, tried))} baud"
    if not garbled and not powered:
        step.observe(f"silent {rates}")
        raise error
    raise cause("uart.garbled" if garbled else "uart.silent", f"Tried {rates}. {error.message}.") from error


def _mode_by_asking(bench: Bench) -> Mode:
    """The firmware's mode, if the DUT's answers are readable.

    A readable error means that the baud rate is right: the DUT still had the garbage of another rate before
    its command, or opening its port has reset it.
    """
    try:
        return bench.dut.wait_ready(_LISTEN_S)
    except DutAnswerError:
        return bench.dut.wait_ready(bench.file.dut.boot_timeout_s)
