"""Skip rules of a sweep: a small language of comparisons over the axes, never evaluated as code.

    voltage_v < 1.9 and clock_hz > 8e7
    workload == "vww01" or not (temperature_c >= 0)

Grammar, loosest first: ``or``, ``and``, ``not``, comparisons (``<``, ``<=``, ``>``, ``>=``, ``==``, ``!=``;
they may be chained, as in ``1.8 <= voltage_v < 2.0``), ``+`` and ``-``, ``*`` and ``/``, a minus sign,
parentheses; numbers, texts in single or double quotes, names of axes.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from energy.bench.spelling import did_you_mean
from energy.errors import UsageError

Value = float | str | bool
_Node = Callable[[Mapping[str, Value]], Value]

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_.]*)"""
    r"""|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<sign><=|>=|==|!=|[<>+\-*/()]))"""
)
_COMPARE: dict[str, Callable[[Value, Value], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_WORDS = ("and", "or", "not")
_LONGEST = 400
_DEEPEST = 40
"""Parentheses, minus signs and ``not`` within each other."""
_HINT = 'An example: skip = "voltage_v < 1.9 and clock_hz > 8e7".'


@dataclass(frozen=True)
class SkipRule:
    """A rule that leaves points out.

    Attributes:
        text: The rule as it was written.
        names: Axes that it compares.
    """

    text: str
    names: frozenset[str]
    _node: _Node

    def __call__(self, values: Mapping[str, Value]) -> bool:
        """Whether the rule leaves a point out.

        Args:
            values: The value of each axis.

        Raises:
            UsageError: ``sweep.skip`` if the rule is no comparison, or compares a text with a number.
        """
        found = self._node(values)
        if not isinstance(found, bool):
            raise _wrong(self.text, f"it gives {found!r}, not true or false")
        return found


def skip_rule(text: str, axes: Iterable[str]) -> SkipRule:
    """Parses a rule.

    Args:
        text: The rule.
        axes: Names that it may use.

    Raises:
        UsageError: ``sweep.skip``, with the place that is wrong.
    """
    return _Parser(text, tuple(axes)).parsed()


def _wrong(text: str, why: str) -> UsageError:
    return UsageError("sweep.skip", f"the skip rule {text!r} is not right: {why}", _HINT)


class _Parser:
    """Recursive descent over the tokens of a rule."""

    def __init__(self, text: str, axes: tuple[str, ...]) -> None:
        if len(text) > _LONGEST:
            raise _wrong(f"{text[:40]}...", f"it has {len(text)} characters, {_LONGEST} are the most")
        self._text, self._axes = text, axes
        self._tokens = self._split()
        self._at, self._depth = 0, 0
        self._names: set[str] = set()

    def parsed(self) -> SkipRule:
        node = self._or()
        if self._at < len(self._tokens):
            raise self._unexpected()
        return SkipRule(self._text, frozenset(self._names), node)

    def _split(self) -> list[tuple[str, str]]:
        """The tokens, each with its kind: number, name, text, sign."""
        tokens: list[tuple[str, str]] = []
        at, end = 0, len(self._text.rstrip())
        while at < end:
            found = _TOKEN.match(self._text, at)
            if found is None or found.end() == at:
                rest = self._text[at:].strip()
                raise _wrong(self._text, f"{rest[:20]!r} is neither a number, a name, a text nor a sign")
            kind = str(found.lastgroup)
            tokens.append(("text" if kind in ("double", "single") else kind, found[kind]))
            at = found.end()
        return tokens

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self, *signs: str) -> str | None:
        """The next token, if it is one of these signs or words."""
        kind, token = self._next()
        if kind in ("sign", "name") and token in signs:
            self._at += 1
            return token
        return None

    def _unexpected(self) -> UsageError:
        kind, token = self._next()
        what = "its end comes too early" if kind == "end" else f"{token!r} is not expected there"
        return _wrong(self._text, what)

    def _or(self) -> _Node:
        nodes = [self._and()]
        while self._take("or"):
            nodes.append(self._and())
        return nodes[0] if len(nodes) == 1 else lambda values: any(self._truths(nodes, values))

    def _and(self) -> _Node:
        nodes = [self._not()]
        while self._take("and"):
            nodes.append(self._not())
        return nodes[0] if len(nodes) == 1 else lambda values: all(self._truths(nodes, values))

    def _not(self) -> _Node:
        if not self._take("not"):
            return self._comparison()
        node = self._deeper(self._not)
        return lambda values: not self._truth(node, values)

    def _truths(self, nodes: list[_Node], values: Mapping[str, Value]) -> list[bool]:
        """All of them: a mistake behind an ``or`` is found at the first point."""
        return [self._truth(node, values) for node in nodes]

    def _truth(self, node: _Node, values: Mapping[str, Value]) -> bool:
        found = node(values)
        if not isinstance(found, bool):
            raise _wrong(self._text, f"and, or and not join comparisons, and {found!r} is none")
        return found

    def _comparison(self) -> _Node:
        parts, signs = [self._sum()], list[str]()
        while sign := self._take(*_COMPARE):
            signs.append(sign)
            parts.append(self._sum())
        if not signs:
            return parts[0]

        def compared(values: Mapping[str, Value]) -> bool:
            found = [part(values) for part in parts]
            pairs = zip(signs, found, found[1:], strict=False)
            held = [self._compare(sign, left, right) for sign, left, right in pairs]
            return all(held)

        return compared

    def _compare(self, sign: str, left: Value, right: Value) -> bool:
        if isinstance(left, str) is not isinstance(right, str) or isinstance(left, bool | type(None)):
            raise _wrong(self._text, f"{left!r} cannot be compared with {right!r}")
        return _COMPARE[sign](left, right)

    def _sum(self) -> _Node:
        node = self._product()
        while sign := self._take("+", "-"):
            node = self._arithmetic(sign, node, self._product())
        return node

    def _product(self) -> _Node:
        node = self._signed()
        while sign := self._take("*", "/"):
            node = self._arithmetic(sign, node, self._signed())
        return node

    def _signed(self) -> _Node:
        if not self._take("-"):
            return self._atom()
        return self._arithmetic("-", lambda values: 0.0, self._deeper(self._signed))

    def _arithmetic(self, sign: str, left: _Node, right: _Node) -> _Node:
        def result(values: Mapping[str, Value]) -> float:
            a, b = left(values), right(values)
            if isinstance(a, str | bool) or isinstance(b, str | bool):
                raise _wrong(self._text, f"{sign} joins numbers, not {a!r} and {b!r}")
            if sign == "/" and b == 0:
                raise _wrong(self._text, f"it divides {a!r} by 0")
            return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else math.nan}[sign]

        return result

    def _deeper(self, part: Callable[[], _Node]) -> _Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _wrong(self._text, f"more than {_DEEPEST} parts lie within each other")
        node = part()
        self._depth -= 1
        return node

    def _atom(self) -> _Node:
        kind, token = self._next()
        if self._take("("):
            node = self._deeper(self._or)
            if not self._take(")"):
                raise self._unexpected()
            return node
        if kind not in ("number", "text", "name") or (kind == "name" and token in _WORDS):
            raise self._unexpected()
        self._at += 1
        if kind == "name":
            return self._axis(token)
        value: Value = float(token) if kind == "number" else token
        return lambda values: value

    def _axis(self, name: str) -> _Node:
        if name not in self._axes:
            known = f"there is no axis {name!r}{did_you_mean(name, self._axes)}"
            raise _wrong(self._text, f"{known} (there are {', '.join(self._axes)})")
        self._names.add(name)
        return lambda values: values[name]
