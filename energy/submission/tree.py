"""Reads the tree of a submission or of whole rounds, in any of its variants, and reports what it tolerated.

The official layout is ``<round>/<open|closed>/<organisation>/{results/<system>/<benchmark>/<mode>,systems}``.
Trees of published rounds differ in the ways that mlperf-tiny.md 2 lists. A run is recognised by the name of
its folder below a benchmark's folder. System, organisation, division and round follow from the folders above,
so that the search may begin at any of these levels. What is asked for is what the named folder holds: runs,
descriptions and systems beside it are not missing, and other runs of its benchmark are read for comparison.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Literal

from energy.errors import UsageError
from energy.findings import Finding
from energy.recording.inside import is_plain
from energy.recording.limits import LARGEST_OFFICIAL
from energy.runs.files import MODES, Mode, Runner, benchmark_of, level_of_benchmark
from energy.submission.folder_scan import Node, Notes, scan
from energy.submission.mode_files import looks_like_a_run, read_mode_folder
from energy.submission.places import (
    BenchmarkFolder,
    Round,
    Submission,
    System,
    Tree,
)
from energy.submission.system_files import attach_system_files

EEMBC_MARKER = "EEMBC_RUNNER"
_OTHER_MODES: dict[str, Mode] = {"power": "energy", "perf": "performance", "acc": "accuracy"}
_NOT_ALNUM = re.compile(r"[^a-z0-9]+")


def read_tree(path: Path, *, partial_copy: bool = False) -> Tree:
    """Reads everything below a folder: of a run, a benchmark, a system, a submission, a round, or rounds.

    Args:
        path: The folder.
        partial_copy: Whether somebody declares that it is a part of the original, so that a missing file
            means nothing. The files themselves cannot declare it.

    Raises:
        UsageError: ``path.missing`` if there is no such folder.
    """
    if not path.is_dir():
        raise UsageError("path.missing", f"there is no folder {path}", "Check the path.")
    tree = Tree(path)
    notes = Notes(tree.findings)
    root, tree.entries = scan(path, notes)
    return _Reader(tree, root, notes, partial_copy=partial_copy).read()


class _Reader:
    """Builds a tree from the folders that were found."""

    def __init__(self, tree: Tree, root: Node, notes: Notes, *, partial_copy: bool) -> None:
        self._tree = tree
        self._root = root
        self._notes = notes
        self._partial = partial_copy
        self._rounds: dict[Path, Round] = {}
        self._submissions: dict[Path, Submission] = {}
        self._systems: dict[Path, System] = {}
        self._folders: dict[Path, BenchmarkFolder] = {}
        self._nodes: dict[Path, Node] = {}

    def read(self) -> Tree:
        for node in self._root.walk():
            self._look_at(node)
        for submission in self._submissions.values():
            submission.systems.sort(key=lambda system: system.path)
        for path, submission in self._submissions.items():
            attach_system_files(submission, self._nodes[path], partial=self._partial)
            for system in submission.systems:
                for folder in system.benchmarks:
                    if not folder.asked:
                        _read_beside(folder)
                    _settle(folder, self._root.path, partial=self._partial)
        for round_ in self._rounds.values():
            # A folder that is called results by chance is not a submission.
            round_.submissions = [
                sub for sub in round_.submissions if sub.systems or sub.division != "unknown"
            ]
        for node in self._root.walk():
            self._note_large(node)
        self._tree.rounds = [round_ for round_ in self._rounds.values() if round_.submissions]
        return self._tree

    def _note_large(self, node: Node) -> None:
        """Notes the files that the official checker refuses; it looks at submissions only."""
        large = {name: size for name, size in node.files.items() if size > LARGEST_OFFICIAL}
        if large and any(place in self._submissions for place in (node.path, *node.path.parents)):
            for name, size in large.items():
                self._notes.add("tree.large-file", f"{size / 2**20:.0f} MiB", node.show(name))

    def _look_at(self, node: Node) -> None:
        name = node.name.casefold()
        if name in ("results", "systems") and node.parent and not _benchmark_above(node):
            self._submission(node.parent)
            return
        if found := _benchmark_above(node):
            mode = _mode(node)
            if mode:
                self._run(mode, node, found)
            elif node.parent is found and not node.folders and not looks_like_a_run(node):
                self._notes.add(
                    "tree.unknown-folder", "neither a run nor a variant of the benchmark", node.shown
                )
        elif benchmark_of(node.name) and _results_above(node):
            self._folder(node, node)

    def _run(self, mode: Mode, node: Node, benchmark: Node) -> None:
        folder = self._folder(node.above, benchmark)
        if mode in folder.modes:
            evidence = f"there is already {folder.modes[mode].path.name}; this one is not read"
            folder.findings.append(Finding("tree.mode-twice", evidence, path=node.shown))
            return
        folder.eembc_marker = any(_is_marked(place) for place in (node, node.above, benchmark))
        run = read_mode_folder(mode, node, folder.benchmark, marked_eembc=folder.eembc_marker)
        folder.modes[mode] = run
        if node.name != mode:
            run.findings.append(
                Finding("tree.mode-name", f"{node.name!r} is read as {mode}", path=node.shown)
            )

    def _folder(self, node: Node, benchmark: Node) -> BenchmarkFolder:
        """The folder of a benchmark's runs: the benchmark's own, or a variant below it."""
        if node.path in self._folders:
            return self._folders[node.path]
        name = benchmark_of(benchmark.name) or benchmark.name
        variant = None if node is benchmark else node.path.relative_to(benchmark.path).as_posix()
        folder = BenchmarkFolder(name, variant, node.path, asked=node.scanned)
        self._folders[node.path] = folder
        if benchmark.name != name:
            evidence = f"{benchmark.name!r} is read as {name}"
            folder.findings.append(Finding("tree.benchmark-name", evidence, path=benchmark.shown))
        if variant:
            self._drop_empty(benchmark)
            evidence = f"{variant!r} is a level below the benchmark"
            folder.findings.append(Finding("tree.variant", evidence, path=node.shown))
        self._system(benchmark).benchmarks.append(folder)
        return folder

    def _drop_empty(self, benchmark: Node) -> None:
        """Removes the folder of a benchmark that has variants instead of runs."""
        folder = self._folders.get(benchmark.path)
        if folder and not folder.modes:
            del self._folders[benchmark.path]
            self._system(benchmark).benchmarks.remove(folder)

    def _system(self, benchmark: Node) -> System:
        node = benchmark.above
        if node.path in self._systems:
            return self._systems[node.path]
        results = _results_above(benchmark)
        name = node.path.relative_to(results.path).as_posix() if results else node.name
        system = System(name, node.path, asked=node.scanned)
        if "/" in name:
            evidence = f"{name.rpartition('/')[0]!r} is a level above the system"
            system.findings.append(Finding("tree.extra-level", evidence, path=node.shown))
        self._systems[node.path] = system
        above = results.parent if results else node.parent
        self._submission(above or node).systems.append(system)
        return system

    def _submission(self, node: Node) -> Submission:
        if node.path in self._submissions:
            return self._submissions[node.path]
        parent = node.parent
        division: Literal["open", "closed", "unknown"] = "unknown"
        if parent and parent.name.casefold() in ("open", "closed"):
            division = "open" if parent.name.casefold() == "open" else "closed"
        submission = Submission(division, node.name, node.path)
        if division == "unknown":
            evidence = "the folder above is neither open nor closed"
            submission.findings.append(Finding("tree.no-division", evidence, path=node.shown))
        self._submissions[node.path] = submission
        self._nodes[node.path] = node
        top = parent.parent if parent and division != "unknown" else parent
        self._round(top or node).submissions.append(submission)
        return submission

    def _round(self, node: Node) -> Round:
        if node.path not in self._rounds:
            round_ = Round(node.name, node.path, partial=self._partial)
            if self._partial:
                evidence = "it was declared to be one (--partial-copy)"
                round_.findings.append(Finding("tree.partial-copy", evidence, path=node.shown))
            self._rounds[node.path] = round_
        return self._rounds[node.path]


def mode_of(name: str) -> Mode | None:
    """The mode that a folder's name means, exactly or nearly (``enegry``), or None."""
    plain = _NOT_ALNUM.sub("", name.casefold())
    if plain in _OTHER_MODES:
        return _OTHER_MODES[plain]
    if plain in MODES:
        return plain
    close = difflib.get_close_matches(plain[:40], MODES, n=1, cutoff=0.75)
    return next((mode for mode in MODES if mode in close), None)


