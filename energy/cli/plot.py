"""``joulebench plot``: figures for screen and print. Each kind has a module, loaded when the verb is used."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from typing import NamedTuple

from energy.cli import logs
from energy.errors import EXIT_USAGE


class Kind(NamedTuple):
    """A kind of figure.

    Attributes:
        module: Its module in ``energy.cli``, which has what a verb's module has.
        summary: What it shows, for the list of kinds.
    """

    module: str
    summary: str


KINDS = {
    "trace": Kind("plot_trace", "power over time with its windows, whole or enlarged (the default)"),
    "histogram": Kind("plot_histogram", "energy of windows or of single inferences"),
    "spectrum": Kind("plot_spectrum", "power spectral density of the power"),
    "choice": Kind("plot_choice", "accuracy over energy, latency and memory of models"),
    "latency": Kind("plot_latency", "energy or power over latency, with all published results"),
    "overlay": Kind("plot_overlay", "recordings over each other, from the edge that opens a window"),
}
DEFAULT = "trace"
DESCRIPTION = """\
Draws figures for screen and print, as PNG, SVG or PDF. Without a KIND it draws a recording's power over
time. A folder that has the name of a kind is given as ./NAME."""
EXAMPLES = """\
examples:
  joulebench plot fixtures/recordings/kws01-closed-form
  joulebench plot results/board/kws/energy --width 3.3in --out kws.pdf
  joulebench plot trace fixtures/recordings/kws01-closed-form --zoom closing:2
  joulebench plot histogram sessions/20250801-192957-ic01-energy
  joulebench plot trace --help"""


def with_kind(words: Sequence[str]) -> list[str]:
    """The words behind the verb, with the default kind where they begin with no kind.

    Args:
        words: What was given behind ``plot``.
    """
    if not words or words[0] in KINDS or words[0] in ("-h", "--help"):
        return list(words)
    return [DEFAULT, *words]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the kinds with their arguments."""
    kinds = parser.add_subparsers(metavar="KIND")
    for name, kind in KINDS.items():
        module = importlib.import_module(f"energy.cli.{kind.module}")
        child = kinds.add_parser(
            name,
            help=kind.summary,
            description=module.DESCRIPTION,
            epilog=module.EXAMPLES,
            formatter_class=parser.formatter_class,
        )
        module.add_arguments(child)
        logs.add_arguments(child)
        child.set_defaults(run_kind=module.run, parser=child)


def run(arguments: argparse.Namespace) -> int:
    """Runs the kind that was asked for."""
    if "run_kind" not in arguments:
        arguments.parser.print_usage()
        return EXIT_USAGE
    return int(arguments.run_kind(arguments))
