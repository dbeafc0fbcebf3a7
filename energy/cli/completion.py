"""Shell completion: ``joulebench --print-completion bash`` writes what a shell needs, by shtab."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, cast

from energy.errors import UsageError

OPTION = "--print-completion"
SHELLS = ("bash", "zsh")
_FOLDERS = ("DIR", "FOLDER", "SESSION")
"""How help names arguments that are folders."""


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Adds ``--print-completion``."""
    parser.add_argument(
        OPTION, choices=SHELLS, metavar="SHELL", help="write completion for bash or zsh, and nothing else"
    )


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion script for a shell.

    Args:
        parser: The program's, with the arguments of all verbs.
        shell: One of ``SHELLS``.

    Raises:
        UsageError: ``usage.completion`` if shtab is not installed.
    """
    try:
        import shtab  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise UsageError(
            "usage.completion",
            "completion needs the package shtab, which is not installed",
            "pip install 'joulebench[completion]'",
        ) from error
    for action in _actions(parser):
        if action.type is Path or action.metavar in ("FILE", "PATH"):
            folder = action.metavar in _FOLDERS
            cast(Any, action).complete = shtab.DIRECTORY if folder else shtab.FILE
    return str(shtab.complete(parser, shell))


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """All arguments of a parser and its verbs."""
    found: list[argparse.Action] = []
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage]  # argparse has no other way
        found.append(action)
        choices = cast(object, action.choices)
        if isinstance(choices, dict):
            for verb in cast("dict[str, argparse.ArgumentParser]", choices).values():
                found += _actions(verb)
    return found
