"""The doctor's steps at the bench, from the first answer to the first window.

Each takes the visit and its step, adds evidence and what is wrong, and raises where nothing after it makes
sense.
"""

from __future__ import annotations

import math

from energy.bench.assemble import EnergyBench
from energy.benchmark.inputs import synthetic_inputs
from energy.doctor.causes import cause
from energy.doctor.edges import look_at_edges
from energy.doctor.report import Step, counted, si
from energy.doctor.visit import NEAR, Stream, Visit
from energy.doctor.watch import Seen, WatchingRecorder
from energy.errors import BenchError, JoulebenchError
from energy.instruments import IoManager, Mode, Monitor
from energy.session.edgewatch import StreamEdges
from energy.session.prepare import prepared, refuse_mode, refuse_model
from energy.session.trials import PILOT_ITERATIONS, timed
from energy.window.rules import EnergyRule
from energy.window.sampleclock import Caution, rate_of_stream

_IDLE_S = 2.0
_TIME = Caution(drift_s=0.1, fewest=4)
"""In so short a time, a block's own length, USB or a busy host may look like a rate more easily."""
_TIME_TOLERANCE = 0.01
"""Twice what a ceramic resonator may be off; a stretched time base is off by whole factors."""
_VOLT_TOLERANCE = 0.1
_SLOWEST_S = 60.0


def ask_instruments(visit: Visit, step: Step) -> None:
    """Who answers, and with what firmware."""
    bench = visit.bench
    failures: list[JoulebenchError] = []
    asked: list[tuple[str, Monitor | IoManager]] = []
    if isinstance(bench, EnergyBench):
        asked.append(("monitor", bench.monitor))
        if bench.io_manager is not None:
            asked.append(("IO manager", bench.io_manager))
    for role, instrument in asked:
        try:
            said = instrument.identify()
        except JoulebenchError as error:
            failures.append(error)
            continue
        number = f", {said.serial_number}" if said.serial_number else ""
        step.say(f"{role}: {said.model}{number}, firmware {said.firmware or 'not told'}, at {said.url}")
    if failures:
        failures[0].also += failures[1:]
        raise failures[0]
    if bench.supply is None:
        step.say("supply: none that joulebench could switch")
    elif bench.file.supply is not None:
        step.say(f"supply: {bench.file.supply.driver} at {bench.file.supply.port}, opened")
    else:
        step.say("supply: the monitor itself")


def set_up(visit: Visit, step: Step) -> None:
    """Limits and settings, acknowledged; nothing is switched on."""
    bench = visit.bench
    if not isinstance(bench, EnergyBench):
        step.skip("no monitor: performance mode")
        return
    virtual = bench.file.virtual is not None
    ready = prepared(bench, visit.folder, virtual, {"recorded by": "doctor"}, WatchingRecorder)
    visit.stream = Stream(bench, ready.watch, ready.recorder, early=isinstance(ready.watch, StreamEdges))
    visit.lease.on_close(ready.recorder.close)
    setup, signal = ready.setup, ready.recorder.signal
    step.say(
        f"{signal.kind.value}, {signal.rate_hz:g} samples/s, {setup.voltage_v:g} V; limits "
        f"{setup.highest_v:g} V and {si(setup.highest_a, 'A')}; edges from the {setup.edges}"
    )
    step.say(f"{len(ready.instrument.settings)} settings acknowledged or read back")


def greet(visit: Visit, step: Step, mode: Mode) -> None:
    """Name, profile, model and mode of the firmware.

    Raises:
        BenchError: ``dut.wrong-mode``, ``dut.wrong-model``.
    """
    refuse_mode(visit.mode, mode)
    name = visit.bench.dut.name()
    profile = visit.bench.dut.profile()
    weights = f" with weights that are {profile.weights}" if profile.weights else ""
    step.say(f"{name}, {profile.name}, model {profile.model or 'not told'}{weights}, {mode} mode")
    refuse_model(visit.workload.id, profile.model)


def see_timestamp(visit: Visit, step: Step) -> None:
    """One mark, one edge."""
    bench, stream = visit.bench, visit.stream
    if stream is None:
        first, second = bench.dut.timestamp(), bench.dut.timestamp()
        step.say(f"no pin in performance mode; its own clock says {first} µs, then {second} µs")
        return
    if not stream.early:
        stream.start(visit.lease)
    if isinstance(stream.watch, StreamEdges):
        look_at_edges(stream.bench, stream.watch, stream.recorder, step)
    else:
        stream.watch.verify_edge(stream.bench)
        step.say("the edges that were asked for came, and no other")


