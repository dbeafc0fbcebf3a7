"""One session: a workload in a mode on a bench, from switching on to the written result."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from energy import __version__
from energy.bench.assemble import Ask, Bench, nobody
from energy.bench.benchfile import BenchFile
from energy.benchmark.session_file import FILE_NAME as SESSION_NAME
from energy.errors import BenchError, JoulebenchError
from energy.findings import Finding
from energy.instruments import GatedMonitor, Identity, Monitor, Setup
from energy.session.documents import Attempt, Instrument, SessionRecord, TrialRecord
from energy.session.edgewatch import EdgeWatch, GateEdges, StreamEdges
from energy.session.folder import SessionFolder
from energy.session.held import held
from energy.session.outcome import Outcome, Plan, conclude
from energy.session.recorder import Recorder
from energy.session.trials import REPEATS, Trial, find_iterations, run_trial

Progress = Callable[[float, str], None]
"""Told how much of a session is done (0 to 1) and what is being done."""


@dataclass
class _Run:
    """A session while it runs."""

    plan: Plan
    folder: SessionFolder
    record: SessionRecord
    progress: Progress
    ask: Ask = nobody
    findings: list[Finding] = field(default_factory=list[Finding])
    trials: list[Trial] = field(default_factory=list[Trial])
    failures: list[JoulebenchError] = field(default_factory=list[JoulebenchError])

    def save(self, state: str | None = None) -> None:
        """Writes ``session.json`` as it stands."""
        if state:
            self.record.state = state  # pyright: ignore[reportAttributeAccessIssue]
        self.folder.write(SESSION_NAME, self.record.model_dump(by_alias=True))

    def give_up(self, state: str, error: JoulebenchError | None) -> None:
        """Writes how far it got and why it went no further, as well as the disk allows."""
        if error is not None:
            self.record.error = {"code": error.code, "message": error.message, "hint": error.hint}
        # What fails here is not raised: what is being raised already is the first cause.
        with contextlib.suppress(JoulebenchError, OSError):
            self.save(state)
        with contextlib.suppress(JoulebenchError, OSError):
            self.folder.close()


def run_session(plan: Plan, path: Path, progress: Progress, ask: Ask = nobody) -> Outcome:
    """Runs a session and writes its folder.

    The supply is off when this returns or raises, and so it is if the process is killed.

    Args:
        plan: What is to be done.
        path: The session's folder, which is made.
        progress: Told how far it is.
        ask: Asks the person at the bench, where something must be asked.

    Raises:
        JoulebenchError: If the bench is not as it must be; the folder says how far it got.
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
        synthetic_inputs=any(source.synthetic for source in plan.inputs),
    )
    run = _Run(plan, folder, record, progress, ask)
    try:
        run.save()
        dut_name = _measure(run)
        outcome = conclude(plan, run.record, run.trials, run.findings, run.folder, dut_name)
        run.save("finished")
    except KeyboardInterrupt:
        run.give_up("interrupted", None)
        raise
    except JoulebenchError as error:
        error.also += [failure for failure in run.failures if failure is not error]
        run.give_up("failed", error)
        raise
    except BaseException as error:
        what = JoulebenchError("internal", f"{type(error).__name__}: {error}", "Please report this.")
        run.give_up("failed", what)
        raise
    folder.close()
    return outcome


def _measure(run: _Run) -> str:
    """Everything between opening the instruments and letting them go; returns the DUT's name."""
    plan = run.plan
    file, wire = plan.bench, run.folder.line
    with held(file, plan.workload.id, plan.mode, wire, partial(_failed, run), run.ask) as hand:
        bench = hand.bench
        watch = _prepare(run, bench)
        if watch is not None:
            hand.finally_(watch.recorder.close)
        hand.power_on()
        run.save("powered")
        dut_name = _greet(run, bench)
        if watch is not None:
            hand.at_the_end("monitor stop", lambda: _stop(run, bench, watch))
            watch.start(bench)
            watch.see(bench)
        run.save("ready")
        try:
            _run_trials(run, bench, watch)
            if watch is not None:
                watch.finish(bench)
        except BenchError:
            if watch is not None:
                watch.recorder.pump()  # a fault that the monitor reported is the cause, and is raised instead
            raise
        return dut_name


