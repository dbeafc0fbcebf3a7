"""Runs the program on a real terminal (a pty) of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

from tests.conftest import ROOT

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(
    words: list[str], width: int, *, environment: dict[str, str] | None = None, folder: Path = ROOT
) -> str:
    """What the terminal shows in a folder, without colours; standard error is among it."""
    child, master = pty.fork()
    if child == 0:
        os.chdir(folder)
        # Not execv: a library of this process may have set COLUMNS behind the back of os.environ.
        variables = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT), **(environment or {})}
        variables.pop("COLUMNS", None)
        os.read(0, 1)  # until the terminal has its width
        os.execve(sys.executable, [sys.executable, "-m", "energy.cli.main", "-q", *words], variables)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    os.write(master, b"\n")
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # it has ended
            break
        if not data:
            break
        shown += data
    os.waitpid(child, 0)
    os.close(master)
    return _CONTROL.sub("", shown.decode("utf-8", "replace")).replace("\r\n", "\n").lstrip("\n")
