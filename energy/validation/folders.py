"""The search for sessions in folders, to a few levels; it follows no link, and states what it left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from energy.evidence.reader import SessionEvidence

DEEPEST = 4
DEEPEST_LISTED = 8
"""For lists of sessions: folders of sweeps of projects."""
MOST_FOLDERS = 20_000
MOST_LISTED = 2_000_000


@dataclass
class Search:
    """The folders that a search found.

    Attributes:
        folders: Those that were wanted, by name.
        left: A folder that it did not look into, because it had looked into so many; or None.
        deeper: A folder that it did not look into, because it lies deeper than it looks.
        most: So many folders it looks into.
        deepest: So many levels down it looks.
    """

    folders: list[Path] = field(default_factory=list[Path])
    left: Path | None = None
    deeper: Path | None = None
    most: int = MOST_FOLDERS
    deepest: int = DEEPEST

    @property
    def cut_off(self) -> str:
        """A sentence on what was not looked into; empty where everything was."""
        parts: list[str] = []
        if self.left is not None:
            parts.append(
                f"{self.most} folders were looked into, and no more: {self.left} and others were not"
            )
        if self.deeper is not None:
            parts.append(
                f"folders more than {self.deepest} levels down were not looked into, such as {self.deeper}"
            )
        return "; ".join(parts)


def folders_where(path: Path, wanted: Callable[[SessionEvidence], bool]) -> list[Path]:
    """Folders whose files are wanted, to a few levels; none below such a folder, and no link is followed."""
    return search_folders(path, wanted).folders


def search_folders(
    path: Path,
    wanted: Callable[[SessionEvidence], bool],
    *,
    most: int = MOST_FOLDERS,
    deepest: int = DEEPEST,
) -> Search:
    """As ``folders_where``, with what the search did not look into."""
    search = Search(most=most, deepest=deepest)
    waiting = [(path, 0)]
    looked = 0
    while waiting:
        if looked == most:
            search.left = min(folder for folder, _ in waiting)
            break
        folder, depth = waiting.pop()
        looked += 1
        if wanted(SessionEvidence(folder)):
            search.folders.append(folder)
            continue
        below = _folders_in(folder)
        if depth < deepest:
            waiting += [(each, depth + 1) for each in below]
        elif below and search.deeper is None:
            search.deeper = min(below)
    search.folders.sort()
    return search


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []  # the tree's own search reports it
