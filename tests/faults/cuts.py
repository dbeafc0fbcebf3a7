"""Folders as a power cut may leave them, recovered: nothing claims more than it has.

``Disk`` models what POSIX promises: the content of a file is on the disk as it was at its last ``fsync``, the
names in a folder as they were at the folder's. What came later may be there whole, in part, as zeros, or not
at all. ``wrecked`` goes further than any power cut should: it damages any file of a folder, also those that
were synced.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import energy.session.folder
from energy.errors import RecordingError, UsageError
from energy.evidence.names import RESULT_NAME, SESSION_NAME
from energy.session.recover import recover
from energy.validation.archive import list_archive
from energy.validation.paths import validate_paths
from tests.faults.cells import watched
from tests.faults.crashes import Crash, Kind, aftermath
from tests.faults.crashing import run_kind
from tests.faults.session_phases import Phase
from tests.faults.watched_server import rows

KINDS: tuple[Kind, ...] = (
    ("lpm01a", "energy"),
    ("ppk2-source", "energy"),
    ("keithley-2461", "energy"),
    ("lpm01a", "performance"),
    ("lpm01a", "record"),
)
EACH = 25
"""Cuts of a session; then another one is run."""
_CALLS = ("fsync", "replace", "unlink")


class Disk:
    """What is on the disk for certain, of a folder in which a session runs.

    Args:
        root: The folder; it need not exist yet.

    Attributes:
        moments: How many there were at which a power cut could have come.
        calls: Numbers of those beside a call that matters: something is synced, renamed or removed.
        generations: The contents that were synced, by the name of the file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.moments = 0
        self.calls: list[int] = []
        self.generations: dict[str, list[bytes]] = {}
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, dict[str, tuple[int, bool]]] = {}
        self._lock = threading.RLock()
        self._asked: Callable[[int], None] = lambda moment: None
        if root.is_dir():  # what was there before has been there for long
            for path in (root, *root.rglob("*")):
                self._take(path)

    @contextmanager
    def watching(self, asked: Callable[[int], None] = lambda moment: None) -> Generator[None]:
        """Follows what this process does to the folder.

        Args:
            asked: Called at each moment that a power cut could come, with its number.
        """
        self._asked = asked
        calls = {name: getattr(os, name) for name in _CALLS}
        line = energy.session.folder.SessionFolder.line
        for name, call in calls.items():
            setattr(os, name, self._followed(name, call))

        def logged(folder: Any, received: Any) -> None:
            line(folder, received)
            self._moment()

        energy.session.folder.SessionFolder.line = logged  # type: ignore[method-assign]
        try:
            yield
        finally:
            energy.session.folder.SessionFolder.line = line  # type: ignore[method-assign]
            for name, call in calls.items():
                setattr(os, name, call)

    def _followed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def followed(*args: Any, **kwargs: Any) -> Any:
            self._moment()
            self.calls.append(self.moments)
            answer = call(*args, **kwargs)
            if name == "fsync":
                self._take(Path(f"/proc/self/fd/{args[0]}").readlink())
            self._moment()
            return answer

        return followed

    def _moment(self) -> None:
        with self._lock:
            if self.root.is_dir():
                self.moments += 1
                self._asked(self.moments)

    def _take(self, path: Path) -> None:
        """Takes a file or folder as it is: it was synced."""
        with self._lock:
            if path.is_dir():
                self._names[path.stat().st_ino] = _listed(path)
            elif path.is_relative_to(self.root):
                content = path.read_bytes()
                self._contents[path.stat().st_ino] = content
                self.generations.setdefault(path.name.removeprefix(".").removesuffix(".part"), []).append(
                    content
                )

    def cut(self, target: Path, chance: random.Random) -> None:
        """Makes a copy of the folder as a power cut may leave it now."""
        with self._lock:
            self._cut_folder(self.root.stat().st_ino, self.root, target, chance)

    def _cut_folder(self, number: int, live: Path | None, target: Path, chance: random.Random) -> None:
        target.mkdir()
        names = self._names.get(number, {})
        if live is not None and (chance.random() < 0.5):  # the system has written them by itself
            names = _listed(live)
        now = {entry.stat().st_ino: entry for entry in (live.iterdir() if live else ())}
        for name, (inode, is_folder) in names.items():
            if is_folder:
                self._cut_folder(inode, now.get(inode), target / name, chance)
            else:
                path = now.get(inode)
                content = path.read_bytes() if path else None
                (target / name).write_bytes(_after_cut(self._contents.get(inode, b""), content, chance))


