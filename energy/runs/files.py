"""The files of one run: which is the log, the results, the script, the trace, and whose they are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.eembc import ENERGY_SUFFIX, TIMESTAMPS_SUFFIX
from energy.recording.inside import open_inside
from energy.runs.plain_text import plain
from energy.runs.results_text import parse_results_text
from energy.runs.runner_log import runner_of_log

Mode = Literal["accuracy", "performance", "energy"]
Runner = Literal["eembc", "mlcommons", "unknown"]
MODES: tuple[Mode, ...] = ("accuracy", "performance", "energy")
BENCHMARKS = ("ad", "ic", "ic2", "kws", "sww", "vww")
"""Names of the benchmarks' folders (mlperf-tiny.md 2); ``ic2`` came with v1.4, ``sww`` with v1.3."""


_SPELLED_OUT = {
    "anomalydetection": "ad",
    "ad01": "ad",
    "imageclassification": "ic",
    "ic01": "ic",
    "ic02": "ic2",
    "keywordspotting": "kws",
    "kws01": "kws",
    "visualwakewords": "vww",
    "visualwakeword": "vww",
    "persondetection": "vww",
    "vww01": "vww",
    "streamingwakeword": "sww",
    "streamingwakewords": "sww",
    "streamingwakeworddetection": "sww",
    "sww01": "sww",
}
_NOT_ALNUM = re.compile(r"[^a-z0-9]+")
_LEVELS_BELOW_BENCHMARK = 3
_HEAD = 1 << 16
_PICTURES = (".png", ".jpg", ".jpeg", ".svg", ".pdf")
ROLES = {
    "log": re.compile(r"(.*[_\-. ])?log\.txt$", re.IGNORECASE),
    "results": re.compile(r"(.*[_\-. ])?results?\.txt$", re.IGNORECASE),
    "results_json": re.compile(r"(.*[_\-. ])?results?\.json$", re.IGNORECASE),
    "script": re.compile(r"(.*[_\-. ])?script\.(?:async|txt)$", re.IGNORECASE),
}
OFFICIAL_NAMES = {
    "log": "log.txt",
    "results": "results.txt",
    "results_json": "results.json",
    "script": "script.async",
}
_JUNK = {".ds_store", "thumbs.db", "desktop.ini", "__macosx", ".git", ".ipynb_checkpoints"}


@dataclass
class ModeFolder:
    """The files of one run.

    Attributes:
        mode: Mode of the run.
        path: The folder.
        runner: The runner that made the files, judged by their content.
        log: ``log.txt``, or the file used in its place (``energy_log.txt``); None if there is none.
        results: ``results.txt``.
        results_json: ``results.json`` (MLCommons).
        script: ``script.async`` (EEMBC).
        traces: ``*-energy.bin`` files (EEMBC).
        timestamps: ``*-timestamps.json`` files (EEMBC).
        pictures: Images.
        extras: Other files.
        missing: Names of files that the official checker asks for and that do not exist.
        findings: Tolerances used for this folder.
    """

    mode: Mode
    path: Path
    runner: Runner = "unknown"
    log: Path | None = None
    results: Path | None = None
    results_json: Path | None = None
    script: Path | None = None
    traces: list[Path] = field(default_factory=list[Path])
    timestamps: list[Path] = field(default_factory=list[Path])
    pictures: list[Path] = field(default_factory=list[Path])
    extras: list[Path] = field(default_factory=list[Path])
    missing: list[str] = field(default_factory=list[str])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def files(self) -> list[Path]:
        """All its files."""
        named = [self.log, self.results, self.results_json, self.script]
        return [p for p in named if p] + self.traces + self.timestamps + self.pictures + self.extras


@dataclass(frozen=True)
class _Chosen:
    """The file that is used as an official file, and the others that it could be."""

    name: str
    others: list[str]


def take_files(folder: ModeFolder, names: Iterable[str], show: Callable[[str], str], shown: str) -> None:
    """Sorts the files of a run's folder by what they are, and finds out whose they are.

    Args:
        folder: What is filled; its path is the folder of the files.
        names: Their names.
        show: A file's path as findings show it.
        shown: The folder's path as findings show it.
    """
    left = set(names)
    for role, rule in ROLES.items():
        if chosen := _choose(sorted(left), rule, OFFICIAL_NAMES[role]):
            setattr(folder, role, folder.path / chosen.name)
            left.discard(chosen.name)
            if chosen.name != OFFICIAL_NAMES[role]:
                evidence = f"used as {OFFICIAL_NAMES[role]}"
                folder.findings.append(Finding("tree.file-name", evidence, path=show(chosen.name)))
            if chosen.others:
                evidence = (
                    f"{chosen.name} is taken for {OFFICIAL_NAMES[role]}; there is also {chosen.others[0]}"
                )
                folder.findings.append(Finding("tree.file-ambiguous", evidence, path=shown))
    for name in sorted(left):
        path = folder.path / name
        if name.endswith(ENERGY_SUFFIX):
            folder.traces.append(path)
        elif name.endswith(TIMESTAMPS_SUFFIX):
            folder.timestamps.append(path)
        else:
            (folder.pictures if name.lower().endswith(_PICTURES) else folder.extras).append(path)
    folder.runner = _runner(folder)


