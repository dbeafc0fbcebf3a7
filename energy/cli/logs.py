"""The program's log, for finding faults: logger ``joulebench``, on standard error or in a file.

Library code logs to ``joulebench.<room>`` and never prints: decisions and repeats at INFO, each line on each
wire at DEBUG (``joulebench.wire``). Nothing is shown unless it is asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections.abc import Generator
from pathlib import Path

from energy.errors import UsageError
from energy.printable import escaped

LOGGER = logging.getLogger("joulebench")
FILE_OPTION = "--log-file"
_ROOT = len("joulebench.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds ``-v``, ``-q`` and ``--log-file``, which stand before or after the verb."""
    group = parser.add_argument_group("what is shown beside the result")
    group.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=argparse.SUPPRESS,
        help="decisions and repeats on standard error; -vv: each line on each wire, too",
    )
    group.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="no progress: result and errors only",
    )
    group.add_argument(
        FILE_OPTION, type=Path, default=argparse.SUPPRESS, metavar="FILE", help="append all of it to a file"
    )


def quiet() -> bool:
    """Whether no progress is wanted."""
    return any(
        isinstance(handler, _Terminal) and handler.level >= logging.ERROR for handler in LOGGER.handlers
    )


@contextlib.contextmanager
def logged(options: argparse.Namespace) -> Generator[None]:
    """The logger writes where the options ask for; afterwards it is as it was before.

    Raises:
        UsageError: ``usage.log-file`` if the file cannot be written.
    """
    handlers = list[logging.Handler]()
    verbose, silent = getattr(options, "verbose", 0), getattr(options, "quiet", False)
    shown = logging.ERROR if silent else (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handlers.append(_Terminal(shown))
    level = shown
    file: Path | None = getattr(options, "log_file", None)
    if file is not None:
        handlers.append(_file(file))
        level = logging.DEBUG
    before = LOGGER.level, LOGGER.propagate
    LOGGER.setLevel(level)
    LOGGER.propagate = False
    for handler in handlers:
        LOGGER.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            LOGGER.removeHandler(handler)
            handler.close()
        LOGGER.level, LOGGER.propagate = before


def _file(path: Path) -> logging.Handler:
    from energy.recording.inside import refuse_special

    try:
        refuse_special(path)
        return _File(path)
    except OSError as error:
        raise UsageError(
            "usage.log-file", f"the log file {path} cannot be written: {error}", "Name another file."
        ) from error


class _Terminal(logging.Handler):
    """Standard error as it is when a record comes: a bar that is shown there moves out of the way."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.setFormatter(_Plain("%(room)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record."""
        with contextlib.suppress(OSError):  # its reader has gone
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()


class _File(logging.FileHandler):
    """The log file; when it cannot be written any more, a single warning reports it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(_Plain("%(asctime)s.%(msecs)03d %(levelname)-7s %(room)s: %(message)s", _TIME))
        self._failed = False

    def close(self) -> None:
        """Closes it. On a full disk the buffer cannot be written, which ``handleError`` has reported."""
        with contextlib.suppress(OSError):
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # its name in the standard library
        if not self._failed:
            self._failed = True
            sys.stderr.write(f"warning: the log file {self.baseFilename} cannot be written any more\n")


_TIME = "%Y-%m-%dT%H:%M:%S"


class _Plain(logging.Formatter):
    """A line for each record: text from an instrument cannot end a line or steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        record.room = record.name[_ROOT:] or "joulebench"
        text = super().format(record)
        return escaped(text)
