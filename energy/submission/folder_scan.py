"""Scans a folder once, within limits and without following links: names and sizes; no file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from energy.findings import Finding
from energy.printable import printable
from energy.recording.limits import DEEPEST, MOST_ENTRIES, MOST_OF_A_KIND
from energy.runs.files import is_junk_name

_UNUSUAL = set(" ()[]{}'\"&;,!?*<>|\\")


@dataclass
class Node:
    """A folder.

    Attributes:
        path: Its path.
        shown: Its path for messages: printable, and relative to where the search began.
        parent: The folder above; None for the root of the file system.
        folders: Folders in it, by name.
        files: Sizes in bytes of the files in it, by name.
        scanned: Whether its content was read; it is not for folders above the beginning of the search.
    """

    path: Path
    shown: str
    parent: Node | None = None
    folders: dict[str, Node] = field(default_factory=dict[str, "Node"])
    files: dict[str, int] = field(default_factory=dict[str, int])
    scanned: bool = True

    @property
    def name(self) -> str:
        """Its name."""
        return self.path.name

    def show(self, name: str) -> str:
        """A file's path as findings show it."""
        return printable(name if self.shown == "." else f"{self.shown}/{name}")

    @property
    def above(self) -> Node:
        """The folder above; that of the root of the file system is the root itself, as for a ``Path``."""
        return self.parent or self

    def ancestors(self) -> Iterator[Node]:
        """The folders above, the nearest first."""
        node = self.parent
        while node:
            yield node
            node = node.parent

    def walk(self) -> Iterator[Node]:
        """This folder and all below it, by name."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += [node.folders[name] for name in sorted(node.folders, reverse=True)]


class Notes:
    """Findings of a search; only the first thousand of each code are kept."""

    def __init__(self, findings: list[Finding]) -> None:
        self._findings = findings
        self._counts: dict[str, int] = {}

    def add(self, code: str, evidence: str, shown: str) -> None:
        """Adds a finding."""
        self._counts[code] = self._counts.get(code, 0) + 1
        if self._counts[code] <= MOST_OF_A_KIND:
            self._findings.append(Finding(code, evidence, path=shown))


def scan(top: Path, notes: Notes) -> tuple[Node, int]:
    """Scans a folder.

    Returns:
        Its node, with nodes for the folders above it, and the number of entries that were read.
    """
    above: Node | None = None
    absolute = top.absolute()
    for parent in reversed(absolute.parents):
        above = Node(parent, "..", above, scanned=False)
    root = Node(absolute, ".", above)
    entries = 0
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        for name, kind, size in _list(node, notes, MOST_ENTRIES - entries):
            entries += 1
            if kind == "folder":
                child = Node(node.path / name, node.show(name), node)
                node.folders[name] = child
                if depth + 1 < DEEPEST:
                    waiting.append((child, depth + 1))
                else:
                    notes.add("tree.too-large", f"folders deeper than {DEEPEST} are not read", child.shown)
            else:
                node.files[name] = size
        if entries >= MOST_ENTRIES:
            notes.add("tree.too-large", f"only the first {MOST_ENTRIES} entries are read", node.shown)
            break
    return root, entries


def _list(node: Node, notes: Notes, most: int) -> list[tuple[str, str, int]]:
    """Name, kind and size of the entries of a folder, without junk and links, in order of name."""
    found: list[tuple[str, str, int]] = []
    try:
        with os.scandir(node.path) as listing:
            for number, entry in enumerate(listing):
                if number >= most:
                    break
                if taken := _entry(node, entry, notes):
                    found.append(taken)
    except OSError as error:
        notes.add("tree.unreadable", f"{error.strerror or error}", node.shown)
        return []
    if not found and node.parent and node.parent.scanned:
        notes.add("tree.empty-folder", "it holds nothing, or only files that are not read", node.shown)
    return sorted(found)


def _entry(node: Node, entry: os.DirEntry[str], notes: Notes) -> tuple[str, str, int] | None:
    name, shown = entry.name, node.show(entry.name)
    if is_junk_name(name):
        notes.add("tree.junk", "left by a desktop or an editor; it is not read", shown)
        return None
    if entry.is_symlink():
        notes.add("tree.link", "a symbolic link; it is not followed", shown)
        return None
    if _UNUSUAL.intersection(name) or printable(name) != name:
        notes.add("tree.unusual-name", f"{printable(name)!r}", shown)
    if entry.is_dir(follow_symlinks=False):
        if name == "__pycache__":
            notes.add("tree.pycache", "compiled Python files", shown)
            return None
        return name, "folder", 0
    if not entry.is_file(follow_symlinks=False):
        notes.add("tree.special-file", "neither file nor folder; it is not read", shown)
        return None
    return name, "file", entry.stat(follow_symlinks=False).st_size