def _listed(path: Path) -> dict[str, tuple[int, bool]]:
    return {entry.name: (entry.stat().st_ino, entry.is_dir()) for entry in sorted(path.iterdir())}


def _after_cut(synced: bytes, now: bytes | None, chance: random.Random) -> bytes:
    """The content of a file after a power cut, from that which was synced and that which was written."""
    if now is None or now == synced:
        return synced
    if not now.startswith(synced):  # written over: the footer of a file that is being closed
        return chance.choice((synced, now))
    added = now[len(synced) :]
    kept = chance.randrange(len(added) + 1)
    zeros = bytes(len(added) - kept)
    return synced + chance.choice((b"", added, added[:kept], added[:kept] + zeros, bytes(len(added))))


def wrecked(folder: Path, generations: dict[str, list[bytes]], chance: random.Random) -> str:
    """Damages one to three files of a folder; what was done, in words."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    done: list[str] = []
    for path in chance.sample(files, min(chance.randint(1, 3), len(files))):
        content, name = path.read_bytes(), path.relative_to(folder).as_posix()
        at = chance.randrange(len(content) + 1)
        kind = chance.choice(("cut", "zeros", "empty", "missing", "older", "draft"))
        older = generations.get(path.name, [])
        if kind == "older" and older:
            path.write_bytes(chance.choice(older))
        elif kind == "missing":
            path.unlink()
        elif kind == "draft":  # a rename that has not happened
            path.rename(path.with_name(f".{path.name}.part"))
        elif kind == "zeros":
            path.write_bytes(content[:at] + bytes(len(content) - at))
        else:
            path.write_bytes(b"" if kind == "empty" else content[:at])
        done.append(f"{name}: {kind} at {at}")
    return ", ".join(done)


class Cuts:
    """A session of a kind, and the folders that a power cut leaves of it.

    Args:
        kind: Bench and mode.
        place: A folder for all of it.
    """

    def __init__(self, kind: Kind, place: Path) -> None:
        self.kind, self.place = kind, place
        self.truth = place / "truth.json"
        self.crash = Crash(*kind, phase="", occurrence=0, after_s=0.0)
        self._number = 0
        self._counted = self.run("counted")

    def run(self, name: str, asked: Callable[[Disk, int], None] | None = None) -> Disk:
        """Runs the session in this process, whole; answers the disk."""
        folder = self.place / name
        disk = Disk(folder)
        with watched(Phase()) as truths, disk.watching(lambda moment: asked and asked(disk, moment)):
            run_kind(folder, *self.kind)
        self.truth.write_text(json.dumps(rows(truths[-1])), encoding="utf-8")
        return disk

    def cut(self, count: int, chance: random.Random) -> list[Path]:
        """Folders as so many power cuts in one session, and two just after it, leave them."""
        moments, calls = self._counted.moments, self._counted.calls
        chosen = {chance.choice((chance.randint(1, moments), chance.choice(calls))) for _ in range(count)}
        folders: list[Path] = []

        def asked(disk: Disk, moment: int) -> None:
            if moment in chosen:
                folders.append(self._next("cut"))
                disk.cut(folders[-1], chance)

        disk = self.run(self._next("run").name, asked)
        for _ in range(2):
            folders.append(self._next("end"))
            disk.cut(folders[-1], chance)
        return folders

    def cut_recovery(self, folder: Path, chance: random.Random) -> list[Path]:
        """Folders as power cuts leave them while an interrupted session is recovered."""
        folders: list[Path] = []
        work = self._next("recovered")
        shutil.copytree(folder, work)
        disk = Disk(work)

        def asked(moment: int) -> None:
            if chance.random() < 0.2:
                folders.append(self._next("cut"))
                disk.cut(folders[-1], chance)

        with disk.watching(asked), contextlib.suppress(UsageError):  # there is no session yet
            recover(work)
        return folders

    def _next(self, word: str) -> Path:
        self._number += 1
        return self.place / f"{word}-{self._number}"

    def after_cut(self, folder: Path) -> tuple[str, list[str]]:
        """What became of a folder after a power cut, and what must not be."""
        end = aftermath(self.crash, folder, self.truth)
        became = end.recovery.state if end.recovery else "no session"
        lost = became != "finished" and folder.name.startswith("end-")
        problems = [*end.problems, *(["it had ended, and is not finished"] if lost else [])]
        return f"{end.state}, {end.trials} -> {became}", problems

    def after_wreck(self, folder: Path, truth: dict[str, Any]) -> tuple[str, list[str]]:
        """What became of a damaged folder, and what must not be: an error without a code, other figures.

        Args:
            folder: The damaged folder.
            truth: ``result.json`` of the session that was not damaged, or ``session.json`` of a recording.
        """
        became = "refused"
        with contextlib.suppress(RecordingError, UsageError):  # a coded refusal
            became = recover(folder).state
        list_archive(folder.parent)
        try:
            sound = validate_paths([folder])[0].sound
        except UsageError as error:
            return f"{became}, nothing left", [] if error.code == "path.nothing" else [str(error)]
        try:
            result = json.loads((folder / _figures_in(self.kind)).read_bytes())
        except (OSError, ValueError):
            return f"{became}, no result", []
        valid = isinstance(result, dict) and bool(cast("dict[str, Any]", result).get("valid", True))
        if not sound or not valid:
            return f"{became}, marked", []
        shown = cast("dict[str, Any]", result)
        known = {window["number"]: window for window in truth["windows"]}  # of a recording some may be left
        same = all(window == known.get(window["number"]) for window in shown["windows"])
        if self.kind[1] != "record":
            same = same and shown["windows"] == truth["windows"] and shown["session"] == truth["session"]
        problems = [] if same else ["it is valid and sound with other figures"]
        return f"{became}, sound", problems


def _figures_in(kind: Kind) -> str:
    return SESSION_NAME if kind[1] == "record" else RESULT_NAME


def cut_many(count: int, chance: random.Random, say: Callable[[str], None]) -> int:
    """Damages many folders and prints what became of them.

    Args:
        count: How many.
        chance: Source of all that is random.
        say: Prints a line.

    Returns:
        How many were wrong.
    """
    seen: Counter[str] = Counter()
    failed = number = 0
    while number < count:
        kind = KINDS[(number // EACH) % len(KINDS)]
        with tempfile.TemporaryDirectory() as path:
            cuts = Cuts(kind, Path(path))
            for what, became, problems in of_one_session(cuts, chance):
                number += 1
                seen[f"{what:12} {kind[0]}/{kind[1]:12} {became}"] += 1
                if problems:
                    failed += 1
                    say(f"WRONG: {kind}: {what}: {'; '.join(problems)}")
                if number == count:
                    break
    for what, times in sorted(seen.items()):
        say(f"{what:72} {times:4}")
    say(f"{number} folders damaged, {failed} wrong")
    return failed


def of_one_session(cuts: Cuts, chance: random.Random) -> Generator[tuple[str, str, list[str]]]:
    """Cuts in a session, cuts in recoveries of what they leave, and any damage.

    Yields:
        How a folder was damaged, what became of it, and its problems.
    """
    folders = cuts.cut(EACH // 2, chance)
    for folder in folders[:: max(len(folders) // 3, 1)]:
        for again in cuts.cut_recovery(folder, chance)[:2]:
            yield "in recovery", *cuts.after_cut(again)
    for folder in folders:
        yield "power cut", *cuts.after_cut(folder)
    whole = cuts.place / "whole"
    disk = cuts.run(whole.name)
    truth = json.loads((whole / _figures_in(cuts.kind)).read_text(encoding="utf-8"))
    for _ in range(EACH // 2):
        folder = Path(shutil.copytree(whole, cuts.place / "wrecks" / "one"))
        if chance.random() < 0.5:
            (folder / "manifest.json").unlink()
        done = wrecked(folder, disk.generations, chance)
        became, problems = cuts.after_wreck(folder, truth)
        yield "any damage", became, [f"{problem} ({done})" for problem in problems]
        shutil.rmtree(folder)
