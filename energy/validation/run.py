"""Validates submissions, rounds, single benchmarks and sessions, in several processes."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from energy.errors import UsageError
from energy.findings import Finding
from energy.recording.inside import within
from energy.submission.places import Round, Submission, Tree
from energy.submission.tree import read_tree
from energy.validation import files
from energy.validation.folder import CheckedFolder, FolderTask, check_folder
from energy.validation.provenance import PlacedFingerprint, copies
from energy.validation.report import FolderReport, SubmissionReport, ValidationReport
from energy.validation.rounds import RoundRules, named_rules, rules_for
from energy.validation.sessions import find_sessions, search_sessions, session_report

Progress = Callable[[int, int, str], None]
"""Called with how many folders are done, how many there are, and the name of the last."""
_FEWEST_FOR_PROCESSES = 24
"""Folders below which no other process is started, even if some are asked for."""
_LEAST_FOR_PROCESSES = 256 << 20
"""Bytes below which none is started unless asked for: to start two takes as long as to read 150 MiB."""
_BATCH = 6


def validate(
    paths: Sequence[Path],
    *,
    round: str | None = None,  # noqa: A002 - as the option that it stands for
    progress: Progress | None = None,
    workers: int | None = None,
    partial_copy: bool = False,
) -> ValidationReport:
    """Checks everything under some folders. No finding names a folder of this machine above them.

    Args:
        paths: Folders: of a session, a run, a benchmark, a system, a submission, a round, or rounds.
        round: Name of the round whose rules apply; None for each folder's own.
        progress: Called with how many folders are done, how many there are, and the name of the last.
        workers: How many processes; None for one per core if there is much to read, 1 for only this one.
        partial_copy: Whether somebody declares that files may be missing because they were not copied.

    Raises:
        UsageError: ``path.missing``, ``path.nothing``, ``round.unknown``.
    """
    began = time.monotonic()
    asked = named_rules(round) if round else None
    report = ValidationReport(list(paths), asked.name if asked else None)
    tasks: list[FolderTask] = []
    for path in paths:
        before = len(report.submissions)
        with within(path):
            tasks += _plan(report, read_tree(path, partial_copy=partial_copy), asked)
            search = search_sessions(path)
            report.submissions += [session_report(folder, path) for folder in search.folders]
            if search.left is not None:
                report.findings.append(Finding("path.not-searched", search.cut_off))
        if len(report.submissions) == before:
            raise nothing_there(path)
    placed: list[PlacedFingerprint] = []
    places = {id(folder): submission for submission in report.submissions for folder in submission.folders}
    for number, outcome in _run(tasks, progress, workers):
        theirs = tasks[number].report
        theirs.runs, theirs.findings = outcome.report.runs, outcome.report.findings
        submission = places[id(theirs)]
        system = theirs.system if theirs.variant is None else f"{theirs.system}/{theirs.variant}"
        owner = f"{submission.division}/{submission.organization}"
        placed += [
            PlacedFingerprint(fingerprint, theirs.round, owner, system, theirs.benchmark, mode, number)
            for mode, group in outcome.fingerprints.items()
            for fingerprint in group
        ]
    placed.sort(key=lambda copy: (copy.folder, copy.mode, copy.fingerprint.kind))
    for number, found in copies(placed):
        _attach(tasks[number].report, found)
    _without_places(report)
    report.seconds = time.monotonic() - began
    return report


def holds_anything(path: Path) -> bool:
    """Whether there is anything under a folder that can be checked."""
    return bool(read_tree(path).rounds or find_sessions(path))


def nothing_there(path: Path) -> UsageError:
    """The error for a path, as a person named it, that holds nothing that can be checked."""
    return UsageError(
        "path.nothing",
        f"{path} holds neither runs of a benchmark nor a session",
        "Name a session's folder, a benchmark's, a submission or a round.",
    )


def _without_places(report: ValidationReport) -> None:
    """Takes the paths of this machine out of all findings: they are those of the reader, not of the files."""
    roots = sorted({str(path.absolute()) for path in report.paths}, key=len, reverse=True)

    def relative(found: Finding) -> Finding:
        evidence = found.evidence
        for root in roots:
            evidence = evidence.replace(f"{root}{os.sep}", "").replace(root, ".")
        return found if evidence == found.evidence else replace(found, evidence=evidence)

    holders: list[list[Finding]] = [report.findings]
    for submission in report.submissions:
        holders.append(submission.findings)
        for folder in submission.folders:
            holders += [folder.findings, *(run.findings for run in folder.runs)]
            holders += [run.official.findings for run in folder.runs if run.official]
    for findings in holders:
        findings[:] = [relative(found) for found in findings]


def _attach(report: FolderReport, found: Finding) -> None:
    """Puts a finding to the run that it is about."""
    for run in report.runs:
        if found.path and (run.path == "." or found.path.startswith(f"{run.path}/")):
            run.findings.append(found)
            return
    report.findings.append(found)


def _plan(report: ValidationReport, tree: Tree, asked: RoundRules | None) -> Iterator[FolderTask]:
    """The reports to be filled, and one task for each benchmark's folder."""
    report.findings += tree.findings
    for round_ in tree.rounds:
        report.findings += round_.findings
        rules = asked or rules_for(round_.name)
        for submission in round_.submissions:
            theirs = _submission(round_, submission, tree)
            report.submissions.append(theirs)
            for system in submission.systems:
                for folder in system.benchmarks:
                    where = _shown(tree, folder.path)
                    name = "/".join(
                        [theirs.name, system.name, folder.benchmark, folder.variant or ""]
                    ).rstrip("/")
                    filled = FolderReport(
                        name,
                        round_.name,
                        submission.division,
                        submission.organization,
                        system.name,
                        folder.benchmark,
                        folder.variant,
                        where,
                    )
                    theirs.folders.append(filled)
                    yield FolderTask(tree.path.absolute(), folder, rules, filled)