def look_idle(visit: Visit, step: Step) -> None:
    """Current of the idle DUT, the monitor's time base, lost samples."""
    stream = visit.stream
    if stream is None:
        step.skip("not looked at: no monitor")
        return
    if stream.bench.monitor.limits.gated:
        step.skip("not looked at: this monitor measures only between two edges")
        return
    recorder = stream.recorder
    first = recorder.stop
    stream.bench.clock.sleep(_IDLE_S)
    seen = stream.seen(first)
    if seen is not None:
        _judge_current(visit, step, seen)
    _judge_time(recorder, step)
    _judge_gaps(recorder, step)


def _judge_current(visit: Visit, step: Step, seen: Seen) -> None:
    volts = "" if seen.mean_v is None else f", {seen.mean_v:.4g} V"
    step.say(
        f"idle: {si(seen.mean_a, 'A')} on average, {si(seen.least_a, 'A')} to {si(seen.most_a, 'A')}{volts}"
    )
    if seen.mean_a <= 0:
        step.note("power.no-current", f"{si(seen.mean_a, 'A')} while it idles.")
    elif seen.mean_a >= NEAR * visit.most_a:
        step.note("power.at-limit", f"{si(seen.mean_a, 'A')} of {si(visit.most_a, 'A')} while it idles.")
    asked_v = visit.bench.file.dut.voltage_v
    if seen.mean_v is not None and abs(seen.mean_v - asked_v) > _VOLT_TOLERANCE * asked_v:
        step.note("power.voltage", f"{seen.mean_v:.4g} V measured, {asked_v:g} V asked for.")


def _judge_time(recorder: WatchingRecorder, step: Step) -> None:
    """The samples that came against the host's clock."""
    nominal_hz = recorder.signal.rate_hz
    breaks = [gap.first for gap in recorder.gaps if gap.count is None]
    rate = rate_of_stream(recorder.arrivals, nominal_hz, breaks, _TIME)
    if rate is None:
        step.say("time base: too little has come to judge it")
        return
    rate_hz, off = rate.factor * nominal_hz, rate.factor - 1
    step.say(
        f"time base: {rate_hz:.6g} samples/s by the host's clock, {nominal_hz:g} stated ({off:+.2%}, "
        f"known to ±{rate.uncertainty:.1%})"
    )
    if rate.beyond(_TIME_TOLERANCE):
        raise cause("monitor.time-base", f"{rate_hz:.6g} instead of {nominal_hz:g} samples/s ({off:+.1%}).")


def _judge_gaps(recorder: WatchingRecorder, step: Step, before: int = 0) -> None:
    gaps = recorder.gaps[before:]
    if not gaps:
        step.say("no sample lost so far")
        return
    first = gaps[0]
    counts = [gap.count for gap in gaps]
    lost = "an unknown number of" if None in counts else str(sum(count or 0 for count in counts))
    where = (
        f"{counted(len(gaps), 'gap')}, {lost} samples lost, the first at sample {first.first}: {first.reason}"
    )
    step.fail(cause_of_gap(where))


def cause_of_gap(where: str) -> BenchError:
    """Lost samples, which are a remark on a recording and an error on a bench that nobody is using."""
    return BenchError(
        "samples.gap",
        where,
        "Lower the rate, shorten the cable or hub chain, close other programs; then look again.",
    )


def first_window(visit: Visit, step: Step) -> None:
    """A few inferences in one window: not a result, but everything that makes one."""
    bench, stream = visit.bench, visit.stream
    source = synthetic_inputs(visit.workload, 1)[0]
    bench.dut.load(source.data)
    step.say(f"{len(source.data)} bytes of input loaded")
    gaps = len(stream.recorder.gaps) if stream else 0
    known = [finding.code for finding in stream.recorder.findings] if stream else []
    trial = timed(bench, stream.watch if stream else None, PILOT_ITERATIONS, PILOT_ITERATIONS * _SLOWEST_S, 0)
    for finding in trial.findings:
        step.find(finding)
    if stream is not None:
        gated = stream.bench.monitor.limits.gated  # with gaps between its windows
        if len(stream.recorder.gaps) > gaps and not gated:
            _judge_gaps(stream.recorder, step, gaps)
        windows = [trial.window] if trial.window is not None else []
        for finding in stream.watch.finish(stream.bench, windows).findings:
            if finding.code not in known:
                step.find(finding)
    if not trial.valid:
        return
    rate = PILOT_ITERATIONS / trial.duration_s
    took = f"{PILOT_ITERATIONS} inferences in {si(trial.duration_s, 's')}, {rate:.4g} inf/s"
    text = f"first window, not a result: {took}"
    if trial.window is None:
        step.say(text)
        return
    energy_j = trial.window.energies[EnergyRule.EXACT].energy_j
    step.say(f"{text}, {si(energy_j / PILOT_ITERATIONS, 'J')} per inference")
    if not (math.isfinite(energy_j) and energy_j > 0):
        step.note("window.no-energy", f"{si(energy_j, 'J')} in {si(trial.duration_s, 's')}.")
