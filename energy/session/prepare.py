"""Gets a bench's monitor ready: limits, settings, who sees the edges. Nothing is switched on here."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from energy.bench.assemble import Bench
from energy.bench.benchfile import BenchFile
from energy.bench.prompt import Prompt
from energy.errors import BenchError, UsageError
from energy.evidence.documents import Instrument
from energy.findings import Finding
from energy.instruments import GatedMonitor, Identity, Mode, Monitor, Setup
from energy.session.edgewatch import EdgeWatch, GateEdges, StreamEdges
from energy.session.ioedges import IoEdges
from energy.session.recorder import Recorder


def watch_of(
    bench: Bench, path: Path, virtual: bool, about: dict[str, Any], kind: type[Recorder] = Recorder
) -> tuple[EdgeWatch, Instrument]:
    """Identifies and sets up the monitor, and opens the recording.

    Args:
        bench: The instruments, with a monitor.
        path: Where the recording goes.
        virtual: Whether the bench is the virtual one; a replayed recording may be virtual on any bench.
        about: Remarks kept with the samples.
        kind: What takes the monitor's stream.

    Returns:
        Whoever sees the edges, and who answered with what settings.
    """
    monitor, file = bench.monitor, bench.file
    assert monitor is not None
    said = instrument(monitor.identify())
    setup = setup_of(file, monitor)
    signal = monitor.configure(setup)
    if bench.supply is not None:
        bench.supply.set_voltage(file.dut.voltage_v)
    said.settings = monitor.settings()
    said.accuracy = [asdict(line) for line in monitor.accuracy()]
    recorder = kind(
        path,
        signal,
        bench.clock,
        virtual=virtual or said.virtual,
        about={"monitor": said.model, **about},
        hold_s=file.timestamp_hold_us * 1e-6,
        highest_a=file.limits.highest_a,
        supply_v=file.dut.voltage_v,
        delivery_delay_s=float(said.settings.get("delivery_delay_s") or 0.0),
        delivery_s=monitor.limits.delivery_s[1],
    )
    hold_s = file.timestamp_hold_us * 1e-6
    if monitor.limits.gated:
        return GateEdges(recorder, cast(GatedMonitor, monitor), hold_s), said
    if setup.edges == "monitor":
        return StreamEdges(recorder, hold_s), said
    assert bench.io_manager is not None  # held by setup_of
    bench.io_manager.prepare()
    return IoEdges(recorder, bench.io_manager, monitor.limits, hold_s), said


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


def greet(bench: Bench, workload: str, mode: Mode, said: dict[str, Any]) -> list[Finding]:
    """Waits for the DUT and makes sure that it runs the firmware that was asked for.

    Args:
        bench: The instruments, the supply on.
        workload: What the DUT must run.
        mode: What its firmware must be built for.
        said: Takes, for the session's record, its name, profile, model and board, and the SHA-256 of its
            firmware where the bench file names that, or an emulator runs it.

    Returns:
        What is to be said of its network.

    Raises:
        BenchError: ``dut.wrong-mode``, ``dut.wrong-model``, ``dut.*``.
        UsageError: ``bench.firmware``.
    """
    part = bench.file.dut
    if bench.firmware is not None:
        said["firmware_sha256"] = _sha256(bench.firmware)
    refuse_mode(mode, bench.dut.wait_ready(part.boot_timeout_s))
    name = bench.dut.name()
    profile = bench.dut.profile()
    said |= {"name": name, "profile": profile.name, "model": profile.model, "board": part.board}
    refuse_model(workload, profile.model)
    if not profile.weights:
        return []
    said["weights"] = profile.weights
    return [Finding("dut.synthetic-weights", f"the DUT says: {profile.weights}")]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
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
    """Who answered, for the session's record."""
    fields = asdict(identity)
    return Instrument(**fields)


def ambient_c(bench: Bench, ask: Prompt) -> float | None:
    """The room's temperature, as the bench file says: stated, read or asked for.

    Raises:
        BenchError: ``bench.ambient``.
    """
    ambient, monitor = bench.file.ambient, bench.monitor
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
    answer = ask("Ambient temperature in °C?")
    try:
        return float(answer.replace(",", "."))
    except ValueError as error:
        raise BenchError(
            "bench.ambient", f"{answer!r} is not a temperature in °C", "Answer with a number."
        ) from error
