"""The doctor's steps at the bench, from the first answer to the first window.

Each takes the context and its step, adds evidence and remarks, and raises an error if no further step makes
sense.
"""

from __future__ import annotations

import math

from energy.bench.assemble import EnergyBench
from energy.benchmark.inputs import synthetic_inputs
from energy.doctor.context import NEAR, DoctorContext, Stream
from energy.doctor.edges import check_edges
from energy.doctor.report import Step, si
from energy.doctor.stream import judge_gaps, judge_time, refuse_losses
from energy.doctor.watch import CurrentFigures, WatchingRecorder
from energy.errors import JoulebenchError
from energy.instruments import IoManager, Mode, Monitor
from energy.session.certificate import taken_certificate
from energy.session.edgewatch import StreamEdges
from energy.session.prepare import prepared, refuse_mode, refuse_model
from energy.session.trials import PILOT_ITERATIONS, timed
from energy.window.edges import Marker
from energy.window.rules import EnergyRule

_IDLE_S = 2.0
_VOLT_TOLERANCE = 0.1
_SLOWEST_S = 60.0


def ask_instruments(context: DoctorContext, step: Step) -> None:
    """Asks each instrument for its identity and firmware."""
    bench = context.bench
    failures: list[JoulebenchError] = []
    asked: list[tuple[str, Monitor | IoManager]] = []
    if isinstance(bench, EnergyBench):
        asked.append(("monitor", bench.monitor))
        if bench.io_manager is not None:
            asked.append(("IO manager", bench.io_manager))
    for role, instrument in asked:
        try:
            identity = instrument.identify()
        except JoulebenchError as error:
            failures.append(error)
            continue
        number = f", {identity.serial_number}" if identity.serial_number else ""
        firmware = identity.firmware or "not stated"
        step.observe(f"{role}: {identity.model}{number}, firmware {firmware}, at {identity.url}")
    if failures:
        failures[0].also += failures[1:]
        raise failures[0]
    if bench.supply is None:
        step.observe("supply: none that joulebench can switch")
    elif bench.file.supply is not None:
        step.observe(f"supply: {bench.file.supply.driver} at {bench.file.supply.port}, opened")
    else:
        step.observe("supply: the monitor itself")


def set_up(context: DoctorContext, step: Step) -> None:
    """Sets limits and settings, with acknowledgement; nothing is switched on."""
    bench = context.bench
    if not isinstance(bench, EnergyBench):
        step.skip("no monitor: performance mode")
        return
    virtual = bench.file.virtual is not None
    ready = prepared(bench, context.folder, virtual, {"recorded by": "doctor"}, WatchingRecorder)
    context.stream = Stream(bench, ready.watch, ready.recorder, early=isinstance(ready.watch, StreamEdges))
    context.lease.on_close(ready.recorder.close)
    setup, signal = ready.setup, ready.recorder.signal
    step.observe(
        f"{signal.kind.value}, {signal.rate_hz:g} samples/s, {setup.voltage_v:g} V; limits "
        f"{setup.highest_v:g} V and {si(setup.highest_a, 'A')}; edges from the {setup.edges}"
    )
    step.observe(f"{len(ready.instrument.settings)} settings acknowledged or read back")
    calibration, findings = taken_certificate(bench)
    if calibration is not None:
        step.observe(f"calibration: {calibration.title}")
    for finding in findings:
        step.add_finding(finding)


def check_dut(context: DoctorContext, step: Step, mode: Mode) -> None:
    """Checks name, profile, model and mode of the firmware.

    Raises:
        BenchError: ``dut.wrong-mode``, ``dut.wrong-model``.
    """
    refuse_mode(context.mode, mode)
    name = context.bench.dut.name()
    profile = context.bench.dut.profile()
    weights = f" with weights that are {profile.weights}" if profile.weights else ""
    step.observe(f"{name}, {profile.name}, model {profile.model or 'not stated'}{weights}, {mode} mode")
    refuse_model(context.workload.id, profile.model)


