"""``manifest.json``: SHA-256 and size of every file of a session, written last and checked on reading."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from energy.errors import RecordingError
from energy.evidence.names import MANIFEST_NAME
from energy.findings import Finding
from energy.recording.inside import is_plain, is_there, open_inside, within
from energy.recording.jsonvalues import as_object, parse_json
from energy.recording.limits import LARGEST_HOLES, LARGEST_MANIFEST, MOST_FILES, refuse_larger
from energy.recording.trace import read_text_file

SCHEMA = "joulebench.manifest/1"
_HINT = "Its files are nearly empty: copy them again from where they were measured."


@dataclass(frozen=True)
class ManifestVerdict:
    """The result of comparing a folder with its manifest.

    Attributes:
        present: Whether there is a manifest.
        unreadable: Why it, or a file that it names, cannot be read; None where all can be.
        named: The files that it vouches for, by relative path.
        altered: Those that differ from it, each with a word on how, by relative path.
    """

    present: bool
    unreadable: str | None = None
    named: frozenset[str] = frozenset()
    altered: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def findings(self) -> list[Finding]:
        """``session.altered`` where the folder differs from its manifest; nothing without a manifest."""
        if self.unreadable is not None:
            return [Finding("session.altered", f"{MANIFEST_NAME} cannot be read: {self.unreadable}")]
        return [Finding("session.altered", ", ".join(self.altered.values()))] if self.altered else []


def manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """SHA-256 and size of every file under a folder, except the manifest, by relative path; no links.

    A draft of the manifest, which a killed host has left, is replaced with it.
    """
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        if is_plain(path) and path.name not in (MANIFEST_NAME, f".{MANIFEST_NAME}.part"):
            files[path.relative_to(folder).as_posix()] = {"sha256": _hash(path), "bytes": path.stat().st_size}
    return files


def document(folder: Path) -> dict[str, Any]:
    """``manifest.json`` of a folder as it is now."""
    return {"schema": SCHEMA, "files": manifest(folder)}


def compare_with_manifest(folder: Path) -> ManifestVerdict:
    """Compares the files of a folder with its manifest; those that came later (pictures) are left out."""
    path = folder / MANIFEST_NAME
    if not is_there(path):
        return ManifestVerdict(present=False)
    try:
        text = read_text_file(path, LARGEST_MANIFEST, hint="Restore the file.")
        entries = as_object(as_object(parse_json(text, what=MANIFEST_NAME))["files"])
        refuse_larger(MANIFEST_NAME, len(entries), MOST_FILES, "files", "Restore the file.")
        budget = _Holes()
        with within(folder):
            altered = {
                name: word
                for name, entry in entries.items()
                if (word := _altered(folder, name, entry, budget)) is not None
            }
    except (RecordingError, ValueError, KeyError, OSError) as error:
        return ManifestVerdict(present=True, unreadable=repr(error))
    return ManifestVerdict(True, None, frozenset(entries), altered)


def check_manifest(folder: Path) -> list[Finding]:
    """Finds the files of a folder that differ from its manifest; nothing where there is no manifest."""
    return compare_with_manifest(folder).findings


@dataclass
class _Holes:
    """Hashes files; many names of one file, and holes of sparse files, cost no more than what is stored."""

    read: int = 0
    stored: int = 0
    hashes: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])

    def hash(self, path: Path, size: int) -> str | None:
        """The SHA-256 of a file; None for one that has not ``size`` bytes."""
        with open_inside(path) as file:
            found = os.fstat(file.fileno())
            if found.st_size != size:
                return None
            key = found.st_dev, found.st_ino
            if key not in self.hashes:
                self.read += found.st_size
                self.stored += _on_disk(found)
                refuse_larger(MANIFEST_NAME, self.read, LARGEST_HOLES + 4 * self.stored, "bytes", _HINT)
                self.hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
            return self.hashes[key]


def _on_disk(found: os.stat_result) -> int:
    """Bytes that a file takes on its disk; its size where the system does not say."""
    return getattr(found, "st_blocks", -(-found.st_size // 512)) * 512


def _altered(folder: Path, name: str, entry: Any, budget: _Holes) -> str | None:
    """The name of a file that differs from its entry, with the reason; None where it does not."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return f"{name} (outside the folder)"
    if PurePosixPath(name).as_posix() != name:
        return f"{name} (not a plain relative path)"
    stated = as_object(entry)
    if not {"sha256", "bytes"} <= stated.keys():
        return f"{name} (its SHA-256 or its size is not stated)"
    try:
        return None if budget.hash(folder / name, stated["bytes"]) == stated["sha256"] else name
    except (FileNotFoundError, NotADirectoryError):
        return f"{name} (missing)"
    except RecordingError as error:
        if error.code == "file.too-large":
            raise
        return f"{name} ({'a link' if error.code == 'file.link' else 'no file'})"


def _hash(path: Path) -> str:
    with open_inside(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
