"""Common part of the twins of SCPI instruments: a raw socket, headers, parameters, the error queue.

Headers are written as in a manual, ``[SENSe:]ELOG:PERiod``: capitals are the short form, parts in brackets
may be left out, ``#`` stands for a number (default 1). The twin adds everything beyond IEEE 488.2.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from drivers.virtual.ports import Port

NO_ERROR = '0,"No error"'
UNDEFINED_HEADER = '-113,"Undefined header"'
MISSING_PARAMETER = '-109,"Missing parameter"'
DATA_TYPE_ERROR = '-104,"Data type error"'
OUT_OF_RANGE = '-222,"Data out of range"'
ILLEGAL_PARAMETER = '-224,"Illegal parameter value"'
_QUEUE = 20
_LONGEST = 65536


class ScpiError(Exception):
    """An entry of the error queue: ``-222,"Data out of range"``."""


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
        """A parameter, in capitals.

        Raises:
            ScpiError: It is missing.
        """
        if index >= len(self.arguments):
            raise ScpiError(MISSING_PARAMETER)
        return self.arguments[index].upper()

    def number(self, index: int = 0) -> float:
        """A parameter as a number.

        Raises:
            ScpiError: It is missing, or not a number.
        """
        try:
            return float(self.word(index))
        except ValueError as error:
            raise ScpiError(DATA_TYPE_ERROR) from error

    def switch(self, index: int = 0) -> bool:
        """A parameter ``ON``, ``OFF``, 1 or 0.

        Raises:
            ScpiError: It is missing, or another word.
        """
        word = self.word(index)
        if word not in ("ON", "OFF", "1", "0"):
            raise ScpiError(ILLEGAL_PARAMETER)
        return word in ("ON", "1")


Answer = str | bytes | None
Handler = Callable[[Call], Answer]
"""Executes a command: returns the answer to a query, None for other commands, or raises ``ScpiError``."""


class ScpiInstrument:
    """The command interpreter of an instrument; its twin adds commands.

    Args:
        port: From ``TwinSite.tcp_port``.
        identity: Answer to ``*IDN?``.

    Attributes:
        errors: The error queue.
        refuse: Faults: each may refuse a command with a text for the error queue.
        is_silent: Fault: whether it neither executes nor answers.
        on_reset: Called by ``*RST``.
        on_trigger: Called by ``*TRG``.
        on_clear: Called by ``*CLS``.
    """

    def __init__(self, port: Port, identity: str) -> None:
        self._port = port
        self.errors: deque[str] = deque()
        self.refuse: list[Callable[[str], str | None]] = []
        self.is_silent: Callable[[], bool] = lambda: False
        self.on_reset: Callable[[], None] = lambda: None
        self.on_trigger: Callable[[], None] = lambda: None
        self.on_clear: Callable[[], None] = lambda: None
        self._status_enable = 0
        self._input = bytearray()
        self._patterns: list[tuple[re.Pattern[str], Handler]] = []
        self._exact: dict[str, Handler] = {
            "*IDN?": lambda call: identity,
            "*OPC?": lambda call: "1",
            "*OPC": lambda call: None,
            "*WAI": lambda call: None,
            "*STB?": lambda call: "4" if self.errors else "0",
            "*ESR?": lambda call: "0",
            "*ESE": self._enable,
            "*ESE?": lambda call: str(self._status_enable),
            "*TST?": lambda call: "0",
            "*CLS": lambda call: self._clear(),
            "*RST": lambda call: self.on_reset(),
            "*TRG": lambda call: self.on_trigger(),
        }
        self.add("SYSTem:ERRor[:NEXT]?", lambda call: self.errors.popleft() if self.errors else NO_ERROR)
        self.add("SYSTem:VERSion?", lambda call: "1999.0")
        port.on_bytes = self._bytes
        port.on_open = self._input.clear

    def add(self, header: str, handler: Handler) -> None:
        """Adds a command, or a query if the header ends with ``?``."""
        self._patterns.append((_pattern(header), handler))

    def fail(self, error: str) -> None:
        """Adds an error to the queue."""
        if len(self.errors) < _QUEUE:
            self.errors.append(error)
        else:
            self.errors[-1] = '-350,"Queue overflow"'

    def reply(self, data: bytes) -> None:
        """Sends an answer with its line feed."""
        self._port.write(data + b"\n")

    def execute(self, line: str) -> None:
        """Executes a line: commands joined by ``;``, answered in one line."""
        answers: list[bytes] = []
        path = ""
        for unit in _split(line, ";"):
            header, _, rest = unit.strip().partition(" ")
            if not header:
                continue
            if not header.startswith(("*", ":")) and path:
                header = f"{path}:{header}"
            header = header.removeprefix(":")
            if not header.startswith("*"):
                path = header.rpartition(":")[0]
            try:
                answer = self._serve(unit.strip(), header.upper(), rest)
            except ScpiError as error:
                self.fail(str(error))
                continue
            if answer is not None:
                answers.append(answer if isinstance(answer, bytes) else answer.encode("latin-1"))
        if answers:
            self.reply(b";".join(answers))

    def _serve(self, unit: str, header: str, rest: str) -> Answer:
        for refuse in self.refuse:
            text = refuse(unit)
            if text is not None:
                raise ScpiError(f'-200,"{text}"')
        arguments: list[str] = []
        channels: tuple[int, ...] = ()
        for part in filter(None, (part.strip() for part in _split(rest, ","))):
            if part.startswith("(@"):
                channels = channel_list(part)
            else:
                arguments.append(part)
        if header in self._exact:
            return self._exact[header](Call(unit, tuple(arguments)))
        for pattern, handler in self._patterns:
            found = pattern.fullmatch(header)
            if found:
                suffixes = tuple(int(group or 1) for group in found.groups())
                return handler(Call(unit, tuple(arguments), channels, suffixes))
        raise ScpiError(UNDEFINED_HEADER)

    def _bytes(self, data: bytes) -> None:
        self._input += data
        while b"\n" in self._input:
            line, _, rest = self._input.partition(b"\n")
            self._input[:] = rest
            text = line.decode("latin-1").strip()
            if text and not self.is_silent():
                self.execute(text)
        if len(self._input) > _LONGEST:
            self._input.clear()
            self.fail('-363,"Input buffer overrun"')

    def _clear(self) -> None:
        self.errors.clear()
        self.on_clear()

    def _enable(self, call: Call) -> None:
        self._status_enable = int(call.number()) & 255


def definite_block(data: bytes) -> bytes:
    """Bytes as a definite-length block (IEEE 488.2, 8.7.9): ``#``, digits of the length, length, bytes."""
    length = str(len(data))
    return f"#{len(length)}{length}".encode() + data


