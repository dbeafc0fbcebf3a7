"""A subset of the Keithley TSP language: assignments, calls and ``print``, one statement on each line.

It knows exactly the names that a twin defines; the rest is an error in the event log (protocols.md 4.2).
Python evaluates nothing.
"""

from __future__ import annotations

import inspect
import math
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drivers.unverified import Unverified

SYNTAX = -285
RUNTIME = -286
OUT_OF_RANGE = 1130
"""Numbers of events: the first is in the maker's example of ``eventlog.next``."""

_TOKEN = re.compile(
    r'\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<string>"[^"]*")'
    r"|(?P<name>[A-Za-z_]\w*(?:\[\d+\])?(?:\.[A-Za-z_]\w*(?:\[\d+\])?)*)|(?P<mark>[=(),+*/-]))"
)


UNVERIFIED = (Unverified("", "The texts of errors, and the numbers of all but the first."),)
"""Facts that no hardware has confirmed (docs/reference/unverified.md)."""


class TspError(Exception):
    """An error for the event log.

    Attributes:
        number: Number of the event.
        text: Its message.
    """

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number, self.text = number, text


class Name(str):
    """A constant of the language, which prints as its own name: ``smu.OFF``."""

    __slots__ = ()


Tokens = list[tuple[str, str]]
"""Kinds and texts: number, string, name, mark."""
Value = Any
"""A number, a string, a truth value, a `Name`, None (nil), a tuple of several values, or a twin's object."""


@dataclass
class Attribute:
    """An attribute, which can be assigned and printed.

    Attributes:
        value: Its value.
        take: Converts a value that is assigned, or raises `TspError`; None if it can only be read.
        read: Returns the value to print, if that is not ``value``.
    """

    value: Value = None
    take: Callable[[Value], Value] | None = None
    read: Callable[[], Value] | None = None


@dataclass
class Interpreter:
    """The statements of an instrument.

    Attributes:
        attributes: Attributes by full name (``smu.source.level``).
        functions: Functions by full name; they get the arguments and return a value, a tuple of values, or
            bytes that are sent unchanged.
        names: All constants.
        variables: Values of plain names; objects among them have `members`.
        log: The event log's errors.
    """

    attributes: dict[str, Attribute] = field(default_factory=dict[str, Attribute])
    functions: dict[str, Callable[..., Value]] = field(default_factory=dict[str, Callable[..., Value]])
    names: set[str] = field(default_factory=set[str])
    variables: dict[str, Value] = field(default_factory=dict[str, Value])
    log: deque[TspError] = field(default_factory=lambda: deque[TspError](maxlen=1000))

    def run(self, line: str) -> bytes:
        """Executes a statement.

        Returns:
            The printed text, with its line feed; empty for most. Errors go to the log.
        """
        try:
            return self._statement(_tokens(line))
        except TspError as error:
            self.log.append(error)
            return b""

    def _statement(self, tokens: Tokens) -> bytes:
        if len(tokens) < 2 or tokens[0][0] != "name":
            raise _syntax(tokens[0][1] if tokens else "<eof>")
        target = tokens[0][1]
        if tokens[1][1] == "=":
            value, rest = self._expression(tokens[2:])
            if rest:
                raise _syntax(rest[0][1])
            self._assign(target, value)
            return b""
        value, rest = self._call(target, tokens[1:])
        if rest:
            raise _syntax(rest[0][1])
        return value if isinstance(value, bytes) else b""

    def _expression(self, tokens: Tokens) -> tuple[Value, Tokens]:
        """A sum of products."""
        return self._operators(
            tokens, ("+", "-"), lambda rest: self._operators(rest, ("*", "/"), self._primary)
        )

    def _operators(
        self, tokens: Tokens, signs: tuple[str, str], operand: Callable[[Tokens], tuple[Value, Tokens]]
    ) -> tuple[Value, Tokens]:
        value, rest = operand(tokens)
        while rest and rest[0][0] == "mark" and rest[0][1] in signs:
            sign = rest[0][1]
            other, rest = operand(rest[1:])
            value = _calculated(value, sign, other)
        return value, rest

    def _primary(self, tokens: Tokens) -> tuple[Value, Tokens]:
        if not tokens:
            raise _syntax("<eof>")
        (kind, text), rest = tokens[0], tokens[1:]
        if text == "-" and kind == "mark":
            value, rest = self._primary(rest)
            return _calculated(0.0, "-", value), rest
        if text == "(" and kind == "mark":
            value, rest = self._expression(rest)
            if not rest or rest[0][1] != ")":
                raise _syntax(rest[0][1] if rest else "<eof>")
            return value, rest[1:]
        if kind == "number":
            return float(text), rest
        if kind == "string":
            return text[1:-1], rest
        if kind != "name":
            raise _syntax(text)
        if rest and rest[0][1] == "(":
            return self._call(text, rest)
        return self._read(text), rest

    def _call(self, name: str, tokens: Tokens) -> tuple[Value, Tokens]:
        if not tokens or tokens[0][1] != "(":
            raise _syntax(tokens[0][1] if tokens else "<eof>")
        tokens = tokens[1:]
        arguments: list[Value] = []
        while tokens and tokens[0][1] != ")":
            value, tokens = self._expression(tokens)
            arguments.append(value)
            if tokens and tokens[0][1] == ",":
                tokens = tokens[1:]
            elif not tokens or tokens[0][1] != ")":
                raise _syntax(tokens[0][1] if tokens else "<eof>")
        if not tokens:
            raise _syntax("<eof>")
        if name == "print":
            return _printed(arguments), tokens[1:]
        if name not in self.functions:
            raise TspError(RUNTIME, f"TSP Runtime error at line 1: attempt to call `{name}' (a nil value)")
        function = self.functions[name]
        try:
            inspect.signature(function).bind(*arguments)
        except TypeError as error:
            raise TspError(RUNTIME, f"TSP Runtime error at line 1: parameters of `{name}'") from error
        return function(*arguments), tokens[1:]

    def _read(self, name: str) -> Value:
        if name in ("nil", "true", "false"):
            return {"nil": None, "true": True, "false": False}[name]
        if name in self.names:
            return Name(name)
        found = self._attribute(name)
        if found is not None:
            return found.read() if found.read else found.value
        if name in self.variables:
            return self.variables[name]
        raise TspError(RUNTIME, f"TSP Runtime error at line 1: attempt to index `{name}' (a nil value)")

    def _assign(self, name: str, value: Value) -> None:
        found = self._attribute(name)
        if found is None:
            if "." in name or "[" in name:
                raise TspError(
                    RUNTIME, f"TSP Runtime error at line 1: attempt to index `{name}' (a nil value)"
                )
            self.variables[name] = value
        elif found.take is None:
            raise TspError(RUNTIME, f"TSP Runtime error at line 1: `{name}' is read only")
        else:
            found.value = found.take(value)

    def _attribute(self, name: str) -> Attribute | None:
        if name in self.attributes:
            return self.attributes[name]
        first, _, rest = name.partition(".")
        members: dict[str, Attribute] = getattr(self.variables.get(first), "members", {})
        return members.get(rest)