def _prepare(run: _Run, bench: Bench) -> EdgeWatch | None:
    """Identities, limits, settings: everything that switches nothing on."""
    plan, record = run.plan, run.record
    file = plan.bench
    if bench.io_manager is not None:
        record.io_manager = _instrument(bench.io_manager.identify())
    monitor = bench.monitor
    if monitor is not None:
        record.monitor = _instrument(monitor.identify())
    record.ambient_c = _ambient_c(run, monitor)
    if monitor is None or record.monitor is None:
        return None
    signal = monitor.configure(setup_of(file, monitor))
    if bench.supply is not None:
        bench.supply.set_voltage(file.dut.voltage_v)
    record.monitor.settings = monitor.settings()
    record.monitor.accuracy = [asdict(line) for line in monitor.accuracy()]
    recorder = Recorder(
        run.folder.path,
        signal,
        bench.clock,
        virtual=record.virtual,
        about={"monitor": record.monitor.model, "model": plan.workload.id, "board": file.dut.board},
        hold_s=file.timestamp_hold_us * 1e-6,
        highest_a=file.limits.highest_a,
        supply_v=file.dut.voltage_v,
        delivery_delay_s=float(record.monitor.settings.get("delivery_delay_s") or 0.0),
    )
    if monitor.limits.gated:
        record.edges = {"source": "gate"}
        return GateEdges(recorder, cast(GatedMonitor, monitor))
    record.edges = {"source": "monitor"}
    return StreamEdges(recorder)


def setup_of(file: BenchFile, monitor: Monitor) -> Setup:
    """What the bench file asks of a monitor, within what both allow.

    Raises:
        BenchError: ``bench.voltage``, ``bench.edges``.
    """
    assert file.monitor is not None
    limits = monitor.limits
    lowest, highest = limits.lowest_v, min(limits.highest_v, file.limits.highest_v)
    if not lowest <= file.dut.voltage_v <= highest:
        raise BenchError(
            "bench.voltage",
            f"dut.voltage_v is {file.dut.voltage_v} V; bench and monitor allow {lowest} to {highest} V",
            "Correct dut.voltage_v, or use another monitor.",
        )
    edges = file.monitor.edges or ("monitor" if limits.sees_edges else "io")
    if edges == "monitor" and not limits.sees_edges:
        raise BenchError(
            "bench.edges",
            f"monitor.edges is 'monitor', but {file.monitor.driver} sees no edges as it is set up",
            "Wire the timestamp pin to the IO manager and say edges = 'io', or leave the key out.",
        )
    if edges == "io" and file.io_manager is None:
        raise BenchError(
            "bench.edges",
            "the DUT's edges must come from the IO manager's clock, and the bench has no [io_manager]",
            "Add an Uno whose D3 sees the timestamp pin, or use a monitor that sees edges.",
        )
    rate_hz = file.monitor.rate_hz or limits.full_rate_hz
    return Setup(rate_hz, file.dut.voltage_v, file.limits.highest_v, file.limits.highest_a, edges)


def _ambient_c(run: _Run, monitor: Monitor | None) -> float | None:
    """The room's temperature, as the bench file says: stated, read or asked for."""
    ambient = run.plan.bench.ambient
    if ambient is None:
        return None
    if isinstance(ambient.temperature_c, float):
        return ambient.temperature_c
    if ambient.temperature_c == "monitor" and monitor is not None:
        thermometer = getattr(monitor, "temperature_c", None)
        if thermometer is None:
            raise BenchError(
                "bench.ambient",
                f"ambient.temperature_c is 'monitor', and {type(monitor).__name__} has no thermometer",
                "State the temperature in the bench file, or say 'ask'.",
            )
        return float(thermometer())
    if ambient.temperature_c == "monitor":
        return None  # performance mode: nobody is there who would know
    answer = run.ask("Ambient temperature in °C?")
    try:
        return float(answer.replace(",", "."))
    except ValueError as error:
        raise BenchError(
            "bench.ambient", f"{answer!r} is not a temperature in °C", "Answer with a number."
        ) from error


def _instrument(identity: Identity) -> Instrument:
    fields = asdict(identity)
    fields.pop("virtual")
    return Instrument(**fields)


