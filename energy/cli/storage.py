"""Options on what a recording keeps: ``--keep`` and ``--disk-budget``."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from energy.errors import UsageError

if TYPE_CHECKING:
    from energy.recording.keep import Storage

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(k|M|G|T)?(i)?B?", re.ASCII)
_POWERS = {None: 0, "k": 1, "M": 2, "G": 3, "T": 4}
_LEAST = 10**6


def add_storage_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument(
        "--keep",
        choices=("full", "windows", "levels"),
        default="full",
        help="samples that are kept: all (default), those around the windows, or none, with least, mean, "
        "greatest and energy of each 10 ms",
    )
    parser.add_argument(
        "--disk-budget",
        metavar="SIZE",
        help="the most that a session's samples may take, such as 10GB: more is refused before, or ends it",
    )


def storage_of(arguments: argparse.Namespace, *, rolling: bool = False) -> Storage:
    """How a recording is stored, by the arguments.

    Args:
        arguments: The arguments.
        rolling: Whether samples may be given up while it is recorded.

    Raises:
        UsageError: ``usage.disk-budget``.
    """
    from energy.recording.keep import Keep, Storage

    text = arguments.disk_budget
    return Storage(Keep(arguments.keep), None if text is None else size_of(text), rolling)


def size_of(text: str) -> int:
    """Bytes of a size such as ``10GB`` (10^10), ``500 MB``, ``2GiB`` (2^31).

    Raises:
        UsageError: ``usage.disk-budget``.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or (found[3] and not found[2]):
        raise UsageError(
            "usage.disk-budget", f"{text[:40]!r} is not a size", "Give bytes, MB, GB or GiB, such as 10GB."
        )
    size = int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2]])
    if size < _LEAST:
        raise UsageError("usage.disk-budget", f"{text[:40]!r} holds no session", "Give 1MB or more.")
    return size


def storage_options(arguments: argparse.Namespace) -> list[str]:
    """The options that ask for the same again."""
    options = ["--keep", arguments.keep] if arguments.keep != "full" else []
    return options + (["--disk-budget", arguments.disk_budget] if arguments.disk_budget else [])
