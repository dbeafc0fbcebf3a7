"""Text files as runners on three operating systems wrote them, made plain; what was made plain is a finding.

Both runners put a stamp before their lines: EEMBC seconds of its own clock (``00319.889``), MLCommons month,
day and time of day (``0726.010245``) (mlperf-tiny.md 2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from energy.findings import Finding
from energy.recording.inside import read_inside
from energy.recording.limits import LARGEST_LOG

_HINT = "Is it a file of a benchmark run? Copy it again from where it was written."
_ANSI = re.compile(r"\x1b\[[0-9;?]{0,40}[A-Za-z]")
_LEAP_YEAR = 2000


@dataclass(frozen=True)
class PlainText:
    """Text with line feeds at line ends, without escape sequences and byte order mark.

    Attributes:
        text: The text; bytes that are not UTF-8 are U+FFFD.
        shown: The file's name in findings.
        findings: What was made plain.
    """

    text: str
    shown: str
    findings: tuple[Finding, ...] = ()


def plain(data: str | bytes, shown: str) -> PlainText:
    """Makes text plain.

    Args:
        data: What the file holds.
        shown: Its name in findings.
    """
    findings: list[Finding] = []

    def found(code: str, evidence: str) -> None:
        findings.append(Finding(code, evidence, path=shown))

    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    if isinstance(data, bytes) and (count := text.count("\ufffd")):
        found("tree.not-utf8", f"{count} places")
    if text.startswith("\ufeff"):
        text = text[1:]
        found("tree.byte-order-mark", "the file begins with one")
    if "\r" in text:
        if count := text.count("\r\n"):
            text = text.replace("\r\n", "\n")
            found("tree.crlf", f"{count} lines")
        text = text.replace("\r", "\n") if "\n" not in text else text.replace("\r", "")
    if "\x1b" in text:
        text, count = _ANSI.subn("", text)
        found("tree.ansi", f"{count} of them")
    if text and not text.endswith("\n"):
        found("tree.no-final-newline", f"it ends in {text[-40:].splitlines()[-1:]}")
    return PlainText(text, shown, tuple(findings))


def read_plain(path: Path, shown: str | None = None, largest: int = LARGEST_LOG) -> PlainText:
    """Reads a text file and makes it plain.

    Raises:
        RecordingError: ``file.too-large``, ``file.unreadable``, ``file.link``.
    """
    return plain(read_bytes(path, largest), shown or path.name)


def read_bytes(path: Path, largest: int = LARGEST_LOG) -> bytes:
    """The bytes of a regular file of at most ``largest`` bytes.

    Raises:
        RecordingError: ``file.too-large``, ``file.unreadable``, ``file.link``.
    """
    return read_inside(path, largest, hint=_HINT)


def stamp_seconds(stamp: str, year: int = _LEAP_YEAR) -> float:
    """Seconds that a line's stamp stands for; NaN if it is no time.

    Args:
        stamp: ``sssss.mmm`` (EEMBC) or ``MMDD.HHMMSS`` (MLCommons).
        year: Year of an MLCommons stamp; its seconds count from 1970-01-01 as if local time were UTC.
    """
    whole, _, rest = stamp.partition(".")
    if len(whole) == 4 and len(rest) == 6:
        try:
            date = year, int(whole[:2]), int(whole[2:])
            moment = datetime(*date, int(rest[:2]), int(rest[2:4]), int(rest[4:]))
        except ValueError:
            return float("nan")
        return (moment - datetime(1970, 1, 1)).total_seconds()
    return float(stamp)
