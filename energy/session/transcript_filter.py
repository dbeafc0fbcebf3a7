"""A filter for transcripts: leaves out the bytes of inputs, up to a million lines in accuracy mode."""

from __future__ import annotations

import re
import threading

from energy.instruments import Line, Transcript

_DATA = re.compile(r"db [0-9a-f]{2}")


class TranscriptFilter:
    """Passes lines on, but for ``db HH..`` and the ``m-ready`` that answers it, which are counted.

    The loaded input is still known: by the name of its file and the digest of the validation set.

    Args:
        inner: Takes the lines that are left.
    """

    def __init__(self, inner: Transcript) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._count = 0
        self._awaited = False

    def __call__(self, line: Line) -> None:
        """Takes a line."""
        with self._lock:
            if line.sent and _DATA.match(line.text):
                self._count += 1
                self._awaited = True
                return
            if self._awaited and not line.sent and line.text == "m-ready":
                self._awaited = False
                return
            self._awaited = False
            if self._count:
                text = f"({self._count} times `db`, each answered by m-ready)"
                self._inner(Line(line.time_s, "session", sent=False, text=text))
                self._count = 0
        self._inner(line)
