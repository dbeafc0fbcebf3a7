"""Progress of long work: a bar in a notebook, a line in a terminal, or a function of the caller's."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from energy.printable import printable
from energy.report.notebook import bar

Report = Callable[[float, str], None]
"""Called with the part done (0 to 1) and a text."""
_EVERY_S = 0.2
_CLEAR_LINE = "\r\x1b[K"


@contextmanager
def shown(title: str, progress: Report | bool) -> Generator[Report]:
    """Shows progress within the context.

    Args:
        title: Name of the work.
        progress: A function to call; True: a bar in a notebook, a line on standard error in a terminal,
            nothing elsewhere; False: nothing.
    """
    if callable(progress):
        yield progress
    elif progress and _in_notebook():
        yield from _bar(title)
    elif progress and sys.stderr.isatty():
        yield from _line(title)
    else:
        yield lambda done, doing: None


def _in_notebook() -> bool:
    """Whether IPython runs in a kernel, so that a front end shows what is displayed."""
    shell = sys.modules.get("IPython")
    found: Any = shell.get_ipython() if shell is not None else None
    return found is not None and hasattr(found, "kernel")


def _bar(title: str) -> Generator[Report]:
    display: Any = import_module("IPython.display")
    handle: Any = display.display(display.HTML(bar(title, 0.0, "")), display_id=True)
    try:
        yield _seldom(lambda done, doing: handle.update(display.HTML(bar(title, done, doing))))
    finally:
        handle.update(display.HTML(""))


def _line(title: str) -> Generator[Report]:
    def write(done: float, doing: str) -> None:
        plain = printable(doing[:60])
        sys.stderr.write(f"{_CLEAR_LINE}{title} {done:4.0%} {plain}")
        sys.stderr.flush()

    try:
        yield _seldom(write)
    finally:
        sys.stderr.write(_CLEAR_LINE)
        sys.stderr.flush()


def _seldom(report: Report) -> Report:
    """The function, called no more often than a person can read."""
    last_s = -_EVERY_S

    def sometimes(done: float, doing: str) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= _EVERY_S:
            last_s = now_s
            report(done, doing)

    return sometimes
