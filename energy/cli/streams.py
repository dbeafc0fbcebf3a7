"""Standard output and standard error in any encoding, closed, full, or as a pipe whose reader has gone."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys
from collections.abc import Generator
from typing import TextIO

from energy.errors import JoulebenchError, UsageError

_HANDLER = "joulebench.readable"
_READABLE = {"µ": "u", "·": "*", "–": "-", "─": "-", "±": "+-", "°": "deg", "×": "x", "Ω": "ohm", "…": "..."}
_STREAM_ERRORS = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT, errno.EFBIG)


def _readable(error: UnicodeError) -> tuple[str, int]:
    """Replaces letters that an encoding lacks by others that can be read."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_READABLE.get(letter, ascii(letter)[1:-1]) for letter in letters), error.end


codecs.register_error(_HANDLER, _readable)


@contextlib.contextmanager
def usable_streams() -> Generator[None]:
    """Within the context every letter can be printed, also where the encoding lacks it.

    Raises:
        UsageError: ``output.closed`` if standard output is closed: a result would be lost.
    """
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]  # closed by the shell: 2>&-
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for the whole process
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise UsageError(
            "output.closed", "standard output is closed, so that no result can be shown", "Use >/dev/null."
        )
    before = [(stream, getattr(stream, "errors", None)) for stream in (sys.stdout, sys.stderr)]
    for stream, _ in before:
        _reconfigure(stream, _HANDLER)
    try:
        yield
    finally:
        for stream, errors in before:
            _reconfigure(stream, errors)


def is_unicode(stream: TextIO) -> bool:
    """Whether a stream can hold any letter."""
    return codecs.lookup(stream.encoding or "ascii").name.startswith("utf")


def file_error(error: OSError) -> JoulebenchError:
    """A coded error for what the operating system refused.

    Args:
        error: The error; without a file name it is one of standard output.
    """
    reason = error.strerror or str(error)
    if error.filename is None and error.errno in _STREAM_ERRORS:
        return UsageError(
            "output.failed",
            f"standard output cannot be written: {reason}",
            "Free disk space, or write the output elsewhere; a session's folder has its figures too.",
        )
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return UsageError("file.too-many", f"{error.filename}: {reason}", "Raise the limit: ulimit -n 1024.")
    name = error.filename if error.filename is not None else "a file"
    return UsageError("file.refused", f"{name}: {reason}", "Check the path, its permissions and its disk.")


def abandon_output() -> None:
    """Throws away what standard output still holds, so that the end of the process reports nothing more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reconfigure(stream: TextIO, errors: str | None) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and errors is not None:
        with contextlib.suppress(OSError):  # it writes what is left: that error is reported already
            reconfigure(errors=errors)
