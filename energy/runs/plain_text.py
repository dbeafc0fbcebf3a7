"""Text files as runners on three operating systems wrote them, made plain; what was made plain is a finding.

Both runners put a stamp before their lines: EEMBC seconds of its own clock (``00319.889``), MLCommons month,
day and time of day (``0726.010245``) (mlperf-tiny.md 2).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from energy.findings import Finding
from energy.recording.inside import read_inside
from energy.recording.limits import LARGEST_LOG

_HINT = "Is it a file of a benchmark run? Copy it again from where it was written."
_ANSI = re.compile(r"\x1b\[[0-9;?]{0,40}[A-Za-z]")
_LEAP_YEAR = 2000
_SAMPLE = 4096
_MOSTLY = 0.8
"""Part of every other byte of a sample that is 0 in UTF-16 of Western text, and in nothing else."""


@dataclass(frozen=True)
class PlainText:
    """Text with line feeds at line ends, without escape sequences and byte order mark.

    Attributes:
        text: The text; a byte that is not UTF-8 is its character of Latin-1, or U+FFFD if it has none.
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

    text = data if isinstance(data, str) else _decoded(data, found)
    if text.startswith("\ufeff"):
        text = text[1:]
        found("tree.byte-order-mark", "the file begins with one")
    if "\r" in text:
        if count := text.count("\r\n"):
            found("tree.crlf", f"{count} lines")
        text = text.replace("\r", "\n") if "\n" not in text else text.replace("\r", "")
    if "\x1b" in text:
        text, count = _ANSI.subn("", text)
        found("tree.ansi", f"{count} of them")
    if text and not text.endswith("\n"):
        found("tree.no-final-newline", f"it ends in {text[-40:].splitlines()[-1:]}")
    return PlainText(text, shown, tuple(findings))


def _decoded(data: bytes, found: Callable[[str, str], None]) -> str:
    """The text of UTF-16 (as PowerShell writes it, with or without its mark), else of UTF-8 or Latin-1."""
    head = data[:_SAMPLE]
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    zeros = [head[parity::2].count(0) * 2 / max(len(head), 1) for parity in (0, 1)]
    if wide or max(zeros) > _MOSTLY > 1 - _MOSTLY > min(zeros):
        big = data.startswith(codecs.BOM_UTF16_BE) if wide else zeros[0] > zeros[1]
        text = data.decode("utf-16-be" if big else "utf-16-le", "replace")
        found("tree.utf-16", "big endian" if big else "little endian")
        if count := text.count("\ufffd"):
            found("tree.not-utf8", f"{count} places are no UTF-16 either")
        return text
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", _LATIN_1)
    before = data.decode("utf-8", "ignore").count("\ufffd")  # as others have replaced them
    unknown = text.count("\ufffd") - before
    strange = len(data.decode("utf-8", "surrogateescape")) - len(data.decode("utf-8", "ignore"))
    found("tree.not-utf8", f"{strange} bytes; {strange - unknown} of them are read as Latin-1")
    return text


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """Stands for bytes that are not UTF-8: their characters in Latin-1, U+FFFD for its control characters."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end].decode("latin-1")
    return "".join(character if character.isprintable() else "\ufffd" for character in wrong), error.end


_LATIN_1 = "joulebench.latin-1"
codecs.register_error(_LATIN_1, _as_latin_1)


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
    if len(stamp) == 11 and stamp[4] == ".":
        whole, rest = stamp[:4], stamp[5:]
        try:
            date = year, int(whole[:2]), int(whole[2:])
            moment = datetime(*date, int(rest[:2]), int(rest[2:4]), int(rest[4:]))
        except ValueError:
            return float("nan")
        return (moment - datetime(1970, 1, 1)).total_seconds()
    return float(stamp)
