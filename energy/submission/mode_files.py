"""Finds the files of a run in a tree: the level at which they are, and the files that are missing."""

from __future__ import annotations

from energy.findings import Finding
from energy.runs.files import OFFICIAL_NAMES, Mode, ModeFolder, has_role, take_files
from energy.submission.folder_scan import Node

_SWW_PICTURE = "energy_inf_000.png"
_TRACE = "trace1-energy.bin"
"""Every energy session of the EEMBC runner has one; without it no energy can be recomputed."""


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
    take_files(folder, within.files, within.show, within.shown)
    for below in list(within.walk())[1:]:
        folder.extras += [below.path / name for name in sorted(below.files)]
    folder.missing = _missing(folder, benchmark, marked_eembc=marked_eembc)
    return folder


def looks_like_a_run(node: Node) -> bool:
    """Whether a folder holds a run's log or results."""
    return any(has_role(name) for name in node.files)


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


def _missing(folder: ModeFolder, benchmark: str, *, marked_eembc: bool) -> list[str]:
    """Files that the official checker asks for (mlperf-tiny.md 2) and that were not found by any name."""
    wanted = ["log", "results"]
    if folder.runner == "eembc" or marked_eembc:
        wanted.append("script")
    elif folder.runner == "mlcommons":
        wanted.append("results_json")
    missing = [OFFICIAL_NAMES[role] for role in wanted if getattr(folder, role) is None]
    if folder.mode == "energy" and wanted[-1] == "script" and not folder.traces:
        missing.append(_TRACE)
    if (
        benchmark == "sww"
        and folder.mode == "energy"
        and _SWW_PICTURE not in {p.name for p in folder.pictures}
    ):
        missing.append(_SWW_PICTURE)
    return missing
