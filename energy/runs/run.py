"""A run: whatever its folder holds, read once: log, results, trials, script, trace, or a recording of ours.

What cannot be read is a finding; only the trace that somebody named is an error if it cannot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from energy.errors import RecordingError, TooLargeError
from energy.evidence.names import RESULT_NAME
from energy.evidence.reader import SessionEvidence, SessionWindows
from energy.evidence.rejected import Rejected
from energy.evidence.setup import Setup
from energy.findings import Finding
from energy.recording import eembc, mlcommons
from energy.recording.imports.given import Given
from energy.recording.keep import Keep
from energy.recording.limits import (
    LARGEST_LOG,
    LARGEST_RESULTS_JSON,
    LARGEST_RESULTS_TEXT,
    LARGEST_SCRIPT,
)
from energy.recording.store import Recording
from energy.recording.trace import Trace
from energy.runs.files import Mode, ModeFolder, Runner
from energy.runs.plain_text import plain, read_bytes
from energy.runs.results_json import TrialEntry, entries_of, parse_results_json, trials_of
from energy.runs.results_text import ResultsText, parse_results_text
from energy.runs.runner_log import RunnerLog, parse_log
from energy.signal import Block
from energy.window.rules import EnergyRule

if TYPE_CHECKING:
    from energy.evidence.read_documents import ResultDocument

_SMALLEST_PRINT = 1000
"""Bytes below which equal files prove nothing: a results.txt of an accuracy run is one line or two."""
_PIECE = 1 << 22
"""Samples of a trace that are looked at together."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fingerprint:
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
class Run:
    """The content of a run's files.

    Attributes:
        folder: The run's files.
        benchmark: Its benchmark; empty where nothing names it.
        shown: Its folder as findings show it.
        log: Its log, or None.
        printed: Its results.txt, or None.
        trials: Its results.json, or None.
        result: The ``result.json`` of a recording of ours; None where there is none, or none can be read.
        session: The windows by the ``session.json`` of a recording of ours, or None for a run of a runner.
        trace: Its samples and edges, or None.
        trace_path: The file or folder that holds them.
        stops: Where each trial's samples end (MLCommons).
        script_bytes: Its script (EEMBC), or None.
        fingerprints: Fingerprints of its log and results.
        findings: What was noticed while they were read.
    """

    folder: ModeFolder
    benchmark: str = ""
    shown: str = "."
    log: RunnerLog | None = None
    printed: ResultsText | None = None
    trials: list[TrialEntry] | None = None
    session: SessionWindows | None = None
    result: ResultDocument | None = None
    trace: Trace | None = None
    trace_path: Path | None = None
    stops: list[int] = field(default_factory=list[int])
    script_bytes: bytes | None = None
    fingerprints: list[Fingerprint] = field(default_factory=list[Fingerprint])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def mode(self) -> Mode:
        """Which run."""
        return self.folder.mode

    @property
    def streaming(self) -> bool:
        """Whether it is streaming wake word: a window is a whole recording, and no number of inferences."""
        return self.benchmark == "sww" or any(trial.streaming for trial in self.trials or [])

    @property
    def runner(self) -> Runner:
        """Whose files they are."""
        return self.folder.runner

    @property
    def path(self) -> Path:
        """The path that it was read from: the trace, else the folder."""
        return self.trace_path or self.folder.path

    @property
    def script(self) -> str | None:
        """Its script, made plain, or None."""
        return None if self.script_bytes is None else plain(self.script_bytes, "").text

    @property
    def samples(self) -> Trace:
        """The trace of a run that has one, as every run has that ``load`` read.

        Raises:
            RecordingError: ``trace.missing``.
        """
        if self.trace is None:
            raise RecordingError(
                "trace.missing", f"{self.path} holds no samples", "Name an energy run with its trace."
            )
        return self.trace

    @property
    def rule(self) -> EnergyRule:
        """The rule of the runner whose trace it is; ``EXACT`` for a recording of ours."""
        if self.session is not None:
            return EnergyRule.EXACT
        mlcommons_trace = self.stops or (self.trace is None and self.runner == "mlcommons")
        return EnergyRule.MLCOMMONS if mlcommons_trace else EnergyRule.EEMBC

    @property
    def virtual(self) -> bool:
        """Whether samples or log are marked as the virtual bench's (``mlcommons_writer``)."""
        by_log = self.log is not None and self.log.text.startswith("VIRTUAL")
        return by_log or (self.trace is not None and self.trace.virtual)

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Attempts at trials of our own session that were not valid."""
        return self.session.rejected if self.session is not None else ()

    @property
    def setup(self) -> Setup:
        """Board, voltage, clock, monitor and label, as far as session, trace, log or trials state them."""
        if self.session is not None:
            return self.session.setup
        about = self.about
        volts = {mv / 1000 for mv in self.log.voltage_mv} if self.log else set[float]()
        volts |= {trial.voltage_v for trial in self.trials or [] if trial.voltage_v is not None}
        return Setup(
            about.get("board"), volts.pop() if len(volts) == 1 else None, monitor=about.get("monitor")
        )

    @property
    def about(self) -> dict[str, Any]:
        """Facts about it, by name, for display."""
        about: dict[str, Any] = {}
        if self.session is not None:
            about["format"] = "joulebench recording"
            about |= _known_of(self.session.setup)
        about |= self.trace.about if self.trace else {}
        if self.log and self.log.model:
            about["model"] = self.log.model
        if self.log and self.log.monitor:
            about["monitor"] = self.log.monitor
        if self.log and self.log.voltage_mv:
            about["voltage"] = ", ".join(f"{mv / 1000:g} V" for mv in dict.fromkeys(self.log.voltage_mv))
        if volts := sorted({trial.voltage_v for trial in self.trials or [] if trial.voltage_v is not None}):
            about["voltage"] = " to ".join(f"{value:g} V" for value in dict.fromkeys((volts[0], volts[-1])))
        return about

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


def _known_of(setup: Setup) -> dict[str, Any]:
    """Facts about a session's circumstances, by name, for display."""
    voltage = f"{setup.voltage_v:g} V" if setup.voltage_v is not None else None
    clock = f"{setup.clock_hz / 1e6:g} MHz" if setup.clock_hz is not None else None
    known = {
        "board": setup.board,
        "voltage": voltage,
        "clock": clock,
        "monitor": setup.monitor,
        "label": setup.label,
        "note": setup.note or None,
        "performance session": setup.performance,
    }
    return {name: value for name, value in known.items() if value is not None}


