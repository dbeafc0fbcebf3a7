"""Runs a session: a workload in a mode on a bench, from switching on to the written result."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from energy import __version__
from energy.bench.assemble import Bench, EnergyBench
from energy.bench.prompt import Prompt, no_operator
from energy.benchmark.inputs import Input
from energy.benchmark.limits import SHORTEST_WINDOW_S
from energy.errors import BenchError, TimingError
from energy.evidence.documents import (
    Attempt,
    ClockRecord,
    Instrument,
    SessionRecord,
    State,
)
from energy.evidence.parts import finding_records
from energy.findings import Finding
from energy.instruments import Monitor
from energy.recording.keep import Storage
from energy.session.beside import throughput_beside
from energy.session.certificate import taken_certificate
from energy.session.clockcheck import ClockCheck
from energy.session.documented import edge_bounds, pilot_records, trial_record
from energy.session.edgewatch import EdgeWatch, StreamEdges
from energy.session.floors import measure_floors, record_floors
from energy.session.folder import SessionFolder
from energy.session.given_up import give_up_samples
from energy.session.idle import record_idle
from energy.session.lease import lease_bench
from energy.session.observer import NOBODY, Beginning, Observer
from energy.session.outcome import Outcome, Plan, conclude
from energy.session.powercheck import (
    compare_current_off,
    refuse_back_power,
    refuse_no_current,
    refuse_no_power,
    unpowered_answer,
    zero_offset_a,
)
from energy.session.prepare import ambient_c, check_dut, instrument, make_edge_watch
from energy.session.recorder import Recorder
from energy.session.session_log import Progress, SessionLog
from energy.session.trials import REPEATS, Trial, find_iterations, run_trial
from energy.session.voltage import VoltageCheck, voltage_findings
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.plausibility import TimedRun, check_lengths, check_samples, timed_run
from energy.window.rules import EnergyRule

_LOG = logging.getLogger("joulebench.session")


@dataclass
class TrialRun(SessionLog):
    """A session of trials while it runs: its log, its plan, and the trials that were valid.

    Attributes:
        plan: The plan.
        voltage: The comparison of the supply voltage, in energy mode.
        pilots: The pilots, in order.
        trials: The valid trials, in order.
    """

    plan: Plan = field(kw_only=True)
    voltage: VoltageCheck | None = None
    pilots: list[Trial] = field(default_factory=list[Trial])
    trials: list[Trial] = field(default_factory=list[Trial])
    floors: dict[str, Trial] = field(default_factory=dict[str, Trial])

    clocks: ClockCheck | None = None

    def save(self, state: State | None = None) -> None:
        """Writes ``session.json`` as it stands, with what was found so far.

        An interrupted session is recovered from it.
        """
        trials = [*self.trials, *self.floors.values()]
        found = [*self.findings, *(finding for trial in trials for finding in trial.findings)]
        self.record.findings = finding_records(found)
        super().save(state)

    def take_clocks(self, records: list[ClockRecord], findings: list[Finding]) -> None:
        """Stores the comparison of the bench's clocks, and the findings about it."""
        self.record.clocks = records
        self.findings += findings

    def until_valid(self, number: int, attempt: Callable[[], Trial]) -> Trial:
        """Runs a trial, again if it is not valid; rejected attempts are recorded with their reasons.

        Raises:
            TimingError: ``trial.never-valid``.
        """
        rejected: list[dict[str, Any]] = []
        for count in range(1, REPEATS + 2):
            trial = attempt()
            trial.attempt = count
            if trial.valid:
                return trial
            rejected = [finding.to_json() for finding in trial.findings]
            codes = ", ".join(finding.code for finding in trial.findings)
            _LOG.info("trial %d, attempt %d is not valid (%s): repeated", number, count, codes)
            self.observer.note(f"trial {number}, attempt {count} is not valid ({codes}): repeated")
            self.record.rejected.append(Attempt(trial=number, attempt=count, findings=rejected))
            self.save()
        last = rejected[0]
        raise TimingError(
            "trial.never-valid",
            f"trial {number} was not valid in {REPEATS + 1} attempts, the last with {last['code']}: "
            f"{last['evidence']}",
            last["remedy"],
        )


