"""The files of a session that a recovery replaces are kept as they were, before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from energy.errors import BenchError
from energy.evidence.names import (
    KEPT_FOLDER,
    MANIFEST_NAME,
    OFFICIAL_FOLDER,
    RESULT_NAME,
    SESSION_NAME,
)
from energy.recording.durable import put_in_place, sync_tree
from energy.recording.edgelog import FILE_NAME as EDGES_NAME
from energy.recording.inside import is_plain, open_inside

_REPLACED = (SESSION_NAME, RESULT_NAME, MANIFEST_NAME, EDGES_NAME)


def keep(path: Path) -> Path:
    """Copies the files that a recovery may replace into ``before-recovery``, once.

    A recovery that is interrupted and run again finds the folder, and leaves it as it is.

    Args:
        path: The session's folder.

    Returns:
        The folder with the copies.

    Raises:
        BenchError: ``session.write-failed``.
    """
    kept = path / KEPT_FOLDER
    if kept.is_dir():
        return kept
    draft = path / f".{KEPT_FOLDER}.part"
    official = path / OFFICIAL_FOLDER
    names = [name for name in _REPLACED if is_plain(path / name)]
    if official.is_dir():
        names += [f"{OFFICIAL_FOLDER}/{file.name}" for file in sorted(official.iterdir()) if is_plain(file)]
    try:
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir()
        for name in names:
            (draft / name).parent.mkdir(exist_ok=True)
            _copy(path / name, draft / name)
        sync_tree(draft)
        put_in_place(draft, kept)
    except OSError as error:
        raise BenchError(
            "session.write-failed",
            f"the files of {path} cannot be kept: {error}",
            "Free disk space, or copy the session to another disk and recover it there.",
        ) from error
    return kept


def _copy(source: Path, target: Path) -> None:
    with open_inside(source) as read, target.open("xb") as written:
        shutil.copyfileobj(read, written)
    shutil.copystat(source, target)