def read_run(folder: ModeFolder, benchmark: str = "", shown: str = ".", trace: Path | None = None) -> Run:
    """Reads the files of a run.

    Args:
        folder: Its files.
        benchmark: Its benchmark.
        shown: Its folder as findings show it.
        trace: The trace that somebody named, ``*-energy.bin`` or ``results.json``; None for the run's own,
            where it is an energy run.

    Raises:
        RecordingError: If the trace that was named cannot be read as what it is.
    """
    run = Run(folder, benchmark, shown, findings=list(folder.findings))
    if folder.log:
        run.log = _guarded(run, folder.log, _read_log)
    if folder.results:
        run.printed = _guarded(run, folder.results, _read_results)
    if folder.script:
        run.script_bytes = _guarded(run, folder.script, _read_script)
    if trace is not None:
        (_read_trials if trace.suffix == ".json" else _read_trace)(run, trace)
    elif folder.mode == "energy" and folder.traces:
        _guarded(run, folder.traces[0], _read_trace)
        for other in [*folder.traces[1:], *([folder.results_json] if folder.results_json else [])]:
            evidence = f"the samples of {folder.traces[0].name} are taken; there is also {other.name}"
            run.findings.append(Finding("tree.file-ambiguous", evidence, path=shown))
    elif folder.results_json:
        _guarded(run, folder.results_json, _read_trials)
    return run