def channel_list(text: str) -> tuple[int, ...]:
    """The channels of ``(@1,3:4)``.

    Raises:
        ScpiError: The text is not a channel list.
    """
    found = re.fullmatch(r"\(@\s*([\d\s,:]+)\)", text)
    if not found:
        raise ScpiError('-170,"Expression error"')
    channels: list[int] = []
    for part in found[1].split(","):
        first, _, last = part.strip().partition(":")
        if not first.strip().isdigit() or (last and not last.strip().isdigit()):
            raise ScpiError('-170,"Expression error"')
        channels += range(int(first), int(last or first) + 1)
    return tuple(channels)


def _pattern(header: str) -> re.Pattern[str]:
    """The regular expression of a header in capitals: short and long forms, optional parts, numbers."""

    def node(found: re.Match[str]) -> str:
        word = found[0]
        short = "".join(letter for letter in word if not letter.islower())
        return short if short == word else f"(?:{short}|{word.upper()})"

    text = header.replace("[", "(?:").replace("]", ")?").replace("*", r"\*")
    if text.endswith("?") and not header.endswith("]"):
        text = text[:-1] + r"\?"
    text = re.sub(r"[A-Za-z][A-Za-z]*", node, text)
    return re.compile(text.replace("#", r"(\d*)"))


def _split(text: str, separator: str) -> list[str]:
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