def run_session(
    plan: Plan, path: Path, progress: Progress, prompt: Prompt = no_operator, observer: Observer = NOBODY
) -> Outcome:
    """Runs a session and writes its folder.

    The supply is off when this returns or raises. If the process is killed, the guardian switches it off.

    Args:
        plan: The plan.
        path: The session's folder, which is made.
        progress: Called as the session advances.
        prompt: Asks the person at the bench.
        observer: Sees what is measured.

    Raises:
        JoulebenchError: If the bench is not as it must be; the folder holds what was done.
    """
    folder = SessionFolder(path)
    record = SessionRecord(
        joulebench=__version__,
        virtual=plan.bench.virtual is not None,
        workload=plan.workload.id,
        mode=plan.mode,
        state="started",
        begun=datetime.now(UTC).isoformat(timespec="seconds"),
        bench=plan.bench.model_dump(by_alias=True, mode="json"),
        note=plan.note,
        performance=plan.performance,
        synthetic_inputs=any(source.synthetic for source in plan.inputs),
    )
    observer.begun(Beginning(path, plan.bench, plan.workload.id, plan.mode, record.virtual))
    run = TrialRun(folder, record, progress, prompt, observer, plan=plan)
    with run.written_to_the_end():
        run.save()
        dut_name = (
            measure_energy(run, partial(_measure_trials, run))
            if plan.mode == "energy"
            else _measure_performance(run)
        )
        run.save()
        outcome = conclude(plan, run.record, run.trials, run.findings, run.folder, dut_name, run.floors)
        run.findings += _give_up(run)
        run.save("finished")
    return outcome


def _stored(plan: Plan) -> Storage:
    """How an energy session is stored, with its length at least."""
    least_s = len(plan.inputs) * max(SHORTEST_WINDOW_S, plan.window_s or 0.0) + plan.bench.dut.idle_s
    return replace(plan.storage, seconds=least_s)


def _give_up(run: TrialRun) -> list[Finding]:
    """Gives up the samples that were not to be kept: those of no window, and of no idle stretch."""
    if run.plan.mode != "energy":
        return []
    trials = (*run.pilots, *run.trials, *run.floors.values())
    idle = run.record.idle
    others = [(idle.first, idle.stop)] if idle else []
    windows = [trial.window for trial in trials if trial.window]
    return give_up_samples(run.folder.path, run.plan.storage, windows, others)


def _measure_performance(run: TrialRun) -> str:
    """Opens the bench, runs the trials and closes it; returns the DUT's name."""
    plan = run.plan
    with lease_bench(
        plan.bench, plan.workload.id, "performance", run.folder.line, run.failed, run.prompt
    ) as lease:
        bench = lease.bench
        lease.on_close(lambda: run.took(bench))
        run.record.ambient_c = ambient_c(bench, run.prompt)
        lease.power_on()
        run.save("powered")
        run.findings += check_dut(bench, plan.workload.id, plan.mode, run.record.dut)
        run.save("ready")
        _run_trials(run, bench, None)
        return run.record.dut["name"]


def measure_energy(run: TrialRun, work: Callable[[EnergyBench, EdgeWatch], None]) -> str:
    """Opens a bench with a monitor and a source of edges, does the work and closes it.

    Args:
        run: The session.
        work: Called with the DUT booted and checked, the monitor streaming; it measures and settles.

    Returns:
        The DUT's name.

    Raises:
        JoulebenchError: If the bench is not as it must be.
    """
    plan = run.plan
    clocks = run.clocks = ClockCheck(run.take_clocks)
    with (
        clocks.compare_on_exit(),
        lease_bench(plan.bench, plan.workload.id, "energy", run.folder.line, run.failed, run.prompt) as lease,
    ):
        bench = lease.bench
        lease.on_close(lambda: run.took(bench))
        watch, monitor = _prepare(run, bench)
        clocks.watch(bench, watch, monitor.model)
        lease.on_close(watch.recorder.close)

        answer = unpowered_answer(bench)
        if answer is not None:
            if not isinstance(watch, StreamEdges) or bench.file.supply is None:
                refuse_back_power(answer)
            with ExitStack() as early:
                early.callback(bench.monitor.stop)
                watch.start(bench)
                run.findings.append(compare_current_off(bench, watch.recorder, answer))
                early.pop_all()  # from now on the lease stops it, before it switches the supply off
        lease.power_on()
        lease.on_exit("monitor stop", lambda: _stop(run, bench, watch, monitor))
        lease.supervise(watch.recorder)
        if answer is None:
            watch.start(bench)  # before the DUT boots, so that nothing it draws goes unseen
        run.save("powered")
        run.findings += check_dut(bench, plan.workload.id, plan.mode, run.record.dut, boots=answer is None)
        if bench.io_manager is not None:
            bench.io_manager.prepare()
        watch.begin(bench)
        watch.verify_edge(bench)
        if isinstance(watch, StreamEdges):
            refuse_no_current(bench, watch.recorder)
        voltage = run.voltage = VoltageCheck(bench)
        voltage.measure()
        run.save("ready")
        try:
            work(bench, watch)
        except BenchError:
            watch.recorder.pump()  # a fault that the monitor reported is the cause, and is raised instead
            raise
    run.record.voltage = voltage.record()
    run.findings += voltage_findings(run.record.voltage)
    return run.record.dut["name"]


