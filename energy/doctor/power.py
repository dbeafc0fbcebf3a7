"""The doctor's steps around power-on: with the supply off, then on, and why a DUT may be silent.

Each takes the visit and its step, adds evidence and what is wrong, and raises where nothing after it makes
sense.
"""

from __future__ import annotations

from energy.bench.assemble import Bench, EnergyBench
from energy.doctor.causes import cause
from energy.doctor.report import Step, si
from energy.doctor.visit import NEAR, Visit
from energy.errors import BenchError
from energy.instruments import Mode
from energy.session.supervision import OFF_A

BAUDS = (9600, 19200, 38400, 57600, 115200, 921600)
"""Tried where the DUT does not speak at the one of the bench file."""
NOTHING_A = 10e-6
"""No microcontroller boots on less."""
_OFF_S = 0.5
_LISTEN_S = 0.5


def look_unpowered(visit: Visit, step: Step) -> None:
    """With the supply off no current flows, and nobody answers.

    Raises:
        BenchError: ``power.back-powered``.
    """
    bench = visit.bench
    if bench.supply is not None:
        bench.supply.off()
    if visit.stream is not None and visit.stream.early:
        visit.stream.start(visit.lease)
        bench.clock.sleep(_OFF_S)
    if bench.supply is None:
        step.skip("not looked at: nobody but a person could switch the supply")
        return
    answers = _answers_unpowered(bench, step)
    seen = visit.seen(0)
    if seen is None:
        step.say("current: not known, this monitor measures from an edge on")
    else:
        step.say(f"current: {si(seen.mean_a, 'A')} (at most {si(seen.most_a, 'A')})")
        if seen.mean_a < -OFF_A:
            raise cause("power.back-powered", f"{si(seen.mean_a, 'A')} with the supply off.")
    if answers:
        raise cause("power.back-powered", answers)
    if seen is not None and seen.mean_a > OFF_A:
        step.note("power.off-current", f"{si(seen.mean_a, 'A')} on average.")


def _answers_unpowered(bench: Bench, step: Step) -> str:
    """What the DUT answers though it should not."""
    if isinstance(bench, EnergyBench) and bench.io_manager is not None and bench.io_manager.timing is None:
        step.say("the DUT was not asked: this IO manager waits for its answer for ever")
        return ""
    try:
        return f"It answered {bench.dut.name()!r} to `name`."
    except BenchError as error:
        if error.code == "dut.silent":
            step.say("the DUT is silent")
            return ""
        if error.code.startswith("dut."):
            return f"It was not silent: {error.message}."
        raise


def power_on(visit: Visit, step: Step) -> Mode:
    """The supply on, the boot's text, and what is wrong where there is none.

    Returns:
        The mode that the firmware was built for.

    Raises:
        BenchError: ``power.short-circuit``, ``power.at-limit``, ``power.open-supply``, ``uart.silent``,
            ``uart.garbled``; or what the driver says.
    """
    bench, stream = visit.bench, visit.stream
    visit.powered_at = stream.recorder.stop if stream is not None else 0
    visit.powered = bench.supply is not None
    try:
        visit.lease.power_on()
        mode = bench.dut.wait_ready(bench.file.dut.boot_timeout_s)
    except BenchError as error:
        if not error.code.startswith("dut."):
            _blame_current(visit, error)
            raise
        powered = _blame_power(visit, step)
        mode = _find_baud(visit, step, error, powered)
    else:
        where = "through the IO manager" if bench.dut_at is None else f"at {bench.file.dut.baud} baud"
        step.say(f"`m-ready` {where}, firmware of {mode} mode")
    if stream is not None and not stream.early:
        step.say("current: not known yet, this monitor measures from an edge on")
    elif seen := visit.seen(visit.powered_at):
        step.say(f"current since power-on: {si(seen.mean_a, 'A')} on average, {si(seen.most_a, 'A')} at most")
        if seen.most_a < NOTHING_A:
            step.note("power.no-current", f"At most {si(seen.most_a, 'A')} since power-on.")
    return mode


def _blame_power(visit: Visit, step: Step) -> bool:
    """Where the DUT does not speak: whether its power is why.

    Returns:
        Whether it is known to draw current.

    Raises:
        BenchError: ``power.short-circuit``, ``power.at-limit``, ``power.open-supply``.
    """
    try:
        seen = visit.seen(visit.powered_at)
    except BenchError as error:
        _blame_current(visit, error)
        raise
    if seen is None:
        return False
    step.say(f"current since power-on: {si(seen.mean_a, 'A')} on average, {si(seen.most_a, 'A')} at most")
    if seen.mean_a >= NEAR * visit.most_a:
        raise cause("power.at-limit", f"{si(seen.mean_a, 'A')} of {si(visit.most_a, 'A')}.")
    if abs(seen.mean_a) < NOTHING_A:
        raise cause("power.open-supply", f"It drew {si(seen.mean_a, 'A')} since power-on.")
    if visit.stream is not None and visit.stream.recorder.edge_stream.seen:
        step.say("the timestamp pin moved since power-on: the firmware runs")
    return True


def _blame_current(visit: Visit, error: BenchError) -> None:
    """An error that says that the current was too high.

    Raises:
        BenchError: ``power.short-circuit``.
    """
    if error.code == "bench.current" or "overcurrent" in error.code:
        raise cause("power.short-circuit", f"{error.message}.") from error


def _find_baud(visit: Visit, step: Step, error: BenchError, powered: bool) -> Mode:
    """Tries other baud rates. The supply stays on: the boot is long over, so the DUT is asked.

    Args:
        visit: The bench.
        step: The step.
        error: What came of the rate that the bench file says.
        powered: Whether the DUT is known to draw current.

    Raises:
        BenchError: ``uart.silent`` or ``uart.garbled`` if none works; ``dut.silent`` where it is not known
            whether it is powered.
    """
    bench = visit.bench
    garbled = error.code != "dut.silent"
    if bench.dut_at is None and not garbled and not powered:
        raise error
    if bench.dut_at is None:
        raise cause("uart.garbled" if garbled else "uart.silent", f"{error.message}.") from error
    tried = [bench.file.dut.baud]
    for baud in BAUDS:
        if baud in tried:
            continue
        tried.append(baud)
        bench.dut.close()
        try:
            bench.dut = bench.dut_at(baud)
            mode = _mode_by_asking(bench)
        except BenchError as other:
            if other.code != "link.baud" and not other.code.startswith("dut."):
                raise
            garbled = garbled or other.code in ("dut.garbled", "dut.incomplete")
            continue
        step.note("uart.baud", f"It says {bench.file.dut.baud}; `m-ready` came at {baud}.")
        return mode
    rates = ", ".join(map(str, sorted(tried)))
    if not garbled and not powered:
        step.say(f"silent at {rates} baud")
        raise error
    raise cause("uart.garbled" if garbled else "uart.silent", f"Tried: {rates} baud. {error.message}.")


def _mode_by_asking(bench: Bench) -> Mode:
    """The firmware's mode, if the DUT can be understood.

    A readable error means that it was understood: the DUT still had the garbage of another rate before its
    command, or opening its port has reset it.
    """
    try:
        return bench.dut.wait_ready(_LISTEN_S)
    except BenchError as error:
        if error.code not in ("dut.error-answer", "dut.reset", "dut.unexpected"):
            raise
        return bench.dut.wait_ready(bench.file.dut.boot_timeout_s)
