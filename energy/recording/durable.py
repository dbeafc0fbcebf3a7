"""Puts files on the disk so that a power cut leaves the old file or the new, never a name without content.

POSIX orders nothing by itself: the content of a file is on the disk once the file was synced (``fsync``), its
name once the folder that holds the name was. So a file is replaced in four steps: a draft is written, synced,
renamed over the old name, and the folder is synced. Where a system cannot sync a folder (Windows), that step
is left out.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from energy.recording.inside import is_plain, open_inside

_UNABLE = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
"""The answers of file systems that cannot sync a folder, such as some network's."""


def sync_file(path: Path) -> None:
    """Waits until the content of a regular file is on the disk.

    Raises:
        OSError: If the disk refuses, or the file is not there.
        RecordingError: ``file.link``, ``file.unreadable`` if it is no regular file.
    """
    with open_inside(path) as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on the disk.

    Raises:
        OSError: If the disk refuses, or the folder is not there.
    """
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Waits until all regular files below a folder, and their names, are on the disk.

    Raises:
        OSError: If the disk refuses.
    """
    folders = [folder]
    for path in sorted(folder.rglob("*")):
        if is_plain(path):
            sync_file(path)
        elif path.is_dir() and not path.is_symlink():
            folders.append(path)
    for path in reversed(folders):
        sync_folder(path)


def put_in_place(draft: Path, target: Path) -> None:
    """Renames a draft, whose content was synced, over another name in its folder; the new name lasts.

    Raises:
        OSError: If the disk refuses.
    """
    draft.replace(target)
    sync_folder(target.parent)