def _measure_trials(run: TrialRun, bench: EnergyBench, watch: EdgeWatch) -> None:
    """The trials of an energy session, then an idle stretch; takes their final windows."""
    _run_trials(run, bench, watch)
    record_idle(run.record, run.findings, bench, watch.recorder)
    if run.plan.floors:
        run.progress(1.0, "floors")
        number = len(run.plan.inputs)
        run.floors = measure_floors(
            bench, watch, run.findings, number, lambda attempt: run.until_valid(number + 1, attempt)
        )
    _settle(run, watch, bench)
    record_floors(run.record, run.floors, watch.recorder.signal.rate_hz)


def _settle(run: TrialRun, watch: EdgeWatch, bench: EnergyBench) -> None:
    """Takes the final windows, and checks whether they can be what they claim to be."""
    taken = (*run.pilots, *run.trials, *run.floors.values())
    runs = [(trial, trial.window) for trial in taken if trial.window is not None]
    settled = watch.finish(bench, [window for _, window in runs])
    run.record.edges = {**settled.record, "length_bound_s": settled.length_bound_s}
    run.findings += settled.findings
    for (trial, before), window in zip(runs, settled.windows, strict=True):
        left = [found for found in trial.findings if found not in before.findings]
        trial.findings = [*left, *window.findings]
        trial.window, trial.duration_s = window, window.duration_s
    for record, trial in zip(run.record.trials, run.trials, strict=True):
        if (window := trial.window) is not None:
            record.opening, record.closing = window.opening.position, window.closing.position
            record.duration_s, record.edge_bounds = window.duration_s, edge_bounds(window)
    run.observer.settled(
        [WindowFigures(trial.window, trial.iterations) for trial in run.trials if trial.window]
    )
    run.record.pilots = pilot_records(run.pilots)
    run.findings += _implausible(run, watch.recorder, bench, settled.length_bound_s)


def _implausible(
    run: TrialRun, recorder: Recorder, bench: EnergyBench, bound_s: float | None
) -> list[Finding]:
    """Windows that cannot be those of the inferences (``energy.window.plausibility``)."""
    rows = [WindowFigures(trial.window, trial.iterations) for trial in run.trials if trial.window]
    breaks = [gap.first for gap in recorder.gaps if gap.count is None]
    found = check_samples(
        recorder.source, rows, bench.file.dut.voltage_v, zero_offset_a(bench.monitor), breaks
    )
    if run.voltage is not None:
        run.voltage.take_samples(recorder.source, [row.window for row in rows])
    if run.plan.performance is not None:
        ips = SessionFigures(tuple(rows)).inferences_per_second()
        beside = run.folder.path.parent / run.plan.performance
        found += throughput_beside(ips.median if ips else None, beside)
    return found + check_lengths(_timed(run.pilots, bound_s), _timed(run.trials, bound_s))


def _timed(trials: list[Trial], bound_s: float | None) -> list[TimedRun]:
    return [
        timed_run(trial.window, trial.iterations, trial.lines_s, bound_s)
        for trial in trials
        if trial.window is not None
    ]


