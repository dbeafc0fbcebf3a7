"""Log and result files of the two runners: the numbers of inferences, and the figures as they were printed.

Formats: mlperf-tiny.md 2 and protocols.md 2.1, read off the published rounds v0.5 to v1.3. Only what figures
need
is read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from energy.recording.inside import is_there
from energy.recording.trace import read_text_file

_LARGEST_FILE = 500 << 20
_HINT = "Log and results files of a benchmark run are text of at most 500 MiB."

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_INFER_START = re.compile(r"m-infer-start-([1-9]\d{0,11})(?!\w)")
_RUNNING = re.compile(r"Running inference with \d{1,12}/(\d{1,12}) \(warmup/measured\)")
_VOLTAGE = re.compile(r"m-voltage-mv\[(\d{1,6})\]")
_MONITOR = re.compile(r"m-regfile-fn\[[^\]\n]{0,400}\]-type\[emon\]-name\[([\w.-]{1,40})\]")
_MODEL = re.compile(r"m-model-\[([\w.-]{1,40})\]|Device model retrieved: ([\w.-]{1,40})")

_NUMBER = r"(-?\d[\d.]*(?:[eE][-+]?\d+)?)"
_EEMBC_LINES = {
    "energy": re.compile(rf"\bEnergy\s*:\s*{_NUMBER}\s*uJ\s*$"),
    "power": re.compile(rf"\bPower\s*:\s*{_NUMBER}\s*uW\s*$"),
    "per_inference": re.compile(rf"\bEnergy/Inf\.\s*:\s*{_NUMBER}\s*uJ/inf\.?\s*$"),
    "iterations": re.compile(r"# Inferences\s*:\s*(\d{1,12})\s*$"),
    "duration": re.compile(rf"\bRuntime\s*:\s*{_NUMBER}\s*sec\.\s*$"),
    "throughput": re.compile(rf"\bThroughput\s*:\s*{_NUMBER}\s*inf\./sec\.\s*$"),
}
_MLCOMMONS_LINES = {
    "energy": re.compile(rf"\bTotal Energy\s*:\s*{_NUMBER}\s*uJ\s*$"),
    "power": re.compile(rf"\bPower\s*:\s*{_NUMBER}\s*mW\.\s*$"),
    "per_inference": re.compile(rf"\bEnergy/Inf\s*:\s*{_NUMBER}\s*uJ/inf\s*$"),
    "iterations": re.compile(r"^\s*Inferences\s*:\s*(\d{1,12})\s*$"),
    "duration": re.compile(rf"\bElapsed time\s*:\s*{_NUMBER}\s*$"),
}
_MEDIAN_ENERGY = re.compile(rf"Median energy cost is {_NUMBER}\s*uJ/inf\.")
_MEDIAN_THROUGHPUT = re.compile(rf"Median throughput is {_NUMBER}\s*inf\./sec\.")


@dataclass(frozen=True)
class RunnerLog:
    """What a runner's log says.

    Attributes:
        iterations: Inferences of each window, in order.
        voltage_mv: Supply voltages that the monitor reported, in order (EEMBC only).
        monitor: The monitor's name, or None (the MLCommons runner does not say).
        model: The model's name, or None.
    """

    iterations: list[int]
    voltage_mv: list[int]
    monitor: str | None
    model: str | None


@dataclass
class PrintedResults:
    """Figures of a results.txt as they were printed, each a string per window.

    Attributes:
        runner: ``"eembc"`` or ``"mlcommons"``.
        energy: Energy in µJ.
        power: Mean power, in µW (EEMBC) or mW (MLCommons).
        per_inference: Energy per inference in µJ.
        iterations: Inferences.
        duration: Seconds.
        throughput: Inferences per second (EEMBC only).
        median_energy: Median energy per inference in µJ.
        median_throughput: Median inferences per second (EEMBC only).
    """

    runner: str
    energy: list[str] = field(default_factory=list[str])
    power: list[str] = field(default_factory=list[str])
    per_inference: list[str] = field(default_factory=list[str])
    iterations: list[str] = field(default_factory=list[str])
    duration: list[str] = field(default_factory=list[str])
    throughput: list[str] = field(default_factory=list[str])
    median_energy: str | None = None
    median_throughput: str | None = None


def read_runner_log(path: Path) -> RunnerLog:
    """Reads the log of an energy run of either runner.

    Raises:
        RecordingError: ``file.too-large`` or ``file.unreadable``.
    """
    text = _read(path)
    model = _MODEL.search(text)
    monitor = _MONITOR.search(text)
    return RunnerLog(
        iterations=[int(found) for found in _INFER_START.findall(text) or _RUNNING.findall(text)],
        voltage_mv=[int(found) for found in _VOLTAGE.findall(text)],
        monitor=monitor[1] if monitor else None,
        model=(model[1] or model[2]) if model else None,
    )


def read_results(path: Path) -> PrintedResults:
    """Reads the results.txt of an energy run of either runner.

    Raises:
        RecordingError: ``file.too-large`` or ``file.unreadable``.
    """
    text = _read(path)
    mlcommons = "Energy data for trial" in text
    printed = PrintedResults("mlcommons" if mlcommons else "eembc")
    patterns = _MLCOMMONS_LINES if mlcommons else _EEMBC_LINES
    for line in text.splitlines():
        if ":" not in line:
            continue  # every figure of a window comes after one
        for name, pattern in patterns.items():
            if found := pattern.search(line[:400]):
                getattr(printed, name).append(found[1])
    if found := _MEDIAN_ENERGY.search(text):
        printed.median_energy = found[1]
    if found := _MEDIAN_THROUGHPUT.search(text):
        printed.median_throughput = found[1]
    return printed


def beside(folder: Path, name: str) -> Path | None:
    """The file ``name`` of a folder, or the only one whose name ends in ``_name`` (``energy_log.txt``)."""
    if is_there(folder / name) and not (folder / name).is_dir():
        return folder / name
    named = [path for path in folder.glob(f"*_{name}") if not (path.is_dir() or is_junk(path.name))]
    return named[0] if len(named) == 1 else None


def is_junk(name: str) -> bool:
    """Whether a file of this name is what macOS leaves beside the file that is meant (mlperf-tiny.md 2)."""
    return name.startswith("._")


def _read(path: Path) -> str:
    return _ANSI.sub("", read_text_file(path, _LARGEST_FILE, hint=_HINT))
