"""The sessions in folders, filtered; from an index where there is one, else from their documents.

The index (``energy.validation.index``) is never the only copy: each session's files are looked at by time and
size, and a session that differs from its row is read again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from energy import __version__
from energy.errors import UsageError
from energy.evidence.names import MANIFEST_NAME, RESULT_NAME, SESSION_NAME
from energy.recording.limits import MOST_ENTRIES
from energy.validation.conditions import Columns, Condition
from energy.validation.folders import DEEPEST_LISTED, MOST_LISTED, Search, search_folders
from energy.validation.index import INDEX_NAME, Index, IndexProblem, opened
from energy.validation.listing import ListedSession, listed_session

SHORT = {
    "energy": "joule_per_inference",
    "throughput": "inferences_per_second",
    "power": "power_w",
    "voltage": "voltage_v",
    "clock": "clock_hz",
    "benchmark": "workload",
    "session": "folder",
}
"""Short names of columns."""
_HINT = (
    "Write --where COLUMN=VALUE, such as workload=kws01, 'energy<1mJ', 'voltage<=1.8V', board~nucleo, "
    "valid=true, or --where energy for sessions that have one. `joulebench sessions --csv` has all columns."
)
_FEW = 200
"""Sessions that are read as quickly as an index is opened."""
_SIGNED = (SESSION_NAME, RESULT_NAME, MANIFEST_NAME)

Progress = Callable[[int, int], None]
"""Called with how many sessions have been read, and how many there are."""


@dataclass
class Listing:
    """Sessions in folders.

    Attributes:
        sessions: Those that meet the conditions, by name.
        total: How many there are.
        notes: Sentences on what was left out, or is wrong with an index.
        read: How many of them were read from their documents, not from an index.
        without: Folders that hold no session.
    """

    sessions: list[ListedSession] = field(default_factory=list[ListedSession])
    total: int = 0
    notes: list[str] = field(default_factory=list[str])
    read: int = 0
    without: list[Path] = field(default_factory=list[Path])


def _quiet(done: int, total: int) -> None:
    """Shows nothing."""


def list_archive(
    *folders: Path,
    where: Sequence[str] = (),
    reindex: bool = False,
    progress: Progress = _quiet,
) -> Listing:
    """Every session and recording in some folders that meets conditions, by name; no link is followed.

    Args:
        folders: Sessions, folders of them, sweeps. A session that is in two of them is listed once.
        where: Conditions, such as ``"energy<1mJ"``; every one must hold.
        reindex: Whether the index of each folder is made again, or made at all.
        progress: Called as sessions are read.

    Raises:
        UsageError: ``path.missing``, ``sessions.condition``; ``sessions.no-duckdb`` if an index is to be made
            and cannot be.
    """
    conditions = _conditions(where)
    for folder in folders:
        if not folder.is_dir():
            raise UsageError("path.missing", f"{folder} is no folder", "Name a folder of sessions.")
    listing = Listing()
    request = _Request(conditions, listing, reindex, progress)
    found: dict[Path, ListedSession] = {}
    paths: set[Path] = set()
    for folder in folders:
        search = _search(folder)
        if search.cut_off:
            listing.notes.append(search.cut_off)
        if not search.folders:
            listing.without.append(folder)
        paths |= {_once(path, folders) for path in search.folders}
        for session in _sessions_of(folder, search, request):
            found.setdefault(_once(session.folder, folders), session)
    listing.total, listing.sessions = len(paths), list(found.values())
    return listing


def _once(path: Path, folders: Sequence[Path]) -> Path:
    """A name of a session that is the same in each folder it is found in."""
    return path.resolve() if folders[1:] else path


@dataclass(frozen=True)
class _Request:
    """The parts of a request that every folder is asked with."""

    conditions: Sequence[Condition]
    listing: Listing
    reindex: bool
    progress: Progress

    def meets(self, session: ListedSession) -> bool:
        """Whether a session meets the conditions."""
        return _meets(session, self.conditions)


def meets_all(session: ListedSession, where: Sequence[str]) -> bool:
    """Whether a line of a list meets conditions as ``list_archive`` takes them."""
    return _meets(session, _conditions(where))


def _meets(session: ListedSession, conditions: Sequence[Condition]) -> bool:
    if not conditions:
        return True
    row = session.to_json()
    return all(condition.met(row) for condition in conditions)


def _conditions(where: Sequence[str]) -> list[Condition]:
    columns = Columns(list(ListedSession(Path()).to_json()), SHORT, "sessions.condition", _HINT)
    return columns.conditions(where)


def list_sessions(*folders: Path) -> list[ListedSession]:
    """Every session and recording in some folders, as ``list_archive`` lists them.

    Raises:
        UsageError: ``path.missing``.
    """
    return list_archive(*folders).sessions


def signature(folder: Path) -> str:
    """Time and size of a session's documents: if they differ, so may what the index has of it."""
    parts: list[str] = []
    for name in _SIGNED:
        try:
            found = os.lstat(folder / name)
        except OSError:
            parts.append("-")
        else:
            parts.append(f"{found.st_mtime_ns}/{found.st_size}")
    return " ".join(parts)


