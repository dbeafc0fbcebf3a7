"""A run's files, read once: log, results, trials, trace, script; what cannot be read is a finding."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording import eembc, mlcommons
from energy.recording.inside import open_inside
from energy.recording.trace import Trace
from energy.runs.plain_text import plain, read_bytes
from energy.runs.results_json import Trial, parse_results_json
from energy.runs.results_text import LARGEST_FILE as LARGEST_RESULTS
from energy.runs.results_text import ResultsText, parse_results_text
from energy.runs.runner_log import Timeline, parse_log
from energy.signal import Block, SampleKind
from energy.submission.folder_scan import LARGEST_OFFICIAL
from energy.submission.places import ModeFolder, Runner

_LARGEST_JSON = 64 << 20
_LARGEST_SCRIPT = 1 << 20
_SMALLEST_PRINT = 1000
"""Bytes below which equal files prove nothing: a results.txt of an accuracy run is one line or two."""
_PIECE = 1 << 22
"""Samples of a trace that are looked at together."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Print:
    """A file's or a trace's fingerprint.

    Attributes:
        kind: ``"log"``, ``"results"``, ``"results.json"``, ``"trace"`` or ``"samples"``.
        digest: Of its bytes, or of its samples in joule.
        path: The file, as findings show it.
    """

    kind: str
    digest: bytes
    path: str


@dataclass
class RunMaterial:
    """What the files of a run hold.

    Attributes:
        folder: The run's files.
        benchmark: Its benchmark.
        shown: Its folder as findings show it.
        runner: Whose files they are.
        log: Its log, or None.
        printed: Its results.txt, or None.
        trials: Its results.json, or None.
        trace: Its samples and edges, or None.
        trace_path: The file that holds them.
        stops: Where each trial's samples end (MLCommons).
        script: Its script (EEMBC), or None.
        prints: Fingerprints of its files.
        findings: What was noticed while they were read.
    """

    folder: ModeFolder
    benchmark: str
    shown: str
    runner: Runner
    log: Timeline | None = None
    printed: ResultsText | None = None
    trials: list[Trial] | None = None
    trace: Trace | None = None
    trace_path: Path | None = None
    stops: list[int] = field(default_factory=list[int])
    script: str | None = None
    prints: list[Print] = field(default_factory=list[Print])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def mode(self) -> str:
        """Which run."""
        return self.folder.mode

    @property
    def results_path(self) -> str:
        """The results.txt, as findings show it."""
        return self.show(self.folder.results)

    @property
    def log_path(self) -> str:
        """The log, as findings show it."""
        return self.show(self.folder.log)

    def show(self, path: Path | None) -> str:
        """A file of the run, as findings show it."""
        if path is None:
            return self.shown
        return path.name if self.shown == "." else f"{self.shown}/{path.name}"


def read_run(folder: ModeFolder, benchmark: str, shown: str) -> RunMaterial:
    """Reads the files of a run.

    Args:
        folder: Its files.
        benchmark: Its benchmark.
        shown: Its folder as findings show it.
    """
    run = RunMaterial(folder, benchmark, shown, folder.runner)
    if folder.log:
        run.log = _guarded(run, folder.log, _read_log)
    if folder.results:
        run.printed = _guarded(run, folder.results, _read_results)
    if folder.results_json:
        run.trials = _guarded(run, folder.results_json, _read_trials)
    if folder.script:
        run.script = _guarded(run, folder.script, _read_script)
    if folder.mode == "energy":
        if folder.traces:
            run.trace_path = folder.traces[0]
            run.trace = _guarded(run, folder.traces[0], _read_trace)
        elif folder.results_json and run.trials is not None and benchmark != "sww":
            run.trace_path = folder.results_json
            run.trace = _guarded(run, folder.results_json, _read_trials_trace)
        if run.trace:
            run.prints.append(Print("samples", _digest_of_samples(run.trace), run.show(run.trace_path)))
    return run


def _guarded(run: RunMaterial, path: Path, read: Callable[[RunMaterial, Path], _T]) -> _T | None:
    try:
        return read(run, path)
    except RecordingError as error:
        run.findings.append(Finding("file.damaged", error.message, path=run.show(path)))
    except OSError as error:  # it went, or lost its permissions, since the tree was looked over
        evidence = f"it cannot be read: {error.strerror or error}"
        run.findings.append(Finding("file.damaged", evidence, path=run.show(path)))
    return None


def _bytes(run: RunMaterial, path: Path, kind: str, largest: int) -> bytes:
    data = read_bytes(path, largest)
    if len(data) >= _SMALLEST_PRINT:
        run.prints.append(Print(kind, hashlib.blake2b(data, digest_size=16).digest(), run.show(path)))
    return data


def _read_log(run: RunMaterial, path: Path) -> Timeline:
    log = parse_log(_bytes(run, path, "log", 128 << 20), run.show(path))
    run.findings += log.findings
    return log


def _read_results(run: RunMaterial, path: Path) -> ResultsText:
    data = _bytes(run, path, "results", LARGEST_RESULTS)
    printed = parse_results_text(data, run.show(path), run.log.year if run.log else None)
    run.findings += printed.findings
    return printed


def _read_trials(run: RunMaterial, path: Path) -> list[Trial]:
    answer = parse_results_json(_bytes(run, path, "results.json", _LARGEST_JSON), run.show(path))
    run.findings += answer.findings
    return answer.trials


def _read_script(run: RunMaterial, path: Path) -> str:
    return plain(read_bytes(path, _LARGEST_SCRIPT), run.show(path)).text


def _read_trace(run: RunMaterial, path: Path) -> Trace:
    if path.lstat().st_size > LARGEST_OFFICIAL:
        raise RecordingError(
            "file.too-large", f"{path.name} is larger than {LARGEST_OFFICIAL >> 20} MiB", "Is it a trace?"
        )
    trace = eembc.read_eembc_trace(path)
    with open_inside(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        run.prints.append(Print("trace", hashlib.blake2b(data, digest_size=16).digest(), run.show(path)))
    return trace


def _read_trials_trace(run: RunMaterial, path: Path) -> Trace:
    trace, trials = mlcommons.read_mlcommons_results(path)
    run.stops = [trial.stop for trial in trials]
    return trace


def _digest_of_samples(trace: Trace) -> bytes:
    """Of the samples in joule as float32, whatever the format they were stored in."""
    digest = hashlib.blake2b(digest_size=16)
    scale = trace.signal.joule_per_unit if trace.signal.kind is SampleKind.ENERGY else 1.0
    for block in pieces(trace, trace.first, trace.stop):
        for column in block.columns:
            with np.errstate(all="ignore"):
                digest.update((column * np.float64(scale)).astype(np.float32).tobytes())
    return digest.digest()


def pieces(trace: Trace, first: int, stop: int) -> Iterator[Block]:
    """Samples in ``[first, stop)``, so few at a time that arrays made of them stay small."""
    for at in range(first, stop, _PIECE):
        yield from trace.read(at, min(at + _PIECE, stop))
