"""Excerpts of text files that prove a finding: the lines that it names, or the lines with its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Literal

from energy.errors import RecordingError
from energy.findings import Finding
from energy.recording.inside import is_plain, within
from energy.runs.plain_text import read_plain
from energy.runs.results_text import Figure, read_results_text

TEXT_FILES = ("results.txt", "log.txt")
_LARGEST = 16 << 20
_MOST_LINES = 12
_LONGEST_LINE = 240
_AROUND = 1
_NAMED = re.compile(r"\blines? ([0-9]{1,9})")
_NUMBER = re.compile(r"(?<![\w.])[0-9]+\.[0-9]+(?![\w.]*[0-9])")
_FEWEST_DIGITS = 4
"""Only numbers with more characters than this are searched for: shorter ones occur in too many lines."""


Why = Literal["named", "window", "numbers"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an excerpt.

    Attributes:
        number: Number of the line in the file, from 1.
        text: Its text; a very long line is cut.
        proves: Whether it proves the finding; False for a line before or after such a line.
    """

    number: int
    text: str
    proves: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a file.

    Attributes:
        path: The file's path, as findings show it.
        lines: The lines in order; where numbers jump, lines were left out.
        why: ``"named"`` if the finding names the lines, ``"window"`` if they are printed for its window,
            ``"numbers"`` if they hold the numbers of its evidence.
    """

    path: str
    lines: tuple[Line, ...]
    why: Why


def excerpts(finding: Finding, root: Path, folder: str) -> list[Excerpt]:
    """The lines of files that prove a finding.

    Args:
        finding: The finding.
        root: The folder that its path is relative to.
        folder: The run's folder, also relative to ``root``; its files are searched if the finding names none.
    """
    with within(root):
        return _excerpts(finding, root, folder)


def _excerpts(finding: Finding, root: Path, folder: str) -> list[Excerpt]:
    files = list(_files(finding, root, folder))
    numbers = list(finding.lines) or [int(text) for text in _NAMED.findall(finding.evidence)]
    if numbers and files and files[0][0] == finding.path:
        return [_excerpt(*files[0], numbers, "named")]
    if finding.window is not None and (printed := _of_window(finding.window, root, folder)):
        return [printed]
    tokens = {text for text in _NUMBER.findall(finding.evidence) if len(text) > _FEWEST_DIGITS}
    if not tokens:
        return []
    wanted = re.compile("|".join(rf"(?<![\w.]){re.escape(text)}(?!\w)" for text in sorted(tokens)))
    found: list[Excerpt] = []
    for shown, lines in files:
        hits = [number for number, line in enumerate(lines, start=1) if wanted.search(line)]
        if 0 < len(hits) <= _MOST_LINES // 2:
            found.append(_excerpt(shown, lines, hits, "numbers"))
    return found


def _of_window(window: int, root: Path, folder: str) -> Excerpt | None:
    """The lines that results.txt prints for a window."""
    shown = f"{folder}/{TEXT_FILES[0]}"
    path = _inside(root, shown)
    lines = _lines_of(path) if path else []
    if path is None or not lines:
        return None
    try:
        windows = read_results_text(path).windows
    except RecordingError:
        return None
    if not 0 < window <= len(windows):
        return None
    printed = [getattr(windows[window - 1], item.name) for item in fields(windows[window - 1])]
    numbers = [figure.line for figure in printed if isinstance(figure, Figure)]
    return _excerpt(shown, lines, numbers, "window") if numbers else None


def _files(finding: Finding, root: Path, folder: str) -> Iterable[tuple[str, list[str]]]:
    names = [finding.path] if finding.path else []
    names += [f"{folder}/{name}" for name in TEXT_FILES if f"{folder}/{name}" not in names]
    for name in names:
        path = _inside(root, name)
        if path and (lines := _lines_of(path)):
            yield name, lines


def _inside(root: Path, name: str) -> Path | None:
    """The text file with this name below a root, or None: a path that leads outside is never opened."""
    path = root / name
    inside = path.is_relative_to(root) and ".." not in path.relative_to(root).parts
    return path if inside and is_plain(path) and path.suffix in (".txt", ".json", ".async") else None


@lru_cache(maxsize=8)
def _lines_of(path: Path) -> list[str]:
    try:
        return read_plain(path, largest=_LARGEST).text.split("\n")
    except RecordingError:
        return []  # a finding reports what is wrong with it


def _excerpt(shown: str, lines: list[str], numbers: list[int], why: Why) -> Excerpt:
    meant = {number for number in numbers if 0 < number <= len(lines)}
    near = {number + step for number in meant for step in range(-_AROUND, _AROUND + 1)}
    taken = sorted(number for number in near if 0 < number <= len(lines))[:_MOST_LINES]
    return Excerpt(
        shown,
        tuple(Line(number, lines[number - 1][:_LONGEST_LINE], number in meant) for number in taken),
        why,
    )
