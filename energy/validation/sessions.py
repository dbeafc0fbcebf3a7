"""Sessions of our own: evidence unaltered, figures recomputed from the recording, official files checked.

``result.json`` is held against the recording (energy) or the trials in ``session.json`` (performance); the
files in ``mlperf/`` go through the same checks as those of any submission.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from energy.benchmark.workloads import WORKLOADS
from energy.errors import RecordingError
from energy.evidence.manifest import check_manifest
from energy.evidence.session_file import FILE_NAME, OFFICIAL_FOLDER
from energy.findings import Finding
from energy.recording.inside import is_there
from energy.recording.jsonvalues import as_list, as_number, as_object, as_whole, parse_json
from energy.recording.limits import LARGEST_OWN_JSON
from energy.recording.store import TRACE_NAME
from energy.recording.trace import read_text_file
from energy.runs.files import Mode, ModeFolder
from energy.runs.measured import load, measure_run
from energy.runs.session_result import RESULT_NAME, compare_result
from energy.submission.places import BenchmarkFolder
from energy.validation.folder import Task, check_folder
from energy.validation.report import (
    FolderReport,
    RunReport,
    SubmissionReport,
    WindowReport,
)
from energy.validation.rounds import rules_for

_DEEPEST = 4
_MOST_FOLDERS = 20_000
_HINT = "Restore the file from where the session was measured."


def find_sessions(path: Path) -> list[Path]:
    """Folders of recordings and sessions of our own, to a few levels; no link is followed."""
    found: list[Path] = []
    waiting = [(path, 0)]
    looked = 0
    while waiting and looked < _MOST_FOLDERS:
        folder, depth = waiting.pop()
        looked += 1
        if is_there(folder / TRACE_NAME) or (is_there(folder / FILE_NAME) and is_there(folder / RESULT_NAME)):
            found.append(folder)
        elif depth < _DEEPEST:
            waiting += [(below, depth + 1) for below in _folders_in(folder)]
    return sorted(found)


def session_report(folder: Path, root: Path) -> SubmissionReport:
    """The report of a session, as a submission of one benchmark."""
    shown = folder.relative_to(root).as_posix() if folder != root else folder.absolute().name
    report = FolderReport(shown, "", "unknown", "", shown, "recording", None, shown)
    run = RunReport("energy", shown, "joulebench")
    report.runs.append(run)
    session = _document(folder, FILE_NAME, run)
    if session.get("mode") in get_args(Mode):
        run.mode = session["mode"]
    workload = WORKLOADS.get(str(session.get("workload")))
    if workload:
        report.benchmark = workload.benchmark
    run.virtual = session.get("virtual") is True
    state = session.get("state", "finished")
    if state != "finished":
        run.findings.append(Finding("session.unfinished", f"its state is {str(state)[:40]!r}", path=shown))
    if is_there(folder / TRACE_NAME):
        _recorded(run, folder, shown)
    else:
        run.findings += check_manifest(folder)
        _timed(run, session, _document(folder, RESULT_NAME, run), shown)
    official = folder / OFFICIAL_FOLDER
    if workload and official.is_dir() and not official.is_symlink():
        report.runs += _official(official, run.mode, workload.benchmark, root, shown)
    return SubmissionReport(shown, "", "unknown", "", shown, folders=[report], root=root)


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()]
    except OSError:
        return []  # the tree's own search says so


def _document(folder: Path, name: str, run: RunReport) -> dict[str, Any]:
    """A JSON object of the session; empty, with a finding where it is there and cannot be read."""
    path = folder / name
    if not is_there(path):
        return {}
    try:
        return as_object(parse_json(read_text_file(path, LARGEST_OWN_JSON, hint=_HINT)))
    except (RecordingError, ValueError) as error:
        run.findings.append(Finding("file.damaged", f"{name}: {error}"[:400], path=run.path))
        return {}


def _recorded(run: RunReport, folder: Path, shown: str) -> None:
    run.trace = folder
    try:
        measured = measure_run(load(folder))
    except RecordingError as error:
        run.findings.append(Finding("file.damaged", error.message, path=shown))
        return
    run.virtual = measured.run.virtual
    run.findings += [one if one.path else replace(one, path=shown) for one in measured.all_findings]
    run.timestamps = measured.edges_s
    run.windows = [
        WindowReport(
            one.window.number,
            one.window.start_s,
            one.window.stop_s,
            one.window.duration_s,
            one.iterations,
            one.energy_j(),
            one.window.energies[measured.rule].power_w,
        )
        for one in measured.session.windows
    ]
    run.figures += measured.figures


def _timed(run: RunReport, session: dict[str, Any], result: dict[str, Any], shown: str) -> None:
    """A performance session: inferences per second by the trials that it lists."""
    try:
        for number, entry in enumerate(as_list(session.get("trials", [])), start=1):
            trial = as_object(entry)
            duration_s = as_number(trial.get("duration_s"))
            run.windows.append(
                WindowReport(number, duration_s=duration_s, iterations=as_whole(trial.get("iterations")))
            )
    except ValueError as error:
        run.findings.append(Finding("file.damaged", f"{FILE_NAME}: {error}", path=shown))
        return
    timed = [one for one in run.windows if one.iterations and one.duration_s]
    rates = [(one.iterations or 0) / (one.duration_s or 1.0) for one in timed]
    if not rates or run.mode != "performance":
        return
    windows = [
        {"iterations": one.iterations, "window_s": one.duration_s, "inferences_per_second": rate}
        for one, rate in zip(timed, rates, strict=True)
    ]
    throughput = {"median": statistics.median(rates), "min": min(rates), "max": max(rates)}
    ours = {"windows": windows, "session": {"inferences_per_second": throughput}}
    figures, findings = compare_result(result, ours, "log")
    run.figures += figures
    run.findings += [replace(one, path=shown) for one in findings]


def _official(folder: Path, mode: str, benchmark: str, root: Path, shown: str) -> list[RunReport]:
    """The files for the official tools, checked like those of a submission."""
    which: Mode = next(one for one in get_args(Mode) if one == mode)
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
    task = Task(
        root.absolute(),
        BenchmarkFolder(benchmark, None, folder.absolute(), "mlcommons", modes={which: run}),
        rules_for(""),
        FolderReport(shown, "", "unknown", "", shown, benchmark, None, f"{shown}/{OFFICIAL_FOLDER}"),
    )
    return check_folder(task).report.runs