def files_signature(folder: Path) -> str:
    """Names, times and sizes of all files of a session, as a digest."""
    parts: list[str] = []
    waiting = [str(folder)]
    while waiting and len(parts) < MOST_ENTRIES:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    found = entry.stat(follow_symlinks=False)
                    parts.append(f"{entry.path}\0{found.st_mtime_ns}/{found.st_size}/{found.st_mode}")
        except OSError as error:
            parts.append(f"{here}\0{error.errno}")
    parts.sort()
    cut = len(str(folder))
    text = "\0".join(part[cut:] for part in parts)
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=16).hexdigest()


def remembered(
    root: Path,
    folders: Sequence[Path],
    make: Callable[[Path], str],
    what: str,
    progress: Progress = _quiet,
) -> dict[Path, str]:
    """Texts of sessions that depend on their files alone, from the index of the folder that holds them.

    A text is made again where a file of the session has another time or size. What goes wrong with the index
    is logged, and its texts are not answered.

    Args:
        root: The folder.
        folders: Sessions in it.
        make: Makes the text of a session.
        what: Name and version of the text; that of joulebench is added.
        progress: Called as texts are made.

    Returns:
        The texts by folder; empty where the folder has no index, and too few sessions for one.
    """
    if root in folders or not (len(folders) >= _FEW or (folders and (root / INDEX_NAME).is_file())):
        return {}
    what = f"{what} {__version__}"
    names = {folder.relative_to(root).as_posix(): folder for folder in folders}
    signatures = {name: files_signature(folder) for name, folder in names.items()}
    try:
        with opened(root, make=True) as index:
            known = index.remembered(what)
            texts = {
                name: known[name][1]
                for name, signed in signatures.items()
                if name in known and known[name][0] == signed
            }
            rows: dict[str, tuple[str, str]] = {}
            for number, name in enumerate(names.keys() - texts.keys()):
                progress(number, len(names) - len(texts))
                rows[name] = signatures[name], make(names[name])
            texts |= {name: text for name, (_, text) in rows.items()}
            if rows or known.keys() - names.keys():
                index.remember(what, rows, known.keys() - names.keys())
    except IndexProblem as problem:
        problem.log()
        return {}
    return {names[name]: text for name, text in texts.items()}


def note_session(folder: Path) -> None:
    """Adds a session that has just ended to the index of the folder that holds it, if that has one.

    Nothing that goes wrong here may make a session fail: it is logged, and the next list reads the session.

    Args:
        folder: The session's folder.
    """
    root = folder.parent
    if not (root / INDEX_NAME).is_file():
        return
    try:
        with opened(root) as index:
            index.put({folder.name: (signature(folder), listed_session(folder))})
    except IndexProblem as problem:
        problem.log()


def _sessions_of(folder: Path, search: Search, request: _Request) -> list[ListedSession]:
    listing = request.listing
    many = len(search.folders) >= _FEW and folder not in search.folders
    if request.reindex or many or (folder / INDEX_NAME).is_file():
        try:
            return _through_sound_index(folder, search, request)
        except IndexProblem as problem:
            if request.reindex:
                raise problem.as_error() from problem
            if problem.worth_a_note:
                listing.notes.append(problem.text)
    sessions: list[ListedSession] = []
    for number, path in enumerate(search.folders):
        request.progress(number, len(search.folders))
        sessions.append(listed_session(path))
    listing.read += len(sessions)
    return [session for session in sessions if request.meets(session)]


def _through_sound_index(folder: Path, search: Search, request: _Request) -> list[ListedSession]:
    """As ``_through_index``; an index whose damage shows only as it is read is made again."""
    try:
        return _through_index(folder, search, request)
    except IndexProblem as problem:
        if request.reindex or not problem.damaged:
            raise
        request.listing.notes.append(f"{problem.text}; it was made again")
        return _through_index(folder, search, replace(request, reindex=True))


def _through_index(folder: Path, search: Search, request: _Request) -> list[ListedSession]:
    """The sessions that meet the conditions, by the index, brought up to date.

    Raises:
        IndexProblem: If it cannot be used, or made.
    """
    listing = request.listing
    names = {path.relative_to(folder).as_posix(): path for path in search.folders}
    signatures = {name: signature(path) for name, path in names.items()}
    with opened(folder, make=True, again=request.reindex) as index:
        listing.notes += index.notes
        known = index.signatures()
        fresh = {name: names[name] for name, signed in signatures.items() if known.get(name) != signed}
        rows: dict[str, tuple[str, ListedSession]] = {}
        for number, (name, path) in enumerate(fresh.items()):
            request.progress(number, len(fresh))
            rows[name] = (signatures[name], listed_session(path))
        sessions = index.sessions(folder, names.keys() - rows.keys(), request.conditions)
        _bring_up_to_date(index, listing, rows, known.keys() - names.keys())
    listing.read += len(rows)
    sessions |= {name: session for name, (_, session) in rows.items() if request.meets(session)}
    return [sessions[name] for name in names if name in sessions]


def _bring_up_to_date(
    index: Index, listing: Listing, rows: dict[str, tuple[str, ListedSession]], gone: set[str]
) -> None:
    if not rows and not gone:
        return
    try:
        index.put(rows, gone)
    except IndexProblem as problem:  # what was read is listed all the same
        listing.notes.append(problem.text)


def _search(folder: Path) -> Search:
    return search_folders(
        folder, lambda evidence: evidence.has_session, most=MOST_LISTED, deepest=DEEPEST_LISTED
    )
