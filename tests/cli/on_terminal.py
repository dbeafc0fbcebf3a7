"""Runs the program on a real terminal (a pty) of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios

from tests.conftest import ROOT

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(words: list[str], width: int, *, environment: dict[str, str] | None = None) -> str:
    """What the terminal shows, without colours; standard error is among it."""
    child, master = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        # readline, which pytest imports, sets COLUMNS behind os.environ: this environment is the whole one
        given = {"TERM": "xterm", "PYTHONPATH": str(ROOT), **(environment or {})}
        known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        os.read(0, 1)  # until the terminal has its width
        os.execve(sys.executable, [sys.executable, "-m", "energy.cli.main", "-q", *words], {**known, **given})
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
