"""The tree of exceptions: each carries a code, a plain sentence, a hint and the program's exit status."""

from __future__ import annotations

import traceback
from collections.abc import Generator
from contextlib import contextmanager

EXIT_OK = 0
EXIT_FINDINGS = 1
"""Measured or checked, but with errors found."""
EXIT_USAGE = 2
EXIT_BENCH = 3
EXIT_INTERRUPTED = 4
EXIT_SUPPLY_ON = 5
"""The supply may still be on: nobody has confirmed that it is off."""
EXIT_UNDECIDED = 6
"""``check``: the figure is so near its limit that its uncertainty leaves the decision open."""


LONGEST_MESSAGE = 2000
"""Characters of a message: an instrument can answer with thousands, which no terminal and no record needs."""


def shortened(text: str) -> str:
    """A text of at most `LONGEST_MESSAGE` characters: of a longer one, its beginning and its end."""
    left_out = len(text) - LONGEST_MESSAGE
    if left_out <= 0:
        return text
    begin, end = 3 * LONGEST_MESSAGE // 4, LONGEST_MESSAGE // 4 - 100
    return f"{text[:begin]} ... ({len(text) - begin - end} characters more) ... {text[-end:]}"


class JoulebenchError(Exception):
    """The base of all errors of joulebench.

    Attributes:
        code: Stable name of the error (``"trace.truncated"``).
        message: What was expected and what came.
        hint: What to try next.
        also: What else failed while things were brought to an end because of it.
    """

    exit_status = EXIT_FINDINGS

    def __init__(self, code: str, message: str, hint: str) -> None:
        message = shortened(message)
        super().__init__(f"{message} [{code}]")
        self.code = code
        self.message = message
        self.hint = hint
        self.also: list[JoulebenchError] = []

    @property
    def worst_status(self) -> int:
        """The exit status of the gravest of this and what else failed: a supply that may still be on."""
        supply_on = any(isinstance(error, SupplyOnError) for error in (self, *self.also))
        return EXIT_SUPPLY_ON if supply_on else self.exit_status


class UsageError(JoulebenchError):
    """The command was given something it cannot work with."""

    exit_status = EXIT_USAGE


class InternalError(JoulebenchError):
    """A defect of the program: an exception that nobody foresaw, with the place it comes from."""

    def __init__(self, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        where = f" ({frames[-1].name}, line {frames[-1].lineno})" if frames else ""
        super().__init__(
            "internal",
            f"{type(error).__name__}: {error}{where}",
            "This is a defect of joulebench: please report it with the session's folder.",
        )


@contextmanager
def defects() -> Generator[None]:
    """Makes an ``InternalError`` of an exception that nobody foresaw, so that what comes next still runs.

    Raises:
        InternalError: ``internal``, with the exception as its cause.
    """
    try:
        yield
    except JoulebenchError:
        raise
    except Exception as error:
        raise InternalError(error) from error


class RecordingError(JoulebenchError):
    """A recording or trace cannot be read or written as what it claims to be."""


class RecordingWriteError(RecordingError):
    """The operating system refuses to write a recording: nothing was measured, whatever was found."""

    exit_status = EXIT_BENCH


class TooLargeError(RecordingError):
    """A file is beyond a limit of its reader (``energy.recording.limits``): that is no damage of the file."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__("file.too-large", message, hint)


class BenchError(JoulebenchError):
    """An instrument, a wire or the bench file is not as it must be. The hint names wire and expectation."""

    exit_status = EXIT_BENCH


class StreamEndedError(BenchError):
    """The monitor's stream is over, and nothing is wrong: a recording has been played to its end."""


class TimingError(BenchError):
    """Edges or samples were not where the monitor's clock puts them; a wrong sample clock is one cause."""


class SupplyOnError(BenchError):
    """The DUT's supply may still be on. Above every other cause: a person must act."""

    exit_status = EXIT_SUPPLY_ON


def supply_on_behind(raised: BaseException) -> SupplyOnError | None:
    """The word that the supply may still be on, where an interrupt came after it and took its place.

    Args:
        raised: The exception that arrived, with those raised before it in its context.
    """
    before: BaseException | None = raised
    while before is not None:
        also = before.also if isinstance(before, JoulebenchError) else []
        for error in (before, *also):
            if isinstance(error, SupplyOnError):
                return error
        before = before.__cause__ or before.__context__
    return None
