"""Writes a session's files as the MLCommons runner does: ``log.txt``, ``results.txt``, ``results.json``.

Layout: read off round v1.3 (mlperf-tiny.md 2). Energies are by that runner's own rule. A session from the
virtual bench says so in each file: in the first line of the texts, and as ``"virtual": true`` in each trial.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from energy.benchmark.inputs import Input
from energy.benchmark.workloads import Workload
from energy.recording.trace import Trace
from energy.window.integrator import Window

BIN_HZ = 1000.0
_RULER = "-" * 57
_PROFILE = "ULPMark for tinyML Firmware V0.0.1"
VIRTUAL = "VIRTUAL: from joulebench's virtual bench, not measured on hardware"
"""First line of a text from the virtual bench."""


@dataclass(frozen=True)
class WrittenTrial:
    """What is written of a valid trial.

    Attributes:
        source: Its input.
        iterations: Inferences.
        warmups: Warm-up inferences before them.
        results: What the DUT answered.
        window: Its window in energy mode, else None.
        start_us: The DUT's time before the inferences, in performance mode, else None.
        duration_s: How long the inferences took.
        times_s: When loading began, when it was done, when the answer had come: for the log's stamps.
    """

    source: Input
    iterations: int
    warmups: int
    results: tuple[float, ...]
    window: Window | None
    start_us: int | None
    duration_s: float
    times_s: tuple[float, ...] = (0.0, 0.0, 0.0)


def write_mlperf(
    folder: Path,
    workload: Workload,
    trials: Sequence[WrittenTrial],
    *,
    trace: Trace | None,
    voltage_v: float,
    dut_name: str,
    virtual: bool,
    now: datetime,
) -> bool:
    """Writes the three files of a session into a new folder.

    Args:
        folder: Made here.
        workload: What was run.
        trials: The valid trials in order.
        trace: The recording, in energy mode.
        voltage_v: The supply voltage.
        dut_name: What the DUT answered to ``name``.
        virtual: Whether it comes from the virtual bench.
        now: Since when ``times_s`` count.

    Returns:
        False, with nothing written, if the monitor's rate is not a whole number of samples per millisecond,
        so that the format cannot hold the trace.
    """
    if trace is not None and (trace.signal.rate_hz < BIN_HZ or trace.signal.rate_hz % BIN_HZ):
        return False
    folder.mkdir(parents=True)
    entries = [_entry(trial) for trial in trials]
    if trace is not None:
        _add_power(entries, trials, trace, voltage_v)
    if virtual:
        for entry in entries:
            entry["virtual"] = True
    results = _energy_results(entries) if trace is not None else _performance_results(trials, now)
    head = [VIRTUAL] if virtual else []
    (folder / "results.json").write_text(json.dumps(entries, allow_nan=False), encoding="utf-8")
    (folder / "results.txt").write_text("\n".join([*head, *results]) + "\n", encoding="utf-8")
    log = [*head, *_log(workload, trials, dut_name, now), *results]
    (folder / "log.txt").write_text("\n".join(log) + "\n", encoding="utf-8")
    return True


def head_of_log(workload: Workload, dut_name: str, profile: str = _PROFILE) -> list[str]:
    """The lines of a log that say who answered."""
    return [
        f"Device name retrieved: {dut_name}",
        f"Device profile retrieved: {profile}",
        f"Device model retrieved: {workload.id}",
    ]


def stamped(begun: datetime, time_s: float) -> str:
    """How a line of a log begins that was written some seconds after ``begun``."""
    return f"{begun + timedelta(seconds=time_s):%m%d.%H%M%S} ulp-mlperf:"


def millisecond_bins(trace: Trace, first_ms: int, stop_ms: int) -> npt.NDArray[np.float64]:
    """Energy in joule of each whole millisecond of a trace, shape (stop_ms - first_ms,); NaN where lost.

    Args:
        trace: The recording; its rate is a whole multiple of 1 kHz.
        first_ms: First millisecond on the monitor's clock.
        stop_ms: The one after the last.
    """
    per_bin = round(trace.signal.rate_hz / BIN_HZ)
    first, stop = first_ms * per_bin, stop_ms * per_bin
    values = np.full(stop - first, np.nan)
    for block in trace.read(first, stop):
        part = values[block.first - first : block.stop - first]
        part[:] = block.columns[0]
        for column in block.columns[1:]:
            part *= column
    return values.reshape(-1, per_bin).sum(axis=1) * trace.signal.joule_per_unit


def _entry(trial: WrittenTrial) -> dict[str, Any]:
    infer: dict[str, Any] = {
        "results": list(trial.results),
        "total_inferences": 1,
        "iterations": trial.iterations,
        "warmups": trial.warmups,
    }
    if trial.start_us is not None:
        elapsed = round(trial.duration_s * 1e6)
        infer |= {
            "start_time": trial.start_us,
            "end_time": trial.start_us + elapsed,
            "elapsed_time": elapsed,
            "throughput": trial.iterations / (elapsed * 1e-6),
        }
    source = trial.source
    return {
        "file": source.name,
        "classes": None if source.classes is None else str(source.classes),
        "class": None if source.label is None else str(source.label),
        "bytes_to_send": str(len(source.data)),
        "stride": None,
        "total_length": 1,
        "infer": infer,
        "mode": "e" if trial.window is not None else "p",
    }


def _add_power(
    entries: list[dict[str, Any]], trials: Sequence[WrittenTrial], trace: Trace, voltage_v: float
) -> None:
    """Each trial's samples since the last one's, in bins of 1 ms, and the bins of its two edges."""
    to_bins = BIN_HZ / trace.signal.rate_hz
    start = -(-trace.first // round(1 / to_bins))
    end = int(trace.stop * to_bins)
    for number, (entry, trial) in enumerate(zip(entries, trials, strict=True)):
        assert trial.window is not None
        opening = int(np.ceil(trial.window.opening.position * to_bins))
        closing = int(np.ceil(trial.window.closing.position * to_bins))
        stop = min(closing + 50, end)
        samples = millisecond_bins(trace, start, stop)
        entry["power"] = {
            "samples": [None if np.isnan(value) else value for value in samples.tolist()],
            "timestamps": [
                [f"{2 * number:02d}", opening - start],
                [f"{2 * number + 1:02d}", closing - start],
            ],
            "extracted_power": None,
            "voltage": voltage_v,
        }
        start = stop


def bin_energy(power: dict[str, Any]) -> tuple[float, float]:
    """Energy in joule and length in seconds of a trial's window, by the runner's rule from its own bins.

    A monitor that is faster than the bins has other figures by the same rule from its samples; the official
    files must agree with each other, so these are the ones that they state.

    Args:
        power: ``power`` of an entry of results.json; a bin that is None makes the energy NaN.
    """
    opening, closing = (int(index) for _, index in power["timestamps"][-2:])
    bins = [math.nan if value is None else float(value) for value in power["samples"][opening:closing]]
    return float(np.sum(np.array(bins))), (closing - opening) / BIN_HZ


def _energy_results(entries: Sequence[dict[str, Any]]) -> list[str]:
    lines = ["Power Edition Output"]
    costs: list[float] = []
    for number, entry in enumerate(entries):
        energy_j, duration_s = bin_energy(entry["power"])
        iterations = entry["infer"]["iterations"]
        power_w = energy_j / duration_s if duration_s > 0 else math.nan
        costs.append(energy_j * 1e6 / iterations)
        lines += [
            f"Energy data for trial {number}",
            f"  Elapsed time  : {duration_s!r}",
            f"  Inferences    : {iterations}",
            f"  Power         : {power_w * 1e3:.4f} mW.",
            f"  Total Energy  : {energy_j * 1e6:.3f} uJ",
            f"  Energy/Inf    : {costs[-1]:.3f} uJ/inf",
        ]
    return [*lines, _RULER, f"Median energy cost is {statistics.median(costs):.4f} uJ/inf.", _RULER]


def _performance_results(trials: Sequence[WrittenTrial], now: datetime) -> list[str]:
    lines: list[str] = []
    for number, trial in enumerate(trials, start=1):
        lines += [
            f"Performance results for window {number}",
            f"    # Inferences : {trial.iterations}",
            f"    Runtime: {trial.duration_s:.6f} sec.",
            f"    Throughput: {trial.iterations / trial.duration_s!r} inf./sec.",
            "    Runtime requirements have been met.",
        ]
    median = statistics.median(trial.iterations / trial.duration_s for trial in trials)
    stamp = stamped(now, trials[-1].times_s[2] if trials else 0.0)
    return [
        *lines,
        f"{stamp} {_RULER}",
        f"{stamp} Median throughput is {median:10.3f} inf./sec.",
        f"{stamp} {_RULER}",
    ]


def _log(workload: Workload, trials: Sequence[WrittenTrial], dut_name: str, now: datetime) -> list[str]:
    lines = head_of_log(workload, dut_name)
    for number, trial in enumerate(trials, start=1):
        loading, loaded, stamp = (stamped(now, time_s) for time_s in trial.times_s)
        lines += [
            f"{loading} Loading file {trial.source.name} segment 0",
            f"{loaded} Load complete.",
            f"Running inference with {trial.warmups}/{trial.iterations} (warmup/measured) iterations ...",
            "done",
        ]
        if trial.window is None:
            lines += [
                f"{stamp} Performance results for window {number}:",
                f"{stamp}   # Inferences : {trial.iterations:12d}",
                f"{stamp}   Runtime      : {trial.duration_s:10.3f} sec.",
                f"{stamp}   Throughput   : {trial.iterations / trial.duration_s:10.3f} inf./sec.",
                f"{stamp}   m-results    : {list(trial.results)}",
            ]
    return lines