def files_beside(trace: Path) -> ModeFolder:
    """The energy run that a trace belongs to: the files in its folder.

    Raises:
        RecordingError: ``file.link`` or ``file.unreadable`` if a link, a pipe or a device has the name of its
            log, results or script; ``file.unreadable`` if the folder cannot be listed.
    """
    folder = ModeFolder("energy", trace.parent)
    names: list[str] = []
    try:
        with os.scandir(folder.path) as listing:
            for entry in listing:
                if is_junk_name(entry.name) or entry.is_dir(follow_symlinks=False):
                    continue
                if entry.is_file(follow_symlinks=False):
                    names.append(entry.name)
                elif has_role(entry.name):
                    open_inside(folder.path / entry.name).close()  # its error names what stands there instead
    except OSError as error:
        raise RecordingError(
            "file.unreadable", f"{folder.path} cannot be listed: {error}", "Check its permissions."
        ) from error
    take_files(folder, names, str, ".")
    return folder


def has_role(name: str) -> bool:
    """Whether a file of this name is a run's log, results or script."""
    return any(rule.match(name) for rule in ROLES.values())


def is_junk_name(name: str) -> bool:
    """Whether desktops or editors leave files or folders of this name (mlperf-tiny.md 2)."""
    return name.startswith("._") or name.casefold() in _JUNK or name.endswith("~")


def benchmark_of(name: str) -> str | None:
    """The benchmark that a folder's name means, or None."""
    plain = _NOT_ALNUM.sub("", name.casefold())
    return plain if plain in BENCHMARKS else _SPELLED_OUT.get(plain)


def level_of_benchmark(names: Iterable[str]) -> int | None:
    """Where a benchmark's folder stands among the folders above one, the nearest first; None for nowhere.

    If a variant has the benchmark's name, it is the upper of the two.
    """
    found: int | None = None
    for level, name in enumerate(names):
        if level >= _LEVELS_BELOW_BENCHMARK or name.casefold() == "results":
            break
        if benchmark_of(name):
            found = level
        elif found is not None:
            break
    return found


def benchmark_above(path: Path) -> str:
    """The benchmark that a run's folder belongs to by the names above it; empty where they name none."""
    names = [parent.name for parent in path.absolute().parents]
    level = level_of_benchmark(names)
    return "" if level is None else benchmark_of(names[level]) or ""


def _choose(names: list[str], rule: re.Pattern[str], official: str) -> _Chosen | None:
    named = [name for name in names if rule.match(name)]
    if not named:
        return None
    ending = official.rpartition(".")[2]
    best = min(named, key=lambda name: (name != official, not name.lower().endswith(ending), len(name), name))
    same_ending = [name for name in named if name != best and name.lower().endswith(ending)]
    return _Chosen(best, same_ending if best != official else [])


def _runner(folder: ModeFolder) -> Runner:
    """The runner by the log's first lines, else by those of the results, else by which files exist."""
    runner: Runner = "unknown"
    if folder.log:
        runner = runner_of_log(_text_of(_head(folder, "log")))
    if runner == "unknown" and folder.results:
        runner = parse_results_text(_head(folder, "results")).runner
    if runner == "unknown":
        if folder.results_json:
            return "mlcommons"
        if folder.script or folder.traces:
            return "eembc"
    return runner


def _text_of(head: bytes) -> str:
    """A head made plain; nothing is asked of what was not."""
    if not head.isascii() or b"\0" in head or b"\x1b" in head:
        return plain(head, "").text
    return head.replace(b"\r", b"" if b"\n" in head else b"\n").decode("ascii")


def _head(folder: ModeFolder, role: str) -> bytes:
    path = folder.log if role == "log" else folder.results
    if path is None:
        return b""
    try:
        with open_inside(path) as file:
            return file.read(_HEAD)
    except (OSError, RecordingError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        evidence = f"it cannot be read: {reason or error}"
        folder.findings.append(Finding("tree.unreadable", evidence, path=path.name))
        return b""
