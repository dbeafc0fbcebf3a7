"""Prepares a bench's monitor: limits, settings, the source of edges. Nothing is switched on here."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from energy.bench.assemble import Bench, EnergyBench
from energy.bench.prompt import Prompt
from energy.errors import BenchError, RecordingError, UsageError
from energy.evidence.documents import Instrument
from energy.findings import Finding
from energy.instruments import Identity, IoManager, Mode, Setup, is_gated
from energy.recording.inside import open_named
from energy.recording.keep import EVERYTHING, Storage, refuse_budget
from energy.recording.limits import LARGEST_FIRMWARE, refuse_larger
from energy.session.certificate import refuse_other_instrument
from energy.session.edgewatch import EdgeWatch, GateEdges, StreamEdges
from energy.session.ioedges import IoEdges, timing_of
from energy.session.recorder import Recorder
from energy.window.edges import Marker

R = TypeVar("R", bound=Recorder)
_LISTEN_S = 1.0
"""For so long messages of a DUT that runs already are awaited."""
_PLACED_S = 0.1
"""Largest uncertainty of a sample's time for edges of another clock: 1 % of a window."""


@dataclass(frozen=True)
class Prepared(Generic[R]):
    """A monitor that is set up, and its recording, open.

    Attributes:
        watch: The source of edges.
        recorder: Takes the monitor's stream.
        setup: The settings that were asked of it.
        instrument: Its identity and the settings that it acknowledged.
    """

    watch: EdgeWatch
    recorder: R
    setup: Setup
    instrument: Instrument


def make_edge_watch(
    bench: EnergyBench, path: Path, virtual: bool, about: dict[str, Any], storage: Storage = EVERYTHING
) -> tuple[EdgeWatch, Instrument]:
    """As ``prepared``, with a plain recorder: the source of edges, and the monitor for the record."""
    ready = prepared(bench, path, virtual, about, Recorder, storage)
    return ready.watch, ready.instrument


def prepared(
    bench: EnergyBench,
    path: Path,
    virtual: bool,
    about: dict[str, Any],
    kind: type[R],
    storage: Storage = EVERYTHING,
) -> Prepared[R]:
    """Identifies and sets up the monitor, and opens the recording.

    Args:
        bench: The instruments.
        path: The recording's folder.
        virtual: Whether the bench is the virtual one; a replayed recording may be virtual on any bench.
        about: Notes kept with the samples.
        kind: The recorder's class.
        storage: Which samples are kept, and how many bytes they may take.

    Raises:
        UsageError: ``disk.budget``.
        BenchError: ``bench.voltage``, ``bench.edges``, ``bench.marker``, ``calibration.other-instrument``;
            those of the instruments.
    """
    setup = setup_of(bench)
    recorder, answered = open_recorder(bench, setup, path, virtual, about, kind, storage)
    try:
        watch = _watch_for(bench, recorder, setup, bench.file.timestamp_hold_us * 1e-6)
    except BaseException:
        recorder.close()
        raise
    return Prepared(watch, recorder, setup, answered)


def open_recorder(
    bench: EnergyBench,
    setup: Setup,
    path: Path,
    virtual: bool,
    about: dict[str, Any],
    kind: type[R],
    storage: Storage = EVERYTHING,
) -> tuple[R, Instrument]:
    """Identifies and sets up monitor and supply, and opens the recording.

    Args:
        bench: The instruments.
        setup: The monitor's settings.
        path: The recording's folder.
        virtual: As ``prepared``.
        about: Notes kept with the samples.
        kind: The recorder's class.
        storage: As ``prepared``. Samples are given up while they are recorded only where the edges come with
            them: edges of another clock are placed at the end.

    Returns:
        The recorder, and the monitor's identity with the settings that it acknowledged.

    Raises:
        UsageError: ``disk.budget``.
        BenchError: ``calibration.other-instrument``; those of the instruments.
    """
    monitor, file = bench.monitor, bench.file
    answered = instrument(monitor.identify())
    refuse_other_instrument(bench.calibration, answered)
    signal = monitor.configure(setup)
    rolling = storage.rolling and setup.edges == "monitor" and not is_gated(monitor)
    storage = replace(storage, rolling=rolling)
    refuse_budget(storage, signal)
    if bench.supply is not None:
        bench.supply.set_voltage(file.dut.voltage_v)
    answered.settings = monitor.settings()
    answered.accuracy = [asdict(line) for line in monitor.accuracy()]
    recorder = kind(
        path,
        signal,
        bench.clock,
        virtual=virtual or answered.virtual,
        about={"monitor": answered.model, **about},
        hold_s=file.timestamp_hold_us * 1e-6,
        marker=file.dut.marker,
        highest_a=file.limits.highest_a,
        range_a=monitor.limits.highest_a,
        supply_v=file.dut.voltage_v,
        delivery_delay_s=monitor.delivery_delay_s,
        delivery_s=monitor.limits.delivery_s[1],
        storage=storage,
    )
    return recorder, answered


