"""Files that come with the program: bench files, wiring sheets, pages of the documentation, a recording.

A checkout has them where they are edited. A wheel has a copy of ``docs/`` and ``fixtures/recordings/`` in
``energy/shipped_files/`` (pyproject, ``force-include``). Bench files are in
``energy/bench/benches/`` in both.
"""

from __future__ import annotations

import re
from pathlib import Path

from energy.bench.spelling import closest
from energy.errors import UsageError

_PACKAGE = Path(__file__).resolve().parents[1]
BENCHES = _PACKAGE / "bench" / "benches"
_KINDS = (
    ("bench file", "energy/bench/benches", "*.toml"),
    ("wiring sheet", "docs/wiring", "*.svg"),
    ("page", "docs", "**/*.md"),
    ("recording", "fixtures/recordings", "*/"),
)
_NAMED = re.compile(r"(?<![\w/.~-])(?:docs|fixtures)/[\w./-]*\w")
"""A shipped file as texts of the program name it."""


def shipped_files() -> list[tuple[str, str, Path]]:
    """The files that come with the program: kind, name and path of each."""
    found: list[tuple[str, str, Path]] = []
    for kind, folder, pattern in _KINDS:
        root = BENCHES if folder.endswith("benches") else _root() / folder
        for path in sorted(root.glob(pattern)):
            if kind == "recording" and not path.is_dir():
                continue
            inside = path.relative_to(root).as_posix()
            name = path.stem if kind == "bench file" else f"{folder}/{inside}"
            found.append((kind, name, path))
    return found


def shipped(name: str) -> Path:
    """The path of a file that comes with the program.

    Args:
        name: A bench's name (``lpm01a``), a path as pages and hints name it (``docs/wiring/lpm01a.svg``), or
            the last part of such a path.

    Raises:
        UsageError: ``shipped.unknown``, with the names that are spelled like it.
    """
    files = shipped_files()
    for _, known, path in files:
        if name in (known, path.name):
            return path
    similar = closest(name, [known for _, known, _ in files] + [path.name for *_, path in files])
    raise UsageError(
        "shipped.unknown",
        f"nothing called {name!r} comes with joulebench" + (f": did you mean {similar}?" if similar else ""),
        "`joulebench shipped` lists what does.",
    )


def located(text: str) -> str:
    """A text with names of shipped files resolved: names not below the current folder become paths."""

    def path_of(match: re.Match[str]) -> str:
        name = match.group()
        path = _root() / name
        return name if Path(name).exists() or not path.exists() else str(path)

    return _NAMED.sub(path_of, text)


def _root() -> Path:
    """The folder that ``docs`` and ``fixtures`` are in."""
    inside = _PACKAGE / "shipped_files"
    return inside if inside.is_dir() else _PACKAGE.parent