def _greet(run: _Run, bench: Bench) -> str:
    """Waits for the DUT and makes sure that it runs the firmware that was asked for."""
    plan = run.plan
    mode = bench.dut.wait_ready(plan.bench.dut.boot_timeout_s)
    if mode != plan.mode:
        raise BenchError(
            "dut.wrong-mode",
            f"the DUT's firmware was built for {mode} mode, the session is in {plan.mode} mode",
            f"Flash the firmware built for {plan.mode} mode (EE_CFG_ENERGY_MODE).",
        )
    name = bench.dut.name()
    profile, model = bench.dut.profile()
    run.record.dut = {"name": name, "profile": profile, "model": model, "board": plan.bench.dut.board}
    if model != plan.workload.id:
        raise BenchError(
            "dut.wrong-model",
            f"the DUT runs {model}, the session is for {plan.workload.id}",
            f"Flash {plan.workload.id}, or ask for --workload {model}.",
        )
    if bench.io_manager is not None:
        bench.io_manager.prepare()
    return name


def _run_trials(run: _Run, bench: Bench, watch: EdgeWatch | None) -> None:
    plan, record = run.plan, run.record
    run.progress(0.0, "finding the number of inferences")
    bench.dut.load(plan.inputs[0].data)

    def until_valid(number: int, attempt: Callable[[], Trial]) -> Trial:
        for count in range(1, REPEATS + 2):
            trial = attempt()
            trial.attempt = count
            if trial.valid:
                return trial
            found = [finding.to_json() for finding in trial.findings]
            record.rejected.append(Attempt(trial=number, attempt=count, findings=found))
            run.save()
        last = record.rejected[-1].findings[0]
        raise BenchError(
            "trial.never-valid",
            f"trial {number} was not valid in {REPEATS + 1} attempts, the last with {last['code']}: "
            f"{last['evidence']}",
            last["remedy"],
        )

    iterations, expected_s = find_iterations(bench, watch, lambda attempt: until_valid(0, attempt))
    record.iterations = [iterations] * len(plan.inputs)
    run.save("measuring")
    for number, source in enumerate(plan.inputs, start=1):
        run.progress((number - 0.5) / (len(plan.inputs) + 1), f"trial {number} of {len(plan.inputs)}")
        trial = until_valid(
            number, lambda s=source, n=number: run_trial(bench, watch, s, iterations, n, expected_s)
        )
        assert trial.duration_s is not None  # a valid trial has one
        run.trials.append(trial)
        window = trial.window
        record.trials.append(
            TrialRecord(
                number=number,
                attempt=trial.attempt,
                input=source.name,
                iterations=iterations,
                opening=window.opening.position if window else None,
                closing=window.closing.position if window else None,
                start_us=trial.start_us,
                duration_s=trial.duration_s,
                results=list(trial.results),
            )
        )
        run.save()
    run.progress(1.0, "done")


def _failed(run: _Run, what: str, failure: JoulebenchError) -> None:
    run.failures.append(failure)
    run.folder.note(0.0, f"{what} failed: {failure}")
    entry = {"action": what, "code": failure.code, "message": failure.message, "hint": failure.hint}
    run.record.at_the_end.append(entry)


def _stop(run: _Run, bench: Bench, watch: EdgeWatch) -> None:
    assert bench.monitor is not None
    bench.monitor.stop()
    watch.recorder.drain()
    _compare_energies(run, bench.monitor, watch.recorder)
    if run.record.monitor is not None:
        run.record.monitor.settings = bench.monitor.settings()


def _compare_energies(run: _Run, monitor: Monitor, recorder: Recorder) -> None:
    """The monitor's own account of the run's energy against that of the samples."""
    own = monitor.own_energy()
    if own is None:
        return
    ours_j = recorder.energy_j(own.first, own.stop)
    run.record.own_energy = {**asdict(own), "samples_energy_j": ours_j}
    if abs(ours_j - own.energy_j) > own.tolerance * max(abs(own.energy_j), abs(ours_j)):
        evidence = (
            f"samples {own.first} to {own.stop}: {ours_j:.9g} J by the samples, {own.energy_j:.9g} J by the "
            f"monitor's own account; a difference of {own.tolerance:g} would be usual"
        )
        run.findings.append(Finding("monitor.energy-differs", evidence))
