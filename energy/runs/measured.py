"""Figures of whatever holds a trace: found in a tree, loaded with its iterations, integrated and checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy.benchmark.limits import check_limits
from energy.errors import RecordingError, UsageError
from energy.evidence.manifest import check_manifest
from energy.evidence.names import OFFICIAL_FOLDER
from energy.evidence.reader import SessionEvidence
from energy.findings import Finding, has_errors
from energy.recording import eembc, mlcommons
from energy.recording.inside import within
from energy.recording.jsonvalues import for_json
from energy.recording.store import TRACE_NAME, Recording
from energy.recording.trace import Trace
from energy.runs.runner_files import (
    PrintedResults,
    RunnerLog,
    beside,
    is_junk,
    read_results,
    read_runner_log,
)
from energy.window.edges import TIMESTAMP_HOLD_S
from energy.window.figures import SessionFigures, WindowFigures
from energy.window.integrator import integrate_trace
from energy.window.pairing import GivenPairing, Pairing, SequencePairing, TrialPairing
from energy.window.rules import EnergyRule


@dataclass(frozen=True)
class Options:
    """What the user knows better than the files.

    Attributes:
        iterations: Inferences per window.
        leading_edges: Edges before the first window.
        hold_s: Edges closer than this to the last one are one edge.
    """

    iterations: int | None = None
    leading_edges: int | None = None
    hold_s: float = TIMESTAMP_HOLD_S


@dataclass
class Material:
    """A trace with all that is known about its windows.

    Attributes:
        path: The file or folder that it was read from.
        trace: Samples, edges, gaps.
        pairing: Which edges make windows.
        iterations: Inferences of each window, as far as known.
        rule: The rule of the runner whose format it has; ``EXACT`` for our own recordings.
        benchmark: Whether it is a benchmark session, to which the benchmark's limits apply.
        printed: Figures printed beside it, or None.
        about: What is known of it, by name, for people.
        findings: What was noticed while it was read.
    """

    path: Path
    trace: Trace
    pairing: Pairing
    iterations: list[int]
    rule: EnergyRule
    benchmark: bool
    printed: PrintedResults | None = None
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    findings: list[Finding] = field(default_factory=list[Finding])


@dataclass(frozen=True)
class Measured:
    """Figures of one trace.

    Attributes:
        material: What they were computed from.
        session: The figures.
        findings: About the session as a whole; those about one window are with the window too.
    """

    material: Material
    session: SessionFigures
    findings: list[Finding]

    @property
    def all_findings(self) -> list[Finding]:
        """Findings of the session and of its windows."""
        return self.findings + [found for one in self.session.windows for found in one.window.findings]

    @property
    def sound(self) -> bool:
        """Whether no finding is an error."""
        return not has_errors(self.all_findings)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        trace = self.material.trace
        document: dict[str, Any] = {
            "path": str(self.material.path),
            "virtual": trace.virtual,
            "about": self.material.about,
            "rate_hz": trace.signal.rate_hz,
            "samples": trace.count,
            "runner_rule": self.material.rule.value,
            "windows": [figures.to_json() for figures in self.session.windows],
            "session": self.session.to_json(),
            "findings": [finding.to_json() for finding in self.all_findings],
            "sound": self.sound,
        }
        return for_json(document)


def find_traces(path: Path) -> Iterator[Path]:
    """Everything under ``path`` that holds a trace, in the order of names; links are not followed.

    Yields:
        Folders of our recordings, ``*-energy.bin`` files, and ``results.json`` files of energy runs.

    Raises:
        UsageError: ``path.missing``, ``path.not-a-trace``.
    """
    with within(path):
        found = list(_traces_in(path))
    yield from found


def _traces_in(path: Path) -> Iterator[Path]:
    if path.is_file():
        if path.name.endswith(eembc.ENERGY_SUFFIX) or path.suffix in (".json", ".arrow"):
            yield path.parent if path.name == TRACE_NAME else path
            return
        raise UsageError(
            "path.not-a-trace",
            f"{path} is none of trace.arrow, *-energy.bin and results.json",
            "Name one of these files, or the folder that holds them.",
        )
    if not path.is_dir():
        raise UsageError("path.missing", f"there is no {path}", "Check the path.")
    for folder, folders, names in os.walk(path):
        folders.sort()
        here = Path(folder)
        if TRACE_NAME in names:
            yield here
            if OFFICIAL_FOLDER in folders:
                folders.remove(OFFICIAL_FOLDER)  # the same session once more, as the official tools read it
        traces = (name for name in sorted(names) if name.endswith(eembc.ENERGY_SUFFIX))
        yield from (here / name for name in traces if not is_junk(name))
        results = here / mlcommons.FILE_NAME
        if mlcommons.FILE_NAME in names and results.is_file() and _may_hold_power(results):
            yield results


def _may_hold_power(results: Path) -> bool:
    try:
        return mlcommons.holds_power(results)
    except (RecordingError, OSError):
        return True  # one bad file stops no search: ``load`` says what is wrong with it


def load(path: Path, options: Options, named: Path | None = None) -> Material:
    """Reads a trace that ``find_traces`` found, with its log and results.

    Args:
        path: The trace.
        options: What the user knows better than the files.
        named: What a person named, in which it was found: no link below it is followed (``inside``).

    Raises:
        RecordingError: If it cannot be read as what it is.
    """
    with within(named) if named is not None else nullcontext():
        return _load(path, options)


def _load(path: Path, options: Options) -> Material:
    if path.is_dir():
        return _load_recording(path, options)
    if path.name.endswith(eembc.ENERGY_SUFFIX):
        return _load_eembc(path, options)
    if path.suffix == ".json":
        return _load_mlcommons(path, options)
    return _load_recording(path, options)


def measure_trace(
    material: Material, options: Options, progress: Callable[[int], None] | None = None
) -> Measured:
    """Integrates a trace and checks its figures."""
    windows, findings = integrate_trace(
        material.trace, material.pairing, hold_s=options.hold_s, progress=progress
    )
    known = dict(enumerate(material.iterations, start=1))
    if options.iterations:
        known = {window.number: options.iterations for window in windows}
    session = SessionFigures(tuple(WindowFigures(window, known.get(window.number)) for window in windows))
    findings = material.findings + findings
    if windows and any(figures.iterations is None for figures in session.windows):
        count = sum(figures.iterations is not None for figures in session.windows)
        findings.append(Finding("iterations.unknown", f"known for {count} of {len(windows)} windows"))
    if material.benchmark:
        findings += check_limits(session)
    if material.printed:
        findings += compare_with_printed(session, material.printed)
    return Measured(material, session, findings)


def compare_with_printed(session: SessionFigures, printed: PrintedResults) -> Iterator[Finding]:
    """Where the printed energies and medians are not those that follow from the trace, to the last digit."""
    rule = EnergyRule(printed.runner)
    energies = dict(enumerate(printed.energy, start=1))
    for figures in session.windows:
        number = figures.window.number
        theirs = energies.pop(number, None)
        ours = _with_decimals_of(theirs or "0.000", figures.energy_j(rule) * 1e6)
        if ours != theirs:
            evidence = f"results print {theirs or 'nothing'}, the trace gives {ours} µJ"
            yield Finding("result.differs", evidence, number)
    for number, theirs in energies.items():
        yield Finding("result.differs", f"results print {theirs} µJ, the trace has no such window", number)
    cost = session.joule_per_inference(rule)
    if cost and printed.median_energy is not None:
        ours = _with_decimals_of(printed.median_energy, cost.median * 1e6)
        if ours != printed.median_energy:
            evidence = f"results print a median of {printed.median_energy} µJ/inf, the trace gives {ours}"
            yield Finding("result.differs", evidence)
    throughput = session.inferences_per_second()
    if throughput and printed.median_throughput is not None:
        ours = _with_decimals_of(printed.median_throughput, throughput.median)
        if ours != printed.median_throughput:
            evidence = f"results print a median of {printed.median_throughput} inf/s, the trace gives {ours}"
            yield Finding("result.differs", evidence)


def _with_decimals_of(text: str, value: float) -> str:
    return f"{value:.{len(text.partition('.')[2])}f}"


def _load_eembc(path: Path, options: Options) -> Material:
    trace = eembc.read_eembc_trace(path)
    log, printed = _beside(path.parent)
    iterations, findings = _iterations(log, printed)
    windows = max(map(len, _stated(log, printed))) or None
    # One edge of the `timestamp` command, then a pair per `infer` (protocols.md 1.5).
    leading = 1 if options.leading_edges is None else options.leading_edges
    return Material(
        path,
        trace,
        SequencePairing(leading, windows),
        iterations,
        EnergyRule.EEMBC,
        benchmark=True,
        printed=printed,
        about={**trace.about, **_about_log(log)},
        findings=[] if options.iterations else findings,
    )


def _load_mlcommons(path: Path, options: Options) -> Material:
    trace, trials = mlcommons.read_mlcommons_results(path)
    log, printed = _beside(path.parent)
    findings: list[Finding] = []
    from_log, from_results = _stated(log, printed)
    iterations = [trial.iterations for trial in trials if trial.iterations]
    if len(iterations) != len(trials):
        iterations = from_results or from_log
    if not options.iterations:
        if not _within(from_log, iterations):
            evidence = f"results.json: {iterations}; log: {from_log}"
            findings.append(Finding("iterations.disagree", evidence))
        if from_results and from_results != iterations:
            evidence = f"results.json: {iterations}; results.txt: {from_results}"
            findings.append(Finding("iterations.disagree", evidence))
    voltages = sorted({trial.voltage_v for trial in trials if trial.voltage_v is not None})
    about = {**trace.about, **_about_log(log)}
    if voltages:
        about["voltage"] = " to ".join(
            f"{voltage:g} V" for voltage in dict.fromkeys((voltages[0], voltages[-1]))
        )
    return Material(
        path,
        trace,
        TrialPairing([trial.stop for trial in trials]),
        iterations,
        EnergyRule.MLCOMMONS,
        benchmark=True,
        printed=printed,
        about=about,
        findings=findings,
    )


def _load_recording(path: Path, options: Options) -> Material:
    trace = Recording(path)
    session = SessionEvidence(trace.folder).windows()
    pairing: Pairing
    if session.windows is not None and options.leading_edges is None:
        pairing = GivenPairing(session.windows)
    else:
        leading = session.leading_edges if options.leading_edges is None else options.leading_edges
        pairing = SequencePairing(leading, len(session.iterations) or None)
    return Material(
        path,
        trace,
        pairing,
        session.iterations,
        EnergyRule.EXACT,
        benchmark=session.workload is not None,
        about={"format": "joulebench recording", **trace.about},
        findings=check_manifest(trace.folder),
    )


def _beside(folder: Path) -> tuple[RunnerLog | None, PrintedResults | None]:
    log, results = beside(folder, "log.txt"), beside(folder, "results.txt")
    return (read_runner_log(log) if log else None, read_results(results) if results else None)


def _stated(log: RunnerLog | None, printed: PrintedResults | None) -> tuple[list[int], list[int]]:
    """The numbers of inferences in the log and in results.txt."""
    return log.iterations if log else [], [int(n) for n in printed.iterations] if printed else []


def _within(some: list[int], whole: list[int]) -> bool:
    """Whether ``some`` is ``whole`` or lacks entries of it: a garbled line of a log is not read at all."""
    rest = iter(whole)
    return all(number in rest for number in some)


def _iterations(log: RunnerLog | None, printed: PrintedResults | None) -> tuple[list[int], list[Finding]]:
    from_log, from_results = _stated(log, printed)
    if not from_results or _within(from_log, from_results):
        return from_results or from_log, []
    evidence = f"log: {from_log}; results.txt: {from_results}"
    return from_log, [Finding("iterations.disagree", evidence)]


def _about_log(log: RunnerLog | None) -> dict[str, Any]:
    about: dict[str, Any] = {}
    if log:
        if log.model:
            about["model"] = log.model
        if log.monitor:
            about["monitor"] = log.monitor
        if log.voltage_mv:
            about["voltage"] = ", ".join(f"{mv / 1000:g} V" for mv in dict.fromkeys(log.voltage_mv))
    return about
