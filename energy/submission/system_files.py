"""Finds the file in ``systems/`` that describes a system, by an equal or similar name (mlperf-tiny.md 2)."""

from __future__ import annotations

import re
from pathlib import Path

from energy.findings import Finding
from energy.submission.folder_scan import Node, Notes, scan
from energy.submission.places import Submission, System
from energy.submission.system_file import read_system_file

_DEEPEST = 3
_ENDING = re.compile(r"[_\- ]*system[_\- ]*desc(?:ription)?$", re.IGNORECASE)
_NOT_ALNUM = re.compile(r"[^a-z0-9]+")


def attach_system_files(submission: Submission, node: Node, *, partial: bool) -> None:
    """Finds and reads the description of each system of a submission.

    Args:
        submission: The submission.
        node: Its folder.
        partial: Whether it was declared to be a partial copy, so that a missing description means nothing.
    """
    files = _files(submission, node)
    unused = dict(files)
    for system in submission.systems:
        path = _for(system, files) or _only(submission, files)
        if path is None:
            if node.scanned:
                code = "tree.file-not-copied" if partial else "system.missing"
                evidence = f"there is no systems/{system.name}.json"
                system.findings.append(Finding(code, evidence, path=system.name))
            continue
        unused.pop(path, None)
        system.system_file = path
        system.description = read_system_file(path, files[path])
        if path.parent.name.casefold() != "systems" or path.stem != system.path.name:
            evidence = f"describes {system.name}"
            system.findings.append(Finding("tree.system-file-name", evidence, path=files[path]))
    submission.unused_system_files = list(unused)
    for shown in unused.values() if node.scanned else ():
        evidence = "no system with results has this name"
        submission.findings.append(Finding("tree.system-file-unused", evidence, path=shown))


def _files(submission: Submission, node: Node) -> dict[Path, str]:
    """The JSON files under ``systems/``: for each path, its name in findings."""
    if node.scanned:
        tops = [child for name, child in node.folders.items() if name.casefold() in ("systems", "system")]
    else:  # the search began below the submission's folder
        top = node.path / "systems"
        beside = top.is_dir() and not top.is_symlink()
        tops = [scan(top, Notes(submission.findings))[0]] if beside else []
    found: dict[Path, str] = {}
    for top in tops:
        for folder in top.walk():
            if len(folder.path.relative_to(top.path).parts) < _DEEPEST:
                names = [name for name in sorted(folder.files) if name.lower().endswith(".json")]
                found |= {folder.path / name: folder.show(name) for name in names}
    return found


def _for(system: System, files: dict[Path, str]) -> Path | None:
    """The file with the system's name: the exact name, else the same letters and digits."""
    name = system.path.name
    exact = [path for path in files if path.stem == name]
    if exact:
        return exact[0]
    wanted = {_letters(name), _letters(system.name)}
    near = [path for path in files if _letters(_ENDING.sub("", path.stem)) in wanted]
    return near[0] if near else None


def _only(submission: Submission, files: dict[Path, str]) -> Path | None:
    """The only file, if there is also only one system."""
    return next(iter(files)) if len(files) == len(submission.systems) == 1 else None


def _letters(name: str) -> str:
    return _NOT_ALNUM.sub("", name.casefold())
