"""What depends on an unverified fact, and how to verify it on hardware: by module and by words of the fact."""

from __future__ import annotations

from typing import NamedTuple


class Way(NamedTuple):
    """What hangs on facts of a kind.

    Attributes:
        module: Pattern of the module's name.
        words: Pattern of subject and sentence.
        depends: What goes wrong if it is not so.
        verify: How to find out.
    """

    module: str
    words: str
    depends: str
    verify: str


WAYS: tuple[Way, ...] = (
    Way(r".*", r".*", "what it is said of", "run it with the instrument and read the session's log.txt"),
)
"""The first that fits counts; the last one fits everything."""
