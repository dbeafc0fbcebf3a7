"""Archives of recordings: folders here, or object stores that fsspec opens (``s3://``, ``gs://``, ``file://``).

A recording in a store is copied into a temporary folder, a block at a time, and read there as any other: the
readers need files. Its names come from the store and may be anything, so only plain relative ones are taken.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from energy.errors import JoulebenchError, RecordingError, UsageError
from energy.recording.limits import MOST_FILES
from energy.recording.store import TRACE_NAME
from energy.validation.folders import DEEPEST_LISTED, MOST_LISTED, search_folders

_URL = re.compile(r"[a-z][a-z0-9+.:-]+://", re.IGNORECASE)
_BLOCK = 8 << 20
_SPARE = 64 << 20
"""Bytes of the disk that a copy leaves free."""
_HINT = "Check the address, and that this machine may read it."


def is_store(archive: str) -> bool:
    """Whether an archive is the address of a store, and not a folder."""
    return _URL.match(archive) is not None


def recordings_in(archive: str) -> tuple[list[str], str]:
    """The recordings of an archive.

    Args:
        archive: A folder, or the address of a store.

    Returns:
        Their folders relative to the archive, sorted (``"."`` for itself), and a sentence on what was
        not looked into; empty where everything was.

    Raises:
        UsageError: ``path.missing``, ``store.unknown``, ``store.no-fsspec``.
        RecordingError: ``store.unreadable``.
    """
    if not is_store(archive):
        root = Path(archive)
        if not root.is_dir():
            raise UsageError("path.missing", f"{root} is no folder", "Name a folder of recordings.")
        search = search_folders(
            root, lambda evidence: evidence.has_trace, most=MOST_LISTED, deepest=DEEPEST_LISTED
        )
        return sorted(path.relative_to(root).as_posix() for path in search.folders), search.cut_off
    system, root = _opened(archive)
    with _refusals(archive):
        found = [str(name) for name in system.find(root)]
    traces = [name_within(root, name) for name in found if name.endswith(f"/{TRACE_NAME}")]
    return sorted({PurePosixPath(name).parent.as_posix() for name in traces}), ""


@contextmanager
def local(archive: str, name: str) -> Generator[tuple[Path, int]]:
    """A recording as a folder of this machine, and how many bytes its files have.

    Args:
        archive: As in ``recordings_in``.
        name: One of its answers.

    Raises:
        RecordingError: ``store.unreadable``, ``store.name``, ``store.disk``.
        UsageError: ``store.unknown``, ``store.no-fsspec``.
    """
    if not is_store(archive):
        folder = Path(archive) / name
        yield folder, sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
        return
    system, root = _opened(archive)
    where = root if name == "." else f"{root.rstrip('/')}/{name}"
    with tempfile.TemporaryDirectory(prefix="joulebench-") as made:
        folder = Path(made) / "recording"
        with _refusals(archive):
            files = system.find(where, detail=True)
            size = _copied(system, where, files, folder)
        yield folder, size


def _copied(system: Any, where: str, files: dict[str, dict[str, Any]], folder: Path) -> int:
    """Copies the files of a recording; answers their size in bytes."""
    total = sum(int(entry.get("size") or 0) for entry in files.values())
    if len(files) > MOST_FILES:
        raise RecordingError("store.name", f"{where} has {len(files)} files", "Is it one recording?")
    free = shutil.disk_usage(folder.parent).free
    if total + _SPARE > free:
        raise RecordingError(
            "store.disk",
            f"{where} has {total} bytes, {free} are free in {folder.parent.parent}",
            "Set TMPDIR to a larger disk.",
        )
    for name in files:
        target = folder / name_within(where, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with system.open(name, "rb") as read, target.open("xb") as written:
            shutil.copyfileobj(read, written, _BLOCK)
    return total


def name_within(root: str, name: str) -> str:
    """A name below a root, as a plain relative path.

    Raises:
        RecordingError: ``store.name``.
    """
    below = name.lstrip("/").removeprefix(root.strip("/")).lstrip("/")
    parts = PurePosixPath(below).parts
    if not parts or ".." in parts or "\\" in below or "\0" in below or ":" in parts[0]:
        raise RecordingError("store.name", f"{name!r} is no name of a file in a recording", "Rename it.")
    return PurePosixPath(*parts).as_posix()


def _opened(archive: str) -> tuple[Any, str]:
    """The file system of a store and the root in it."""
    try:
        core: Any = import_module("fsspec.core")
    except ImportError as error:
        raise UsageError(
            "store.no-fsspec",
            f"{archive} is in a store, and fsspec is not installed",
            "pip install 'joulebench[cluster]', or copy the archive to a folder.",
        ) from error
    with _refusals(archive):
        try:
            system, root = core.url_to_fs(archive)
        except (ValueError, ImportError) as error:
            raise UsageError(
                "store.unknown",
                f"{archive} cannot be opened: {error}",
                "Install the store's package for fsspec.",
            ) from error
    return system, str(root)


@contextmanager
def _refusals(archive: str) -> Generator[None]:
    try:
        yield
    except JoulebenchError:
        raise
    except OSError as error:
        raise RecordingError("store.unreadable", f"{archive} cannot be read: {error}", _HINT) from error
    except Exception as error:  # each store's library has errors of its own, which are no OSError
        text = f"{archive} cannot be read: {type(error).__name__}: {error}"
        raise RecordingError("store.unreadable", text, _HINT) from error
