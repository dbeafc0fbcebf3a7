"""Reads a known load with a bench's monitor: its mean current, how that scatters, and the voltage."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.bench.assemble import EnergyBench
from energy.bench.benchfile import BenchFile
from energy.bench.prompt import Prompt, no_operator
from energy.calibration.loads import Load
from energy.calibration.readings import Reading
from energy.errors import BenchError, JoulebenchError
from energy.evidence.documents import Instrument
from energy.instruments import Accuracy, Line, Quantizing, Setup, is_gated, is_source
from energy.session.lease import lease_bench
from energy.session.prepare import ambient_c, open_recorder
from energy.session.recorder import Recorder
from energy.session.voltage import Source, VoltageCheck
from energy.signal import RangeChange, SampleKind
from energy.window.edges import Marker

SETTLE_S = 0.5
"""A load draws its current for so long before it is read."""
_BATCHES = 20
"""Parts of a reading whose means give its scatter: neighbouring samples are not independent."""
_MOST_MISSING = 0.01
_MOST_OFF = 0.25
"""By this part a reading may be off before another load than the one named is suspected."""
_WORKLOAD = "kws01"
"""A virtual bench needs one; a load has none."""


@dataclass
class Attended:
    """What the instruments stated, the same for all loads.

    Attributes:
        monitor: The monitor; None before the first load.
        accuracy: Its specification.
        source: Who stated the voltage.
        temperature_c: The room's temperature.
        sources: Whether the monitor is the supply.
        failures: Errors while a bench was closed.
    """

    monitor: Instrument | None = None
    accuracy: tuple[Accuracy, ...] = ()
    source: Source = "assumed"
    temperature_c: float | None = None
    sources: bool = False
    failures: list[JoulebenchError] = field(default_factory=list[JoulebenchError])


class _LoadRecorder(Recorder):
    """A recorder that knows the ranges.

    Attributes:
        ranges: Position and name of each range, in order.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.ranges: list[RangeChange] = []

    def range_change(self, change: RangeChange) -> None:
        """Takes a change of range."""
        self.ranges.append(change)
        super().range_change(change)


@dataclass
class _Stream:
    """The monitor's stream, which is stopped once."""

    bench: EnergyBench
    recorder: _LoadRecorder
    running: bool = True

    def stop(self) -> None:
        if self.running:
            self.running = False
            self.bench.monitor.stop()
            self.recorder.drain()


def read_load(
    bench: BenchFile, load: Load, seconds: float, attended: Attended, prompt: Prompt | None
) -> Reading:
    """Opens the bench, switches the supply on, reads the load and switches the supply off.

    Args:
        bench: The bench; its IO manager and the DUT's own port are not used.
        load: The load in place of the DUT.
        seconds: How long it is read.
        attended: Takes what the instruments state.
        prompt: Asks for the room's temperature; None: it is not asked for.

    Raises:
        JoulebenchError: If something is wrong with the bench; ``calcheck.gated``, ``calcheck.other-load``,
            ``calcheck.too-few``.
    """
    file = _bench_with(bench, load)
    with (
        tempfile.TemporaryDirectory(prefix="joulebench-calcheck-") as folder,
        lease_bench(
            file, _WORKLOAD, "energy", _unheard, lambda what, error: attended.failures.append(error)
        ) as lease,
    ):
        opened, monitor = lease.bench, lease.bench.monitor
        if is_gated(monitor):
            raise BenchError(
                "calcheck.gated",
                f"{opened.monitor_part.driver} measures only between two edges of a DUT, and a load has none",
                "Check it by the maker's procedure, and write its certificate by hand.",
            )
        if attended.monitor is None and (prompt is not None or not _asks_for_temperature(file)):
            attended.temperature_c = ambient_c(opened, prompt or no_operator)
        setup = Setup(
            opened.monitor_part.rate_hz or monitor.limits.full_rate_hz,
            file.dut.voltage_v,
            file.limits.highest_v,
            file.limits.highest_a,
        )
        about = {"recorded by": "calcheck"}
        virtual = file.virtual is not None
        recorder, answered = open_recorder(opened, setup, Path(folder), virtual, about, _LoadRecorder)
        lease.on_close(recorder.close)
        attended.monitor, attended.accuracy = answered, monitor.accuracy()
        attended.sources = is_source(monitor) and file.supply is None
        lease.power_on()
        stream = _Stream(opened, recorder)
        lease.on_exit("monitor stop", stream.stop)
        lease.supervise(recorder)
        recorder.begin()
        monitor.start(recorder)
        opened.clock.sleep(SETTLE_S)
        recorder.catch_up(edges=False)
        first = recorder.stop
        opened.clock.sleep(seconds)
        recorder.catch_up(edges=False)
        return _reading(load, stream, first, attended)


