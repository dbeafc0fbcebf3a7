"""Standard output and error, closed, full or in any encoding; and errors for what the system refuses."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import Any, TextIO, cast

from energy.errors import JoulebenchError, UsageError

_ASCII = {
    "\N{MICRO SIGN}": "u",
    "\N{GREEK SMALL LETTER MU}": "u",
    "\N{GREEK CAPITAL LETTER OMEGA}": "Ohm",
    "\N{DEGREE SIGN}": "deg ",
    "\N{PLUS-MINUS SIGN}": "+-",
    "\N{MIDDLE DOT}": "-",
    "\N{EN DASH}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-",
}
_HINTS = {
    errno.EMFILE: "Close other programs, or raise the limit of open files: ulimit -n 4096.",
    errno.ENFILE: "Close other programs: the system has no more open files to give.",
    errno.ENAMETOOLONG: "Use a shorter path.",
    errno.ENOSPC: "Free disk space or choose another disk.",
    errno.EDQUOT: "Free disk space or choose another disk.",
    errno.EACCES: "Check the permissions.",
    errno.EPERM: "Check the permissions.",
    errno.EROFS: "Choose another disk: this one cannot be written.",
    errno.ELOOP: "Name the file itself: its links lead in a circle.",
    errno.ENOTDIR: "Check the path: a part of it is a file.",
    errno.EISDIR: "Name a file: this is a folder.",
    errno.ENOENT: "Check the path.",
    errno.EEXIST: "Name another file.",
    errno.EIO: "Check the disk; where standard output is closed, redirect it.",
    errno.EBADF: "Standard output or error is closed: redirect it, for example to a file.",
}


def prepare() -> bool:
    """Makes both streams usable: a closed one is replaced, and a character that one lacks is spelled.

    Returns:
        Whether standard output was closed, so that a result would be lost.
    """
    closed = cast("Any", sys.stdout) is None
    codecs.register_error("joulebench", _near)
    sys.stdout = _usable(sys.stdout)
    sys.stderr = _usable(sys.stderr)
    return closed


def _usable(stream: TextIO | Any) -> TextIO:
    if stream is None:  # closed before the program began
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - for the rest of the process
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        cast("Any", stream).reconfigure(errors="joulebench")
    return cast("TextIO", stream)


def _near(error: UnicodeError) -> tuple[str, int]:
    """ASCII in place of a character that a stream's encoding lacks: ``uJ`` for the unit, else ``?``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_ASCII.get(letter, "?") for letter in lacking), error.end


def flush() -> None:
    """Writes what waits in standard output.

    Raises:
        OSError: If it cannot be written.
    """
    sys.stdout.flush()


def finish(stream: TextIO) -> None:
    """Writes what waits in a stream; if that fails, leads it to nowhere."""
    try:
        stream.flush()
    except (OSError, ValueError):
        discard(stream)


def is_unicode(stream: TextIO) -> bool:
    """Whether a stream can hold any character."""
    return codecs.lookup(stream.encoding or "ascii").name.startswith("utf")


def discard(stream: TextIO) -> None:
    """Leads a stream that cannot be written to nowhere, so that no later flush fails."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # it has no descriptor: nothing is left to be flushed
        return


def refused(error: OSError | ImportError) -> JoulebenchError | None:
    """The error for what the operating system refuses; None for a defect of the program.

    Args:
        error: An exception that no part of the program has turned into an error of its own. A module that
            cannot be imported for lack of files counts; one that is not there does not.
    """
    number = error.errno if isinstance(error, OSError) else _number_in(str(error))
    if number is None or number not in _HINTS:
        return None
    what = os.strerror(number)
    name = getattr(error, "filename", None)
    about = f"{name}: {what}" if name is not None else f"the system refuses: {what}"
    return UsageError(f"system.{errno.errorcode[number].lower()}", about, _HINTS[number])


def _number_in(text: str) -> int | None:
    return next((number for number in (errno.EMFILE, errno.ENFILE) if os.strerror(number) in text), None)
