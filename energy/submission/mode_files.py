"""Finds the files of a run: log, results, script; their runner; the files that are missing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.eembc import ENERGY_SUFFIX, TIMESTAMPS_SUFFIX
from energy.recording.inside import open_inside
from energy.runs.plain_text import plain
from energy.runs.results_text import parse_results_text
from energy.runs.runner_log import runner_of_log
from energy.submission.folder_scan import Node
from energy.submission.places import Mode, ModeFolder, Runner

_HEAD = 1 << 16
_PICTURES = (".png", ".jpg", ".jpeg", ".svg", ".pdf")
_ROLES = {
    "log": re.compile(r"(.*[_\-. ])?log\.txt$", re.IGNORECASE),
    "results": re.compile(r"(.*[_\-. ])?results?\.txt$", re.IGNORECASE),
    "results_json": re.compile(r"(.*[_\-. ])?results?\.json$", re.IGNORECASE),
    "script": re.compile(r"(.*[_\-. ])?script\.(?:async|txt)$", re.IGNORECASE),
}
_OFFICIAL = {
    "log": "log.txt",
    "results": "results.txt",
    "results_json": "results.json",
    "script": "script.async",
}
_SWW_PICTURE = "energy_inf_000.png"


@dataclass(frozen=True)
class _Found:
    """The file that is used as an official file, and the others that it could be."""

    name: str
    others: list[str]


def read_mode_folder(mode: Mode, node: Node, benchmark: str, *, marked_eembc: bool = False) -> ModeFolder:
    """Sorts the files of a run's folder by their role.

    Args:
        mode: Mode of the run.
        node: Its folder.
        benchmark: Its benchmark's name.
        marked_eembc: Whether a file ``EEMBC_RUNNER`` marks the benchmark.
    """
    folder = ModeFolder(mode, node.path)
    within = _level(node, folder)
    left = set(within.files)
    for role, rule in _ROLES.items():
        if found := _choose(sorted(left), rule, _OFFICIAL[role]):
            setattr(folder, role, within.path / found.name)
            left.discard(found.name)
            if found.name != _OFFICIAL[role]:
                evidence = f"used as {_OFFICIAL[role]}"
                folder.findings.append(Finding("tree.file-name", evidence, path=within.show(found.name)))
            if found.others:
                evidence = f"{found.name} is taken for {_OFFICIAL[role]}; there is also {found.others[0]}"
                folder.findings.append(Finding("tree.file-ambiguous", evidence, path=within.shown))
    for name in sorted(left):
        path = within.path / name
        if name.endswith(ENERGY_SUFFIX):
            folder.traces.append(path)
        elif name.endswith(TIMESTAMPS_SUFFIX):
            folder.timestamps.append(path)
        else:
            (folder.pictures if name.lower().endswith(_PICTURES) else folder.extras).append(path)
    for below in list(within.walk())[1:]:
        folder.extras += [below.path / name for name in sorted(below.files)]
    folder.runner = _runner(folder)
    folder.missing = _missing(folder, benchmark, marked_eembc=marked_eembc)
    return folder


def looks_like_a_run(node: Node) -> bool:
    """Whether a folder holds a run's log or results."""
    return any(rule.match(name) for name in node.files for rule in _ROLES.values())


def _level(node: Node, folder: ModeFolder) -> Node:
    """The folder itself; if it holds no files and only one folder, that folder (an extra level)."""
    if looks_like_a_run(node) or len(node.folders) != 1:
        return node
    below = next(iter(node.folders.values()))
    if node.files or not looks_like_a_run(below):
        return node
    folder.path = below.path
    folder.findings.append(
        Finding("tree.extra-level", "the run's files are one level deeper", path=below.shown)
    )
    return below


def _choose(names: list[str], rule: re.Pattern[str], official: str) -> _Found | None:
    named = [name for name in names if rule.match(name)]
    if not named:
        return None
    ending = official.rpartition(".")[2]
    best = min(named, key=lambda name: (name != official, not name.lower().endswith(ending), len(name), name))
    same_ending = [name for name in named if name != best and name.lower().endswith(ending)]
    return _Found(best, same_ending if best != official else [])


def _runner(folder: ModeFolder) -> Runner:
    """The runner by the log's first lines, else by those of the results, else by which files exist."""
    runner: Runner = "unknown"
    if folder.log:
        runner = runner_of_log(plain(_head(folder, "log"), "").text)
    if runner == "unknown" and folder.results:
        runner = parse_results_text(_head(folder, "results")).runner
    if runner == "unknown":
        if folder.results_json:
            return "mlcommons"
        if folder.script or folder.traces:
            return "eembc"
    return runner


def _head(folder: ModeFolder, role: str) -> bytes:
    path = folder.log if role == "log" else folder.results
    assert path is not None
    try:
        with open_inside(path) as file:
            return file.read(_HEAD)
    except (OSError, RecordingError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        evidence = f"it cannot be read: {reason or error}"
        folder.findings.append(Finding("tree.unreadable", evidence, path=path.name))
        return b""


def _missing(folder: ModeFolder, benchmark: str, *, marked_eembc: bool) -> list[str]:
    """Files that the official checker asks for (mlperf-tiny.md 2) and that were not found by any name."""
    wanted = ["log", "results"]
    if folder.runner == "eembc" or marked_eembc:
        wanted.append("script")
    elif folder.runner == "mlcommons":
        wanted.append("results_json")
    missing = [_OFFICIAL[role] for role in wanted if getattr(folder, role) is None]
    if (
        benchmark == "sww"
        and folder.mode == "energy"
        and _SWW_PICTURE not in {p.name for p in folder.pictures}
    ):
        missing.append(_SWW_PICTURE)
    return missing