def _watch_for(bench: EnergyBench, recorder: Recorder, setup: Setup, hold_s: float) -> EdgeWatch:
    monitor = bench.monitor
    if is_gated(monitor):
        return GateEdges(recorder, monitor, hold_s)
    if setup.edges == "monitor":
        return StreamEdges(recorder, hold_s, bench.file.dut.marker)
    io_manager = _who_times(bench)
    io_manager.prepare()
    return IoEdges(recorder, io_manager, monitor.limits, hold_s)


def setup_of(bench: EnergyBench) -> Setup:
    """The settings that the bench file asks of the monitor, within the limits of both.

    Raises:
        BenchError: ``bench.voltage``, ``bench.edges``, ``bench.marker``.
    """
    file, part, limits = bench.file, bench.monitor_part, bench.monitor.limits
    lowest, highest = limits.lowest_v, min(limits.highest_v, file.limits.highest_v)
    if not lowest <= file.dut.voltage_v <= highest:
        raise BenchError(
            "bench.voltage",
            f"dut.voltage_v is {file.dut.voltage_v} V; bench and monitor allow {lowest} to {highest} V",
            "Correct dut.voltage_v, or use another monitor.",
        )
    edges = part.edges or ("monitor" if limits.sees_edges else "io")
    if edges == "monitor" and not limits.sees_edges:
        raise BenchError(
            "bench.edges",
            f"monitor.edges is 'monitor', but {part.driver} sees no edges as it is set up",
            "Wire the timestamp pin to the IO manager and set edges = 'io', or leave the key out.",
        )
    if edges == "io":
        _who_times(bench)
        if limits.sees_edges and not (limits.starts_on_edge or limits.gated):
            _refuse_unplaced(part.driver, *limits.delivery_s)
    if file.dut.marker is not Marker.PULSE and (edges == "io" or limits.gated or not limits.sees_levels):
        raise BenchError(
            "bench.marker",
            f"dut.marker is {file.dut.marker.value!r}, and the edges come from "
            + ("the IO manager, which times" if edges == "io" else f"{part.driver}, which sees")
            + " falling edges only",
            "Use a monitor that samples the pin (Joulescope, PPK2), or firmware that marks by pulses.",
        )
    rate_hz = part.rate_hz or limits.full_rate_hz
    return Setup(rate_hz, file.dut.voltage_v, file.limits.highest_v, file.limits.highest_a, edges)


def _refuse_unplaced(driver: str, least_s: float, most_s: float) -> None:
    """Refuses edges of the IO manager's clock that cannot be placed among the monitor's samples.

    Without a start by an edge, only the times at which samples arrive relate both clocks.

    Raises:
        BenchError: ``bench.edges``.
    """
    if most_s - least_s > _PLACED_S:
        raise BenchError(
            "bench.edges",
            f"monitor.edges is 'io', but no edge starts {driver}, whose samples arrive {least_s:g} to "
            f"{most_s:g} s late: the IO manager's edges could lie anywhere in that time",
            "Wire the timestamp pin to the monitor's own input and set edges = 'monitor', or leave it out.",
        )


def _who_times(bench: EnergyBench) -> IoManager:
    """The IO manager, from whose clock the DUT's edges must come.

    Raises:
        BenchError: ``bench.edges`` if there is none, ``io.no-timer`` if it times no edges.
    """
    if bench.io_manager is None:
        raise BenchError(
            "bench.edges",
            "the DUT's edges must come from the IO manager's clock, and the bench has no [io_manager]",
            "Add an Uno whose D3 sees the timestamp pin, or use a monitor that sees edges.",
        )
    timing_of(bench.io_manager)
    return bench.io_manager


