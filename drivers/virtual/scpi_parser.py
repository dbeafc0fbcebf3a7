"""SCPI as an instrument reads it: headers, units, parameters, errors (SCPI-99 volume 1; IEEE 488.2, 7).

Headers are written as in a manual, ``[SENSe:]ELOG:PERiod``: capitals are the short form, parts in brackets
may be left out, ``#`` stands for a number (default 1). Any other node may have the suffix 1: ``:SOUR1:VOLT``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

NO_ERROR = '0,"No error"'
SYNTAX_ERROR = '-102,"Syntax error"'
DATA_TYPE_ERROR = '-104,"Data type error"'
NOT_ALLOWED = '-108,"Parameter not allowed"'
MISSING_PARAMETER = '-109,"Missing parameter"'
UNDEFINED_HEADER = '-113,"Undefined header"'
SUFFIX_OUT_OF_RANGE = '-114,"Header suffix out of range"'
INVALID_UNIT = '-131,"Invalid suffix"'
INVALID_STRING = '-151,"Invalid string data"'
EXPRESSION_ERROR = '-170,"Expression error"'
SETTINGS_CONFLICT = '-221,"Settings conflict"'
OUT_OF_RANGE = '-222,"Data out of range"'
ILLEGAL_PARAMETER = '-224,"Illegal parameter value"'
QUEUE_OVERFLOW = '-350,"Queue overflow"'
INPUT_OVERRUN = '-363,"Input buffer overrun"'
"""Entries of the error queue (SCPI-99, volume 2, 21.8)."""

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:\s*E\s*[+-]?\d+)?)\s*([A-Z]*)")
_OTHER_BASE = {"#H": 16, "#Q": 8, "#B": 2}
_PREFIXES = {"": 1.0, "U": 1e-6, "M": 1e-3, "N": 1e-9, "P": 1e-12, "K": 1e3, "MA": 1e6, "G": 1e9}
_UNITS = ("V", "A", "S", "W", "HZ", "OHM", "PCT", "")


class ScpiError(Exception):
    """An entry of the error queue: ``-222,"Data out of range"``."""


class Header:
    """A command's header as in a manual; a query's ends with ``?``."""

    def __init__(self, text: str) -> None:
        self._numbered: list[bool] = []

        def node(found: re.Match[str]) -> str:
            word, number = found[1], found[2]
            short = "".join(letter for letter in word if not letter.islower())
            self._numbered.append(bool(number))
            return f"(?:{word.upper()}|{short})(\\d*)" if short != word else f"{word}(\\d*)"

        query = text.endswith("?")
        body = text.removesuffix("?").replace("[", "(?:").replace("]", ")?")
        body = re.sub(r"([A-Za-z]+)(#?)", node, body)
        self._pattern = re.compile(body + (r"\?" if query else ""))

    def match(self, received: str) -> tuple[int, ...] | None:
        """The numbers in place of ``#``, if a received header is this command; None if it is another.

        Args:
            received: In capitals, with its path, without a colon in front.

        Raises:
            ScpiError: The header is this command with a number that no node of it has.
        """
        found = self._pattern.fullmatch(received)
        if found is None:
            return None
        groups = list(zip(found.groups(), self._numbered, strict=True))
        if any(text not in (None, "", "1") for text, numbered in groups if not numbered):
            raise ScpiError(SUFFIX_OUT_OF_RANGE)
        return tuple(int(text or 1) for text, numbered in groups if numbered)


@dataclass(frozen=True, slots=True)
class Call:
    """A received command.

    Attributes:
        text: The whole command.
        arguments: Its parameters without surrounding blanks, and without channel lists.
        channels: Its channel list ``(@1,2)``; empty if it has none.
        suffixes: Numbers in its header, in place of ``#`` in the pattern.
    """

    text: str
    arguments: tuple[str, ...]
    channels: tuple[int, ...] = ()
    suffixes: tuple[int, ...] = ()

    def word(self, index: int = 0) -> str:
        """A parameter, in capitals; a string keeps its quotes, as double ones.

        Raises:
            ScpiError: It is missing.
        """
        if index >= len(self.arguments):
            raise ScpiError(MISSING_PARAMETER)
        text = self.arguments[index]
        return f'"{unquoted(text)}"' if text[:1] in "\"'" else text.upper()

    def string(self, index: int, default: str | None = None) -> str:
        """A string parameter, without its quotes.

        Raises:
            ScpiError: It is missing and has no default, or is not a string.
        """
        if index >= len(self.arguments) and default is not None:
            return default
        word = self.word(index)
        if not word.startswith('"'):
            raise ScpiError(DATA_TYPE_ERROR)
        return unquoted(self.arguments[index])

    def choice(self, words: tuple[str, ...], index: int = 0) -> str:
        """A parameter that is one of these words (``ASCii``), quoted or not; returns its short form.

        Raises:
            ScpiError: It is missing, or none of them.
        """
        given = self.word(index).strip('"').upper()
        for word in words:
            short = "".join(letter for letter in word if not letter.islower())
            if given in (short, word.upper()):
                return short
        raise ScpiError(ILLEGAL_PARAMETER)

    def number(
        self,
        index: int = 0,
        low: float | None = None,
        high: float | None = None,
        default: float | None = None,
    ) -> float:
        """A parameter as a number; ``MIN``, ``MAX`` and ``DEF`` are these limits and this default.

        Raises:
            ScpiError: It is missing, not a number, outside the limits, or has another unit.
        """
        word = self.word(index)
        special = limit_of(word, low, high, default)
        value = special if special is not None else _number(word)
        if (low is not None and value < low) or (high is not None and value > high * (1 + 1e-9)):
            raise ScpiError(OUT_OF_RANGE)
        return value

    def switch(self, index: int = 0) -> bool:
        """A parameter ``ON``, ``OFF``, or a number, of which 0 means off.

        Raises:
            ScpiError: It is missing, or another word.
        """
        word = self.word(index)
        if word in ("ON", "OFF"):
            return word == "ON"
        if not _NUMBER.fullmatch(word):
            raise ScpiError(ILLEGAL_PARAMETER)
        return round(_number(word)) != 0


def limit_of(word: str, low: float | None, high: float | None, default: float | None) -> float | None:
    """The value of ``MINimum``, ``MAXimum`` or ``DEFault``; None for another word.

    Raises:
        ScpiError: The parameter has no such limit.
    """
    values = {"MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high, "DEF": default, "DEFAULT": default}
    if word not in values:
        return None
    value = values[word]
    if value is None:
        raise ScpiError(ILLEGAL_PARAMETER)
    return value


def _number(word: str) -> float:
    """A number in decimal, with a unit (``100MA``), or in another base (``#H1F``)."""
    if word[:2] in _OTHER_BASE:
        try:
            return float(int(word[2:], _OTHER_BASE[word[:2]]))
        except ValueError as error:
            raise ScpiError(DATA_TYPE_ERROR) from error
    found = _NUMBER.fullmatch(word)
    if not found:
        raise ScpiError(DATA_TYPE_ERROR)
    value, suffix = float(found[1].replace(" ", "")), found[2]
    for unit in _UNITS:
        if suffix.endswith(unit) and (prefix := suffix.removesuffix(unit) if unit else suffix) in _PREFIXES:
            if suffix and not unit:
                break  # a prefix alone
            return value * _PREFIXES[prefix]
    raise ScpiError(INVALID_UNIT)


def unquoted(text: str) -> str:
    """The content of a string parameter; a doubled quote in it is a quote.

    Raises:
        ScpiError: The string does not end.
    """
    quote = text[0]
    if len(text) < 2 or text[-1] != quote:
        raise ScpiError(INVALID_STRING)
    return text[1:-1].replace(2 * quote, quote)


def units(line: str) -> Iterator[tuple[str, str, str]]:
    """The units of a line, joined by ``;``: the unit, its header in capitals with its path, its parameters.

    A header without a colon in front continues in the path of the one before (SCPI-99, volume 1, 6.2.4). A
    common command (``*CLS``) does not change the path.
    """
    path = ""
    for unit in split(line, ";"):
        text = unit.strip()
        if not text:
            continue
        header, rest = [*re.split(r"\s+", text, maxsplit=1), ""][:2]
        header = header.upper()
        if not header.startswith("*"):
            header = header[1:] if header.startswith(":") else f"{path}{header}"
            path = header[: header.rfind(":") + 1]
        yield text, header, rest


def parameters(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Parameters and channel list of a command.

    Raises:
        ScpiError: A parameter between two commas is empty, or the channel list is none.
    """
    arguments: list[str] = []
    channels: tuple[int, ...] = ()
    parts = [part.strip() for part in split(text, ",")] if text.strip() else []
    if parts and not parts[-1]:
        parts.pop()  # public clients send a comma behind the last parameter
    for part in parts:
        if not part:
            raise ScpiError(SYNTAX_ERROR)
        if part.startswith("(@"):
            channels = channel_list(part)
        else:
            arguments.append(part)
    return tuple(arguments), channels


def channel_list(text: str) -> tuple[int, ...]:
    """The channels of ``(@1,3:4)``.

    Raises:
        ScpiError: The text is not a channel list.
    """
    found = re.fullmatch(r"\(@\s*([\d\s,:]+)\)", text)
    if not found:
        raise ScpiError(EXPRESSION_ERROR)
    channels: list[int] = []
    for part in found[1].split(","):
        first, _, last = part.strip().partition(":")
        if not first.strip().isdecimal() or (last and not last.strip().isdecimal()):
            raise ScpiError(EXPRESSION_ERROR)
        channels += range(int(first), int(last or first) + 1)
    return tuple(channels)


def split(text: str, separator: str) -> list[str]:
    """Splits at a separator outside quotes and parentheses."""
    parts: list[str] = []
    begin = depth = 0
    quote = ""
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == separator and not depth:
            parts.append(text[begin:index])
            begin = index + 1
    return [*parts, text[begin:]]
