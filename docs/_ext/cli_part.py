"""The reference of the command line, from the parsers that the program uses."""

# pyright: reportPrivateUsage=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false
# (argparse offers no other way to look into a parser, and leaves its subparsers untyped)

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator

from markdown_text import plain

from energy.cli import main

EVERYWHERE = ("-h", "-v", "-q", "--log-file")
"""Options that every verb has."""


def _parsers(verb: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """A verb's parser, and those of its actions, with the words that call them."""
    whole = main._parser([verb])
    yield from _below("joulebench", whole, only=verb)


def _below(
    words: str, parser: argparse.ArgumentParser, only: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                if not only or name == only:
                    yield f"{words} {name}", inner
                    yield from _below(f"{words} {name}", inner)


def _heading(action: argparse.Action) -> str:
    """An argument as it is typed: ``--rate HZ``."""
    value = "" if action.nargs == 0 else argparse.HelpFormatter("")._format_args(action, _metavar(action))
    if not action.option_strings:
        return f"`{value}`"
    return ", ".join(f"`{option} {value}`" if value else f"`{option}`" for option in action.option_strings)


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper() if action.option_strings else action.dest


def _help(action: argparse.Action) -> str:
    """An argument's text as ``--help`` prints it."""
    formatter = main.HelpFormatter("joulebench")
    return plain(formatter._expand_help(action)) if action.help else ""


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        hidden = action.help == argparse.SUPPRESS or isinstance(action, argparse._SubParsersAction)
        if hidden or set(action.option_strings) & set(EVERYWHERE):
            continue
        yield f"{_heading(action)}\n: {_help(action)}\n"


def _verb(name: str) -> str:
    module = importlib.import_module(f"energy.cli.{main._MODULES.get(name, name)}")
    lines = [f"## {name}\n"]
    for words, parser in _parsers(name):
        if words.count(" ") > 1:
            lines.append(f"### {words.removeprefix('joulebench ')}\n")
        lines += [plain(parser.description or ""), "", f"```text\n{parser.format_usage().strip()}\n```", ""]
        lines += _arguments(parser)
        if words.count(" ") > 1 and parser.epilog:
            lines += [f"```text\n{parser.epilog}\n```", ""]
    # Not the parser's: it holds the paths of this machine.
    return "\n".join([*lines, "```text", module.EXAMPLES, "```", ""])


def cli_part() -> str:
    """All verbs in the order of ``joulebench --help``."""
    whole = main._parser([])
    common = [action for action in whole._actions if set(action.option_strings) & {*EVERYWHERE, "--version"}]
    extra = [action for action in whole._actions if action.option_strings and action not in common]
    options = [f"{_heading(action)}\n: {_help(action)}\n" for action in [*common, *extra]]
    return "\n".join(["## Options of every verb\n", *options, *(_verb(name) for name in main.VERBS)])