def check_dut(
    bench: Bench, workload: str, mode: Mode, record: dict[str, Any], *, boots: bool = True
) -> list[Finding]:
    """Waits for the DUT and checks that it runs the firmware that was asked for.

    Args:
        bench: The instruments, the supply on.
        workload: The workload that the DUT must run.
        mode: The mode that its firmware must be built for.
        record: Takes, for the session's record, its name, profile, model and board, and the SHA-256 of its
            firmware where the bench file names that, or an emulator runs it.
        boots: Whether boot messages may come; not from a DUT that answered before its supply was switched on.

    Returns:
        Findings about its network.

    Raises:
        BenchError: ``dut.wrong-mode``, ``dut.wrong-model``, ``dut.*``.
        UsageError: ``bench.firmware``.
    """
    part = bench.file.dut
    if bench.firmware is not None:
        record["firmware_sha256"] = _sha256(bench.firmware)
    refuse_mode(mode, bench.dut.wait_ready(part.boot_timeout_s if boots else _LISTEN_S))
    name = bench.dut.name()
    profile = bench.dut.profile()
    record |= {"name": name, "profile": profile.name, "model": profile.model, "board": part.board}
    refuse_model(workload, profile.model)
    for line in part.commands:
        record.setdefault("commands", []).append({"sent": line, "answer": list(bench.dut.command(line))})
    if not profile.weights:
        return []
    record["weights"] = profile.weights
    return [Finding("dut.synthetic-weights", f"the DUT states: {profile.weights}")]


def _sha256(path: Path) -> str:
    try:
        with open_named(path) as file:
            size = os.fstat(file.fileno()).st_size
            refuse_larger(str(path), size, LARGEST_FIRMWARE, "bytes", "Name the image of a firmware.")
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, RecordingError) as error:
        raise UsageError(
            "bench.firmware",
            f"the firmware {path} cannot be read: {error}",
            "Correct dut.firmware (accuracy and performance) or dut.firmware_energy, or leave it out.",
        ) from error


def refuse_mode(asked: str, mode: str) -> None:
    """Raises if a DUT's firmware was built for another mode.

    Raises:
        BenchError: ``dut.wrong-mode``.
    """
    if mode != asked:
        raise BenchError(
            "dut.wrong-mode",
            f"the DUT's firmware was built for {mode} mode, the session is in {asked} mode",
            f"Flash the firmware built for {asked} mode (EE_CFG_ENERGY_MODE).",
        )


def refuse_model(asked: str, model: str) -> None:
    """Raises if a DUT runs another model.

    Raises:
        BenchError: ``dut.wrong-model``.
    """
    if model != asked:
        raise BenchError(
            "dut.wrong-model",
            f"the DUT runs {model}, the session is for {asked}",
            f"Flash {asked}, or ask for --workload {model}.",
        )


def instrument(identity: Identity) -> Instrument:
    """An instrument's identity, for the session's record."""
    return Instrument(**asdict(identity))


def ambient_c(bench: Bench, prompt: Prompt) -> float | None:
    """The room's temperature, as the bench file asks: stated, read or asked of a person.

    Raises:
        BenchError: ``bench.ambient``.
    """
    ambient = bench.file.ambient
    if ambient is None:
        return None
    if isinstance(ambient.temperature_c, float):
        return ambient.temperature_c
    if ambient.temperature_c == "monitor":
        if not isinstance(bench, EnergyBench):
            return None  # performance mode: no monitor is open
        measured_c = bench.monitor.temperature_c()
        if measured_c is None:
            raise BenchError(
                "bench.ambient",
                f"ambient.temperature_c is 'monitor', and {type(bench.monitor).__name__} has no thermometer",
                "State the temperature in the bench file, or set it to 'ask'.",
            )
        return measured_c
    answer = prompt("Ambient temperature in °C?")
    try:
        return float(answer.replace(",", "."))
    except ValueError as error:
        raise BenchError(
            "bench.ambient", f"{answer!r} is not a temperature in °C", "Answer with a number."
        ) from error
