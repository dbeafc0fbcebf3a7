"""``manifest.json``: SHA-256 and size of every file of a session, written last and checked on reading."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.inside import is_plain, is_there, open_inside, within
from energy.recording.jsonvalues import as_object, parse_json
from energy.recording.trace import read_text_file

FILE_NAME = "manifest.json"
SCHEMA = "joulebench.manifest/1"
_LARGEST_FILE = 16 << 20
UNREADABLE = (RecordingError, ValueError, KeyError, OSError)
"""What is raised if a manifest is none, or it or a file cannot be read."""


def manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """SHA-256 and size of every file under a folder, except the manifest, by relative path; no links."""
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        if is_plain(path) and path.name != FILE_NAME:
            files[path.relative_to(folder).as_posix()] = {"sha256": _hash(path), "bytes": path.stat().st_size}
    return files


def check_manifest(folder: Path) -> list[Finding]:
    """Which files of a folder are not what its manifest says; nothing where there is no manifest.

    Files that came later (pictures) are not looked at.
    """
    path = folder / FILE_NAME
    if not is_there(path):
        return []
    try:
        found = altered(folder)
    except UNREADABLE as error:
        return [Finding("session.altered", f"{FILE_NAME} cannot be read: {error!r}")]
    return [Finding("session.altered", ", ".join(found.values()))] if found else []


def altered(folder: Path) -> dict[str, str]:
    """The files of a folder that are not what its manifest says, each with a word on it, by relative path.

    Raises:
        RecordingError, ValueError, KeyError, OSError: If a file cannot be read (``UNREADABLE``).
    """
    with within(folder):
        return {
            name: said for name, entry in _entries(folder).items() if (said := _altered(folder, name, entry))
        }


def names_in(folder: Path) -> set[str]:
    """The files that a folder's manifest vouches for, by relative path.

    Raises:
        RecordingError: ``file.*``.
        ValueError, KeyError: If it is no manifest.
    """
    return set(_entries(folder))


def _entries(folder: Path) -> dict[str, Any]:
    text = read_text_file(folder / FILE_NAME, _LARGEST_FILE, hint="Restore the file.")
    return as_object(as_object(parse_json(text))["files"])


def _altered(folder: Path, name: str, entry: Any) -> str | None:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return f"{name} (outside the folder)"
    try:
        return None if _hash(folder / name) == as_object(entry)["sha256"] else name
    except (FileNotFoundError, NotADirectoryError):
        return f"{name} (missing)"
    except RecordingError as error:
        return f"{name} ({'a link' if error.code == 'file.link' else 'no file'})"


def _hash(path: Path) -> str:
    with open_inside(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