def _prepare(run: TrialRun, bench: EnergyBench) -> tuple[EdgeWatch, Instrument]:
    """Reads the identities and sets limits and settings. Nothing is switched on."""
    plan, record = run.plan, run.record
    if bench.io_manager is not None:
        record.io_manager = instrument(bench.io_manager.identify())
    record.ambient_c = ambient_c(bench, run.prompt)
    about = {"model": plan.workload.id, "board": plan.bench.dut.board}
    watch, record.monitor = make_edge_watch(bench, run.folder.path, record.virtual, about, _stored(plan))
    record.virtual = record.virtual or record.monitor.virtual
    record.calibration, findings = taken_certificate(bench)
    run.findings += findings
    watch.recorder.watched_by(run.observer)
    return watch, record.monitor


def _run_trials(run: TrialRun, bench: Bench, watch: EdgeWatch | None) -> None:
    plan, record = run.plan, run.record
    run.progress(0.0, "finding the number of inferences")
    bench.dut.load(plan.inputs[0].data)
    pace = find_iterations(bench, watch, lambda attempt: run.until_valid(0, attempt))
    pace.lengthen(plan.window_s, plan.iterations)
    run.pilots = pace.pilots
    if isinstance(bench, EnergyBench):
        refuse_no_energy(bench, pace.pilots)
        run.record.pilots = pilot_records(run.pilots)
    _LOG.info("a window takes %d inferences, %.3f s", pace.iterations, pace.expected_s)
    record.iterations = [pace.iterations] * len(plan.inputs)
    run.save("measuring")
    for number, source in enumerate(plan.inputs, start=1):
        run.progress((number - 0.5) / (len(plan.inputs) + 1), f"trial {number} of {len(plan.inputs)}")

        def attempt(source: Input = source, number: int = number) -> Trial:
            return run_trial(bench, watch, plan.workload, source, number, pace)

        trial = run.until_valid(number, attempt)
        run.trials.append(trial)
        if trial.window is not None:
            run.observer.window(WindowFigures(trial.window, trial.iterations))
        record.iterations[number - 1] = trial.iterations
        record.trials.append(trial_record(trial, source))
        _note_so_far(run, watch)
        run.save()
    run.progress(1.0, "done")


def _note_so_far(run: TrialRun, watch: EdgeWatch | None) -> None:
    """Notes what a session knows between two trials: whoever recovers it has nothing else."""
    if run.voltage is not None:
        run.voltage.measure()
        run.record.voltage = run.voltage.record()
    if run.clocks is not None:
        run.record.clocks = run.clocks.so_far()
    if watch is not None:
        watch.recorder.sync()


def refuse_no_energy(bench: EnergyBench, pilots: list[Trial]) -> None:
    """Raises if the first inferences draw nothing through the monitor.

    Raises:
        BenchError: ``power.no-current``.
    """
    for pilot in pilots:
        if pilot.window is not None:
            power_w = pilot.window.energies[EnergyRule.EXACT].power_w
            refuse_no_power(bench, power_w, f"during {pilot.iterations} inferences")


def _stop(run: TrialRun, bench: EnergyBench, watch: EdgeWatch, monitor: Instrument) -> None:
    bench.monitor.stop()
    watch.recorder.drain()
    if run.voltage is not None and len(run.trials) == len(run.plan.inputs):
        run.voltage.measure()  # some instruments can only while no stream runs
    _compare_energies(run, bench.monitor, watch.recorder)
    monitor.settings = bench.monitor.settings()


def _compare_energies(run: TrialRun, monitor: Monitor, recorder: Recorder) -> None:
    """Compares the monitor's own energy of the run with that of the samples."""
    own = monitor.own_energy()
    if own is None:
        return
    ours_j, missing = recorder.energy_j(own.first, own.stop), recorder.missing(own.first, own.stop)
    run.record.own_energy = {**asdict(own), "samples_energy_j": ours_j, "samples_missing": missing}
    # Missing samples explain a difference, and make their windows invalid anyway.
    # Neither NaN nor infinity is within a tolerance.
    bound_j = own.tolerance * max(abs(own.energy_j), abs(ours_j))
    if not missing and not (math.isfinite(bound_j) and abs(ours_j - own.energy_j) <= bound_j):
        evidence = (
            f"samples {own.first} to {own.stop}: {ours_j:.9g} J by the samples, {own.energy_j:.9g} J by the "
            f"monitor's own account; a difference of {own.tolerance:g} would be usual"
        )
        run.findings.append(Finding("monitor.energy-differs", evidence))