def number(least: float, most: float) -> Callable[[Value], float]:
    """Accepts numbers from ``least`` to ``most``."""

    def take(value: Value) -> float:
        if not isinstance(value, float):
            raise TspError(RUNTIME, "TSP Runtime error at line 1: a number was expected")
        if not least <= value <= most:
            raise TspError(OUT_OF_RANGE, f"Parameter, expected value from {least:g} to {most:g}")
        return value

    return take


def step(steps: tuple[float, ...]) -> Callable[[Value], float]:
    """Accepts numbers up to the last of the steps; each becomes the lowest step that is not below it."""

    def take(value: Value) -> float:
        wanted = number(0.0, steps[-1])(value)
        return next(each for each in steps if each >= wanted)

    return take


def choice(*names: str) -> Callable[[Value], Name]:
    """Accepts some of the constants."""

    def take(value: Value) -> Name:
        if not isinstance(value, Name) or value not in names:
            raise TspError(OUT_OF_RANGE, f"Parameter, expected one of {', '.join(names)}")
        return value

    return take


def _tokens(line: str) -> Tokens:
    found: Tokens = []
    position, text = 0, line.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _syntax(text[position : position + 1])
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


def _calculated(value: Value, sign: str, other: Value) -> float:
    """The result of an operator.

    Raises:
        TspError: An operand is not a number.
    """
    if isinstance(value, bool) or isinstance(other, bool):
        raise TspError(
            RUNTIME, "TSP Runtime error at line 1: attempt to perform arithmetic on a boolean value"
        )
    if not isinstance(value, int | float) or not isinstance(other, int | float):
        raise TspError(RUNTIME, "TSP Runtime error at line 1: attempt to perform arithmetic on another value")
    if sign == "/":
        return value / other if other else math.copysign(math.inf, value) if value else math.nan
    return {"+": value + other, "-": value - other, "*": value * other}[sign]


def _syntax(near: str) -> TspError:
    return TspError(SYNTAX, f"TSP Syntax error at line 1: unexpected symbol near `{near}'")


def _printed(values: list[Value]) -> bytes:
    """Values as ``print`` writes them: with tabs between them."""
    flat: list[Value] = []
    for value in values:
        flat += value if isinstance(value, tuple) else [value]
    return "\t".join(_shown(value) for value in flat).encode("latin-1") + b"\n"


def _shown(value: Value) -> str:
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)
