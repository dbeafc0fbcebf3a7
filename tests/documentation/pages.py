"""The code blocks of a page, and a reader who does what they show: one mechanism for all pages.

In README.md and every page of ``docs/``:

* ```` ```console ```` is a terminal: a line that begins with ``$ `` is a command, what follows is what
  it prints. ``...`` stands for anything: in a line for a part of it, alone in a line for any lines. A command
  that ends ``# exit status 3`` ends so; every other one ends with 0.
* ```` ```python ```` is run, and later blocks of the page know its names.
* ```` ```sh ```` is not run: it needs a bench, or changes the machine. Its ``joulebench`` commands must be
  such as the program's parsers take.
* ``<!-- file: plan.toml -->`` before a block makes that file of it, and nothing else is done with the block.
* ``<!-- not run: REASON -->`` before a block leaves it out.
* ``<!-- needs: make gcc -->`` before a block: the page's test is skipped where a program is missing (in CI it
  fails).
* ``<!-- published: v0.5/closed/reference as v0.5/closed/reference -->`` copies published files to that place.

The blocks of a page are done in order, in a folder of its own that holds this project's ``fixtures/`` and
``docs/``.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

WIDTH = 100
"""Columns of the terminal."""
TIMEOUT_S = 300.0
_BLOCK = re.compile(
    r"(?P<notes>(?:^<!-- [^>]*-->\n\s*)*)^```(?P<kind>[\w{}-]*)\n(?P<body>.*?)^```$", re.M | re.S
)
_NOTE = re.compile(r"<!-- (file|not run|needs|published): (.*?) -->", re.DOTALL)
_STATUS = re.compile(r"#\s*exit status (\d+)\s*$")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Block:
    """A code block: its language, its text, the notes before it, and the line where it begins."""

    kind: str
    body: str
    notes: dict[str, str]
    line: int

    @property
    def commands(self) -> list[tuple[str, str]]:
        """The commands of a terminal, each with what it prints."""
        parts = re.split(r"^\$ (.*(?:(?<=\\)\n.*)*)\n?", self.body, flags=re.MULTILINE)
        if parts[0].strip():
            raise ValueError(f"line {self.line}: a block of a terminal begins with a command: {parts[0]!r}")
        return list(zip(parts[1::2], parts[2::2], strict=True))


def pages() -> list[Path]:
    """README.md, and every page of the documentation that is no notebook."""
    inside = sorted((ROOT / "docs").rglob("*.md"))
    return [ROOT / "README.md", *(path for path in inside if "{code-cell}" not in path.read_text("utf-8"))]


def blocks_of(text: str) -> list[Block]:
    """The code blocks of a page that are marked with a language."""
    return [
        Block(
            found["kind"],
            found["body"],
            dict(_NOTE.findall(found["notes"])),
            text.count("\n", 0, found.start("kind")) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]


def expected_status(command: str) -> int:
    """The exit status that a command's comment states, or 0."""
    found = _STATUS.search(command)
    return int(found[1]) if found else 0


def pattern_of(shown: str) -> re.Pattern[str]:
    """What a command may print, from what the page shows."""
    lines: list[str] = []
    for line in shown.rstrip().splitlines():
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*?".join(map(re.escape, line.rstrip().split("..."))) + r"\n")
    return re.compile("".join(lines))


def first_difference(shown: str, printed: str) -> str:
    """Where what is printed leaves what the page shows: for the message of a test that fails."""
    expected = shown.rstrip().splitlines()
    for count in range(len(expected), 0, -1):
        part = "\n".join(expected[:count])
        if pattern_of(part).match(printed):
            next_line = expected[count] if count < len(expected) else "the end"
            return f"after {expected[count - 1]!r} the page shows {next_line!r}"
    return f"the page begins with {expected[0]!r}" if expected else "the page shows nothing"


def tidy(text: str) -> str:
    """Printed text without colours, spaces at the ends of lines, and empty lines at both ends."""
    plain = _CONTROL.sub("", text).replace("\r\n", "\n")
    return "\n".join(line.rstrip() for line in plain.strip("\n").rstrip().splitlines()) + "\n"


class Reader:
    """Somebody with a terminal who follows a page in a folder.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        # The bar of progress is not part of what a page shows.
        shim = f'#!/bin/sh\nexec "{sys.executable}" -m energy.cli.main -q "$@"\n'
        (programs / "joulebench").write_text(shim)
        (programs / "joulebench").chmod(0o755)
        for name in ("fixtures", "docs"):
            (self.folder / name).symlink_to(ROOT / name)
        self.variables = {
            **{name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")},
            "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm",
            "MPLBACKEND": "agg",
        }
        self.names: dict[str, object] = {"__name__": "page"}

    def types(self, command: str) -> tuple[int, str]:
        """Runs a command in a terminal; returns its exit status and what it prints."""
        child, master = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.read(0, 1)  # until the terminal has its width
            os.execve("/bin/bash", ["bash", "-c", command], self.variables)
        try:
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDTH, 0, 0))
            os.write(master, b"\n")
            shown = _read(master, child)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        finally:
            os.close(master)  # not before its end: it would be hung up
        return status, tidy(shown.removeprefix("\r\n"))

    def python(self, code: str, page: str) -> None:
        """Runs lines of Python in the folder, with the names of those before."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            exec(compile(code, page, "exec"), self.names)
        finally:
            os.chdir(before)


def _read(master: int, child: int) -> str:
    shown = b""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        if not select.select([master], [], [], max(deadline - time.monotonic(), 0.0))[0]:
            os.kill(child, 9)
            raise TimeoutError(f"no end within {TIMEOUT_S:g} s; it printed {shown[-500:]!r}")
        try:
            data = os.read(master, 65536)
        except OSError:  # it has ended
            data = b""
        if not data:
            return shown.decode("utf-8", "replace")
        shown += data
