"""Every argument of every verb that names a path, from the program's own table: also of a new verb."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from energy.cli.main import VERBS, _parser

PATHS = {
    "ARCHIVE",
    "DIR",
    "FILE",
    "FILE.zip",
    "FOLDER",
    "OLD",
    "PATH",
    "PLAN",
    "POINT=FILE",
    "RESULT",
    "SESSION",
}
"""How an argument is shown that names a file or a folder."""
NO_PATHS = {
    *("ADDRESS", "BY", "CONDITION", "DATE", "ENERGY", "HZ", "I", "ID", "ID[,ID...]", "KEY=VALUE", "LENGTH"),
    *("LIMIT", "MODE[,MODE]", "N", "NAME", "NAMES", "P", "PART", "PORT", "R", "RATE", "ROW", "S", "SECONDS"),
    *("SYSTEM", "TEXT", "TIME", "US", "V", "WHAT", "WORD", "X"),
}
"""How all other arguments are shown. A new word belongs into one of the two sets."""


@dataclass(frozen=True)
class Place:
    """An argument that names a path.

    Attributes:
        words: The verb, with its kind or action.
        option: The option; empty for a positional argument.
        metavar: How its value is shown.
        parser: The parser of the verb.
    """

    words: tuple[str, ...]
    option: str
    dest: str
    metavar: str
    parser: argparse.ArgumentParser = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """For people."""
        return " ".join([*self.words, self.option or self.metavar])

    def line(self, value: str, fitting: Mapping[str, Any]) -> list[str]:
        """The words of a call in which this argument has a value, and the others that are needed have theirs.

        Args:
            value: The value.
            fitting: Values by metavar, or by verb and metavar; for choices the first is taken.
        """
        line = list(self.words)
        for action in actions(self.parser):
            if (action.option_strings[-1:] or [""])[0] == self.option and action.dest == self.dest:
                given = [f"A={value}" if self.metavar == "POINT=FILE" else value]
            elif action.required and action.nargs != "*":
                given = _fitting(self.words, action, fitting)
            else:
                continue
            line += [*action.option_strings[-1:], *given]
        return [*line, *fitting.get(self.words[0], [])] if self.option != "--log-file" else line


def _fitting(words: tuple[str, ...], action: argparse.Action, fitting: Mapping[str, Any]) -> list[str]:
    if action.choices:
        return [str(next(iter(action.choices)))]
    shown = str(action.metavar)
    value = fitting.get(f"{words[0]} {shown}", fitting.get(shown))
    assert value is not None, f"{' '.join(words)} needs {shown}: give it a fitting value in this test"
    return [str(value)]


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The arguments of a parser that take a value."""
    return [
        action
        for action in parser._actions
        if action.nargs != 0 and not isinstance(action, argparse._SubParsersAction)
    ]


def leaves(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The parsers that have no kinds or actions below them, with their words."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield words, parser
    for action in below:
        for name, child in action.choices.items():
            yield from leaves(child, (*words, name))


def _verb(name: str) -> argparse.ArgumentParser:
    (verbs,) = (a for a in _parser([name])._actions if isinstance(a, argparse._SubParsersAction))
    return verbs.choices[name]


def all_leaves() -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every verb, kind and action."""
    for verb in VERBS:
        yield from leaves(_verb(verb), (verb,))


def places() -> list[Place]:
    """Every argument that names a path."""
    found: list[Place] = []
    for words, parser in all_leaves():
        for action in actions(parser):
            shown = str(action.metavar)
            assert action.choices or action.metavar is None or shown in PATHS | NO_PATHS, (
                f"{' '.join(words)}: add {shown} to PATHS or NO_PATHS"
            )
            assert action.type is not Path or shown in PATHS, f"{' '.join(words)}: {shown} is a path"
            if shown in PATHS:
                option = action.option_strings[-1] if action.option_strings else ""
                found.append(Place(words, option, action.dest, shown, parser))
    return found
