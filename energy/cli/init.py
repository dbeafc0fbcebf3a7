"""``joulebench init``: a bench file to fill in."""

from __future__ import annotations

import argparse
from pathlib import Path

from energy.errors import EXIT_OK

DESCRIPTION = """\
Writes a bench file to fill in: the shipped one of a monitor, with the ports of instruments that are
plugged in; or, without --monitor, the part that follows from what is plugged in. A file that exists
is not overwritten."""
EXAMPLES = """\
examples:
  joulebench init --monitor lpm01a
  joulebench init --monitor joulescope-js220 --out js220.toml
  joulebench init --monitor ppk2-source-virtual --out twins.toml
  joulebench init"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's arguments."""
    parser.add_argument("--monitor", metavar="NAME", help="a shipped bench: lpm01a, joulescope-js220, ...")
    parser.add_argument(
        "--out", type=Path, default=Path("bench.toml"), metavar="FILE", help="default: bench.toml"
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb."""
    from energy.bench.new import new_bench, write_bench
    from energy.cli.terminal import console, plain

    text, left = new_bench(arguments.monitor)
    path = write_bench(arguments.out, text)
    out = console()
    out.print(f"bench file: {plain(path)}", soft_wrap=True)
    for line in left:
        out.print(f"fill in:    {plain(line)}", soft_wrap=True)
    out.print(f"then:       joulebench doctor --bench {plain(path)}", soft_wrap=True)
    return EXIT_OK