def read_recording(path: Path) -> Run:
    """Reads a recording of ours, with its session's documents.

    Args:
        path: Its folder, or its ``trace.arrow``.

    Raises:
        RecordingError: If it cannot be read as one; ``recording.levels-only``; ``session.damaged``.
    """
    trace = Recording(path)
    if trace.keep is Keep.LEVELS and not trace.count:
        raise RecordingError(
            "recording.levels-only",
            f"{trace.folder} keeps no samples, only levels (--keep levels): no window can be computed again",
            "Its session.json, and result.json where it has one, hold the figures as they were measured; "
            "levels.arrow opens in pandas and polars.",
        )
    run = Run(ModeFolder("energy", trace.folder), trace=trace, trace_path=path)
    evidence = SessionEvidence(trace.folder)
    run.session = evidence.windows()
    run.findings += evidence.manifest.findings
    if evidence.has_result:
        run.result = _guarded(run, trace.folder / RESULT_NAME, lambda _run, _path: evidence.result)
    return run


def read_import(path: Path, given: Given) -> Run:
    """Reads a file that a monitor's own program saved.

    Args:
        path: The file.
        given: Facts that it does not hold.

    Raises:
        RecordingError: ``import.*``, ``trace.*``, ``file.*``.
        UsageError: ``import.voltage``, ``import.marker-line``.
    """
    from energy.recording.imports.opened import open_import

    trace = open_import(path, given)
    folder = ModeFolder("energy", path.parent)
    return Run(folder, trace=trace, trace_path=path, session=SessionWindows())


def _guarded(run: Run, path: Path, read: Callable[[Run, Path], _T]) -> _T | None:
    try:
        return read(run, path)
    except TooLargeError as error:
        code = "file.not-read" if path == run.folder.script else "file.too-large"
        run.findings.append(Finding(code, _placeless(error.message, run, path), path=run.show(path)))
    except RecordingError as error:
        run.findings.append(
            Finding("file.damaged", _placeless(error.message, run, path), path=run.show(path))
        )
    except OSError as error:  # it went, or lost its permissions, since the folder was looked over
        evidence = f"it cannot be read: {error.strerror or error}"
        run.findings.append(Finding("file.damaged", evidence, path=run.show(path)))
    return None


def _placeless(message: str, run: Run, path: Path) -> str:
    """A message with a file's name in place of the path that it has on this machine."""
    return message.replace(str(path), path.name).replace(str(run.folder.path), run.shown)


def _bytes(run: Run, path: Path, kind: str, largest: int) -> bytes:
    data = read_bytes(path, largest)
    if len(data) >= _SMALLEST_PRINT:
        run.fingerprints.append(
            Fingerprint(kind, hashlib.blake2b(data, digest_size=16).digest(), run.show(path))
        )
    return data


def _read_log(run: Run, path: Path) -> RunnerLog:
    log = parse_log(_bytes(run, path, "log", LARGEST_LOG), run.show(path))
    run.findings += log.findings
    return log


def _read_results(run: Run, path: Path) -> ResultsText:
    data = _bytes(run, path, "results", LARGEST_RESULTS_TEXT)
    printed = parse_results_text(data, run.show(path), run.log.year if run.log else None)
    run.findings += printed.findings
    return printed


def _read_script(_run: Run, path: Path) -> bytes:
    return read_bytes(path, LARGEST_SCRIPT)


def _read_trials(run: Run, path: Path) -> None:
    """The trials, and their samples: of streaming wake word where it has any, of energy runs always."""
    data = _bytes(run, path, "results.json", LARGEST_RESULTS_JSON)
    if run.mode != "energy":
        answer, entries = parse_results_json(data, run.show(path)), []
    else:
        entries = entries_of(data, run.show(path))
        answer = trials_of(entries, run.show(path))
    run.trials = answer.trials
    run.findings += answer.findings
    if run.mode != "energy" or (run.benchmark == "sww" and not any(trial.samples for trial in answer.trials)):
        return
    run.trace_path = path
    run.trace, trials = mlcommons.trace_of_trials(path, entries)
    run.stops = [trial.stop for trial in trials]


def _read_trace(run: Run, path: Path) -> None:
    run.trace_path = path
    run.trace = eembc.read_eembc_trace(path)


def pieces(trace: Trace, first: int, stop: int) -> Iterator[Block]:
    """Samples in ``[first, stop)``, so few at a time that arrays made of them stay small."""
    for at in range(first, stop, _PIECE):
        yield from trace.read(at, min(at + _PIECE, stop))
