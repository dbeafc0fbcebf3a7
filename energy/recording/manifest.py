"""``manifest.json``: SHA-256 and size of every file of a session, written last and checked on reading."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from energy.findings import Finding
from energy.recording.jsonvalues import as_object, parse_json
from energy.recording.trace import read_text_file

FILE_NAME = "manifest.json"
SCHEMA = "joulebench.manifest/1"
_LARGEST_FILE = 16 << 20


def manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """SHA-256 and size of every file under a folder, except the manifest, by relative path."""
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != FILE_NAME:
            files[path.relative_to(folder).as_posix()] = {"sha256": _hash(path), "bytes": path.stat().st_size}
    return files


def check_manifest(folder: Path) -> list[Finding]:
    """Which files of a folder are not what its manifest says; nothing where there is no manifest.

    Files that came later (pictures) are not looked at.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return []
    altered: list[str] = []
    try:
        document = as_object(parse_json(read_text_file(path, _LARGEST_FILE, hint="Restore the file.")))
        for name, entry in as_object(document["files"]).items():
            target = folder / name
            if Path(name).is_absolute() or ".." in Path(name).parts:
                altered.append(f"{name} (outside the folder)")
            elif not target.is_file():
                altered.append(f"{name} (missing)")
            elif _hash(target) != as_object(entry)["sha256"]:
                altered.append(name)
    except (ValueError, KeyError, OSError) as error:
        return [Finding("session.altered", f"{FILE_NAME} cannot be read: {error!r}")]
    return [Finding("session.altered", ", ".join(altered))] if altered else []


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
