"""Sessions of our own: evidence unaltered, figures recomputed from the recording, official files checked.

``result.json`` is compared with the recording (energy) or the trials in ``session.json`` (performance); the
files in ``mlperf/`` go through the same checks as those of any submission.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, get_args

from energy.benchmark.workloads import WORKLOADS
from energy.errors import RecordingError
from energy.evidence.names import OFFICIAL_FOLDER, RESULT_NAME, SESSION_NAME
from energy.evidence.read_documents import ResultDocument, SessionDocument
from energy.evidence.reader import SessionEvidence
from energy.findings import Finding
from energy.recording.inside import is_there
from energy.runs.files import Mode, ModeFolder
from energy.runs.measured import load, measure_run
from energy.runs.session_result import compare_result, errors_of_session
from energy.submission.places import BenchmarkFolder
from energy.uncertainty.of_run import stated_differs, statement_of
from energy.validation.folder import FolderTask, check_folder
from energy.validation.folders import Search, search_folders
from energy.validation.report import (
    FolderReport,
    RunReport,
    SubmissionReport,
    WindowReport,
)
from energy.validation.rounds import rules_for

_Document = TypeVar("_Document", SessionDocument, ResultDocument)
_SAME = 1e-9
"""Relative difference up to which two floats are the same figure."""
_MOST_DIFFERENCES = 20


def find_sessions(path: Path) -> list[Path]:
    """Folders of recordings and sessions of our own, to a few levels; no link is followed."""
    return search_sessions(path).folders


def search_sessions(path: Path) -> Search:
    """As ``find_sessions``, with what was not looked into."""
    return search_folders(
        path, lambda evidence: evidence.has_trace or (evidence.has_session and evidence.has_result)
    )


def session_report(folder: Path, root: Path) -> SubmissionReport:
    """The report of a session, as a submission of one benchmark."""
    shown = folder.relative_to(root).as_posix() if folder != root else folder.absolute().name
    report = FolderReport(shown, "", "unknown", "", shown, "recording", None, shown)
    run = RunReport("energy", shown, "joulebench")
    report.runs.append(run)
    evidence = SessionEvidence(folder)
    session = _read(run, SESSION_NAME, evidence.has_session, lambda: evidence.session) or SessionDocument()
    run.mode = next((mode for mode in get_args(Mode) if mode == session.mode), run.mode)
    workload = WORKLOADS.get(session.workload or "")
    if workload:
        report.benchmark = workload.benchmark
    run.virtual = session.virtual is True
    run.setup, run.rejected = session.setup, session.repeated
    run.monitor, run.voltage_v = run.setup.monitor, run.setup.voltage_v
    run.findings += [replace(found, path=shown) for found in unfinished(session)]
    if evidence.has_trace:
        _recorded(run, evidence, shown)
    else:
        run.findings += evidence.manifest.findings
        _timed(run, session, _read_result(run, evidence), shown)
    official = evidence.official
    if workload and official.is_dir() and not official.is_symlink():
        run.official = _official(official, run.mode, workload.benchmark, root, shown)
    return SubmissionReport(shown, "", "unknown", "", shown, folders=[report], root=root)


def unfinished(session: SessionDocument) -> list[Finding]:
    """``session.unfinished`` where a session did not come to its end, or ``session.recovered``."""
    if session.state in (None, "finished"):
        return []
    if session.state == "recovered":
        return [Finding("session.recovered", "as its session.json states")]
    return [Finding("session.unfinished", f"its state is {session.state[:40]!r}")]


def _read(run: RunReport, name: str, there: bool, read: Callable[[], _Document]) -> _Document | None:
    """A document of the session; None, with a finding where it is there and cannot be read."""
    if not there:
        return None
    try:
        return read()
    except RecordingError as error:
        run.findings.append(Finding("file.damaged", f"{name}: {error}"[:400], path=run.path))
        return None


def _read_result(run: RunReport, evidence: SessionEvidence) -> ResultDocument | None:
    return _read(run, RESULT_NAME, evidence.has_result, lambda: evidence.result)


def _recorded(run: RunReport, evidence: SessionEvidence, shown: str) -> None:
    run.trace = evidence.folder
    try:
        measured = measure_run(load(evidence.folder))
    except RecordingError as error:
        code = "recording.reduced" if error.code == "recording.levels-only" else "file.damaged"
        run.findings.append(Finding(code, error.message, path=shown))
        result = _read_result(run, evidence)
        if code == "recording.reduced":
            run.findings += evidence.manifest.findings
            run.findings += [replace(found, path=shown) for found in errors_of_session(result, run.findings)]
        return
    run.virtual = measured.run.virtual
    run.findings += [
        finding if finding.path else replace(finding, path=shown) for finding in measured.all_findings
    ]
    run.timestamps = measured.edges_s
    run.windows = [
        WindowReport(
            window.window.number,
            window.window.start_s,
            window.window.stop_s,
            window.window.duration_s,
            window.iterations,
            window.energy_j(),
            window.window.energies[measured.rule].power_w,
        )
        for window in measured.session.windows
    ]
    run.figures += measured.figures
    statement = statement_of(measured)
    stated = statement.stated
    run.findings += [replace(found, path=shown) for found in statement.findings]
    if measured.run.result is not None and stated is not None:
        run.findings += [replace(found, path=shown) for found in stated_differs(measured.run.result, stated)]


def _timed(run: RunReport, session: SessionDocument, result: ResultDocument | None, shown: str) -> None:
    """A performance or accuracy session: inferences per second by the trials that it lists."""
    run.findings += [replace(found, path=shown) for found in errors_of_session(result, run.findings)]
    for number, trial in enumerate(session.trials or [], start=1):
        if trial.duration_s is None or trial.iterations is None:
            evidence = f"{SESSION_NAME}: trial {number} lacks iterations or duration_s"
            run.findings.append(Finding("file.damaged", evidence, path=shown))
            return
        run.windows.append(WindowReport(number, duration_s=trial.duration_s, iterations=trial.iterations))
    timed = [window for window in run.windows if window.iterations and window.duration_s]
    rates = [(window.iterations or 0) / (window.duration_s or 1.0) for window in timed]
    if not rates or run.mode != "performance":
        return
    windows = [
        {"iterations": window.iterations, "window_s": window.duration_s, "inferences_per_second": rate}
        for window, rate in zip(timed, rates, strict=True)
    ]
    throughput = {"median": statistics.median(rates), "min": min(rates), "max": max(rates)}
    ours = {"windows": windows, "session": {"inferences_per_second": throughput}}
    figures, findings = compare_result(result, ours, "log")
    run.figures += figures
    run.findings += [replace(finding, path=shown) for finding in findings]


def _official(folder: Path, mode: str, benchmark: str, root: Path, shown: str) -> RunReport:
    """The files for the official tools, checked like those of a submission."""
    which: Mode = next(known for known in get_args(Mode) if known == mode)
    files = {
        name: folder / name for name in ("log.txt", "results.txt", "results.json") if is_there(folder / name)
    }
    run = ModeFolder(
        which,
        folder.absolute(),
        "mlcommons",
        log=files.get("log.txt"),
        results=files.get("results.txt"),
        results_json=files.get("results.json"),
    )
    task = FolderTask(
        root.absolute(),
        BenchmarkFolder(benchmark, None, folder.absolute(), "mlcommons", modes={which: run}),
        rules_for(""),
        FolderReport(shown, "", "unknown", "", shown, benchmark, None, f"{shown}/{OFFICIAL_FOLDER}"),
    )
    (report,) = check_folder(task).report.runs
    return report