def _bench_with(bench: BenchFile, load: Load) -> BenchFile:
    """The bench with a load in place of the DUT: without its wires, and without a certificate in force."""
    silent = {"port": None, "marker": Marker.PULSE, "clock_hz": None}
    update: dict[str, Any] = {"io_manager": None, "dut": bench.dut.model_copy(update=silent)}
    if bench.monitor is not None:
        update["monitor"] = bench.monitor.model_copy(update={"edges": None, "calibration": None})
    if bench.virtual is not None:
        given: dict[str, Any] = bench.virtual.settings
        kept = {name: value for name, value in given.items() if name not in _OF_A_DUT}
        table = given.get("dut_settings", {})
        deviation = {"deviation": table["deviation"]} if "deviation" in table else {}
        known = {"ohm" if load.resistor else "ampere": load.value, **deviation}
        settings = {**kept, "dut": "load", "dut_settings": known}
        update["virtual"] = bench.virtual.model_copy(update={"settings": settings})
    return bench.model_copy(update=update)


_OF_A_DUT = ("io_manager", "io_settings", "autorun", "answers", "clock_hz", "marker")
"""Settings of a virtual bench that its DUT or IO manager must have a firmware for."""


def _asks_for_temperature(file: BenchFile) -> bool:
    return file.ambient is not None and file.ambient.temperature_c == "ask"


def _unheard(line: Line) -> None:
    """Leaves a line of a wire to the program's log."""


def _reading(load: Load, stream: _Stream, first: int, attended: Attended) -> Reading:
    bench, recorder = stream.bench, stream.recorder
    stop = recorder.stop
    means, mean_v = _batches(recorder, first, stop)
    mean_a = float(means.mean())
    voltage_v = _voltage_v(stream, mean_v, attended)
    expected_a = load.current_a(voltage_v)
    if not abs(mean_a - expected_a) <= _MOST_OFF * expected_a:
        raise BenchError(
            "calcheck.other-load",
            f"{mean_a:.4g} A were read, and {load.text} draws {expected_a:.4g} A at {voltage_v:.4g} V",
            "Check that just this load is connected, in place of the DUT, and its value.",
        )
    monitor = bench.monitor
    per_ampere = abs(recorder.per_ampere)
    step = monitor.resolution(mean_a * per_ampere) / per_ampere if isinstance(monitor, Quantizing) else 0.0
    return Reading(
        load,
        mean_a,
        float(means.std(ddof=1)) / math.sqrt(len(means)),
        len(means) - 1,
        step,
        voltage_v,
        _range_of(recorder, first, stop, attended),
    )


def _batches(recorder: Recorder, first: int, stop: int) -> tuple[npt.NDArray[np.float64], float | None]:
    """Mean currents of equal parts of ``[first, stop)``, shape (_BATCHES,), and the mean voltage.

    Raises:
        BenchError: ``calcheck.too-few``.
    """
    total, counts = np.zeros(_BATCHES), np.zeros(_BATCHES)
    volts, length = 0.0, max(stop - first, 1)
    for block in recorder.source.read(first, stop):
        values = np.asarray(block.columns[0], dtype=np.float64)
        whole = np.isfinite(values)
        places = (np.arange(block.first, block.stop) - first)[whole] * _BATCHES // length
        total += np.bincount(places, values[whole], _BATCHES)
        counts += np.bincount(places, minlength=_BATCHES)
        if recorder.signal.kind is SampleKind.CURRENT_VOLTAGE:
            volts += float(np.asarray(block.columns[1], dtype=np.float64)[whole].sum())
    count = int(counts.sum())
    if counts.min() < 1 or count < (1 - _MOST_MISSING) * length:
        raise BenchError(
            "calcheck.too-few",
            f"{count} of {stop - first} samples arrived; {_BATCHES} parts of them give the scatter",
            "Read for a longer time (--seconds); look for lost samples with `joulebench doctor`.",
        )
    sampled = recorder.signal.kind is SampleKind.CURRENT_VOLTAGE
    return total / counts / recorder.per_ampere, volts / count if sampled else None


def _voltage_v(stream: _Stream, sampled_v: float | None, attended: Attended) -> float:
    """The voltage while the load was read: of the samples, measured now, or as it is set."""
    if sampled_v is not None:
        attended.source = "samples"
        return sampled_v
    check = VoltageCheck(stream.bench)
    check.measure()
    supply = stream.bench.supply
    if not check.record().measured_v and supply is not None and supply.off_confirmed:
        stream.stop()  # some instruments can only while no stream runs
        check.measure()
    record = check.record()
    attended.source = record.source
    return record.measured_v[-1] if record.measured_v else record.stated_v


def _range_of(recorder: _LoadRecorder, first: int, stop: int, attended: Attended) -> str | None:
    """The range that a load was read on, as the stream states it, or the settings."""
    before = [change.name for change in recorder.ranges if change.position <= first]
    during = [change.name for change in recorder.ranges if first < change.position < stop]
    if before or during:
        names = {*before[-1:], *during}
        return names.pop() if len(names) == 1 else None
    named = attended.monitor.settings.get("current_range") if attended.monitor else None
    return named if isinstance(named, str) else None