def _mode(node: Node) -> Mode | None:
    """The mode of a folder below a benchmark; None if it is inside the folder of another mode."""
    mode = mode_of(node.name)
    if mode is None:
        return None
    for above in node.ancestors():
        if benchmark_of(above.name):
            return mode
        if mode_of(above.name):
            return None
    return mode


def _benchmark_above(node: Node) -> Node | None:
    """The benchmark's folder above a folder."""
    above = list(node.ancestors())
    level = level_of_benchmark(folder.name for folder in above)
    return None if level is None else above[level]


def _results_above(node: Node) -> Node | None:
    return next((above for above in node.ancestors() if above.name.casefold() == "results"), None)


def _is_marked(node: Node) -> bool:
    """Whether a file ``EEMBC_RUNNER`` is in a folder, which may be above where the search began."""
    return EEMBC_MARKER in node.files or (not node.scanned and is_plain(node.path / EEMBC_MARKER))


def _read_beside(folder: BenchmarkFolder) -> None:
    """Finds the runs of a benchmark beside the one that was named; not those through links."""
    try:
        with os.scandir(folder.path) as listing:
            names = sorted(entry.name for entry in listing if entry.is_dir(follow_symlinks=False))
    except OSError:
        return  # what may not be listed was not asked for
    for name in names:
        mode = mode_of(name)
        if mode is not None and mode not in folder.modes and mode not in folder.beside:
            node = scan(folder.path / name, Notes([]))[0]
            folder.beside[mode] = read_mode_folder(
                mode, node, folder.benchmark, marked_eembc=folder.eembc_marker
            )


def _settle(folder: BenchmarkFolder, root: Path, *, partial: bool) -> None:
    """Sets the runner once all runs are known, and adds findings for missing files."""
    runners: set[Runner] = {run.runner for run in folder.modes.values() if run.runner != "unknown"}
    if folder.eembc_marker:
        folder.runner = "eembc"
    elif len(runners) == 1:
        folder.runner = runners.pop()
    shown = folder.path.relative_to(root).as_posix() if folder.path.is_relative_to(root) else folder.path.name
    if len(runners) > 1:
        folder.findings.append(Finding("tree.mixed-runners", "the runs are of both runners", path=shown))
    code = "tree.file-not-copied" if partial else "tree.file-missing"
    needed: tuple[Mode, ...] = ("energy",) if folder.benchmark == "sww" else ("accuracy", "performance")
    for mode in needed if folder.asked else ():
        if mode not in folder.modes:
            folder.findings.append(Finding(code, f"there is no run of the mode {mode}", path=shown))
    for run in folder.modes.values():
        for name in run.missing:
            run.findings.append(Finding(code, f"there is no {name}", path=f"{shown}/{run.path.name}"))