def _submission(round_: Round, submission: Submission, tree: Tree) -> SubmissionReport:
    name = f"{round_.name}/{submission.division}/{submission.organization}"
    path = _shown(tree, submission.path)
    report = SubmissionReport(name, round_.name, submission.division, submission.organization, path)
    report.root = tree.path
    report.findings += submission.findings
    for system in submission.systems:
        report.findings += system.findings
        if system.asked:
            report.findings += system.description.findings if system.description else []
            report.findings += files.ic_two_with_ic(system, _shown(tree, system.path))
    return report


def _shown(tree: Tree, path: Path) -> str:
    root = tree.path.absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _run(
    tasks: list[FolderTask], progress: Progress | None, workers: int | None
) -> Iterator[tuple[int, CheckedFolder]]:
    """Outcomes as they come, with the number of their task."""
    count = workers or _usual_count(tasks)
    done = 0
    if count == 1 or len(tasks) < _FEWEST_FOR_PROCESSES:
        for number, task in enumerate(tasks):
            yield number, check_folder(task)
            if progress:
                progress(number + 1, len(tasks), task.report.name)
        return
    # Large folders first, so that no process is left alone with one at the end; each gets several at a time.
    order = sorted(range(len(tasks)), key=lambda number: -_size(tasks[number]))
    batches = _batches(order)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        futures = {pool.submit(_check_batch, [tasks[number] for number in batch]): batch for batch in batches}
        for future in as_completed(futures):
            batch = futures[future]
            yield from zip(batch, future.result(), strict=True)
            done += len(batch)
            if progress:
                progress(done, len(tasks), tasks[batch[-1]].report.name)


def _usual_count(tasks: list[FolderTask]) -> int:
    """One process for each core, up to eight, where there is enough to read; else only this one."""
    enough = sum(map(_size, tasks)) >= _LEAST_FOR_PROCESSES
    return min(os.cpu_count() or 1, 8) if enough else 1


def _batches(order: list[int]) -> list[list[int]]:
    """Single large folders first, then small ones together."""
    large = [[number] for number in order[: len(order) // 4]]
    rest = order[len(order) // 4 :]
    return large + [rest[at : at + _BATCH] for at in range(0, len(rest), _BATCH)]


def _size(task: FolderTask) -> int:
    """Bytes of a folder's files."""
    total = 0
    for run in task.folder.modes.values():
        for path in run.files:
            try:
                total += path.stat().st_size
            except OSError:
                continue  # it will be a finding when it is read
    return total


def _check_batch(tasks: list[FolderTask]) -> list[CheckedFolder]:
    return [check_folder(task) for task in tasks]
