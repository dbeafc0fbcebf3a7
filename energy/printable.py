"""Text from elsewhere, made safe for where it is shown: terminal, log, figure, CSV, JSON, HTML.

Names of files, lines of logs and answers of instruments may hold anything. Characters that are not printable
(``str.isprintable``: control characters of C0 and C1, line separators, marks that reverse the direction of
text, lone surrogates) can steer a terminal or hide a part of a line, so none is shown as it is.
"""

from __future__ import annotations

import re

_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_LINES = "\n\t"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Beginnings of a cell that spreadsheets calculate; the last four are the same signs in full width."""
_BEYOND_ASCII = "\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
_IN_JSON = re.compile(f"[{_BEYOND_ASCII}]")
_STEERS = re.compile(f"[\x00-\x08\x0b-\x1f{_BEYOND_ASCII}]")


def printable(text: str) -> str:
    """A line of text: U+FFFD in place of each character that is not printable."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _UNKNOWN for c in text)


def printable_lines(text: str) -> str:
    """Text of several lines: as ``printable``, but for line feeds and tabs."""
    return "".join(c if c.isprintable() or c in _LINES else _UNKNOWN for c in text)


def escaped(text: str) -> str:
    r"""A line of a log: ``\xNN`` or ``\uNNNN`` in place of each character that is not printable."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def drawable(text: str) -> str:
    """Text of a figure that is made already: U+FFFD in place of what steers text, thin spaces as they are."""
    return _STEERS.sub(_UNKNOWN, text)


def for_figure(text: str) -> str:
    """Text for matplotlib: as ``printable_lines``, and no dollar begins a formula."""
    return printable_lines(text).replace("$", r"\$")


def for_cell(text: str) -> str:
    """Text for a cell of a CSV file: as ``printable_lines``, with an apostrophe before a formula."""
    plain = printable_lines(text)
    return f"'{plain}" if plain.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else plain


def for_json(document: str) -> str:
    r"""A JSON document: ``\uNNNN`` in place of the characters in its texts that could steer a terminal."""
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", document)
