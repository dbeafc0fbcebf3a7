"""Options that verbs share which write figures: the file, its width, times with units."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TIME = re.compile(
    r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?) ?(s|ms|us|µs|μs|ns)?", re.IGNORECASE
)
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}


def add_out(parser: argparse.ArgumentParser, default: str = "out/NAME.png") -> None:
    """Adds ``--out`` and ``--width``."""
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"PNG, SVG or PDF (default {default})")
    add_width(parser)


def add_width(parser: argparse.ArgumentParser) -> None:
    """Adds ``--width``."""
    parser.add_argument(
        "--width",
        metavar="LENGTH",
        help="width of the figure: 3.3in (a paper's column), 7in (its page), 8.4cm, 84mm (default: a screen)",
    )


def width_of(arguments: argparse.Namespace) -> float:
    """The width that was asked for, in inch; that of a screen if none was.

    Raises:
        UsageError: ``usage.width``.
    """
    from energy.report.figures.style import SCREEN_IN, parse_width

    return SCREEN_IN if arguments.width is None else parse_width(arguments.width)


def seconds(text: str) -> float:
    """A time for argparse, in seconds: ``0.5``, ``10ms``, ``20us``."""
    found = _TIME.fullmatch(text.strip())
    value = float(found[1]) if found else math.nan
    if found is None or not math.isfinite(value):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: give seconds, or a number with s, ms, us or ns"
        )
    return value * _SECONDS[(found[2] or "s").lower()]


def positive_seconds(text: str) -> float:
    """As ``seconds``, above 0."""
    value = seconds(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return value


def write(figure: Figure, out: Path | None, path: Path, suffix: str = "") -> None:
    """Writes a figure and prints its path.

    Args:
        figure: The figure.
        out: The file that was asked for; None for ``out/NAME.png`` with the name of what was drawn.
        path: What was drawn.
        suffix: What is added to that name.
    """
    from energy.cli.terminal import console, plain
    from energy.report.figures.style import save

    name = path.parent.name if path.is_file() else path.resolve().name
    picture = save(figure, out or Path("out") / f"{name}{suffix}.png")
    console().print(f"picture: {plain(picture)}", soft_wrap=True)