def check_timestamp(context: DoctorContext, step: Step) -> None:
    """Checks that one mark gives one edge."""
    bench, stream = context.bench, context.stream
    if stream is None:
        first, second = bench.dut.timestamp(), bench.dut.timestamp()
        step.observe(f"no pin in performance mode; its own clock says {first} µs, then {second} µs")
        return
    if not stream.early:
        stream.start(context.lease)
    if stream.recorder.running and not stream.bench.monitor.limits.gated:
        refuse_losses(stream.recorder)
    if stream.recorder.marker is not Marker.PULSE:
        stream.watch.begin(stream.bench)  # leaves out the edges of the boot
        step.observe(
            f"the pin is {stream.recorder.marker.value} during the work: the first window shows its edges"
        )
        return
    if isinstance(stream.watch, StreamEdges):
        check_edges(stream.bench, stream.watch, stream.recorder, step)
    else:
        stream.watch.verify_edge(stream.bench)
        step.observe("the expected edges arrived, and no others")


def check_idle(context: DoctorContext, step: Step) -> None:
    """Checks the current of the idle DUT, the monitor's time base, lost samples."""
    stream = context.stream
    if stream is None:
        step.skip("not checked: no monitor")
        return
    if stream.bench.monitor.limits.gated:
        step.skip("not checked: this monitor measures only between two edges")
        return
    recorder = stream.recorder
    first = recorder.stop
    stream.bench.clock.sleep(_IDLE_S)
    seen = stream.seen(first)
    if seen is not None:
        _judge_current(context, step, seen)
    judge_time(recorder, step)
    judge_gaps(recorder, step)


def _judge_current(context: DoctorContext, step: Step, seen: CurrentFigures) -> None:
    volts = "" if seen.mean_v is None else f", {seen.mean_v:.4g} V"
    step.observe(
        f"idle: {si(seen.mean_a, 'A')} on average, {si(seen.least_a, 'A')} to {si(seen.most_a, 'A')}{volts}"
    )
    if seen.mean_a <= 0:
        step.add_cause("power.no-current", f"{si(seen.mean_a, 'A')} while it idles.")
    elif seen.mean_a >= NEAR * context.most_a:
        step.add_cause(
            "power.at-limit", f"{si(seen.mean_a, 'A')} of {si(context.most_a, 'A')} while it idles."
        )
    asked_v = context.bench.file.dut.voltage_v
    if seen.mean_v is not None and abs(seen.mean_v - asked_v) > _VOLT_TOLERANCE * asked_v:
        step.add_cause("power.voltage", f"{seen.mean_v:.4g} V measured, {asked_v:g} V set.")


def first_window(context: DoctorContext, step: Step) -> None:
    """Measures a few inferences in one window: a test of the whole path, not a result."""
    bench, stream = context.bench, context.stream
    source = synthetic_inputs(context.workload, 1)[0]
    bench.dut.load(source.data)
    step.observe(f"{len(source.data)} bytes of input loaded")
    gaps = len(stream.recorder.gaps) if stream else 0
    known = [finding.code for finding in stream.recorder.findings] if stream else []
    trial = timed(bench, stream.watch if stream else None, PILOT_ITERATIONS, PILOT_ITERATIONS * _SLOWEST_S, 0)
    for finding in trial.findings:
        step.add_finding(finding)
    if stream is not None:
        gated = stream.bench.monitor.limits.gated  # with gaps between its windows
        if len(stream.recorder.gaps) > gaps and not gated:
            judge_gaps(stream.recorder, step, gaps)
        windows = [trial.window] if trial.window is not None else []
        for finding in stream.watch.finish(stream.bench, windows).findings:
            if finding.code not in known:
                step.add_finding(finding)
    if not trial.valid:
        return
    rate = PILOT_ITERATIONS / trial.duration_s
    took = f"{PILOT_ITERATIONS} inferences in {si(trial.duration_s, 's')}, {rate:.4g} inf/s"
    text = f"first window, not a result: {took}"
    if trial.window is None:
        step.observe(text)
        return
    energy_j = trial.window.energies[EnergyRule.EXACT].energy_j
    step.observe(f"{text}, {si(energy_j / PILOT_ITERATIONS, 'J')} per inference")
    if not (math.isfinite(energy_j) and energy_j > 0):
        step.add_cause("window.no-energy", f"{si(energy_j, 'J')} in {si(trial.duration_s, 's')}.")
