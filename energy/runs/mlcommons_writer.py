"""Writes a session's files as the MLCommons runner does: ``log.txt``, ``results.txt``, ``results.json``.

Layout: read off round v1.3 (mlperf-tiny.md 2). Energies are by that runner's own rule from bins of 1 ms,
which are laid so that they add up to the session's energies (``energy.runs.bins``). A session from the
virtual bench is marked in each file: in the texts' first line, and as ``"virtual": true`` in each trial.
"""

from __future__ import annotations

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
from energy.recording.jsonvalues import json_text
from energy.recording.trace import Trace
from energy.runs.bins import bin_energy, can_hold, trial_bins
from energy.window.integrator import Window

_RULER = "-" * 57
_PROFILE = "ULPMark for tinyML Firmware V0.0.1"
_NO_CLASS = -1
"""Stands for the true class of an input that has none: the runner's summary makes a number of each."""
VIRTUAL = "VIRTUAL: from joulebench's virtual bench, not measured on hardware"
"""First line of a text from the virtual bench."""


@dataclass(frozen=True)
class WrittenTrial:
    """A valid trial, as far as the official files hold it.

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
) -> str | None:
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
        Why the format cannot hold the session, with nothing written; None if it can, and the files are there.
    """
    if reason := _cannot_hold(trials, trace):
        return reason
    entries = [_entry(trial, max(workload.outputs, 2)) for trial in trials]
    if trace is not None:
        _add_power(entries, trials, trace, voltage_v)
        for number, entry in enumerate(entries):
            if not math.isfinite(bin_energy(entry["power"])[0]):
                return f"the energy of trial {number} (from 0) is not known: its window lacks samples"
    folder.mkdir(parents=True)
    if virtual:
        for entry in entries:
            entry["virtual"] = True
    results = _energy_results(entries) if trace is not None else _performance_results(trials, now)
    head = [VIRTUAL] if virtual else []
    (folder / "results.json").write_text(json_text(entries, ascii_only=True), encoding="utf-8")
    (folder / "results.txt").write_text("\n".join([*head, *results]) + "\n", encoding="utf-8")
    log = [*head, *_log(workload, trials, dut_name, now), *results]
    (folder / "log.txt").write_text("\n".join(log) + "\n", encoding="utf-8")
    return None


def _cannot_hold(trials: Sequence[WrittenTrial], trace: Trace | None) -> str | None:
    if not trials:
        return "there is no valid trial"
    if trace is not None and not can_hold(trace.signal):
        return f"the monitor's rate is {trace.signal.rate_hz:g} Hz"
    if any(trial.duration_s <= 0 for trial in trials):
        return "a trial has no length"
    return None


def head_of_log(workload: Workload, dut_name: str, profile: str = _PROFILE) -> list[str]:
    """The lines of a log that name the DUT, its profile and its model."""
    return [
        f"Device name retrieved: {dut_name}",
        f"Device profile retrieved: {profile}",
        f"Device model retrieved: {workload.id}",
    ]


def stamped(begun: datetime, time_s: float) -> str:
    """How a line of a log begins that was written some seconds after ``begun``."""
    return f"{begun + timedelta(seconds=time_s):%m%d.%H%M%S} ulp-mlperf:"


def _entry(trial: WrittenTrial, workload_classes: int) -> dict[str, Any]:
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
        "classes": str(workload_classes if source.classes is None else source.classes),
        "class": str(_NO_CLASS if source.label is None else source.label),
        "bytes_to_send": str(len(source.data)),
        "stride": None,
        "total_length": 1,
        "infer": infer,
        "mode": "e" if trial.window is not None else "p",
    }


def _add_power(
    entries: list[dict[str, Any]], trials: Sequence[WrittenTrial], trace: Trace, voltage_v: float
) -> None:
    """Each trial's energy since the last one's, in bins of 1 ms, and the bins of its two edges."""
    after: float | None = None
    for number, (entry, trial) in enumerate(zip(entries, trials, strict=True)):
        if trial.window is None:
            raise ValueError(f"trial {number} of an energy session has no window")
        bins = trial_bins(trace, trial.window.opening.position, trial.window.closing.position, after)
        after = bins.stop
        entry["power"] = {
            "samples": _listed(bins.energies_j),
            "timestamps": [[f"{2 * number:02d}", bins.opening], [f"{2 * number + 1:02d}", bins.closing]],
            "extracted_power": None,
            "voltage": voltage_v,
        }


def _listed(energies_j: npt.NDArray[np.float64]) -> list[float | None]:
    """Energies as JSON has them, None for what is no number; shape (n,)."""
    listed: list[float | None] = energies_j.tolist()
    for index in np.flatnonzero(~np.isfinite(energies_j)).tolist():
        listed[index] = None
    return listed


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
